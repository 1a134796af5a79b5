"""`/lookup/<name>?q=`: what a typed choice offers; `/search/`: one box over everything."""

from __future__ import annotations

from typing import Any, NamedTuple

from flask import abort, g, jsonify, render_template, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import pgettext
from sqlalchemy import select
from sqlalchemy.orm import undefer

from app import scope
from app.extensions import db
from app.listing import moment
from app.listings.elevators import every
from app.lookups import LOOKUPS, askable, find, holding
from app.models import Application, Elevator, Person, Unit
from app.permissions import Verb
from app.views.frame import screens

MOST_HITS = 20
_NUMBERS = (Elevator.registration_code, Elevator.factory_no, Elevator.job_no, Elevator.service_no)


class Group(NamedTuple):
    """What was found of one kind; `more` is the list that shows all of them, where there are more."""

    label: str
    hits: list[tuple[str, str, str]]
    more: str


class LookupPages(BaseView):
    """Scoped, two characters together at least, twenty answers."""

    route_base = "/lookup"

    @expose("/<string:name>")
    @has_access
    @permission_name("read")
    def find(self, name: str) -> Any:
        lookup = LOOKUPS.get(name)
        if lookup is None:
            abort(404)
        if not g.actor.may(lookup.verb):
            return jsonify(results=[])
        return jsonify(results=find(db.session, g.actor, name, request.args.get("q", "")))


class Search(BaseView):
    """全局搜索: elevators, units, people and applications by code, number, name or address."""

    route_base = "/search"
    default_view = "index"

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> Any:
        words = " ".join(request.args.get("q", "")[:60].split())
        asked = askable(words)
        groups = [g for g in self._groups(words) if g.hits] if asked else []
        return render_template("ta/search.html", title=_("搜索"), words=words, groups=groups, asked=asked)

    def _groups(self, words: str) -> list[Group]:
        found = []
        for label, verb, model, columns, endpoint, argument, text, screen, tab in (
            (pgettext("many", "电梯"), Verb.ELEVATOR_READ, Elevator,
             (Elevator.code, *_NUMBERS, Elevator.address, Elevator.estate),
             "ElevatorPages.record", "key", lambda e: (e.code, _found_in(e, words)), "ElevatorScreen.list", "every"),
            (pgettext("many", "单位"), Verb.UNIT_READ, Unit, (Unit.name, Unit.uscc), "UnitPages.record", "key",
             lambda u: (u.name, u.uscc), "UnitScreen.list", "all"),
            (pgettext("many", "人员"), Verb.PERSON_READ, Person, (Person.name, Person.certificate_no),
             "PeoplePages.show", "pk", lambda p: (p.name, p.certificate_no or ""), "People.list", "all"),
            (pgettext("many", "申请"), Verb.APPLICATION_READ, Application, (Application.number, Application.title),
             "ApplicationPages.page", "key", lambda a: (a.number, a.heading), "OwnApplications.list", "all"),
        ):  # fmt: skip
            if not g.actor.may(verb):
                continue
            statement = scope.apply(select(model), g.actor, model)
            if model is Elevator:
                # What the list leaves out (a unit's drafts, for a regulator) is not found here either.
                statement = statement.where(every(moment(db.session, g.actor))).options(*map(undefer, _NUMBERS))
            seen = scope.criterion(model, g.actor)
            statement = holding(db.session, statement, model, columns, words, seen).order_by(model.id.desc())  # type: ignore[attr-defined]
            rows = db.session.scalars(statement.limit(MOST_HITS + 1)).all()
            hits = [(url_for(endpoint, **{argument: row.id}), *text(row)) for row in rows[:MOST_HITS]]
            found.append(Group(label, hits, url_for(screen, q=words, tab=tab) if len(rows) > MOST_HITS else ""))
        return found


def _found_in(elevator: Elevator, words: str) -> str:
    """Its place, with the number by which it was found where that is neither its code nor in the place."""
    place = elevator.place
    others = (getattr(elevator, number.key) for number in _NUMBERS)
    found = next((n for n in others if n and words.casefold() in n.casefold()), None)
    return place if found is None or words in place or words in elevator.code else f"{place}　{found}"


def register(appbuilder: Any) -> None:
    """Add both."""
    screens.declare("LookupPages", "can_read", Verb.HOME)
    screens.declare("Search", "can_read", Verb.HOME)
    appbuilder.add_view_no_menu(LookupPages)
    appbuilder.add_view_no_menu(Search)
