// One picture put together from the tiles that are there: a canvas of the whole, on which each tile is drawn once.
export default {
  props: { width: Number, height: Number, tiles: Array, label: String },
  emits: ["pick"],
  template: `
    <div class="fc-mosaic" ref="box" :style="{ aspectRatio: width + ' / ' + height, maxWidth: 'calc(60vh * ' + width / height + ')' }">
      <canvas ref="canvas" role="img" :aria-label="label" :width="width" :height="height" @click="pick"></canvas>
    </div>`,
  mounted() {
    this.drawn = new Set();
    this.draw();
  },
  watch: {
    tiles() {
      this.draw();
    },
  },
  methods: {
    draw() {
      for (const [index, left, top, , , source] of this.tiles || []) {
        if (this.drawn.has(index)) continue;
        this.drawn.add(index);
        const picture = new Image();
        picture.onload = () => this.$refs.canvas?.getContext("2d").drawImage(picture, left, top);
        picture.onerror = () => setTimeout(() => (this.drawn.delete(index), this.$refs.canvas && this.draw()), 2000);
        picture.src = source;
      }
    },
    pick(event) {
      const box = this.$refs.canvas.getBoundingClientRect(), scale = this.width / box.width;
      const x = (event.clientX - box.left) * scale, y = (event.clientY - box.top) * scale;
      const hit = this.tiles.find(([, left, top, width, height]) => x >= left && x < left + width && y >= top && y < top + height);
      if (hit) this.$emit("pick", hit[0]);
    },
  },
};
