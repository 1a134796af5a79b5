"""角色权限: which role may do what, as the one table says (ACC-13)."""

from __future__ import annotations

from typing import Any

from flask import g
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _

from app.permissions import ASSIGNABLE, GRANTS, ROLE_LABEL, VERB_LABEL, Role, Verb
from app.views.frame import screens


class RoleMatrix(BaseView):
    """Read only: rights are code, reviewed as code; who has which role is the accounts' affair."""

    route_base = "/roles"
    default_view = "show"

    @expose("/")
    @has_access
    @permission_name("show")
    def show(self) -> Any:
        roles = [role for role in Role if role is not Role.PLATFORM_ADMIN or g.actor.sees_everything]
        rows = [(VERB_LABEL[verb], [verb in GRANTS[role] for role in roles]) for verb in Verb]
        given = [
            (ROLE_LABEL[role], [str(ROLE_LABEL[r]) for r in Role if r in ASSIGNABLE.get(role, ())]) for role in roles
        ]
        return self.render_template(
            "ta/accounts/roles.html", title=_("角色权限"), heads=[ROLE_LABEL[r] for r in roles],
            rows=[row for row in rows if any(row[1])], given=[row for row in given if row[1]],
        )  # fmt: skip


def register(appbuilder: Any) -> None:
    screens.declare("RoleMatrix", "can_show", Verb.ACCOUNT_READ)
    appbuilder.add_view_no_menu(RoleMatrix)
