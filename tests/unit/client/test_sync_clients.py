"""The blocking clients are what the asynchronous ones make them: each method with its parameters and docstring."""

import importlib.util
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from fogchain.api import client as api
from fogchain.client import AsyncClient, AsyncJob, AsyncMapped, Client, Job, Mapped

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "scripts" / "sync_clients.py"
PAIRS = [(AsyncClient, Client), (AsyncJob, Job), (AsyncMapped, Mapped), (api.AsyncClient, api.Client)]
OWN_WAY = {"aclose", "events"}  # Stream.close; an EventStream instead of a generator


def script():
    spec = importlib.util.spec_from_file_location("sync_clients", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def public(kind: type) -> dict:
    return {name: value for name, value in inspect.getmembers(kind) if not name.startswith("_")}


def test_the_generated_files_are_up_to_date():
    done = subprocess.run([sys.executable, SCRIPT, "--check"], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("asynchronous", "blocking"), PAIRS, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_every_method_has_its_twin_with_the_same_parameters_and_docstring(asynchronous: type, blocking: type):
    twins = public(blocking)
    for name, method in public(asynchronous).items():
        if name in OWN_WAY:
            continue
        twin = twins[name]
        if not isinstance(method, property):
            assert list(inspect.signature(twin).parameters.values()) == list(
                inspect.signature(method).parameters.values()
            )
        if name != "close":
            assert inspect.getdoc(twin) == inspect.getdoc(method)


def test_a_new_method_reaches_the_blocking_client():
    source = '''"""`AsyncJob`."""

class AsyncJob:
    async def wait(self, seconds: float, *, loud: bool = False) -> AsyncJob:
        """`await` it."""
        return self

    async def parts(self) -> AsyncGenerator[int, None]:
        """`async for` each."""
        yield 1

    def _hidden(self) -> None: ...
'''
    lines = script().waiting(source)
    assert "def wait(self, seconds: float, *, loud: bool=False) -> Job:" in lines
    assert "self._loop.do(self._inner.wait(seconds, loud=loud))" in lines
    assert "def parts(self) -> Stream[int]:" in lines and "return Stream(self._loop, self._inner.parts())" in lines
    assert "`for` each." in lines and "_hidden" not in lines


def test_requests_lose_their_await():
    source = "class AsyncXApi(AsyncLink):\n    async def x(self) -> X:\n        return (await self._get(X, 'x')).y"
    assert script().without_await(source) == (
        "class XApi(Link):\n\n    def x(self) -> X:\n        return self._get(X, 'x').y"
    )
