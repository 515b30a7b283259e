"""The local chain: anvil as a managed child whose state survives restarts and kills.

FOLDER/deployment.json   the contracts' addresses      FOLDER/chain.json   where it listens, while it runs
FOLDER/state/            the newest saved states        FOLDER/anvil.log    what anvil said since its last start
FOLDER/lock              held by the process that runs it

Blocks come at a fixed interval, never on demand: anvil hangs when several senders meet automine. A kill of anvil loses
what was mined since the last saved state, at most some seconds; senders notice and send it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import structlog
from coincurve import PrivateKey

from fogchain.chain.anvil import find_anvil, free_port, refuse_busy, start_anvil
from fogchain.chain.client import ChainClient
from fogchain.chain.deploy import deploy
from fogchain.chain.deployment import Deployment, write_atomically
from fogchain.chain.faucet import TREASURY_KEY, fund
from fogchain.chain.profile import Profile
from fogchain.chain.rpc import Rpc, RpcError
from fogchain.chain.snapshots import Snapshots
from fogchain.errors import Conflict, CorruptData, NotFound, Unavailable

_HOST = "127.0.0.1"
_START_TIMEOUT = 20.0  # seconds for anvil to answer; loading a big state takes some
_POLL = 0.25  # seconds between looks for blocks worth saving
_MIN_SAVE_GAP = 1.0  # seconds; grows with what a save costs, so that saving takes a quarter of the time at most
_MAX_DEATHS = 5  # of anvil within a minute, after which this gives up

_log = structlog.get_logger(__name__)


class LocalChain:
    """`start`, use `rpc_url` and `deployment`, `stop`. One process at a time per folder."""

    def __init__(self, folder: Path, *, port: int = 0, block_time: float = 0.25, chain_id: int = 31337) -> None:
        """`port` 0: the one used last time, else any free one. `block_time` in seconds."""
        self.folder = folder
        self.port = port
        self.block_time = block_time
        self.chain_id = chain_id
        self._chosen_port = port
        self._snapshots = Snapshots(folder / "state")
        self._lock: IO[str] | None = None
        self._rpc: Rpc | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._deployment: Deployment | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._over: asyncio.Future[None] | None = None
        self._unsaved = False
        self._seen_block = 0
        self._saving = asyncio.Lock()
        self._funding = asyncio.Lock()

    @property
    def rpc_url(self) -> str:
        """Known once started."""
        return f"http://{_HOST}:{self.port}"

    @property
    def deployment(self) -> Deployment:
        if self._deployment is None:
            raise Unavailable("the local chain is not started")
        return self._deployment

    @property
    def pid(self) -> int | None:
        """anvil's process id."""
        return self._process.pid if self._process else None

    async def start(self) -> Deployment:
        """Starts anvil on the newest saved state and, the first time, deploys the contracts.

        Raises Unavailable without anvil, Conflict for a busy port, a folder in use or one of another chain id,
        CorruptData when no saved state can be read. On an error nothing is left running.
        """
        binary = find_anvil()
        self._take_folder()
        try:
            self._choose_port()
            self._over = asyncio.get_running_loop().create_future()
            self._rpc = Rpc(self.rpc_url)
            await self._run(binary)
            self._deployment = await self._deploy()
            await self.save()
            self._write_state()
        except BaseException:
            await self._end()
            raise
        self._tasks = [
            asyncio.create_task(self._watch(binary), name="anvil-watch"),
            asyncio.create_task(self._save_regularly(), name="anvil-save"),
        ]
        _log.info("local chain runs", rpc_url=self.rpc_url, chain_id=self.chain_id, block_time=self.block_time)
        return self._deployment

    async def stop(self) -> None:
        """Saves the state and ends anvil. Safe to call twice, and after a failed start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        if self._process and self._process.returncode is None and self._rpc and self._deployment:
            try:
                await self._look()
                if self._unsaved:
                    await self.save()
            except (Unavailable, RpcError) as error:
                _log.warning("the local chain's last blocks could not be saved", reason=error.message)
        await self._end()
        if self._over and not self._over.done():
            self._over.set_result(None)

    async def wait(self) -> None:
        """Until it is stopped. Raises Unavailable when anvil dies again and again."""
        if self._over is None:
            raise Unavailable("the local chain is not started")
        await asyncio.shield(self._over)

    async def fund(self, address: str, eth: int, fog: int) -> None:
        """Adds `eth` wei and `fog` base units to an account; they survive a kill once this returns."""
        async with self._funding:
            await fund(self._connected(), self.deployment, address, eth, fog)
            await self.save()

    async def save(self) -> None:
        """Puts the chain's present state on disk."""
        async with self._saving:
            self._unsaved = False
            try:
                dump = await self._connected().call("anvil_dumpState")
                await asyncio.to_thread(self._snapshots.save, dump)
            except BaseException:
                self._unsaved = True
                raise

    # ---- the folder

    def _take_folder(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "home").mkdir(exist_ok=True)
        lock = (self.folder / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            holder = lock.read().strip()
            lock.close()
            raise Conflict(
                f"the chain in {self.folder} is already running" + (f" (process {holder})" if holder else ""),
                hint="use that one, stop it first, or choose another folder",
            ) from error
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        self._lock = lock

    def _choose_port(self) -> None:
        last = self._read_state()
        if last.get("chain_id", self.chain_id) != self.chain_id:
            raise Conflict(
                f"{self.folder} holds chain {last['chain_id']}, not chain {self.chain_id}",
                hint="start it with that chain id, or choose another folder",
            )
        if self._chosen_port:
            refuse_busy(_HOST, self._chosen_port)
            self.port = self._chosen_port
            return
        self.port = 0
        if isinstance(port := last.get("port"), int):
            # Nodes have this address in their configuration: keep it while it is free.
            with contextlib.suppress(Conflict, OverflowError):
                refuse_busy(_HOST, port)
                self.port = port
        self.port = self.port or free_port(_HOST)

    def _read_state(self) -> dict[str, Any]:
        try:
            state = json.loads((self.folder / "chain.json").read_text())
        except (OSError, ValueError):
            return {}
        return state if isinstance(state, dict) else {}

    def _write_state(self) -> None:
        running = self._process is not None and self._process.returncode is None
        state = {
            "rpc_url": self.rpc_url,
            "chain_id": self.chain_id,
            "port": self.port,
            "pid": os.getpid() if running else None,
            "anvil_pid": self.pid if running else None,
        }
        write_atomically(self.folder / "chain.json", (json.dumps(state, indent=2) + "\n").encode())

    # ---- anvil

    async def _run(self, binary: Path) -> None:
        """Starts anvil on the newest saved state that it takes."""
        while True:
            state = await asyncio.to_thread(self._snapshots.usable)
            arguments = [
                *("--host", _HOST, "--port", str(self.port), "--chain-id", str(self.chain_id)),
                *("--block-time", f"{self.block_time:g}", "--prune-history", "16"),
                *("--no-request-size-limit", "--silent"),
                *(("--load-state", str(state)) if state else ()),
            ]
            self._process = await start_anvil(binary, arguments, self.folder / "home", self.folder / "anvil.log")
            if await self._answers():
                break
            said = (self.folder / "anvil.log").read_text(errors="replace").strip()[-400:]
            if state is None or "in use" in said:
                raise Unavailable(f"anvil did not start: {said or 'it said nothing'}", hint=f"it is {binary}")
            self._snapshots.discard()
        self._seen_block = int(await self._connected().call("eth_blockNumber"), 16)

    async def _answers(self) -> bool:
        """False when anvil ended before it answered. Raises Unavailable when it does neither in time."""
        process, rpc = self._process, self._connected()
        assert process is not None
        deadline = time.monotonic() + _START_TIMEOUT
        while time.monotonic() < deadline:
            if process.returncode is not None:
                return False
            try:
                chain_id = int(await rpc.call("eth_chainId"), 16)
            except Unavailable:
                await asyncio.sleep(0.02)
                continue
            if chain_id != self.chain_id:
                raise Conflict(f"port {self.port} answers for chain {chain_id}", hint="choose another port")
            return True
        raise Unavailable(f"anvil does not answer on port {self.port}", hint=f"look into {self.folder / 'anvil.log'}")

    async def _watch(self, binary: Path) -> None:
        """Starts anvil again whenever it ends by itself."""
        deaths: list[float] = []
        try:
            while True:
                assert self._process is not None
                code = await self._process.wait()
                now = time.monotonic()
                deaths = [when for when in deaths if now - when < 60] + [now]
                if len(deaths) > _MAX_DEATHS:
                    raise Unavailable(
                        f"anvil ended {len(deaths)} times within a minute",
                        hint=f"look into {self.folder / 'anvil.log'}",
                    )
                _log.warning("anvil ended, it is started again from the last saved state", exit_code=code)
                async with self._saving:
                    await self._run(binary)
                self._write_state()
        except (Unavailable, Conflict, CorruptData) as error:
            _log.error("the local chain is down", reason=error.message)
            assert self._over is not None
            if not self._over.done():
                self._over.set_exception(error)

    async def _save_regularly(self) -> None:
        gap = _MIN_SAVE_GAP
        last = time.monotonic()
        while True:
            await asyncio.sleep(_POLL)
            try:
                await self._look()
                if self._unsaved and time.monotonic() - last >= gap:
                    began = time.monotonic()
                    await self.save()
                    last = time.monotonic()
                    gap = max(_MIN_SAVE_GAP, 3 * (last - began))
            except (Unavailable, RpcError) as error:
                _log.debug("the local chain can't be saved now", reason=error.message)
            except OSError as error:
                _log.error("the local chain can't be saved", reason=str(error))

    async def _look(self) -> None:
        """Whether blocks since the last look hold transactions; empty ones are not worth saving."""
        rpc = self._connected()
        newest = int(await rpc.call("eth_blockNumber"), 16)
        if newest < self._seen_block:
            self._seen_block = newest
        fresh = range(self._seen_block + 1, newest + 1)
        counts = await rpc.strict(("eth_getBlockTransactionCountByNumber", [hex(number)]) for number in fresh[-1000:])
        if len(fresh) > 1000 or any(int(count or "0x0", 16) for count in counts):
            self._unsaved = True
        self._seen_block = newest

    async def _deploy(self) -> Deployment:
        target = self.folder / "deployment.json"
        rpc = self._connected()
        try:
            found = Deployment.load(target)
        except NotFound:
            pass
        else:
            client = ChainClient(self.rpc_url, found)
            try:
                await client.connect()
            except NotFound:
                _log.warning("the saved state is older than the contracts, they are deployed again")
            else:
                if found.rpc_url != self.rpc_url:
                    found = replace(found, rpc_url=self.rpc_url)
                    found.save(target)
                return found
            finally:
                await client.close()
        return await deploy(rpc, PrivateKey(TREASURY_KEY), target, Profile.load("test"), public_url=self.rpc_url)

    async def _end(self) -> None:
        if self._rpc:
            await self._rpc.close()
            self._rpc = None
        if self._process:
            if self._process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    self._process.terminate()
                try:
                    await asyncio.wait_for(self._process.wait(), 5)
                except TimeoutError:
                    with contextlib.suppress(ProcessLookupError):
                        self._process.kill()
                    await self._process.wait()
            self._write_state()
            self._process = None
        if self._lock:
            self._lock.close()
            self._lock = None

    def _connected(self) -> Rpc:
        if self._rpc is None:
            raise Unavailable("the local chain is not running", hint="start it with `fogchain chain up`")
        return self._rpc
