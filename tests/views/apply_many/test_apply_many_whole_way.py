"""批量申请: one form for many elevators, looked at first; then each has its own application by its own rules."""

from __future__ import annotations

import io
from typing import Any

import pytest
from sqlalchemy import select

from app.models import ApplicationStep, Attachment, AuditEntry, Elevator, Notification
from app.workflows.core import jobs
from tests.conftest import csrf
from tests.factories import World, make_elevator
from tests.journeys.steps import BLANK_PDF
from tests.views.apply_many.ground import FEW, PLACE, checked, confirm, made
from tests.views.decide_many.ground import post, sheet, ticks
from tests.views.test_imports import work

pytestmark = pytest.mark.feature("LIF-02")


def test_each_of_those_found_has_its_own_application(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    client = sign_in(world.accounts["use_head"])
    answer = client.post(
        f"/elevators/deed/apply?{PLACE}", data={"every": "1", "csrf_token": csrf(client, "/elevators/")}
    )
    assert answer.status_code == 302 and answer.location.startswith("/applications/many?q=")
    page = client.get(answer.location).text
    assert "停用登记" in page and f"{FEW} 台" in page and "停用后启用登记" in page
    form = client.get(f"/applications/many/suspension?{PLACE}").text
    assert f"选中 {FEW + 1} 台，其中 {FEW} 台的状态可以办" in form

    check = checked(app, session, client, files=(io.BytesIO(BLANK_PDF), "改造通知.pdf"))
    assert (check.result["can"], check.result["refused"]) == (FEW, 1)
    assert made(session) == [], "nothing is applied for by looking"
    page = client.get(f"/applications/many/checked/{check.id}").text
    assert f"可以申请 {FEW} 台，不能申请 1 台" in page and f"确认提交 {FEW} 台" in page
    assert "电梯现为停用，不能办理停用登记" in page and chosen[-1].code in page
    head, refused, *can = sheet(client, check)
    assert head[:4] == ("识别码", "地址", "结果", "原因"), "those that can as well, behind those that can't"
    assert refused[::2] == (chosen[-1].code, "不能申请") and "电梯现为停用" in refused[3]
    assert {row[::2] for row in can} == {(row.code, "可以申请") for row in chosen[:FEW]}

    job = confirm(session, client, check)
    assert confirm(session, client, check) == job, "a second press leads to the job of the first"
    work(app, session)
    rows = made(session)
    assert {row.elevator_id for row in rows} == {row.id for row in chosen[:FEW]}
    assert {(row.kind, row.state, row.reason, row.batch) for row in rows} == {
        ("suspension", "submitted", "小区整体改造", job.id)
    }
    assert len({row.number for row in rows}) == FEW
    papers = [row.data["attachments"] for row in rows]
    held = session.scalars(select(Attachment).where(Attachment.entity == "application")).all()
    assert sorted(one.id for one in held) == sorted(key for keys in papers for key in keys)
    assert {(one.entity_id, one.name) for one in held} == {(row.id, "改造通知.pdf") for row in rows}
    assert len({one.sha256 for one in held}) == 1, "the same bytes, kept once"
    submitted = session.scalars(select(AuditEntry).where(
        AuditEntry.entity == "application", AuditEntry.entity_id.in_([row.id for row in rows])
    )).all()  # fmt: skip
    assert {one.via for one in submitted} == {"job"} and {one.entity_id for one in submitted} == {r.id for r in rows}

    officers = session.scalars(select(Notification).where(
        Notification.topic == "approval", Notification.recipient_id == world.accounts["inspector"].id
    )).all()  # fmt: skip
    assert [one.title for one in officers] == [f"待审批：{world.use_unit.name} 批量申请停用登记"]
    assert officers[0].link == f"/applications/queue?batch={job.id}"
    (party,) = session.scalars(select(Notification).where(
        Notification.topic == "party", Notification.recipient_id == world.accounts["maintenance_head"].id
    )).all()  # fmt: skip
    assert party.title == f"已提交：{world.use_unit.name} 批量申请停用登记"
    assert party.link == f"/applications/?f_batch={job.id}"
    page = client.get(f"/jobs/{job.id}").text
    assert f"<dt>已申请</dt><dd>{FEW}</dd>" in page and f'href="/applications/?f_batch={job.id}"' in page
    own = client.get(f"/applications/?f_batch={job.id}").text
    assert all(row.number in own for row in rows)
    head, *lines = sheet(client, job)
    assert head[:5] == ("识别码", "地址", "结果", "申请编号", "原因") and {line[2] for line in lines} == {"已申请"}
    # Asked again after all of it was done, it still leads there.
    assert confirm(session, client, check) == job and len(made(session)) == FEW


@pytest.mark.parametrize(
    ("kind", "status", "becomes"),
    [
        ("use_registration", "notified", "in_use"), ("reactivation", "suspended", "in_use"),
        ("scrapping", "in_use", "scrapped"), ("maintenance_pause", "in_use", "in_use"),
    ],
)  # fmt: skip
def test_every_kind_that_is_offered_goes_the_whole_way(
    app: Any, session: Any, world: World, sign_in: Any, kind: str, status: str, becomes: str
) -> None:
    rows = [
        make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit, estate="澄园", status=status)
        for _n in range(2)
    ]
    session.commit()
    client = sign_in(world.accounts["use_head"])
    check = checked(app, session, client, kind=kind, query="q=澄园", files=(io.BytesIO(BLANK_PDF), "材料.pdf"))
    assert check.result["can"] == 2, check.result["why"]
    confirm(session, client, check)
    work(app, session)
    officer = sign_in(world.accounts["inspector"])
    post(officer, {"verb": "approve", "sure": "1", "chosen": ticks(*made(session))})
    assert {row.state for row in made(session)} == {"approved"}
    session.expire_all()
    assert {row.status for row in rows} == {becomes}


@pytest.mark.feature("LIF-08")
def test_steps_are_those_of_a_single_application(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    """The same verbs with the same actor; the batch is all that tells them apart."""
    client = sign_in(world.accounts["use_head"])
    confirm(session, client, checked(app, session, client))
    work(app, session)
    rows = made(session)
    steps = session.scalars(select(ApplicationStep)).all()
    assert {(one.verb, one.actor_id) for one in steps} == {("submit", world.accounts["use_head"].id)}
    assert len(steps) == len(rows) and all(row.due_at is not None for row in rows)
    assert jobs.KIND_VERB["apply"] == jobs.KIND_VERB["apply_check"]
