"""STA-03: from the counting to the issue: second person, number, what never changes, corrections, who is sent it."""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
from typing import Any

import pytest
from sqlalchemy import func, select, update

from app import clock, scope
from app.errors import NotAllowed, NotFound, Refusal, Stale
from app.models import (
    Attachment,
    AuditEntry,
    Bulletin,
    BulletinReader,
    Elevator,
    ExportRecord,
    ImportBatch,
    Job,
    Notification,
    RepairOrder,
    Score,
    ScoreRun,
    StatusChange,
)
from app.permissions import Role
from app.reports.bulletin import document
from app.tasks import jobs as running
from app.transaction import transaction
from app.workflows.core import export_records
from app.workflows.oversight import bulletins, enforcement
from app.workflows.oversight.enforcement import Entry
from tests.factories import World, make_account, make_clock, make_complaint, make_elevator
from tests.reference.items import Called, Trapped
from tests.workflows.clock_world import at, day
from tests.workflows.item_world import put_rescue
from tests.workflows.score_world import put_overdue, put_visit

pytestmark = pytest.mark.feature("STA-03")
REGION, PERIOD = "980402000000", "2026-02"
DAY = dt.timedelta(days=1)


@pytest.fixture
def ground(world: World) -> World:
    """February in 临河区: two services done, one missed, another firm's elevator that is 涉密 beside them."""
    session = world.session
    make_clock(session, world.own, day("2026-02-20"))
    for text in ("2026-02-05", "2026-02-20"):
        put_visit(session, world.own, world.firm, world.worker, day(text))
    put_overdue(session, world.own, world.firm, day("2026-02-19"))
    put_visit(session, world.own, world.firm, world.worker, day("2026-02-25"), state="void").state_reason = "非现场扫码"
    hidden = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit, is_secret=True)
    put_visit(session, hidden, world.firm, world.worker, day("2026-02-06"))
    put_overdue(session, hidden, world.firm, day("2026-02-21"))
    second = make_account(session, Role.INSPECTOR, region_code=REGION)
    world.accounts["second"] = second
    session.commit()
    return world


def begin(world: World, who: str = "inspector", **more: Any) -> Job:
    with transaction(world.session) as session:
        return bulletins.begin(session, world.actor(who), REGION, PERIOD, clock.now(), **more)


def run(app: Any, world: World, job: Job) -> Job:
    """As a worker does."""
    key = job.id
    with app.app_context():
        running.run(key)
    world.session.rollback()
    world.session.expire_all()
    return world.session.get(Job, key)


def drafted(app: Any, world: World, **more: Any) -> Bulletin:
    job = run(app, world, begin(world, **more))
    assert job.state == "done", job.error
    return world.session.scalars(select(Bulletin).order_by(Bulletin.id.desc())).first()


def checked(app: Any, world: World, **more: Any) -> Bulletin:
    row = drafted(app, world, **more)
    with transaction(world.session) as session:
        bulletins.check(session, world.actor("second"), row.id, clock.now())
    return row


def issued(app: Any, world: World, **more: Any) -> Bulletin:
    row = checked(app, world, **more)
    with transaction(world.session) as session:
        bulletins.issue(
            session, world.actor("region_admin"), row.id, clock.now(), None, document.named_units(row.figures)
        )
    return row


def test_a_draft_counts_the_period_without_secret_elevators(app: Any, ground: World) -> None:
    row = drafted(app, ground)
    found = row.figures["maintenance"]
    assert found["now"] == {"done": 2, "overdue": 1} and found["before"] == {"done": 0, "overdue": 0}
    assert row.figures["situation"]["now"] == 1, "the 涉密 one is not counted"
    assert row.figures["anomalies"]["kinds"] == [["非现场扫码", 1]]
    run_ = ground.session.get(ScoreRun, row.run_id)
    assert (run_.region_code, run_.from_on, run_.to_on) == (REGION, row.first_on, row.last_on)
    points = ground.session.scalar(select(Score.points).where(Score.run_id == row.run_id))
    assert row.figures["scores"]["lines"][0][3] == f"{points:.2f}"
    assert row.digest == document.digest_of(row.figures, REGION, PERIOD, row.as_of)
    assert "2026年2月全区" in row.title and row.state == "draft" and "约谈" in row.texts["closing"]
    assert row.texts["opening"].startswith("为落实")


def test_counted_again_as_of_the_same_instant_it_is_the_same_whatever_came_later(app: Any, ground: World) -> None:
    from app.reports.bulletin.asked import asked_of

    row = drafted(app, ground)
    session = ground.session
    put_visit(session, ground.own, ground.firm, ground.worker, day("2026-02-26")).received_at = clock.now()
    put_overdue(session, ground.own, ground.firm, day("2026-02-27")).judged_at = clock.now()
    session.commit()
    region = bulletins.region_of(session, ground.actor("inspector"), REGION)
    from app.rules.periods import period_of

    asked = asked_of(session, region, period_of(PERIOD), row.as_of, row.run_id)
    again = document.count(asked)
    assert document.digest_of(again, REGION, PERIOD, row.as_of) == row.digest
    session.rollback()
    later = asked_of(session, region, period_of(PERIOD), clock.now(), row.run_id)
    told = document.differences(row.figures, document.count(later))
    assert [title for title, *_rest in told] == ["维护保养情况", "异常维保情况"]


def test_visits_that_are_judged_later_are_counted_as_they_were_known(app: Any, ground: World) -> None:
    from app.reports.bulletin.asked import asked_of
    from app.rules.periods import period_of

    session, on = ground.session, day("2026-02-10")
    lifts = [make_elevator(session, maintenance_unit=ground.firm, use_unit=ground.use_unit) for _ in range(4)]
    kept = [put_visit(session, lift, ground.firm, ground.worker, on) for lift in lifts[:3]]
    # Open for more than eight hours: void then, let stand by an appeal since.
    kept[1].checked_out_at = kept[1].received_at = at(day("2026-02-11"), 9)
    kept[1].state, kept[1].counted, kept[1].state_reason = "void", False, "过期未签退"
    # Was still open at the instant, though it began before.
    still = put_visit(session, lifts[3], ground.firm, ground.worker, on, state="open")
    still.checked_in_at, still.checked_out_at, still.signed_at = clock.now() - dt.timedelta(minutes=9), None, None
    session.commit()
    row = drafted(app, ground)
    before = row.figures["maintenance"]["now"], row.figures["anomalies"]["now"], row.figures["anomalies"]["kinds"]
    assert before[0]["done"] == 4 and before[1] == 2 and ["过期未签退", 1] in before[2]
    later = row.as_of + dt.timedelta(days=3)
    kept[0].state, kept[0].counted, kept[0].settled_at = "rejected", False, later
    kept[0].decision, kept[0].decided_at, kept[0].state_reason = "rejected", later, "审批驳回"
    kept[1].state, kept[1].counted, kept[1].settled_at, kept[1].state_reason = "valid", True, later, None
    kept[1].appeal_upheld_at = later
    still.state, still.counted, still.checked_out_at, still.signed_at, still.settled_at = "valid", True, *[later] * 3
    # What another platform had comes in with its own days.
    batch = ImportBatch(kind="visits", file_name="x", created_at=later)
    session.add(batch)
    session.flush()
    for state in ("valid", "void"):
        moved = put_visit(session, lifts[3], ground.firm, ground.worker, day("2026-02-12"), state=state)
        moved.taken_over, moved.batch_id, moved.settled_at = True, batch.id, later
    session.commit()
    region = bulletins.region_of(session, ground.actor("inspector"), REGION)
    asked = asked_of(session, region, period_of(PERIOD), row.as_of, row.run_id)
    again = document.count(asked)
    assert document.differences(row.figures, again) == []
    assert document.digest_of(again, REGION, PERIOD, row.as_of) == row.digest
    session.rollback()
    now = document.count(asked_of(session, region, period_of(PERIOD), later + DAY, row.run_id))
    assert now["maintenance"]["now"]["done"] == 6, "one is let stand, one was turned down, two came"
    assert now["anomalies"]["now"] == 3 and ["审批驳回", 1] in now["anomalies"]["kinds"]


def test_an_issued_one_is_made_again_to_the_byte_whatever_happens_since(app: Any, ground: World) -> None:
    from app.reports.bulletin import docx, pages

    row = issued(app, ground)
    region = bulletins.region_of(ground.session, ground.actor("inspector"), REGION)

    def papers() -> tuple[bytes, str]:
        made = document.paper(row, region)
        with app.test_request_context():
            return docx.write(made, row.issued_at), pages.html(app.jinja_env, made)

    before, digest = papers(), row.digest
    put_visit(ground.session, ground.own, ground.firm, ground.worker, day("2026-02-26"))
    put_overdue(ground.session, ground.own, ground.firm, day("2026-02-27"))
    ground.session.execute(update(Score).where(Score.run_id == row.run_id).values(points=1))
    ground.firm.name, region.name = "改了名的公司", "改了名的区"
    ground.session.flush()
    assert papers() == before and row.digest == digest
    assert document.digest_of(row.figures, REGION, PERIOD, row.as_of) == digest


def test_a_job_that_runs_twice_drafts_once(app: Any, ground: World) -> None:
    job = begin(ground)
    params, key = dict(job.params), job.id
    run(app, ground, job)
    with transaction(ground.session) as session:
        again = bulletins.draft(
            session, ground.actor("inspector"), params, bulletins.Counted({}, "0", "0", None), {}, ("别的", "局", "字"),
            clock.now(),
        )
        assert again.title != "别的"
    assert ground.session.scalar(select(func.count(Bulletin.id))) == 1
    assert ground.session.get(Job, key).result["link"] == f"/bulletins/{again.id}"


def test_killed_while_it_counts_it_counts_again_as_of_the_same(app: Any, ground: World, monkeypatch: Any) -> None:
    """The scores that the first try left behind are found; nothing of a draft was there."""
    job = begin(ground)
    key = job.id
    counted = document.count
    tries: list[int] = []

    def dies(*args: Any) -> Any:
        tries.append(1)
        if len(tries) == 1:
            raise SystemExit
        return counted(*args)

    monkeypatch.setattr(document, "count", dies)
    with app.app_context(), pytest.raises(SystemExit):
        running.run(key)
    ground.session.rollback()
    from app.workflows.core import jobs

    with transaction(ground.session) as session:
        late = clock.now() + dt.timedelta(hours=1)
        assert jobs.reap(session, late, 60).again == [key]
    done = run(app, ground, ground.session.get(Job, key))
    assert done.state == "done" and ground.session.scalar(select(func.count(Bulletin.id))) == 1
    assert ground.session.scalar(select(func.count(ScoreRun.id))) == 1


def test_one_of_a_region_and_period_at_a_time(app: Any, ground: World) -> None:
    row = drafted(app, ground)
    with pytest.raises(Refusal, match="已有一份草稿的通报") as refused:
        begin(ground)
    assert refused.value.findings[0].link == f"/bulletins/{row.id}"
    with transaction(ground.session) as session:
        bulletins.discard(session, ground.actor("inspector"), row.id, clock.now())
    assert drafted(app, ground).id != row.id


def test_a_period_that_runs_and_a_region_of_others_are_refused(ground: World) -> None:
    now = clock.now()
    with transaction(ground.session) as session:
        with pytest.raises(Refusal, match="还没有结束"):
            bulletins.begin(session, ground.actor("inspector"), REGION, f"{clock.today():%Y-%m}", now)
        for code in ("980403000000", "980400000000", "1", ""):
            actor = ground.actor("inspector")
            if code:
                with pytest.raises(NotFound):
                    bulletins.begin(session, actor, code, PERIOD, now)
        with pytest.raises(NotAllowed):
            bulletins.begin(session, ground.actor("clerk"), REGION, PERIOD, now)


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


def test_no_person_stands_in_the_figures(app: Any, ground: World) -> None:
    row = drafted(app, ground)
    told = str(row.figures)
    for name in (ground.worker.name, ground.accounts["clerk"].first_name, ground.own.code, ground.own.address):
        assert name not in told


def test_the_docx_is_a_paper_that_word_opens(app: Any, ground: World) -> None:
    from docx import Document

    from app.reports.bulletin import docx

    row = drafted(app, ground)
    row.texts = dict(row.texts) | {"opening": "<b>一</b>&二", "closing": "- 甲\n- 乙"}
    region = bulletins.region_of(ground.session, ground.actor("inspector"), REGION)
    with app.app_context():
        paper = document.paper(row, region)
    content = docx.write(paper, row.as_of)
    assert content == docx.write(paper, row.as_of), "the same paper is the same file"
    made = Document(io.BytesIO(content))
    texts = [one.text for one in made.paragraphs]
    assert "<b>一</b>&二" in texts and "（一）甲" in texts and "（二）乙" in texts
    assert "草稿　未经签发，不得外传" in texts and "一、电梯基本情况" in texts
    said = "本期全区应维保3次，完成2次，超期1次，完成率66.7%（样本较少，仅供参考）"
    assert any(text.startswith(said) for text in texts)
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        body = packed.read("word/document.xml").decode()
        foot = b"".join(packed.read(n) for n in packed.namelist() if "footer" in n).decode()
    assert body.count("<w:tblHeader/>") == len(made.tables) > 2, "each table's head stands on each of its pages"
    assert "PAGE" in foot and 'w:eastAsia="仿宋"' in body and "descr=" in body
    # As official papers are: the title parted where its sense is, annexes below each other, numbers at outer edges.
    assert any(re.fullmatch("关于.+电梯安全运行\n和维护保养情况的通报", text) for text in texts), texts[:6]
    assert [text[:5] for text in texts if re.match(r"附件：1\.|\d\.维保单位", text)] == ["附件：1.", "2.维保单"]
    assert 'w:jc w:val="right"' in foot and 'w:jc w:val="left"' in foot
    assert document.title_lines("关于某事的通报") == ["关于某事的通报"]
    assert made.core_properties.author == row.office
    ground.session.rollback()


def test_complaints_are_judged_as_known_at_the_instant(app: Any, ground: World) -> None:
    begun = at(day("2026-02-10"), 9)
    hour = dt.timedelta(hours=1)
    make_complaint(ground.session, ground.own, begun, accepted_at=begun + hour, handled_at=begun + 2 * hour,
        reviewed_at=begun + 3 * hour, state="closed")  # fmt: skip
    make_complaint(ground.session, ground.own, begun, state="waiting")
    make_complaint(ground.session, ground.own, begun, state="closed", is_untrue=True, ended_at=begun + hour)
    ground.session.commit()
    found = drafted(app, ground).figures["complaints"]
    assert found["results"] == {"on_time": 1, "late": 1, "open": 0, "untrue": 1} and found["now"] == 3
    assert found["units"] == [[ground.firm.id, ground.firm.name, 1]]


@pytest.mark.feature("RES-05")
def test_rescues_repairs_enforcement_and_the_six_rates_have_their_sections(app: Any, ground: World) -> None:
    session, on = ground.session, day("2026-02-10")
    noon, minute = at(on, 12), dt.timedelta(minutes=1)
    hidden = session.scalars(select(Elevator).where(Elevator.is_secret)).first()
    for lift, begun, done in ((ground.own, noon, 9), (ground.own, noon + 60 * minute, 300), (hidden, noon, 300)):
        called = Called("A", 1, begun, begun + minute, begun + 5 * minute, begun + done * minute)
        told = Trapped("A", lift.id, begun, (called,), begun + done * minute, "entrapment", "door_operator")
        case = put_rescue(session, lift, told, {"A": ground.firm})
        case.status, case.dispatched_at, case.trapped = "freed", begun, 2
        case.accepted_at, case.arrived_at, case.done_at = called.accepted, called.arrived, called.done
    for lift in (ground.own, hidden):
        session.add(RepairOrder(
            elevator_id=lift.id, region_code=lift.region_code, unit_id=ground.firm.id, code=lift.code, place="x",
            source="report", level="stopped", reported_at=noon, state="done", heard_at=noon + 600 * minute,
            accepted_at=noon + minute, ended_at=noon + 600 * minute, closed_at=noon + 700 * minute, cause="door",
            accept_hours=1, finish_hours=8,
        ))  # fmt: skip
    session.commit()
    with transaction(session):
        given = Entry("talk", on, "三月以来多次超期", "十日内补做", reply_days=10)
        row = enforcement.draw_up(session, ground.actor("inspector"), ground.firm.id, given, at(day("2026-02-12"), 9))
        enforcement.issue(session, ground.actor("inspector"), row.id, at(day("2026-02-12"), 10))
    made = drafted(app, ground)
    found, firm = made.figures, ground.firm
    assert found["rescues"]["now"] | {"arrive": None} == {
        "total": 2, "entrapments": 2, "people": 4, "on_time": 1, "late": 1, "open": 0, "arrive": None,
    }  # fmt: skip
    assert found["rescues"]["units"] == [[firm.id, firm.name, 1, 2]], "the 涉密 one is not counted"
    assert found["rescues"]["now"]["arrive"] == "4.0" and found["rescues"]["causes"] == [["door_operator", 2]]
    assert (found["repairs"]["now"], found["repairs"]["late"], found["repairs"]["done"]) == (1, 1, 1)
    assert found["enforcement"]["now"] == {"talk": 1} and found["enforcement"]["units"] == [[firm.id, firm.name, 1]]
    assert found["rates"]["lines"][0][:3] == [1, firm.id, firm.name]
    region = bulletins.region_of(session, ground.actor("inspector"), REGION)
    parts = {part.name: "".join(block.text for block in part.blocks) for part in document.paper(made, region).parts}
    assert "应急救援2次" in parts["rescues"] and "合规率50.0%（样本较少，仅供参考）" in parts["rescues"]
    assert f"{firm.name}1次（共2次，样本较少）" in parts["rescues"] and "上期无数据" in parts["rescues"]
    assert "报修1件" in parts["repairs"] and "及时率0.0%" in parts["repairs"]
    assert "约谈1件" in parts["enforcement"] and "没有收到单位的申诉" in parts["enforcement"]
    assert "满分96分" in parts["rates"] and "排名见附件" in parts["rates"]
    asked = made.texts["closing"]
    assert all(words in asked for words in ("救援不合规的维保单位", "报修处理不及时的维保单位", "六个率动态积分靠后"))
    notes = "".join(document.paper(made, region).notes)
    assert all(f"{rate}＝" in notes for rate in ("救援合规率", "报修及时率", "投诉及时率", "申诉成立率"))


def test_of_what_there_was_nothing_the_new_sections_say_so(app: Any, ground: World) -> None:
    made = drafted(app, ground)
    region = bulletins.region_of(ground.session, ground.actor("inspector"), REGION)
    whole = document.paper(made, region)
    parts = {part.name: "".join(block.text for block in part.blocks) for part in whole.parts}
    assert "没有困人报警" in parts["rescues"] and "救援合规率无数据" in parts["rescues"]
    assert "没有报修" in parts["repairs"] and "处理及时率无数据" in parts["repairs"]
    assert "没有作出约谈" in parts["enforcement"]
    headings = [document.heading(number, part) for number, part in enumerate(whole.parts)]
    assert headings[9].startswith("十、") and headings[10].startswith("十一、")
