"""A place for files: dropped on it, or chosen; the browser brings them to the draft."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui.element import Element

from fogchain.units import show_size
from ui.components.base import set_prop
from ui.drafts import Draft, Slot
from ui.uploads import upload_path


class Drop(Element, component="fc_drop.js"):
    def __init__(
        self,
        draft: Draft,
        slot: Slot,
        title: str,
        hint: str,
        on_change: Callable[[], Any],
        *,
        accept: str = "",
        multiple: bool = True,
    ) -> None:
        super().__init__()
        self._draft, self._slot = draft, slot
        self.props["url"] = f"{upload_path(draft.id)}/{slot}"
        self.props["title"], self.props["hint"], self.props["accept"] = title, hint, accept
        self.props["multiple"] = multiple
        self.props["files"], self.props["locked"] = [], False
        self.on("added", lambda: on_change())
        self.on("remove", lambda event: self._remove(str(event.args), on_change))

    def update_files(self) -> None:
        files = self._draft.files[self._slot]
        set_prop(self, "files", [{"name": name, "size": show_size(size)} for name, size in files.items()])
        set_prop(self, "locked", self._draft.busy)

    def _remove(self, name: str, on_change: Callable[[], Any]) -> None:
        self._draft.remove(self._slot, name)
        on_change()
