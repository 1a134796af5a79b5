"""批量入职 and the first clerks of a district by workbook; people with their ID numbers (PER-01, PER-05)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app.errors import Refusal
from app.imports import batches
from app.models import ImportRow, Invitation, Person
from tests.factories import World
from tests.imports.ground import checked, ran, workbook
from tests.workflows.test_one_unit import resident_id

HEAD = ["姓名", "手机", "人员类型", "入职单位", "同时开通账号"]


def told(session: Any, batch: Any) -> dict[int, str]:
    rows = session.scalars(select(ImportRow).where(ImportRow.batch_id == batch.id, ImportRow.state == "bad"))
    return {row.number: "；".join(f"{e['column']}{e['found']}" for e in row.errors) for row in rows}


@pytest.mark.feature("PER-01")
def test_every_wrong_row_is_named_and_the_others_are_invited(session: Any, world: World) -> None:
    who = world.actor("maintenance_head")
    batch = checked(session, who, "invitations", workbook(
        HEAD, ["何一帆", "13911112222", "维保员", "", "是"], ["何一舟", "139", "维保员", "", ""],
        ["何一凡", "13911117777", "", "", ""], ["苏见山", "13911113333", "使用单位安全员", "", ""],
        ["顾以宁", "13911114444", "使用单位安全员", world.use_unit.name, ""],
        ["王砚秋", world.worker.phone, "维保员", "", ""], ["何一", "13911115555", "司机", "", ""],
        ["何二", "13911116666", "维保员", world.other_firm.name, ""],
    ))  # fmt: skip
    wrong = told(session, batch)
    assert set(wrong) == {3, 4, 5, 7, 8, 9}, wrong
    assert "11 位" in wrong[3] and "没有这类人员" in wrong[5] and "已是本单位人员 王砚秋" in wrong[7]
    ran(session, who, batch)
    made = session.scalars(select(Invitation).order_by(Invitation.id)).all()
    assert [(i.name, i.unit_id, i.with_account, i.approved_at is not None) for i in made] == [
        ("何一帆", world.firm.id, True, True), ("顾以宁", world.use_unit.id, False, False),
    ]  # fmt: skip
    # The same file again invites nobody twice.
    same, other = ["何一帆", "13911112222", "维保员", "", ""], ["何一舟", "13911112222", "维保员", "", ""]
    assert checked(session, who, "invitations", workbook(HEAD, same)).same_rows == 1
    assert "已有办理中的邀请" in told(session, checked(session, who, "invitations", workbook(HEAD, other)))[2]
    assert "已存在" in told(session, checked(session, who, "invitations", workbook(HEAD, same), mode="new"))[2]


@pytest.mark.feature("PER-01", "IMP-02")
def test_what_the_list_shows_changes_nothing_and_nothing_of_it_is_changed(session: Any, world: World) -> None:
    """Phones are masked there; whoever was cancelled is asked anew by his whole number."""
    who = world.actor("maintenance_head")
    ran(session, who, checked(session, who, "invitations", workbook(
        HEAD, ["何一帆", "13911112222", "维保员", "", "是"], ["顾以宁", "13911114444", "维保经理", "", ""],
    )))  # fmt: skip
    shown = ["何一帆", "139****2222", "维保员", world.firm.name, "是"]
    for mode in ("both", "update"):
        batch = checked(session, who, "invitations", workbook(HEAD, shown), mode=mode)
        assert (batch.same_rows, batch.rows) == (1, 1)
        edited = checked(session, who, "invitations", workbook(HEAD, ["何一舟", *shown[1:]]), mode=mode)
        assert told(session, edited) == {2: "手机邀请发出后不能修改"}
    unknown = ["何一帆", "138****2222", "维保员", "", ""]
    assert "遮盖后的号码" in told(session, checked(session, who, "invitations", workbook(HEAD, unknown)))[2]
    fresh = ["何一凡", "13911119999", "维保员", "", ""]
    assert "不能更新" in told(session, checked(session, who, "invitations", workbook(HEAD, fresh), mode="update"))[2]
    whole = ["何一帆", "13911112222", "维保员", "", ""]
    session.scalars(select(Invitation).where(Invitation.name == "何一帆")).one().state = "cancelled"
    session.commit()
    assert checked(session, who, "invitations", workbook(HEAD, whole)).new_rows == 1
    assert checked(session, who, "invitations", workbook(HEAD, whole), mode="update").same_rows == 1


@pytest.mark.feature("PER-01")
def test_a_district_invites_first_clerks_by_workbook(session: Any, world: World) -> None:
    world.accounts["clerk"].active = False
    session.commit()
    who = world.actor("region_admin")
    assert "invitations" in batches.kinds_for(who)
    batch = checked(session, who, "invitations", workbook(
        HEAD, ["何一帆", "13911112222", "维保文员", world.firm.name, ""],
        ["何一舟", "13911113333", "维保员", world.firm.name, ""],
        ["何一凡", "13911114444", "维保文员", "", ""],
    ))  # fmt: skip
    assert set(told(session, batch)) == {3, 4}
    ran(session, who, batch)
    made = session.scalars(select(Invitation)).one()
    assert (made.by_unit_id, made.with_account, made.unit_id) == (None, True, world.firm.id)
    with pytest.raises(Refusal):
        batches.kind_of(world.actor("worker"), "invitations")


@pytest.mark.feature("PER-05")
def test_people_come_with_their_numbers(session: Any, world: World) -> None:
    number, who = resident_id(), world.actor("clerk")
    world.other_worker.resident_id = taken = resident_id("98040219910307233")
    session.commit()
    head = ["姓名", "作业人员证编号", "身份证号", "发证日期", "入职时间"]
    batch = checked(session, who, "persons", workbook(
        head, ["何一帆", "T1", number, "2025-01-01", "2024-05-06"], ["何一舟", "T2", taken, "", ""],
        ["何一凡", "T3", number[:-1], "", ""],
    ))  # fmt: skip
    wrong = told(session, batch)
    assert set(wrong) == {3, 4} and "其他单位在职" in wrong[3] and taken not in wrong[3]
    ran(session, who, batch)
    made = session.scalars(select(Person).where(Person.name == "何一帆")).one()
    assert (made.resident_id, made.certificate_issued_on) == (number, dt.date(2025, 1, 1))
    assert made.hired_on == dt.date(2024, 5, 6)
    shown = f"{number[:3]}{'*' * 11}{number[-4:]}"
    assert checked(session, who, "persons", workbook(head, ["何一帆", "T1", shown, "", ""])).same_rows == 1
