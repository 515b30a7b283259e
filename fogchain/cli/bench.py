"""`fogchain bench`: run a suite, print its figures beside their bars."""

from __future__ import annotations

import asyncio
import inspect
import json
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from fogchain.cli import output
from fogchain.cli.options import Json
from fogchain.errors import BadInput


def bench(
    suite: Annotated[str, typer.Argument(help="e2e, market, chain or sandbox.")],
    file: Annotated[Path | None, typer.Argument(help="Write the report here, as JSON.")] = None,
    as_json: Json = False,
) -> None:
    """Measure a suite of figures on this machine, and compare them with their bars."""
    from fogchain.bench.bars import SUITES
    from fogchain.bench.report import Metric, report

    if suite not in SUITES:
        raise BadInput(f"there is no suite {suite!r}", hint=f"use one of {', '.join(SUITES)}")
    module = import_module(f"fogchain.bench.{suite}")
    started = datetime.now().astimezone()
    say = {"say": lambda line: output.note(output.dim(line))} if "say" in _parameters(module.run) else {}
    outcome = module.run(**say)
    if inspect.isawaitable(outcome):
        outcome = asyncio.run(_await(outcome))
    metrics, missing = outcome if isinstance(outcome, tuple) else _sorted(outcome, Metric)
    result = report(suite, metrics, missing, started)
    if file is not None:
        file.write_text(json.dumps(result, indent=2) + "\n")
    if as_json:
        if file is None:
            output.say_json(result)
        return
    _show(result)


def _show(result: dict[str, Any]) -> None:
    output.table(
        ("figure", "value", "", "bar", "", "peer"),
        [
            (
                metric["name"],
                f"{metric['value']:.4g}",
                metric["unit"],
                f"{metric['op']} {metric['bar']:g}",
                typer.style("met", fg="green") if metric["met"] else typer.style("missed", fg="red"),
                f"{metric['peer']['name']} {metric['peer']['value']:.4g}" if metric["peer"] else "",
            )
            for metric in result["metrics"]
        ],
        right=(1,),
    )
    for item in result["missing"]:
        output.say(f"{item['name']}  {output.dim('not measured: ' + item['why'])}")
    machine = result["machine"]
    output.say(output.dim(f"{machine['cpu']}, {machine['cores']} cores, commit {result['commit'][:12]}"))


def _parameters(function: Any) -> Any:
    return inspect.signature(function).parameters


async def _await(outcome: Any) -> Any:
    return await outcome


def _sorted(items: Any, metric: type) -> tuple[list[Any], list[Any]]:
    """A suite may also return figures and missing ones in one list."""
    return [item for item in items if isinstance(item, metric)], [i for i in items if not isinstance(i, metric)]
