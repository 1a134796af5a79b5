"""批量上报 of all that a list found: more drafts than a page can tick, each handed in by itself by a job."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock, scope
from app.models import Application, Elevator, Job, Notification, Unit
from app.tasks.jobs import JobContext
from app.telling import told as said
from app.wording import again
from app.workflows.desk import applications
from app.workflows.filing import filing
from tests.conftest import csrf
from tests.factories import World
from tests.views.test_imports import work
from tests.workflows.filing_world import elevator_data, fresh, save, unit_data

PLACE = "/elevators/deed/submit?tab=draft&q=明水路"
MORE = 26  # one more than a page shows


@pytest.fixture
def drafts(session: Any, world: World) -> list[Elevator]:
    head = world.actor("maintenance_head")
    made = [save(session, head, Elevator, None, elevator_data(world, code=f"3001{n:02d}")) for n in range(MORE)]
    return made


def enter(client: Any, place: str = PLACE) -> Any:
    return client.post(place, data={"every": "1", "csrf_token": csrf(client, "/elevators/")})


@pytest.mark.feature("ELV-04")
def test_all_found_drafts_are_handed_in_and_the_others_say_why(
    app: Any, session: Any, world: World, sign_in: Any, drafts: list[Elevator]
) -> None:
    head = world.actor("maintenance_head")
    lacking = save(session, head, Elevator, None, elevator_data(world, code="300200", use_unit_id=None))
    elsewhere = save(session, head, Elevator, None, elevator_data(world, code="300300", address="揽月街 1 号"))
    client = sign_in(world.accounts["maintenance_head"])
    page = client.get("/elevators/?tab=draft&q=明水路").text
    assert f"全部 {MORE + 1} 条：审核上报" in page and 'name="every"' in page
    assert 'name="every"' not in client.get("/elevators/?tab=draft&q=揽月街").text, "one page needs no job"

    answer = enter(client)
    session.rollback()
    job = session.scalar(select(Job).where(Job.kind == "submit"))
    assert answer.status_code == 302 and answer.location == f"/jobs/{job.id}"
    # What somebody does meanwhile stays done: it is no draft when the job comes to it.
    client.post("/elevators/deed/submit", data={"ids": [drafts[0].id], "csrf_token": csrf(client, "/elevators/")})
    work(app, session)

    fresh(session)
    assert {row.filing_state for row in drafts} == {"pending"}
    assert (lacking.filing_state, elsewhere.filing_state) == ("draft", "draft"), "faulty, and not under the filter"
    assert (job.result["submitted"], job.result["refused"]) == (MORE - 1, 1)
    told = session.scalars(select(Notification.title).where(Notification.topic == "approval")).all()
    many = [title for title in told if title == f"待审批：{world.firm.name} 批量上报电梯备案"]
    assert many and len(told) == 2 * len(many), "each officer hears once of the batch, once of what came alone"
    page = client.get(f"/jobs/{job.id}").text
    assert "批量上报" in page and f"<dt>已上报</dt><dd>{MORE - 1}</dd>" in page
    assert "<dt>没有上报</dt><dd>1</dd>" in page
    assert f'href="/elevators/{lacking.id}"' in page and "300200" in page and "使用单位没有填写" in page
    assert "/elevators/?tab=draft" in page, "the way back to the list"
    batch = f"/applications/?f_batch={job.id}"
    assert f'href="{batch}"' in page and "查看这批申请" in page
    shown = client.get(batch).text
    assert f"共 {MORE - 1} 条" in shown and "电梯备案" in shown


@pytest.mark.feature("ELV-04")
def test_beyond_what_is_counted_the_bar_says_so(
    world: World, sign_in: Any, drafts: list[Elevator], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    page = client.get("/elevators/?tab=draft&q=明水路").text
    assert f"已选全部 {MORE} 条" in page and f"选中全部 {MORE} 条" in page and "没有逐一计数" not in page
    monkeypatch.setattr("app.listing.COUNT_CAP", MORE)
    page = client.get("/elevators/?tab=draft&q=明水路").text
    assert "已选全部，多于 1,000 条，没有逐一计数" in page and "选中全部（多于 1,000 条）" in page
    assert "全部：审核上报" in page and f"全部 {MORE} 条" not in page


@pytest.mark.feature("LIF-08")
def test_its_owner_stops_it_and_the_rest_stay_drafts(
    app: Any, session: Any, world: World, sign_in: Any, drafts: list[Elevator], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    enter(client)
    session.rollback()
    job, calls = session.scalar(select(Job).where(Job.kind == "submit")), []

    def asked(_context: JobContext) -> bool:
        calls.append(1)
        return len(calls) == 2

    monkeypatch.setattr(JobContext, "stop_asked", asked)
    work(app, session)
    session.expire_all()
    n = len(drafts) - 1
    assert (job.state, job.done, job.result["submitted"]) == ("done", 1, 1)
    assert said(again(job.result["stopped"])) == f"您停止了任务，其余 {n} 件没有上报"
    assert [row.filing_state for row in drafts].count("draft") == n


@pytest.mark.feature("ELV-04")
def test_a_second_run_hands_nothing_in_twice(
    app: Any, session: Any, world: World, sign_in: Any, drafts: list[Elevator]
) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    enter(client), enter(client)
    work(app, session)
    fresh(session)
    assert session.scalar(select(func.count()).select_from(Application)) == MORE
    results = [job.result["submitted"] for job in session.scalars(select(Job).order_by(Job.id))]
    assert sorted(results) == [0, MORE]


@pytest.mark.feature("ACC-01")
def test_only_what_the_owner_may_hand_in_and_only_lists_of_filings(
    app: Any, session: Any, world: World, sign_in: Any, drafts: list[Elevator]
) -> None:
    assert enter(sign_in(world.accounts["inspector"])).status_code == 403
    other = sign_in(world.accounts["other_head"] if "other_head" in world.accounts else world.accounts["use_head"])
    assert enter(other, "/elevators/deed/submit").status_code in (302, 403)
    assert enter(sign_in(world.accounts["maintenance_head"]), "/elevators/deed/labels").status_code == 302
    work(app, session)
    fresh(session)
    assert {row.filing_state for row in drafts} == {"draft"}, "none is theirs, and labels are no deed for all"


@pytest.mark.feature("UNT-05")
def test_units_too(app: Any, session: Any, world: World, sign_in: Any) -> None:
    head = world.actor("maintenance_head")
    made = [save(session, head, Unit, None, unit_data(session, name=f"澜州明水第{n}商业公司")) for n in range(3)]
    client = sign_in(world.accounts["maintenance_head"])
    answer = enter(client, "/units/deed/submit?q=澜州明水第")
    assert answer.status_code == 302 and answer.location.startswith("/jobs/")
    work(app, session)
    job = session.scalar(select(Job).where(Job.kind == "submit"))
    fresh(session)
    assert {row.filing_state for row in made} == {"pending"}, job.result


@pytest.mark.feature("ELV-04")
def test_an_address_that_is_too_long_is_refused_and_not_cut(
    session: Any, world: World, sign_in: Any, drafts: list[Elevator]
) -> None:
    """Without its end it would be another filter, and a wider one."""
    client = sign_in(world.accounts["maintenance_head"])
    answer = enter(client, f"/elevators/deed/submit?tab=draft&cols={'code,' * 900}&q=没有这条路")
    assert answer.status_code == 302 and answer.location.startswith("/elevators/")
    assert "最多 4000 个" in client.get("/elevators/").text
    session.rollback()
    assert session.scalar(select(func.count()).select_from(Job)) == 0


@pytest.mark.feature("LIF-08")
def test_what_officers_were_told_stays_until_all_is_handed_in(
    app: Any, session: Any, world: World, sign_in: Any, drafts: list[Elevator], monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(sign_in(world.accounts["maintenance_head"]))
    fresh(session)
    job = session.scalar(select(Job).where(Job.kind == "submit"))
    officer, real, seen = world.actor("inspector"), filing.submit, list[set[bool]]()

    def unread(own: Any) -> set[bool]:
        asked = select(Notification.read_at).where(Notification.link == f"/applications/queue?batch={job.id}")
        return {at is None for at in own.scalars(asked.execution_options(skip_scope=True))}

    def turned_down_at_once(own: Any, *args: Any, **more: Any) -> Any:
        made = real(own, *args, **more)
        with scope.acting(officer):
            applications.decide(own, officer, made.id, "reject", "重复", made.row_version, clock.now())
        seen.append(unread(own))
        return made

    monkeypatch.setattr(filing, "submit", turned_down_at_once)
    work(app, session)
    fresh(session)
    assert job.result["submitted"] == MORE and seen[1:] == [{True}] * (MORE - 1), "more are to come"
    assert unread(session) == {False}, "none waits, none will come"
