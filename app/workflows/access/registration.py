"""A unit registers itself (ACC-03): it may sign in and file at once, and does nothing else until it is approved.

It takes nobody's place: its login name is its own choice, and its unit is one more unapproved filing beside any other
with the same code. The regulator sees them all; only one can be approved.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select

from app import clock, scope
from app.errors import Finding, Refusal, refuse
from app.models import Account, Region, Unit
from app.models.policy import policy_value
from app.permissions import KIND_ROLES, SYSTEM, Actor
from app.policy.keys import Key
from app.rules.identifiers import check_login_name, check_mobile, check_uscc
from app.transaction import AnySession
from app.wording import say
from app.workflows.access import passwords, signin
from app.workflows.access.issuing import gather, new_login_name, required_text, save_new
from app.workflows.core import audit

# Which units register themselves; those of other kinds get their account from the administrator.
KINDS = ("maintenance", "use")
# The fields of the form, for the page that shows them again.
FIELDS = (
    "kind", "login_name", "password", "again", "unit_name", "uscc", "licence_no", "legal_person", "head_name",
    "phone", "address", "region_id",
)  # fmt: skip


# Of one address, right or wrong: a firm needs a few, a program that tries names or takes them thousands.
MOST_A_DAY = 40


def flooded(session: AnySession, at: dt.datetime, address: str | None) -> Refusal | None:
    """Count one answered form from this address. Gives the refusal instead of raising it: the count is to be kept."""
    if signin.count_stranger(session, "register", address, MOST_A_DAY, at):
        return None
    remedy = "请明天再试，或请所在地区的管理员建立账号"
    return refuse("单位注册", say("同一地址一天最多提交 %(most)s 次", most=MOST_A_DAY), remedy)


def register(
    session: AnySession, form: dict[str, str], at: dt.datetime, address: str | None = None,
    unanswered: Refusal | None = None,
) -> Account:  # fmt: skip
    """The new main account with its unit as a draft; every mistake is told at once.

    `unanswered`: the question against machines was not answered. Then nobody is told which login names are taken.
    """
    kind, name = form.get("kind", ""), form.get("login_name", "")
    checked = gather(
        answered=lambda: _answered(unanswered),
        kind=lambda: _kind(kind),
        login_name=lambda: check_login_name(name) if unanswered else new_login_name(session, name, "login_name"),
        password=lambda: _password(session, form, at),
        unit_name=lambda: required_text(form.get("unit_name", ""), "单位名称", "unit_name", 120),
        uscc=lambda: check_uscc(form.get("uscc", ""), "uscc"),
        licence=lambda: _licence(kind, form.get("licence_no", "")),
        legal=lambda: required_text(form.get("legal_person", ""), "单位法人", "legal_person", 40),
        head=lambda: required_text(form.get("head_name", ""), "负责人", "head_name", 40),
        phone=lambda: check_mobile(form.get("phone", ""), "phone"),
        address=lambda: required_text(form.get("address", ""), "单位地址", "address", 200),
        region=lambda: _region(session, form.get("region_id", ""), clock.local_day(at)),
    )
    region: Region = checked["region"]
    unit = Unit(
        uscc=checked["uscc"], name=checked["unit_name"], region_id=region.id, region_code=region.code,
        licence_no=checked["licence"], legal_person=checked["legal"], head_name=checked["head"],
        head_phone=checked["phone"], address=checked["address"], is_maintenance=kind == "maintenance",
        is_use=kind == "use",
    )  # fmt: skip
    # Nobody acts yet, so nobody's scope can hold the new row; what is written is all said here.
    with scope.acting(SYSTEM):
        session.add(unit)
        session.flush()
    # The phone is not proved yet: it is bound by a code later, and nobody is kept from binding his own meanwhile.
    account = Account(
        username=checked["login_name"], first_name=checked["head"], unit_id=unit.id, region_code=region.code,
        is_main=True, sees_all_elevators=True, self_registered=True,
    )  # fmt: skip
    account.set_password(checked["password"])
    save_new(session, account, KIND_ROLES[kind])
    actor = Actor(account.id, account.first_name, via="web", address=address)
    after = {"login_name": account.username, "unit_id": unit.id, "uscc": unit.uscc, "region_code": region.code}
    audit.record(session, actor, at, "account.register", "account", account.id, after=after)
    return account


def regions(session: AnySession, on: dt.date) -> list[tuple[int, str]]:
    """Districts and streets to choose from, with those above them in the name."""
    rows = session.scalars(select(Region).order_by(Region.code)).all()
    names = {row.code: row.name for row in rows}
    shown = []
    for row in rows:
        if row.level in ("district", "street") and (row.valid_until is None or row.valid_until >= on):
            above = [names.get(row.code[:width].ljust(12, "0")) for width in (4, 6) if row.code[width:].strip("0")]
            shown.append((row.id, " ".join([*(n for n in above if n), row.name])))
    return shown


def _answered(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise refusal


def _kind(kind: str) -> str:
    if kind not in KINDS:
        raise refuse("单位类别", "没有选择", "请选择维保单位或使用单位", field="kind")
    return kind


def _password(session: AnySession, form: dict[str, str], at: dt.datetime) -> str:
    findings: list[Finding] = []
    password = form.get("password", "")
    try:
        least = int(policy_value(session, Key.PASSWORD_MIN, None, clock.local_day(at)))
        passwords.check(password, least, form.get("login_name", ""), "password")
    except Refusal as refusal:
        findings += refusal.findings
    if password != form.get("again", ""):
        findings.append(Finding("确认密码", False, "两次输入的密码不一致", "请重新输入", field="again"))
    if findings:
        raise Refusal(findings)
    return password


def _licence(kind: str, typed: str) -> str | None:
    """A maintenance unit names its certificate; a use unit has none."""
    if kind == "use" and not typed.strip():
        return None
    return required_text(typed, "资格证书编号", "licence_no", 40)


def _region(session: AnySession, typed: str, on: dt.date) -> Region:
    number = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 16 else 0
    region = session.get(Region, number)
    if region is None or region.level not in ("district", "street"):
        raise refuse("行政区划", "没有选择", "请选择单位所在的区县或街道", field="region_id")
    if region.valid_until is not None and region.valid_until < on:
        raise refuse("行政区划", say("%(name)s 已停用", name=region.name), "请选择现行的地区", field="region_id")
    return region


