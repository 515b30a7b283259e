"""The cards in which a job is written: program, tasks, limits, money and checks, when and where."""

from __future__ import annotations

from collections.abc import Callable

from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement

from fogchain.api.jobfile import MAX_TASKS, JobSpec, ResolvedJob
from fogchain.units import format_duration
from ui import show
from ui.components.base import Facts, block, card, set_classes, set_prop, shown, text
from ui.components.choice import Choice
from ui.components.drop import Drop
from ui.components.fields import Field
from ui.components.fold import Fold
from ui.drafts import PLACEHOLDER, Draft
from ui.jobform import AGREEMENT, DEFAULTS, LEVELS, PRIVACY, Files, Runtime, job_file, runtime_of, terms

KINDS: dict[Runtime, str] = {
    "wasm": "A WebAssembly module",
    "python": "A Python script: it runs on CPython 3.12 in the same sandbox",
    "native": "A Linux program: fewer providers take them, and level L1 can't check them",
}


PRIVACY_HINT = "direct: each knows the other's address"


class JobFields:
    """What is written goes into the draft; `on_change` is called with every change."""

    def __init__(self, draft: Draft, on_change: Callable[[], None]) -> None:
        self._draft, self._on_change = draft, on_change
        draft.values = {**DEFAULTS, **draft.values}
        self._fields: dict[str, Field] = {}
        self._hints: dict[str, str] = {}
        self._drops: list[Drop] = []
        self._wrong_in_fold: set[str] = set()
        self._program()
        self._tasks()
        self._limits()
        self._money()
        self._where()
        self._agreement()

    def toml(self) -> str:
        """Raises WrongField."""
        return job_file(self._draft.values, self._files(), PLACEHOLDER)

    def set(self, name: str, value: str) -> None:
        self._fields[name].set(value)

    def complain(self, wrong: dict[str, str]) -> None:
        """Words at the fields they are about; the others say what they are for."""
        for name, field in self._fields.items():
            field.hint(wrong.get(name, self._hints[name]), wrong=name in wrong)
        self._each_hint.set_text(wrong.get("each", ""))
        self._privacy_hint.set_text(wrong.get("privacy", PRIVACY_HINT))
        set_classes(self._privacy_hint, "fc-hint bad" if "privacy" in wrong else "fc-hint")
        in_fold = {name for name in AGREEMENT if name in wrong}
        if in_fold - self._wrong_in_fold:
            self._fold.open()
        self._wrong_in_fold = in_fold

    def count(self, job: ResolvedJob | None) -> None:
        self._count.set_text(show.plural(len(job.spec.tasks), "task") if job else "")
        if job is not None:
            self._fold.tell(terms_of(job.spec))

    def update_files(self) -> None:
        for drop in self._drops:
            drop.update_files()
        runtime = self._files().runtime
        self._kind.set_text(KINDS[runtime] if runtime else "")

    # -- the cards

    def _program(self) -> None:
        with card("Program", "cpu"):
            self._drop(
                "program", "A WebAssembly module or a Python script", ".wasm or .py, or a static Linux program",
                multiple=False,
            )  # fmt: skip
            self._kind = text("", "fc-hint fc-unless-empty")
            self._field("name", "Name", "after the program's file", "what lists call it", most=100)

    def _tasks(self) -> None:
        with card("Tasks", "layers") as end:
            with end:
                self._count = text("", "fc-num")
            shape = Choice(
                "How many tasks", {"count": "A number of them", "each": "One for each file"}, lambda: pick(shape.value)
            )
            count = block()
            with count:
                self._field("count", "How many", "8", f"1 to {show.number(MAX_TASKS)}")
            each = block("fc-stack tight")
            with each:
                self._drop("each", "One file for each task", "a task finds its own in /in, under its name")
                self._each_hint = text("", "fc-hint bad fc-unless-empty")
            self._field(
                "args", "Arguments", "{index} {count}",
                "{index}: the task's number from 0, {count}: how many there are, {file}: the name of its own file",
            )  # fmt: skip
            self._drop("shared", "Files for every task", "found in /in, read-only, under their names")

        def pick(value: str) -> None:
            shown(count, value == "count")
            shown(each, value == "each")
            self._write("shape", value)

        shape.choose(self._draft.values["shape"])

    def _limits(self) -> None:
        with card("Limits of one task", "gauge"), block("fc-grid g-2 tight"):
            self._field("fuel", "Fuel", "10 Gfuel", "instructions; the price is for these")
            self._field("memory", "Memory", "256 MiB", "most providers offer 512 MiB")
            self._field("time", "Time", "5 min", "then another provider is tried")
            self._field("output", "Output", "16 MiB", "all its result files together")

    def _money(self) -> None:
        with card("Money and checks", "coins"):
            with block("fc-grid g-2 tight"):
                self._field("budget", "Budget", "5 FOG", "the job never costs more")
                self._field("max_price", "Highest price", "any", "as in 0.8 FOG/Gfuel; who asks more is left out")
            levels: dict[str, Element] = {}
            with block("fc-field"):
                text("How results are checked", tag="label")
                with block("fc-levels", role="group", aria_label="How results are checked"):
                    for level, (title, words) in LEVELS.items():
                        with block("fc-level", "button", type="button") as levels[level]:
                            with block("fc-row"):
                                text(level, "fc-tag", "span")
                                text(title, tag="b")
                            text(words, "fc-small fc-dim", "span")
                        levels[level].on("click", lambda level=level: pick(level))
            sample = block()
            with sample:
                self._field("sample", "Share that is checked", "by each provider's record", "as in 10 %")

        def pick(chosen: str) -> None:
            for level, made in levels.items():
                set_prop(made, "aria-pressed", "true" if level == chosen else "false")
            shown(sample, chosen == "L1")
            self._write("level", chosen)

        pick(self._draft.values["level"])

    def _where(self) -> None:
        with card("When and where", "clock"), block("fc-grid g-2 tight"):
            self._choice(
                "urgency", "Urgency", {"now": "Now", "deferrable": "Can wait"},
                "what can wait is bought in an auction, which may be cheaper",
            )  # fmt: skip
            self._choice(
                "pay", "Providers are paid", {"session": "As they work", "batch": "At the end"},
                "at the end: nothing is locked, but fewer providers give credit",
            )  # fmt: skip
            self._field("time_limit", "The whole job within", "1 h", "what is not done by then is given up")
            self._field("min_survival", "Chance that a provider stays", "any", "by its own record, as in 95 %")
            self._field("class", "Resource class", "any", "as in cpu")
            self._field("regions", "Regions", "anywhere", "as in eu, us-va; eu-de lies in eu")

    def _agreement(self) -> None:
        self._fold = Fold("Agreement", "badge-check", "job-agreement")
        with self._fold.body():
            text("What both sides sign beside the price, for each task.", "fc-dim fc-small")
            with block("fc-grid g-2 tight"):
                self._field(
                    "deadline", "Deadline", "the job's time limit",
                    "as in 10 min, from the order to the result; what comes later earns less",
                )  # fmt: skip
                self._field(
                    "grace", "Grace", "1 min", "as in 1 min after the deadline: over it the pay falls to nothing"
                )
                self._field(
                    "penalty", "Penalty", "none",
                    "as in 0.1 FOG, of a provider that signs for a task and never delivers; at most what it could earn",
                )  # fmt: skip
                self._privacy_hint = self._choice("privacy", "How you reach each other", PRIVACY, PRIVACY_HINT)
        if any(self._draft.values[name] != DEFAULTS[name] for name in AGREEMENT):
            self._fold.open()

    # -- their parts

    def _field(self, name: str, label: str, placeholder: str, hint: str = "", *, most: int = 0) -> None:
        field = Field(f"job-{name}", label, placeholder, lambda: self._write(name, field.value), most=most)
        field.set(self._draft.values[name])
        field.hint(hint)
        self._fields[name], self._hints[name] = field, hint

    def _choice(self, name: str, label: str, options: dict[str, str], hint: str) -> TextElement:
        """Its hint."""
        with block("fc-field"):
            text(label, tag="label")
            choice = Choice(label, options, lambda: self._write(name, choice.value))
            choice.choose(self._draft.values[name])
            return text(hint, "fc-hint")

    def _drop(self, slot: str, title: str, hint: str, *, multiple: bool = True) -> None:
        self._drops.append(Drop(self._draft, slot, title, hint, self._on_change, multiple=multiple))  # type: ignore[arg-type]

    def _write(self, name: str, value: str) -> None:
        if self._draft.values.get(name) != value:
            self._draft.values[name] = value
            self._on_change()

    def _files(self) -> Files:
        kept = self._draft.files
        program = next(iter(kept["program"]), None)
        runtime: Runtime | None = None
        if program is not None:
            try:
                with self._draft.path("program", program).open("rb") as file:
                    runtime = runtime_of(program, file.read(4))
            except OSError:  # taken away meanwhile
                program = None
        return Files(program, runtime, list(kept["shared"]), sorted(kept["each"]))


class JobFile:
    """The other way: a job file that was written elsewhere, with the files it names."""

    def __init__(self, draft: Draft, on_change: Callable[[], None]) -> None:
        with card("Job file", "file-text"):
            self._drop = Drop(
                draft, "job", "job.toml, and every file that it names",
                "the program, the inputs, the text to split; whatever folders its paths name", on_change,
            )  # fmt: skip
        self._box = block("fc-hide")
        with self._box, card("What it says", "info"):
            self._facts = Facts(
                "Name",
                "Runtime",
                "Tasks",
                "First task",
                "Budget",
                "Highest price",
                "Fuel of a task",
                "Checks",
                "Within",
                "Agreement",
            )

    def update_files(self) -> None:
        self._drop.update_files()

    def show(self, job: ResolvedJob | None) -> None:
        shown(self._box, job is not None)
        if job is None:
            return
        spec = job.spec
        values = {
            "Name": spec.name,
            "Runtime": spec.runtime,
            "Tasks": show.number(len(spec.tasks)),
            "First task": " ".join(spec.tasks[0].args)[:200] or "without arguments",
            "Budget": show.fog(spec.budget).text,
            "Highest price": "any" if spec.max_price is None else show.price(spec.max_price).text,
            "Fuel of a task": show.fuel(spec.limits.fuel).text,
            "Checks": f"{spec.verify.level}: {LEVELS[spec.verify.level][0].lower()}",
            "Within": format_duration(spec.time_limit),
            "Agreement": terms_of(spec),
        }
        for label, value in values.items():
            self._facts.set(label, value)


def terms_of(spec: JobSpec) -> str:
    return terms(spec.deadline, spec.grace, spec.penalty, spec.privacy)
