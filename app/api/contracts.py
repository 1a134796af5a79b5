"""`/api/v1/contracts`: terms, elevators, renewal, changes of the past, versions; the workflow of the pages."""

from __future__ import annotations

from typing import Any

from flask import jsonify, request
from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload

from app import clock, scope
from app.api import as_of, histories
from app.api.applications import brief as application_brief
from app.api.applications import file_shown
from app.api.base import Resource, actor, answers, body, chosen, finding_list, iso, page, whole
from app.api.reading import day, key, keys, words
from app.errors import refuse
from app.extensions import db
from app.listings.contracts import CONTRACTS
from app.models import Application, Contract, ContractElevator
from app.models.choices import CONTRACT_KIND
from app.models.policy import policy_value
from app.permissions import Verb
from app.policy import Key
from app.rules.contracts import contract_state
from app.transaction import transaction
from app.views.frame import screens
from app.workflows.contracts import contract_changes, contract_versions, contracts, renewals
from app.workflows.files import attachments

_DAYS = ("signed_on", "starts_on", "ends_on")


class ContractApi(Resource):
    """Contracts within the account's scope; its own to write."""

    resource_name = "contracts"
    openapi_spec_tag = "Contracts"

    @answers("", "GET")
    def list(self) -> Any:
        """Give contracts, the newest first; with `as_of` or `known_at` as they were.
        ---
        get:
          summary: 合同列表；给出 as_of、known_at 时为当时的合同
          paged: true
          parameters:
            - {in: query, name: kind, schema: {type: string}}
            - {in: query, name: unit_id, schema: {type: integer}}
            - {in: query, name: elevator_id, schema: {type: integer}}
            - {in: query, name: in_force_on, schema: {type: string, format: date}}
            - {in: query, name: q, schema: {type: string, maxLength: 60}}
            - {in: query, name: as_of, schema: {type: string, format: date}}
            - {in: query, name: known_at, schema: {type: string, format: date-time}}
          gives: {200: ContractPage}
        """
        if as_of.asked():
            return as_of.page(CONTRACTS)
        statement = scope.apply(select(Contract), actor())
        kind, on = chosen("kind", CONTRACT_KIND), day(request.args, "in_force_on")
        if kind:
            statement = statement.where(Contract.kind == kind)
        if request.args.get("unit_id"):
            unit_id = whole(request.args, "unit_id")
            statement = statement.where(or_(Contract.unit_id == unit_id, Contract.use_unit_id == unit_id))
        if request.args.get("elevator_id"):
            bound = select(ContractElevator.contract_id).where(
                ContractElevator.elevator_id == whole(request.args, "elevator_id"),
                ContractElevator.removed_at.is_(None),
            )
            statement = statement.where(Contract.id.in_(scope.apply(bound, actor(), ContractElevator)))
        if on is not None:
            statement = statement.where(Contract.starts_on <= on, Contract.ends_on >= on)
        text = request.args.get("q", "").strip()[:60]
        if text:
            statement = statement.where(Contract.number.contains(text, autoescape=True))
        options = (joinedload(Contract.unit), joinedload(Contract.use_unit))
        return page(statement.options(*options), [Contract.id.desc()], brief)

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give one contract with its elevators, scans, renewals and asked changes.
        ---
        get:
          summary: 一份合同的全部
          gives: {200: ContractWhole}
        """
        return jsonify(full(_row(key)))

    @answers("/<int:key>/as-of", "GET")
    def then(self, key: int) -> Any:
        """Give the contract as of a day, as known at an instant.
        ---
        get:
          summary: 某日、按某时所知的合同
          parameters:
            - {in: query, name: as_of, schema: {type: string, format: date}}
            - {in: query, name: known_at, schema: {type: string, format: date-time}}
          gives: {200: AsOfOne}
        """
        return as_of.one(CONTRACTS, _row(key).id)

    @answers("/<int:key>/versions", "GET")
    def versions(self, key: int) -> Any:
        """Give what the contract said from time to time, the newest first.
        ---
        get:
          summary: 合同条款的历次版本和差异
          gives: {200: ContractVersions}
        """
        versions = contract_versions.versions_of(db.session, _row(key))
        by = histories.names(version.edited_by_id for version, _changed in versions)
        rows = [
            {"number": version.number, "at": iso(version.edited_at), "terms": version.data,
             "by": by[version.edited_by_id],
             "changed": [{"field": name, "old": old, "new": new} for name, (old, new) in changed.items()]}
            for version, changed in versions
        ]  # fmt: skip
        return jsonify(rows=rows)

    @answers("", "POST", once=True)
    def make(self) -> Any:
        """Make a contract.
        ---
        post:
          summary: 新增合同
          takes: ContractTerms
          gives: {201: ContractWhole}
        """
        sent = body()
        with transaction(db.session) as session:
            row = contracts.save(session, actor(), None, _terms(sent), clock.now())
        return jsonify(full(row)), 201

    @answers("/<int:key>", "PATCH", once=True)
    def change(self, key: int) -> Any:
        """Change terms; what would touch days before today is refused: ask by `/changes`.
        ---
        patch:
          summary: 修改合同；涉及今天以前的改动用 /changes 提请审批
          takes: ContractTerms
          gives: {200: ContractWhole}
        """
        sent = body()
        seen = whole(sent, "seen_version")
        with transaction(db.session) as session:
            row = contracts.save(session, actor(), _row(key), _terms(sent), clock.now(), seen)
        return jsonify(full(row))

    @answers("/<int:key>", "DELETE")
    def remove(self, key: int) -> Any:
        """Delete a contract that never covered an elevator.
        ---
        delete:
          summary: 删除从未绑定过电梯的合同
          gives: {200: Done}
        """
        with transaction(db.session) as session:
            contracts.delete(session, actor(), key, clock.now())
        return jsonify(done=True)


class ContractDeedApi(Resource):
    """What is done with a contract that stands."""

    resource_name = "contracts"
    openapi_spec_tag = "Contracts"

    @answers("/<int:key>/changes", "POST", once=True)
    def ask(self, key: int) -> Any:
        """Ask the regulator for new terms, or cover of past days for elevators bound late.
        ---
        post:
          summary: 提请审批涉及以往日期的合同变更
          takes: ContractChange
          gives: {201: Application}
        """
        sent = body()
        seen = None if sent.get("seen_version") is None else whole(sent, "seen_version")
        with transaction(db.session) as session:
            made = contract_changes.request(
                session, actor(), key, _terms(sent), words(sent, "reason"), clock.now(), seen
            )
        return jsonify(application_brief(made)), 201

    @answers("/<int:key>/bind", "POST")
    def bind(self, key: int) -> Any:
        """Put elevators under it; those already there are left, so that a call sent again changes nothing.
        ---
        post:
          summary: 绑定电梯
          takes: ElevatorKeys
          gives: {200: Bound}
        """
        wanted = _elevators(body())
        with transaction(db.session) as session:
            rows = contracts.bind(session, actor(), key, wanted, clock.now())
        return jsonify(elevator_ids=[row.elevator_id for row in rows])

    @answers("/<int:key>/unbind", "POST")
    def unbind(self, key: int) -> Any:
        """End the cover of elevators with today; past days stay covered.
        ---
        post:
          summary: 解除绑定，合同关系到今天为止
          takes: ElevatorKeys
          gives: {200: Bound}
        """
        wanted = _elevators(body())
        with transaction(db.session) as session:
            contracts.unbind(session, actor(), key, wanted, clock.now())
        return jsonify(elevator_ids=wanted)

    @answers("/<int:key>/renewal", "GET")
    def renewal(self, key: int) -> Any:
        """Give what a renewal would start from, and which elevators would stay behind and why. Changes nothing.
        ---
        get:
          summary: 续签的起始值，以及哪些电梯不随合同续签
          gives: {200: RenewalGate}
        """
        row = _row(key)
        values = {name: iso(v) if name.endswith("_on") else v for name, v in contracts.renewal_values(row).items()}
        return jsonify(values=values, findings=finding_list(renewals.findings(db.session, row)))

    @answers("/<int:key>/renew", "POST", once=True)
    def renew(self, key: int) -> Any:
        """Make the new contract from this one; what is not given is as in `/renewal`.
        ---
        post:
          summary: 续签：由旧合同建立新合同并带走电梯
          takes: ContractTerms
          gives: {201: ContractWhole}
        """
        sent = body()
        with transaction(db.session) as session:
            made = contracts.renew(session, actor(), key, _terms(sent), clock.now())
        return jsonify(full(made)), 201

    @answers("/<int:key>/scan", "POST", once=True)
    def scan(self, key: int) -> Any:
        """Add a scan of the signed contract.
        ---
        post:
          summary: 上传合同扫描件
          takes: file
          gives: {201: ContractWhole}
        """
        file = request.files.get("file")
        if file is None or not file.filename:
            raise refuse("合同扫描件", "没有文件", "请用 multipart/form-data 的 file 字段上传", field="file")
        with transaction(db.session) as session:
            contracts.add_scan(session, actor(), key, [(file.stream, file.filename)], clock.now())
        return jsonify(full(_row(key))), 201


def brief(row: Contract) -> dict[str, Any]:
    """The columns of a list."""
    today = clock.today()
    near = int(policy_value(db.session, Key.NEAR_CONTRACT_DAYS, row.region_code, today))
    return {
        "id": row.id, "number": row.number, "kind": row.kind,
        "state": contract_state(row.starts_on, row.ends_on, today, near).value,
        "unit": {"id": row.unit.id, "name": row.unit.name},
        "use_unit": None if row.use_unit is None else {"id": row.use_unit.id, "name": row.use_unit.name},
        "region_code": row.region_code, **{name: iso(getattr(row, name)) for name in _DAYS}, "note": row.note,
        "renewed_from_id": row.renewed_from_id, "taken_over": row.taken_over, "row_version": row.row_version,
    }  # fmt: skip


def full(row: Contract) -> dict[str, Any]:
    """One contract with all that its page shows."""
    who = actor()
    bound = scope.apply(
        select(ContractElevator)
        .where(ContractElevator.contract_id == row.id, ContractElevator.removed_at.is_(None))
        .options(joinedload(ContractElevator.elevator)).order_by(ContractElevator.id),
        who, ContractElevator,
    )  # fmt: skip
    asked = select(Application).where(Application.entity == "contract", Application.entity_id == row.id)
    after = scope.apply(select(Contract.id).where(Contract.renewed_from_id == row.id), who, Contract)
    own = who.may(Verb.CONTRACT_EDIT) and who.unit_id in (None, row.unit_id)
    changes: list[dict[str, Any]] = []
    if who.may(Verb.APPLICATION_READ):
        found = db.session.scalars(scope.apply(asked, who).order_by(Application.id.desc()).limit(20))
        changes = [application_brief(one) for one in found]
    return brief(row) | {
        "elevators": [
            {"elevator_id": b.elevator_id, "code": b.elevator.code, "starts_on": iso(b.starts_on),
             "ends_on": iso(b.ends_on)}
            for b in db.session.scalars(bound)
        ],
        "files": [file_shown(f) for f in attachments.of(db.session, "contract", row.id)], "may_write": own,
        "renewed_by": db.session.scalars(after).all(), "changes": changes,
    }  # fmt: skip


def _row(number: int) -> Contract:
    row: Contract = scope.visible(db.session, actor(), Contract, number, "合同")
    return row


def _terms(sent: dict[str, Any]) -> dict[str, Any]:
    """The terms that were sent, as values; what was not sent is left to the workflow."""
    terms: dict[str, Any] = {}
    for name, most in (("number", 60), ("kind", 20), ("note", 500)):
        if name in sent:
            terms[name] = words(sent, name, most)
    for name in _DAYS:
        if name in sent:
            terms[name] = day(sent, name)
    for name in ("use_unit_id", "unit_id"):
        if name in sent:
            terms[name] = key(sent, name)
    return terms


def _elevators(sent: dict[str, Any]) -> list[int]:
    wanted = keys(sent, "elevator_ids")
    if not wanted:
        raise refuse("电梯", "没有给出电梯", "请在 elevator_ids 中给出至少一台", field="elevator_ids")
    return wanted


def register(appbuilder: Any) -> None:
    """Add these resources."""
    for permission in ("can_list", "can_get", "can_then", "can_versions"):
        screens.declare("ContractApi", permission, Verb.CONTRACT_READ)
    for permission in ("can_make", "can_change", "can_remove"):
        screens.declare("ContractApi", permission, Verb.CONTRACT_EDIT)
    for permission in ("can_ask", "can_bind", "can_unbind", "can_renew", "can_scan"):
        screens.declare("ContractDeedApi", permission, Verb.CONTRACT_EDIT)
    screens.declare("ContractDeedApi", "can_renewal", Verb.CONTRACT_READ)
    appbuilder.add_api(ContractApi)
    appbuilder.add_api(ContractDeedApi)
