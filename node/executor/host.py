"""Ties the WASI calls to wasmtime, once per worker, for whichever run is going on.

wasmtime's Python package wraps every argument of every call into the host; that costs 25 µs a call. Its C interface
passes them as an array of 16-byte values, which costs 5 µs, so the calls are defined through that (wasmtime.h:
`wasmtime_linker_define_func_unchecked`). Everything else goes through the package.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import c_char_p, c_int64, c_size_t, c_uint64, c_void_p
from typing import Any

import wasmtime
from wasmtime import _ffi

from node.executor.abi import FUNCTIONS, MODULE, Refused
from node.executor.wasi import CALL_FUEL, OutOfFuel, Wasi

_Callback = ctypes.CFUNCTYPE(c_void_p, c_void_p, c_void_p, ctypes.POINTER(c_int64), c_size_t)


def _function(name: str, result: Any, *arguments: Any) -> Any:
    return ctypes.CFUNCTYPE(result, *arguments)((name, _ffi.dll))


_define = _function(
    "wasmtime_linker_define_func_unchecked",
    c_void_p, c_void_p, c_char_p, c_size_t, c_char_p, c_size_t, c_void_p, c_void_p, c_void_p, c_void_p,
)  # fmt: skip
_caller_context = _function("wasmtime_caller_context", c_void_p, c_void_p)
_caller_export = _function("wasmtime_caller_export_get", ctypes.c_bool, c_void_p, c_char_p, c_size_t, c_void_p)
_get_fuel = _function("wasmtime_context_get_fuel", c_void_p, c_void_p, c_void_p)
_set_fuel = _function("wasmtime_context_set_fuel", c_void_p, c_void_p, c_uint64)
_memory_data = _function("wasmtime_memory_data", c_void_p, c_void_p, c_void_p)
_memory_size = _function("wasmtime_memory_data_size", c_size_t, c_void_p, c_void_p)
_new_trap = _function("wasmtime_trap_new", c_void_p, c_char_p, c_size_t)

_EXTERN_MEMORY = _ffi.WASMTIME_EXTERN_MEMORY.value


class NoMemory(Exception):
    """The module calls WASI but exports no memory named `memory`."""


class Host:
    """The functions a module may import, answered by the current run's `Wasi`.

    A Python exception cannot cross wasmtime: a call that ends the run leaves it in `ending` and traps.
    """

    def __init__(self, engine: wasmtime.Engine) -> None:
        self.linker = wasmtime.Linker(engine)
        self.ending: Exception | None = None
        self._wasi: Wasi | None = None
        self._limit = 0
        self._context: int | None = None
        self._memory: Any = None
        self._memory_pointer = 0
        self._seen: tuple[int, int] = (0, 0)
        self._fuel = c_uint64(0)
        self._fuel_pointer = ctypes.addressof(self._fuel)
        self._kept: list[Any] = []  # wasmtime holds bare pointers to these
        for name, parameters in FUNCTIONS.items():
            self._bind(name, parameters)

    def begin(self, wasi: Wasi, fuel: int) -> None:
        self._wasi, self._limit = wasi, fuel
        self._context = self._memory = None
        self._seen = (0, 0)
        self.ending = None

    def end(self) -> None:
        if self._wasi is not None:
            self._wasi.memory = memoryview(b"")
        self._wasi = self._context = self._memory = None

    def use_fuel(self, amount: int) -> None:
        """Raises OutOfFuel, and leaves none."""
        _get_fuel(self._context, self._fuel_pointer)
        left = self._fuel.value - amount
        _set_fuel(self._context, max(left, 0))
        if left < 0:
            raise OutOfFuel

    def fuel_used(self) -> int:
        _get_fuel(self._context, self._fuel_pointer)
        return self._limit - self._fuel.value

    def _bind(self, name: str, parameters: str) -> None:
        slots = [(2 * n, 2**32 - 1 if kind == "i" else 2**64 - 1) for n, kind in enumerate(parameters)]

        def call(environment: int, caller: int, values: Any, size: int) -> int | None:
            try:
                arguments = [values[at] & mask for at, mask in slots]
                values[0] = self._answer(name, caller, arguments)
            except Exception as error:  # noqa: BLE001 - it must not unwind into wasmtime; `sandbox.py` raises it again
                self.ending = error
                trap: int = _new_trap(b"the run ends", 12)
                return trap
            return None

        kinds = {"i": wasmtime.ValType.i32(), "I": wasmtime.ValType.i64()}
        results = [] if name == "proc_exit" else [kinds["i"]]
        signature = wasmtime.FuncType([kinds[kind] for kind in parameters], results)
        callback = _Callback(call)
        self._kept += [signature, callback]
        error = _define(
            ctypes.cast(self.linker.ptr(), c_void_p), MODULE.encode(), len(MODULE), name.encode(), len(name),
            ctypes.cast(signature.ptr(), c_void_p), ctypes.cast(callback, c_void_p), None, None,
        )  # fmt: skip
        if error:
            raise RuntimeError(f"wasmtime did not take the function {name}")

    def _answer(self, name: str, caller: int, arguments: list[int]) -> int:
        if self._context is None:
            self._enter(caller)
        wasi = self._wasi
        assert wasi is not None
        self.use_fuel(CALL_FUEL)
        base = _memory_data(self._context, self._memory_pointer)
        size = _memory_size(self._context, self._memory_pointer)
        if (base, size) != self._seen:
            self._seen = (base, size)
            wasi.memory = memoryview((ctypes.c_ubyte * size).from_address(base)).cast("B") if size else memoryview(b"")
        method: Callable[..., int] = getattr(wasi, name)
        try:
            return method(*arguments)
        except Refused as refused:
            return refused.errno

    def _enter(self, caller: int) -> None:
        """On a run's first call: find its store's context and its memory."""
        found: Any = _ffi.wasmtime_extern_t()
        if not _caller_export(caller, b"memory", 6, ctypes.addressof(found)) or found.kind != _EXTERN_MEMORY:
            raise NoMemory("the module calls WASI but exports no memory named 'memory'")
        self._context = _caller_context(caller)
        self._memory = found
        self._memory_pointer = ctypes.addressof(found.of.memory)
