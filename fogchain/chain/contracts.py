"""Calls to a deployment's contracts by name, written from text and told in words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from eth_abi.exceptions import EncodingError

from fogchain.chain.abi import Function, Parameter, artifact
from fogchain.chain.calls import Call
from fogchain.chain.deployment import CONTRACTS, Deployment
from fogchain.errors import BadInput

_GAS = 3_000_000  # the most that a call by hand may take; what is not used is not paid


@dataclass(frozen=True, slots=True)
class Told:
    """A call as a reader wants it: `contract` and `function` are None for what is not ours."""

    to: str
    value: int  # wei
    contract: str | None  # "FogMarket"
    function: str | None  # "setParameters"
    arguments: tuple[tuple[str, str], ...]  # names and values; members of structs as "parameters.feeBps"

    def __str__(self) -> str:
        if self.function is None:
            return f"{self.value} wei and unknown data to {self.to}"
        inside = ", ".join(f"{name} = {value}" for name, value in self.arguments)
        return f"{self.contract}.{self.function}({inside})"


def encode_call(deployment: Deployment, contract: str, function: str, values: tuple[Any, ...]) -> Call:
    """`contract` is a field of the deployment: "market". Raises BadInput for a name or value that does not fit."""
    if contract not in CONTRACTS:
        raise BadInput(f"there is no contract {contract!r}", hint=f"it is one of {', '.join(CONTRACTS)}")
    kind = CONTRACTS[contract]
    found = artifact(kind).functions.get(function)
    if found is None:
        raise BadInput(f"{kind} has no function {function!r}", hint="names are those of the contract's interface")
    try:
        data = found.encode(*values)
    except (EncodingError, ValueError, TypeError, OverflowError) as error:
        raise BadInput(f"{kind}.{found.signature} does not take these values: {error}") from error
    return Call(getattr(deployment, contract), data, _GAS, 0, f"{kind}.{function}")


def parse_call(deployment: Deployment, text: str) -> Call:
    """From `market.setPricing("0x...")`: a function and its values as a JSON list without brackets; a struct is a list
    or an object, bytes are 0x hex. Raises BadInput."""
    head, _, rest = text.strip().partition("(")
    contract, _, function = head.strip().partition(".")
    if not rest.endswith(")") or not function:
        raise BadInput(f"{text!r} is not a call", hint='write it like market.setPricing("0x…")')
    try:
        values = json.loads(f"[{rest[:-1]}]")
    except json.JSONDecodeError as error:
        raise BadInput(
            f"the values of {text!r} are not JSON: {error}", hint="put text and addresses in quotes"
        ) from error
    found = artifact(CONTRACTS[contract]).functions.get(function) if contract in CONTRACTS else None
    if found is not None:
        if len(values) != len(found.parameters):
            raise BadInput(f"{found.signature} takes {len(found.parameters)} values, not {len(values)}")
        values = [_value(parameter, value) for parameter, value in zip(found.parameters, values, strict=True)]
    return encode_call(deployment, contract, function, tuple(values))


def tell(deployment: Deployment, to: str, data: bytes, value: int = 0) -> Told:
    """What a call of `data` to `to` does, as far as our contracts know it."""
    for kind, address in deployment.addresses.items():
        if address != to.lower():
            continue
        for function in artifact(kind).functions.values():
            if function.selector == data[:4]:
                return _told(kind, function, to.lower(), data, value)
    return Told(to.lower(), value, None, None, ())


def _told(kind: str, function: Function, to: str, data: bytes, value: int) -> Told:
    try:
        values = function.decode_call(data)
    except ValueError:
        return Told(to, value, None, None, ())
    arguments: list[tuple[str, str]] = []
    for parameter, argument in zip(function.parameters, values, strict=True):
        _spell(parameter, argument, "", arguments)
    return Told(to, value, kind, function.name, tuple(arguments))


def _spell(parameter: Parameter, value: Any, before: str, into: list[tuple[str, str]]) -> None:
    name = before + parameter.name
    if parameter.components and not parameter.type.endswith("]"):
        for inner, member in zip(parameter.components, value, strict=True):
            _spell(inner, member, f"{name}.", into)
        return
    into.append((name, _show(value)))


def _show(value: Any) -> str:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(_show, value)) + "]"
    return str(value)


def _value(parameter: Parameter, value: Any) -> Any:
    """From JSON to what eth-abi takes."""
    if parameter.type.endswith("]") and isinstance(value, list):
        element = Parameter(parameter.name, parameter.type[: parameter.type.rindex("[")], parameter.components)
        return [_value(element, item) for item in value]
    if parameter.components:
        if isinstance(value, dict):
            names = [inner.name for inner in parameter.components]
            if sorted(value) != sorted(names):
                raise BadInput(f"{parameter.name} has the members {', '.join(names)}")
            value = [value[name] for name in names]
        if not isinstance(value, list) or len(value) != len(parameter.components):
            raise BadInput(f"{parameter.name} has {len(parameter.components)} members")
        return tuple(_value(inner, member) for inner, member in zip(parameter.components, value, strict=True))
    if parameter.type.startswith("bytes") and isinstance(value, str):
        try:
            return bytes.fromhex(value.removeprefix("0x"))
        except ValueError as error:
            raise BadInput(f"{parameter.name} = {value!r} is not hex") from error
    return value
