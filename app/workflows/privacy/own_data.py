"""个人信息 that one keeps oneself: sex, picture, verified e-mail (ACC-06). The name is the giver's: records show it."""

from __future__ import annotations

import datetime as dt
import io
from typing import IO

from sqlalchemy import and_, select
from sqlalchemy.exc import IntegrityError

from app.errors import Finding, Refusal, refuse
from app.models import Account, Attachment
from app.models.choices import SEX
from app.models.sealed import holding
from app.permissions import Actor
from app.picture_faults import unreadable
from app.rules.files import MOST_PASSES, passes_of
from app.rules.identifiers import check_mail
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.access import codes
from app.workflows.core import audit
from app.workflows.core.actors import own_account
from app.workflows.files import attachments, pictures

# What a picture may be when it comes, and what is kept of it.
MOST_BYTES, MOST_PIXELS = 8 * 1024 * 1024, 40_000_000
SIDE, QUALITY = 256, 85


def set_sex(session: AnySession, actor: Actor, sex: str, at: dt.datetime) -> Account:
    """性别 of one's own account."""
    account = own_account(session, actor)
    if sex and sex not in SEX:
        raise refuse(
            "性别", say("没有 %(sex)s 这一项", sex=sex[:20]), "请选择男、女或不填", field="sex", value=sex[:20]
        )
    before, account.sex = account.sex, sex or None
    session.flush()
    audit.record(session, actor, at, "account.edit", "account", account.id, {"sex": before}, {"sex": account.sex})
    return account


# Pictures that owners of accounts show themselves by, whosever.
AVATARS = and_(Attachment.entity == "account", Attachment.kind == "avatar")


def avatar_of(session: AnySession, account_id: int) -> Attachment | None:
    """The account's picture. The caller has the account through scope."""
    statement = select(Attachment).where(AVATARS, Attachment.entity_id == account_id)
    row: Attachment | None = session.scalar(
        statement.order_by(Attachment.id.desc()).limit(1).execution_options(skip_scope=True)
    )
    return row


def set_avatar(session: AnySession, actor: Actor, stream: IO[bytes], at: dt.datetime) -> Attachment:
    """A square of 256 made from a PNG or JPG; what else the file held (place, device, other layers) is gone."""
    account = own_account(session, actor)
    picture = shrunk(stream)
    lock(session, Account, account.id)
    held = avatar_of(session, account.id)
    if held is not None:
        _drop(session, actor, held, at)
    return attachments.store(
        session, actor, at, io.BytesIO(picture), "头像.jpg", "avatar", "account", account.id, account.unit_id,
        account.region_code,
    )  # fmt: skip


def remove_avatar(session: AnySession, actor: Actor, at: dt.datetime) -> None:
    """Take one's own picture away; none there is no error."""
    account = own_account(session, actor)
    held = avatar_of(session, account.id)
    if held is not None:
        _drop(session, actor, held, at)


def _drop(session: AnySession, actor: Actor, row: Attachment, at: dt.datetime) -> None:
    told = {"attachment": row.id, "kind": row.kind, "sha256": row.sha256}
    audit.record(session, actor, at, "attachment.remove", row.entity, row.entity_id, before=told)
    attachments.forget(session, row)


def shrunk(stream: IO[bytes]) -> bytes:
    """The middle square of the picture as a small JPG, or a refusal; the size is read before anything is unpacked."""
    from PIL import Image, ImageOps  # loaded with the first picture

    content = stream.read(MOST_BYTES + 1)
    if not content:
        raise refuse("头像", "没有选择图片", "请选择 PNG 或 JPG 图片", field="avatar")
    if len(content) > MOST_BYTES:
        raise refuse(
            "头像",
            say("超过 %(most_bytes)s MB", most_bytes=MOST_BYTES // 1024 // 1024),
            "请换一张小一些的图片",
            field="avatar",
        )
    # More of them are no picture that anybody took.
    if passes_of(content) > MOST_PASSES:
        raise refuse("头像", "不是能打开的 PNG 或 JPG 图片", "请换一张图片；改扩展名没有用", field="avatar")
    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise refuse(
                    "头像",
                    say("%(width)s×%(height)s 像素太大", width=opened.width, height=opened.height),
                    "请换一张小一些的图片",
                    field="avatar",
                )
            with pictures.room_for(opened.width * opened.height, "头像"):
                upright = ImageOps.exif_transpose(opened).convert("RGB")
                square = ImageOps.fit(upright, (SIDE, SIDE))
    except unreadable() as error:
        raise refuse("头像", "不是能打开的 PNG 或 JPG 图片", "请换一张图片；改扩展名没有用", field="avatar") from error
    out = io.BytesIO()
    square.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def ask_mail(
    session: AnySession, actor: Actor, typed: str, at: dt.datetime, asked_from: str | None, request: str | None = None
) -> str:
    """Send a code to the address that is to be verified; gives the masked address.

    Whether another account has it is said only to who can read its mail (`verify_mail`).
    """
    account = own_account(session, actor)
    return codes.send(session, account, "mail", check_mail(typed), at, asked_from, request=request)


def verify_mail(
    session: AnySession, actor: Actor, typed: str, code: str, at: dt.datetime, request: str | None = None
) -> Refusal | None:
    """Keep the address that the code went to. Gives a refusal instead of raising it: the count of tries is kept."""
    account = own_account(session, actor)
    try:
        address = check_mail(typed)
        row = codes.check(session, account.id, "mail", code, at, request=request)
    except Refusal as refusal:
        return refusal
    if row.target != address:
        return Refusal(Finding("邮箱", False, "与收到验证码的地址不同", "请重新获取验证码", field="mail"))
    same = select(Account.id).where(holding(Account.email, address))
    holder = session.scalar(same.execution_options(skip_scope=True))
    if holder not in (None, account.id):
        return Refusal(Finding("邮箱", False, "已是另一账号的邮箱", "请换一个地址，或在那个账号上更换", field="mail"))
    account.email, account.email_verified_at = address, at
    try:
        session.flush()
    except IntegrityError as error:
        raise refuse("邮箱", "刚刚成了另一账号的邮箱", "请换一个地址", field="mail") from error
    audit.record(session, actor, at, "account.verify_mail", "account", account.id)
    return None
