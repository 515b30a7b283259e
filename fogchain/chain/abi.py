"""The contracts' ABI, from the exported artifacts: calls encoded, answers, events and reverts decoded.

Static words (integers, addresses, bytes32, booleans), which are all that most events hold, are cut out of the data
directly; eth-abi decodes the rest. That is some 20 times faster, and the event index lives on it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_abi.grammar import parse as parse_type
from eth_hash.auto import keccak

Decoder = Callable[[bytes], Any]


def _address(word: bytes) -> str:
    return "0x" + word[12:].hex()


def _integer(word: bytes) -> int:
    return int.from_bytes(word, "big")


def _boolean(word: bytes) -> bool:
    return word[31] != 0


def _static(solidity: str) -> Decoder | None:
    """The decoder of one 32-byte word, or None for a type that is not one."""
    if solidity == "address":
        return _address
    if solidity == "bool":
        return _boolean
    if solidity == "bytes32":
        return bytes
    if solidity.startswith("uint") and "[" not in solidity:
        return _integer
    return None


def canonical(parameter: dict[str, Any]) -> str:
    """A parameter's type as signatures write it: structs spelled out as tuples."""
    kind: str = parameter["type"]
    if not kind.startswith("tuple"):
        return kind
    inside = ",".join(canonical(item) for item in parameter["components"])
    return f"({inside}){kind.removeprefix('tuple')}"


def _lower(value: Any) -> Any:
    """Tuples of eth-abi with their addresses in lower case, as everywhere in fogchain."""
    if isinstance(value, tuple):
        return tuple(_lower(item) for item in value)
    return value.lower() if isinstance(value, str) and len(value) == 42 and value.startswith("0x") else value


def _refuse_short_words(kind: str, value: Any) -> None:
    """Raises ValueError for a bytes32 of other than 32 bytes, which eth-abi would fill with zeros."""
    if kind == "bytes32":
        if not isinstance(value, bytes) or len(value) != 32:
            raise ValueError(f"{value!r} is not 32 bytes")
    elif kind.endswith("]"):
        for item in value:
            _refuse_short_words(kind[: kind.rindex("[")], item)
    elif kind.startswith("("):
        for part, item in zip(_members(kind), value, strict=True):
            _refuse_short_words(part, item)


@cache
def _members(kind: str) -> tuple[str, ...]:
    return tuple(part.to_type_str() for part in parse_type(kind).components)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A named value of a function; a struct has its members as `components`."""

    name: str
    type: str
    components: tuple[Parameter, ...] = ()

    @classmethod
    def of(cls, entry: dict[str, Any]) -> Parameter:
        return cls(entry["name"], canonical(entry), tuple(map(cls.of, entry.get("components", ()))))


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    signature: str
    selector: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    parameters: tuple[Parameter, ...] = ()

    def encode(self, *values: Any) -> bytes:
        """Call data. Raises ValueError or TypeError (eth-abi's family) for values that do not fit."""
        for kind, value in zip(self.inputs, values, strict=True):
            _refuse_short_words(kind, value)
        return self.selector + encode(self.inputs, values)

    def decode_call(self, data: bytes) -> tuple[Any, ...]:
        """The values of call data that begins with this function's selector. Raises ValueError for other data."""
        if data[:4] != self.selector:
            raise ValueError(f"a call of 0x{data[:4].hex()}, not of {self.signature}")
        try:
            return tuple(_lower(decode(self.inputs, data[4:])))
        except DecodingError as error:
            raise ValueError(f"a call of {self.signature} with values that do not decode") from error

    def decode(self, data: bytes) -> Any:
        """The answer: the value itself when there is one, else a tuple. Raises ValueError for short data."""
        try:
            values = _lower(decode(self.outputs, data))
        except DecodingError as error:
            raise ValueError(f"{self.signature} answered {len(data)} bytes that do not decode") from error
        return values[0] if len(values) == 1 else values


@dataclass(frozen=True, slots=True)
class EventType:
    """An event of one contract: `decode` takes a log's topics and data."""

    name: str
    topic: bytes
    indexed: tuple[tuple[str, Decoder], ...]
    plain: tuple[tuple[str, Decoder | None], ...]
    plain_types: tuple[str, ...]

    def decode(self, topics: list[str], data: str) -> dict[str, Any]:
        """Values by the parameter's name in snake case. Raises ValueError for a log that is not of this event."""
        if len(topics) != len(self.indexed) + 1:
            raise ValueError(f"{self.name} with {len(topics)} topics")
        values = {
            name: decoder(bytes.fromhex(topic[2:]))
            for (name, decoder), topic in zip(self.indexed, topics[1:], strict=True)
        }
        raw = bytes.fromhex(data[2:])
        if None in (decoder for _, decoder in self.plain):
            try:
                decoded = _lower(decode(self.plain_types, raw))
            except DecodingError as error:
                raise ValueError(f"{self.name} with data that does not decode") from error
            values.update(zip((name for name, _ in self.plain), decoded, strict=True))
            return values
        if len(raw) != 32 * len(self.plain):
            raise ValueError(f"{self.name} with {len(raw)} bytes of data")
        for place, (name, cut) in enumerate(self.plain):
            assert cut is not None
            values[name] = cut(raw[32 * place : 32 * place + 32])
        return values


@dataclass(frozen=True, slots=True)
class ErrorType:
    name: str
    selector: bytes
    names: tuple[str, ...]
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class Artifact:
    """One compiled contract."""

    name: str
    bytecode: bytes
    functions: dict[str, Function]  # by name, and by signature where a name has several
    events: dict[str, EventType]
    errors: dict[bytes, ErrorType]  # by selector
    constructor: tuple[str, ...]

    def deployment_code(self, *arguments: Any) -> bytes:
        return self.bytecode + encode(self.constructor, arguments)


def selector(signature: str) -> bytes:
    return bytes(keccak(signature.encode())[:4])


@cache
def artifact(name: str) -> Artifact:
    """The contract `name`, for example `FogMarket`. Raises FileNotFoundError for an unknown one."""
    text = resources.files("fogchain.chain").joinpath("artifacts", f"{name}.json").read_text()
    return parse(name, json.loads(text))


def parse(name: str, raw: dict[str, Any]) -> Artifact:
    functions: dict[str, Function] = {}
    events: dict[str, EventType] = {}
    errors: dict[bytes, ErrorType] = {}
    constructor: tuple[str, ...] = ()
    for entry in raw["abi"]:
        inputs = tuple(canonical(item) for item in entry.get("inputs", ()))
        signature = f"{entry.get('name', '')}({','.join(inputs)})"
        if entry["type"] == "constructor":
            constructor = inputs
        elif entry["type"] == "function":
            outputs = tuple(canonical(item) for item in entry["outputs"])
            parameters = tuple(map(Parameter.of, entry["inputs"]))
            function = Function(entry["name"], signature, selector(signature), inputs, outputs, parameters)
            functions[signature] = function
            functions.setdefault(entry["name"], function)
        elif entry["type"] == "error":
            names = tuple(item["name"] for item in entry["inputs"])
            errors[selector(signature)] = ErrorType(entry["name"], selector(signature), names, inputs)
        elif entry["type"] == "event":
            events[entry["name"]] = _event(entry, signature)
    bytecode = bytes.fromhex(raw["bytecode"].removeprefix("0x"))
    return Artifact(name, bytecode, functions, events, errors, constructor)


def _event(entry: dict[str, Any], signature: str) -> EventType:
    indexed: list[tuple[str, Decoder]] = []
    plain: list[tuple[str, Decoder | None]] = []
    types: list[str] = []
    for item in entry["inputs"]:
        name, cut = snake(item["name"]), _static(item["type"])
        if not item["indexed"]:
            plain.append((name, cut))
            types.append(canonical(item))
        elif cut is None:
            indexed.append((name, bytes))  # only the hash of a dynamic value is in a topic
        else:
            indexed.append((name, cut))
    return EventType(entry["name"], bytes(keccak(signature.encode())), tuple(indexed), tuple(plain), tuple(types))


def snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
