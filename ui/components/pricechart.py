"""A class's base price over time, and below it the use that moved it, against the use at which it stays."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import ui

from fogchain.api.commons import PriceStepView
from fogchain.units import WEI, format_ratio
from ui import show
from ui.components.base import block

QUIET = {"color": "var(--text-3)", "fontFamily": "Inter", "fontSize": 11}
LINE = {"lineStyle": {"color": "var(--line)"}}
TIME = "{month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hour12: false}"
TIP = (
    f"p => new Date(p[0].value[0]).toLocaleString([], {TIME}) + '<br>' + p[0].value[2] + '<br>use before it: '"
    " + p[0].value[3]"
)


class PriceChart:
    """`show` may be called again; nothing is drawn before it."""

    def __init__(self, label: str) -> None:
        self._place = block("fc-chart tall", role="img", aria_label=label)
        self._chart: ui.echart | None = None
        self._drawn: object = None

    def show(self, steps: Sequence[PriceStepView], now: float, target: int) -> None:
        """`steps`: oldest first. `target` in basis points."""
        drawn = (tuple(step.time for step in steps), int(now) // 60, target)
        if not steps or drawn == self._drawn:
            return
        self._drawn = drawn
        # Floats are for the place on the screen alone; the words beside are exact.
        words = [(show.price(step.fuel).text, format_ratio(step.use)) for step in steps]
        prices = [[1000 * step.time, step.fuel / WEI, *said] for step, said in zip(steps, words, strict=True)]
        uses = [[1000 * step.time, step.use / 100, *said] for step, said in zip(steps, words, strict=True)]
        prices.append([int(1000 * now), *prices[-1][1:]])
        if self._chart is None:
            with self._place:
                self._chart = ui.echart(_options(), renderer="svg").classes("fc-chart tall")
        options = self._chart.options
        options["series"][0]["data"], options["series"][1]["data"] = (
            prices,
            uses[1:],
        )  # before the first there was no use
        options["series"][1]["markLine"]["data"] = [{"yAxis": target / 100}]
        for axis in options["xAxis"]:
            axis["min"], axis["max"] = prices[0][0], prices[-1][0]
        self._chart.update()


def _options() -> dict[str, object]:
    """Colours are the page's own variables, so the chart changes with the theme by itself (SVG only)."""
    clock = "v => new Date(v).toLocaleTimeString([], {hour: '2-digit', minute: '2-digit', hour12: false})"
    midnight = "v => !new Date(v).getHours() && !new Date(v).getMinutes()"
    day = "v => new Date(v).toLocaleDateString([], {month: 'short', day: 'numeric'})"
    scale = {
        "type": "time",
        "min": None,
        "max": None,
        "splitNumber": 4,
        "minInterval": 60_000,
        "axisTick": {"show": False},
        "axisLine": LINE,
    }
    inside = {
        **QUIET,
        "inside": True,
        "margin": 0,
        "verticalAlign": "bottom",
        "showMinLabel": False,
        "showMaxLabel": False,
    }
    value = {"type": "value", "min": 0, "axisLabel": inside, "splitLine": LINE, "z": 5}
    return {
        "animation": False,
        "axisPointer": {"link": [{"xAxisIndex": "all"}], "lineStyle": {"color": "var(--line-2)"}},
        "grid": [
            {"left": 2, "right": 12, "top": 24, "height": 128},
            {"left": 2, "right": 12, "top": 192, "height": 52},
        ],
        "title": [
            {"text": "FOG/Gfuel", "left": 0, "top": 0, "textStyle": {**QUIET, "fontWeight": 500}},
            {"text": "Use of the capacity, %", "left": 0, "top": 168, "textStyle": {**QUIET, "fontWeight": 500}},
        ],
        "tooltip": {
            "trigger": "axis", "appendToBody": True, "borderWidth": 0, "backgroundColor": "var(--text)",
            "textStyle": {"color": "var(--bg)", "fontFamily": "Inter", "fontSize": 12}, ":formatter": TIP,
        },
        "xAxis": [
            {**scale, "gridIndex": 0, "axisLabel": {"show": False}, "splitLine": {"show": False}},
            {
                **scale, "gridIndex": 1, "splitLine": {"show": False},
                "axisLabel": {**QUIET, "hideOverlap": True, "showMinLabel": False, "showMaxLabel": False,
                              ":formatter": f"v => ({midnight})(v) ? ({day})(v) : ({clock})(v)"},
            },
        ],
        "yAxis": [
            {**value, "gridIndex": 0, "splitNumber": 3},
            {**value, "gridIndex": 1, "max": 100, "interval": 50},
        ],
        "series": [
            {
                "type": "line", "data": [], "step": "end", "showSymbol": False, "xAxisIndex": 0, "yAxisIndex": 0,
                "lineStyle": {"width": 2, "color": "var(--accent)"}, "itemStyle": {"color": "var(--accent)"},
                "areaStyle": {"color": "var(--accent-soft)"}, "emphasis": {"disabled": True},
            },
            {
                "type": "bar", "data": [], "barMaxWidth": 10, "barMinHeight": 2, "xAxisIndex": 1, "yAxisIndex": 1,
                "itemStyle": {"color": "var(--cell-info)", "borderRadius": [2, 2, 0, 0]},
                "emphasis": {"disabled": True},
                "markLine": {
                    "silent": True, "symbol": "none", "data": [],
                    "lineStyle": {"color": "var(--warn)", "type": "dashed"},
                    "label": {"position": "insideEndTop", "color": "var(--warn)", "fontFamily": "Inter", "fontSize": 11,
                              ":formatter": "p => 'stays at ' + p.value + ' %'"},
                },
            },
        ],
    }  # fmt: skip
