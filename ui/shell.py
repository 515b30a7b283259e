"""The frame around every page: navigation, node and chain state, theme, and the banner when the node is down."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from nicegui import ui
from nicegui.element import Element

from fogchain import __version__
from ui.components.base import Pill, block, icon, icon_button, set_classes, set_prop, shown, text
from ui.components.copy import CopyText
from ui.live import follow
from ui.pages import PAGES
from ui.panel import Panel
from ui.show import ago, full_moment, moment, number, plural
from ui.show import chain as chain_name
from ui.tones import LINK, NODE, tone

TOGGLE_THEME = """() => {
  const dark = !document.body.classList.contains("body--dark");
  setDark(dark);
  document.documentElement.classList.toggle("fc-dark", dark);
  document.cookie = `fc_theme=${dark ? "dark" : "light"}; path=/; max-age=31536000; samesite=strict`;
}"""
SIGN_OUT = "() => { document.getElementById('sign-out').submit(); }"
CLOSE_OVER_PAGE = "() => { if (innerWidth <= 900) runMethod(%d, 'hide', []); }"
STALE_BLOCK = 60  # s without a new block, after which its age is shown in the header


class Pages(ui.sub_pages):
    """Unknown paths and failed pages say what to do."""

    def _render_404(self) -> None:
        from ui.components.empty import empty

        with block("fc-page"):
            empty("circle-question-mark", "There is nothing here", "This address belongs to no page of the panel.")

    def _render_error(self, error: Exception) -> None:
        from ui.components.empty import empty

        super()._render_error(error)
        self.clear()
        with self, block("fc-page"):
            empty("triangle-alert", "This page could not be drawn", "The panel's log says why. Reload to try again.")


def shell(panel: Panel) -> None:
    """Draw the frame and, in it, the page the address names."""
    block("", "form", id="sign-out", method="post", action="/sign-out").classes("fc-hide")
    # shown by the browser where there is room; with `value=None` NiceGUI would ask each browser and wait for its answer
    with ui.left_drawer(value=False, top_corner=True).classes("fc-drawer") as drawer:
        drawer.props("width=220 breakpoint=900 show-if-above no-swipe-open")
        _navigation(panel, drawer)
    with ui.header(elevated=False).classes("fc-header"):
        icon_button("menu", "Show or hide the navigation", drawer.toggle, "fc-burger")
        _header(panel)
    with block("fc-main", "main", id="content") as main:
        _banner(panel)
        routes = {page.path: page.build for page in PAGES}
        Pages(routes, data={"panel": panel})
    ui.skip_link("Skip to the page", target=main)

    def mark_stale() -> None:
        set_classes(main, "fc-main" if panel.main.live or panel.main.link.state == "connecting" else "fc-main fc-stale")

    follow(mark_stale, lambda: panel.main.rev("link"))


def _navigation(panel: Panel, drawer: Element) -> None:
    with block("fc-brand", "a", href="/"):
        block("", "img", src="/static/logo.svg", alt="")
        text("fogchain", tag="span")
    items: dict[str, Element] = {}
    counts: list[tuple[Element, object]] = []
    with block("fc-col", "nav", aria_label="Pages").style("gap:2px"):
        for page in PAGES:
            if not page.icon:
                continue
            with block("fc-nav", "a", href=page.path) as items[page.path]:
                icon(page.icon)
                text(page.title, tag="span")
                items[page.path].on("click", js_handler=CLOSE_OVER_PAGE % drawer.id)
                if page.count is not None:
                    counts.append((text("", "fc-nav-count fc-hide", "span"), page.count))

    def mark(path: str) -> None:
        first = "/" + urlsplit(path).path.split("/")[1]
        for at, item in items.items():
            if at == first:
                item.props["aria-current"] = "page"
            else:
                item.props.pop("aria-current", None)
                item.update()

    router = ui.context.client.sub_pages_router
    router.on_path_changed(mark)
    mark(router.current_path)

    with block("fc-drawer-foot"):
        name = text("", "fc-cut")
        version = text("", "fc-cut")

    def update() -> None:
        status = panel.main.status
        for label, count in counts:
            n = count(panel)  # type: ignore[operator]
            label.set_text(str(n))  # type: ignore[attr-defined]
            set_prop(label, "aria-label", f"{n} active")
            shown(label, n > 0)
        name.set_text(f"{panel.main.name} · {plural(status.peers, 'peer')}" if status else panel.main.name)
        version.set_text(f"node {status.version} · panel {__version__}" if status else f"panel {__version__}")

    follow(update, lambda: panel.main.rev("node", "jobs", "link"))


def _header(panel: Panel) -> None:
    feed = panel.main
    pill = Pill()
    node_name = text("", "fc-cut fc-narrow-hide").style("font-weight:590;max-width:220px")
    block("fc-grow")
    with block("fc-chip", "span") as chain:
        dot = block("fc-dot", "span")
        network = text("", "fc-narrow-hide", "span")
        height = text("", "fc-num", "b")
    with block(
        "fc-iconbtn", "button", type="button", aria_label="Switch between dark and light", title="Dark or light"
    ) as theme:
        icon("sun", "fc-when-dark")
        icon("moon", "fc-when-light")
    theme.on("click", js_handler=TOGGLE_THEME)
    with block("fc-iconbtn", "button", type="button", aria_label="Sign out", title="Sign out") as out:
        icon("log-out")
    out.on("click", js_handler=SIGN_OUT)

    def update() -> None:
        status = feed.status
        node_name.set_text(feed.name)
        if not feed.live or status is None:
            pill.set(tone(LINK, feed.link.state))
        else:
            pill.set(tone(NODE, status.state))
        if status is None:
            set_classes(dot, "fc-dot t-neutral")
            network.set_text("Chain")
            height.set_text("–")
            return
        view, known = status.chain, feed.live
        age = time.time() - view.block_time
        mood = "t-neutral" if not known else "t-good live" if view.healthy else "t-bad"
        set_classes(dot, f"fc-dot {mood}")
        network.set_text(chain_name(view.chain_id))
        words = f"#{number(view.block)}" + ("" if view.healthy else " · down")
        height.set_text(words)
        health = "answers" if view.healthy else view.detail or "does not answer"
        state = health if known else "not known, the node does not answer"
        set_prop(chain, "title", f"chain id {view.chain_id}: {state}; newest block {ago(view.block_time, time.time())}")
        set_prop(chain, "aria-label", f"Chain {view.chain_id}, block {view.block}, {state}, {int(age)} s old")

    follow(update, lambda: feed.rev("node", "link"))


def _banner(panel: Panel) -> None:
    """Red, within seconds, when the node is down; gone by itself when it is back."""
    feed = panel.main
    with block("fc-banner t-bad fc-hide", role="alert") as box:
        icon("unplug")
        with block("fc-col fc-grow"):
            title = text("", "fc-banner-title")
            words = text("", "fc-dim fc-small")
            with block("fc-code") as line:
                command = CopyText("Copy the command", full=True)

    def update() -> None:
        link = feed.link
        shown(box, link.state in {"down", "refused"})
        if link.state == "refused":
            title.set_text(f"{feed.name} refuses this panel's token")
            words.set_text(
                f"The node has another token than the one in {feed.address.token_file}. Start the panel anew."
            )
            shown(line, False)
        elif link.state == "down":
            title.set_text(f"{feed.name} does not answer")
            since = f"since {moment(link.since)}" if link.heard else "yet"
            rest = "What you see below is from before." if link.heard else ""
            words.set_text(f"{link.reason} ({since}). {rest} The panel connects by itself as soon as the node is back.")
            shown(line, True)
            command.set(feed.address.command("node run"))
        set_prop(box, "title", f"last answer: {full_moment(link.heard)}")

    follow(update, lambda: feed.rev("link"))
