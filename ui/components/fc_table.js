// A table drawn by Vue, so that a changed number changes one text node. Cells: see table.py.
export default {
  props: { columns: Array, rows: Array, caption: String, pick: Boolean },
  emits: ["pick"],
  template: `
    <div class="fc-tablewrap" tabindex="-1">
      <table class="fc-table">
        <caption class="sr">{{ caption }}</caption>
        <thead>
          <tr>
            <th v-for="(c, i) in columns" :key="i" scope="col" :class="[c.end && 'r', c.optional && 'opt', c.wide && 'fc-wide']">{{ c.label }}</th>
          </tr>
        </thead>
        <tbody>
          <tr v-for="row in rows" :key="row.key" :class="{ go: row.href || pick }" :tabindex="pick ? 0 : undefined"
              @click="open(row, $event)" @keydown.enter="open(row, $event)">
            <td v-for="(cell, i) in row.cells" :key="i" :title="cell.full"
                :class="[columns[i].end && 'r', columns[i].optional && 'opt', columns[i].wide && 'fc-wide', columns[i].wrap && 'wrap']">
              <span v-if="cell.tone" :class="'fc-pill t-' + cell.tone">
                <i :class="['fc-i', 'i-' + cell.icon, cell.spin && 'spin']" aria-hidden="true"></i>{{ cell.text }}
              </span>
              <span v-else-if="cell.parts" class="bar-cell">
                <span class="fc-bar" role="img" :aria-label="cell.full">
                  <i v-for="(part, p) in cell.parts" :key="p" :class="'c-' + part[0]" :style="{ width: part[1] + '%' }"></i>
                </span>
                <span>{{ cell.text }}</span>
              </span>
              <span v-else-if="cell.copy" class="fc-copy">
                <span :class="!cell.plain && 'fc-mono'">{{ cell.text }}</span>
                <button type="button" class="fc-copybtn" :class="{ done: copied === row.key + i }" :aria-label="'Copy ' + columns[i].label"
                        @click.stop="copy(cell.copy, row.key + i)">
                  <i :class="['fc-i', copied === row.key + i ? 'i-check' : 'i-copy']" aria-hidden="true"></i>
                </button>
              </span>
              <a v-else-if="cell.href" class="lk" :href="cell.href">{{ cell.text }}</a>
              <span v-else :class="{ 'fc-mono': cell.mono, 'fc-faint': cell.faint }">{{ cell.text }}</span>
              <div v-if="cell.note" :class="['note', !columns[i].wrap && 'fc-cut']">{{ cell.note }}</div>
            </td>
          </tr>
        </tbody>
      </table>
    </div>`,
  data: () => ({ copied: null }),
  methods: {
    open(row, event) {
      if (event.target.closest("a,button") && event.type === "click") return;
      if (this.pick) this.$emit("pick", row.key);
      else if (row.href) event.currentTarget.querySelector("a")?.click();
    },
    copy(value, key) {
      navigator.clipboard?.writeText(value).then(() => {
        this.copied = key;
        setTimeout(() => (this.copied = null), 1400);
      });
    },
  },
};
