"""A Python function as a script for a Python job: its source, and what it needs of its surroundings.

What goes along: functions of one's own that it calls, modules of the standard library, and plain values that it uses
from outside. What can't is refused here, by name, before anything is spent.
"""

from __future__ import annotations

import ast
import builtins
import dis
import inspect
import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import resources
from types import CodeType, FunctionType, ModuleType
from typing import Any

from fogchain.client import values
from fogchain.errors import BadInput

MAX_CAPTURED = 256 << 10  # characters of one value from outside
RESULT = "results.json"  # that the script writes into /out
DEEPEST = 1000  # brackets within each other in it: three for each level of a value, and some

_HINT = "docs/client.md says what a mapped function may use"


def script_of(function: Callable[..., Any]) -> str:
    """A program that reads items from standard input, applies the function to each, and writes /out/results.json.

    Raises BadInput for a function whose source is not to be had, or that needs what can't go along.
    """
    if not inspect.isfunction(function):
        raise BadInput(f"{_called(function)} is no plain Python function", hint=f"wrap it in a `def`; {_HINT}")
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise BadInput(
            f"{_called(function)} is a coroutine or generator", hint="give a function that returns its value"
        )
    parts = _Parts()
    name = parts.add(function)
    codec = resources.files("fogchain.client").joinpath("values.py").read_text()
    return _FRAME.format(codec=codec, parts="\n\n".join(parts.lines()), name=name, result=RESULT)


_FRAME = """\
from __future__ import annotations
import json as _json, sys as _sys, types as _types

_values = _types.ModuleType("values")
exec(compile({codec!r}, "values.py", "exec"), _values.__dict__)


{parts}


def _main(function):
    import linecache, traceback

    answers = []
    for item in _values.loads(_sys.stdin.buffer.read()):
        try:
            value = function(item)
            try:
                answers.append({{"value": _values._plain(value, 0)}})
            except (TypeError, ValueError) as error:
                raise TypeError("its result: " + str(error)) from None
        except BaseException as error:
            if isinstance(error, (KeyboardInterrupt, MemoryError)):
                raise
            shown = traceback.format_exception(type(error), error, error.__traceback__.tb_next)
            answers.append({{"kind": type(error).__name__, "text": str(error), "traceback": "".join(shown)}})
    with open("/out/{result}", "w", encoding="ascii") as file:
        _json.dump(answers, file)


_main({name})
"""


@dataclass
class _Parts:
    """What the script is put together from, by the name under which the function finds it."""

    _text: dict[str, str] = field(default_factory=dict)
    _objects: dict[str, object] = field(default_factory=dict)

    def lines(self) -> list[str]:
        return list(self._text.values())

    def add(self, function: FunctionType) -> str:
        """The function and all it needs; returns its name in the script."""
        source, name = _source_of(function, len(self._objects))
        self._claim(name, function)
        tree = _parsed(source, function)
        _check_imports(tree, function)
        for wanted in sorted(_globals_of(function.__code__) | _default_names(tree)):
            self._need(wanted, function)
        for wanted, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            self._capture(wanted, _contents(cell, wanted, function), function)
        self._text[name] = source
        return name

    def _need(self, name: str, function: FunctionType) -> None:
        if name in function.__globals__:
            self._capture(name, function.__globals__[name], function)
        elif not hasattr(builtins, name):
            raise BadInput(
                f"{_called(function)} uses {name!r}, which is not defined", hint="define or import it before"
            )

    def _capture(self, name: str, value: object, function: FunctionType) -> None:
        if name in self._objects and self._objects[name] is value:
            return
        if isinstance(value, ModuleType):
            self._claim(name, value)
            self._text[name] = f"import {_standard(value.__name__, function)} as {name}"
        elif _is_standard(value):
            self._claim(name, value)
            module, what = value.__module__, value.__qualname__  # type: ignore[attr-defined]  # _is_standard looked
            self._text[name] = f"from {module} import {what} as {name}"
        elif inspect.isfunction(value):
            made = self.add(value)
            if made != name:
                self._claim(name, value)
                self._text[name] = f"{name} = {made}"
        else:
            self._claim(name, value)
            self._text[name] = f"{name} = _values.loads({_packed(name, value, function)!r})"

    def _claim(self, name: str, value: object) -> None:
        if name in self._objects and self._objects[name] is not value:
            raise BadInput(
                f"two different things are called {name!r} in what is to be sent", hint="rename one of the two"
            )
        self._objects[name] = value


def _source_of(function: FunctionType, number: int) -> tuple[str, str]:
    """The definition as a statement of its own, and the name it gives."""
    try:
        text = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError) as error:
        raise BadInput(
            f"the source of {_called(function)} is not to be had",
            hint="write it in a file or a notebook's cell; what is made by exec or typed at a bare prompt has none",
        ) from error
    if function.__name__ != "<lambda>":
        return text, function.__name__
    found = [node for node in ast.walk(_statement(text)) if isinstance(node, ast.Lambda)]
    if len(found) > 1:
        found = [node for node in found if _is_code_of(node, function.__code__)]
    if len({ast.dump(node) for node in found}) != 1:
        raise BadInput("the source of that lambda can't be told from its line's", hint="write it as a `def`")
    name = f"_lambda_{number}"
    return f"{name} = {ast.unparse(found[0])}\n", name


def _statement(text: str) -> ast.AST:
    """What a lambda stands in, made whole: its source begins and ends with its lines, maybe inside a call."""
    begin = text.find("lambda")
    for candidate in (text, *(f"({text[begin:end].strip()})" for end in range(len(text), begin, -1))):
        try:
            return ast.parse(candidate)
        except SyntaxError:
            continue
    return ast.Module([], [])


def _is_code_of(node: ast.Lambda, code: CodeType) -> bool:
    made = compile(ast.fix_missing_locations(ast.Expression(node)), "<lambda>", "eval")
    inner = next(one for one in made.co_consts if isinstance(one, CodeType))
    return (inner.co_code, inner.co_varnames, inner.co_names) == (code.co_code, code.co_varnames, code.co_names)


def _parsed(source: str, function: FunctionType) -> ast.Module:
    try:
        tree = ast.parse(source)
        compile(source, "<function>", "exec", dont_inherit=True)
    except SyntaxError as error:
        raise BadInput(
            f"{_called(function)} does not stand by itself: {error.msg}", hint="write it at the top level of its file"
        ) from error
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.decorator_list:
            raise BadInput(f"{_called(function)} has decorators", hint="give the plain function, without them")
        if isinstance(node, ast.AsyncFunctionDef):
            raise BadInput(f"{_called(function)} is a coroutine", hint="give a function that returns its value")
    return tree


def _check_imports(tree: ast.Module, function: FunctionType) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                _standard(alias.name, function)
        elif isinstance(node, ast.ImportFrom):
            _standard(node.module or ".", function) if not node.level else _standard(".", function)


def _standard(module: str, function: FunctionType) -> str:
    if module.partition(".")[0] not in sys.stdlib_module_names:
        raise BadInput(
            f"{_called(function)} imports {module!r}, and the sandbox has the standard library alone",
            hint=f"do without it, or write the job as a program of its own; {_HINT}",
        )
    return module


def _is_standard(value: object) -> bool:
    """A class or function that can be imported from the standard library by its name."""
    if not (inspect.isclass(value) or inspect.isroutine(value)):
        return False
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", "")
    if not isinstance(module, str) or module == "__main__" or module.partition(".")[0] not in sys.stdlib_module_names:
        return False
    return getattr(sys.modules.get(module), name, None) is value


def _globals_of(code: CodeType) -> set[str]:
    found = {str(step.argval) for step in dis.get_instructions(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    written = [step for step in dis.get_instructions(code) if step.opname in ("STORE_GLOBAL", "DELETE_GLOBAL")]
    if written:
        raise BadInput(
            f"{code.co_name}() sets the global {written[0].argval!r}", hint="each task starts afresh: return the value"
        )
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            found |= _globals_of(inner)
    return found


def _default_names(tree: ast.Module) -> set[str]:
    """Names that are looked up where the function is defined: in its parameters' defaults."""
    return {
        name.id
        for node in tree.body[:1]
        if isinstance(node, ast.FunctionDef)
        for default in (*node.args.defaults, *(one for one in node.args.kw_defaults if one is not None))
        for name in ast.walk(default)
        if isinstance(name, ast.Name)
    }


def _contents(cell: Any, name: str, function: FunctionType) -> object:
    try:
        return cell.cell_contents
    except ValueError as error:
        raise BadInput(f"{_called(function)} uses {name!r}, which has no value yet", hint=_HINT) from error


def _packed(name: str, value: object, function: FunctionType) -> str:
    try:
        text = values.dumps(value)
    except (TypeError, ValueError) as error:
        what = "a class of your own" if inspect.isclass(value) else f"a {type(value).__name__}"
        raise BadInput(
            f"{_called(function)} uses {name!r} from outside, {what}, which can't go along",
            hint="pass it with each item, or build it inside the function from plain values",
        ) from error
    if len(text) > MAX_CAPTURED:
        raise BadInput(f"{_called(function)} uses {name!r} from outside, which is too large", hint="pass it as an item")
    return text


def _called(function: object) -> str:
    name = getattr(function, "__name__", None) or type(function).__name__
    return "that lambda" if name == "<lambda>" else f"{name}()"


def read_results(data: bytes, count: int) -> Iterator[dict[str, object]]:
    """What the script wrote, one entry for each of `count` items. Raises ValueError for anything else."""
    if _depth(data) > DEEPEST:  # the parser itself would go as deep as Python may, beyond its stack's end
        raise ValueError(f"results nested more than {DEEPEST} deep")
    entries = json.loads(data)
    if not isinstance(entries, list) or len(entries) != count or not all(isinstance(one, dict) for one in entries):
        raise ValueError("the far side's results are not one for each item")
    for entry in entries:
        if "value" in entry:
            yield {"value": values.loads(json.dumps(entry["value"]))}
        else:
            yield {name: str(entry.get(name, ""))[:100_000] for name in ("kind", "text", "traceback")}


_MARKS = re.compile(rb'"(?:[^"\\]|\\.)*+"?|([\[{])|([\]}])', re.DOTALL)


def _depth(text: bytes) -> int:
    """How many brackets of a JSON text are open at once, at most."""
    depth = deepest = 0
    for mark in _MARKS.finditer(text):
        if mark[1]:
            depth += 1
            deepest = max(deepest, depth)
        elif mark[2]:
            depth -= 1
    return deepest
