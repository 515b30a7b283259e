"""Asks services on a D-Bus: one connection, short questions, and no service is started for being asked."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jeepney import DBusAddress, DBusErrorResponse, MessageFlag, Properties, new_method_call
from jeepney.auth import AuthenticationError
from jeepney.io.blocking import open_dbus_connection
from jeepney.low_level import Message, MessageType

from node.harvest.probes.probe import Absent, Failed

TIMEOUT = 0.8  # seconds for one question
SYSTEM = "unix:path=/run/dbus/system_bus_socket"
_NOT_HERE = frozenset(
    f"org.freedesktop.DBus.Error.{word}"
    for word in (
        "ServiceUnknown", "NameHasNoOwner", "UnknownObject", "UnknownMethod", "UnknownProperty", "UnknownInterface",
        "AccessDenied", "InvalidArgs",
    )
)  # fmt: skip


def system_bus(environment: Mapping[str, str]) -> str:
    return environment.get("DBUS_SYSTEM_BUS_ADDRESS") or SYSTEM


def session_bus(environment: Mapping[str, str]) -> str | None:
    """Of the desktop that this process belongs to, or of this user; None when there is none."""
    if address := environment.get("DBUS_SESSION_BUS_ADDRESS"):
        return address
    place = Path(f"/run/user/{os.getuid()}/bus") if hasattr(os, "getuid") else None
    return f"unix:path={place}" if place is not None and place.exists() else None


class Bus:
    """Raises Absent when there is no such bus, or it does not let us in."""

    def __init__(self, address: str) -> None:
        try:
            self._connection = open_dbus_connection(bus=address, auth_timeout=TIMEOUT)
        except (OSError, ValueError, RuntimeError, KeyError, AuthenticationError) as error:
            raise Absent(f"there is no D-Bus at {address}: {error or type(error).__name__}") from error

    def property(self, at: DBusAddress, name: str) -> Any:
        """Raises Absent, Failed."""
        body = self._ask(Properties(at).get(name))
        if len(body) != 1 or not isinstance(body[0], tuple) or len(body[0]) != 2:
            raise Failed(f"{at.bus_name} gave no value for {name}")
        return body[0][1]

    def call(self, at: DBusAddress, method: str) -> Any:
        """The only thing that a method without arguments gives back. Raises Absent, Failed."""
        body = self._ask(new_method_call(at, method))
        if len(body) != 1:
            raise Failed(f"{at.bus_name} answered {method} with {len(body)} values")
        return body[0]

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._connection.close()

    def _ask(self, message: Message) -> tuple[Any, ...]:
        message.header.flags |= MessageFlag.no_auto_start
        service = message.header.fields.get(6, "the service")  # DESTINATION
        try:
            reply = self._connection.send_and_get_reply(message, timeout=TIMEOUT)
        except TimeoutError as error:
            raise Failed(f"{service} did not answer within {TIMEOUT:g} s") from error
        if reply.header.message_type is MessageType.error:
            refusal = str(DBusErrorResponse(reply).name)
            if refusal in _NOT_HERE:
                raise Absent(f"{service} is not here, or does not tell: {refusal.rpartition('.')[2]}")
            raise Failed(f"{service}: {refusal}")
        return tuple(reply.body)


def is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
