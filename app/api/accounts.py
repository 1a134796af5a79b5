"""`/api/v1/accounts`, `/roles`: accounts as one may see them; regulators make and keep those below (ACC-02, -05, -12).

A first password is in the one answer that makes it: such a call takes no Idempotency-Key, for that keeps its answer.
"""

from __future__ import annotations

from typing import Any

from flask import jsonify

from app import clock, scope
from app.api import listed
from app.api.base import Resource, actor, answers, body, iso, whole
from app.api.reading import key as key_of
from app.api.reading import texts, words
from app.extensions import db
from app.listings.accounts import ACCOUNTS, kind_of
from app.models import Account
from app.permissions import ASSIGNABLE, GRANTS, ROLE_LABEL, VERB_LABEL, Role, Verb
from app.rules.identifiers import mask_mobile
from app.transaction import transaction
from app.views.access.proving import confirm_own_password
from app.views.frame import screens
from app.views.frame.account_forms import me
from app.workflows.access import accounts, main_accounts, passwords, signin, sub_accounts
from app.workflows.access.issuing import Issued


class AccountApi(Resource):
    """Accounts within the caller's scope."""

    resource_name = "accounts"
    openapi_spec_tag = "Accounts"

    @answers("", "GET")
    def list(self) -> Any:
        """Give accounts, the newest first; the parameters are those of the page.
        ---
        get:
          summary: 账号列表
          paged: true
          parameters:
            - {in: query, name: q, schema: {type: string, maxLength: 60}, description: 登录名、姓名、单位名称}
            - {in: query, name: tab, schema: {type: string, enum: [all, regulator, agent, main, sub, ended]}}
            - {in: query, name: role, schema: {type: string}, description: 角色，可用逗号给出几个}
            - {in: query, name: unit, schema: {type: integer}}
            - {in: query, name: unit_kind, schema: {type: string}, description: 所属单位的类别，可用逗号给出几个}
            - {in: query, name: active, schema: {type: integer, enum: [0, 1]}}
            - {in: query, name: rescue_role, schema: {type: string}}
            - {in: query, name: region, schema: {type: string}, description: 12 位区划代码，含下级}
          gives: {200: AccountPage}
        """
        return listed.page(ACCOUNTS, brief)

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give one account with its state, and of a unit's main account how many sub-accounts there is room for.
        ---
        get:
          summary: 一个账号：角色、单位、状态
          gives: {200: AccountWhole}
        """
        return jsonify(full(scope.visible(db.session, actor(), Account, key, "账号")))


class AccountDeedApi(Resource):
    """What administrators do with the accounts below them."""

    resource_name = "accounts"
    openapi_spec_tag = "Accounts"

    @answers("/regulators", "POST")
    def make_regulator(self) -> Any:
        """Make a regulator or an operator of the desk at one's own node or below; the first password is told here only.
        ---
        post:
          summary: 新建监管或应急坐席账号；初始密码只在这次回答中
          takes: NewRegulator
          gives: {201: Issued}
        """
        sent = body()
        with transaction(db.session) as session:
            made = accounts.create_office_account(
                session, actor(), login_name=words(sent, "login_name"), name=words(sent, "name"),
                region_id=key_of(sent, "region_id"), roles=_roles(sent), phone=words(sent, "phone", 30),
                at=clock.now(),
            )  # fmt: skip
        return issued(made), 201

    @answers("/units", "POST")
    def make_main(self) -> Any:
        """Make a unit's main account, and the unit as a draft where there is none of this code.
        ---
        post:
          summary: 新建单位主账号；登录名为统一社会信用代码，初始密码只在这次回答中
          takes: NewMainAccount
          gives: {201: Issued}
        """
        sent = body()
        with transaction(db.session) as session:
            made = main_accounts.create_main_account(
                session, actor(), unit_name=words(sent, "unit_name"), region_id=key_of(sent, "region_id"),
                head_name=words(sent, "head_name"), phone=words(sent, "phone", 30), uscc=words(sent, "uscc", 40),
                kinds=texts(sent, "kinds"), head_resident_id=words(sent, "head_resident_id", 40), at=clock.now(),
            )  # fmt: skip
        return issued(made), 201

    @answers("/<int:key>/reset-password", "POST")
    def reset(self, key: int) -> Any:
        """Set a new random password; sessions and tokens of the account end.
        ---
        post:
          summary: 重置下级账号或单位主账号的密码；新密码只在这次回答中
          gives: {200: Issued}
        """
        with transaction(db.session) as session:
            made = accounts.reset_password(session, actor(), key, clock.now())
        return issued(made)

    @answers("/<int:key>/lock", "POST")
    def lock(self, key: int) -> Any:
        """Keep the account out until it is unlocked.
        ---
        post:
          summary: 锁定
          takes: Reason
          gives: {200: AccountWhole}
        """
        return self._done(lambda s, at: accounts.lock_account(s, actor(), key, words(body(), "reason"), at))

    @answers("/<int:key>/unlock", "POST")
    def unlock(self, key: int) -> Any:
        """End a lock, an administrator's or by wrong tries.
        ---
        post:
          summary: 解锁
          gives: {200: AccountWhole}
        """
        return self._done(lambda s, at: accounts.unlock_account(s, actor(), key, at))

    @answers("/<int:key>/end", "POST")
    def end(self, key: int) -> Any:
        """End the account (注销); what it did goes on naming it.
        ---
        post:
          summary: 注销
          takes: Reason
          gives: {200: AccountWhole}
        """
        return self._done(lambda s, at: accounts.deactivate(s, actor(), key, words(body(), "reason"), at))

    @answers("/<int:key>/resume", "POST")
    def resume(self, key: int) -> Any:
        """Take an ended account into use again.
        ---
        post:
          summary: 恢复已注销的账号
          gives: {200: AccountWhole}
        """
        return self._done(lambda s, at: accounts.reactivate(s, actor(), key, at))

    @answers("/<int:key>/facts", "PUT")
    def change(self, key: int) -> Any:
        """Change the name, and of an account at a region that and its roles; with these its sessions and tokens end.
        ---
        put:
          summary: 修改姓名；监管、坐席账号的地区和角色
          takes: AccountFacts
          gives: {200: AccountWhole}
        """
        sent = body()
        place = key_of(sent, "region_id") if "region_id" in sent else None
        return self._done(
            lambda s, at: accounts.edit(
                s, actor(), key, name=words(sent, "name"), region_id=place, roles=_roles(sent), at=at
            )
        )

    @answers("/<int:key>/phone", "PUT")
    def phone(self, key: int) -> Any:
        """Register a phone that its owner has not proved; one's own password is asked for, as on the page.
        ---
        put:
          summary: 登记下级账号或单位主账号的手机；空为取消；须给出本人的密码
          takes: AccountPhone
          gives: {200: AccountWhole}
        """
        sent = body()
        number, own = words(sent, "phone", 30), words(sent, "own_password", 200)
        scope.visible(db.session, actor(), Account, key, "账号")
        confirm_own_password(me(), own, "own_password")
        return self._done(lambda s, at: accounts.set_phone(s, actor(), key, number, at))

    @answers("/<int:key>/match-kinds", "POST")
    def match(self, key: int) -> Any:
        """Give a main account the roles of the kinds that its unit is on file with; its sessions and tokens end.
        ---
        post:
          summary: 按备案的单位类别更新主账号的角色
          gives: {200: AccountWhole}
        """
        return self._done(lambda s, at: main_accounts.match_kinds(s, actor(), key, at))

    @answers("/<int:key>/grant", "POST")
    def grant(self, key: int) -> Any:
        """Allow a unit more sub-accounts than the policy's number.
        ---
        post:
          summary: 增加单位的子用户数
          takes: Grant
          gives: {200: AccountWhole}
        """
        count = whole(body(), "count")
        return self._done(lambda s, at: accounts.grant_extra_accounts(s, actor(), key, count, at))

    @staticmethod
    def _done(deed: Any) -> Any:
        with transaction(db.session) as session:
            row = deed(session, clock.now())
        return jsonify(full(row))


class RoleApi(Resource):
    """The one table of roles and what they may do."""

    resource_name = "roles"
    openapi_spec_tag = "Accounts"

    @answers("", "GET")
    def list(self) -> Any:
        """Give every role with its verbs and the roles that it hands out, as the page shows them.
        ---
        get:
          summary: 角色权限表
          gives: {200: Roles}
        """
        shown = [role for role in Role if role is not Role.PLATFORM_ADMIN or actor().sees_everything]
        rows = [
            {"name": role.value, "label": str(ROLE_LABEL[role]),
             "verbs": [{"name": v.value, "label": str(VERB_LABEL[v])} for v in Verb if v in GRANTS[role]],
             "gives": [r.value for r in Role if r in ASSIGNABLE.get(role, ())]}
            for role in shown
        ]  # fmt: skip
        return jsonify(rows=rows)


def _roles(sent: dict[str, Any]) -> list[str]:
    """Of `roles`, or of one `role` as calls of before gave it."""
    return texts(sent, "roles") or [words(sent, "role", 30)]


def brief(row: Account) -> dict[str, Any]:
    """The columns of a list; phones as everywhere outside the page that asks for the right and leaves a trace."""
    known = {role.value: str(ROLE_LABEL[role]) for role in Role}
    first = passwords.first_password_of(db.session, row, clock.now())
    return {
        "id": row.id, "login_name": row.username, "name": row.get_full_name(), "kind": kind_of(row),
        "phone": mask_mobile(row.phone) if row.phone else None, "active": bool(row.active),
        "roles": [{"name": r.name, "label": known[r.name]} for r in row.roles if r.name in known],
        "unit": {"id": row.unit.id, "name": row.unit.name} if row.unit else None, "region_code": row.region_code,
        "region": row.region.name if row.region else None, "person_id": row.person_id,
        "sees_all_elevators": row.sees_all_elevators, "rescue_role": row.rescue_role,
        "must_change_password": row.must_change_password, "first_password_until": iso(first.until) if first else None,
        "last_login": f"{row.last_login:%Y-%m-%d %H:%M}" if row.last_login else None,
    }  # fmt: skip


def full(row: Account) -> dict[str, Any]:
    """One account as its page shows it."""
    now = clock.now()
    by_admin = row.locked_until is not None and row.locked_until > now
    locked = by_admin or bool(signin.locked_accounts(db.session, [row.id], now).get(row.id))
    room = None
    if row.is_main and row.unit is not None:
        used, most = sub_accounts.room(db.session, row.unit, now)
        room = {"used": used, "most": most, "granted": row.extra_accounts}
    return brief(row) | {
        "state": "ended" if not row.active else "locked" if locked else "in_use", "sex": row.sex, "room": room,
        "locked_until": iso(row.locked_until) if by_admin else None,
    }  # fmt: skip


def issued(made: Issued) -> Any:
    """The account with its password, kept by no cache on the way."""
    answer = jsonify(
        account=full(made.account), login_name=made.login_name, password=made.password, notes=list(made.notes)
    )
    answer.headers["Cache-Control"] = "no-store, max-age=0"
    return answer


def register(appbuilder: Any) -> None:
    """Add these resources."""
    for permission in ("can_list", "can_get"):
        screens.declare("AccountApi", permission, Verb.ACCOUNT_READ)
    deeds = (
        "make_regulator", "make_main", "reset", "lock", "unlock", "end", "resume", "change", "grant", "phone", "match",
    )  # fmt: skip
    for name in deeds:
        screens.declare("AccountDeedApi", f"can_{name}", Verb.ACCOUNT_CREATE)
    screens.declare("RoleApi", "can_list", Verb.ACCOUNT_READ)
    for api in (AccountApi, AccountDeedApi, RoleApi):
        appbuilder.add_api(api)
