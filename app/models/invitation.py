"""入职邀请 (PER-01, PER-02): who was asked to join a unit, by which link, and what the invitee entered of himself."""

import datetime as dt

from flask_babel import lazy_gettext as _l
from sqlalchemy import Boolean, Date, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, relationship

from app.models.base import ONCE, BigId, Instant, Model, Stamped, Versioned, col, pk
from app.models.choices import INVITATION_STATE, PERSON_KIND, SEX
from app.models.sealed import Sealed, index_of, tail_of
from app.models.unit import Unit


class InvitationPoster(Stamped, Model):
    """A QR picture by which several people ask to join: one kind of person, until a time, so many at most.

    Only the digest of the token is kept: whoever reads the table can't join by it.
    """

    __tablename__ = "invitation_poster"
    id: Mapped[int] = pk()
    unit_id: Mapped[int] = col(_l("入职单位"), BigId, ForeignKey("unit.id"), index=True)
    by_unit_id: Mapped[int | None] = col(_l("邀请单位"), BigId, ForeignKey("unit.id"), index=True)
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    kind: Mapped[str] = col(_l("人员类型"), String(20), choices=PERSON_KIND)
    with_account: Mapped[bool] = col(_l("同时开通账号"), Boolean, default=False, server_default=text("false"))
    token_hash: Mapped[str] = col(_l("链接摘要"), String(64), unique=True)
    expires_at: Mapped[dt.datetime] = col(_l("有效至"), Instant)
    most: Mapped[int] = col(_l("最多人数"), Integer)
    used: Mapped[int] = col(_l("已用人数"), Integer, default=0, server_default="0")

    unit: Mapped[Unit] = relationship(foreign_keys=[unit_id])


class Invitation(Stamped, Versioned, Model):
    """One person asked to join one unit.

    邀请中 waits for the manager (`approved_at`), then for the invitee; what he enters waits here until the manager has
    looked at it: only then a person comes into being. `token_hash` opens the invitee's page; a new link ends the old.
    """

    __tablename__ = "invitation"
    __table_args__ = (
        Index("ix_invitation_unit_state", "unit_id", "state"),
        Index("ix_invitation_by_unit", "by_unit_id", "state"),
        Index(
            "uq_invitation_poster_phone", "poster_id", "phone_index", unique=True,
            sqlite_where=text("poster_id IS NOT NULL AND state <> 'cancelled'"),
            postgresql_where=text("poster_id IS NOT NULL AND state <> 'cancelled'"),
        ),
        ONCE,
    )  # fmt: skip
    id: Mapped[int] = pk()
    unit_id: Mapped[int] = col(_l("入职单位"), BigId, ForeignKey("unit.id"))
    by_unit_id: Mapped[int | None] = col(_l("邀请单位"), BigId, ForeignKey("unit.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12), index=True)
    poster_id: Mapped[int | None] = col(_l("邀请码"), BigId, ForeignKey("invitation_poster.id"), index=True)
    name: Mapped[str] = col(_l("姓名"), String(40))
    phone: Mapped[str] = col(_l("手机"), Sealed("invitation.phone", "mobile"), sensitive="mobile")
    phone_index: Mapped[str | None] = index_of("phone", index=True)
    phone_tail: Mapped[str | None] = tail_of("phone", index=True)
    kind: Mapped[str] = col(_l("人员类型"), String(20), choices=PERSON_KIND)
    with_account: Mapped[bool] = col(_l("同时开通账号"), Boolean, default=False, server_default=text("false"))
    state: Mapped[str] = col(
        _l("数据状态"), String(10), default="invited", server_default="invited", choices=INVITATION_STATE
    )
    approved_at: Mapped[dt.datetime | None] = col(_l("邀请审批时间"), Instant)
    approved_by_id: Mapped[int | None] = col(_l("邀请审批人"), Integer, ForeignKey("ab_user.id"))
    token_hash: Mapped[str | None] = col(_l("链接摘要"), String(64), unique=True)
    expires_at: Mapped[dt.datetime | None] = col(_l("有效至"), Instant)
    phone_checked_at: Mapped[dt.datetime | None] = col(_l("手机验证时间"), Instant)
    accepted_at: Mapped[dt.datetime | None] = col(_l("同意时间"), Instant)
    # What the invitee entered; `name` and `phone` above are what he was invited by, until he says his real name.
    resident_id: Mapped[str | None] = col(_l("身份证号"), Sealed("invitation.resident_id", "id"), sensitive="id")
    sex: Mapped[str | None] = col(_l("性别"), String(6), choices=SEX)
    certificate_no: Mapped[str | None] = col(_l("作业人员证编号"), String(40))
    certificate_issued_on: Mapped[dt.date | None] = col(_l("证书发证日期"), Date)
    certificate_until: Mapped[dt.date | None] = col(_l("证书有效期至"), Date)
    face_declined: Mapped[bool] = col(_l("不提供人脸照片"), Boolean, default=False, server_default=text("false"))
    password_hash: Mapped[str | None] = col(_l("登录密码摘要"), String(256))
    submitted_at: Mapped[dt.datetime | None] = col(_l("提交时间"), Instant)
    # When the unit was told that what waits in review is about to be erased (`retention`).
    ending_told_at: Mapped[dt.datetime | None] = col(_l("到期提醒时间"), Instant)
    decided_at: Mapped[dt.datetime | None] = col(_l("审核时间"), Instant)
    decided_by_id: Mapped[int | None] = col(_l("审核人"), Integer, ForeignKey("ab_user.id"))
    opinion: Mapped[str | None] = col(_l("审核意见"), Text)
    person_id: Mapped[int | None] = col(_l("人员"), BigId, ForeignKey("person.id"), index=True)
    batch_id: Mapped[int | None] = col(_l("导入批次"), BigId, index=True)

    unit: Mapped[Unit] = relationship(foreign_keys=[unit_id])
    by_unit: Mapped[Unit | None] = relationship(foreign_keys=[by_unit_id])

    def __repr__(self) -> str:
        return self.name
