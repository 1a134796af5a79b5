"""`flask sync-roles` and `flask create-admin`, which a deployment runs after `flask db upgrade`."""

from __future__ import annotations

import json
from typing import Any

import click
from flask import Flask
from flask.cli import with_appcontext
from flask_appbuilder.security.sqla.models import Permission, PermissionView, ViewMenu
from flask_appbuilder.security.sqla.models import Role as RoleRow
from flask_appbuilder.security.sqla.models import assoc_permissionview_role as grants
from sqlalchemy import delete, insert, select

from app import clock
from app.errors import Refusal
from app.extensions import db
from app.permissions import GRANTS, SYSTEM, Role
from app.transaction import AnySession, transaction
from app.views.frame.screens import declared

PUBLIC = "Public"


def register(app: Flask) -> None:
    """Add this area's commands."""
    app.cli.add_command(sync_roles_command)
    app.cli.add_command(create_admin_command)


@click.command("sync-roles")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@with_appcontext
def sync_roles_command(as_json: bool) -> None:
    """Write the table of roles and verbs to Flask-AppBuilder's roles and permissions. Safe to repeat."""
    with transaction(db.session) as session:
        summary = sync_roles(session)
    if as_json:
        click.echo(json.dumps(summary, ensure_ascii=False))
    else:
        click.echo("，".join(f"{word} {summary[key]}" for key, word in WORDS.items()))


WORDS = {
    "roles": "角色", "permissions": "权限", "grants": "授权", "added": "新增授权", "removed": "收回授权",
    "dropped": "删除作废权限",
}  # fmt: skip


def sync_roles(session: AnySession) -> dict[str, int]:
    """Make FAB's tables say what `permissions.GRANTS` and `screens.declared()` say, and nothing more.

    FAB would grow them at boot (four thousand statements, once a worker); here it is one command. Rights that are
    no longer granted go, also from roles that are not ours (a stock Admin, Public): Public holds nothing.
    """
    roles = {name: _row(session, RoleRow, name) for name in [*(r.value for r in Role), PUBLIC]}
    pairs = declared()
    known = {
        (p.view_menu.name, p.permission.name): p
        for p in session.scalars(select(PermissionView))
        if p.permission is not None and p.view_menu is not None
    }
    permissions = {p.name: p for p in session.scalars(select(Permission))}
    views = {v.name: v for v in session.scalars(select(ViewMenu))}
    for view, permission in sorted(pairs.keys() - known.keys()):
        for names, model, name in ((permissions, Permission, permission), (views, ViewMenu, view)):
            if name not in names:
                names[name] = model(name=name)
                session.add(names[name])
        session.flush()
        known[view, permission] = PermissionView(
            permission_id=permissions[permission].id, view_menu_id=views[view].id
        )
        session.add(known[view, permission])
    session.flush()

    wanted = {
        (known[pair].id, roles[role.value].id)
        for pair, verb in pairs.items()
        for role in Role
        if verb in GRANTS[role]
    }
    held = {(g.permission_view_id, g.role_id) for g in session.execute(select(grants))}
    for permission_id, role_id in held - wanted:
        session.execute(
            delete(grants).where(grants.c.permission_view_id == permission_id, grants.c.role_id == role_id)
        )
    if wanted - held:
        session.execute(
            insert(grants), [{"permission_view_id": p, "role_id": r} for p, r in sorted(wanted - held)]
        )
    stale = [row for pair, row in known.items() if pair not in pairs]
    for row in stale:
        session.delete(row)
    session.flush()
    session.expire_all()
    return {
        "roles": len(roles), "permissions": len(pairs), "grants": len(wanted), "added": len(wanted - held),
        "removed": len(held - wanted), "dropped": len(stale),
    }  # fmt: skip


def _row(session: AnySession, model: Any, name: str) -> Any:
    row = session.scalar(select(model).where(model.name == name))
    if row is None:
        row = model(name=name)
        session.add(row)
        session.flush()
    return row


@click.command("create-admin")
@click.option("--login", "login_name", required=True, help="Login name, 5 to 20 letters, digits, dots, underscores.")
@click.option("--name", default="平台管理员", show_default=True, help="Name that is shown.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@with_appcontext
def create_admin_command(login_name: str, name: str, as_json: bool) -> None:
    """Make a platform administrator. The random password is printed once and must be changed at first login."""
    from app.workflows.access import accounts

    try:
        with transaction(db.session) as session:
            issued = accounts.create_platform_admin(
                session, SYSTEM.by("cli"), login_name=login_name, name=name, at=clock.now()
            )
            shown = {"login_name": issued.login_name, "password": issued.password}
    except Refusal as refusal:
        raise click.ClickException(str(refusal)) from refusal
    if as_json:
        click.echo(json.dumps(shown, ensure_ascii=False))
    else:
        click.echo(f"账号 {shown['login_name']}　初始密码 {shown['password']}（只显示这一次，首次登录须修改）")
