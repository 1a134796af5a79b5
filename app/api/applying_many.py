"""`/api/v1/applications/many`: 批量申请 as at the desk. Looked at first, then confirmed; a job applies for each."""

from __future__ import annotations

from collections import Counter
from typing import Any

from flask import jsonify
from sqlalchemy import select

from app import clock, scope
from app.api.base import Resource, actor, answers, body
from app.api.reading import day, key, keys, part, texts, words
from app.errors import refuse
from app.extensions import db
from app.listing import MOST_CHOSEN
from app.listings.elevators import ELEVATORS
from app.models import Elevator, Job
from app.models.among import among
from app.permissions import Verb
from app.reports import exports
from app.rules.lifecycle import CAUSE_ALIKE, ApplicationKind
from app.telling import language
from app.transaction import AnySession, transaction
from app.views.approval import many_forms
from app.views.approval.apply_many import reasons
from app.views.approval.applying import Typed
from app.views.frame import screens
from app.views.frame.told import told
from app.wording import say, together
from app.workflows.core import jobs
from app.workflows.desk import apply_many
from app.workflows.handover import unit_change_terms, unit_changes

MOST_FILES = 10
_K = ApplicationKind
_ABOUT = "elevator_ids"


class ApplyManyApi(Resource):
    """The same thing asked for of many elevators."""

    resource_name = "applications"
    openapi_spec_tag = "Applications"

    @answers("/many", "POST", once=True)
    def look(self) -> Any:
        """Have each of them looked at; nothing is applied for yet. What is wrong for all is told at once.
        ---
        post:
          summary: 批量申请第一步：逐台核对，不提交；电梯用 elevator_ids 或 codes 给出
          takes: NewApplications
          gives: {201: ApplicationsJob}
        """
        sent = body()
        kind = words(sent, "kind", 30)
        if kind not in {one.value for one in apply_many.KINDS}:
            found = say("“%(kind)s”不能批量申请", kind=kind)
            raise refuse("申请事项", found, "请用接口文档里列出的事项", field="kind", value=kind)
        with transaction(db.session) as session:
            rows, params = _elevators(session, ApplicationKind(kind), sent)
            form = _form(session, ApplicationKind(kind), rows, sent)
            check = apply_many.look(session, actor(), form, len(rows), params | {"language": language()}, clock.now())
            number = check.id
        return jsonify(_shown(jobs.of(db.session, actor(), number))), 201

    @answers("/many/<int:number>", "GET")
    def get(self, number: int) -> Any:
        """Give how far a check or a submission is, and what it found.
        ---
        get:
          summary: 核对或提交的进度和结果
          gives: {200: ApplicationsJob}
        """
        row = jobs.of(db.session, actor(), number)
        if row.kind not in ("apply_check", "apply") or row.created_by_id != actor().user_id:
            raise scope.not_found(number, "这次批量申请")
        return jsonify(_shown(row))

    @answers("/many/<int:number>/confirm", "POST")
    def confirm(self, number: int) -> Any:
        """Apply for those that a check found can; asked again, the submission of the first time.
        ---
        post:
          summary: 批量申请第二步：确认提交核对通过的电梯，由后台逐台提交，每台一件申请
          gives: {200: ApplicationsJob}
        """
        with transaction(db.session) as session:
            entered = apply_many.confirm(session, actor(), number, clock.now(), language(), "/applications/")
        return jsonify(_shown(jobs.of(db.session, actor(), entered)))


def _elevators(
    session: AnySession, kind: ApplicationKind, sent: dict[str, Any]
) -> tuple[list[Elevator], dict[str, Any]]:
    """The elevators that are named, and how the check is told of them."""
    ids, codes = keys(sent, _ABOUT, MOST_CHOSEN), texts(sent, "codes", apply_many.MOST_CODES)
    if bool(ids) is bool(codes):
        raise refuse("电梯", "elevator_ids 和 codes 应给出其中一个", "请按接口文档填写", field=_ABOUT)
    if ids:
        statement = scope.apply(select(Elevator).where(among(session, Elevator.id, ids)), actor(), Elevator)
        rows = list(session.scalars(statement.order_by(Elevator.id)))
        missing = sorted(set(ids) - {row.id for row in rows})
        if missing:
            raise scope.not_found(missing[0], "这台电梯")
        query = exports.of_chosen("", [str(row.id) for row in rows])
        name = words(sent, "cause", 30) if kind is _K.REGISTRATION_CHANGE else kind.value
        return rows, {"listing": ELEVATORS.name, "query": query, "back": f"/applications/many/{name}?{query}"}
    if kind is _K.UNIT_CHANGE:
        named = unit_changes.find_all(session, actor(), codes)
    else:
        named = unit_changes.find_own(session, actor(), codes)
    if not named:
        found = say("%(n)s 个编号都没有找到", n=len(codes))
        raise refuse("电梯", found, "请核对编号，须与登记的完全一致", field="codes")
    chosen: dict[int, str] = {}
    for code, row in named.items():
        chosen.setdefault(row.id, code)
    back = "/unit-changes/many" if kind is _K.UNIT_CHANGE else "/elevators/"
    missing_codes = [code for code in codes if code not in named]
    rows = list({row.id: row for row in named.values()}.values())
    return rows, {"chosen": list(chosen.items()), "missing": missing_codes, "back": back}


def _form(
    session: AnySession, kind: ApplicationKind, rows: list[Elevator], sent: dict[str, Any]
) -> apply_many.Form:  # fmt: skip
    """The form; raise with all that is wrong of it for every elevator."""
    one, way = next((row for row in rows if row.status in apply_many.statuses_of(kind)), rows[0]), ""
    if kind is _K.REGISTRATION_CHANGE:
        way = words(sent, "cause", 30)
        if way not in set(CAUSE_ALIKE):
            remedy = say("可选：%(names)s", names=together(CAUSE_ALIKE))
            raise refuse("变更原因", say("“%(kind)s”不能批量申请", kind=way), remedy, field="cause", value=way)
    if kind is _K.UNIT_CHANGE:
        way = Counter(unit_change_terms.side_of(actor(), row) for row in rows).most_common(1)[0][0]
        one = next(row for row in rows if unit_change_terms.side_of(actor(), row) == way)
    what = many_forms.What(kind, way)
    return many_forms.understood(what, said_of(session, what, sent), one, keys(sent, "attachments", MOST_FILES))


def said_of(session: AnySession, what: many_forms.What, sent: dict[str, Any]) -> Typed:
    """What a call says for all of them alike, as a page's form does."""
    on, data = day(sent, "effective_on"), dict[str, Any]()
    if what.kind in (_K.MAINTENANCE_PAUSE, _K.ON_DEMAND):
        until = day(sent, "until_on")
        data = {"until_on": until.isoformat() if until else None}
    if what.kind is _K.ON_DEMAND:
        data["interval_days"] = key(sent, "interval_days")
    if what.cause is not None:
        values = {name: value for name, value in part(sent, "changes").items() if value not in (None, "")}
        others = [name for name in values if name not in CAUSE_ALIKE[what.cause]]
        if others:
            found = say("批量申请不能变更 %(others)s", others=others[0][:40])
            remedy = say("可以变更：%(names)s", names=together(CAUSE_ALIKE[what.cause]))
            raise refuse("变更内容", found, remedy, field="changes", value=others[0][:40])
        data = {"cause": what.way, "values": values}
    if what.kind is _K.UNIT_CHANGE:
        new_unit, contract = key(sent, "new_unit_id"), key(sent, "contract_id")
        wanted = unit_change_terms.Wanted("", new_unit, contract, day(sent, "signed_on"))
        data = {"side": what.way, **unit_change_terms.taker(session, actor(), what.way, wanted)}
    return Typed(on, words(sent, "reason", 2000), data, [])


def _shown(row: Job) -> dict[str, Any]:
    result = dict(row.result or {}) if row.state == "done" else {}
    return {
        "id": row.id, "step": "check" if row.kind == "apply_check" else "apply", "kind": row.params["form"]["kind"],
        "state": row.state, "done": row.done, "total": row.total, "error": row.error,
        "can": result.get("can"), "applied": result.get("applied"), "refused": result.get("refused"),
        "missing": row.params.get("missing", []), "entered": apply_many.led_to(row),
        "why": _reasons(result.get("why", [])), "warn": _reasons(result.get("warn", [])),
        "stopped": result.get("stopped"),
        "left": [{"code": code, "why": [str(told(one)) for one in why]} for code, _link, why in result.get("left", [])],
    }  # fmt: skip


def _reasons(kept: list[list[Any]]) -> list[dict[str, Any]]:
    return [
        {"rule": one.rule, "remedy": one.remedy, "count": one.count,
         "first": [{"code": code, "found": found} for code, _link, found in one.first]}
        for one in reasons(kept)
    ]  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add these doors."""
    for name in ("look", "get", "confirm"):
        screens.declare("ApplyManyApi", f"can_{name}", Verb.APPLICATION_SUBMIT)
    appbuilder.add_api(ApplyManyApi)
