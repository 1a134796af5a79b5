"""`/api/v1/inbox`, `/notice-settings`: one's own notices, and by which other ways they come (NTF-01)."""

from __future__ import annotations

from typing import Any

from flask import jsonify
from sqlalchemy import select

from app import clock, scope
from app.api.base import Resource, actor, answers, body, in_person, iso, page
from app.api.reading import asked_bool, part, texts, words
from app.errors import refuse
from app.extensions import db
from app.models import Account, Notification
from app.permissions import Verb
from app.rules.identifiers import mask_mail, mask_mobile
from app.rules.notices import CHANNELS, GROUPS, clock_words, minutes_of
from app.transaction import transaction
from app.views.frame import screens
from app.views.partners.notices import send_trial, shown_address
from app.wording import say, together
from app.workflows.access import feedback
from app.workflows.core import notices, outbox


class InboxApi(Resource):
    """Notices are their recipient's alone."""

    resource_name = "inbox"
    openapi_spec_tag = "Notices"

    @answers("", "GET")
    def list(self) -> Any:
        """Give one's own notices, unread ones first, the newest first.
        ---
        get:
          summary: 收件箱，未读在前
          paged: true
          parameters:
            - {in: query, name: unread, schema: {type: integer, enum: [0, 1]}, description: 1 只看未读}
          gives: {200: InboxPage}
        """
        statement = _own().where(Notification.channel == "inbox", Notification.state == "sent")
        wanted = asked_bool("unread")
        if wanted is not None:
            statement = statement.where(Notification.read_at.is_(None) if wanted else Notification.read_at.is_not(None))
        order = [Notification.read_at.is_not(None), Notification.created_at.desc(), Notification.id.desc()]
        return page(statement, order, _notice)

    @answers("/<int:key>/read", "POST")
    def read(self, key: int) -> Any:
        """Mark one as read; read again, it was read at the first time.
        ---
        post:
          summary: 标为已读
          gives: {200: Notice}
        """
        row: Notification = scope.visible(db.session, actor(), Notification, key, "这条通知")
        with transaction(db.session) as session:
            outbox.mark_read(session, actor(), clock.now(), [row.id])
        return jsonify(_notice(row))

    @answers("/read", "POST")
    def read_all(self) -> Any:
        """Mark all as read.
        ---
        post:
          summary: 全部标为已读
          gives: {200: Counted}
        """
        with transaction(db.session) as session:
            count = outbox.mark_read(session, actor(), clock.now())
        return jsonify(count=count)


    @answers("/feedback", "POST", once=True)
    def feedback(self) -> Any:
        """Say something of the platform to the administrators of one's region; some a day.
        ---
        post:
          summary: 意见反馈：送到本地区管理员的收件箱；每天条数有限
          takes: Feedback
          gives: {201: Counted}
        """
        sent = body()
        with transaction(db.session) as session:
            count = feedback.send(
                session, actor(), words(sent, "kind", 20), words(sent, "body", 3000), words(sent, "page", 200),
                clock.now(),
            )  # fmt: skip
        return jsonify(count=count), 201


class NoticeSettingApi(Resource):
    """通知设置 of one's own account."""

    resource_name = "notice-settings"
    openapi_spec_tag = "Notices"

    @answers("", "GET")
    def get(self) -> Any:
        """Give the channels by group, the quiet hours, and where to; a webhook by its host, never its whole address.
        ---
        get:
          summary: 通知渠道、免打扰、发往哪里
          gives: {200: NoticeSettings}
        """
        return jsonify(_settings())

    @answers("", "PUT")
    def choose(self) -> Any:
        """Choose channels and quiet hours; a group that is not given is told in the inbox only.
        ---
        put:
          summary: 选择渠道和免打扰时间；没有给出的种类只发站内信
          takes: NoticeChoice
          gives: {200: NoticeSettings}
        """
        sent = body()
        wanted, quiet = _channels(part(sent, "channels")), (_time(sent, "quiet_from"), _time(sent, "quiet_until"))
        with transaction(db.session) as session:
            notices.choose(session, actor(), wanted, quiet, clock.now())
        return jsonify(_settings())

    @answers("/webhook", "PUT")
    def set_webhook(self) -> Any:
        """Set the address that is called; each time with a new secret, which is in this answer only.
        ---
        put:
          summary: 设置网址回调，或换密钥；密钥只在这次回答中（个人令牌不能设置）
          takes: Webhook
          gives: {200: WebhookSecret}
        """
        # It goes on sending when the token that set it has long been taken back.
        in_person()
        url = words(body(), "url", 1000)
        if not url.strip():
            raise refuse("网址回调地址", "没有填写", "例如 https://example.com/notify", field="url")
        with transaction(db.session) as session:
            secret = notices.set_webhook(session, actor(), url, clock.now())
        answer = jsonify(secret=secret, settings=_settings())
        answer.headers["Cache-Control"] = "no-store, max-age=0"
        return answer

    @answers("/webhook", "DELETE")
    def drop_webhook(self) -> Any:
        """Call no address any more.
        ---
        delete:
          summary: 取消网址回调
          gives: {200: NoticeSettings}
        """
        with transaction(db.session) as session:
            notices.set_webhook(session, actor(), None, clock.now())
        return jsonify(_settings())

    @answers("/webhook/test", "POST")
    def trial(self) -> Any:
        """Send one notice of a try by the same way as all others; how it went is in `/sent`.
        ---
        post:
          summary: 发一条测试通知，结果见发送记录
          gives: {201: SentNotice}
        """
        choice = notices.choice_of(db.session, actor().user_id or 0)
        url = choice.webhook_url if choice is not None else None
        if not url:
            raise refuse("网址回调", "还没有设置", "请先用 PUT /notice-settings/webhook 设置", field="url")
        with transaction(db.session) as session:
            row = send_trial(session, url)
        return jsonify(_sent(row)), 201

    @answers("/sent", "GET")
    def sent(self) -> Any:
        """Give what went out to oneself by other ways than the inbox, the newest first.
        ---
        get:
          summary: 本人的发送记录
          paged: true
          gives: {200: SentPage}
        """
        return page(_own().where(Notification.channel != "inbox"), [Notification.id.desc()], _sent)


def _own() -> Any:
    return scope.apply(select(Notification), actor()).where(Notification.recipient_id == actor().user_id)


def _notice(row: Notification) -> dict[str, Any]:
    return {
        "id": row.id, "topic": row.topic, "title": row.title, "body": row.body, "link": row.link,
        "created_at": iso(row.created_at), "read_at": iso(row.read_at),
    }  # fmt: skip


def _sent(row: Notification) -> dict[str, Any]:
    """As the log shows it: no content, the address masked."""
    return {
        "id": row.id, "channel": row.channel, "topic": row.topic, "title": row.title, "address": shown_address(row),
        "state": row.state, "tries": row.tries, "error": row.error, "created_at": iso(row.created_at),
        "sent_at": iso(row.sent_at),
    }  # fmt: skip


def _settings() -> dict[str, Any]:
    choice = notices.choice_of(db.session, actor().user_id or 0)
    account = db.session.get(Account, actor().user_id)
    assert account is not None
    chosen = notices.channels_of(db.session, account, clock.now())
    return {
        "offered": [one for one in CHANNELS if one in outbox.SENDERS],
        "channels": {group: list(chosen.get(group, ())) for group in GROUPS},
        "quiet_from": clock_words(choice.quiet_from) or None if choice is not None else None,
        "quiet_until": clock_words(choice.quiet_until) or None if choice is not None else None,
        "sms": mask_mobile(account.phone) if account.phone else None,
        "email": mask_mail(account.email) if account.email_verified_at else None,
        "webhook": notices.webhook_host(choice.webhook_url) if choice is not None and choice.webhook_url else None,
    }  # fmt: skip


def _channels(given: dict[str, Any]) -> dict[str, list[str]]:
    """The channels of each group, or a refusal naming what is none: the page offers no others."""
    for name in given:
        if name not in GROUPS:
            raise refuse(
                "通知种类",
                say("没有“%(name)s”", name=name[:40]),
                say("可选：%(names)s", names=together(GROUPS)),
                field="channels",
            )
    wanted = {group: texts(given, group) for group in given}
    for name in (one for chosen in wanted.values() for one in chosen):
        if name not in CHANNELS:
            raise refuse(
                "渠道",
                say("没有“%(name)s”", name=name[:40]),
                say("可选：%(names)s", names=together(CHANNELS)),
                field="channels",
            )
    return wanted


def _time(sent: dict[str, Any], name: str) -> int | None:
    typed = words(sent, name, 20)
    minutes = minutes_of(typed)
    if minutes is None and typed.strip():
        raise refuse(
            "免打扰", say("“%(typed)s”不是时间", typed=typed), "请按 22:00 的格式填写", field=name, value=typed
        )
    return minutes


def register(appbuilder: Any) -> None:
    """Add these resources."""
    for name in ("list", "read", "read_all", "feedback"):
        screens.declare("InboxApi", f"can_{name}", Verb.INBOX)
    for name in ("get", "choose", "set_webhook", "drop_webhook", "trial", "sent"):
        screens.declare("NoticeSettingApi", f"can_{name}", Verb.INBOX)
    appbuilder.add_api(InboxApi)
    appbuilder.add_api(NoticeSettingApi)
