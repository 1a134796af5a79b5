"""Filing: what is in force stays while a change is under review; every edit is submitted again (UNT-05, ELV-04)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import func, select

from app.errors import NotAllowed, NotFound, Refusal, Stale
from app.models import Application, AuditEntry, Elevator, Notification, StatusChange, Unit, Version
from app.transaction import transaction
from app.workflows.core import moves
from app.workflows.filing import filing
from tests import factories
from tests.factories import World
from tests.workflows.filing_world import (
    AT,
    TODAY,
    decide,
    elevator_data,
    filed_elevator,
    save,
    submit,
    unit_data,
)

pytestmark = pytest.mark.feature("UNT-05", "ELV-04")


def test_a_filing_goes_from_draft_to_force(session: Any, world: World) -> None:
    head = world.actor("maintenance_head")
    row = save(session, head, Unit, None, unit_data(session, name="  澜州明水商业管理有限公司  "))
    assert (row.filing_state, row.info_state, row.approved_version) == ("draft", "new", 0)
    assert (row.name, row.region_code, row.filed_by_unit_id) == (
        "澜州明水商业管理有限公司", "980402000000", world.firm.id,
    )  # fmt: skip

    application = submit(session, head, row)
    assert (row.filing_state, application.state, application.is_open) == ("pending", "submitted", True)
    assert application.number == "DW-2026-000001"
    assert application.unit_id == world.firm.id and application.region_code == "980402000000"
    told = set(session.scalars(select(Notification.recipient_id).where(Notification.topic == "approval")))
    assert world.accounts["inspector"].id in told and world.accounts["maintenance_head"].id not in told

    decide(session, world.actor("inspector"), application, "approve", "材料齐全")
    assert (row.filing_state, row.info_state, row.approved_version) == ("approved", "normal", 1)
    assert (row.approved_on, application.state, application.is_open) == (TODAY, "approved", False)
    assert [s.verb for s in application.steps] == ["submit", "accept", "approve"]
    version = session.scalars(select(Version).where(Version.entity == "unit", Version.entity_id == row.id)).one()
    assert (version.state, version.in_force_from, version.opinion) == ("approved", TODAY, "材料齐全")
    assert version.data["uscc"] == row.uscc and version.digest == filing.digest(version.data)
    decisions = select(Notification.recipient_id).where(Notification.topic == "decision")
    assert world.accounts["maintenance_head"].id in set(session.scalars(decisions))
    actions = set(session.scalars(select(AuditEntry.action).where(AuditEntry.entity == "unit")))
    assert {"unit.save_draft", "unit.submit", "unit.approve", "unit.in_force"} <= actions


def test_the_approved_version_holds_while_a_change_is_under_review(session: Any, world: World) -> None:
    head, row = world.actor("maintenance_head"), filed_elevator(world)
    save(session, head, Elevator, row, {"address": "明水路 8 号 2 幢", "made_on": dt.date(2020, 3, 1)})
    assert (row.filing_state, row.info_state, row.address) == ("draft", "changed", "明水路 8 号 1 幢")
    application = submit(session, head, row)
    assert row.address == "明水路 8 号 1 幢" and row.made_on is None
    draft = session.get(Version, application.version_id)
    assert [(d.field, d.old, d.new) for d in filing.differences(filing.snapshot(row), draft.data)] == [
        ("address", "明水路 8 号 1 幢", "明水路 8 号 2 幢"), ("made_on", None, "2020-03-01"),
    ]  # fmt: skip
    decide(session, world.actor("inspector"), application, "approve")
    assert (row.address, row.made_on, row.approved_version) == ("明水路 8 号 2 幢", dt.date(2020, 3, 1), 2)


def test_a_filing_under_review_is_locked_until_withdrawn(session: Any, world: World) -> None:
    head = world.actor("maintenance_head")
    row = save(session, head, Elevator, None, elevator_data(world))
    application = submit(session, head, row)
    with pytest.raises(Refusal, match="审核中不能修改"):
        save(session, head, Elevator, row, {"address": "别处"})
    with pytest.raises(Refusal, match="审核中不能重复上报"):
        submit(session, head, row)
    with transaction(session):
        filing.withdraw(session, head, row, AT)
    assert (row.filing_state, application.state, application.is_open) == ("draft", "withdrawn", False)
    save(session, head, Elevator, row, {"address": "明水路 9 号"})
    again = submit(session, head, row)
    assert row.address == "明水路 9 号"
    # What was withdrawn is kept as it was submitted.
    assert session.get(Version, application.version_id).data["address"] == "明水路 8 号 1 幢"
    assert session.get(Version, again.version_id).number == 2


def test_what_was_rejected_is_mended_and_submitted_again(session: Any, world: World) -> None:
    head = world.actor("maintenance_head")
    row = save(session, head, Elevator, None, elevator_data(world))
    application = submit(session, head, row)
    with pytest.raises(Refusal, match="没有写明理由"):
        decide(session, world.actor("inspector"), application, "reject", "  ")
    decide(session, world.actor("inspector"), application, "reject", "地址与现场不符")
    assert (row.filing_state, row.info_state, row.approved_version) == ("rejected", "new", 0)
    assert application.opinion == "地址与现场不符" and not application.is_open
    save(session, head, Elevator, row, {"address": "明水路 10 号"})
    assert row.filing_state == "draft"
    decide(session, world.actor("inspector"), submit(session, head, row), "approve")
    assert (row.filing_state, row.address, row.approved_version) == ("approved", "明水路 10 号", 2)


def test_return_of_a_filing_is_a_rejection(session: Any, world: World) -> None:
    head = world.actor("maintenance_head")
    row = save(session, head, Elevator, None, elevator_data(world))
    application = submit(session, head, row)
    decide(session, world.actor("inspector"), application, "return", "补录位置")
    assert (application.state, row.filing_state) == ("rejected", "rejected")


def test_every_missing_field_is_named_at_once(session: Any, world: World) -> None:
    data = unit_data(session, head_name=None, safety_phone=None, is_maintenance=False)
    head = world.actor("maintenance_head")
    row = save(session, head, Unit, None, data)
    with pytest.raises(Refusal) as refused:
        submit(session, head, row)
    assert {f.field for f in refused.value.findings} == {"head_name", "safety_phone"}
    assert row.filing_state == "draft"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("uscc", "91980402MA00000001", "校验码"),
        ("head_phone", "12345", "手机"),
        ("name", "企" * 121, "最多 120 个字"),
        ("established_on", "2026-13-40", "真实的日期"),
        ("licence_until", "9999-12-31", "1950"),
        ("latitude", "200", "-90 至 90"),
        ("longitude", "NaN", "-180 至 180"),
        ("is_use", "也许", "“是”或“否”"),
        ("status", "in_use", "没有可以填报的字段"),
        ("filing_state", "approved", "没有可以填报的字段"),
        ("approved_version", 7, "没有可以填报的字段"),
        ("region_code", "110000000000", "没有可以填报的字段"),
    ],
)
def test_bad_input_is_refused_with_its_field(session: Any, world: World, field: str, value: Any, words: str) -> None:
    head = world.actor("maintenance_head")
    with pytest.raises(Refusal) as refused:
        row = save(session, head, Unit, None, unit_data(session, **{field: value}))
        submit(session, head, row)
    assert any(f.field == field for f in refused.value.findings)
    assert words in str(refused.value)


@pytest.mark.feature("ELV-01")
def test_codes_are_one_after_normalising(session: Any, world: World) -> None:
    first = filed_elevator(world, code="300001")
    head = world.actor("maintenance_head")
    twin = save(session, head, Elevator, None, elevator_data(world, code=" ３０００ 01 "))
    assert twin.code == first.code == "300001"
    with pytest.raises(Refusal, match="识别码唯一"):
        submit(session, head, twin)


def test_an_unapproved_claim_blocks_nobody_and_the_officer_sees_both(session: Any, world: World) -> None:
    squatter, owner = world.actor("other_head"), world.actor("maintenance_head")
    code = factories.uscc()
    squat = save(session, squatter, Unit, None, unit_data(session, uscc=code, name="抢注的名字"))
    claim = submit(session, squatter, squat)
    mine = save(session, owner, Unit, None, unit_data(session, uscc=code))
    application = submit(session, owner, mine)
    from app.workflows.desk import applications

    shown = applications.checks(session, application, AT)
    assert any("抢注的名字" in f.found and f.level == "warn" for f in shown)
    decide(session, world.actor("inspector"), application, "approve")
    assert mine.filing_state == "approved"
    with pytest.raises(Refusal, match="统一社会信用代码唯一"):
        decide(session, world.actor("inspector"), claim, "approve")
    assert squat.approved_version == 0


@pytest.mark.feature("ELV-09")
def test_a_declared_status_takes_force_once(session: Any, world: World) -> None:
    row = filed_elevator(world, declared_status="in_use")
    assert row.status == "in_use"
    changes = session.scalars(select(StatusChange).where(StatusChange.field == "status"))
    assert [(c.old, c.new, c.verb, c.effective_on) for c in changes] == [("notified", "in_use", "take_over", TODAY)]
    head = world.actor("maintenance_head")
    save(session, head, Elevator, row, {"declared_status": "scrapped", "note": "再报一次"})
    decide(session, world.actor("inspector"), submit(session, head, row), "approve")
    assert row.status == "in_use" and row.declared_status == "in_use"
    with pytest.raises(Refusal), transaction(session):
        moves.move(session, head, row, "status", "scrapped", verb=moves.TAKE_OVER, at=AT)


def test_two_editors_of_one_draft_notice_each_other(session: Any, world: World) -> None:
    row = filed_elevator(world)
    seen = row.row_version
    save(session, world.actor("maintenance_head"), Elevator, row, {"note": "甲"}, expected_version=seen)
    with pytest.raises(Stale):
        save(session, world.actor("use_head"), Elevator, row, {"note": "乙"}, expected_version=seen)
    seen = row.row_version
    save(session, world.actor("use_head"), Elevator, row, {"note": "乙"}, expected_version=seen)
    with pytest.raises(Stale):
        save(session, world.actor("maintenance_head"), Elevator, row, {"note": "丙"}, expected_version=seen)


def test_saving_what_is_in_force_changes_nothing(session: Any, world: World) -> None:
    row = filed_elevator(world)
    before = row.row_version
    save(session, world.actor("maintenance_head"), Elevator, row, {"address": row.address, "code": row.code})
    assert (row.filing_state, row.row_version) == ("approved", before)
    with pytest.raises(Refusal, match="没有需要上报的修改"):
        submit(session, world.actor("maintenance_head"), row)


def test_a_change_can_be_dropped(session: Any, world: World) -> None:
    row, head = filed_elevator(world), world.actor("maintenance_head")
    save(session, head, Elevator, row, {"address": "别处"})
    with transaction(session):
        filing.discard(session, head, row, AT)
    assert (row.filing_state, row.info_state) == ("approved", "normal")
    save(session, head, Elevator, row, {"note": "新的修改"})
    assert filing.draft_of(session, row).data["address"] == "明水路 8 号 1 幢"


@pytest.mark.feature("UNT-07")
def test_who_may_file_whom(session: Any, world: World) -> None:
    head, use_head, admin = (world.actor(p) for p in ("maintenance_head", "use_head", "region_admin"))
    with pytest.raises(NotAllowed, match="只能登记使用"):
        save(session, head, Unit, None, unit_data(session, is_maintenance=True))
    with pytest.raises(NotAllowed, match="本单位不是维保单位"):
        save(session, use_head, Unit, None, unit_data(session))
    with pytest.raises(NotFound):
        save(session, head, Unit, world.other_firm, {"name": "改名"})
    with pytest.raises(NotAllowed, match="不在您的管辖范围"):
        save(session, admin, Unit, None, unit_data(session, region_id=factories.region(session, "980403000000").id))
    assert save(session, admin, Unit, None, unit_data(session)).filed_by_unit_id is None
    with pytest.raises(NotAllowed):
        save(session, world.actor("inspector"), Unit, None, unit_data(session))
    with pytest.raises(NotAllowed, match="不是本单位"):
        save(
            session, head, Elevator, None,
            elevator_data(world, maintenance_unit_id=world.other_firm.id, use_unit_id=world.other_use_unit.id),
        )  # fmt: skip
    with pytest.raises(NotFound):
        save(session, head, Elevator, world.foreign, {"address": "别处"})
    mine = save(session, use_head, Elevator, None, elevator_data(world, use_unit_id=None))
    assert mine.use_unit_id == world.use_unit.id


def test_a_foreign_draft_cannot_be_named(session: Any, world: World) -> None:
    theirs = save(session, world.actor("other_head"), Unit, None, unit_data(session))
    with pytest.raises(Refusal, match="没有找到编号"):
        save(session, world.actor("maintenance_head"), Elevator, None, elevator_data(world, use_unit_id=theirs.id))


def test_the_use_unit_is_approved_before_its_elevator(session: Any, world: World) -> None:
    head = world.actor("maintenance_head")
    unit = save(session, head, Unit, None, unit_data(session))
    row = save(session, head, Elevator, None, elevator_data(world, use_unit_id=unit.id))
    submit(session, head, unit)
    application = submit(session, head, row)
    with pytest.raises(Refusal, match="请先审批该使用单位"):
        decide(session, world.actor("inspector"), application, "approve")
    assert application.state == "submitted"


def test_moving_to_another_district_needs_an_officer_of_both(session: Any, world: World) -> None:
    row, head = filed_elevator(world), world.actor("maintenance_head")
    save(session, head, Elevator, row, {"region_id": factories.region(session, "980403000000").id})
    application = submit(session, head, row)
    assert application.region_code == "980400000000"
    for persona in ("inspector", "other_inspector"):
        with pytest.raises(NotFound):
            decide(session, world.actor(persona), application, "approve")
    city = factories.make_account(session, factories.Role.INSPECTOR, region_code="980400000000")
    session.commit()
    decide(session, factories.actor(city), application, "approve")
    assert row.region_code == "980403000000"


@pytest.mark.feature("UNT-05", "LIF-07")
@pytest.mark.parametrize("model", [Unit, Elevator])
def test_who_oversees_one_end_of_a_move_is_told_who_decides(
    session: Any, world: World, sign_in: Any, model: Any
) -> None:
    """Moves that were handed in to the office of the new place, before they went to the one over both."""
    head = world.actor("maintenance_head")
    row = world.firm if model is Unit else filed_elevator(world)
    more = {"licence_until": "2030-01-01"} if model is Unit else {}
    save(session, head, model, row, {"region_id": factories.region(session, "980403000000").id, **more})
    application = submit(session, head, row)
    assert application.region_code == "980400000000"
    page = f"/applications/{application.id}"
    assert sign_in(world.accounts["other_inspector"]).get(page).status_code == 404
    session.rollback()
    with transaction(session):
        application.region_code = "980403000000"
    there, told = sign_in(world.accounts["other_inspector"]), "要从临河区迁到青坪区，须由同时管辖两地的监管部门办理"
    answer = there.get(page)
    assert answer.status_code == 403 and told in answer.text and "请转告澜州市的监管人员办理" in answer.text
    session.rollback()
    with pytest.raises(NotAllowed, match=told if model is Unit else "请由所在地区或其上级的监管部门审批"):
        decide(session, world.actor("other_inspector"), application, "approve")
    with transaction(session):
        city = factories.make_account(session, factories.Role.INSPECTOR, region_code="980400000000")
    assert sign_in(city).get(page).status_code == 200
    session.rollback()
    decide(session, factories.actor(city), application, "approve")
    session.refresh(row)
    assert row.region_code == "980403000000"


def test_what_something_stands_on_cannot_be_deleted(session: Any, world: World) -> None:
    head = world.actor("maintenance_head")
    row, draft = filed_elevator(world), save(session, head, Elevator, None, elevator_data(world, code="300002"))
    with pytest.raises(Refusal, match="审核记录"), transaction(session):
        filing.delete_draft(session, head, row, AT)
    factories.make_contract(session, world.firm, [draft])
    session.commit()
    with pytest.raises(Refusal, match="合同"), transaction(session):
        filing.delete_draft(session, head, draft, AT)
    other = save(session, head, Elevator, None, elevator_data(world, code="300003"))
    key = other.id
    with transaction(session):
        filing.delete_draft(session, head, other, AT)
    assert session.get(Elevator, key) is None
    assert session.scalar(select(func.count()).select_from(Version).where(Version.entity_id == key)) == 0


@pytest.mark.feature("ELV-10", "UNT-06")
def test_the_register_as_of_a_day(session: Any, world: World) -> None:
    row, head = filed_elevator(world, declared_status="in_use"), world.actor("maintenance_head")
    later = AT + dt.timedelta(days=10)
    save(session, head, Elevator, row, {"address": "明水路 8 号 2 幢"}, at=later)
    decide(session, world.actor("inspector"), submit(session, head, row, at=later), "approve", at=later)
    assert filing.as_of(session, row, TODAY - dt.timedelta(days=1)) is None
    assert filing.as_of(session, row, TODAY).data["address"] == "明水路 8 号 1 幢"
    assert filing.as_of(session, row, TODAY + dt.timedelta(days=9)).number == 1
    assert filing.as_of(session, row, TODAY + dt.timedelta(days=10)).number == 2
    assert filing.as_of(session, row, TODAY + dt.timedelta(days=10), known_at=AT).number == 1
    assert moves.status_on(session, row, TODAY) == "in_use"
    assert moves.status_on(session, row, TODAY - dt.timedelta(days=1)) == "notified"


def test_an_application_number_is_never_skipped(session: Any, world: World) -> None:
    head = world.actor("maintenance_head")
    numbers = []
    for serial in range(3):
        row = save(session, head, Elevator, None, elevator_data(world, code=f"31000{serial}"))
        numbers.append(submit(session, head, row).number)
        bad = save(session, head, Elevator, None, elevator_data(world, code=f"32000{serial}", use_unit_id=None))
        with pytest.raises(Refusal):
            submit(session, head, bad)
    assert numbers == ["DT-2026-000001", "DT-2026-000002", "DT-2026-000003"]
    assert session.scalar(select(func.count()).select_from(Application)) == 3
