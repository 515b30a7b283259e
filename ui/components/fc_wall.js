// A wall of small cells, one a task, on one canvas: 10,000 tasks stay one element. `states` has one letter a task.
const MARK_FROM = 9; // px: from this size on a cell carries a mark beside its colour

export default {
  props: { states: String, kinds: Object, label: String },
  emits: ["look", "pick"],
  template: `
    <div class="fc-wall" ref="box">
      <canvas ref="canvas" tabindex="0" role="img" :aria-label="label" @mousemove="hover" @mouseleave="leave" @blur="leave"
              @click="pick" @keydown="key"></canvas>
      <div class="fc-tip" role="status" v-show="at !== null" :style="tip">{{ words }}</div>
    </div>`,
  data: () => ({ at: null, words: "", tip: {} }),
  mounted() {
    this.described = {};
    this.resize = new ResizeObserver(() => this.draw());
    this.resize.observe(this.$refs.box);
    this.theme = new MutationObserver(() => this.draw());
    this.theme.observe(document.body, { attributes: true, attributeFilter: ["class"] });
    this.draw();
  },
  unmounted() {
    this.resize.disconnect();
    this.theme.disconnect();
    clearTimeout(this.timer);
  },
  watch: {
    states(now, before) {
      this.described = {};
      if (now.length !== before.length) this.draw();
      else for (let i = 0; i < now.length; i++) if (now[i] !== before[i]) this.cellAt(i);
      if (this.at !== null) this.point(this.at);
    },
  },
  methods: {
    draw() {
      const canvas = this.$refs.canvas, n = (this.states || "").length, width = this.$refs.box.clientWidth;
      if (!width) return;
      const cell = n <= 48 ? 26 : n <= 240 ? 18 : n <= 1000 ? 13 : n <= 4000 ? 8 : 6, gap = cell > 13 ? 4 : cell > 8 ? 3 : cell > 6 ? 2 : 1;
      const columns = Math.max(1, Math.floor((width + gap) / (cell + gap))), rows = Math.ceil(n / columns) || 1;
      const height = rows * (cell + gap) - gap, ratio = window.devicePixelRatio || 1;
      Object.assign(this, { cell, gap, columns });
      canvas.width = width * ratio;
      canvas.height = height * ratio;
      canvas.style.height = height + "px";
      const pen = canvas.getContext("2d"), css = getComputedStyle(document.body), colours = {};
      pen.scale(ratio, ratio);
      for (const [letter, kind] of Object.entries(this.kinds)) colours[letter] = css.getPropertyValue("--cell-" + kind.tone).trim();
      this.pen = pen;
      this.ink = { colours, mark: css.getPropertyValue("--surface").trim(), ring: css.getPropertyValue("--text").trim() };
      for (let i = 0; i < n; i++) this.cellAt(i);
    },
    // One cell alone: a change among 10,000 costs as much as among ten.
    cellAt(i) {
      const { pen, ink, cell, gap, columns } = this, letter = this.states[i];
      if (!pen) return;
      const x = (i % columns) * (cell + gap), y = Math.floor(i / columns) * (cell + gap);
      pen.clearRect(x - gap / 2, y - gap / 2, cell + gap, cell + gap);
      pen.fillStyle = ink.colours[letter];
      pen.beginPath();
      pen.roundRect(x, y, cell, cell, Math.min(5, cell / 4));
      pen.fill();
      if (cell >= MARK_FROM) this.mark(pen, letter, x, y, cell, ink.mark);
      if (i === this.at) {
        const half = Math.min(1, gap / 2);
        pen.strokeStyle = ink.ring;
        pen.lineWidth = 2 * half;
        pen.stroke();
      }
    },
    mark(pen, letter, x, y, s, ink) {
      pen.strokeStyle = pen.fillStyle = ink;
      pen.lineWidth = Math.max(1.4, s / 11);
      pen.lineCap = "round";
      const c = x + s / 2, m = y + s / 2, r = s * 0.19;
      pen.beginPath();
      if (letter === "f") { pen.moveTo(c - r, m - r); pen.lineTo(c + r, m + r); pen.moveTo(c + r, m - r); pen.lineTo(c - r, m + r); pen.stroke(); }
      else if (letter === "x") { pen.moveTo(c - r, m); pen.lineTo(c + r, m); pen.stroke(); }
      else if (letter === "d") { pen.moveTo(c - r, m + r * 0.1); pen.lineTo(c - r * 0.25, m + r * 0.8); pen.lineTo(c + r, m - r * 0.7); pen.stroke(); }
      else if (letter === "r") { pen.moveTo(c - r * 0.6, m - r); pen.lineTo(c + r, m); pen.lineTo(c - r * 0.6, m + r); pen.closePath(); pen.fill(); }
      else if (letter === "c") { pen.arc(c, m, r * 0.9, 0, 7); pen.stroke(); }
      else if (letter === "s") { pen.arc(c, m, r * 0.5, 0, 7); pen.fill(); }
    },
    index(event) {
      const box = this.$refs.canvas.getBoundingClientRect(), step = this.cell + this.gap;
      const column = Math.floor((event.clientX - box.left) / step), row = Math.floor((event.clientY - box.top) / step);
      const i = row * this.columns + column;
      return column < this.columns && i >= 0 && i < this.states.length ? i : null;
    },
    hover(event) {
      const i = this.index(event);
      if (i !== this.at) i === null ? this.leave() : this.point(i);
    },
    leave() {
      const before = this.at;
      this.at = null;
      clearTimeout(this.timer);
      if (before !== null && before < this.states.length) this.cellAt(before);
    },
    point(i) {
      const before = this.at;
      this.at = i;
      if (before !== null && before !== i && before < this.states.length) this.cellAt(before);
      this.words = this.described[i] || "Task " + i + " · " + this.kinds[this.states[i]].word;
      const step = this.cell + this.gap, x = (i % this.columns) * step, width = this.$refs.box.clientWidth;
      const top = Math.floor(i / this.columns) * step + this.cell + 8 + "px";
      this.tip = x > width - 260 ? { right: Math.max(0, width - x - this.cell) + "px", top } : { left: x + "px", top };
      this.cellAt(i);
      clearTimeout(this.timer);
      if (!this.described[i]) this.timer = setTimeout(() => this.$emit("look", i), 70);
    },
    describe(i, words) {
      this.described[i] = words;
      if (i === this.at) this.words = words;
    },
    pick(event) {
      const i = this.index(event);
      if (i !== null) this.$emit("pick", i);
    },
    key(event) {
      const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.columns, ArrowUp: -this.columns }[event.key];
      if (step) {
        event.preventDefault();
        const to = this.at === null ? 0 : this.at + step;
        if (to >= 0 && to < this.states.length) this.point(to);
      } else if (event.key === "Enter" && this.at !== null) this.$emit("pick", this.at);
      else if (event.key === "Escape") this.leave();
    },
  },
};
