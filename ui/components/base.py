"""The smallest pieces: blocks, text, icons, cards, buttons. Each returns the element it made."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any, cast

from nicegui import ui
from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement

from ui.show import NOTHING, Shown
from ui.tones import Tone


def block(classes: str = "", tag: str = "div", **attributes: str) -> Element:
    """An HTML element; attributes with `_` for `-`."""
    element = ui.element(tag).classes(classes)
    for name, value in attributes.items():
        element.props[name.replace("_", "-")] = value
    return element


def text(value: str = "", classes: str = "", tag: str = "div") -> TextElement:
    return TextElement(tag=tag, text=value).classes(classes)


def icon(name: str, classes: str = "") -> Element:
    """Decoration: the words beside it must say the same."""
    return block(f"fc-i i-{name} {classes}", "i", aria_hidden="true")


def set_prop(element: Element, name: str, value: Any) -> None:
    """Send a property only when it has changed."""
    if element.props.get(name) != value:
        element.props[name] = value


def set_classes(element: Element, classes: str) -> None:
    """Replace the classes only when they have changed."""
    if element.classes != classes.split():
        element.classes(replace=classes)


def shown(element: Element, visible: bool) -> None:
    """Show or hide."""
    if ("fc-hide" in element.classes) == visible:
        element.classes(add="" if visible else "fc-hide", remove="fc-hide" if visible else "")


@contextmanager
def card(title: str = "", icon_name: str = "", classes: str = "") -> Iterator[Element]:
    """A titled card; yields the element that holds the right end of its heading (empty without a title)."""
    with block(f"fc-card {classes}", "section") as box:
        end = box
        if title:
            box.props["aria-label"] = title
            with block("fc-card-head"):
                if icon_name:
                    icon(icon_name)
                text(title, tag="h2")
                end = block("fc-end")
        yield end


def button(label: str, on_click: Callable[[], Any] | None = None, icon_name: str = "", classes: str = "") -> Element:
    with block(f"fc-btn {classes}", "button", type="button") as made:
        if icon_name:
            icon(icon_name)
        text(label, tag="span")
    if on_click is not None:
        made.on("click", lambda: on_click())
    return made


def link_button(label: str, href: str, icon_name: str = "", classes: str = "") -> Element:
    """A link that looks like a button."""
    with block(f"fc-btn {classes}", "a", href=href) as made:
        if icon_name:
            icon(icon_name)
        text(label, tag="span")
    return made


def relabel(made: Element, words: str) -> None:
    """Other words on a `button`."""
    cast(TextElement, list(made)[-1]).set_text(words)


def icon_button(name: str, label: str, on_click: Callable[[], Any] | None = None, classes: str = "") -> Element:
    """A button of one icon; `label` is its name for screen readers and the tooltip."""
    with block(f"fc-iconbtn {classes}", "button", type="button", aria_label=label, title=label) as made:
        icon(name)
    if on_click is not None:
        made.on("click", lambda: on_click())
    return made


def heading(title: str, sub: str = "") -> Element:
    """A page's heading row; more can be put into it."""
    with block("fc-head") as row:
        text(title, tag="h1")
        if sub:
            text(sub, "fc-sub")
    return row


class Pill:
    """A state as icon and word in its tone."""

    def __init__(self, tone: Tone | None = None) -> None:
        self._box = block("fc-pill t-neutral", "span")
        with self._box:
            self._icon = icon("circle-question-mark")
            self._word = text("–", tag="span")
        if tone:
            self.set(tone)

    def set(self, tone: Tone) -> None:
        set_classes(self._box, f"fc-pill t-{tone.name}")
        set_classes(self._icon, f"fc-i i-{tone.icon}" + (" spin" if tone.spin else ""))
        self._word.set_text(tone.word)


class Amount:
    """A shortened amount with its unit in small; the exact value is the tooltip."""

    def __init__(self, classes: str = "fc-num") -> None:
        self._box = block(classes, "span", title=NOTHING.full)
        with self._box:
            self._value = text(NOTHING.value, tag="span")
            self._unit = text("", tag="small")

    def set(self, amount: Shown) -> None:
        self._value.set_text(amount.value)
        self._unit.set_text(amount.unit)
        set_prop(self._box, "title", amount.full)


class Stat:
    """A figure in a card of its own: label, big value, and a line of context."""

    def __init__(self, label: str, icon_name: str, title: str = "") -> None:
        with block("fc-card fc-stat", "section", aria_label=label) as self.box:
            if title:
                self.box.props["title"] = title
            with block("fc-stat-label"):
                icon(icon_name)
                text(label, tag="span")
            self._amount = Amount("fc-stat-value")
            self._note = text("", "fc-stat-note fc-cut")

    def set(self, amount: Shown, note: str = "") -> None:
        self._amount.set(amount)
        self._note.set_text(note)
        set_prop(self._note, "title", note)


class Facts:
    """A list of label and value, right-aligned."""

    def __init__(self, *labels: str) -> None:
        self._values: dict[str, TextElement] = {}
        self._rows: dict[str, tuple[TextElement, TextElement]] = {}
        with block("fc-dl"):
            for label in labels:
                key = text(label, "k")
                self._values[label] = text("–", "v fc-cut")
                self._rows[label] = (key, self._values[label])

    def set(self, label: str, value: str, full: str = "") -> None:
        self._values[label].set_text(value)
        set_prop(self._values[label], "title", full or value)

    def only(self, labels: Collection[str]) -> None:
        """Hide the others."""
        for label, row in self._rows.items():
            for element in row:
                shown(element, label in labels)
