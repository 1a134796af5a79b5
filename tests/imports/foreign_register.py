"""An invented register of another country's city: its own column names, gaps, odd dates, duplicates, mixed words.

Everything is made from a seed; each row comes with what must become of it: good, repeat (word for word) or bad.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xlsxwriter

HEADINGS = (
    "Equipment ID", "Building Name", "STREET_NAME", "Borough", "Device Type", "Status", "Approval Date",
    "Last Inspection", "Manufacturer", "Serial No.", "CAR_SPEED_FPM", "LOAD_LBS", "Floors", "Remarks", "Record Hash",
    "House No.", "", "Machine", "Status Date",
)  # fmt: skip
# Field by heading, where the wizard can't know by itself; what has no field of its own goes into the note.
BY_HAND = {"Machine": "note"}
# Cells that nobody can read stay blank in these.
LENIENT = ("floors",)
BOROUGHS = ("Northgate", "Old Harbour", "St. Alban's", "West Côte")
TYPES = {
    "Passenger Elevator": "3110", "PASSENGER ELEVATOR": "3110", "Freight Elevator": "3120", "Escalator": "3310",
    "Dumbwaiter": "3430", "Personnel Hoist": "3130", "Handicap Lift": "3110",
}  # fmt: skip
STATUSES = {
    "Active": "in_use", "ACTIVE": "in_use", "In Service": "in_use", "Dormant": "suspended", "Dismantled": "scrapped",
    "Removed": "scrapped", "Sealed by order": "suspended",
}  # fmt: skip
# What the person who imports says of the words that nobody knows.
TOLD = {
    "category": {"Personnel Hoist": "3130", "Handicap Lift": "3110"},
    "declared_status": {"Sealed by order": "suspended", "n/a": ""},
}
# What is said of places: of a blank cell, too.
PLACES = (*BOROUGHS, "")
# Speeds and loads as written, with what they are in m/s and kg.
SPEEDS = {350: 1.78, 100: 0.51, "150.0": 0.76, "1.75 m/s": 1.75}
LOADS = {2500: 1134, "2,000.0": 907, "1000 kg": 1000, "3,500 lbs": 1588}
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
GOOD, REPEAT, BAD = "good", "repeat", "bad"


@dataclass(frozen=True)
class Line:
    """A row of the register, its normal code, and what must become of it."""

    cells: list[Any]
    code: str
    fate: str


def lines(count: int, seed: int = 7) -> Iterator[Line]:
    """`count` rows; about one in twenty is not as it should be."""
    dice = random.Random(seed)
    kept: list[Line] = []
    contradicted = set(dice.sample(range(count), count // 100))
    number = 0
    while number < count:
        roll = dice.random()
        if roll < 0.02 and len(kept) > 10:
            old = dice.choice(kept[-10:])
            if old.fate == GOOD:
                number += 1
                yield Line(list(old.cells), old.code, REPEAT)
                continue
        line = _line(dice, number)
        number += 1
        if number in contradicted and number < count and line.fate == GOOD:
            # Told twice with two addresses: nobody can say which is right, so neither goes in.
            yield Line(line.cells, line.code, BAD)
            other = list(line.cells)
            other[2] = f"{other[2]} (rear)"
            number += 1
            yield Line(other, line.code, BAD)
            continue
        kept.append(line)
        yield line


def _line(dice: random.Random, number: int) -> Line:
    code = f"{dice.choice(('nl', 'NL', 'Nl'))}-{number:06d}"
    fate = GOOD
    built = _date(dice)
    cells: list[Any] = [
        code + dice.choice(("", "", " ", "\u00a0")),
        dice.choice(("Tower Bridge House", "Caf\u00c3\u00a9 Royal", None, "=1+1")),
        "Quay St\u3000", dice.choice((*BOROUGHS, *BOROUGHS, None)), dice.choice([*TYPES, "Passenger Elevator (P)"]),
        dice.choice([*STATUSES, "n/a", None]), built, dice.choice((None, "", _date(dice))),
        dice.choice(("Otterby & Sons", "ＫＯＮＤＯＲ", None)), dice.choice((None, f"00{number}", number)),
        dice.choice((*SPEEDS, None)), dice.choice((*LOADS, None)),
        dice.choice((None, 12, "7", "PH", "**")), dice.choice((None, "-", "+ spare rope", "x" * 40)),
        f"{dice.random():.12f}", dice.choice((dice.randrange(1, 900), "12-14", None)), None,
        dice.choice(("OG", "GL", None)), dice.choice((20140325.0, "20140325.0", None)),
    ]  # fmt: skip
    wrong = dice.random()
    if wrong < 0.01:
        cells[0], fate = dice.choice((None, "", "  ")), BAD
    elif wrong < 0.02:
        cells[6], fate = dice.choice(("31/02/2019", "unknown", "00/00/0000", "32-Dec-2020")), BAD
    elif wrong < 0.03:
        cells[11], fate = dice.choice(("2,500 stone", "heavy")), BAD
    elif wrong < 0.035:
        cells[3], fate = "Atlantis", BAD
    elif wrong < 0.04:
        cells[2], cells[15], fate = None, None, BAD
    return Line(cells, code.upper(), fate)


def _date(dice: random.Random) -> str:
    year, month, day = dice.randrange(1995, 2024), dice.randrange(1, 13), dice.randrange(1, 29)
    return dice.choice((
        f"{day:02d}/{month:02d}/{year}", f"{day}-{MONTHS[month - 1]}-{year % 100:02d}", f"{year}-{month:02d}-{day:02d}",
        f"{day}.{month}.{year}", f"{day} {MONTHS[month - 1]} {year}",
    ))  # fmt: skip


def write(path: Path, made: Iterator[Line]) -> dict[str, int]:
    """As a workbook; gives how many rows of each fate are in it."""
    fates = {GOOD: 0, REPEAT: 0, BAD: 0}
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "strings_to_formulas": False})
    sheet = book.add_worksheet("register")
    sheet.write_row(0, 0, HEADINGS)
    for at, line in enumerate(made, 1):
        fates[line.fate] += 1
        for column, cell in enumerate(line.cells):
            if cell is not None:
                sheet.write(at, column, cell)
    book.close()
    return fates
