"""常用组件 (ELV-05): what a new elevator of a kind is given, by region or maintenance unit; kept by its owner."""

from __future__ import annotations

from typing import Any

from flask import flash, g, redirect, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _

from app import clock
from app.errors import Finding
from app.extensions import db
from app.listings.item_sets import region_names, whose
from app.models.item_set import ITEM_KIND
from app.permissions import Verb
from app.rules.parts import Usual
from app.views.frame import screens
from app.views.frame.account_forms import number, run, text
from app.workflows.filing import components, usual_parts

LONGEST_TYPED = 6000


class UsualPartPages(BaseView):
    """A list a kind, chosen above it; the own one is written a part a line."""

    route_base = "/usual-parts"
    default_view = "index"

    @expose("/", methods=["GET"])
    @has_access
    @permission_name("read")
    def index(self) -> Any:
        return self._page(_kind(request.args.get("kind", "")), None, [], 200)

    @expose("/<string:kind>", methods=["POST"])
    @has_access
    @permission_name("write")
    @no_cache
    def save(self, kind: str) -> Any:
        kind, typed = _kind(kind), text("rows", LONGEST_TYPED)
        given, findings = read(typed)
        if findings:
            return self._page(kind, typed, findings, 422)
        saved, findings, status = run(
            lambda session: (
                usual_parts.save(session, g.actor, kind, given, clock.now(), number(text("seen", 20))),
            )
        )  # fmt: skip
        if saved is None:
            return self._page(kind, typed, findings, status)
        flash(_("常用清单已保存") if saved[0] else _("没有自己的清单了，按上级或系统的清单"), "success")
        return redirect(f"/usual-parts/?kind={kind}")

    def _page(self, kind: str, typed: str | None, findings: list[Finding], status: int) -> Any:
        unit_id, region_code = usual_parts.owner(db.session, g.actor)
        held, own = usual_parts.holding(db.session, unit_id, region_code, kind), usual_parts.own(
            db.session, g.actor, kind
        )  # fmt: skip
        may = g.actor.may(Verb.ITEM_EDIT) and unit_id == g.actor.unit_id
        life = components.life_of(db.session, region_code, clock.today())
        page = self.render_template(
            "ta/parts/usual.html", title=_("常用组件"), kind=kind, kinds=ITEM_KIND, parts=held.parts, own=own, may=may,
            findings=[f for f in findings if not f.ok], source=_source(held), life=life,
            whose=whose(db.session, g.actor),
            typed=typed if typed is not None else "\n".join(_line(one) for one in held.parts),
        )  # fmt: skip
        return page, status


def read(typed: str) -> tuple[list[Usual], list[Finding]]:
    """A part a line: its name, then its life in months if it has one of its own, after a space, a comma or a tab."""
    given, wrong = [], []
    for place, line in enumerate(typed.splitlines(), 1):
        words = line.replace("，", " ").replace(",", " ").replace("\t", " ").split()
        if not words:
            continue
        life = None
        last = words[-1].removesuffix("个月")
        if len(words) > 1 and last.removeprefix("-").isdecimal() and len(last) < 7:
            life, words = int(last), words[:-1]
        elif len(words) == 1 and last.isdecimal():
            said = _("第 %(n)s 行只有数字", n=place)
            wrong.append(Finding(_("常用组件"), False, said, _("每行先写组件名称，再写寿命"), field="rows"))
        given.append(Usual(" ".join(words), life))
    return given, wrong


def _line(one: Usual) -> str:
    return f"{one.name} {one.life_months}" if one.life_months else one.name


def _kind(given: str) -> str:
    return given if given in ITEM_KIND else "A"


def _source(held: usual_parts.Listed) -> str:
    """Who says what holds."""
    if held.row is None:
        return str(_("系统自带的清单"))
    if held.row.unit is not None:
        return str(held.row.unit.name)
    code = held.row.region_code
    return region_names(db.session, {code}).get(code, code)


def register(appbuilder: Any) -> None:
    """Add the pages."""
    screens.declare("UsualPartPages", "can_read", Verb.ELEVATOR_READ)
    screens.declare("UsualPartPages", "can_write", Verb.ITEM_EDIT)
    appbuilder.add_view_no_menu(UsualPartPages)
