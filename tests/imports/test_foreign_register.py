"""Another country's register comes in through the mapping: no row lost, none half-written, each accounted for."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from app.models import Elevator, ImportRow, Version
from tests.imports import foreign_register as register
from tests.imports.ground import checked, ran, rematched

ROWS = 3000


@pytest.mark.feature("IMP-01")
@pytest.mark.feature("IMP-03")
def test_a_foreign_register_comes_in_whole(session: Any, world: Any, tmp_path: Path) -> None:
    who = world.actor("region_admin")
    made = list(register.lines(ROWS))
    fates = register.write(tmp_path / "register.xlsx", iter(made))
    assert sum(fates.values()) == ROWS and min(fates.values()) > 20
    file = io.BytesIO((tmp_path / "register.xlsx").read_bytes())
    batch = checked(session, who, "elevators", file, "register.xlsx")
    assert batch.rows == ROWS == batch.new_rows + batch.changed_rows + batch.same_rows + batch.bad_rows
    found = dict(zip(batch.mapping["headings"], batch.mapping["columns"], strict=True))
    assert found["Equipment ID"] == "code" and found["Record Hash"] is None and found["Load (kg)"] == "rated_load"
    assert batch.mapping["orders"] == {"commissioned_on": "dmy", "inspected_on": "dmy"}
    asked = {w["word"] for w in batch.mapping["asked"]["region_id"]}
    assert asked == {*register.BOROUGHS, "Atlantis"}

    place = world.own.region_id
    words = register.TOLD | {"region_id": dict.fromkeys(register.BOROUGHS, place)}
    batch = rematched(session, who, batch, {}, words=words, orders=batch.mapping["orders"])
    good, repeat, bad = fates[register.GOOD], fates[register.REPEAT], fates[register.BAD]
    assert (batch.new_rows, batch.same_rows, batch.bad_rows) == (good, repeat, bad)
    batch = ran(session, who, batch)
    assert (batch.done_rows, batch.same_rows, batch.bad_rows) == (good, repeat, bad)

    stored = {e.code: e for e in session.scalars(select(Elevator).where(Elevator.code.like("NL-%")))}
    wanted = {line.code: line.cells for line in made if line.fate == register.GOOD}
    assert stored.keys() == wanted.keys()
    for code, cells in wanted.items():
        row = stored[code]
        assert (row.address, row.category) == (" ".join(cells[2].split()), register.TYPES[cells[4]])
        assert row.declared_status == register.STATUSES.get(cells[5]) and row.batch_id == batch.id
        assert (row.rated_load or None) == (int(str(cells[11]).strip(" kg").replace(",", "")) if cells[11] else None)
        assert row.factory_no == (str(cells[9]) if cells[9] is not None else None)
    drafts = select(func.count(Version.id)).where(Version.entity == "elevator", Version.state == "draft")
    assert session.scalar(drafts) == good, "each with its draft, none half-written"
    unmarked = select(func.count()).where(ImportRow.batch_id == batch.id, ImportRow.state == "new")
    assert session.scalar(unmarked.where(ImportRow.applied.is_(False))) == 0
