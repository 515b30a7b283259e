// A place to drop files on, or to choose them by keyboard. Files go to `url/NAME` by PUT, one after the other.
export default {
  props: { url: String, title: String, hint: String, accept: String, multiple: Boolean, files: Array, locked: Boolean },
  emits: ["added", "remove"],
  template: `
    <div class="fc-drop" :class="{ over, locked }" role="group" :aria-label="title"
         @dragover.prevent="over = !locked" @dragleave="over = false" @drop.prevent="take($event.dataTransfer.files)">
      <input ref="input" type="file" class="sr" tabindex="-1" :aria-label="title" :multiple="multiple" :accept="accept" :disabled="locked"
             @change="take($event.target.files)">
      <div class="fc-drop-zone">
        <i class="fc-i i-upload" aria-hidden="true"></i>
        <span class="fc-grow"><b>{{ title }}</b><small>{{ hint }}</small></span>
        <button type="button" class="fc-btn small" :disabled="locked" @click="$refs.input.click()">{{ multiple ? "Choose files" : "Choose a file" }}</button>
      </div>
      <div v-for="one in going" :key="'g' + one.name" class="fc-drop-file">
        <span class="fc-cut fc-grow">{{ one.name }}</span>
        <span v-if="one.problem" class="fc-hint bad">{{ one.problem }}</span>
        <span v-else class="fc-bar"><i class="c-run" :style="{ width: one.percent + '%' }"></i></span>
        <button v-if="one.problem" type="button" class="fc-copybtn" aria-label="Dismiss" @click="going = going.filter(o => o !== one)"><i class="fc-i i-x" aria-hidden="true"></i></button>
      </div>
      <div class="fc-drop-files" v-if="files.length">
        <div v-for="one in files.slice(0, most)" :key="one.name" class="fc-drop-file">
          <i class="fc-i i-file-text fc-faint" aria-hidden="true"></i>
          <span class="fc-cut fc-grow" :title="one.name">{{ one.name }}</span>
          <span class="fc-faint fc-num">{{ one.size }}</span>
          <button type="button" class="fc-copybtn" :disabled="locked" :aria-label="'Remove ' + one.name" @click="$emit('remove', one.name)"><i class="fc-i i-x" aria-hidden="true"></i></button>
        </div>
        <button v-if="files.length > most" type="button" class="fc-btn small" @click="most = files.length">{{ files.length - most }} more</button>
      </div>
    </div>`,
  data: () => ({ over: false, going: [], most: 12 }),
  methods: {
    async take(list) {
      this.over = false;
      if (this.locked) return;
      const files = [...list].slice(0, this.multiple ? undefined : 1);
      this.going = this.going.filter((one) => !one.problem);
      for (const file of files) {
        this.going.push({ name: file.name, percent: 0, problem: "" });
        await this.send(file, this.going[this.going.length - 1]);
      }
      this.$refs.input.value = "";
      this.$emit("added");
    },
    send(file, entry) {
      return new Promise((done) => {
        const request = new XMLHttpRequest();
        request.open("PUT", `${this.url}/${encodeURIComponent(file.name)}`);
        request.upload.onprogress = (event) => (entry.percent = (100 * event.loaded) / (event.total || 1));
        request.onloadend = () => {
          if (request.status === 204) this.going = this.going.filter((one) => one !== entry);
          else entry.problem = request.responseText.slice(0, 300) || "the panel does not answer";
          done();
        };
        request.send(file);
      });
    },
  },
};
