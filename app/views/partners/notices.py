"""通知设置 (NTF-01): one's own channels, quiet hours and what was sent; for the administrator words and log."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, g, redirect, render_template, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from sqlalchemy import select

from app import clock
from app.errors import Finding
from app.extensions import db
from app.models import Account, Notification
from app.models.notice import NOTICE_GROUP
from app.models.notification import CHANNEL, NOTICE_STATE
from app.permissions import Verb, require
from app.rules.identifiers import mask_mail, mask_mobile
from app.rules.notices import CHANNELS, DEFAULTS, GROUPS, PLACEHOLDERS, URGENT, clock_words, minutes_of
from app.views.frame import screens
from app.views.frame.account_forms import number, run, show_once, text
from app.views.frame.told import told
from app.workflows.core import audit, notices, outbox

TONES = {"sent": "ok", "failed": "over", "queued": "near"}
PAGE = 50


class Notices(BaseView):
    """One's own settings and what went out to oneself."""

    route_base = "/notices"
    default_view = "index"

    @expose("/")
    @has_access
    @permission_name("read")
    @no_cache
    def index(self) -> Any:
        return self._page([], 200)

    @expose("/", methods=["POST"])
    @has_access
    @permission_name("read")
    def save(self) -> Any:
        wanted = {group: [c for c in CHANNELS if f"{group}.{c}" in request.form] for group in GROUPS}
        times = [minutes_of(text(name, 10)) for name in ("quiet_from", "quiet_until")]
        for name, minutes in zip(("quiet_from", "quiet_until"), times, strict=True):
            if minutes is None and text(name, 10).strip():
                found = _("“%(v)s”不是时间", v=text(name, 10))
                wrong = Finding(_("免打扰"), False, found, _("请按 22:00 的格式填写"), field="quiet_from")
                return self._page([wrong], 422)
        _done, findings, status = run(lambda s: notices.choose(s, g.actor, wanted, (times[0], times[1]), clock.now()))
        return self._after(findings, status, _("通知设置已保存"))

    @expose("/webhook", methods=["POST"])
    @has_access
    @permission_name("read")
    @no_cache
    def webhook(self) -> Any:
        url = "" if "off" in request.form else text("webhook", 400)
        if not url.strip() and "off" not in request.form:
            missing = Finding(_("网址回调地址"), False, _("没有填写"), "https://example.com/notify", field="webhook")
            return self._page([missing], 422)
        secret, findings, status = run(lambda s: notices.set_webhook(s, g.actor, url, clock.now()))
        if findings or secret is None:
            return self._after(findings, status, _("网址回调已取消"))
        return show_once(self._page([], 200, secret=secret)[0])

    @expose("/try", methods=["POST"])
    @has_access
    @permission_name("read")
    def trial(self) -> Any:
        """One notice of a try to the webhook, by the same way as all others."""
        choice = notices.choice_of(db.session, g.actor.user_id)
        if choice is None or not choice.webhook_url:
            abort(404)
        url = choice.webhook_url
        _done, findings, status = run(lambda s: send_trial(s, url))
        return self._after(findings, status, _("测试通知已排入发送，结果见下面的发送记录"))

    def _after(self, findings: list[Finding], status: int, said: str) -> Any:
        if findings:
            return self._page(findings, status)
        flash(said, "success")
        return redirect(url_for("Notices.index"))

    def _page(self, findings: list[Finding], status: int, **more: Any) -> Any:
        choice = notices.choice_of(db.session, g.actor.user_id)
        account = db.session.get(Account, g.actor.user_id)
        statement = select(Notification).where(
            Notification.recipient_id == g.actor.user_id, Notification.channel != "inbox"
        )
        offered = [c for c in CHANNELS if c in outbox.SENDERS]
        where = {
            "sms": mask_mobile(account.phone) if account and account.phone else "",
            "email": mask_mail(account.email) if account and account.email_verified_at else "",
            "webhook": notices.webhook_host(choice.webhook_url) if choice and choice.webhook_url else "",
        }  # fmt: skip
        chosen = {} if account is None else notices.channels_of(db.session, account, clock.now())
        page = render_template(
            "ta/platform/notices.html", title=_("通知设置"), findings=findings, groups=NOTICE_GROUP, urgent=URGENT,
            offered=offered, words=CHANNEL, where=where, chosen=chosen,
            quiet=(clock_words(choice.quiet_from), clock_words(choice.quiet_until)) if choice else ("", ""),
            rows=db.session.scalars(statement.order_by(Notification.id.desc()).limit(20)).all(), states=NOTICE_STATE,
            tones=TONES, secret=more.get("secret"), shown=shown_address, admin=g.actor.may(Verb.OPS),
        )  # fmt: skip
        return page, status

    # --- the platform's administrator

    @expose("/templates", methods=["GET", "POST"])
    @has_access
    @permission_name("ops")
    @no_cache
    def templates(self) -> Any:
        require(g.actor, Verb.OPS)
        channel = request.values.get("channel", "sms")[:10]
        group = request.values.get("group", GROUPS[0])[:20]
        if channel not in DEFAULTS or group not in GROUPS:
            abort(404)
        title, body, own = notices.words_of(db.session, channel, group)
        findings: list[Finding] = []
        status = 200
        if request.method == "POST":
            title, body = text("title", 400), text("body", 2000)
            if "reset" in request.form:
                title = body = ""
            if "look" not in request.form:
                _done, findings, status = run(
                    lambda s: notices.set_words(s, g.actor, channel, group, title, body, clock.now())
                )
                if not findings:
                    flash(_("已恢复内置的文字") if "reset" in request.form else _("模板已保存"), "success")
                    return redirect(url_for("Notices.templates", channel=channel, group=group))
        page = render_template(
            "ta/platform/notice_templates.html", title=_("通知模板"), channel=channel, group=group, own=own,
            channels=[(c, CHANNEL[c]) for c in DEFAULTS], groups=NOTICE_GROUP, findings=findings,
            form={"title": title, "body": body}, marks=PLACEHOLDERS,
            look=notices.preview(title, body, g.actor.name, clock.now()),
        )  # fmt: skip
        return page, status

    @expose("/log")
    @has_access
    @permission_name("ops")
    def log(self) -> Any:
        """What was sent by which channel to whom, with its tries and why not."""
        require(g.actor, Verb.OPS)
        state, channel = request.args.get("state", "")[:10], request.args.get("channel", "")[:10]
        given = request.args.get("page", "1")[:6]
        page = max(1, int(given)) if given.isascii() and given.isdigit() else 1
        statement = (
            select(Notification, Account.first_name)
            .join(Account, Account.id == Notification.recipient_id)
            .where(Notification.channel != "inbox")
        )
        if state in NOTICE_STATE:
            statement = statement.where(Notification.state == state)
        if channel in CHANNEL:
            statement = statement.where(Notification.channel == channel)
        statement = statement.order_by(Notification.id.desc()).limit(PAGE + 1).offset((page - 1) * PAGE)
        rows = db.session.execute(statement.execution_options(skip_scope=True)).all()
        return render_template(
            "ta/platform/notice_log.html", title=_("发送记录"), rows=rows[:PAGE], more=len(rows) > PAGE, page=page,
            state=state, channel=channel, states=NOTICE_STATE, words=CHANNEL, tones=TONES, shown=shown_address,
        )  # fmt: skip

    @expose("/log/retry", methods=["POST"])
    @has_access
    @permission_name("ops")
    def retry(self) -> Any:
        require(g.actor, Verb.OPS)
        key = number(text("notice", 20))
        if key is None:
            abort(404)
        done, findings, _status = run(lambda s: self._retry(s, key))
        for finding in findings:
            flash(told(str(finding)), "danger")
        if not findings:
            said = _("已重新排入发送") if done else _("只有失败的、不含验证码的才能重发")
            flash(said, "success" if done else "warning")
        return redirect(url_for("Notices.log"))

    @staticmethod
    def _retry(session: Any, key: int) -> bool:
        if not outbox.retry(session, key, clock.now()):
            return False
        audit.record(session, g.actor, clock.now(), "notice.retry", "notification", key)
        return True


def send_trial(session: Any, url: str) -> Notification:
    """A notice of a try to one's own webhook."""
    host = notices.webhook_host(url)
    words, title = _("这是一条测试通知"), _("测试通知")
    return outbox.send_to(session, clock.now(), g.actor.user_id, "webhook", host, "test", words, title=title)


def shown_address(row: Notification) -> str:
    """Where a notice went, as a log may show it."""
    address = row.address or ""
    if row.channel == "sms":
        return mask_mobile(address)
    if row.channel == "email" and "@" in address:
        return mask_mail(address)
    return address


def register(appbuilder: Any) -> None:
    screens.declare("Notices", "can_read", Verb.INBOX)
    screens.declare("Notices", "can_ops", Verb.OPS)
    appbuilder.add_view_no_menu(Notices)
