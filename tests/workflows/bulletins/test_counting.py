"""A bulletin counted: as of its instant, once, of whom and of when."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import func, select, update

from app import clock
from app.errors import NotAllowed, NotFound, Refusal
from app.models import Bulletin, ImportBatch, Job, Score, ScoreRun
from app.reports.bulletin import document
from app.tasks import jobs as running
from app.transaction import transaction
from app.workflows.oversight import bulletins
from tests.factories import World, make_elevator
from tests.workflows.bulletins.ground import PERIOD, REGION, begin, drafted, issued, run
from tests.workflows.clock_world import at, day
from tests.workflows.score_world import put_overdue, put_visit

pytestmark = pytest.mark.feature("STA-03")
DAY = dt.timedelta(days=1)


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
    batch = ImportBatch(kind="visits", file_name="x", created_at=later - 5 * DAY, finished_at=later)
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
