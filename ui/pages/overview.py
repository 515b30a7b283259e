"""What is going on, in one look."""

from __future__ import annotations

import time

from nicegui import ui

from fogchain.api.models import JobSummary, ProviderView
from ui import harvestwords, show
from ui.components.bar import ProgressBar, in_words
from ui.components.base import Facts, Pill, Stat, block, card, heading, link_button, set_classes, set_prop, shown, text
from ui.components.empty import empty
from ui.components.receipts import RECEIPT_COLUMNS, receipt_row
from ui.components.table import Column, Grid, Row, Waiting, pill, plain
from ui.feed import NodeFeed
from ui.live import follow
from ui.machine import machine_of, provides
from ui.panel import Page, Panel
from ui.rates import SPAN
from ui.show import Shown, plural
from ui.tones import DEVICE, JOB, PROVIDER, tone

ACTIVE = {"planning", "running", "settling"}
SHOWN_JOBS = 4
SHORTEST = 120.0  # s on the chart's axis, at least
SHOWN_PROVIDERS = 6


def build(panel: Panel) -> None:
    feed = panel.main
    ui.page_title("Overview · fogchain")
    with block("fc-page"):
        with heading("Overview"):
            block("fc-grow")
            link_button("New job", "/jobs/new", "plus", "primary")
        _figures(feed)
        with block("fc-grid g-21"):
            with block("fc-stack"):
                _jobs(feed)
                _receipts(feed)
            with block("fc-stack"):
                _machine(feed)
                _rate(feed)
                _providers(feed)
                _chain(feed)


def _figures(feed: NodeFeed) -> None:
    with block("fc-grid g-4"):
        work = Stat("Tasks at work", "cpu", "tasks of your jobs that are with a provider, and tasks this node runs")
        spent = Stat("Paid to providers", "arrow-up-from-line", "claimed by providers from this node so far")
        earned = Stat("Earned", "arrow-down-to-line", "vouchers this node holds as a provider, claimed or not")
        free = Stat("Free to spend", "wallet", "deposited in the market and not locked: it can back new jobs")
        ready = Stat("Providers ready", "server", "providers whose offer this node could use now")

    shown(free.box, False)

    def update() -> None:
        jobs, status, wallet, providers = feed.jobs, feed.status, feed.wallet, feed.providers
        provides = status is None or "provider" in status.roles
        shown(earned.box, provides)
        shown(free.box, not provides)
        if jobs is None or status is None:
            work.set(show.NOTHING)
        else:
            out = sum(job.tasks.sent + job.tasks.running + job.tasks.checking for job in jobs.values())
            queued = sum(job.tasks.queued for job in jobs.values() if job.state in ACTIVE)
            own = f"{status.running} of {plural(status.slots, 'own slot')} busy" if "provider" in status.roles else ""
            note = " · ".join(part for part in (f"{show.number(queued)} queued" if queued else "", own) if part)
            total = out + status.running
            work.set(
                Shown(show.number(total), "", plural(total, "task")), note or ("nothing queued" if not total else "")
            )
        if wallet is None:
            spent.set(show.NOTHING)
        else:
            spent.set(show.fog(wallet.spent), f"{show.fog(wallet.locked).text} locked in sessions")
        unclaimed = f"{show.fog(wallet.unclaimed).text} not yet claimed" if wallet else ""
        earned.set(show.fog(status.earned if status else None), unclaimed)
        free.set(
            show.fog(wallet.free if wallet else None),
            f"{show.fog(wallet.token).text} more to deposit" if wallet else "",
        )
        if providers is None:
            ready.set(show.NOTHING)
        else:
            offers = [p.offer for p in providers if p.state == "ready" and p.offer]
            count = sum(p.state == "ready" for p in providers)
            cheapest = min((offer.price for offer in offers), default=None)
            slots = plural(sum(offer.slots for offer in offers), "slot")
            note = f"{slots} · from {show.price(cheapest).text}" if offers else "none offers work now"
            ready.set(Shown(show.number(count), f"of {show.number(len(providers))}", plural(count, "provider")), note)

    follow(update, lambda: feed.rev("node", "jobs", "wallet", "providers"))


def _machine(feed: NodeFeed) -> None:
    """Whether this machine works for others now, and why."""
    machine = machine_of(feed, every=3.0)
    with card("This machine", "cpu") as end:
        with end:
            state = block()
            with state:
                mood = Pill()
            more = text("Harvest", "fc-link", "a")
            more.props["href"] = "/harvest"
        with block("fc-col").style("gap:2px"):
            words = text("–", "fc-cut").style("font-weight:590")
            why = text("", "fc-small fc-dim fc-cut").style("min-height:19px")

    def update() -> None:
        view = machine.value
        buys = provides(feed) is False or machine.missing
        shown(state, view is not None and not buys)
        shown(more, not buys)
        if buys:
            words.set_text("Runs nothing for others")
            why.set_text("this node only buys")
        elif view is not None:
            mood.set(tone(DEVICE, view.state))
            words.set_text(harvestwords.headline(view))
            why.set_text(harvestwords.detail(view))
        for label in (words, why):
            set_prop(label, "title", label.text)

    follow(update, lambda: (machine.rev, machine.missing, feed.rev("node")))


class JobRow:
    """One job in the overview; links to its page."""

    def __init__(self, job_id: str) -> None:
        with block("fc-jobrow", "a", href=f"/jobs/{job_id}"):
            with block("fc-row"):
                self._name = text("", "name fc-cut fc-grow")
                self._percent = text("", "fc-num fc-dim fc-small")
                self._pill = Pill()
            self._bar = ProgressBar()
            with block("fc-meta"):
                self._words = text("")
                self._money = text("")
                self._time = text("")
            self._detail = text("", "fc-small fc-dim")

    def set(self, job: JobSummary, now: float) -> None:
        self._name.set_text(job.name)
        self._percent.set_text(f"{100 * job.tasks.done // (job.tasks.total or 1)} %")
        self._pill.set(tone(JOB, job.state))
        self._bar.set(job.tasks)
        self._words.set_text(in_words(job.tasks))
        self._money.set_text(f"{show.fog(job.spent).text} of {show.fog(job.budget).text}")
        set_prop(self._money, "title", f"{show.fog(job.spent).full} spent of {show.fog(job.budget).full}")
        if job.finished is None:
            self._time.set_text(f"started {show.ago(job.created, now)}")
        else:
            self._time.set_text(f"took {show.span(job.finished - job.created)}, ended {show.ago(job.finished, now)}")
        self._detail.set_text(job.detail)
        shown(self._detail, bool(job.detail))


def _jobs(feed: NodeFeed) -> None:
    with card("Jobs", "layers", "flush") as end:
        with end:
            text("All jobs", "fc-link", "a").props["href"] = "/jobs"
        waiting = Waiting()
        with waiting.empty:
            empty(
                "layers", "No jobs yet", "Describe a batch of tasks and a budget in a TOML file, and hand it in:",
                feed.address.command("job submit my.toml"),
            )  # fmt: skip
        rows: dict[str, JobRow] = {}

    def update() -> None:
        if feed.jobs is None:
            return
        jobs = sorted(feed.jobs.values(), key=lambda job: (job.state not in ACTIVE, -job.created))[:SHOWN_JOBS]
        waiting.set(len(jobs))
        if [job.id for job in jobs] != list(rows):
            rows.clear()
            waiting.content.clear()
            with waiting.content:
                rows.update((job.id, JobRow(job.id)) for job in jobs)
        now = time.time()
        for job in jobs:
            rows[job.id].set(job, now)

    follow(update, lambda: (feed.rev("jobs"), int(time.time())))


def _rate(feed: NodeFeed) -> None:
    buyer = "of this node's jobs"
    with card("Tasks per minute", "activity") as end:
        with end:
            since = text("", "fc-num")
        with block("fc-row").style("align-items:baseline"):
            figure = text("–", "fc-stat-value")
            text(f"finished in the last 60 s, {buyer}", "fc-small fc-faint fc-cut")
        place = block("fc-chart", role="img", aria_label="Tasks finished per minute, over the last ten minutes")
    chart: list[ui.echart] = []

    def update() -> None:
        now = time.time()
        figure.set_text(show.number(feed.rate.last_minute(now)))
        since.set_text(f"counted since {show.moment(feed.rate.began)}")
        series = [[int(at * 1000), count] for at, count in feed.rate.series(now)]
        for drawn in chart:
            if drawn.options["series"][0]["data"] != series:
                known = max(feed.rate.began, now - SPAN)  # the axis grows with what was seen, up to the whole span
                drawn.options["xAxis"]["min"] = int(1000 * min(known, now - SHORTEST))
                drawn.options["xAxis"]["max"] = series[-1][0]
                drawn.options["series"][0]["data"] = series
                drawn.update()

    def draw() -> None:
        with place:
            chart.append(ui.echart(_chart_options(), renderer="svg").classes("fc-chart"))
        update()

    follow(update, lambda: (feed.rev("jobs", "node"), int(time.time())))
    ui.timer(0.05, draw, once=True)  # the library is a megabyte: the page is there before it


CLOCK = "[], {hour: '2-digit', minute: '2-digit', hour12: false}"
AT = "new Date(p[0].value[0]).toLocaleTimeString([], {hour12: false})"


def _chart_options() -> dict[str, object]:
    """Colours are the page's own variables, so the chart changes with the theme by itself (SVG only)."""
    quiet = {"color": "var(--text-3)", "fontFamily": "Inter", "fontSize": 11}
    line = {"lineStyle": {"color": "var(--line)"}}
    return {
        "animation": False,
        "grid": {"left": 2, "right": 10, "top": 10, "bottom": 22},
        "tooltip": {
            "trigger": "axis", "appendToBody": True, "borderWidth": 0, "backgroundColor": "var(--text)",
            "textStyle": {"color": "var(--bg)", "fontFamily": "Inter", "fontSize": 12},
            ":formatter": f"p => {AT} + ': ' + (p[0].value[1] ?? '–') + ' per minute'",
        },
        "xAxis": {
            "type": "time", "min": None, "max": None, "splitNumber": 3, "minInterval": 60_000,
            "axisTick": {"show": False}, "axisLine": line, "splitLine": {"show": False},
            "axisLabel": {**quiet, "hideOverlap": True, ":formatter": f"v => new Date(v).toLocaleTimeString({CLOCK})"},
        },
        "yAxis": {
            "type": "value", "minInterval": 1, "min": 0, ":max": "v => v.max > 4 ? null : 4", "splitNumber": 2, "z": 5,
            "axisLabel": {**quiet, "inside": True, "margin": 0, "verticalAlign": "bottom", "showMinLabel": False},
            "splitLine": line,
        },
        "series": [{
            "type": "line", "data": [], "showSymbol": False, "smooth": 0.25, "smoothMonotone": "x",
            "connectNulls": False, "lineStyle": {"width": 2, "color": "var(--accent)"},
            "itemStyle": {"color": "var(--accent)"},
            "areaStyle": {"color": "var(--accent-soft)"}, "emphasis": {"disabled": True},
        }],
    }  # fmt: skip


def _chain(feed: NodeFeed) -> None:
    with card("Chain", "box") as end:
        with end:
            health = text("–")
        facts = Facts("Block", "Newest block", "Chain id", "Market")
        reason = text("", "fc-small fc-tone t-bad fc-hide")

    def update() -> None:
        if feed.status is None:
            return
        chain = feed.status.chain
        mood, words = ("good", "healthy") if chain.healthy else ("bad", "does not answer")
        health.set_text(words if feed.live else show.UNKNOWN)
        set_classes(health, f"fc-tone t-{mood}" if feed.live else "")
        facts.set("Block", show.number(chain.block))
        facts.set("Newest block", show.ago(chain.block_time, time.time()), show.full_moment(chain.block_time))
        facts.set("Chain id", str(chain.chain_id), chain.rpc_url)
        facts.set("Market", show.short(chain.market), chain.market)
        reason.set_text(chain.detail)
        shown(reason, bool(chain.detail))

    follow(update, lambda: (feed.rev("node", "link"), int(time.time())))


def _receipts(feed: NodeFeed) -> None:
    with card("Recent receipts", "receipt-text", "flush") as end:
        with end:
            text("All receipts", "fc-link", "a").props["href"] = "/wallet"
        waiting = Waiting()
        with waiting.empty:
            empty(
                "receipt-text", "No receipts yet", "Each task that is run and signed for appears here, paid or earned."
            )
        with waiting.content:
            grid = Grid("Recent receipts", RECEIPT_COLUMNS)

    def update() -> None:
        waiting.set(None if feed.receipts is None else len(feed.receipts))
        now, names = time.time(), feed.names
        grid.show([receipt_row(receipt, now, names) for receipt in feed.receipts or []])

    follow(update, lambda: (feed.rev("receipts", "providers"), int(time.time()) // 5))


def _providers(feed: NodeFeed) -> None:
    with card("Providers", "server", "flush") as end:
        with end:
            text("All nodes", "fc-link", "a").props["href"] = "/nodes"
        waiting = Waiting()
        with waiting.empty:
            empty(
                "server",
                "No providers known",
                "They are found in the registry, on the local network and by the bootstrap list.",
            )
        with waiting.content:
            grid = Grid("Providers", (Column("Provider", wrap=True), Column("State", end=True)))

    def update() -> None:
        waiting.set(None if feed.providers is None else len(feed.providers))
        known = sorted(feed.providers or [], key=lambda p: (p.state != "ready", p.name))
        grid.show(
            [
                Row(
                    p.address,
                    (
                        plain(p.name or show.short(p.address), p.address, _terms(p)),
                        pill(tone(PROVIDER, p.state), p.detail),
                    ),
                )
                for p in known[:SHOWN_PROVIDERS]
            ]
        )

    follow(update, lambda: feed.rev("providers"))


def _terms(provider: ProviderView) -> str:
    """Why it is not ready, or what it asks and has done."""
    if provider.detail or provider.offer is None:
        return provider.detail
    return (
        f"{show.price(provider.offer.price).text} · {plural(provider.offer.slots, 'slot')} · {provider.tasks_done} done"
    )


PAGE = Page("/", "Overview", build, "layout-dashboard")
