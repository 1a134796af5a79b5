"""Rows of a unit's own lists against what stands: insured people of its drafts, its sub-accounts."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import select

from app import scope
from app.errors import Refusal
from app.imports.comparing import EXISTS, Standing, as_json, judge, new_row, numbers_of, tell, told_key, unmask
from app.imports.judging import Judging, Row
from app.imports.languages import own_word
from app.models import Account, InsuranceRecord, InsuredPerson, Unit
from app.permissions import ROLE_LABEL, Role
from app.rules.identifiers import login_key, mask_resident_id, normal_code
from app.rules.insurance import first_of, last_of
from app.wording import say
from app.workflows.access import sub_accounts
from app.workflows.access.issuing import assignable_role, free_phone, new_login_name, required_text
from app.workflows.papers import insurance
from app.workflows.papers.insurance import Line

# Cells that are shown masked once they are right.
MASKED = {"insurance": "id_number"}
QUOTA = "子用户数量"


# --- insured people


def insurance_rows(checker: Judging, rows: list[Row]) -> None:
    """People of the own unit's records, found again by payer, months and ID number; filed records stand as they are.

    A masked number, as lists show it, finds whoever it may be among those of that payer and these months.
    """
    standing = _insured(checker)
    numbers = numbers_of(checker, InsuredPerson)
    for row in rows:
        data = row.data
        data["payer"] = payer = " ".join(str(data.get("payer") or "").split())
        from_on, to_on = data.get("from_on"), data.get("to_on")
        if isinstance(from_on, dt.date) and isinstance(to_on, dt.date):
            tell(checker, row, insurance.month_findings(from_on, to_on, checker.today))
            data["from_on"], data["to_on"] = first_of(from_on), last_of(to_on)
        number = str(data.get("id_number") or "")
        months = as_json(data.get("from_on")), as_json(data.get("to_on"))
        there = _those(standing.get((payer, *months), []), data, number)
        unmask(checker, numbers, row, bool(there))
        held = there[-1].shown if there else {}
        line = Line(*(str(data.get(n) or held.get(n) or "") for n in ("name", "id_number", "phone")))
        kept, wrong = insurance.checked_line(line, checker.today)
        tell(checker, row, wrong)
        for name, value in (("name", kept.name), ("id_number", kept.id_number), ("phone", kept.phone or None)):
            data[name] = value if data.get(name) is not None else None
        given = {n: as_json(v) for n, v in data.items() if v is not None}
        if there:
            _beside(checker, row, there, given)
        elif row.verdict != "bad":
            row.data = given
            new_row(checker, row)


def _those(of_months: list[Standing], data: dict[str, Any], number: str) -> list[Standing]:
    """Whom the number may mean: a whole one whoever stands in a record that still counts; a masked one any, of several
    rather those of the row's name."""
    if "*" not in number:
        key = normal_code(number)
        return [s for s in of_months if s.shown["id_number"] == key and s.filing != "withdrawn"]
    there = [s for s in of_months if mask_resident_id(s.shown["id_number"]) == number]
    return [s for s in there if s.shown["name"] == str(data.get("name") or "").strip()] or there


def _beside(checker: Judging, row: Row, there: list[Standing], given: dict[str, Any]) -> None:
    found = judge(checker, row, there, given, {})
    if row.verdict != "changed" or found is None:
        return
    if found.filing != "draft":
        told_key(checker, row, "已在上报的明细里", "上报的不再改；有误的请先撤回那份明细", EXISTS)
    elif "id_number" not in given and len(there) > 1:
        several = say("有 %(count)s 个人的号码遮盖后相同", count=len(there))
        told_key(checker, row, several, "修改时请填写完整的身份证号", EXISTS)


def _insured(checker: Judging) -> dict[tuple[Any, ...], list[Standing]]:
    """By payer and months who is in the unit's records: drafts last, for of two that fit the last is tried first."""
    found: dict[tuple[Any, ...], list[Standing]] = {}
    statement = (
        select(InsuredPerson, InsuranceRecord)
        .join(InsuranceRecord, InsuranceRecord.id == InsuredPerson.record_id)
        .where(InsuranceRecord.unit_id == (checker.actor.unit_id or 0))
        .order_by(InsuranceRecord.withdrawn_at.is_(None), InsuranceRecord.filed_at.is_(None), InsuredPerson.id)
    )
    for person, record in checker.session.execute(statement):
        payer, months = record.payer, (record.from_on.isoformat(), record.to_on.isoformat())
        shown = {
            "payer": payer, "from_on": months[0], "to_on": months[1], "name": person.name,
            "id_number": person.id_number, "phone": person.phone,
        }  # fmt: skip
        state = "withdrawn" if record.withdrawn_at else "filed" if record.filed_at else "draft"
        found.setdefault((payer, *months), []).append(Standing(person.id, shown, shown, filing=state))
    return found


def mask(checker: Judging, row: Row, name: str) -> None:
    """Show no ID number, which is this field: a good row's is masked in its text; a bad row is to be mended."""
    if row.verdict == "bad":
        return
    for at, spec in enumerate(checker.specs):
        if spec is not None and spec.name == name and row.raw[at] is not None:
            row.raw = [*row.raw[:at], mask_resident_id(str(row.raw[at]).strip()), *row.raw[at + 1 :]]


# --- sub-accounts


def account_rows(checker: Judging, rows: list[Row]) -> None:
    """Sub-accounts of the own unit by login name: new ones as far as the limit goes, name and sex of those there."""
    session, actor = checker.session, checker.actor
    unit = own_unit_of(checker)
    used, most = sub_accounts.room(session, unit, checker.at)
    statement = scope.apply(select(Account), actor, Account).where(
        Account.unit_id == unit.id, Account.is_main.is_(False)
    )
    there = {login_key(a.username): _standing(a) for a in session.scalars(statement)}
    mains = select(Account.username).where(Account.unit_id == unit.id, Account.is_main.is_(True))
    main = {login_key(name) for name in session.scalars(mains)}
    at = checker.match.columns.index("role") if "role" in checker.match.columns else None
    for row in rows:
        name = str(row.data.get("login_name") or "")
        if name and login_key(name) in main:
            _main(row, name)
            continue
        found = there.get(login_key(name)) if name else None
        if found is not None and at is not None and _same_roles(row.raw[at], found):
            row.forgive({"role"})
            row.data["role"] = None
        row.data["login_name"] = login_key(name) if name else None
        given = {n: v for n, v in row.data.items() if v is not None}
        if found is not None:
            _existing(checker, row, found, given)
            continue
        _new(checker, row)
        row.data = given
        if not new_row(checker, row) or row.verdict == "bad":
            continue
        checker.accounts_made += 1
        if most is not None and used + checker.accounts_made > most:
            found_ = say(
                "最多 %(most)s 个，已有 %(used)s 个在用，这是本表新增的第 %(accounts_made)s 个",
                most=most,
                used=used,
                accounts_made=checker.accounts_made,
            )
            told_key(checker, row, found_, "请先注销不用的子用户，或请区域管理员增加数量", QUOTA)


def own_unit_of(checker: Judging) -> Any:
    unit = checker.session.get(Unit, checker.actor.unit_id or 0)
    assert unit is not None
    return unit


def _main(row: Row, name: str) -> None:
    """The main account stands in the list of accounts, too; it is nobody's sub-account and no import changes it."""
    row.forgive({e["field"] for e in row.errors})
    row.verdict, row.data = "same", {}
    row.errors = [{
        "column": "账号", "value": name, "found": "是本单位的主账号", "remedy": "导入只管子用户，这一行不作改动",
        "rule": EXISTS, "field": "login_name",
    }]  # fmt: skip


def _same_roles(cell: Any, there: Standing) -> bool:
    """Whether a cell names all roles that the account has, in our words, as the list of accounts shows them."""
    named = {part for part in str(cell or "").replace(",", "、").replace("，", "、").split("、") if part.strip()}
    choices = {role.value: ROLE_LABEL[role] for role in Role}
    roles = {own_word(part, choices) for part in named}
    return bool(named) and roles == set(there.also["roles"])


def _standing(account: Account) -> Standing:
    roles = sorted(r.name for r in account.roles)
    shown = {
        # One of several is not what stands, whichever of them the database gives first.
        "login_name": account.username, "name": account.first_name, "role": "、".join(roles) or None,
        "sex": account.sex, "phone": account.phone, "all_elevators": bool(account.sees_all_elevators),
    }  # fmt: skip
    return Standing(account.id, shown, shown, also={"roles": roles})


def _existing(checker: Judging, row: Row, found: Standing, given: dict[str, Any]) -> None:
    """Only 姓名 and 性别 change by workbook, as on the page (ACC-08); rights never do."""
    judge(checker, row, [found], given, {})
    for name in ("role", "phone", "all_elevators"):
        if name in row.data:
            spec = checker.kind.spec(name)
            assert spec is not None
            remedy = "导入只改姓名和性别；请在“我的子用户”里办理"
            row.bad(spec.label, row.data[name], "与现在的不同", remedy, "不能更新", name)


def _new(checker: Judging, row: Row) -> None:
    """What adding it would refuse."""
    data, session = row.data, checker.session
    checks = [
        lambda: new_login_name(session, str(data.get("login_name") or ""), "login_name"),
        lambda: required_text(str(data.get("name") or ""), "姓名", "name", 40),
        lambda: assignable_role(checker.actor, str(data.get("role") or ""), sub_accounts.roles_to_give(checker.actor)),
    ]
    if data.get("phone"):
        checks.append(lambda: free_phone(session, checker.actor, str(data["phone"]), "phone", checker.at))
    for check in checks:
        try:
            check()
        except Refusal as refusal:
            tell(checker, row, refusal.findings)


