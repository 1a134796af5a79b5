"""接口令牌: one's own on a page of the profile; those of the accounts that one keeps in a list (INT-04)."""

from __future__ import annotations

from typing import Any

from flask import flash, g, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp

from app import clock, scope
from app.errors import Finding, Refusal
from app.extensions import db
from app.listings.api_tokens import API_TOKENS
from app.models import Account, ApiToken
from app.permissions import VERB_LABEL, Verb
from app.transaction import transaction
from app.views.access.proving import confirm_oneself
from app.views.frame import screens
from app.views.frame.account_forms import run, show_once, text
from app.views.frame.base import Screen, pill
from app.views.frame.days import typed_day
from app.wording import say, together
from app.workflows.access import api_tokens

GROUP_LABEL = {
    "registers": _l("单位和电梯"), "people": _l("人员和入职"), "accounts": _l("账号"),
    "applications": _l("申请和审批"), "contracts": _l("合同"), "maintenance": _l("维保"),
    "safety": _l("主体责任和巡检"), "scores": _l("得分和报表"), "policy": _l("政策参数"), "proof": _l("导出和审计"),
    "inspections": _l("检验检测"), "papers": _l("承诺和保险"), "notices": _l("收件箱和通知"),
    "complaints": _l("投诉与留言"), "rescues": _l("困人救援"), "repairs": _l("报修、维修和电梯异常"),
    "enforcement": _l("执法与申诉"),
    "checks": _l("核查与抽查"), "iot": _l("物联网"), "bulletins": _lp("many", "通报"),
}  # fmt: skip
DEAD_LABEL = {
    "已撤销": _l("已撤销"), "已过期": _l("已过期"), "账号已注销": _l("账号已注销"), "账号已锁定": _l("账号已锁定"),
    "密码或权限已变更": _l("密码或权限已变更"),
}  # fmt: skip


class OwnTokens(BaseView):
    """One's own: make, see, revoke."""

    route_base = "/profile/tokens"
    default_view = "index"

    @expose("/", methods=["GET", "POST"])
    @has_access
    @permission_name("own")
    @no_cache
    def index(self) -> Any:
        """The list with the form; a new token's text is on the answer to the form, and nowhere again."""
        if request.method == "GET":
            return self._page([], 200)
        form = request.form
        ends_on, wrong = typed_day(form.get("ends_on", ""), "ends_on", _("有效期"))
        findings = [wrong] if wrong is not None else []
        try:
            if not findings:
                confirm_oneself(_me())
        except Refusal as refusal:
            return self._page([f for f in refusal.findings if not f.ok], refusal.status_code)
        if findings:
            return self._page(findings, 422)
        made, findings, status = run(lambda session: api_tokens.make(
            session, g.actor, text("name", 200), form.getlist("verbs"), ends_on, clock.now()
        ))  # fmt: skip
        if made is None:
            return self._page(findings, status)
        token, secret = made
        return show_once(
            self.render_template("ta/accounts/token_issued.html", title=_("令牌已建立"), token=token, secret=secret)
        )

    @expose("/<int:key>/revoke", methods=["POST"])
    @has_access
    @permission_name("own")
    def revoke(self, key: int) -> Any:
        """End one of one's own, or of the accounts that one keeps."""
        with transaction(db.session) as session:
            row = api_tokens.revoke(session, g.actor, key, clock.now())
        own = row.account_id == g.actor.user_id
        flash(_("令牌“%(name)s”已撤销", name=row.name), "success")
        return redirect(url_for("OwnTokens.index") if own else url_for("Tokens.list"))

    def _page(self, findings: list[Finding], status: int) -> Any:
        rows = [(row, why_dead(row)) for row in api_tokens.of_account(db.session, g.actor.user_id)]
        groups = [
            (GROUP_LABEL[name], [(verb.value, VERB_LABEL[verb]) for verb in verbs])
            for name, verbs in api_tokens.offered(g.actor)
        ]
        page = self.render_template(
            "ta/accounts/tokens.html", title=_("接口令牌"), rows=rows, findings=findings, groups=groups,
            form=request.form, chosen=request.form.getlist("verbs"), words=verb_words, longest=api_tokens.LONGEST_DAYS,
            today=clock.today(), account=_me(), others=g.actor.may(Verb.ACCOUNT_READ),
        )  # fmt: skip
        return page, status


class Tokens(Screen):
    """Those of the accounts within scope, for whoever keeps accounts."""

    datamodel = SQLAInterface(ApiToken)
    route_base = "/tokens"
    listing = API_TOKENS
    verb = Verb.ACCOUNT_READ
    record = "TokenPages.show"
    cells = {"state": lambda row: state_mark(row)}
    exportable = False
    empty_text = _l("还没有接口令牌。令牌由使用人在“个人信息”里自己建立。")


class TokenPages(BaseView):
    """One token as an administrator sees it."""

    route_base = "/tokens"
    default_view = "show"

    @expose("/<int:pk>")
    @has_access
    @permission_name("read")
    def show(self, pk: int) -> Any:
        row: ApiToken = scope.visible(db.session, g.actor, ApiToken, pk, _("这个令牌"))
        facts = [
            (_("账号"), say("%(account)s（%(username)s）", account=row.account.get_full_name(),
                username=row.account.username)), (_("开头"), say("%(start)s…", start=row.start)),
            (_("权限"), verb_words(row)), (_("建立时间"), f"{clock.local(row.made_at):%Y-%m-%d %H:%M}"),
            (_("有效期至"), row.ends_on.isoformat()), (_("最近使用"), str(row.used_on or _("还没有使用"))),
        ]  # fmt: skip
        return self.render_template(
            "ta/accounts/token.html", title=row.name, row=row, facts=facts, dead=why_dead(row), may_end=_may_end(row)
        )


def why_dead(row: ApiToken) -> str:
    """Why it is worth nothing any more, in words; empty while it lives."""
    found = api_tokens.why_dead(row, clock.now())
    return str(DEAD_LABEL[found]) if found else ""


def state_mark(row: ApiToken) -> Any:
    dead = why_dead(row)
    return pill(dead, "gone") if dead else pill(_("有效"), "ok")


def verb_words(row: ApiToken) -> str:
    """What was ticked; a verb that is no more is not shown."""
    return together(str(VERB_LABEL[Verb(name)]) for name in row.verbs if name in api_tokens.OFFERED)


def _may_end(row: ApiToken) -> bool:
    if row.account_id == g.actor.user_id:
        return True
    try:
        with transaction(db.session) as session:
            api_tokens.may_end(session, g.actor, row.account_id)
    except Refusal:
        return False
    return True


def _me() -> Account:
    account = db.session.get(Account, g.actor.user_id)
    assert account is not None
    return account


def register(appbuilder: Any) -> None:
    """Add these pages."""
    screens.declare("OwnTokens", "can_own", Verb.HOME)
    screens.declare("TokenPages", "can_read", Verb.ACCOUNT_READ)
    appbuilder.add_view_no_menu(OwnTokens)
    appbuilder.add_view_no_menu(Tokens)
    appbuilder.add_view_no_menu(TokenPages)
