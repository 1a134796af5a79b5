"""Accounts: Flask-AppBuilder's user with a place in the tree of regions and units."""

import datetime as dt
from functools import lru_cache

from flask_appbuilder.security.sqla.models import Role as AccountRole  # noqa: F401 (part of this module's names)
from flask_appbuilder.security.sqla.models import User as FabUser
from flask_babel import lazy_gettext as _l
from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, relationship
from werkzeug.security import check_password_hash, generate_password_hash

from app.models.base import BigId, Instant, Model, col, pk
from app.models.choices import RESCUE_ROLE, SEX
from app.models.person import Person
from app.models.region import Region
from app.models.sealed import Sealed, index_of, tail_of
from app.models.unit import Unit

# scrypt with 32 MB and three rounds, about a quarter of a second: what OWASP asks for (ASVS 5.0, 11.4.2).
HASHING = "scrypt:32768:8:3"

# The address of mail is Flask-AppBuilder's column: sealed where it stands, like the phone beside it. What FAB declared
# unique are the tokens, which always are; of the addresses themselves the index says so.
MAIL = FabUser.__table__.c.email
MAIL.type = Sealed("account.email", "mail", length=320)
MAIL.info.update(label=_l("邮箱"), sensitive="mail")
# `ONCE` for a table that is Flask-AppBuilder's.
FabUser.__table__.dialect_options["sqlite"]["autoincrement"] = True


def no_mail(username: str) -> str:
    """What stands where the column must not be empty: an address that nothing is ever sent to."""
    return f"{username.lower()}@account.invalid"


class Account(FabUser):
    """A login. A regulator has `region_id`; a unit's account has `unit_id`; `is_main` marks the unit's main account.

    The main account of a unit logs in with the unit's 统一社会信用代码 and may not do maintenance (ACC-02, ACC-14).
    """

    __tablename__ = "ab_user"
    phone: Mapped[str | None] = col(_l("手机"), Sealed("account.phone", "mobile"), sensitive="mobile")
    phone_index: Mapped[str | None] = index_of("phone", index=True, unique=True)
    phone_tail: Mapped[str | None] = tail_of("phone", index=True)
    email_index: Mapped[str | None] = index_of("email", index=True, unique=True)
    unit_id: Mapped[int | None] = col(_l("所属单位"), BigId, ForeignKey("unit.id"), index=True)
    region_id: Mapped[int | None] = col(_l("管辖地区"), BigId, ForeignKey("region.id"), index=True)
    region_code: Mapped[str | None] = col(_l("管辖区划"), String(12), index=True)
    person_id: Mapped[int | None] = col(_l("人员"), BigId, ForeignKey("person.id"), index=True)
    sex: Mapped[str | None] = col(_l("性别"), String(6), choices=SEX)
    is_main: Mapped[bool] = col(_l("主账号"), Boolean, default=False, server_default=text("false"))
    sees_all_elevators: Mapped[bool] = col(
        _l("全部电梯"), Boolean, default=True, server_default=text("true"), help=_l("包括以后新增的电梯")
    )
    extra_accounts: Mapped[int] = col(_l("增加的子用户数"), Integer, default=0, server_default="0")
    must_change_password: Mapped[bool] = col(
        _l("须修改密码"), Boolean, default=False, server_default=text("false")
    )
    # When somebody else issued the password that must be changed; it is good for some days only (ASVS 6.4.1).
    password_issued_at: Mapped[dt.datetime | None] = col(_l("初始密码发出时间"), Instant)
    # When a code that went to `phone` came back; a number that was merely typed carries no second factor.
    phone_verified_at: Mapped[dt.datetime | None] = col(_l("手机验证时间"), Instant)
    locked_until: Mapped[dt.datetime | None] = col(_l("锁定至"), Instant)
    # Raised when the password, role or scope changes: sessions that carry an older one end (ACC-15).
    session_epoch: Mapped[int] = col(_l("会话代"), Integer, default=1, server_default="1")
    # The second factor: a sealed TOTP secret with the last step that was used, or a code by SMS (ACC-07).
    totp_secret: Mapped[str | None] = col(_l("动态口令密钥"), Text)
    totp_step: Mapped[int | None] = col(_l("动态口令步数"), BigId)
    sms_factor: Mapped[bool] = col(_l("登录短信认证"), Boolean, default=False, server_default=text("false"))
    # Registered by itself: until its unit is approved it may file, and nothing else (ACC-03).
    self_registered: Mapped[bool] = col(_l("自行注册"), Boolean, default=False, server_default=text("false"))
    parent_user_id: Mapped[int | None] = col(_l("建立者"), Integer, ForeignKey("ab_user.id"), index=True)
    # The verbs that the main account ticked, each between blanks; null: all that the roles allow (ACC-09).
    ticked: Mapped[str | None] = col(_l("勾选的权限"), Text)
    # When a code that went to `email` came back; until then the address is a placeholder that nothing is sent to.
    email_verified_at: Mapped[dt.datetime | None] = col(_l("邮箱验证时间"), Instant)
    # Since when it is not `active`: some time after, its phone and address of mail go (`retention`).
    closed_at: Mapped[dt.datetime | None] = col(_l("停用时间"), Instant)
    # Chosen in the page's foot; what leaves the house for this account is told in it.
    language: Mapped[str | None] = col(_l("语言"), String(15))
    rescue_role: Mapped[str | None] = col(_l("应急角色"), String(12), choices=RESCUE_ROLE)

    unit: Mapped[Unit | None] = relationship(foreign_keys=[unit_id])
    region: Mapped[Region | None] = relationship(foreign_keys=[region_id])
    person: Mapped[Person | None] = relationship(foreign_keys=[person_id])
    giver: Mapped["Account | None"] = relationship(foreign_keys=[parent_user_id], remote_side="Account.id")

    def get_full_name(self) -> str:
        """Chinese names have no space and no order to guess: the name is in `first_name`."""
        return self.first_name or self.username

    def set_password(self, text: str) -> None:
        """Keep the hash of a password that was checked already; ends every session that carries an older epoch."""
        self.password = generate_password_hash(text, HASHING)
        self.session_epoch = (self.session_epoch or 0) + 1

    def issue_password(self, text: str, at: dt.datetime) -> None:
        """The same for one that another person hands over: its owner must change it, within some days."""
        self.set_password(text)
        self.must_change_password, self.password_issued_at = True, at

    def own_password(self, text: str) -> None:
        """The same for one that the owner chose."""
        self.set_password(text)
        self.must_change_password, self.password_issued_at = False, None

    def password_matches(self, text: str) -> bool:
        return bool(self.password) and check_password_hash(self.password, text)

    def hash_anew(self, text: str) -> str | None:
        """The hash of the right password by today's numbers, where it was kept by older ones; slow."""
        older = self.password.startswith("scrypt:") and not self.password.startswith(f"{HASHING}$")
        return generate_password_hash(text, HASHING) if older else None

    def __repr__(self) -> str:
        return self.get_full_name()


def hash_of(text: str) -> str:
    """A checked password as it is kept, for an account that is not there yet."""
    return str(generate_password_hash(text, HASHING))


@lru_cache(maxsize=1)
def _hash_of_nobody() -> str:
    return generate_password_hash("nobody", HASHING)


def password_of_nobody_matches(text: str) -> bool:
    """Do the work of checking a password for a name that nobody has; never true.

    Of the same cost as a real one: whether an account exists must not show in the time an answer takes.
    """
    check_password_hash(_hash_of_nobody(), text)
    return False


class LoginGuard(Model):
    """Tries to sign in under one key (account, unknown name, address), in the database: several workers count as one.

    A name that nobody has locks just as a real one does, so that a lock says nothing about existence (ACC-04).
    """

    __tablename__ = "login_guard"
    __table_args__ = (Index("ix_login_guard_last", "last_try_at"),)
    key: Mapped[str] = col(_l("对象"), String(64), primary_key=True)
    tries: Mapped[int] = col(_l("次数"), Integer, default=0, server_default="0")
    last_try_at: Mapped[dt.datetime] = col(_l("最近一次"), Instant)
    locked_until: Mapped[dt.datetime | None] = col(_l("锁定至"), Instant)


class KnownDevice(Model):
    """A browser from which an account was signed in whole: wrong tries of strangers do not keep it out (ACC-04).

    Only the digest of what its cookie carries is kept.
    """

    __tablename__ = "known_device"
    __table_args__ = (Index("ix_known_device_user", "user_id", "used_at"),)
    id: Mapped[int] = pk()
    user_id: Mapped[int] = col(_l("账号"), Integer, ForeignKey("ab_user.id", ondelete="CASCADE"))
    digest: Mapped[str] = col(_l("摘要"), String(64), unique=True)
    created_at: Mapped[dt.datetime] = col(_l("登录时间"), Instant)
    used_at: Mapped[dt.datetime] = col(_l("最近使用"), Instant)


class EndedSession(Model):
    """A browser session that was signed out of: its cookie may have been copied, so the end is kept here too."""

    __tablename__ = "ended_session"
    __table_args__ = (Index("ix_ended_session_until", "until"),)
    id: Mapped[str] = col(_l("会话"), String(43), primary_key=True)
    # The cookie is worthless by itself after this; then the row is dropped.
    until: Mapped[dt.datetime] = col(_l("保留至"), Instant)


class LiveSession(Model):
    """A browser that is signed in: where and since when (ACC-15). The cookie and `EndedSession` say whether it counts.

    One of an older `epoch` than its account's has ended with it. Tokens of the API are not here: they run out soon.
    """

    __tablename__ = "live_session"
    __table_args__ = (Index("ix_live_session_user", "user_id", "seen_at"), Index("ix_live_session_until", "until"))
    id: Mapped[int] = pk()
    number: Mapped[str] = col(_l("会话"), String(43), unique=True)
    user_id: Mapped[int] = col(_l("账号"), Integer, ForeignKey("ab_user.id", ondelete="CASCADE"))
    epoch: Mapped[int] = col(_l("会话代"), Integer)
    device: Mapped[str] = col(_l("设备"), String(60))
    # Shortened: enough to know one's own office by, too little to find a person by.
    address: Mapped[str | None] = col(_l("地址"), String(45))
    created_at: Mapped[dt.datetime] = col(_l("登录时间"), Instant)
    seen_at: Mapped[dt.datetime] = col(_l("最近操作"), Instant)
    until: Mapped[dt.datetime] = col(_l("最长至"), Instant)


class ExternalIdentity(Model):
    """A person known to an outside provider of identities (OIDC), bound to one account by whoever held both (INT-02).

    Found by the provider's own subject only: a name or an e-mail address of the outside proves nothing here.
    """

    __tablename__ = "external_identity"
    __table_args__ = (UniqueConstraint("provider", "subject"), UniqueConstraint("user_id", "provider"))
    id: Mapped[int] = pk()
    user_id: Mapped[int] = col(_l("账号"), Integer, ForeignKey("ab_user.id", ondelete="CASCADE"))
    provider: Mapped[str] = col(_l("身份来源"), String(20))
    subject: Mapped[str] = col(_l("外部编号"), String(255))
    shown_name: Mapped[str | None] = col(_l("外部名称"), String(80))
    bound_at: Mapped[dt.datetime] = col(_l("绑定时间"), Instant)
    used_at: Mapped[dt.datetime | None] = col(_l("最近使用"), Instant)


class ElevatorAssignment(Model):
    """A sub-account's elevators where it does not see all of its unit's (ACC-10); a snapshot, not a rule."""

    __tablename__ = "elevator_assignment"
    __table_args__ = (
        UniqueConstraint("user_id", "elevator_id"),
        Index("ix_elevator_assignment_elevator", "elevator_id"),
    )
    id: Mapped[int] = pk()
    user_id: Mapped[int] = col(_l("账号"), Integer, ForeignKey("ab_user.id", ondelete="CASCADE"))
    elevator_id: Mapped[int] = col(_l("电梯"), BigId, ForeignKey("elevator.id", ondelete="CASCADE"))
