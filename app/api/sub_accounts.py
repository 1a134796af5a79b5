"""`/api/v1/accounts`: a main account's sub-accounts: made, changed, roles, rights and elevators (ACC-08 to -11)."""

from __future__ import annotations

from typing import Any

from flask import jsonify
from sqlalchemy import select

from app import clock, scope
from app.api import listed
from app.api.accounts import brief, full, issued
from app.api.base import Resource, actor, answers, body, page
from app.api.reading import flag, part, texts, words
from app.api.reading import key as key_of
from app.api.reading import keys as keys_of
from app.errors import refuse
from app.extensions import db
from app.listings.elevators import ELEVATORS
from app.models import Account, Elevator, ElevatorAssignment
from app.permissions import VERB_LABEL, Verb
from app.transaction import transaction
from app.views.access.proving import confirm_own_password
from app.views.frame import screens
from app.views.frame.account_forms import me
from app.workflows.access import main_accounts, sub_accounts, sub_rights

MOST = sub_accounts.MOST_AT_ONCE


class SubAccountApi(Resource):
    """What the main account does with the accounts under it."""

    resource_name = "accounts"
    openapi_spec_tag = "Accounts"

    @answers("/subs", "POST")
    def make(self) -> Any:
        """Make a sub-account within the policy's number; the first password is in this answer only.
        ---
        post:
          summary: 新增子用户；初始密码只在这次回答中
          takes: NewSubAccount
          gives: {201: Issued}
        """
        sent = body()
        with transaction(db.session) as session:
            made = sub_accounts.add(
                session, actor(), login_name=words(sent, "login_name"), name=words(sent, "name"),
                roles=texts(sent, "roles"), kind=words(sent, "kind", 20), sex=words(sent, "sex", 10),
                phone=words(sent, "phone", 30),
                person_id=key_of(sent, "person_id"), all_elevators=flag(sent, "all_elevators"),
                rescue_role=words(sent, "rescue_role", 20), at=clock.now(),
            )  # fmt: skip
        return issued(made), 201

    @answers("/partners", "POST")
    def make_partner(self) -> Any:
        """Make the main account of a use unit that one's own unit filed; nobody is shown a password.
        ---
        post:
          summary: 为本单位填报的使用单位建立主账号；不给出密码，由其本人取得
          takes: UnitKey
          gives: {201: Account}
        """
        unit_id = key_of(body(), "unit_id")
        if unit_id is None:
            raise refuse("参数", "缺少 unit_id", "请给出使用单位的编号", field="unit_id")
        with transaction(db.session) as session:
            row = main_accounts.create_partner_account(session, actor(), unit_id, clock.now())
        return jsonify(brief(row)), 201

    @answers("/rescue-role", "PUT")
    def rescue_role(self) -> Any:
        """Say whether the main account itself is called out by SMS, and as what; empty takes it away.
        ---
        put:
          summary: 主账号本人的应急角色；空为不参加
          takes: OwnRescueRole
          gives: {200: AccountWhole}
        """
        with transaction(db.session) as session:
            row = sub_accounts.set_own_rescue_role(session, actor(), words(body(), "rescue_role", 20), clock.now())
        return jsonify(full(row))

    @answers("/<int:key>", "PATCH")
    def change(self, key: int) -> Any:
        """Change name, sex, state and rescue role; what is not given stays.
        ---
        patch:
          summary: 修改子用户的姓名、性别、状态、应急角色
          takes: SubAccountChange
          gives: {200: AccountWhole}
        """
        sent, row = body(), self._sub(key)
        with transaction(db.session) as session:
            row = sub_accounts.edit(
                session, actor(), key, name=words(sent, "name") if "name" in sent else row.first_name,
                sex=words(sent, "sex", 10) if "sex" in sent else row.sex or "",
                active=flag(sent, "active") if "active" in sent else bool(row.active),
                rescue_role=words(sent, "rescue_role", 20) if "rescue_role" in sent else None, at=clock.now(),
            )  # fmt: skip
        return jsonify(full(row))

    @answers("/<int:key>", "DELETE")
    def remove(self, key: int) -> Any:
        """Delete one that never signed in, end one that did.
        ---
        delete:
          summary: 删除子用户；登录过的改为注销，记录保留
          gives: {200: Removed}
        """
        with transaction(db.session) as session:
            gone = sub_accounts.remove(session, actor(), key, clock.now())
        return jsonify(deleted=gone)

    @answers("/<int:key>/password", "POST")
    def password(self, key: int) -> Any:
        """Set a random or given new password; one's own is asked for, as on the page.
        ---
        post:
          summary: 重置子用户的密码；须给出本人的密码，新密码只在这次回答中
          takes: SubAccountPassword
          gives: {200: Issued}
        """
        sent = body()
        typed, own = words(sent, "new_password", 200), words(sent, "own_password", 200)
        self._sub(key)
        confirm_own_password(me(), own, "own_password")
        with transaction(db.session) as session:
            made = sub_accounts.reset_password(session, actor(), key, clock.now(), typed)
        return issued(made)

    @answers("/subs/<int:key>/phone", "PUT")
    def phone(self, key: int) -> Any:
        """Register a sub-account's phone that its owner has not proved; one's own password is asked for.
        ---
        put:
          summary: 登记子用户的手机；空为取消；须给出本人的密码
          takes: AccountPhone
          gives: {200: AccountWhole}
        """
        sent = body()
        number, own = words(sent, "phone", 30), words(sent, "own_password", 200)
        self._sub(key)
        confirm_own_password(me(), own, "own_password")
        with transaction(db.session) as session:
            row = sub_accounts.set_phone(session, actor(), key, number, clock.now())
        return jsonify(full(row))

    @answers("/<int:key>/rights", "GET")
    def rights(self, key: int) -> Any:
        """Give what can be ticked for a sub-account, and what is.
        ---
        get:
          summary: 子用户的角色、可以勾选的权限和已勾选的
          gives: {200: Rights}
        """
        return jsonify(_rights(self._sub(key)))

    @answers("/<int:key>/rights", "PUT")
    def tick(self, key: int) -> Any:
        """Tick its rights: all that are not given are taken away.
        ---
        put:
          summary: 勾选子用户的权限；没有给出的收回
          takes: Verbs
          gives: {200: Rights}
        """
        wanted = texts(body(), "verbs")
        with transaction(db.session) as session:
            row = sub_rights.set_rights(session, actor(), key, wanted, clock.now())
        return jsonify(_rights(row))

    @answers("/<int:key>/roles", "PUT")
    def give_roles(self, key: int) -> Any:
        """Give it these roles instead of its own; its sessions end.
        ---
        put:
          summary: 修改子用户的角色；须重新登录
          takes: SubAccountRoles
          gives: {200: Rights}
        """
        sent = body()
        with transaction(db.session) as session:
            row = sub_rights.set_roles(
                session, actor(), key, texts(sent, "roles"), key_of(sent, "person_id"), clock.now()
            )
        return jsonify(_rights(row))

    @answers("/<int:key>/elevators", "GET")
    def elevators(self, key: int) -> Any:
        """Give the elevators that were assigned one by one; `sees_all_elevators` of the account says whether it is all.
        ---
        get:
          summary: 分配给子用户的电梯
          paged: true
          gives: {200: AssignedPage}
        """
        row = self._sub(key)
        held = select(ElevatorAssignment.elevator_id).where(ElevatorAssignment.user_id == row.id)
        statement = scope.apply(select(Elevator), actor()).where(Elevator.id.in_(held))
        return page(statement, [Elevator.id], lambda e: {"id": e.id, "code": e.code, "address": e.address})

    @answers("/<int:key>/elevators/give", "POST")
    def assign(self, key: int) -> Any:
        """All of the unit's by rule, later ones too; or what a search finds now, or single ones.
        ---
        post:
          summary: 分配电梯：全部（含以后新增）、按筛选、逐台
          takes: Assigning
          gives: {200: Assigned}
        """
        sent = body()
        with transaction(db.session) as session:
            if flag(sent, "all"):
                row = sub_accounts.assign_all(session, actor(), key, clock.now())
                return jsonify(count=None, sees_all_elevators=row.sees_all_elevators)
            count = sub_accounts.assign(session, actor(), key, _chosen(sent), clock.now())
        return jsonify(count=count, sees_all_elevators=self._sub(key).sees_all_elevators)

    @answers("/<int:key>/elevators/take", "POST")
    def unassign(self, key: int) -> Any:
        """Take elevators away; none left is none, never all.
        ---
        post:
          summary: 收回电梯：按筛选或逐台
          takes: Taking
          gives: {200: Assigned}
        """
        sent = body()
        with transaction(db.session) as session:
            count = sub_accounts.unassign(session, actor(), key, _chosen(sent), clock.now())
        return jsonify(count=count, sees_all_elevators=False)

    @staticmethod
    def _sub(key: int) -> Account:
        with transaction(db.session) as session:
            sub_accounts.own_unit(session, actor())
            return sub_accounts.own_sub_account(session, actor(), key)


def _chosen(sent: dict[str, Any]) -> list[int]:
    """Single elevators, or what the filter of the elevator list finds at this moment."""
    if sent.get("filter") is not None:
        return listed.keys(ELEVATORS, part(sent, "filter"), MOST)
    wanted = keys_of(sent, "elevator_ids", MOST)
    if not wanted:
        raise refuse("电梯分配", "没有给出电梯", "请给出 elevator_ids 或 filter", field="elevator_ids")
    return wanted


def _rights(row: Account) -> dict[str, Any]:
    can, ticked = sub_rights.choices(actor(), row)
    return {
        "roles": sorted(r.name for r in row.roles), "roles_to_give": list(sub_accounts.roles_to_give(actor())),
        "rights": [{"name": v.value, "label": str(VERB_LABEL[v]), "ticked": v in ticked} for v in sorted(can)],
    }  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add this resource."""
    for name in (
        "make", "make_partner", "rescue_role", "change", "remove", "phone", "password", "rights", "tick", "give_roles",
        "elevators", "assign", "unassign",
    ):  # fmt: skip
        screens.declare("SubAccountApi", f"can_{name}", Verb.SUBACCOUNT_EDIT)
    appbuilder.add_api(SubAccountApi)
