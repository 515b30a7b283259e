#!/usr/bin/env python3
"""Write the blocking clients from the asynchronous ones, so that each method stands once.

`fogchain/api/sync/` is `fogchain/api/aio/` without `async` and `await`: the same requests over another transport.
`fogchain/client/sync/` has a method for each public one in `fogchain/client/aio/`, with its signature and docstring,
that waits for it. In both, `AsyncX` becomes `X`. Hand-written are the transport (`link.py`) and what the waiting
stands on (`bridge.py`).

    scripts/sync_clients.py           write
    scripts/sync_clients.py --check   compare with what is committed; exit code 1 when it differs
"""

from __future__ import annotations

import argparse
import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
API, CLIENT = "fogchain/api", "fogchain/client"
HAND_WRITTEN = {"__init__.py", "link.py"}  # on both sides
# Each class of the Python client, and what its blocking twin stands on, with the methods that come from there.
BASES = {"AsyncClient": "BlockingClient", "AsyncJob": "Blocking[AsyncJob]", "AsyncMapped": "Stream[Any]"}
INHERITED = {"close", "aclose"}
SHOWN = {"__repr__", "_repr_html_"}  # not public by their names, but seen by users


def plain(text: str) -> str:
    """Names and prose of asynchronous code as they are without."""
    text = re.sub(r"\bAsync([A-Z]\w*)", r"\1", text)
    return re.sub(r"\basync (?=with|for)|\bawait ", "", text).replace(".aio.", ".sync.")


class Blocking(ast.NodeTransformer):
    """Code without `async` and `await`."""

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self.generic_visit(ast.FunctionDef(**vars(node)))

    def visit_Await(self, node: ast.Await) -> ast.AST:
        return self.visit(node.value)  # type: ignore[no-any-return]

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name(plain(node.id), node.ctx)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.name = plain(node.name)
        return self.generic_visit(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        node.module = plain(node.module or "")
        node.names = [ast.alias(plain(alias.name), alias.asname) for alias in node.names]
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Constant(plain(node.value)) if isinstance(node.value, str) else node


def without_await(source: str) -> str:
    return ast.unparse(Blocking().visit(ast.parse(source)))


def waiting(source: str) -> str:
    """The blocking twins of a module's classes: each method waits for the one of the same name."""
    tree = ast.parse(source)
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name in BASES]
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    return "\n\n".join(
        [
            f'"""{plain(ast.get_docstring(tree) or "")}"""',
            *(plain(ast.unparse(node)) for node in imports),
            *(f"from fogchain.client.aio import {node.name}" for node in classes),
            "from typing import Any",
            "from fogchain.client.sync.bridge import Blocking, BlockingClient, Stream",
            *map(twin, classes),
        ]
    )


def twin(node: ast.ClassDef) -> str:
    lines = [f"class {plain(node.name)}({BASES[node.name]}):", *docstring(node), f"    _inner: {node.name}"]
    return "\n\n".join([*lines, *methods(node)])


def methods(node: ast.ClassDef) -> Iterator[str]:
    for method in node.body:
        if not isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) or method.name in INHERITED:
            continue
        if method.name in SHOWN or not method.name.startswith("_"):
            lines = [*head(method), *docstring(method), *call(method)]
            yield "\n".join(f"    {line}" for line in lines)


def head(method: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    for decorator in method.decorator_list:
        yield f"@{ast.unparse(decorator)}"
    result = re.sub(r"^AsyncGenerator\[(.*), None\]$", r"Stream[\1]", ast.unparse(method.returns or ast.Constant(None)))
    yield f"def {method.name}({ast.unparse(method.args)}) -> {plain(result)}:"


def call(method: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """`return self._loop.do(self._inner.method(…))`, or what the kind of method needs instead."""
    arguments = [argument.arg for argument in method.args.args[1:]]
    arguments += [f"{argument.arg}={argument.arg}" for argument in method.args.kwonlyargs]
    result = ast.unparse(method.returns) if method.returns else ""
    is_property = any(ast.unparse(decorator) == "property" for decorator in method.decorator_list)
    inner = f"self._inner.{method.name}" + ("" if is_property else f"({', '.join(arguments)})")
    if result.startswith("AsyncGenerator["):
        inner = f"Stream(self._loop, {inner})"
    elif isinstance(method, ast.AsyncFunctionDef):
        inner = f"self._loop.do({inner})"
    if result in BASES:
        yield f"    inner = {inner}"
        inner = f"{plain(result)}(self._loop, inner)"
    yield f"    return {inner}"


def docstring(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    if text := ast.get_docstring(node, clean=False):
        yield f'    """{plain(text)}"""'


def formatted(text: str) -> str:
    """In this project's style, without the imports that are not needed."""
    for tool in (["check", "--select", "F401,I", "--fix", "--quiet"], ["format"]):
        ruff = [sys.executable, "-m", "ruff", *tool, "--stdin-filename", "fogchain/made.py", "-"]
        text = subprocess.run(ruff, input=text, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    return text


def made() -> Iterator[tuple[Path, str]]:
    """Each generated file, and what has to be in it."""
    for package, make in ((API, without_await), (CLIENT, waiting)):
        for path in sorted((ROOT / package / "aio").glob("*.py")):
            if path.name not in HAND_WRITTEN:
                source = Path(package, "aio", path.name)
                note = f"# Made of {source} by scripts/sync_clients.py: change that file, then run `make clients`.\n"
                yield Path(package, "sync", path.name), note + formatted(make(path.read_text()))


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the blocking clients from the asynchronous ones.")
    parser.add_argument("--check", action="store_true", help="compare with the committed files, write nothing")
    check = parser.parse_args().check
    stale = [(path, text) for path, text in made() if not (ROOT / path).exists() or (ROOT / path).read_text() != text]
    if check and stale:
        names = ", ".join(str(path) for path, _ in stale)
        print(f"out of date: {names}; run `make clients` and commit them", file=sys.stderr)
        return 1
    for path, text in stale:
        (ROOT / path).write_text(text)
        print(f"wrote {path}")
    if not stale:
        print("the blocking clients match the asynchronous ones")
    return 0


if __name__ == "__main__":
    sys.exit(main())
