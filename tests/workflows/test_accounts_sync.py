"""`flask sync-roles`: FAB's tables say what the role table says, and nothing more."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask_appbuilder.security.sqla.models import Permission, PermissionView, ViewMenu
from flask_appbuilder.security.sqla.models import assoc_permissionview_role as grants
from sqlalchemy import func, insert, select

from app.commands.accounts import sync_roles
from app.models import Account, AccountRole
from app.permissions import GRANTS, Role
from app.transaction import transaction
from app.views.frame import screens


def held(session: Any) -> set[tuple[str, str, str]]:
    return {
        (row.name, view.view_menu.name, view.permission.name)
        for row in session.scalars(select(AccountRole))
        for view in row.permissions
    }


@pytest.mark.feature("ACC-13")
def test_roles_hold_exactly_what_the_table_grants(session: Any) -> None:
    with transaction(session):
        sync_roles(session)
    wanted = {
        (role.value, view, permission)
        for (view, permission), verb in screens.declared().items()
        for role in Role
        if verb in GRANTS[role]
    }
    assert held(session) == wanted
    assert {r.name for r in session.scalars(select(AccountRole))} == {*(r.value for r in Role), "Public"}


@pytest.mark.feature("ACC-13")
def test_again_changes_nothing(session: Any) -> None:
    with transaction(session):
        sync_roles(session)
    before = session.execute(select(grants).order_by(grants.c.id)).all()
    with transaction(session):
        summary = sync_roles(session)
    assert (summary["added"], summary["removed"], summary["dropped"]) == (0, 0, 0)
    assert session.execute(select(grants).order_by(grants.c.id)).all() == before


@pytest.mark.feature("ACC-13")
def test_what_nobody_granted_is_taken_away(session: Any) -> None:
    with transaction(session):
        sync_roles(session)
        before = held(session)
        users, edit = ViewMenu(name="UserDBModelView"), Permission(name="can_steal")
        session.add_all([users, edit])
        session.flush()
        stock = PermissionView(permission_id=edit.id, view_menu_id=users.id)
        session.add(stock)
        session.flush()
        by_name = {r.name: r for r in session.scalars(select(AccountRole))}
        public, clerk = by_name["Public"], by_name["clerk"]
        some = session.scalar(select(PermissionView.id).where(PermissionView.id != stock.id).limit(1))
        for role, view in ((public, stock.id), (clerk, stock.id), (public, some)):
            session.execute(insert(grants).values(permission_view_id=view, role_id=role.id))
    with transaction(session):
        summary = sync_roles(session)
    assert summary["dropped"] == 1 and summary["removed"] == 3
    session.expire_all()
    assert held(session) == before


@pytest.mark.feature("ACC-13")
def test_the_commands_print_json_and_the_password_only_once(app: Any, session: Any) -> None:
    done = app.test_cli_runner().invoke(args=["sync-roles", "--json"])
    assert done.exit_code == 0 and json.loads(done.output)["roles"] == len(Role) + 1
    made = app.test_cli_runner().invoke(args=["create-admin", "--login", "root.01", "--json"])
    assert made.exit_code == 0, made.output
    shown = json.loads(made.output)
    session.rollback()
    account = session.scalars(select(Account).where(Account.username == "root.01")).one()
    assert account.password_matches(shown["password"]) and account.must_change_password
    assert [r.name for r in account.roles] == ["platform_admin"]
    again = app.test_cli_runner().invoke(args=["create-admin", "--login", "root.01"])
    assert again.exit_code == 1 and "已被使用" in again.output
    assert session.scalar(select(func.count()).select_from(Account)) == 1
