"""Another country's register comes in through the mapping: no row lost, none half-written, each accounted for."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from app.models import Elevator, ImportBatch, ImportRow, Version
from tests.imports import foreign_register as register
from tests.imports.ground import checked, ran, rematched

ROWS = 3000
# As many as a large city has.
WHOLE = 80_000


@pytest.mark.feature("IMP-01")
@pytest.mark.feature("IMP-03")
def test_a_foreign_register_comes_in_whole(session: Any, world: Any, tmp_path: Path) -> None:
    made, fates, path = _written(tmp_path, ROWS)
    assert min(fates.values()) > 20
    file = io.BytesIO(path.read_bytes())
    who = world.actor("region_admin")
    batch = checked(session, who, "elevators", file, "register.xlsx")
    assert batch.rows == ROWS == batch.new_rows + batch.changed_rows + batch.same_rows + batch.bad_rows
    found = dict(zip(batch.mapping["headings"], batch.mapping["columns"], strict=True))
    assert found["Equipment ID"] == "code" and found["Record Hash"] is None and found["Machine"] is None
    assert found["STREET_NAME"] == found["House No."] == "address"
    assert batch.mapping["measures"] == {"rated_load": "lb", "rated_speed": "fpm"}
    assert batch.mapping["orders"] == {"commissioned_on": "dmy", "inspected_on": "dmy"}
    asked = {w["word"] for w in batch.mapping["asked"]["region_id"]}
    assert asked == {*register.PLACES, "Atlantis"}
    batch = ran(session, who, _explained(session, world, who, batch))
    _all_accounted_for(session, batch, made, fates)

    # What was mended in its own file, and the whole file once more: nothing is there twice.
    again = checked(session, who, "elevators", io.BytesIO(path.read_bytes()), "register.xlsx")
    assert set(again.mapping["how"]) <= {"kept", ""}
    assert (again.same_rows, again.bad_rows) == (ROWS - fates[register.BAD], fates[register.BAD])


@pytest.mark.feature("IMP-01")
@pytest.mark.feature("IMP-03")
def test_a_register_of_a_large_city_row_by_row(session: Any, world: Any, tmp_path: Path, db_kind: str) -> None:
    """Eighty thousand rows (on one database), their words known from the last such file; every row's fate is told."""
    who = world.actor("region_admin")
    _made, _fates, path = _written(tmp_path, 200, seed=8)
    first = checked(session, who, "elevators", io.BytesIO(path.read_bytes()), "register.xlsx")
    _explained(session, world, who, first)
    made, fates, path = _written(tmp_path, WHOLE if db_kind == "sqlite" else ROWS)
    batch = checked(session, who, "elevators", io.BytesIO(path.read_bytes()), "register.xlsx")
    assert batch.mapping["columns"] == first.mapping["columns"]
    _all_accounted_for(session, ran(session, who, batch), made, fates)


def _written(folder: Path, rows: int, seed: int = 7) -> tuple[list[register.Line], dict[str, int], Path]:
    made = list(register.lines(rows, seed))
    path = folder / f"register-{rows}.xlsx"
    fates = register.write(path, iter(made))
    assert sum(fates.values()) == rows
    return made, fates, path


def _explained(session: Any, world: Any, who: Any, batch: ImportBatch) -> ImportBatch:
    places = dict.fromkeys(register.PLACES, world.own.region_id)
    mapping: Any = batch.mapping
    return rematched(
        session, who, batch, register.BY_HAND, words=register.TOLD | {"region_id": places},
        orders={"commissioned_on": "dmy", "inspected_on": "dmy"}, measures=mapping["measures"],
        lenient=register.LENIENT,
    )  # fmt: skip


def _all_accounted_for(
    session: Any, batch: ImportBatch, made: list[register.Line], fates: dict[str, int]
) -> None:
    """Each row of the file is imported, repeats another or is told as wrong; what was imported is as it was told."""
    good, repeat, bad = fates[register.GOOD], fates[register.REPEAT], fates[register.BAD]
    assert (batch.rows, batch.done_rows, batch.same_rows, batch.bad_rows) == (len(made), good, repeat, bad)
    rows = session.execute(
        select(ImportRow.number, ImportRow.state, ImportRow.applied).where(ImportRow.batch_id == batch.id)
    )
    found = {number: (state, applied) for number, state, applied in rows}
    became = {register.GOOD: ("new", True), register.REPEAT: ("same", False), register.BAD: ("bad", False)}
    assert found == {number: became[line.fate] for number, line in enumerate(made, 2)}

    names = (
        "address", "category", "declared_status", "rated_load", "rated_speed", "floors", "factory_no", "note",
        "batch_id",
    )  # fmt: skip
    columns = [getattr(Elevator, name) for name in names]
    statement = select(Elevator.code, *columns).where(Elevator.code.like("NL-%"))
    stored = {code: values for code, *values in session.execute(statement)}
    wanted = {line.code: line.cells for line in made if line.fate == register.GOOD}
    assert stored.keys() == wanted.keys()
    for code, cells in wanted.items():
        assert stored[code] == [*_as_told(cells), batch.id], (code, cells)
    drafts = select(func.count(Version.id)).where(Version.entity == "elevator", Version.state == "draft")
    assert session.scalar(drafts) == good, "each with its draft, none half-written"


def _as_told(cells: list[Any]) -> list[Any]:
    """What becomes of a row's cells, said apart from the product."""
    notes = [f"{head}：{text}" for head, text in (("Remarks", cells[13]), ("Machine", cells[17])) if text is not None]
    return [
        # The columns stand in the file in this order, so do the parts of the address.
        f"Quay St {cells[15]}" if cells[15] is not None else "Quay St",
        register.TYPES[cells[4].removesuffix(" (P)")], register.STATUSES.get(cells[5]),
        register.LOADS.get(cells[11]), register.SPEEDS.get(cells[10]),
        int(cells[12]) if str(cells[12]).isdigit() else None, str(cells[9]) if cells[9] is not None else None,
        "；".join(notes) or None,
    ]  # fmt: skip
