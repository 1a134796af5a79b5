"""Doors tried from outside: secret elevators through complaints and inspections, rights taken away, others' records."""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from app import scope
from app.models import AuditEntry, Complaint, ElevatorMessage, Inspection
from app.permissions import Role, Verb
from app.transaction import transaction
from app.workflows.inspection import inspections
from app.workflows.public import complaints, messages
from tests.conftest import csrf
from tests.factories import World
from tests.outcomes import refused
from tests.workflows.inspection_world import AT, enter, entry, inspecting

START = dt.datetime(2026, 3, 2, 4, tzinfo=dt.UTC)
FORM = {"name": "顾以宁", "phone": "13900001111", "body": "=HYPERLINK(\"http://x\")\n<b>抖动</b>"}


def seen(world: World, who: Any, model: Any) -> int:
    return len(world.session.scalars(scope.apply(select(model.id), who, model)).all())


@pytest.mark.feature("CMP-03")
def test_what_became_secret_is_nobodys_without_the_right(world: World) -> None:
    with transaction(world.session):
        row = complaints.complain(world.session, world.own, FORM, ["shaking"], [], START, "203.0.113.9")
        line = messages.leave(world.session, world.own, "风扇太小", START, "203.0.113.9")
    tester = inspecting(world)
    made = enter(world, tester)
    officer, admin = world.actor("inspector"), world.actor("region_admin")
    assert [seen(world, officer, m) for m in (Complaint, ElevatorMessage, Inspection)] == [1, 1, 1]
    world.own.is_secret = True
    world.session.commit()
    assert [seen(world, officer, m) for m in (Complaint, ElevatorMessage, Inspection)] == [0, 0, 0]
    assert [seen(world, admin, m) for m in (Complaint, ElevatorMessage, Inspection)] == [1, 1, 1]
    for deed in (
        lambda: complaints.close(world.session, officer, row.id, "办结", False, START),
        lambda: complaints.prod(world.session, officer, row.id, "请办", START),
        lambda: messages.publish(world.session, officer, line.id, True, START),
        lambda: inspections.annul(world.session, officer, made.id, "登记错", AT),
        lambda: enter(world, inspecting(world, name="临河第二检测院"), number="LH-2"),
    ):
        with scope.acting(officer):
            assert "没有找到" in refused(deed)
        world.session.rollback()


@pytest.mark.feature("INS-01")
def test_of_another_inspection_units_record_one_changes_nothing(world: World) -> None:
    one, other = inspecting(world), inspecting(world, name="临河第二检测院")
    made = enter(world, one)
    key = made.id
    with scope.acting(other):
        found = refused(lambda: inspections.annul(world.session, other, key, "不对", AT))
        assert "其他单位出具" in found
        world.session.rollback()
        assert "其他单位出具" in refused(
            lambda: inspections.correct(world.session, other, key, entry(result="failed", failed_items="x"), "改", AT)
        )
    world.session.rollback()
    # Nor can it sign for another, whatever the form says.
    mine = enter(world, other, number="LH-9", tested_by_id=one.unit_id, tested_by="别家")
    assert (mine.tested_by_id, mine.tested_by) == (other.unit_id, "临河第二检测院")


@pytest.mark.feature("CMP-03")
def test_what_takes_a_complaint_out_of_the_score_stands_in_the_log(world: World) -> None:
    with transaction(world.session):
        row = complaints.complain(world.session, world.own, FORM, ["shaking"], [], START, "203.0.113.9")
    with transaction(world.session):
        complaints.close(world.session, world.actor("inspector"), row.id, "经查不属实", True, START)
    entry_ = world.session.scalars(select(AuditEntry).where(AuditEntry.action == "complaint.untrue")).one()
    assert entry_.after["is_untrue"] is True and entry_.actor_id == world.accounts["inspector"].id


@pytest.mark.feature("CMP-02")
@pytest.mark.parametrize("fmt", ["csv", "xlsx"])
def test_what_a_stranger_types_is_no_formula_and_no_markup(world: World, sign_in: Any, fmt: str) -> None:
    with transaction(world.session):
        row = complaints.complain(
            world.session, world.own, FORM | {"name": "=1+1"}, ["shaking"], [], START, "203.0.113.9"
        )
    client = sign_in(world.accounts["inspector"])
    page = client.get(f"/complaints/{row.id}").get_data(as_text=True)
    assert "<b>抖动" not in page and "&lt;b&gt;抖动" in page
    token = csrf(client, "/complaints/")
    form = {"csrf_token": token, "format": fmt, "cols": ["name", "body"], "tab": "all"}
    answer = client.post("/exports/complaints", data=form)
    assert answer.status_code == 200
    if fmt == "csv":
        assert "'=1+1" in answer.get_data(as_text=True)
        return
    sheet = load_workbook(io.BytesIO(answer.data)).worksheets[0]
    found = [cell for line in sheet for cell in line if str(cell.value).startswith("=")]
    assert found and {cell.data_type for cell in found} == {"s"}


@pytest.mark.feature("CMP-03")
def test_a_right_that_was_taken_away_is_gone_at_once(world: World) -> None:
    with transaction(world.session):
        row = complaints.complain(world.session, world.own, FORM, ["shaking"], [], START, "203.0.113.9")
    head = dataclasses.replace(world.actor("maintenance_head"), withheld=frozenset({Verb.COMPLAINT_HANDLE}))
    assert Role.MAINTENANCE_HEAD in head.roles
    refused(lambda: complaints.accept(world.session, head, row.id, START))
