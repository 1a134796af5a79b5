"""PER-03, PER-10: after an import and an export no number of a person stands open, in no file and in no table."""

from __future__ import annotations

import datetime as dt
import io
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import select

from app import clock, vault
from app.errors import Refusal
from app.imports import reading, workbooks
from app.models import Attachment, Person
from app.permissions import Actor
from app.transaction import transaction
from app.workflows.files import attachments, places, sealed_files
from app.workflows.privacy import sealing
from tests.factories import World
from tests.imports.ground import checked, csv, errors_of, imported, workbook

pytestmark = [pytest.mark.feature("PER-03"), pytest.mark.feature("PER-10")]
HEAD = ("姓名", "手机", "证书编号", "身份证号", "13755556666")
GOOD = ("林见溪", "13811112222", "T98000001", "11010519491231002X", "1")
BAD = ("陆怀远", "13933334444", "T98000002", "110105194912310020", "2")
NUMBERS = (GOOD[1], GOOD[3], BAD[1], BAD[3], HEAD[4])


@pytest.fixture
def head(world: World) -> Actor:
    return world.actor("maintenance_head")


def standing_open(session: Any, folder: str, words: tuple[str, ...] = NUMBERS) -> list[str]:
    """Where a number can be read: in the bytes of a file (SQLite's own among them), or in a table as it stands."""
    session.commit()
    files = [p for p in Path(folder).rglob("*") if p.is_file()]
    if session.get_bind().dialect.name == "sqlite":
        files += Path(session.get_bind().url.database).parent.glob("*.db*")
    found = [f"{p}: {n}" for p in files for n in words if n.encode() in p.read_bytes()]
    connection, metadata = session.connection(), sa.MetaData()
    metadata.reflect(connection, only=lambda name, _metadata: not name.startswith("search_"))
    for table in metadata.tables.values():
        texts = [sa.cast(column, sa.Text) for column in table.columns]
        held = str(connection.execute(sa.select(*texts)).all()) if texts else ""
        found += [f"{table.name}: {n}" for n in words if n in held]
    session.rollback()
    return found


@pytest.mark.parametrize("form", ["xlsx", "csv"])
def test_nothing_stands_open_after_an_import_and_an_export(
    app: Any, session: Any, head: Actor, tmp_path: Path, form: str
) -> None:
    rows = (HEAD, GOOD, BAD)
    file = workbook(*map(list, rows)) if form == "xlsx" else csv(*(",".join(row) for row in rows))
    size = len(file.getvalue())
    batch = imported(session, head, "persons", file, f"人员.{form}")
    assert (batch.new_rows, batch.bad_rows) == (1, 1) and errors_of(session, batch) == {(3, "身份证号")}
    with transaction(session):
        attachments.store(
            session, head, clock.now(), csv(",".join(GOOD)), "人员.csv", "export", "job", None, head.unit_id, None
        )
    assert not standing_open(session, app.config["DATA_DIR"])
    assert standing_open(session, app.config["DATA_DIR"], (GOOD[0],)), "names do stand open, so the search searches"
    kept = session.get(Attachment, batch.attachment_id)
    assert kept.size == size and vault.is_sealed_file(attachments.path(None, kept).read_bytes())
    person = session.scalars(select(Person).where(Person.name == GOOD[0])).one()
    assert (person.phone, person.resident_id) == (GOOD[1], GOOD[3])
    # The way back out has them whole: it is the uploader's own file.
    assert workbooks.write_bad_rows(session, batch, tmp_path / "bad.xlsx") == 1
    assert BAD[1] in str(reading.cells_of(tmp_path / "bad.xlsx", "bad.xlsx"))


def test_a_workbook_is_read_without_a_name_on_the_disk(
    app: Any, session: Any, head: Actor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whoever is killed while the reader's process runs leaves nothing that could be read."""
    seen: list[Path] = []
    whole = subprocess.run

    def runs(*asked: Any, **how: Any) -> Any:
        seen.extend(p for p in (*Path(app.config["DATA_DIR"]).rglob("*"), *tmp_path.rglob("*")) if p.is_file())
        return whole(*asked, **how)

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(subprocess, "run", runs)
    batch = checked(session, head, "persons", workbook(list(HEAD), list(GOOD)))
    assert batch.new_rows == 1 and seen
    inside = [p for p in seen if p.suffix != ".db" and p.is_file() and b"PK\x03\x04" in p.read_bytes()]
    assert not inside


def test_files_that_came_before_are_sealed_and_still_read(session: Any, head: Actor, monkeypatch: Any) -> None:
    """`flask seal-anew` seals what an older release kept in the open; a batch in the middle of it goes on."""
    monkeypatch.setattr(sealed_files, "KINDS", set())
    batch = checked(session, head, "persons", workbook(list(HEAD), list(GOOD)))
    place = attachments.path(None, session.get(Attachment, batch.attachment_id))
    assert place.read_bytes().startswith(b"PK") and batch.new_rows == 1
    monkeypatch.undo()
    assert reading.cells_of(place, "a.xlsx")[1][0] == GOOD[0]
    told = sealing.seal_anew(session, head, clock.now())
    session.expire_all()
    assert told["files"] == 1
    session.rollback()
    with transaction(session) as own:
        places.forget_strays(own, dt.datetime.now(dt.UTC) + dt.timedelta(hours=3))
    assert not place.exists(), "what stood open goes by the sweep, as all that does"
    place = attachments.path(None, session.get(Attachment, batch.attachment_id))
    assert vault.is_sealed_file(place.read_bytes()) and reading.cells_of(place, "a.xlsx")[1][0] == GOOD[0]


def test_a_workbook_whose_key_is_gone_is_not_taken_for_a_broken_one(app: Any, session: Any, head: Actor) -> None:
    batch = checked(session, head, "persons", workbook(list(HEAD), list(GOOD)))
    place = attachments.path(None, session.get(Attachment, batch.attachment_id))
    vault.use_keys([vault.new_key()])
    try:
        with pytest.raises(vault.Unreadable, match="DATA_KEYS"):
            reading.cells_of(place, "a.xlsx")
    finally:
        vault.use_keys(app.config["DATA_KEYS"], app.config["INDEX_KEYS"])


def test_a_sealed_bomb_is_still_one(session: Any, head: Actor, monkeypatch: Any, tmp_path: Path) -> None:
    batch = checked(session, head, "persons", workbook(list(HEAD), list(GOOD)))
    place = attachments.path(None, session.get(Attachment, batch.attachment_id))
    monkeypatch.setattr(reading, "MOST_UNPACKED", 10)
    with pytest.raises(Refusal, match="400 MB"):
        reading.cells_of(place, "a.xlsx")


def test_a_draft_that_was_left_behind_is_swept(app: Any) -> None:
    """A killed upload leaves its bytes in the open; one that is being written now is left alone."""
    handle, draft = attachments.draft_file()
    io.FileIO(handle, "w").close()
    at = clock.now()
    os.utime(draft, (at.timestamp(), at.timestamp()))
    assert places.forget_drafts(at) == 0 and draft.exists()
    assert places.forget_drafts(at + attachments.DRAFT_LASTS + attachments.DRAFT_LASTS) == 1
    assert not draft.exists()
