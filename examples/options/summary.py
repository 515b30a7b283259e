"""Adds up the parts of an options job: prices with 95 % confidence intervals beside the exact values."""

from __future__ import annotations

import argparse
import math
import tomllib
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

JOB = Path(__file__).with_name("job.toml")
_Z95 = 1.959964
_normal = NormalDist()


@dataclass(frozen=True)
class Market:
    steps: int
    spot: float
    strike: float
    rate: float
    volatility: float
    years: float

    @classmethod
    def of_job(cls, job: Path = JOB) -> Market:
        steps, *rest = tomllib.loads(job.read_text())["array"]["args"][2:]
        return cls(int(steps), *map(float, rest))


@dataclass(frozen=True)
class Price:
    """An estimate with its standard error, and the closed form where there is one."""

    name: str
    paths: int
    estimate: float
    error: float
    exact: float | None

    @property
    def interval(self) -> tuple[float, float]:
        return self.estimate - _Z95 * self.error, self.estimate + _Z95 * self.error

    @property
    def deviation(self) -> float | None:
        """How many standard errors the estimate lies from the exact value."""
        return None if self.exact is None else (self.estimate - self.exact) / self.error


def black_scholes(market: Market, *, call: bool) -> float:
    m, sign = market, 1 if call else -1
    spread = m.volatility * math.sqrt(m.years)
    d1 = (math.log(m.spot / m.strike) + (m.rate + m.volatility**2 / 2) * m.years) / spread
    paid = m.strike * math.exp(-m.rate * m.years)
    return sign * (m.spot * _normal.cdf(sign * d1) - paid * _normal.cdf(sign * (d1 - spread)))


def geometric_asian(market: Market) -> float:
    """Call on the geometric mean of `steps` equally spaced prices: lognormal, so in closed form (Kemna and Vorst)."""
    m, n = market, market.steps
    mean = (m.rate - m.volatility**2 / 2) * m.years * (n + 1) / (2 * n)
    variance = m.volatility**2 * m.years * (n + 1) * (2 * n + 1) / (6 * n * n)
    spread = math.sqrt(variance)
    d2 = (math.log(m.spot / m.strike) + mean) / spread
    growth = m.spot * math.exp(mean + variance / 2)
    return math.exp(-m.rate * m.years) * (growth * _normal.cdf(d2 + spread) - m.strike * _normal.cdf(d2))


def summarise(results: Path, market: Market) -> list[Price]:
    """`results` holds one `stdout` for every part, in any folders. Raises ValueError for what is no part's output."""
    sums: dict[str, list[float]] = {}
    for file in sorted(results.rglob("stdout")):
        for line in file.read_text().splitlines():
            try:
                name, *numbers = line.split()
                row = sums.setdefault(name, [0.0, 0.0, 0.0, 0.0])
                for position, number in enumerate(numbers):
                    row[position] += float(number)
            except (ValueError, IndexError):
                raise ValueError(f"{file}: {line[:80]!r} is not a line of the options program") from None
    if not sums:
        raise ValueError(f"there are no results of an options job in {results}")
    exact = {
        "call": black_scholes(market, call=True),
        "put": black_scholes(market, call=False),
        "asian-geometric": geometric_asian(market),
    }
    prices = []
    _, control_sum, control_squares, _ = sums["asian-geometric"]
    for name, (paths, total, squares, products) in sums.items():
        mean, variance = total / paths, squares / paths - (total / paths) ** 2
        if name == "asian":  # steadied by the geometric option, whose price is known
            control = control_sum / paths
            spread = control_squares / paths - control**2
            together = products / paths - mean * control
            if spread > 0:
                mean -= together / spread * (control - exact["asian-geometric"])
                variance -= together**2 / spread
        prices.append(Price(name, int(paths), mean, math.sqrt(max(variance, 0) / paths), exact.get(name)))
    return prices


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="the folder `fogchain job results` wrote")
    parser.add_argument("--job", type=Path, default=JOB, help="the job file the results are of")
    arguments = parser.parse_args()
    market = Market.of_job(arguments.job)
    print(f"{'option':<16} {'paths':>10}  {'price':>9}  {'95 % interval':>21}  {'exact':>9}  {'off by':>8}")
    for price in summarise(arguments.results, market):
        low, high = price.interval
        exact = f"{price.exact:9.5f}  {price.deviation:+6.2f} s" if price.exact is not None else f"{'-':>9}  {'-':>8}"
        print(f"{price.name:<16} {price.paths:>10,}  {price.estimate:9.5f}  {low:9.5f} - {high:9.5f}  {exact}")


if __name__ == "__main__":
    main()
