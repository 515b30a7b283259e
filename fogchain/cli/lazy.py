"""Command groups whose commands are imported when they are used: `fogchain --help` imports none of them."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

if TYPE_CHECKING:
    from typer._click import Command, Context, HelpFormatter


@dataclass(frozen=True, slots=True)
class Lazy:
    """A command: the module, the name in it (a typer app or a function), and the line that help shows."""

    module: str
    name: str
    help: str

    def load(self, command: str) -> Command:
        found = getattr(import_module(self.module), self.name)
        app = found if isinstance(found, typer.Typer) else _single(found)
        loaded = get_command(app)
        loaded.name = command
        return loaded


class LazyCommands(MutableMapping[str, Any]):
    def __init__(self, table: dict[str, Lazy]) -> None:
        self.table = table
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = self.table[name].load(name)
        return self._loaded[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.table)

    def __len__(self) -> int:
        return len(self.table)


class LazyGroup(TyperGroup):
    """Subclasses set `table`."""

    table: dict[str, Lazy]

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "commands": None})
        self.commands = LazyCommands(self.table)

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, lazy.help) for name, lazy in self.table.items()])


def new_app(**options: Any) -> typer.Typer:
    """Plain help and tracebacks: rich would be imported for them, 0.2 s."""
    return typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, **options)


def _single(function: Any) -> typer.Typer:
    app = new_app()
    app.command()(function)
    return app
