"""What the law on personal information asks to be kept: consents, and what persons asked about their own data."""

import datetime as dt

from flask_babel import lazy_gettext as _l
from sqlalchemy import Date, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, relationship

from app.models.base import BigId, Instant, Model, Versioned, col, pk
from app.models.person import Person
from app.models.sealed import Sealed

CONSENT_PURPOSE = {
    "face": _l("人脸照片用于与现场本人照片对照"), "face_compare": _l("现场本人照片与人脸照片作比对"),
}  # fmt: skip
REQUEST_KIND = {"copy": _l("查阅或复制"), "correction": _l("更正"), "erasure": _l("删除")}
REQUEST_OUTCOME = {"done": _l("已办理"), "refused": _l("不予办理")}
REQUEST_STATE = {"open": _l("待处理")} | REQUEST_OUTCOME


class Consent(Model):
    """A separate consent of one person to one purpose; withdrawn, never deleted: it proves that there was one."""

    __tablename__ = "consent"
    __table_args__ = (Index("ix_consent_person", "person_id", "purpose"),)
    id: Mapped[int] = pk()
    person_id: Mapped[int] = col(_l("人员"), BigId, ForeignKey("person.id"))
    unit_id: Mapped[int] = col(_l("所属单位"), BigId, ForeignKey("unit.id"), index=True)
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    purpose: Mapped[str] = col(_l("用途"), String(20), choices=CONSENT_PURPOSE)
    words: Mapped[str] = col(_l("同意的内容"), Text)
    given_at: Mapped[dt.datetime] = col(_l("同意时间"), Instant)
    # None: as an invitee, before there was an account.
    given_by_id: Mapped[int | None] = col(_l("同意人账号"), Integer, ForeignKey("ab_user.id"))
    withdrawn_at: Mapped[dt.datetime | None] = col(_l("撤回时间"), Instant)

    person: Mapped[Person] = relationship()


class PersonalRequest(Versioned, Model):
    """What a person asked about his own data, until when it must be answered, and what was answered (PIPL 44–50)."""

    __tablename__ = "personal_request"
    __table_args__ = (
        Index("ix_personal_request_region", "region_code", "outcome", "due_on"),
        Index("ix_personal_request_account", "account_id", "id"),
    )
    id: Mapped[int] = pk()
    kind: Mapped[str] = col(_l("请求"), String(12), choices=REQUEST_KIND)
    name: Mapped[str] = col(_l("姓名"), String(40))
    account_id: Mapped[int] = col(_l("提出人账号"), Integer, ForeignKey("ab_user.id"))
    person_id: Mapped[int | None] = col(_l("人员"), BigId, ForeignKey("person.id"), index=True)
    unit_id: Mapped[int | None] = col(_l("所属单位"), BigId, ForeignKey("unit.id"), index=True)
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    detail: Mapped[str] = col(_l("具体要求"), Sealed("personal_request.detail", sought=False))
    # Once, by whoever decides; nothing until then.
    outcome: Mapped[str | None] = col(_l("结果"), String(10), choices=REQUEST_OUTCOME)
    asked_at: Mapped[dt.datetime] = col(_l("提出时间"), Instant)
    due_on: Mapped[dt.date] = col(_l("答复期限"), Date)
    answer: Mapped[str | None] = col(_l("办理结果和理由"), Sealed("personal_request.answer", sought=False))
    decided_at: Mapped[dt.datetime | None] = col(_l("办理时间"), Instant)
    decided_by_id: Mapped[int | None] = col(_l("办理人"), Integer, ForeignKey("ab_user.id"))

    @property
    def shown_state(self) -> str:
        return self.outcome or "open"

    def __repr__(self) -> str:
        return f"{self.name} {REQUEST_KIND[self.kind]}"
