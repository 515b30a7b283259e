// TOML to be written: a plain textarea over its own coloured copy, with line numbers. Keys behave as in any text field.
const PIECES = /(#.*$)|("(?:[^"\\]|\\.)*"?|'[^']*'?)|^(\s*\[[^\]]*\]?)|^(\s*[\w.-]+)(?=\s*=)/gm;
const KINDS = ["note", "text", "head", "key"];

export default {
  props: { initial: String, label: String, name: String, bad: Array, most: Number },
  emits: ["edit"],
  template: `
    <div class="fc-editor" ref="box">
      <div class="fc-editor-lines" aria-hidden="true">
        <div v-for="(line, i) in lines" :key="i" :class="{ bad: bad.includes(i + 1) }">{{ i + 1 }}</div>
      </div>
      <div class="fc-editor-body">
        <pre aria-hidden="true"><div v-for="(line, i) in lines" :key="i" :class="{ bad: bad.includes(i + 1) }"><span
          v-for="(piece, p) in pieces(line)" :key="p" :class="piece[0]">{{ piece[1] }}</span>{{ line ? "" : " " }}</div></pre>
        <textarea ref="area" v-model="text" :id="name" :aria-label="label" :aria-describedby="name + '-findings'" :maxlength="most"
                  :aria-invalid="bad.length ? 'true' : 'false'" spellcheck="false" autocapitalize="off" autocomplete="off" wrap="off"
                  @input="soon" @blur="tell"></textarea>
      </div>
    </div>`,
  data() {
    return { text: this.initial, told: this.initial, timer: null };
  },
  computed: {
    lines() {
      return this.text.split("\n");
    },
  },
  unmounted() {
    clearTimeout(this.timer);
  },
  methods: {
    pieces(line) {
      const found = [];
      let at = 0;
      for (const match of line.matchAll(PIECES)) {
        const kind = match.slice(1).findIndex((group) => group !== undefined);
        if (match.index > at) found.push(["", line.slice(at, match.index)]);
        found.push([KINDS[kind], match[0]]);
        at = match.index + match[0].length;
      }
      if (at < line.length) found.push(["", line.slice(at)]);
      return found;
    },
    soon() {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.tell(), 250);
    },
    tell() {
      clearTimeout(this.timer);
      if (this.text === this.told) return;
      this.told = this.text;
      this.$emit("edit", this.text);
    },
    put(text) {
      clearTimeout(this.timer);
      this.text = this.told = text;
      this.$refs.box.scrollTop = 0;
    },
    goto(line) {
      const start = this.lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
      const end = start + (this.lines[line - 1] ?? "").length;
      this.$refs.area.focus({ preventScroll: true });
      this.$refs.area.setSelectionRange(start, end);
      const row = this.$refs.box.querySelectorAll(".fc-editor-lines > div")[line - 1];
      if (row) this.$refs.box.scrollTop = row.offsetTop - this.$refs.box.clientHeight / 2;
      this.$refs.box.scrollIntoView({ block: "nearest" });
    },
  },
};
