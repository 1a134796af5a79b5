"""IMP-01 for a unit's own lists: insured people into drafts, sub-accounts with first passwords given once."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select, text

from app import scope
from app.errors import NotAllowed, Refusal
from app.imports import first_passwords, undoing
from app.models import Account, InsuranceRecord, InsuredPerson
from app.permissions import Role
from app.rules.identifiers import mask_resident_id
from app.transaction import transaction
from app.workflows.papers import insurance
from tests.factories import World, actor, make_account, make_unit
from tests.imports.ground import AT, checked, ran, states, told, workbook
from tests.workflows.test_insurance import id_number

INSURED = ["缴费单位", "费款所属期起", "费款所属期止", "姓名", "证件号码", "手机号"]
CLERK = ["wenyuan.1", "顾以宁", "维保文员", "", "", ""]
ACCOUNTS = ["账号", "姓名", "角色", "性别", "手机", "全部电梯"]


def insured(name: str, serial: int, month: str = "2026-01-01", phone: str = "") -> list[Any]:
    return ["澜州人力代理有限公司", month, month, name, id_number(serial), phone]


@pytest.mark.feature("IMP-01", "UNT-09")
def test_a_payer_whose_name_holds_a_star_is_no_masked_number(session: Any, world: World) -> None:
    line = ["澜州*人力代理", *insured("子", 7)[1:]]
    batch = checked(session, world.actor("clerk"), "insurance", workbook(INSURED, line))
    assert (batch.state, batch.new_rows, told(session, batch)) == ("checked", 1, {})


@pytest.mark.feature("IMP-02", "UNT-09")
def test_an_edited_cell_beside_a_masked_number_is_the_one_change(session: Any, world: World) -> None:
    """The list shows 980***********0011; of two whose numbers look alike the name tells, else the whole number."""
    who = world.actor("clerk")
    alike = ("980402198801013310", "980402198801283310")
    lines = [["甲", "2026-01-01", "2026-01-31", name, code, ""] for name, code in zip("子丑", alike, strict=True)]
    with transaction(session):
        row = insurance.save(
            session, who, None, "甲", dt.date(2026, 1, 1), dt.date(2026, 1, 31), "",
            [insurance.Line(line[3], line[4]) for line in lines], AT,
        )  # fmt: skip
    masked = [[*line[:4], mask_resident_id(line[4]), line[5]] for line in lines]
    batch = checked(session, who, "insurance", workbook(INSURED, *masked), mode="update")
    assert (batch.same_rows, batch.rows) == (2, 2)
    edited = [masked[0], [*masked[1][:5], "13800000001"]]
    batch = checked(session, who, "insurance", workbook(INSURED, *edited), mode="update")
    assert told(session, batch) == {}
    batch = ran(session, who, batch)
    assert (batch.same_rows, batch.changed_rows) == (1, 1)
    phones = dict(session.execute(select(InsuredPerson.name, InsuredPerson.phone)).all())
    assert phones == {"子": None, "丑": "13800000001"} and row.id
    unclear = ["甲", "2026-01-01", "2026-01-31", "寅", masked[0][4], ""]
    assert "2 个人的号码遮盖后相同" in told(session, checked(session, who, "insurance", workbook(INSURED, unclear)))[2]
    nobody = ["甲", "2026-01-01", "2026-01-31", "寅", "980***********0000", ""]
    assert "遮盖后的号码" in told(session, checked(session, who, "insurance", workbook(INSURED, nobody)))[2]
    renamed = ["甲", "2026-01-01", "2026-01-31", "寅", alike[0], ""]
    batch = checked(session, who, "insurance", workbook(INSURED, renamed))
    assert states(session, batch) == {2: "changed"}


def undone(session: Any, who: Any, number: int) -> Any:
    with scope.acting(who):
        with transaction(session):
            undoing.begin(session, who, number, AT, queued=False)
        return undoing.run(session, who, number, AT, lambda *_: None)


# --- insured people


@pytest.mark.feature("IMP-01", "UNT-09")
def test_people_come_into_drafts_by_payer_and_months(session: Any, world: World) -> None:
    who = world.actor("clerk")
    lines = [
        insured("王砚秋", 1, phone="13700000001"), insured("顾以宁", 2), insured("何一帆", 3, "2026-02-01")
    ]  # fmt: skip
    batch = checked(session, who, "insurance", workbook(INSURED, *lines))
    assert (batch.new_rows, batch.bad_rows) == (3, 0), told(session, batch)
    ran(session, who, batch)
    drafts = session.scalars(select(InsuranceRecord).order_by(InsuranceRecord.from_on)).all()
    assert [(d.from_on, d.to_on, len(d.people)) for d in drafts] == [
        (dt.date(2026, 1, 1), dt.date(2026, 1, 31), 2), (dt.date(2026, 2, 1), dt.date(2026, 2, 28), 1)
    ]  # fmt: skip
    numbers = {id_number(n) for n in (1, 2, 3)}
    assert {p.id_number for p in session.scalars(select(InsuredPerson))} == numbers
    kept = session.scalars(text("SELECT CAST(raw AS TEXT) || CAST(data AS TEXT) FROM import_row")).all()
    assert kept
    assert not any(number in text for number in numbers for text in kept), "no open number in what is kept"
    again = checked(session, who, "insurance", workbook(INSURED, *lines))
    assert (again.same_rows, again.new_rows) == (3, 0)


@pytest.mark.feature("IMP-01", "UNT-09")
def test_every_wrong_cell_and_what_stands(session: Any, world: World) -> None:
    who = world.actor("clerk")
    with transaction(session):
        row = insurance.save(
            session, who, None, "澜州人力代理有限公司", dt.date(2026, 1, 1), dt.date(2026, 1, 1), "",
            [insurance.Line("王砚秋", id_number(1))], AT,
        )  # fmt: skip
        row.filed_at = AT
    wrong = ["甲公司", "2026-01-01", "2025-01-01", "", "123", "110"]
    lines = [insured("王砚秋", 1, phone="13800000001"), wrong, insured("乙", 4, "2026-12-01"), insured("王砚秋", 1)]
    batch = checked(session, who, "insurance", workbook(INSURED, *lines))
    said = told(session, batch)
    assert "已在上报的明细里" in said[2] and states(session, batch)[5] == "same", "what is filed is only not changed"
    assert all(word in said[3] for word in ("没有填写", "应为 18 位", "11 位", "早于"))
    assert "还没有到" in said[4]


@pytest.mark.feature("IMP-01", "UNT-09")
def test_update_changes_and_undo_restores(session: Any, world: World) -> None:
    who = world.actor("clerk")
    first = ran(session, who, checked(session, who, "insurance", workbook(INSURED, insured("王砚", 1))))
    update = workbook(INSURED, insured("王砚秋", 1, phone="13700000001"), insured("乙", 2))
    batch = checked(session, who, "insurance", update, mode="update")
    assert (batch.changed_rows, batch.bad_rows) == (1, 1) and "不能更新" in told(session, batch)[3]
    ran(session, who, batch)
    person = session.scalars(select(InsuredPerson)).one()
    assert (person.name, person.phone) == ("王砚秋", "13700000001")
    undone(session, who, batch.id)
    session.expire_all()
    assert (person.name, person.phone) == ("王砚", None)
    undone(session, who, first.id)
    session.expire_all()
    assert session.scalars(select(InsuranceRecord)).all() == [], "its own draft goes with the last person"


# --- sub-accounts


def accounts_file(*rows: list[Any]) -> Any:
    return workbook(ACCOUNTS, *rows)


@pytest.mark.feature("IMP-01", "ACC-08")
def test_the_limit_of_ten_holds_row_by_row(session: Any, world: World) -> None:
    for _ in range(7):  # clerk and worker of the world are two more
        make_account(session, Role.CLERK, unit=world.firm)
    session.commit()
    who = world.actor("maintenance_head")
    file = accounts_file(*([f"wenyuan.{n:02d}", f"文员{n}", "维保文员", "", "", ""] for n in range(1, 4)))
    batch = checked(session, who, "accounts", file)
    assert (batch.new_rows, batch.bad_rows) == (1, 2)
    assert "最多 10 个" in told(session, batch)[3]
    make_account(session, Role.CLERK, unit=world.firm)  # somebody was faster
    session.commit()
    batch = ran(session, who, batch)
    assert (batch.done_rows, batch.bad_rows) == (0, 3)


@pytest.mark.feature("IMP-01", "ACC-08")
def test_wrong_cells_and_rights_that_are_not_his(session: Any, world: World) -> None:
    who = world.actor("maintenance_head")
    taken = world.accounts["use_head"].username
    file = accounts_file(
        ["13700000001", "", "维保文员", "", "", ""], [taken, "某人", "使用单位安全员", "", "12", ""],
        ["a.b1", "某人", "厂长", "", "", ""],
    )  # fmt: skip
    said = told(session, checked(session, who, "accounts", file))
    assert "不能是手机号" in said[2] and "没有填写" in said[2]
    assert "已被使用" in said[3] and "不能授予" in said[3] and "11 位" in said[3]
    assert said[4]
    for persona in ("clerk", "inspector", "platform_admin"):
        with pytest.raises((Refusal, NotAllowed)):
            checked(session, world.actor(persona), "accounts", accounts_file(CLERK))


@pytest.mark.feature("IMP-01", "ACC-08")
def test_update_changes_name_and_sex_alone_and_undo_takes_back(session: Any, world: World) -> None:
    who = world.actor("maintenance_head")
    first = ran(session, who, checked(session, who, "accounts", accounts_file([*CLERK[:1], "顾以", *CLERK[2:5], "否"])))
    file = accounts_file(["WENYUAN.1", *CLERK[1:3], "女", "", ""], ["wenyuan.99", *CLERK[1:]])
    batch = checked(session, who, "accounts", file, mode="update")
    assert (batch.changed_rows, batch.bad_rows) == (1, 1), told(session, batch)
    ran(session, who, batch)
    account = session.scalars(select(Account).where(Account.username == "wenyuan.1")).one()
    assert (account.first_name, account.sex) == ("顾以宁", "female")
    raised = checked(session, who, "accounts", accounts_file(["wenyuan.1", "顾以宁", "维保经理", "", "", "是"]))
    assert "与现在的不同" in told(session, raised)[2], "no right grows by a workbook"
    undone(session, who, batch.id)
    session.expire_all()
    assert (account.first_name, account.sex) == ("顾以", None)
    undone(session, who, first.id)
    session.expire_all()
    assert session.scalars(select(Account).where(Account.username == "wenyuan.1")).all() == []
    with pytest.raises(Refusal, match="已经领取过"), transaction(session):
        first_passwords.fetch(session, who, first.id, AT)


@pytest.mark.feature("IMP-01", "ACC-08")
def test_who_has_signed_in_stays(session: Any, world: World) -> None:
    who = world.actor("maintenance_head")
    batch = ran(session, who, checked(session, who, "accounts", accounts_file(CLERK)))
    session.scalars(select(Account).where(Account.username == "wenyuan.1")).one().login_count = 1
    session.commit()
    assert undone(session, who, batch.id) == {"undone": 0, "kept": 1}


@pytest.mark.feature("IMP-01", "ACC-08")
def test_passwords_go_to_the_importer_alone_and_only_for_a_week(session: Any, world: World) -> None:
    who, above = world.actor("maintenance_head"), world.actor("region_admin")
    other = actor(make_account(session, Role.MAINTENANCE_HEAD, unit=world.firm))
    session.commit()
    batch = ran(session, who, checked(session, who, "accounts", accounts_file(CLERK)))
    with pytest.raises((NotAllowed, Refusal)), transaction(session):
        first_passwords.fetch(session, other, batch.id, AT)
    with pytest.raises(NotAllowed), transaction(session):
        first_passwords.fetch(session, above, batch.id, AT)
    with transaction(session):
        assert first_passwords.forget_old(session, AT + dt.timedelta(days=6)) == 0
    with transaction(session):
        assert first_passwords.forget_old(session, AT + dt.timedelta(days=8)) == 1


@pytest.mark.feature("IMP-01", "ACC-12", "ACC-13")
def test_units_of_other_kinds_bring_their_people_too(session: Any, world: World) -> None:
    lab = make_unit(session, "澜州明德检测有限公司", is_inspection=True, is_rescue=True)
    who = actor(make_account(session, Role.TESTER, Role.UNIT_HEAD, Role.RESCUER, unit=lab, is_main=True))
    session.commit()
    file = accounts_file(
        ["jianyan.01", "周舟", "检验人员", "", "", "是"], ["jiuyuan.01", "顾以宁", "救援人员", "", "", ""],
        ["wenyuan.1", "某人", "维保文员", "", "", ""],
    )  # fmt: skip
    batch = checked(session, who, "accounts", file)
    assert (batch.new_rows, batch.bad_rows) == (2, 1) and "不能授予" in told(session, batch)[4]
    ran(session, who, batch)
    made = session.scalars(select(Account).where(Account.unit_id == lab.id, Account.is_main.is_(False))).all()
    assert {(a.username, *(r.name for r in a.roles)) for a in made} == {
        ("jianyan.01", "tester"), ("jiuyuan.01", "rescuer"),
    }  # fmt: skip
