"""What the machine's sensors say, live, and which probes are in trouble."""

from __future__ import annotations

from nicegui.elements.mixins.text_element import TextElement

from fogchain.api.harvest import HarvestView
from ui import harvestwords as words
from ui.components.base import block, card, set_classes, shown, text
from ui.components.empty import alert, skeleton
from ui.live import follow
from ui.lookup import Lookup
from ui.show import plural


class SensorCard:
    def __init__(self, machine: Lookup[HarvestView]) -> None:
        self._machine = machine
        self._values: dict[str, TextElement] = {}
        with card("Sensors", "activity") as end:
            with end:
                self._count = text("", "fc-num")
            self._trouble, self._trouble_words = alert("warn", "triangle-alert")
            self._groups = block("fc-sensors")
            with self._groups:
                skeleton(6)
            self._probes = text("", "fc-small fc-faint")
        follow(self._update, lambda: machine.rev)

    def _update(self) -> None:
        view = self._machine.value
        shown(self._trouble, view is not None and any(words.trouble(probe) for probe in view.probes))
        if view is None:
            return
        if [sensor.name for sensor in view.sensors] != list(self._values):
            self._draw(view)
        for sensor in view.sensors:
            label = self._values[sensor.name]
            label.set_text(words.value(sensor.value))
            set_classes(label, "v fc-cut" if sensor.known else "v fc-cut fc-faint")
        known = sum(sensor.known for sensor in view.sensors)
        self._count.set_text(f"{known} of {len(view.sensors)} known")
        self._trouble_words.set_text(" ".join(filter(None, map(words.trouble, view.probes))))
        self._probes.set_text(_summary(view))
        shown(self._probes, bool(view.probes))

    def _draw(self, view: HarvestView) -> None:
        self._groups.clear()
        found: dict[str, TextElement] = {}
        with self._groups:
            for group in words.GROUPS:
                own = [one.name for one in view.sensors if words.SENSORS.get(one.name, ("Other", ""))[0] == group]
                if not own:
                    continue
                with block("fc-col", "section", aria_label=group):
                    text(group, "fc-small fc-faint", "h3")
                    with block("fc-dl"):
                        for name in own:
                            text(words.label(name), "k").props["title"] = name
                            found[name] = text("–", "v fc-cut")
        self._values = {sensor.name: found[sensor.name] for sensor in view.sensors}


def _summary(view: HarvestView) -> str:
    well = sum(probe.state == "ok" for probe in view.probes)
    absent = [probe.name for probe in view.probes if probe.state == "absent"]
    nothing = f"; nothing to read here: {', '.join(absent)}" if absent else ""
    return f"{plural(well, 'probe')} of {len(view.probes)} well{nothing}"
