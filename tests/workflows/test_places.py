"""Bytes of files and the rows over them: whoever puts down, copies or takes away, no row points at nothing."""

from __future__ import annotations

import datetime as dt
import io
import os
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import clock
from app.errors import Refusal
from app.models import Attachment, ClockMark
from app.permissions import SYSTEM
from app.transaction import transaction
from app.workflows.files import attachments, places
from tests.factories import World, picture

pytestmark = [pytest.mark.feature("UNT-04"), pytest.mark.usefixtures("folder")]
HOURS = 3600


def received(kind: str = "photo") -> attachments.Received:
    return attachments.receive(io.BytesIO(picture("JPEG")), "门.jpg", kind)


def recorded(session: Any, file: attachments.Received, number: int = 1) -> Attachment:
    with transaction(session) as own:
        return attachments.record(own, SYSTEM, clock.now(), file, "complaint", number, None, None)


def forgotten(session: Any, row: Attachment) -> None:
    with transaction(session) as own:
        attachments.forget(own, own.get(Attachment, row.id, execution_options={"skip_scope": True}))


def both(file: attachments.Received) -> list[Path]:
    return [attachments.file_of(digest) for digest in (file.sha256, file.thumb) if digest is not None]


def aged(places_: list[Path], hours: float) -> None:
    then = time.time() - hours * HOURS
    for place in places_:
        os.utime(place, (then, then))
        os.utime(place.parent, (then, then))


def swept(session: Any, hours: float = 0) -> int:
    """As the night does it, so many hours from now; files are as old as the machine says."""
    with transaction(session) as own:
        return places.forget_strays(own, dt.datetime.now(dt.UTC) + dt.timedelta(hours=hours))


def test_what_came_in_while_its_like_was_forgotten_stays(session: Any) -> None:
    """A stranger's second complaint with the same photo, in the night in which the first one's is past its time."""
    first = recorded(session, received())
    again = received()
    forgotten(session, first)
    row = recorded(session, again, 2)
    assert all(place.is_file() for place in both(again))
    assert attachments.path(None, row, small=True).is_file()
    # Nor does a sweep take it before its row is committed, nor afterwards.
    assert swept(session, 1) == 0 and swept(session, 5) == 0
    assert all(place.is_file() for place in both(again))


def test_of_bytes_that_are_gone_there_is_no_row(session: Any) -> None:
    file = received()
    for place in both(file)[1:]:
        place.unlink()
    with pytest.raises(Refusal, match="没有存下来") as refused:
        recorded(session, file)
    assert refused.value.findings[0].remedy == "请重新上传"
    assert session.scalars(select(Attachment)).all() == []


def test_a_copy_that_is_not_committed_keeps_its_bytes(session: Any, world: World) -> None:
    """Whoever forgets the first row meanwhile sees no other; his commit comes before that of the copy."""
    file = received("document")
    first = recorded(session, file)
    aged(both(file), 50)
    with transaction(session) as own:
        held = own.get(Attachment, first.id, execution_options={"skip_scope": True})
        copy = attachments.copied(own, world.actor("clerk"), clock.now(), held, "application", None, None)
        for place in both(file):
            places._let_go(place)
    assert all(place.is_file() for place in both(file)) and copy.sha256 == file.sha256
    forgotten(session, first)
    assert all(place.is_file() for place in both(file)), "the copy has them"
    # The other way round: they went first, and there is no copy of nothing.
    forgotten(session, copy)
    third = recorded(session, received("document"))
    for place in both(file):
        place.unlink()
    with pytest.raises(Refusal, match="没有存下来"), transaction(session) as own:
        held = own.get(Attachment, third.id, execution_options={"skip_scope": True})
        attachments.copied(own, world.actor("clerk"), clock.now(), held, "application", None, None)


def test_open_bytes_go_by_the_sweep_however_old_they_were(session: Any) -> None:
    file = received()
    row = recorded(session, file)
    aged(both(file), 24 * 30)
    with pytest.raises(RuntimeError), transaction(session) as own:
        attachments.forget(own, own.get(Attachment, row.id, execution_options={"skip_scope": True}))
        raise RuntimeError("taken back")
    assert swept(session, 3) == 0 and all(place.is_file() for place in both(file))
    aged(both(file), 24 * 30)
    forgotten(session, row)
    assert all(place.is_file() for place in both(file))
    assert swept(session) == 0 and swept(session, 3) == 2
    assert not any(place.exists() for place in both(file))


@pytest.mark.parametrize("kind", ["photo", "face"])
def test_a_process_killed_behind_its_commit_leaves_nothing_for_good(
    session: Any, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    file = received(kind)
    row = recorded(session, file)
    aged(both(file), 24 * 30)
    monkeypatch.setattr(places, "_let_go", lambda _place: None)
    forgotten(session, row)
    assert swept(session, 3) == 2 and not any(place.exists() for place in both(file))


def test_of_two_rows_over_the_same_bytes_each_is_taken_away_while_the_other_is_there(
    session: Any, world: World, database: Any
) -> None:
    """Each sees the other's row, where neither has committed (SQLite has one writer: the second sees none)."""
    file = received("document")
    one = recorded(session, file)
    with transaction(session) as own:
        held = own.get(Attachment, one.id, execution_options={"skip_scope": True})
        two = attachments.copied(own, world.actor("clerk"), clock.now(), held, "application", None, None)
    aged(both(file), 24 * 30)
    keys = one.id, two.id
    session.rollback()
    with Session(database.engine) as first, Session(database.engine) as second:
        if database.engine.dialect.name == "sqlite":
            for own, key in zip((first, second), keys, strict=True):
                forgotten(own, own.get(Attachment, key, execution_options={"skip_scope": True}))
        else:
            with transaction(first), transaction(second):
                for own, key in zip((first, second), keys, strict=True):
                    attachments.forget(own, own.get(Attachment, key, execution_options={"skip_scope": True}))
    assert all(place.is_file() for place in both(file))
    assert swept(session, 3) == len(both(file)) and not any(place.exists() for place in both(file))


def test_what_a_killed_process_had_moved_aside_is_put_back_or_goes(session: Any) -> None:
    """However old it is: under a row's name it comes back, else it goes; young, it may be about to get a row."""
    file = received()
    row = recorded(session, file)
    asides = [place.with_name(f"{place.name}.going") for place in both(file)]
    for place, aside in zip(both(file), asides, strict=True):
        place.replace(aside)
        os.utime(aside, (0, 0))
    assert swept(session) == 0
    assert all(place.is_file() for place in both(file)) and not any(aside.exists() for aside in asides)
    forgotten(session, row)
    for place, aside in zip(both(file), asides, strict=True):
        place.replace(aside)
    os.utime(asides[0], (0, 0))
    assert swept(session) == 1 and not any(aside.exists() for aside in asides)
    assert [place.is_file() for place in both(file)] == [False, True]


def test_what_goes_while_the_sweep_looks_does_not_undo_it(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    file = received()
    forgotten(session, recorded(session, file))
    listed = Path.iterdir

    def listing(self: Path) -> list[Path]:
        return [*listed(self), self / "gone", self / "gone.going"]

    monkeypatch.setattr(Path, "iterdir", listing)
    found = Path.glob

    def globbing(self: Path, what: str) -> list[Path]:
        return [*found(self, what), *([self / "draft-gone"] if "draft" in what else [])]

    monkeypatch.setattr(Path, "glob", globbing)
    assert places.forget_drafts(dt.datetime.now(dt.UTC)) == 0
    assert swept(session, 3) == 2 and not any(place.exists() for place in both(file))


def test_nothing_is_passed_over_where_nobody_swept_for_a_while(session: Any) -> None:
    assert swept(session, -24 * 10) == 0
    file = received()
    forgotten(session, recorded(session, file))
    aged(both(file), 24 * 9)
    assert swept(session) == 2 and not any(place.exists() for place in both(file))
    mark = session.get(ClockMark, places.MARK)
    assert abs(mark.at - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1)
    # The night after looks at three days again, not at all there is.
    session.rollback()
    file = received()
    aged(both(file), 24 * 9)
    assert swept(session) == 0 and all(place.is_file() for place in both(file))


def test_sealed_bytes_are_one_rows_and_go_with_it(session: Any, world: World) -> None:
    """Of the same picture no two sealings give the same bytes; so nobody waits for them, and nobody copies them."""
    one, other = received("face"), received("face")
    assert not {one.sha256, one.thumb} & {other.sha256, other.thumb}
    row = recorded(session, one)
    with pytest.raises(ValueError, match="one row's"), transaction(session) as own:
        held = own.get(Attachment, row.id, execution_options={"skip_scope": True})
        attachments.copied(own, world.actor("clerk"), clock.now(), held, "application", None, None)
    forgotten(session, row)
    assert not any(place.exists() for place in both(one)) and all(place.is_file() for place in both(other))


def test_what_takes_the_place_of_what_goes_stays(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put down between the look at the file and its going: it is moved aside, found young, and put back."""
    file = received()
    place = both(file)[0]
    aged([place], 3)
    moved, content = Path.replace, place.read_bytes()

    def replace(self: Path, target: Path) -> Path:
        if str(target).endswith(".going"):
            self.write_bytes(content)
        return moved(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    assert places._unlink(place, time.time() - 2 * HOURS) is False
    monkeypatch.undo()
    assert place.read_bytes() == content and not list(place.parent.glob("*.going"))
    aged([place], 3)
    assert places._unlink(place, time.time() - 2 * HOURS) is True and not place.exists()
    assert places._unlink(place, time.time() - 2 * HOURS) is False
