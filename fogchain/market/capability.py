"""How fast a provider really is, as the one who asks can measure it without trust.

The asker sets a puzzle that takes so many modular squarings, one after another, and knows the answer at once, because
it knows the factors of the modulus (Rivest, Shamir, Wagner: Time-lock puzzles, 1996). Every puzzle is a new one, so no
answer can be kept. What a run of the kernel burns follows from the number of squarings alone.

A provider may still answer by other means than its sandbox, so the measurement is an upper bound: what counts is the
lesser of it and the 25th percentile of what was observed on real tasks.

Pure: randomness comes from the caller.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

BYTES = 64  # of modulus, base and answer
_BITS = 8 * BYTES
_R = 1 << _BITS  # the kernel's Montgomery factor

KERNEL = "squarings.wasm"
FUEL_BASE = 23_100  # of a run without squarings: start, arguments, input and output
FUEL_SQUARING = 14_217
ENOUGH = 8  # observed tasks from which on they count
_WITNESSES = 24


@dataclass(frozen=True, slots=True)
class Puzzle:
    modulus: int
    base: int
    squarings: int
    answer: bytes

    @property
    def stdin(self) -> bytes:
        return self.modulus.to_bytes(BYTES, "big") + self.base.to_bytes(BYTES, "big")

    @property
    def args(self) -> tuple[str, ...]:
        """Always as long: reading it is to burn as much for any number."""
        return (f"{self.squarings:08}",)

    @property
    def fuel(self) -> int:
        """What answering it burns in the sandbox."""
        return FUEL_BASE + self.squarings * FUEL_SQUARING


class PuzzleMaker:
    """Knows a modulus and its factors; each puzzle has another base."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        p, q = _prime(rng, _BITS // 2), _prime(rng, _BITS // 2)
        self._modulus, self._order = p * q, (p - 1) * (q - 1)

    def make(self, squarings: int) -> Puzzle:
        """The kernel computes base^(2^T) · R^(1 - 2^T); the exponent is reduced by the group's order, known here."""
        base = self._rng.randrange(2, self._modulus)
        exponent = pow(2, squarings, self._order)
        answer = pow(base, exponent, self._modulus) * pow(_R, 1 - exponent, self._modulus) % self._modulus
        return Puzzle(self._modulus, base, squarings, answer.to_bytes(BYTES, "big"))


def kernel() -> bytes:
    """The program that answers puzzles; its source lies beside it."""
    return resources.files("fogchain.market").joinpath("kernels", KERNEL).read_bytes()


def squarings_for(fuel: int) -> int:
    """How many burn about so much."""
    return max(1, fuel // FUEL_SQUARING)


def benchmark(small: Puzzle, small_seconds: float, large: Puzzle, large_seconds: float) -> float:
    """Fuel a second, from two round trips: what both have in common, network and start, falls out."""
    return (large.fuel - small.fuel) / max(large_seconds - small_seconds, 1e-3)


def score(measured: float | None, observed: Sequence[float]) -> float | None:
    """Fuel a second and slot that a provider is trusted to burn; None while nothing is known.

    `observed`: of this buyer's own tasks, newest ones; too few of them say nothing.
    """
    low = sorted(observed)[(len(observed) - 1) // 4] if len(observed) >= ENOUGH else None
    return min((each for each in (measured, low) if each is not None), default=None)


def _prime(rng: random.Random, bits: int) -> int:
    """The two highest bits are set, so that a product of two has twice the bits. Miller–Rabin."""
    while True:
        candidate = rng.getrandbits(bits) | 3 << (bits - 2) | 1
        if all(candidate % small for small in (3, 5, 7, 11, 13, 17, 19, 23, 29, 31)) and _is_prime(rng, candidate):
            return candidate


def _is_prime(rng: random.Random, n: int) -> bool:
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(_WITNESSES):
        x = pow(rng.randrange(2, n - 1), odd, n)
        if x in (1, n - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True
