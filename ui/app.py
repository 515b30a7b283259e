"""The panel as one ASGI application: the door, the static files, result files, and NiceGUI behind them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.middleware.gzip import GZipMiddleware
from nicegui import ui
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from ui.access import LIBRARY, LOOPBACK, Door, Gate
from ui.assets import STATIC, asset
from ui.drafts import Drafts
from ui.feed import NodeFeed
from ui.files import routes as file_routes
from ui.options import Options
from ui.panel import Panel
from ui.shell import shell
from ui.signin import routes as door_routes
from ui.uploads import routes as upload_routes

TITLE = "fogchain"
SET_DARK_EARLY = (
    "<script>{const m=document.cookie.match(/fc_theme=(dark|light)/);"
    "document.documentElement.classList.toggle('fc-dark',m?m[1]==='dark':matchMedia('(prefers-color-scheme:dark)').matches)}</script>"
)


class _Static(StaticFiles):
    """Files are asked for by content hash (`?v=`), so browsers may keep them."""

    def file_response(self, *args: object, **kwargs: object):  # type: ignore[no-untyped-def]
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def head() -> str:
    """What every page of the panel loads, sign-in included."""
    return (
        f'{SET_DARK_EARLY}<link rel="stylesheet" href="{asset("panel.css")}">'
        f'<link rel="stylesheet" href="{asset("icons.css")}">'
        '<link rel="preload" href="/static/fonts/inter-latin-wght-normal.woff2" as="font" type="font/woff2" '
        "crossorigin>"
    )


def prefetch() -> str:
    """For the sign-in page: while the visitor looks for the token, the browser fetches what the panel will need."""
    files = (
        "vue.esm-browser.prod.js", "quasar.umd.prod.js", "quasar.unimportant.prod.css", "quasar.important.prod.css",
        "nicegui.css", "nicegui.js", "socket.io.min.js", "dompurify.mjs", "fonts.css", "lang/en-US.umd.prod.js",
    )  # fmt: skip
    return "".join(f'<link rel="prefetch" href="{LIBRARY}static/{name}">' for name in files)


def cookie_name(port: int) -> str:
    """Browsers share cookies between ports of a host, so each panel has a name of its own."""
    return f"fogchain_panel_{port}"


def create_app(options: Options, port: int) -> ASGIApp:
    """`port` is the one that is bound. The feeds run as long as the application does."""
    feeds = tuple(NodeFeed(node) for node in options.nodes)
    panel = Panel(feeds, Door(options.nodes[0], still_open=feeds[0].still_open), Drafts())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(feed.run(), name=f"feed {feed.address.name}") for feed in panel.feeds]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            panel.drafts.close()

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.mount("/static", _Static(directory=STATIC))
    app.include_router(door_routes(panel, cookie_name(port), head() + prefetch(), options))
    app.include_router(file_routes(panel))
    app.include_router(upload_routes(panel))

    def root() -> None:
        client = ui.context.client
        session = client.request.cookies.get(cookie_name(port))
        client.page.dark = {"dark": True, "light": False}.get(client.request.cookies.get("fc_theme", ""))
        ui.add_head_html(head())
        ui.colors(
            primary="#5662e8",
            positive="#0b7f4d",
            negative="#c42a2a",
            warning="#8f5b00",
            dark="#10131a",
            dark_page="#090b10",
        )
        shell(panel)

        async def look_after() -> None:
            if not await panel.door.lets_in(session):
                ui.run_javascript("location.assign('/sign-in?next=' + encodeURIComponent(location.pathname))")

        ui.timer(2.0, look_after)

    local = options.host in LOOPBACK
    ui.run_with(
        app, root=root, title=TITLE, favicon=STATIC / "logo.svg", dark=None, language="en-US", tailwind=False,
        show_welcome_message=False, reconnect_timeout=20.0, binding_refresh_interval=None,
        gzip_middleware_factory=None if local else GZipMiddleware,  # on one machine it costs more than it saves
    )  # fmt: skip
    return Gate(app, panel.door, lambda: cookie_name(port), local)
