"""A bulletin checked, edited, issued, numbered and put right, by whom."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock, scope
from app.errors import NotAllowed, Refusal, Stale
from app.models import Attachment, AuditEntry, Bulletin, BulletinReader, ExportRecord, Job, Notification, StatusChange
from app.reports.bulletin import document
from app.transaction import transaction
from app.workflows.core import export_records
from app.workflows.oversight import bulletins
from tests.factories import World
from tests.workflows.bulletins.ground import REGION, begin, checked, drafted, issued, run
from tests.workflows.clock_world import day

pytestmark = pytest.mark.feature("STA-03")


def test_whoever_drafted_or_edited_neither_checks_nor_issues(app: Any, ground: World) -> None:
    row = drafted(app, ground)
    now, known = clock.now(), document.parts_of_texts()
    with transaction(ground.session) as session, pytest.raises(Refusal, match="您是拟稿人"):
        bulletins.check(session, ground.actor("inspector"), row.id, now)
    with transaction(ground.session) as session:
        bulletins.edit(session, ground.actor("second"), row.id, {"maintenance": "- 甲\n- 乙"}, known, now)
    with transaction(ground.session) as session, pytest.raises(Refusal, match="编辑过"):
        bulletins.check(session, ground.actor("second"), row.id, now)
    with transaction(ground.session) as session:
        bulletins.check(session, ground.actor("region_admin"), row.id, now)
    with transaction(ground.session) as session, pytest.raises(NotAllowed):
        bulletins.issue(session, ground.actor("second"), row.id, now)
    with transaction(ground.session) as session, pytest.raises(Refusal, match="先退回修改"):
        bulletins.edit(session, ground.actor("inspector"), row.id, {"opening": "改"}, known, now)
    with transaction(ground.session) as session:
        bulletins.send_back(session, ground.actor("region_admin"), row.id, "前言要改", now)
    told = select(Notification.body).where(Notification.topic == "bulletin.back")
    assert ground.session.scalars(told).all() == ["前言要改", "前言要改"]
    assert ground.session.get(Bulletin, row.id).checked_by is None


def test_who_checked_it_may_issue_it_and_it_is_said_and_kept(app: Any, ground: World) -> None:
    row = drafted(app, ground)
    session, now = ground.session, clock.now()
    alone = ground.actor("region_admin")
    with transaction(session):
        bulletins.check(session, alone, row.id, now)
    asked = bulletins.one_hand(session, alone, row)
    assert (asked.ok, asked.stops, asked.found) == (False, False, "核对和签发由同一人办理")
    assert bulletins.one_hand(session, ground.actor("platform_admin"), row).ok
    assert bulletins.barred(session, alone, row) == []
    assert [f.rule for f in bulletins.barred(session, ground.actor("inspector"), row)] == ["须由第二人办理"]
    with transaction(session):
        bulletins.issue(session, alone, row.id, now)
    kept = select(StatusChange.reason).where(StatusChange.entity == "bulletin", StatusChange.verb == "issue")
    assert session.scalar(kept) == "核对和签发由同一人办理"


def test_figures_cannot_be_written_and_texts_are_kept_as_text(app: Any, ground: World) -> None:
    row = drafted(app, ground)
    before, known = dict(row.figures), document.parts_of_texts()
    with transaction(ground.session) as session, pytest.raises(Refusal, match="没有这一部分"):
        bulletins.edit(session, ground.actor("inspector"), row.id, {"figures": "{}"}, known, clock.now())
    words = "<b onclick=1>加强</b>\n- &一"
    with transaction(ground.session) as session:
        bulletins.edit(session, ground.actor("inspector"), row.id, {"opening": words}, known, clock.now())
    row = ground.session.get(Bulletin, row.id)
    assert row.figures == before and row.texts["opening"] == words
    logged = select(AuditEntry.after).where(AuditEntry.action == "bulletin.edit")
    assert ground.session.scalar(logged)["texts"]["opening"] == words


def test_who_saw_another_version_looks_again(app: Any, ground: World) -> None:
    row = drafted(app, ground)
    seen, known = row.row_version, document.parts_of_texts()
    with transaction(ground.session) as session:
        bulletins.edit(session, ground.actor("inspector"), row.id, {"opening": "一"}, known, clock.now(), seen=seen)
    with transaction(ground.session) as session, pytest.raises(Stale):
        bulletins.edit(session, ground.actor("inspector"), row.id, {"opening": "二"}, known, clock.now(), seen=seen)
    with transaction(ground.session) as session, pytest.raises(Stale):
        bulletins.check(session, ground.actor("second"), row.id, clock.now(), seen)


def test_issued_it_is_numbered_sent_and_never_changes(app: Any, ground: World) -> None:
    row = issued(app, ground)
    year = clock.today().year
    assert row.number == f"电梯通报〔{year}〕1号" and row.signed_by == ground.actor("region_admin").name
    readers = ground.session.scalars(select(BulletinReader.unit_id).where(BulletinReader.bulletin_id == row.id)).all()
    assert readers == [ground.firm.id], "whoever maintains there; the other firm is not named"
    job = ground.session.scalars(select(Job).where(Job.kind == "bulletin_files")).one()
    key, job_key = row.id, job.id
    assert run(app, ground, job).state == "done"
    files = ground.session.scalars(select(Attachment).where(Attachment.entity == "bulletin")).all()
    assert sorted(file.name.rpartition(".")[2] for file in files) == ["docx", "pdf"]
    told = set(ground.session.scalars(
        select(Notification.recipient_id).where(Notification.topic == "bulletin.sent")
    ))  # fmt: skip
    assert {ground.accounts[n].id for n in ("clerk", "maintenance_head", "inspector", "region_admin")} <= told
    assert not {ground.accounts[n].id for n in ("other_head", "other_inspector", "use_head", "worker")} & told
    # Every way to change it is closed.
    known, now = document.parts_of_texts(), clock.now()
    for deed in (
        lambda s: bulletins.edit(s, ground.actor("inspector"), key, {"opening": "改"}, known, now),
        lambda s: bulletins.check(s, ground.actor("second"), key, now),
        lambda s: bulletins.send_back(s, ground.actor("region_admin"), key, "改", now),
        lambda s: bulletins.discard(s, ground.actor("region_admin"), key, now),
        lambda s: bulletins.issue(s, ground.actor("region_admin"), key, now),
    ):
        with transaction(ground.session) as session, pytest.raises(Refusal):
            deed(session)
    # Made again, nothing is there twice; each file is proved by its bytes.
    ground.session.get(Job, job_key).state = "queued"
    ground.session.commit()
    run(app, ground, ground.session.get(Job, job_key))
    assert ground.session.scalar(select(func.count()).where(Attachment.entity == "bulletin")) == 2
    for file in files:
        record = export_records.of_file(ground.session, file.sha256)
        assert record.listing == "bulletin" and record.format in file.name
    assert ground.session.scalar(select(func.count(ExportRecord.id))) == 2


def test_a_unit_reads_what_was_sent_to_it_and_nothing_else(app: Any, ground: World) -> None:
    row = checked(app, ground)
    session = ground.session

    def sees(persona: str) -> bool:
        statement = scope.apply(select(Bulletin.id), ground.actor(persona), Bulletin).execution_options(skip_scope=True)
        return row.id in session.scalars(statement).all()

    assert sees("inspector") and not sees("clerk") and not sees("other_inspector")
    with transaction(session):
        bulletins.issue(session, ground.actor("region_admin"), row.id, clock.now())
    assert sees("clerk") and not sees("other_head") and not sees("other_inspector") and not sees("use_head")
    above = Bulletin(
        region_code="980400000000", region_name="澜州市", period="2026-01", first_on=day("2026-01-01"),
        last_on=day("2026-01-31"), title="市", office="市局", mark="市", state="issued", as_of=clock.now(), policy="0",
        figures={}, digest="0", texts={}, drafted_by="甲",
    )  # fmt: skip
    session.add(above)
    session.commit()
    row = above
    assert sees("inspector"), "what is issued above goes for those below"
    with transaction(session), pytest.raises(NotAllowed, match="上级地区"):
        bulletins.discard(session, ground.actor("inspector"), above.id, clock.now())


def test_numbers_count_up_by_office_letters_and_year(app: Any, ground: World) -> None:
    first = issued(app, ground)
    with transaction(ground.session) as session:
        job = bulletins.begin(session, ground.actor("inspector"), REGION, "2026-01", clock.now())
    run(app, ground, job)
    second = ground.session.scalars(select(Bulletin).order_by(Bulletin.id.desc())).first()
    with transaction(ground.session) as session:
        bulletins.check(session, ground.actor("second"), second.id, clock.now())
        bulletins.issue(session, ground.actor("region_admin"), second.id, clock.now())
    assert (first.serial, second.serial) == (1, 2) and second.mark == first.mark


def test_a_mistake_is_put_right_by_a_new_one_that_names_the_old(app: Any, ground: World) -> None:
    old = issued(app, ground)
    with pytest.raises(Refusal, match="已印发"):
        begin(ground)
    with pytest.raises(Refusal, match="没有填写"):
        begin(ground, corrects=old.id)
    new = issued(app, ground, corrects=old.id, reason="漏计一家单位")
    assert new.corrects_id == old.id and new.title.endswith("（更正）") and new.serial == 2
    assert bulletins.corrected_by(ground.session, old).id == new.id
    assert ground.session.get(Bulletin, old.id).state == "issued", "it stays as it was given out"
    region = bulletins.region_of(ground.session, ground.actor("inspector"), REGION)
    assert f"更正{old.number}" in document.paper(new, region, old.number).note
    with pytest.raises(Refusal, match="不是这一期间最近印发的"):
        begin(ground, corrects=old.id, reason="再改")
    steps = select(StatusChange.verb).where(StatusChange.entity == "bulletin", StatusChange.entity_id == new.id)
    assert ground.session.scalars(steps.order_by(StatusChange.id)).all() == ["check", "issue"]
