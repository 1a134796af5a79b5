"""批量审批 (LIF-08): what is asked before anything is decided, and what the answer is about."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import func, select

from app.models import Application, AuditEntry, Job, Unit
from app.transaction import transaction
from app.workflows.desk import many
from tests.api.callers import Caller
from tests.factories import World, make_policy
from tests.statements import statements
from tests.views.decide_many.ground import FEW, fields, post, ticks
from tests.views.test_imports import work
from tests.workflows.filing_world import AT, decide, fresh, save, submit, unit_data

pytestmark = pytest.mark.feature("LIF-08")


def test_first_agreed_to_by_another_after_the_question_is_not_finally_approved_by_the_answer(
    app: Any, session: Any, world: World, sign_in: Any, waiting: list[Application]
) -> None:
    make_policy(session, "second_approval", "all")
    session.commit()
    admin = sign_in(world.accounts["region_admin"])
    asked = post(admin, {"verb": "approve", "every": "1", "tab": "office"})
    assert "记为初审同意" in asked.text
    for row in waiting[:3]:
        decide(session, world.actor("inspector"), row, "approve")
    post(admin, fields(asked.text))
    work(app, session)
    fresh(session)
    assert [row.state for row in waiting] == ["endorsed"] * FEW, "the fourth is a first one, of which he was asked"
    job = session.scalar(select(Job).where(Job.kind == "decide"))
    assert (job.result["decided"], job.result["refused"]) == (1, 3) and waiting[3].endorsed_by_id == job.created_by_id


def test_what_the_filter_finds_only_after_the_question_is_not_in_the_answer(
    session: Any, world: World, sign_in: Any, waiting: list[Application]
) -> None:
    client = sign_in(world.accounts["inspector"])
    asked = post(client, {"verb": "reject", "every": "1", "tab": "office", "q": "300100"})
    assert "批量不通过 1 件申请？" in asked.text
    with transaction(session):
        # All of this unit match now, and none was handed in later.
        unit = session.get(Unit, waiting[0].unit_id)
        unit.name += "300100"
    again_ = post(client, fields(asked.text) | {"opinion": " "})
    assert again_.status_code == 422 and "批量不通过 1 件申请？" in again_.text
    post(client, fields(again_.text) | {"opinion": "缺少照片"})
    session.rollback()
    job = session.scalar(select(Job).where(Job.kind == "decide"))
    assert many.read(job.params["chosen"]) == [(waiting[0].id, waiting[0].row_version)]


def test_all_are_decided_only_after_the_question(session: Any, sign_in: Any, world: World, waiting: Any) -> None:
    client = sign_in(world.accounts["inspector"])
    asked = post(client, {"verb": "approve", "every": "1", "sure": "1"})
    assert asked.status_code == 200 and f"批量同意 {FEW} 件申请？" in asked.text
    for wrong in ("", "x", "1:", ":1", "9" * 40 + ":1"):
        answer = post(client, {"verb": "approve", "every": "1", "sure": "1", "asked": wrong})
        assert answer.status_code == 302 and answer.location.startswith("/applications/queue"), wrong
    session.rollback()
    assert session.scalar(select(func.count()).where(Job.kind == "decide")) == 0


def test_a_question_about_the_most_is_answered_in_one_form(session: Any, sign_in: Any, world: World) -> None:
    seen = [(9_000_000 + n, 100) for n in range(many.MOST + 1)]
    client = sign_in(world.accounts["inspector"])
    answer = post(client, {"verb": "approve", "sure": "1", "every": "1", "asked": many.as_params(seen)})
    assert answer.status_code == 302 and answer.location.startswith("/jobs/")
    session.rollback()
    job = session.scalar(select(Job).where(Job.kind == "decide"))
    assert many.read(job.params["chosen"]) == seen[: many.MOST]


def test_what_can_not_be_decided_so_is_said_before(
    session: Any, world: World, sign_in: Any, waiting: list[Application]
) -> None:
    officer = world.accounts["region_admin"]
    own = save(session, world.actor("region_admin"), Unit, None, unit_data(session))
    mine = submit(session, world.actor("region_admin"), own)
    with transaction(session):
        # Whoever filed these set the officer's password: neither may decide for the other.
        session.add(AuditEntry(
            at=AT, actor_id=waiting[0].submitted_by_id, actor_name="x", via="web", action="account.reset_password",
            entity="account", entity_id=officer.id,
        ))  # fmt: skip
    client = sign_in(officer)
    page = re.sub(r"\s+", "", post(client, {"verb": "approve", "every": "1"}).text)
    assert f"电梯备案{FEW}件</b><spanclass=\"ta-mut\">不会办理：您与申请人的账号，一个的密码由另一个重置过" in page
    assert "另有1件是您自己提交或初审的" in page and mine.number not in page


def test_of_any_number_of_applicants_it_is_asked_in_sets(
    session: Any, world: World, waiting: list[Application]
) -> None:
    officer, personas = world.actor("region_admin"), ("clerk", "worker", "use_head", "maintenance_head", "inspector")

    def asked(n: int) -> int:
        rows = [SimpleNamespace(
            id=k, kind="elevator_filing", state="submitted", region_code="", elevator_id=None, unit_id=None,
            submitted_by_id=world.accounts[who].id, submitted_at=AT, endorsed_by_id=None,
        ) for k, who in enumerate(personas[:n])]  # fmt: skip
        with statements() as sent:
            many.held_back(session, officer, rows, "approve")
        return len(sent)

    assert asked(5) <= asked(1) + 1, "a longer line of those who made an account may ask once more"


def test_an_application_ticked_twice_is_decided_once(
    session: Any, world: World, sign_in: Any, waiting: list[Application]
) -> None:
    client, row = sign_in(world.accounts["inspector"]), waiting[0]
    twice = [f"{row.id}:{row.row_version}", f"{row.id}:{row.row_version + 1}", f"0{row.id}:1", "x"]
    answer = post(client, {"verb": "approve", "sure": "1", "chosen": twice})
    assert "已办理 1 件，未办理 1 件" in answer.text and "不是有效的申请" in answer.text


def test_an_appeal_is_not_agreed_to_among_many() -> None:
    from app.rules.approval import ApplicationVerb, one_by_one

    assert not one_by_one("appeal", ApplicationVerb.APPROVE).ok
    assert one_by_one("appeal", ApplicationVerb.REJECT).ok and one_by_one("unit_change", ApplicationVerb.APPROVE).ok


def test_what_is_to_be_looked_at_is_said_before_and_refused_among_many(
    app: Any, session: Any, world: World, sign_in: Any, waiting: list[Application], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.rules.approval._ONE_BY_ONE", {"elevator_filing"})
    client = sign_in(world.accounts["inspector"])
    asked = re.sub(r"\s+", "", post(client, {"verb": "approve", "chosen": ticks(*waiting)}).text)
    assert f"电梯备案{FEW}件</b><spanclass=\"ta-mut\">不会办理：这种申请须逐件看过证据后才能同意" in asked
    done = post(client, {"verb": "approve", "sure": "1", "chosen": ticks(waiting[0])}).text
    assert "已办理 0 件，未办理 1 件" in done and "请打开这件申请，单独办理" in done
    caller = Caller(app, world, "inspector")
    sent = {"verb": "approve", "chosen": [{"id": waiting[0].id, "seen_version": waiting[0].row_version}]}
    answer = caller.post("/applications/batch", sent).json
    assert (answer["done"], answer["results"][0]["status"]) == (0, 422)
    decide(session, world.actor("inspector"), waiting[0], "approve")
    assert waiting[0].state == "approved", "by itself it is agreed to"


def test_only_what_the_officer_may_decide(
    app: Any, session: Any, world: World, sign_in: Any, waiting: list[Application]
) -> None:
    for persona in ("maintenance_head", "worker"):
        assert post(sign_in(world.accounts[persona]), {"verb": "approve", "every": "1"}).status_code in (302, 403)
    other = sign_in(world.accounts["other_inspector"])
    answer = post(other, {"verb": "approve", "sure": "1", "chosen": ticks(*waiting)})
    assert answer.status_code == 302
    assert "没有" in other.get("/applications/queue").text
    asked = post(other, {"verb": "approve", "every": "1"})
    assert post(other, fields(asked.text)).location.startswith("/applications/queue"), "none is found"
    work(app, session)
    fresh(session)
    assert {row.state for row in waiting} == {"submitted"}
    job = session.scalar(select(Job).where(Job.kind == "decide"))
    assert (job.result["decided"], job.result["refused"]) == (0, FEW), "each is refused at its turn"
    assert all(name.startswith("编号 ") for name, _link, _why in job.result["left"]), "and is not named to him"
