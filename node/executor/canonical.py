"""Makes not-a-number the same bits on every processor, at less cost than after every operation.

Which bits a NaN has after an operation differs between processors. That cannot be seen as long as the value is only
calculated with: comparison, conversion to an integer and further arithmetic depend on its being NaN, not on its bits.
So an operation's result is made canonical only where something else gets it: a store, a local, a call, a branch,
a bit operation. Within one expression nothing is added. The compiler's own way (`cranelift_nan_canonicalization`)
follows every single operation and doubles the time of numeric programs.

What is added behind such an operation, for a result x (for vectors the same lane by lane):

    local.tee T   f64.const nan   local.get T   local.get T   f64.ge   select        → x if x >= x, else nan

Values that no arithmetic made (loaded, constant, reinterpreted) are never touched: programs keep other things in NaNs.
The input has to be a module that the engine has validated. Source: WebAssembly core specification 2.0, §4.3.3 (NaN
propagation) and §5 (binary format).
"""

from __future__ import annotations

from dataclasses import dataclass, field

_TYPE, _IMPORT, _FUNCTION, _CODE = 1, 2, 3, 10
_VALUE_BYTES = {"f32": 0x7D, "f64": 0x7C, "f32x4": 0x7B, "f64x2": 0x7B}


class Unknown(Exception):
    """An instruction that is not in the tables below; the module cannot be made deterministic."""


@dataclass(frozen=True, slots=True)
class _Op:
    """What an instruction does with the stack.

    `pops` are its operands from the deepest on: a kind of float where the operand's NaN bits do not matter, else None.
    `makes` is the kind of float it pushes whose NaN bits are open; `passes` that this is so only if an operand's were.
    """

    pops: tuple[str | None, ...] = ()
    pushes: bool = True
    makes: str | None = None
    passes: bool = False


def _numeric() -> dict[int, _Op]:
    """One-byte instructions without operands in the code, and those with which only `_immediates` deals."""
    ops = {0x01: _Op(pushes=False), 0x1B: _Op((None, None, None))}
    ops |= dict.fromkeys((0x20, 0x23, 0x41, 0x42, 0x43, 0x44, 0x3F), _Op())  # gets, constants, memory.size
    ops |= dict.fromkeys((0x21, 0x24), _Op((None,), pushes=False))  # sets
    ops[0x22] = _Op((None,))
    ops |= dict.fromkeys(range(0x28, 0x36), _Op((None,)))  # loads
    ops |= dict.fromkeys(range(0x36, 0x3F), _Op((None, None), pushes=False))  # stores
    ops[0x40] = _Op((None,))
    unary, binary = _Op((None,)), _Op((None, None))
    ops |= dict.fromkeys((0x45, 0x50, *range(0x67, 0x6A), *range(0x79, 0x7C), *range(0xA7, 0xC5)), unary)
    ops |= dict.fromkeys((*range(0x46, 0x50), *range(0x51, 0x5B), *range(0x6A, 0x79), *range(0x7C, 0x8B)), binary)
    for kind, compare, first in (("f32", 0x5B, 0x8B), ("f64", 0x61, 0x99)):
        ops |= dict.fromkeys(range(compare, compare + 6), _Op((kind, kind)))
        ops |= dict.fromkeys((first, first + 1), unary)  # abs and neg work on the bits
        ops |= dict.fromkeys(range(first + 2, first + 7), _Op((kind,), makes=kind))  # ceil floor trunc nearest sqrt
        ops |= dict.fromkeys(range(first + 7, first + 13), _Op((kind, kind), makes=kind))  # add sub mul div min max
        ops[first + 13] = binary  # copysign works on the bits
    ops |= dict.fromkeys((0xA8, 0xA9, 0xAE, 0xAF), _Op(("f32",))) | dict.fromkeys(
        (0xAA, 0xAB, 0xB0, 0xB1), _Op(("f64",))
    )
    ops[0xB6], ops[0xBB] = _Op(("f64",), makes="f32"), _Op(("f32",), makes="f64")  # demote, promote
    ops[0x1A] = _Op(("any",), pushes=False)  # drop
    return ops


def _vector() -> dict[int, _Op]:
    """Instructions behind the prefix 0xFD; what is missing here is taken to need canonical operands."""
    ops = dict.fromkeys((*range(11), 92, 93), _Op((None,)))  # loads
    ops |= {11: _Op((None, None), pushes=False), 12: _Op(), 13: _Op((None, None)), 14: _Op((None, None))}
    ops |= dict.fromkeys((*range(15, 19), 21, 22, 24, 25, 27, 29, 77, 83), _Op((None,)))
    ops |= dict.fromkeys((23, 26, 28, 30, *range(35, 65), *range(78, 82), 174, 177, 181), _Op((None, None)))
    ops[82] = _Op((None, None, None))  # bitselect
    for kind, lane, splat, extract, compare in (("f32x4", "f32", 19, 31, 65), ("f64x2", "f64", 20, 33, 71)):
        ops[splat] = _Op((lane,), makes=kind, passes=True)
        ops[extract] = _Op((kind,), makes=lane, passes=True)
        ops[extract + 1] = _Op((None, None))  # replace: the lanes left alone may hold anything
        ops |= dict.fromkeys(range(compare, compare + 6), _Op((kind, kind)))
    for kind, unary, first in (("f32x4", (103, 104, 105, 106), 224), ("f64x2", (116, 117, 122, 148), 236)):
        ops |= dict.fromkeys((first, first + 1), _Op((None,)))  # abs, neg
        ops |= dict.fromkeys((*unary, first + 3), _Op((kind,), makes=kind))
        ops |= dict.fromkeys(range(first + 4, first + 10), _Op((kind, kind), makes=kind))
        ops |= dict.fromkeys((first + 10, first + 11), _Op((None, None)))  # pmin, pmax choose one operand's bits
    ops |= dict.fromkeys((248, 249), _Op(("f32x4",))) | dict.fromkeys((252, 253), _Op(("f64x2",)))
    ops |= dict.fromkeys((250, 251, 254, 255), _Op((None,)))
    ops[94], ops[95] = _Op(("f64x2",), makes="f32x4"), _Op(("f32x4",), makes="f64x2")
    return ops


_NUMERIC, _VECTOR = _numeric(), _vector()
_SATURATING = {n: _Op(("f32" if n % 4 < 2 else "f64",)) for n in range(8)}  # behind the prefix 0xFC

_NONE, _LEB, _LEB2, _MEMORY, _FOUR, _EIGHT, _BLOCK, _TABLE, _TYPES = range(9)


def _immediates() -> list[int | None]:
    """How the operands of each one-byte instruction are written; None for what is no such instruction."""
    kinds: list[int | None] = [None] * 256
    for code in (0x00, 0x01, 0x05, 0x0B, 0x0F, 0x1A, 0x1B, 0xD1, *range(0x45, 0xC5)):
        kinds[code] = _NONE
    for code in (0x0C, 0x0D, 0x10, 0x12, *range(0x20, 0x27), 0x3F, 0x40, 0x41, 0x42, 0xD0, 0xD2):
        kinds[code] = _LEB
    for code in range(0x28, 0x3F):
        kinds[code] = _MEMORY
    kinds[0x02] = kinds[0x03] = kinds[0x04] = _BLOCK
    kinds[0x0E], kinds[0x11], kinds[0x13], kinds[0x1C] = _TABLE, _LEB2, _LEB2, _TYPES
    kinds[0x43], kinds[0x44] = _FOUR, _EIGHT
    return kinds


_IMMEDIATES = _immediates()
_BULK_OPERANDS = (0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 2, 1, 2, 1, 2, 1, 1, 1)

_F32_NAN, _F64_NAN = bytes.fromhex("0000c07f"), bytes.fromhex("000000000000f87f")
_CANONICAL = {  # constant; comparison; choice
    "f32": (b"\x43" + _F32_NAN, b"\x60", b"\x1b"),
    "f64": (b"\x44" + _F64_NAN, b"\x66", b"\x1b"),
    "f32x4": (b"\xfd\x0c" + _F32_NAN * 4, b"\xfd\x46", b"\xfd\x52"),
    "f64x2": (b"\xfd\x0c" + _F64_NAN * 2, b"\xfd\x4c", b"\xfd\x52"),
}


def canonicalise(module: bytes) -> bytes:
    """A module that does the same with canonical NaNs. Raises Unknown."""
    out = bytearray(module[:8])
    types: list[int] = []
    functions: list[int] = []
    at = 8
    while at < len(module):
        kind = module[at]
        size, start = _leb(module, at + 1)
        end = start + size
        if kind == _TYPE:
            types = _parameter_counts(module, start)
        elif kind == _FUNCTION:
            functions = _vector_of_lebs(module, start)
        if kind == _CODE:
            body = _code(module, start, [types[index] for index in functions])
            out += bytes([kind]) + _encode(len(body)) + body
        else:
            out += module[at:end]
        at = end
    return bytes(out)


def _parameter_counts(data: bytes, at: int) -> list[int]:
    count, at = _leb(data, at)
    found = []
    for _ in range(count):
        if data[at] != 0x60:
            raise Unknown(f"type form {data[at]:#x}")
        parameters, at = _leb(data, at + 1)
        at = _skip_types(data, at, parameters)
        results, at = _leb(data, at)
        at = _skip_types(data, at, results)
        found.append(parameters)
    return found


def _skip_types(data: bytes, at: int, count: int) -> int:
    for _ in range(count):
        if data[at] not in (0x7F, 0x7E, 0x7D, 0x7C, 0x7B, 0x70, 0x6F):
            raise Unknown(f"value type {data[at]:#x}")
        at += 1
    return at


def _vector_of_lebs(data: bytes, at: int) -> list[int]:
    count, at = _leb(data, at)
    found = []
    for _ in range(count):
        value, at = _leb(data, at)
        found.append(value)
    return found


def _code(data: bytes, at: int, parameters: list[int]) -> bytes:
    count, at = _leb(data, at)
    out = bytearray(_encode(count))
    for number in range(count):
        size, at = _leb(data, at)
        body = _Function(data, at, at + size, parameters[number]).rewritten()
        out += _encode(len(body)) + body
        at += size
    return bytes(out)


@dataclass(slots=True)
class _Function:
    """One function's body, between `start` and `end`."""

    data: bytes
    start: int
    end: int
    parameters: int
    places: dict[int, str] = field(default_factory=dict)  # where something has to be added, and for which kind of float

    def rewritten(self) -> bytes:
        data = self.data
        groups, at = _leb(data, self.start)
        locals_start, first_free = at, self.parameters
        for _ in range(groups):
            number, at = _leb(data, at)
            at = _skip_types(data, at, 1)
            first_free += number
        self._walk(at)
        if not self.places:
            return data[self.start : self.end]
        kinds = sorted(set(self.places.values()))
        added = {kind: self._sequence(kind, first_free + n) for n, kind in enumerate(kinds)}
        out = bytearray(_encode(groups + len(kinds)) + data[locals_start:at])
        for kind in kinds:
            out += bytes([1, _VALUE_BYTES[kind]])
        for place in sorted(self.places):
            out += data[at:place] + added[self.places[place]]
            at = place
        return bytes(out + data[at : self.end])

    @staticmethod
    def _sequence(kind: str, local: int) -> bytes:
        constant, compare, choose = _CANONICAL[kind]
        index = _encode(local)
        return b"\x22" + index + constant + b"\x20" + index + b"\x20" + index + compare + choose

    def _walk(self, at: int) -> None:
        """Find `places`. `stack` mirrors the operands pushed since the last control instruction, what lies below is
        canonical: (kind, place) for those whose NaN bits are open, None for the others."""
        data, end, places = self.data, self.end, self.places
        stack: list[tuple[str, int] | None] = []
        while at < end:
            code = data[at]
            if code == 0xFD:
                number, at = _leb(data, at + 1)
                at = _vector_operands(data, at, number)
                op = _VECTOR.get(number)
            elif code == 0xFC:
                number, at = _leb(data, at + 1)
                if number >= len(_BULK_OPERANDS):
                    raise Unknown(f"instruction 0xfc {number}")
                for _ in range(_BULK_OPERANDS[number]):
                    _, at = _leb(data, at)
                op = _SATURATING.get(number)
            else:
                at = _operands(data, at)
                op = _NUMERIC.get(code)
            if op is None:  # control, calls and rare instructions get everything canonical
                for entry in stack:
                    if entry is not None:
                        places[entry[1]] = entry[0]
                stack.clear()
                continue
            made = op.makes is not None and not op.passes
            for wanted in reversed(op.pops):
                entry = stack.pop() if stack else None
                if entry is None or wanted == "any":
                    continue
                if wanted == entry[0]:
                    made = made or op.passes
                else:
                    places[entry[1]] = entry[0]
            if op.pushes:
                stack.append((op.makes, at) if made and op.makes is not None else None)


def _operands(data: bytes, at: int) -> int:
    """Where the one-byte instruction at `at` ends. Raises Unknown."""
    code = data[at]
    kind = _IMMEDIATES[code]
    at += 1
    if kind == _NONE:
        return at
    if kind == _LEB:
        return _leb_end(data, at)
    if kind == _MEMORY:
        return _memory_operand(data, at)
    if kind == _EIGHT:
        return at + 8
    if kind == _FOUR:
        return at + 4
    if kind == _BLOCK:
        return _leb_end(data, at)  # a type's byte or a signed number
    if kind == _LEB2:
        return _leb_end(data, _leb_end(data, at))
    if kind == _TABLE:
        count, at = _leb(data, at)
        for _ in range(count + 1):
            at = _leb_end(data, at)
        return at
    if kind == _TYPES:
        count, at = _leb(data, at)
        return _skip_types(data, at, count)
    raise Unknown(f"instruction {code:#x}")


def _vector_operands(data: bytes, at: int, number: int) -> int:
    if number <= 11 or number in (92, 93):
        return _memory_operand(data, at)
    if number in (12, 13):
        return at + 16
    if 21 <= number <= 34:
        return at + 1
    if 84 <= number <= 91:
        return _memory_operand(data, at) + 1
    if number > 255:
        raise Unknown(f"instruction 0xfd {number}")
    return at


def _memory_operand(data: bytes, at: int) -> int:
    if data[at] >= 0x40:
        raise Unknown("more than one memory")
    return _leb_end(data, at + 1)


def _leb_end(data: bytes, at: int) -> int:
    while data[at] >= 0x80:
        at += 1
    return at + 1


def _leb(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned number, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _encode(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
