"""Makes the shards of the example, `shards/0.db` and so on: a year of a weather service, one region in each.

The figures are drawn at random (seeded), so they belong to nobody. Temperatures are in tenths of a degree Celsius.
"""

from __future__ import annotations

import math
import random
import sqlite3
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

SHARDS = Path(__file__).with_name("shards")
REGIONS = ("coast", "hills", "lakes", "moor", "plain", "valley")
STATIONS = 5
YEAR = date(2025, 1, 1)


def make(path: Path, region: int) -> None:
    chance = random.Random(region)  # noqa: S311 (weather)
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as db:
        db.executescript("""
            PRAGMA page_size = 1024;
            CREATE TABLE station (id INTEGER PRIMARY KEY, name TEXT NOT NULL, altitude INTEGER NOT NULL);
            CREATE TABLE reading (
                station INTEGER NOT NULL REFERENCES station, day TEXT NOT NULL,
                low INTEGER NOT NULL, high INTEGER NOT NULL, rain INTEGER
            );
        """)
        for station in range(STATIONS):
            number = region * STATIONS + station
            altitude = chance.randrange(1200)
            db.execute("INSERT INTO station VALUES (?, ?, ?)", (number, f"{REGIONS[region]} {station + 1}", altitude))
            for day in range(365):
                usual = 90 - 100 * math.cos((day - 20) / 365 * 2 * math.pi) - altitude // 16
                low = round(usual + chance.gauss(-45, 25))
                rain = None if chance.random() < 0.01 else max(0, round(chance.gauss(-20, 40)))  # None: not read
                date_of = (YEAR + timedelta(day)).isoformat()
                db.execute(
                    "INSERT INTO reading VALUES (?, ?, ?, ?, ?)",
                    (number, date_of, low, low + chance.randrange(20, 130), rain),
                )
        db.commit()
        db.execute("VACUUM")


def main() -> None:
    SHARDS.mkdir(exist_ok=True)
    for region in range(len(REGIONS)):
        make(SHARDS / f"{region}.db", region)


if __name__ == "__main__":
    main()
