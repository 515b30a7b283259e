"""Rewritten modules do what the compiler's own canonicalisation does, bit by bit, and leave all other bits alone."""

from __future__ import annotations

import random
import struct

import pytest
import wasmtime

from node.executor.canonical import canonicalise

_NANS = [0x7FF8000000000000, 0xFFF8000000000000, 0x7FF8000000000123, 0xFFFC0000FFC1BEEF, 0x7FF00000FF800000]


def _bits(value: float) -> int:
    bits: int = struct.unpack("<Q", struct.pack("<d", value))[0]
    return bits


def _engine(canonical: bool) -> wasmtime.Engine:
    config = wasmtime.Config()
    config.cranelift_nan_canonicalization = canonical
    config.cranelift_opt_level = "speed"
    return wasmtime.Engine(config)


COMPILERS, PLAIN = _engine(True), _engine(False)


def execute(engine: wasmtime.Engine, module: bytes, memory: bytes) -> bytes:
    store = wasmtime.Store(engine)
    exports = wasmtime.Instance(store, wasmtime.Module(engine, module), []).exports(store)
    ram, run = exports["memory"], exports["run"]
    assert isinstance(ram, wasmtime.Memory)
    assert isinstance(run, wasmtime.Func)
    ram.write(store, memory, 0)
    run(store)
    return bytes(ram.read(store, 0, 1024))


def in_both_ways(text: str, memory: bytes) -> tuple[bytes, bytes]:
    module = bytes(wasmtime.wat2wasm(text))
    return execute(COMPILERS, module, memory), execute(PLAIN, canonicalise(module), memory)


# name: operands, result. The stack machine below picks from those whose operands are there.
_F = {
    t: {
        **{f"{t}.{op}": ((t, t), t) for op in ("add", "sub", "mul", "div", "min", "max", "copysign")},
        **{f"{t}.{op}": ((t,), t) for op in ("abs", "neg", "sqrt", "ceil", "floor", "trunc", "nearest")},
        **{f"{t}.{op}": ((t, t), "i32") for op in ("eq", "ne", "lt", "ge")},
        f"i32.trunc_sat_{t}_s": ((t,), "i32"),
        f"{t}.convert_i32_s": (("i32",), t),
        f"call $same_{t}": ((t,), t),
        f"local.tee $keep_{t}": ((t,), t),
        f"local.get $keep_{t}": ((), t),
        f"global.get $g_{t}": ((), t),
        f"block (param {t}) (result {t}) {t}.sqrt end": ((t,), t),
        f"if (result {t}) local.get $keep_{t} {t}.sqrt else global.get $g_{t} end": (("i32",), t),
        f"select (result {t})": ((t, t, "i32"), t),
        f"global.set $g_{t}": ((t,), None),
        f"local.set $keep_{t}": ((t,), None),
        f"{t}.store": (("at", t), None),
        f"select (; {t} ;)": ((t, t, "i32"), t),
    }
    for t in ("f32", "f64")
}
_V = {
    **{f"{s}.{op}": (("v128", "v128"), "v128") for s in ("f32x4", "f64x2")
       for op in ("add", "sub", "mul", "div", "min", "max", "pmin", "pmax", "eq", "lt", "ge")},
    **{f"{s}.{op}": (("v128",), "v128") for s in ("f32x4", "f64x2")
       for op in ("abs", "neg", "sqrt", "ceil", "floor", "trunc", "nearest")},
    **{f"v128.{op}": (("v128", "v128"), "v128") for op in ("and", "or", "xor", "andnot")},
    "v128.not": (("v128",), "v128"), "v128.bitselect": (("v128", "v128", "v128"), "v128"),
    "v128.any_true": (("v128",), "i32"), "i32x4.add": (("v128", "v128"), "v128"),
    "i32x4.trunc_sat_f32x4_s": (("v128",), "v128"), "f32x4.convert_i32x4_s": (("v128",), "v128"),
    "i32x4.trunc_sat_f64x2_s_zero": (("v128",), "v128"), "f64x2.convert_low_i32x4_s": (("v128",), "v128"),
    "f32x4.demote_f64x2_zero": (("v128",), "v128"), "f64x2.promote_low_f32x4": (("v128",), "v128"),
    "f32x4.splat": (("f32",), "v128"), "f64x2.splat": (("f64",), "v128"),
    "f32x4.extract_lane 2": (("v128",), "f32"), "f64x2.extract_lane 1": (("v128",), "f64"),
    "f32x4.replace_lane 1": (("v128", "f32"), "v128"), "f64x2.replace_lane 0": (("v128", "f64"), "v128"),
    "i8x16.shuffle 4 5 6 7 0 1 2 3 24 25 26 27 12 13 14 15": (("v128", "v128"), "v128"),
    "i8x16.swizzle": (("v128", "v128"), "v128"), "i16x8.extract_lane_u 3": (("v128",), "i32"),
    "i32x4.splat": (("i32",), "v128"), "local.tee $keep_v128": (("v128",), "v128"),
    "v128.store": (("at", "v128"), None), "local.set $keep_v128": (("v128",), None),
    "local.get $keep_v128": ((), "v128"), "f32x4.lt drop": (("v128", "v128"), None),
}  # fmt: skip
_OTHER = {
    "f32.demote_f64": (("f64",), "f32"), "f64.promote_f32": (("f32",), "f64"),
    "i64.reinterpret_f64": (("f64",), "i64"), "f64.reinterpret_i64": (("i64",), "f64"),
    "i32.reinterpret_f32": (("f32",), "i32"), "f32.reinterpret_i32": (("i32",), "f32"),
    "i32.add": (("i32", "i32"), "i32"), "i64.xor": (("i64", "i64"), "i64"), "i32.wrap_i64": (("i64",), "i32"),
    "i64.extend_i32_s": (("i32",), "i64"), "i32.popcnt": (("i32",), "i32"), "nop": ((), None),
    "i32.const 0 i32.const 0 i32.const 0 memory.copy": ((), None), "f64.const nan:0x8000000000001": ((), "f64"),
    "f32.const -nan:0x400001": ((), "f32"), "block end": ((), None),
}  # fmt: skip
_OPS: dict[str, tuple[tuple[str, ...], str | None]] = {**_F["f32"], **_F["f64"], **_V, **_OTHER}
_TYPES = ("f32", "f64", "v128", "i32", "i64")


def random_program(rng: random.Random) -> str:
    """A program that loads values of every type, does a hundred and fifty things with them and stores what is left.

    `at` on the stack is an address some later store will use.
    """
    stack: list[str] = []
    code: list[str] = []
    place = 512
    for _ in range(150):
        fitting = [name for name, (takes, _) in _OPS.items() if takes == tuple(stack[len(stack) - len(takes) :])]
        if len(stack) < 3 or rng.random() < 0.3:
            kind = rng.choice(("f32", "f64", "f32", "f64", "v128", "v128", "i32", "i64", "at"))
            if kind == "at":
                code.append(f"i32.const {place}")
                place = 512 + (place - 496) % 400
            else:
                code.append(f"i32.const {rng.randrange(120) * 4} {kind}.load")
            stack.append(kind)
            continue
        stores = [name for name in fitting if name.endswith(".store")]
        arithmetic = [name for name in fitting if name.endswith((".add", ".mul", ".sqrt")) and name[0] == "f"]
        name = rng.choice(rng.choice([group for group in (stores, arithmetic, fitting) if group]))
        takes, gives = _OPS[name]
        code.append(name)
        if takes:
            del stack[-len(takes) :]
        if gives:
            stack.append(gives)
    for kind in reversed(stack):
        if kind == "at":
            code.append("drop")
        else:
            code.append(f"local.set $t_{kind} i32.const {place} local.get $t_{kind} {kind}.store")
            place = 512 + (place - 496) % 400
    keep = "".join(f"(local $keep_{kind} {kind})(local $t_{kind} {kind})" for kind in _TYPES)
    return f"""(module (memory (export "memory") 1)
      (global $g_f32 (mut f32) (f32.const 1)) (global $g_f64 (mut f64) (f64.const 1))
      (func $same_f32 (param f32) (result f32) local.get 0) (func $same_f64 (param f64) (result f64) local.get 0)
      (func (export "run") {keep} {" ".join(code)}
        i32.const 992 global.get $g_f32 f32.store i32.const 1000 global.get $g_f64 f64.store))"""


@pytest.mark.parametrize("seed", range(40))
def test_random_programs_give_the_bits_of_the_compilers_own_way(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(10):
        text = random_program(rng)
        values = [rng.choice((rng.choice(_NANS), rng.getrandbits(64), _bits(rng.uniform(-9, 9)))) for _ in range(64)]
        theirs, ours = in_both_ways(text, struct.pack("<64Q", *values))
        assert ours == theirs


@pytest.mark.parametrize("loop_adds", ["f64.add", "f64.sub", "f64.mul"])
def test_a_sum_carried_round_a_loop(loop_adds: str) -> None:
    text = f"""(module (memory (export "memory") 1) (func (export "run") (local $i i32) (local $x f64)
      (loop $again
        (local.set $x ({loop_adds} (local.get $x) (f64.load (i32.shl (local.get $i) (i32.const 3)))))
        (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 8))))
      (f64.store (i32.const 512) (local.get $x))))"""
    theirs, ours = in_both_ways(text, struct.pack("<8d", 1, 2, float("inf"), float("-inf"), 0, 3, 4, 5))
    assert ours == theirs
    assert ours[512:520] == struct.pack("<Q", 0x7FF8000000000000)


def test_what_is_kept_in_a_nan_survives() -> None:
    text = """(module (memory (export "memory") 1) (func (export "run") (local f64 f32)
      (local.set 0 (f64.load (i32.const 0))) (f64.store (i32.const 512) (local.get 0))
      (local.set 1 (f32.load (i32.const 8))) (f32.store (i32.const 520) (local.get 1))
      (f64.store (i32.const 528) (select (f64.load (i32.const 0)) (f64.const 1) (i32.const 1)))
      (v128.store (i32.const 544) (f32x4.replace_lane 1 (v128.load (i32.const 0)) (f32.sqrt (f32.const -1))))))"""
    boxed = struct.pack("<QQ", 0xFFFC0000DEADBEEF, 0xFFC12345)
    theirs, ours = in_both_ways(text, boxed)
    assert ours == theirs
    assert ours[512:524] == boxed[:12]
    assert ours[528:536] == boxed[:8]
    assert ours[544:548] == boxed[:4]


def test_without_canonicalisation_the_bits_are_the_processors() -> None:
    """That the tests above can fail: on x86-64 a calculated NaN is negative."""
    text = """(module (memory (export "memory") 1) (func (export "run")
      (f64.store (i32.const 0) (f64.div (f64.load (i32.const 8)) (f64.load (i32.const 8))))))"""
    module = bytes(wasmtime.wat2wasm(text))
    assert execute(PLAIN, canonicalise(module), bytes(16))[:8] == struct.pack("<Q", 0x7FF8000000000000)
    import platform

    if platform.machine() in ("x86_64", "AMD64"):
        assert execute(PLAIN, module, bytes(16))[:8] == struct.pack("<Q", 0xFFF8000000000000)


def test_nothing_is_added_within_an_expression_nor_without_floats() -> None:
    def size(body: str) -> int:
        module = bytes(wasmtime.wat2wasm(f'(module (memory 1) (func (export "f") (param f64) (result i32) {body}))'))
        return len(canonicalise(module)) - len(module)

    x = "(local.get 0)"
    assert size(f"(f64.lt (f64.add (f64.mul {x} {x}) (f64.sqrt (f64.sub {x} {x}))) {x})") == 0
    assert size(f"(f64.store (i32.const 0) {x}) (i32.const 0)") == 0
    assert size(f"(f64.store (i32.const 0) (f64.add (f64.mul {x} {x}) {x})) (i32.const 0)") > 0
