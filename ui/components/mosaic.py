"""The picture that a job's tiles make together, growing as they arrive."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nicegui import background_tasks
from nicegui.element import Element

from fogchain.errors import FogchainError
from ui.components.base import block, card, set_prop, shown, text
from ui.feed import NodeFeed
from ui.files import file_path
from ui.jobwatch import JobWatch, Tile
from ui.pictures import Place, read_ppm

SIZE_LIMIT = 4 << 20  # bytes of one tile
MOST_TILES = 2000
BATCH = 8  # tiles that are read before the picture is drawn again


class _Canvas(Element, component="fc_mosaic.js"):
    def __init__(self, on_pick: Callable[[int], Any]) -> None:
        super().__init__()
        self.props["width"] = self.props["height"] = 1
        self.props["tiles"] = []
        self.on("pick", lambda event: on_pick(int(event.args)))

    def show(self, whole: Place, tiles: Sequence[list[Any]], label: str) -> None:
        set_prop(self, "width", whole.width)
        set_prop(self, "height", whole.height)
        set_prop(self, "tiles", tiles)
        set_prop(self, "label", label)


class Mosaic:
    """Hidden until a tile is there. `visible` says whether it is shown."""

    def __init__(self, feed: NodeFeed, watch: JobWatch, on_open: Callable[[int], None]) -> None:
        self._feed, self._watch, self._on_open = feed, watch, on_open
        self._reading = False
        self._canvas: _Canvas | None = None
        self.box = block("fc-hide")
        with self.box, card("Picture", "image", "flush") as end:
            with end:
                self._count = text("", "fc-num")
            self._frame = block("fc-mosaicframe")

    @property
    def visible(self) -> bool:
        return self._canvas is not None

    def update(self) -> None:
        """Read the tiles that have come, in the background, and draw those that are known."""
        self._draw()
        if self._reading or len(self._watch.tiles) >= MOST_TILES:
            return
        unread = sorted(
            (index, name)
            for (index, name), size in self._watch.totals.images.items()
            if name.lower().endswith(".ppm") and size <= SIZE_LIMIT and (index, name) not in self._watch.tiles
        )
        if unread:
            self._reading = True
            background_tasks.create(self._read(unread[:BATCH]), name=f"tiles of {self._watch.job_id[:8]}")

    async def _read(self, files: list[tuple[int, str]]) -> None:
        try:
            for index, name in files:
                data = await self._feed.ask(lambda client: client.result_file(self._job_id, index, name))  # noqa: B023
                pixels = read_ppm(data)
                tile = Tile(pixels.place, pixels.width, pixels.height) if pixels and pixels.place else None
                self._watch.tiles[index, name] = tile
        except FogchainError:
            pass  # the banner tells that the node is silent; they are read with the next change
        finally:
            self._reading = False
            self._watch.rev += 1

    def _draw(self) -> None:
        known = [(key, tile) for key, tile in sorted(self._watch.tiles.items()) if tile is not None]
        if not known or self.box.is_deleted:
            return
        whole = known[0][1].place
        tiles: list[list[Any]] = [
            [index, tile.place.left, tile.place.top, tile.width, tile.height,
             file_path(0, self._job_id, index, name, image=True)]
            for (index, name), tile in known
            if (tile.place.width, tile.place.height) == (whole.width, whole.height)
        ]  # fmt: skip
        if self._canvas is None:
            with self._frame:
                self._canvas = _Canvas(self._on_open)
            shown(self.box, True)
        covered: float = sum(tile[3] * tile[4] for tile in tiles) / (whole.width * whole.height)
        words = f"{whole.width} × {whole.height} pixels, {int(100 * min(1.0, covered))} % there"
        self._count.set_text(words.replace(", 100 % there", ""))
        self._canvas.show(whole, tiles, f"The picture the tasks make together: {words}. The table of tasks opens each.")

    @property
    def _job_id(self) -> str:
        return self._watch.detail.id if self._watch.detail else self._watch.job_id
