"""A private D-Bus with services that answer what the test says: a real bus daemon, real messages."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from jeepney import DBusAddress, HeaderFields, MessageType, new_error, new_method_call, new_method_return
from jeepney.io.blocking import open_dbus_connection

Answers = dict[tuple[str, str, str], tuple[str, tuple[Any, ...]]]  # (path, interface, member) to signature and body
_DAEMON = DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus")


@contextlib.contextmanager
def private_bus() -> Iterator[str]:
    """Its address. A session bus lets anybody take any name."""
    program = shutil.which("dbus-daemon")
    if program is None:
        pytest.skip("there is no dbus-daemon on this machine")
    command = [program, "--session", "--nofork", "--nopidfile", "--print-address", "--address=unix:tmpdir=/tmp"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as daemon:
        try:
            assert daemon.stdout is not None
            yield daemon.stdout.readline().strip()
        finally:
            daemon.kill()


class Service:
    """Answers on the bus until it is closed. Properties are looked up as (path, interface, name)."""

    def __init__(self, address: str, names: tuple[str, ...]) -> None:
        self.methods: Answers = {}
        self.properties: Answers = {}
        self.silent = False
        self._connection = open_dbus_connection(bus=address)
        for name in names:
            reply = self._connection.send_and_get_reply(new_method_call(_DAEMON, "RequestName", "su", (name, 0)))
            assert reply.body == (1,)
        self._ends = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def has(self, path: str, interface: str, **values: tuple[str, Any]) -> None:
        for name, value in values.items():
            self.properties[path, interface, name] = ("v", (value,))

    def close(self) -> None:
        self._ends = True
        self._thread.join(10)
        self._connection.close()

    def _serve(self) -> None:
        while not self._ends:
            try:
                message = self._connection.receive(timeout=0.05)
            except TimeoutError:
                continue
            except OSError:
                return
            if message.header.message_type is MessageType.method_call and not self.silent:
                self._answer(message)

    def _answer(self, message: Any) -> None:
        fields = message.header.fields
        path, interface = fields[HeaderFields.path], fields[HeaderFields.interface]
        member = fields[HeaderFields.member]
        if (interface, member) == ("org.freedesktop.DBus.Properties", "Get"):
            found = self.properties.get((path, *message.body))
        else:
            found = self.methods.get((path, interface, member))
        if found is None:
            reply = new_error(message, "org.freedesktop.DBus.Error.UnknownMethod")
        else:
            reply = new_method_return(message, *found)
        self._connection.send(reply)
