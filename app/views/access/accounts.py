"""Administrators' account pages (ACC-02, -05, -12): make, show, reset, lock, end; each field is named in the code."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, g, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from sqlalchemy import select

from app import clock, scope
from app.errors import Refusal
from app.extensions import db
from app.listings.accounts import ACCOUNTS, KIND, kind_of
from app.models import Account, AuditEntry, Unit
from app.models.base import label_of
from app.permissions import ASSIGNABLE, KIND_ROLES, OFFICE_ROLES, ROLE_LABEL, Role, Verb
from app.rules.identifiers import mask_mobile
from app.views.access import external
from app.views.access.proving import confirm_own_password
from app.views.access.sessions import shown_of
from app.views.frame import addresses, screens
from app.views.frame.account_forms import Findings, me, number, regions_below, role_words, run, show_once, text
from app.views.frame.base import Button, Screen, SQLAInterface, firm, mark, one_line, pill
from app.views.frame.told import told
from app.wording import say, together
from app.workflows.access import accounts, identities, main_accounts, passwords, signin, sub_accounts

DEED_WORDS = {
    "lock": "锁定", "unlock": "解锁", "deactivate": "注销", "reactivate": "恢复", "grant": "增加子用户数",
    "unbind": "解除外部身份", "edit": "修改资料", "phone": "登记手机", "match-kinds": "修改角色",
}  # fmt: skip
ACTION_WORDS = {
    "account.create": _l("建立"), "account.edit": _l("修改资料"), "account.reset_password": _l("重置密码"),
    "account.change_password": _l("修改密码"), "account.lock": _l("锁定"), "account.unlock": _l("解锁"),
    "account.deactivate": _l("注销"), "account.reactivate": _l("恢复"), "account.grant": _l("增加子用户数"),
    "account.rights": _l("勾选权限"), "account.roles": _l("修改角色"), "account.verify_mail": _l("验证邮箱"),
    "account.bind_phone": _l("绑定手机"), "account.register_phone": _l("登记手机"),
    "account.reveal": _l("查看完整号码"), "account.recover": _l("找回密码"), "account.delete": _l("删除"),
    "account.totp_on": _l("启用动态口令"), "account.totp_off": _l("停用动态口令"),
    "account.sms_on": _l("启用登录短信认证"), "account.sms_off": _l("停用登录短信认证"),
    "identity.bind": _l("绑定外部身份"), "identity.unbind": _l("解除外部身份"), "session.end": _l("退出一台设备"),
    "session.end_all": _l("退出所有设备"), "account.assign": _l("分配电梯"), "account.assign_all": _l("分配全部电梯"),
    "account.unassign": _l("收回电梯"), "login.ok": _l("登录"), "login.second": _l("二次验证"),
    "login.failed": _l("登录失败"), "login.locked": _l("输错锁定"), "login.refused": _l("登录被拒"),
    "account.register": _l("自行注册"), "account.release_phone": _l("手机随本人转到新单位的账号"),
    "account.seal_anew": _l("动态口令更换加密密钥"), "notice.set": _l("修改通知设置"),
    "personal_request.copy": _l("下载本人资料"), "feedback.send": _l("提交意见反馈"),
}  # fmt: skip


def _first_password(account: Account) -> Markup:
    """How long the issued password is good; the way to a new one is the account's page."""
    found = passwords.first_password_of(db.session, account, clock.now())
    if found is None:
        return Markup("—")
    return mark(passwords.first_password_words(found, named=False), "over" if found.over else "near")


class Accounts(Screen):
    """The list (ACC-12): search, filters, tabs, export; what it shows is the reader's scope."""

    datamodel = SQLAInterface(Account)
    route_base = "/accounts"
    listing = ACCOUNTS
    verb = Verb.ACCOUNT_READ
    record = "AccountPages.show"
    cells = {
        "active": lambda row: pill(_("在用"), "ok") if row.active else pill(_("注销"), "gone"),
        "must_change": _first_password,
        "kind": lambda row: one_line(KIND[kind_of(row)]),
        "unit": lambda row: firm(row.unit.name) if row.unit else "—",
        "last_login": lambda row: one_line(f"{row.last_login:%Y-%m-%d %H:%M}") if row.last_login else "—",
    }
    buttons = [
        Button(_l("新建单位主账号"), "AccountPages.new_unit", Verb.ACCOUNT_CREATE, main=True),
        Button(_l("新建监管或坐席账号"), "AccountPages.new_regulator", Verb.ACCOUNT_CREATE),
        Button(_l("角色权限"), "RoleMatrix.show", Verb.ACCOUNT_READ, icon="people"),
        Button(_l("接口令牌"), "Tokens.list", Verb.ACCOUNT_READ, icon="key"),
    ]
    empty_text = _l("还没有账号。先为本地区的单位建立主账号。")


class AccountPages(BaseView):
    """The pages beside the account list."""

    route_base = "/accounts"
    default_view = "new_unit"

    @expose("/new-regulator", methods=["GET", "POST"])
    @has_access
    @permission_name("write")
    @no_cache
    def new_regulator(self) -> Any:
        findings: Findings = []
        status = 200
        if request.method == "POST":
            issued, findings, status = run(
                lambda session: accounts.create_office_account(
                    session, g.actor, login_name=text("login_name"), name=text("name"), phone=text("phone"),
                    region_id=number(text("region_id")), roles=request.form.getlist("role"), at=clock.now(),
                )
            )  # fmt: skip
            if issued:
                return self._issued(issued, _("账号已建立"), url_for("AccountPages.new_regulator"), _("再建一个"))
        page = self.render_template(
            "ta/accounts/regulator.html", title=_("新建监管或坐席账号"), findings=findings, form=request.form,
            roles=_office_roles(), chosen=request.form.getlist("role"), regions=regions_below(g.actor),
        )  # fmt: skip
        return page, status

    @expose("/new-unit", methods=["GET", "POST"])
    @has_access
    @permission_name("write")
    @no_cache
    def new_unit(self) -> Any:
        findings: Findings = []
        status = 200
        if request.method == "POST":
            issued, findings, status = run(
                lambda session: main_accounts.create_main_account(
                    session, g.actor, unit_name=text("unit_name"), region_id=number(text("region_id")),
                    head_name=text("head_name"), phone=text("phone"), uscc=text("uscc"),
                    head_resident_id=text("head_resident_id", 40),
                    kinds=request.form.getlist("kinds"), at=clock.now(),
                )
            )  # fmt: skip
            if issued:
                return self._issued(issued, _("单位主账号已建立"), url_for("AccountPages.new_unit"), _("再建一个"))
        page = self.render_template(
            "ta/accounts/unit.html", title=_("新建单位主账号"), findings=findings, form=request.form,
            kinds=[(kind, label_of(Unit, f"is_{kind}")) for kind in KIND_ROLES], chosen=request.form.getlist("kinds"),
            gives=_roles_by_kinds(), regions=regions_below(g.actor),
        )  # fmt: skip
        return page, status

    @expose("/<int:pk>")
    @has_access
    @permission_name("read")
    def show(self, pk: int) -> Any:
        account = scope.visible(db.session, g.actor, Account, pk, _("账号"))
        return self._record(account, [], 200)

    @expose("/<int:pk>/<deed>", methods=["POST"])
    @has_access
    @permission_name("write")
    @no_cache
    def do(self, pk: int, deed: str) -> Any:
        """One deed on an account; which account it may be is the workflow's to say, not the URL's."""
        now = clock.now()
        deeds = {
            "reset-password": lambda s: accounts.reset_password(s, g.actor, pk, now),
            "lock": lambda s: accounts.lock_account(s, g.actor, pk, text("reason"), now),
            "unlock": lambda s: accounts.unlock_account(s, g.actor, pk, now),
            "deactivate": lambda s: accounts.deactivate(s, g.actor, pk, text("reason"), now),
            "reactivate": lambda s: accounts.reactivate(s, g.actor, pk, now),
            "unbind": lambda s: identities.unbind_below(s, g.actor, pk, now),
            "edit": lambda s: accounts.edit(
                s, g.actor, pk, name=text("name"), region_id=number(text("region_id")),
                roles=request.form.getlist("role"), at=now,
            ),
            "phone": lambda s: accounts.set_phone(s, g.actor, pk, text("phone", 30), now),
            "match-kinds": lambda s: main_accounts.match_kinds(s, g.actor, pk, now),
            "grant": lambda s: accounts.grant_extra_accounts(s, g.actor, pk, _whole(text("count")), now),
        }
        if deed not in deeds:
            abort(404)
        done, findings, status = None, [], 200
        try:
            if deed == "phone":  # who has an account's phone signs in by it
                confirm_own_password(me(), text("own_password", 200), "own_password")
        except Refusal as refusal:
            findings, status = refusal.findings, refusal.status_code
        if not findings:
            done, findings, status = run(deeds[deed])
        if findings:
            return self._record(scope.visible(db.session, g.actor, Account, pk, _("账号")), findings, status)
        if deed == "reset-password":
            return self._issued(done, _("密码已重置"))
        flash(_("已办理：%(deed)s", deed=DEED_WORDS[deed]), "success")
        return redirect(url_for("AccountPages.show", pk=pk))

    def _issued(self, issued: Any, title: str, further: str = "", further_word: str = "") -> Any:
        account = issued.account
        first = passwords.first_password_of(db.session, account, clock.now())
        return show_once(
            self.render_template(
                "ta/accounts/issued.html", title=title, issued=issued, name=account.get_full_name(), further=further,
                days=first.days_left if first else 0, address=addresses.full("SignIn.login"),
                unit=account.unit.name if account.unit else "",
                further_word=further_word, back=url_for("AccountPages.show", pk=account.id),
            )
        )  # fmt: skip

    def _record(self, account: Account, findings: Findings, status: int) -> Any:
        now = clock.now()
        locked = signin.locked_accounts(db.session, [account.id], now).get(account.id)
        by_admin = account.locked_until is not None and account.locked_until > now
        state = _("注销") if not account.active else _("锁定") if by_admin or locked else _("在用")
        facts = [
            (_("登录名"), account.username),
            (_("姓名"), account.get_full_name()),
            (_("手机"), mask_mobile(account.phone) if account.phone else "—"),
            (_("用户分类"), KIND[kind_of(account)]),
            (_("角色"), role_words(account)),
            (_("所属单位"), str(account.unit) if account.unit else "—"),
            (_("单位类别"), _kind_words(account)),
            (_("管辖地区"), str(account.region) if account.region else "—"),
            (_("状态"), state),
            (_("上次登录"), f"{account.last_login:%Y-%m-%d %H:%M}" if account.last_login else _("从未登录")),
        ]
        first = passwords.first_password_of(db.session, account, now)
        if first is not None:
            said = passwords.first_password_words(first, named=False)
            facts.append(
                (
                    _("初始密码"),
                    say("%(said)s（%(local)s）", said=said, local=f"{clock.local(first.until):%Y-%m-%d %H:%M}"),
                )
            )
        room = None
        if account.is_main and account.unit is not None:
            used, most = sub_accounts.room(db.session, account.unit, now)
            room = (used, most, account.extra_accounts)
        history = db.session.scalars(
            select(AuditEntry)
            .where(AuditEntry.entity == "account", AuditEntry.entity_id == account.id)
            .order_by(AuditEntry.id.desc())
            .limit(20)
        ).all()
        office = accounts.is_office(account)
        page = self.render_template(
            "ta/accounts/account.html", title=account.get_full_name(), account=account, facts=facts, room=room,
            office=office, held=[row.name for row in account.roles], roles=_office_roles() if office else [],
            off=main_accounts.is_off(account), kinds=_kind_words(account),
            regions=regions_below(g.actor) if office else [],
            findings=findings, may_write=g.actor.may(Verb.ACCOUNT_CREATE) and account.id != g.actor.user_id,
            sessions=shown_of(account), identities=identities.of(db.session, account.id), labels=external.labels(),
            phone=mask_mobile(account.phone) if account.phone else "",
            locked=bool(locked or by_admin), may_reset=account.is_main or account.unit_id is None,
            history=[
                (clock.local(e.at), ACTION_WORDS.get(e.action, e.action), told(e.actor_name)) for e in history
            ],
        )  # fmt: skip
        return page, status


def _office_roles() -> list[tuple[str, Any]]:
    """The roles of accounts at a region that the actor may hand out."""
    given = {role for held in g.actor.roles for role in ASSIGNABLE.get(held, ())}
    return [(role.value, ROLE_LABEL[role]) for role in Role if role in OFFICE_ROLES & given]


def _roles_by_kinds() -> list[tuple[str, str]]:
    """Which roles a main account gets, the kinds that get the same together."""
    found: dict[frozenset[Role], list[str]] = {}
    for kind, roles in KIND_ROLES.items():
        found.setdefault(roles, []).append(label_of(Unit, f"is_{kind}"))
    return [
        (together(kinds), together(str(ROLE_LABEL[role]) for role in sorted(roles)))
        for roles, kinds in found.items()
    ]


def _kind_words(account: Account) -> str:
    return together(label_of(Unit, f"is_{kind}") for kind in account.unit.kinds) if account.unit else "—"


def _whole(value: str) -> int:
    found = number(value.strip())
    return -1 if found is None else found


def register(appbuilder: Any) -> None:
    """Add these pages."""
    screens.declare("AccountPages", "can_read", Verb.ACCOUNT_READ)
    screens.declare("AccountPages", "can_write", Verb.ACCOUNT_CREATE)
    appbuilder.add_view_no_menu(Accounts)
    appbuilder.add_view_no_menu(AccountPages)
