"""一梯一码 标签 (ELV-07 in short): a sheet to print for chosen elevators, each with its own code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import abort, flash, g, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from markupsafe import Markup
from sqlalchemy import or_, select

from app import scope
from app.extensions import db
from app.models import Elevator
from app.models.choices import ESCALATORS
from app.permissions import Verb
from app.views.frame import addresses, screens

MOST = 200


@dataclass(frozen=True, slots=True)
class Label:
    """What is printed: the code as a picture and in figures, where it belongs, whom to call."""

    elevator: Elevator
    picture: Markup


class LabelPages(BaseView):
    """Only approved elevators have a label, and only with a rescue phone on it."""

    route_base = "/labels"
    default_view = "sheet"

    @expose("/", methods=["GET"])
    @has_access
    @permission_name("read")
    def sheet(self) -> Any:
        given = dict.fromkeys(request.args.getlist("ids"))
        keys = [int(k) for k in given if k.isascii() and k.isdigit() and len(k) < 19]
        if not keys or len(keys) > MOST:
            flash(_("请选择 1 到 %(n)s 台电梯", n=MOST), "warning")
            return redirect(url_for("ElevatorScreen.list"))
        statement = scope.apply(select(Elevator).where(Elevator.id.in_(keys)), g.actor)
        if g.actor.unit_id is not None:
            # Whoever only inspects an elevator puts up no label.
            sides = (Elevator.maintenance_unit_id, Elevator.use_unit_id)
            statement = statement.where(or_(*(side == g.actor.unit_id for side in sides)))
        rows = db.session.scalars(statement.order_by(Elevator.code)).all()
        if not rows:
            abort(404)
        ready = [row for row in rows if row.approved_version and row.emergency_phone and row.public_token]
        return self.render_template(
            "ta/filing/labels.html", title=_("一梯一码 标签"), labels=[_label(row) for row in ready],
            escalators=ESCALATORS,
            without=[row for row in rows if row not in ready],
        )  # fmt: skip


def _label(row: Elevator) -> Label:
    """The picture leads to the elevator's own page, which tells a stranger whom to call and a worker what to do."""
    import segno  # loaded with the first code

    address = addresses.full("field.passer_by", token=row.public_token)
    code = segno.make(address, error="q", micro=False)
    picture = code.svg_inline(scale=4, border=2, svgclass=None, lineclass=None, omitsize=True)
    return Label(row, Markup(picture))


def register(appbuilder: Any) -> None:
    """Add the sheet."""
    screens.declare("LabelPages", "can_read", Verb.ELEVATOR_READ)
    appbuilder.add_view_no_menu(LabelPages)
