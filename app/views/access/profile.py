"""One's own account: facts, phone, mail, second factor, devices (个人信息), and changing the password (修改密码)."""

from __future__ import annotations

from typing import Any

from flask import current_app, flash, g, redirect, request, session, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _

from app import clock, vault
from app.errors import Finding, Refusal
from app.extensions import db
from app.models import Account, Person
from app.models.choices import GRADE, REAL_NAME, SEX, word
from app.permissions import ROLE_LABEL, Verb
from app.rules.identifiers import mask_mail, mask_mobile
from app.transaction import transaction
from app.views.access import external
from app.views.access.browser import begin_session
from app.views.access.proving import confirm_oneself, confirm_own_password
from app.views.access.sessions import limits, shown_of
from app.views.frame import screens
from app.views.frame.account_forms import me, run
from app.views.frame.requests import code_request
from app.wording import say, together
from app.workflows.access import accounts, codes, identities, recovery, second_factor
from app.workflows.access.issuing import password_length
from app.workflows.people import people, real_names
from app.workflows.privacy import own_data

# Where the session keeps the secret of an app that is being taken into use.
SECRET = "totp_secret"


class Password(BaseView):
    """修改密码: the old one is asked; every other session ends."""

    route_base = "/password"
    default_view = "change"

    @expose("/", methods=["GET", "POST"])
    @has_access
    @permission_name("change")
    @no_cache
    def change(self) -> Any:
        account = db.session.get(Account, g.actor.user_id)
        assert account is not None
        findings, status = [], 200
        if request.method == "POST":
            form = request.form
            new, again = form.get("new_password", ""), form.get("again", "")
            try:
                confirm_own_password(account, form.get("old_password", ""), "old_password")
            except Refusal as refusal:
                # What is wrong with the new one is told as well, so that one correction is enough.
                more = accounts.new_password_findings(db.session, account, new, again, clock.now())
                findings, status = [*refusal.findings, *more], refusal.status_code
            try:
                if not findings:
                    with transaction(db.session) as unit:
                        accounts.change_own_password(unit, g.actor, new, again, clock.now())
            except Refusal as refusal:
                findings, status = refusal.findings, refusal.status_code
            if not findings:
                begin_session(account)
                flash(_("密码已修改，其他设备上的登录已退出"), "success")
                return redirect("/")
        if account.must_change_password:
            g.bare_page = True  # every entry of the menu would only lead back here
        page = self.render_template(
            "ta/accounts/password.html",
            title=_("修改密码"),
            findings=[f for f in findings if not f.ok],
            first=account.must_change_password,
            least=password_length(db.session, account, clock.now()),
            login_name=account.username,
        )
        return page, status


class Profile(BaseView):
    """个人信息: facts, bound phone, second factor (ACC-06, ACC-07); what one writes oneself is in `own_data`."""

    route_base = "/profile"
    default_view = "show"

    @expose("/")
    @has_access
    @permission_name("show")
    @no_cache
    def show(self) -> Any:
        return self._page([], 200)

    @expose("/phone/code", methods=["POST"])
    @has_access
    @permission_name("show")
    def phone_code(self) -> Any:
        """Send a code to the number that is to be bound; whoever found the page open does not know the password.

        By its phone an account is recovered, so one that is bound by a stranger would be his for good.
        """
        phone = request.form.get("phone", "")[:30]
        refused = unproved("phone_password")
        if refused is not None:
            return self._page(refused.findings, refused.status_code, phone=phone)
        sent, findings, status = run(
            lambda unit: recovery.ask_binding(unit, g.actor, phone, clock.now(), request.remote_addr, code_request())
        )
        if sent:
            flash(_("验证码已发往 %(phone)s", phone=sent), "success")
        return self._page(findings, status, phone=phone, sent=bool(sent))

    @expose("/phone", methods=["POST"])
    @has_access
    @permission_name("show")
    def phone(self) -> Any:
        phone, code = request.form.get("phone", "")[:30], request.form.get("code", "")[:20]
        refusal, _findings, _status = run(
            lambda unit: recovery.bind(unit, g.actor, phone, code, clock.now(), code_request())
        )
        if refusal is not None:
            return self._page(refusal.findings, 422, phone=phone, sent=True)
        begin_session(me())
        flash(_("手机已绑定，可以用它登录"), "success")
        return redirect(url_for("Profile.show"))

    @expose("/sms", methods=["POST"])
    @has_access
    @permission_name("show")
    def sms(self) -> Any:
        """Switch codes by SMS at sign-in, on or off by the password."""
        on = request.form.get("on") == "1"
        return self._switch("sms_password", lambda unit: second_factor.switch_sms(unit, g.actor, on, clock.now()))

    @expose("/totp", methods=["POST"])
    @has_access
    @permission_name("show")
    def totp(self) -> Any:
        """Take an authenticator app into use; its secret waits, sealed, in the session until a code confirms it."""
        if request.form.get("off"):
            return self._switch("password", lambda unit: second_factor.switch_totp_off(unit, g.actor, clock.now()))
        kept = session.get(SECRET)
        code = request.form.get("code", "")[:20]
        if not kept or not code:
            refused = unproved("password")
            if refused is not None:
                return self._page(refused.findings, refused.status_code)
            session[SECRET] = vault.seal(second_factor.new_secret())
            return redirect(url_for("Profile.show") + "#totp")
        secret = vault.unseal(kept)
        _done, findings, status = run(
            lambda unit: second_factor.switch_totp_on(unit, g.actor, secret, code, clock.now())
        )
        if findings:
            return self._page(findings, status)
        begin_session(me())
        flash(_("动态口令已启用，下次登录时使用"), "success")
        return redirect(url_for("Profile.show"))

    def _switch(self, field: str, deed: Any) -> Any:
        refused = unproved(field)
        if refused is not None:
            return self._page(refused.findings, refused.status_code)
        _done, findings, status = run(deed)
        if findings:
            return self._page(findings, status)
        begin_session(me())
        flash(_("已保存"), "success")
        return redirect(url_for("Profile.show"))

    def _page(self, findings: list[Finding], status: int, **entered: Any) -> Any:
        return page(self, findings, status, **entered)


def _picture(address: str) -> str:
    import segno  # loaded with the first code

    return str(segno.make(address).svg_data_uri(scale=4))


def page(view: BaseView, findings: list[Finding], status: int, **entered: Any) -> Any:
    """The page as it is now, with what was refused and what had been entered (`phone`, `sent`, `mail`, `mail_sent`)."""
    account = me()
    kept = session.get(SECRET)
    secret = vault.unseal(kept) if kept and not account.totp_secret else ""
    picture = _picture(second_factor.address_of(account, secret)) if secret else ""
    avatar = own_data.avatar_of(db.session, account.id)
    text = view.render_template(
        "ta/accounts/profile.html", title=_("个人信息"), facts=_facts(account), account=account, findings=findings,
        can_sms=codes.available(), can_mail=codes.available("email"), secret=secret, picture=picture,
        avatar=avatar.id if avatar else None, sexes=list(SEX.items()), sessions=shown_of(account), limits=limits(),
        owed=second_factor.is_owed(account, current_app.config["SECOND_FACTOR_FOR"]), labels=external.labels(),
        identities=identities.of(db.session, account.id), may_bind=external.may_bind(),
        may_check=account.person is not None and _may_check(account.person),
        may_ask=account.person is not None and g.actor.may(Verb.OWN_CERTIFICATE),
        **{"phone": "", "sent": False, "mail": "", "mail_sent": False, **entered},
    )  # fmt: skip
    return text, status


def _may_check(person: Person) -> bool:
    """Whether a real-name check can be asked for now."""
    open_ = person.real_name in ("unchecked", "mismatch") and bool(person.resident_id)
    return open_ and real_names.offered() and real_names.may_ask(g.actor, person)


def _facts(account: Account) -> list[tuple[str, str]]:
    facts = [
        (_("姓名"), account.get_full_name()),
        (_("登录名"), account.username),
        (_("手机"), mask_mobile(account.phone) if account.phone else _("未绑定")),
        (_("邮箱"), mask_mail(account.email) if account.email_verified_at else _("未验证")),
        (_("角色"), together(str(ROLE_LABEL[r]) for r in sorted(g.actor.roles)) or "—"),
        (_("所属单位"), str(account.unit) if account.unit else "—"),
        (_("管辖地区"), str(account.region) if account.region else "—"),
        (_("上次登录"), f"{account.last_login:%Y-%m-%d %H:%M}" if account.last_login else "—"),
    ]
    person = account.person
    if person is not None:
        quota = people.quotas(db.session, [person], clock.now())[person.id]
        until = _("，有效期至 %(day)s", day=person.certificate_until) if person.certificate_until else ""
        facts += [
            (_("人员"), str(person)),
            (_("实名核验"), word(REAL_NAME, person.real_name)),
            (
                _("作业人员证"),
                say(
                    "%(certificate_no)s%(until)s",
                    certificate_no=person.certificate_no or "—",
                    until=until if person.certificate_no else "",
                ),
            ),
            (_("等级"), str(GRADE.get(quota.grade.value, quota.grade.value))),
        ]
    return facts


def unproved(field: str) -> Refusal | None:
    """None when the form proves its owner: what signing in stands on is changed by nobody else."""
    try:
        confirm_oneself(me(), field)
    except Refusal as refusal:
        return refusal
    return None


def register(appbuilder: Any) -> None:
    """Add these pages."""
    screens.declare("Password", "can_change", Verb.HOME)
    screens.declare("Profile", "can_show", Verb.HOME)
    appbuilder.add_view_no_menu(Password)
    appbuilder.add_view_no_menu(Profile)
