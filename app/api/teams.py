"""`/api/v1/teams` and who joins a visit: several workers for an elevator, two for a visit (PLN-07, MNT-11)."""

from __future__ import annotations

from typing import Any

from flask import jsonify

from app import clock, scope
from app.api import listed
from app.api.base import Resource, actor, answers, body, iso, whole
from app.api.reading import keys, words
from app.api.visits import position
from app.extensions import db
from app.listings.teams import TEAMS
from app.models import MaintenanceTeam, Visit
from app.permissions import Verb
from app.transaction import transaction
from app.views.frame import screens
from app.workflows.maintenance import teams
from app.workflows.on_site import companions, presence


class TeamApi(Resource):
    """Teams of maintenance units; one's own unit's to write."""

    resource_name = "teams"
    openapi_spec_tag = "Visits"

    @answers("", "GET")
    def list(self) -> Any:
        """Give teams, as the page does; the first tab is those that stand.
        ---
        get:
          summary: 维保小组；缺省为在用的
          paged: true
          parameters:
            - {in: query, name: q, schema: {type: string, maxLength: 60}}
            - {in: query, name: tab, schema: {type: string, enum: [standing, disbanded, all]}}
            - {in: query, name: unit, schema: {type: integer}}
            - {in: query, name: region, schema: {type: string}, description: 12 位区划代码，含下级}
          gives: {200: TeamPage}
        """
        return listed.page(TEAMS, _team)

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give one team.
        ---
        get:
          summary: 一个维保小组
          gives: {200: Team}
        """
        return jsonify(_team(scope.visible(db.session, actor(), MaintenanceTeam, key, "维保小组")))

    @answers("", "POST", once=True)
    def make(self) -> Any:
        """Make a team of one's own unit.
        ---
        post:
          summary: 新建维保小组
          takes: NewTeam
          gives: {201: Team}
        """
        sent = body()
        name, members = words(sent, "name", 200), keys(sent, "members", teams.MOST_MEMBERS)
        with transaction(db.session) as session:
            row = teams.save(session, actor(), None, name, members, clock.now())
        return jsonify(_team(row)), 201

    @answers("/<int:key>", "PUT")
    def change(self, key: int) -> Any:
        """Give the team its name and all of its members anew.
        ---
        put:
          summary: 修改维保小组（名称和全部成员）
          takes: TeamChange
          gives: {200: Team}
        """
        sent = body()
        name, members = words(sent, "name", 200), keys(sent, "members", teams.MOST_MEMBERS)
        seen = whole(sent, "seen_version")
        with transaction(db.session) as session:
            row = teams.save(session, actor(), key, name, members, clock.now(), seen)
        return jsonify(_team(row))

    @answers("/<int:key>/disband", "POST")
    def disband(self, key: int) -> Any:
        """Disband a team; its elevators keep their worker. Disbanded twice is disbanded.
        ---
        post:
          summary: 解散维保小组
          gives: {200: Team}
        """
        with transaction(db.session) as session:
            row = teams.disband(session, actor(), key, clock.now())
        return jsonify(_team(row))


class CompanionApi(Resource):
    """Who else was on site at a visit."""

    resource_name = "visits"
    openapi_spec_tag = "Visits"

    @answers("/<int:key>/companions", "GET")
    def companions(self, key: int) -> Any:
        """Give who joined a visit, the first one first.
        ---
        get:
          summary: 一次维保的协同维保人员
          gives: {200: Companions}
        """
        visit = scope.visible(db.session, actor(), Visit, key, "维保记录")
        return jsonify(result=companions.as_data(companions.of_visit(db.session, visit.id)))

    @answers("/<int:key>/companions", "POST")
    def join(self, key: int) -> Any:
        """Join a colleague's running visit, on site and by one's own account. Joined twice is joined.
        ---
        post:
          summary: 加入同单位人员正在进行的维保
          takes: JoinVisit
          gives: {201: Companions}
        """
        sent = body()
        code, place = words(sent, "code", presence.LONGEST_TEXT), position(sent)
        with transaction(db.session) as session:
            row = companions.join(session, actor(), key, code, place, clock.now())
            told = companions.as_data(companions.of_visit(session, row.visit_id))
        return jsonify(result=told), 201


def _team(row: MaintenanceTeam) -> dict[str, Any]:
    return {
        "id": row.id, "unit_id": row.unit_id, "name": row.name, "region_code": row.region_code,
        "members": [{"person_id": m.person_id, "name": m.person.name} for m in row.members],
        "elevators": row.served, "disbanded_at": iso(row.disbanded_at), "version": row.row_version,
    }  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add these resources."""
    for permission in ("can_list", "can_get"):
        screens.declare("TeamApi", permission, Verb.LEDGER_READ)
    for permission in ("can_make", "can_change", "can_disband"):
        screens.declare("TeamApi", permission, Verb.LEDGER_EDIT)
    screens.declare("CompanionApi", "can_companions", Verb.VISIT_READ)
    screens.declare("CompanionApi", "can_join", Verb.VISIT_MAKE)
    appbuilder.add_api(TeamApi)
    appbuilder.add_api(CompanionApi)
