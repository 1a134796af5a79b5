"""填报信息 (PER-03): the filing sheet of chosen people as a workbook, numbers whole; made on request, kept nowhere."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from app.models import Person
from app.models.choices import PERSON_KIND, SEX, word

FIELDS = (
    "name", "sex", "kind", "work_kind", "resident_id", "certificate_no", "certificate_issued_on", "certificate_until",
    "phone",
)  # fmt: skip
CHOICES = {"sex": SEX, "kind": PERSON_KIND}


def write(people: Iterable[Person], path: Path) -> int:
    """One row a person, every cell as text; how many."""
    import xlsxwriter  # loaded with the first workbook

    book = xlsxwriter.Workbook(str(path))
    head = book.add_format({"bold": True, "bg_color": "#E2EDF7", "border": 1})
    text = book.add_format({"num_format": "@", "border": 1})
    sheet = book.add_worksheet("填报信息")
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, len(FIELDS), 20)
    labels = [str(Person.__table__.c[name].info["label"]) for name in FIELDS]
    for at, label in enumerate([str(Person.__table__.c.unit_id.info["label"]), *labels]):
        sheet.write_string(0, at, label, head)
    count = 0
    for count, person in enumerate(people, 1):
        cells = [person.unit.name, *(_cell(person, name) for name in FIELDS)]
        for at, cell in enumerate(cells):
            sheet.write_string(count, at, cell, text)
    book.close()
    return count


def _cell(person: Person, name: str) -> str:
    value = getattr(person, name)
    if value is None:
        return ""
    return word(CHOICES[name], value) if name in CHOICES else str(value)
