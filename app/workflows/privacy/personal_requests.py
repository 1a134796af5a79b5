"""A person's request about his own data: copy, correction, erasure; answered with result and reason (PIPL 44–50)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import func, select

from app import clock
from app.errors import Finding, Stale, raise_failing, refuse
from app.models import Account, Consent, Declaration, FaceCheck, GradeCertificate, Person, PersonalRequest, Unit, Visit
from app.models.face import FACE_STATE, FACE_VERDICT
from app.models.privacy import CONSENT_PURPOSE, REQUEST_KIND
from app.permissions import Actor, Verb, require
from app.rules.retention import LEAST_ANSWER, due_on
from app.scope import visible
from app.transaction import AnySession, hold, lock
from app.wording import say
from app.workflows.core import audit, outbox
from app.workflows.privacy import retention

LONGEST = 1000


def ask(session: AnySession, actor: Actor, kind: str, detail: str, at: dt.datetime) -> PersonalRequest:
    """Anybody who can sign in, about himself. One open request of a kind at a time."""
    require(actor, Verb.HOME)
    account = session.scalar(select(Account).where(Account.id == actor.user_id).execution_options(skip_scope=True))
    if account is None:
        raise refuse("账号", "没有登录", "请登录后再提出")
    hold(session, f"personal request:{account.id}")
    text = detail.strip()
    waiting = select(PersonalRequest.id).where(
        PersonalRequest.account_id == account.id, PersonalRequest.kind == kind, PersonalRequest.outcome.is_(None)
    )
    held = session.scalar(waiting.limit(1).execution_options(skip_scope=True))
    raise_failing([
        Finding("请求", kind in REQUEST_KIND, "没有选择", "请从列表选择", field="kind"),
        Finding("请求", held is None, "您已有一项同样的请求在办理", "请等待答复", field="kind"),
        Finding("具体要求", 2 <= len(text) <= LONGEST, say("%(count)s 个字，应为 2 至 %(longest)s 个字",
            count=len(text), longest=LONGEST),
                "请写明要哪些内容，或哪里不对、应为什么", field="detail"),
    ])  # fmt: skip
    unit = session.get(Unit, account.unit_id) if account.unit_id else None
    row = PersonalRequest(
        kind=kind, name=account.get_full_name()[:40], account_id=account.id, person_id=account.person_id,
        unit_id=account.unit_id, region_code=(unit.region_code if unit else account.region_code) or "000000000000",
        detail=text, asked_at=at, due_on=due_on(clock.local_day(at)),
    )  # fmt: skip
    session.add(row)
    session.flush()
    audit.record(session, actor, at, "personal_request.raise", "personal_request", row.id, after={"kind": kind})
    told = outbox.officers_of(session, row.region_code, Verb.PRIVACY_DECIDE)
    words = say(
        "%(name)s 请求%(kind)s个人信息，%(due_on)s 前答复", name=row.name, kind=REQUEST_KIND[kind], due_on=row.due_on
    )
    outbox.notify(session, at, told, "personal_request", words, link=f"/privacy/requests/{row.id}")
    return row


def decide(
    session: AnySession, actor: Actor, key: int, granted: bool, answer: str, seen: int | None, at: dt.datetime
) -> PersonalRequest:
    """Answer once. A granted erasure takes pictures away at once, and numbers of those who have left."""
    require(actor, Verb.PRIVACY_DECIDE)
    visible(session, actor, PersonalRequest, key, "这项请求")
    row = lock(session, PersonalRequest, key)
    if row is None or row.outcome is not None:
        raise refuse("请求", "已经答复", "请刷新页面查看结果")
    if seen is not None and seen != row.row_version:
        raise Stale(Finding("请求", False, "刚刚被别人修改过", "请核对后再答复"), row.row_version)
    text = answer.strip()
    raise_failing([
        Finding("办理人", row.account_id != actor.user_id, "是您自己的请求", "请由另一名办理人答复"),
        Finding(
            "办理结果和理由", LEAST_ANSWER <= len(text) <= LONGEST,
            say("%(count)s 个字，应为 %(least_answer)s 至 %(longest)s 个字", count=len(text),
                least_answer=LEAST_ANSWER, longest=LONGEST), "请写明办了什么，或为何不办", field="answer",
        ),
    ])  # fmt: skip
    row.outcome, row.answer = "done" if granted else "refused", text
    row.decided_at, row.decided_by_id = at, actor.user_id
    erased: list[str] = []
    if granted and row.kind == "erasure" and row.person_id is not None:
        person = session.scalar(select(Person).where(Person.id == row.person_id).execution_options(skip_scope=True))
        erased = retention.erase_person(session, person) if person is not None else []
    session.flush()
    after = {"kind": row.kind, "outcome": row.outcome, "erased": erased}
    audit.record(session, actor, at, "personal_request.decide", "personal_request", row.id, after=after)
    words = say("您的请求（%(kind)s）已答复", kind=REQUEST_KIND[row.kind])
    outbox.notify(session, at, [row.account_id], "personal_request", words, text, link="/privacy/")
    return row


def copy_of(session: AnySession, actor: Actor, at: dt.datetime) -> dict[str, Any]:
    """What the platform holds of the actor himself, whole, for him to take along (PIPL 45)."""
    quiet = {"skip_scope": True}
    account = session.scalars(select(Account).where(Account.id == actor.user_id).execution_options(**quiet)).one()
    told: dict[str, Any] = {
        "生成时间": f"{clock.local(at):%Y-%m-%d %H:%M:%S}",
        "账号": {"登录名": account.username, "姓名": account.get_full_name(), "手机": account.phone,
               "邮箱": account.email if account.email_verified_at else None},
    }  # fmt: skip
    person = session.get(Person, account.person_id) if account.person_id else None
    if person is not None:
        held = select(GradeCertificate).where(GradeCertificate.person_id == person.id).execution_options(**quiet)
        given = select(Consent).where(Consent.person_id == person.id).execution_options(**quiet)
        visits = select(func.count()).select_from(Visit).where(Visit.worker_id == person.id)
        told["人员"] = {
            "姓名": person.name, "手机": person.phone, "身份证号": person.resident_id, "工种": person.work_kind,
            "作业人员证编号": person.certificate_no, "入职日期": str(person.hired_on or ""),
            "离职日期": str(person.left_on or ""),
        }  # fmt: skip
        told["等级证书"] = [row.certificate_no for row in session.scalars(held)]
        signed = select(Declaration).where(Declaration.person_id == person.id).execution_options(**quiet)
        told["自我声明承诺书"] = [
            say("%(signed_on)s 至 %(valid_until)s", signed_on=row.signed_on, valid_until=row.valid_until)
            for row in session.scalars(signed)
        ]
        told["同意记录"] = [
            {
                "用途": str(CONSENT_PURPOSE[row.purpose]), "同意时间": str(row.given_at),
                "撤回时间": str(row.withdrawn_at or ""),
            }
            for row in session.scalars(given)
        ]
        faces = select(FaceCheck).where(FaceCheck.person_id == person.id).order_by(FaceCheck.id)
        told["人脸比对"] = [
            {"时间": str(row.began_at), "结果": str(FACE_STATE[row.state]), "没有通过的次数": row.failures,
             "核对结论": str(FACE_VERDICT[row.verdict]) if row.verdict else ""}
            for row in session.scalars(faces.execution_options(**quiet))
        ]  # fmt: skip
        told["维保记录数"] = session.scalar(visits.execution_options(**quiet))
    audit.record(session, actor, at, "personal_request.copy", "account", account.id)
    return told
