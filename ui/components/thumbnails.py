"""The pictures a job has made so far, as small previews."""

from __future__ import annotations

from collections.abc import Callable

from ui.components.base import block, card, shown, text
from ui.components.table import Pager
from ui.feed import NodeFeed
from ui.files import file_path
from ui.jobwatch import JobWatch

PAGE = 24
SIZE_LIMIT = 4 << 20  # bytes; larger pictures are seen in the task's own view


class Thumbnails:
    """Hidden until there is a picture among the results that is no tile of a bigger one. Each is drawn once: results
    never change."""

    def __init__(self, feed: NodeFeed, watch: JobWatch, on_open: Callable[[int], None]) -> None:
        self._feed, self._watch, self._on_open = feed, watch, on_open
        self._tasks: list[tuple[int, str]] = []
        self._shown: list[tuple[int, str]] = []
        self._seen = (0, 0)
        self._box = block("fc-hide")
        with self._box, card("Pictures", "image") as end:
            with end:
                self._count = text("", "fc-num")
            self._grid = block("fc-shots")
            self._pager = Pager(PAGE, self._draw)

    def update(self) -> None:
        state = len(self._watch.totals.images), len(self._watch.tiles)
        if state == self._seen:  # results never change: there are more of them, or not
            return
        self._seen = state
        self._tasks = [
            (index, name)
            for (index, name), size in sorted(self._watch.totals.images.items())
            if size <= SIZE_LIMIT and self._alone(index, name)
        ]
        shown(self._box, bool(self._tasks))
        self._count.set_text(str(len(self._tasks)))
        self._pager.set_total(len(self._tasks))
        self._draw()

    def _alone(self, index: int, name: str) -> bool:
        """A PPM is known to be no tile only once it was read."""
        return name.lower().endswith(".png") or self._watch.tiles.get((index, name), name) is None

    def _draw(self) -> None:
        page = self._tasks[self._pager.offset : self._pager.offset + PAGE]
        if page == self._shown:
            return
        if self._shown != page[: len(self._shown)]:
            self._grid.clear()
            self._shown = []
        job_id = self._watch.detail.id if self._watch.detail else self._watch.job_id
        with self._grid:
            for index, name in page[len(self._shown) :]:
                label = f"Task {index}, {name}"
                with block("fc-shot", "button", type="button", aria_label=f"Open {label}") as shot:
                    block("", "img", src=file_path(0, job_id, index, name, image=True), alt=label, loading="lazy")
                    text(f"Task {index} · {name}", "fc-cut", "span")
                shot.on("click", lambda index=index: self._on_open(index))
        self._shown = page
