"""维保合同: form, elevators under it, renewal, changes of the past that wait for the regulator (CON-01 to CON-05)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from flask import flash, g, redirect, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from sqlalchemy import select

from app import clock, scope
from app.errors import Finding, Refusal
from app.extensions import db
from app.listings.contracts import CONTRACTS
from app.models import Application, Contract, Elevator
from app.models.base import label_of
from app.models.choices import APPLICATION_STATE, CONTRACT_KIND
from app.models.policy import policy_value
from app.permissions import Verb
from app.policy import Key
from app.rules.contracts import CONTRACT_LABELS, contract_state
from app.transaction import AnySession, transaction
from app.views.frame import filed, screens, uploads
from app.views.frame import maintenance_forms as forms
from app.views.frame.account_forms import number, run, text
from app.views.frame.policy_words import region_names
from app.views.maintenance import contract_elevators
from app.workflows.approval import submissions
from app.workflows.contracts import contract_changes, contract_versions, contracts
from app.workflows.desk import gates
from app.workflows.files import attachments

TONES = {"pending": "info", "active": "ok", "near": "near", "ended": "gone"}
# A refusal names so many of those that cannot be added.
MOST_LEFT = 10
DAYS = (("signed_on", "签订日期"), ("starts_on", "起始日期"), ("ends_on", "截止日期"))


class ContractPages(BaseView):
    """A contract's own pages; the list is a Screen."""

    route_base = "/contracts"
    default_view = "new"

    @expose("/new", methods=["GET", "POST"])
    @has_access
    @permission_name("write")
    @no_cache
    def new(self) -> Any:
        """Elevators that were ticked in a list come along (`chosen`) and are bound in the same deed."""
        chosen = dict.fromkeys(request.values.getlist("chosen"))
        rows = contract_elevators.carried(chosen)
        values = contract_elevators.terms_for(rows, clock.today()) if rows else {"kind": "normal"}
        return self._form(
            None, values, lambda session, data: _made(session, data, [row.id for row in rows]), rows=rows,
            lost=len(chosen) - len(rows),
        )  # fmt: skip

    @expose("/<int:key>")
    @has_access
    @permission_name("read")
    def record(self, key: int) -> Any:
        return self._record(self._row(key), [], 200)

    @expose("/<int:key>/edit", methods=["GET", "POST"])
    @has_access
    @permission_name("write")
    @no_cache
    def edit(self, key: int) -> Any:
        row = self._row(key)
        seen = number(text("row_version"))
        if request.method == "POST" and text("then") == "request":
            return self._form(row, {}, lambda session, data: contract_changes.request(
                session, g.actor, key, data, text("reason", 500), clock.now(), seen
            ))  # fmt: skip
        held = {name: getattr(row, name) for name in contracts.FIELDS}
        return self._form(row, held, lambda session, data: contracts.save(
            session, g.actor, row, data, clock.now(), seen
        ))  # fmt: skip

    @expose("/<int:key>/renew", methods=["GET", "POST"])
    @has_access
    @permission_name("write")
    @no_cache
    def renew(self, key: int) -> Any:
        row = self._row(key)
        return self._form(row, contracts.renewal_values(row), lambda session, data: contracts.renew(
            session, g.actor, key, data, clock.now()
        ), title=_("续签合同 %(number)s", number=row.number), fresh=True)  # fmt: skip

    @expose("/<int:key>/delete", methods=["POST"])
    @has_access
    @permission_name("write")
    def delete(self, key: int) -> Any:
        row = self._row(key)
        _done, findings, status = run(lambda session: contracts.delete(session, g.actor, key, clock.now()))
        if findings:
            return self._record(row, findings, status)
        flash(_("合同已删除"), "success")
        return redirect("/contracts/")

    @expose("/<int:key>/bind", methods=["POST"])
    @has_access
    @permission_name("write")
    def bind(self, key: int) -> Any:
        """The ticked ones, or all that the search of the page finds."""
        seek = contract_elevators.Seek.of(request.form)
        back = f"/contracts/{key}?{urlencode(seek.named())}#add" if seek.narrows else ""
        if text("deed") == "found":
            return self._bind_found(self._row(key), seek, back)
        return self._deed(key, _("已追加电梯"), lambda session: contracts.bind(
            session, g.actor, key, forms.chosen(), clock.now()
        ), back)  # fmt: skip

    @expose("/<int:key>/unbind", methods=["POST"])
    @has_access
    @permission_name("write")
    def unbind(self, key: int) -> Any:
        return self._deed(key, _("已删除电梯，合同关系到今天为止"), lambda session: contracts.unbind(
            session, g.actor, key, forms.chosen(), clock.now()
        ))  # fmt: skip

    @expose("/<int:key>/backdate", methods=["POST"])
    @has_access
    @permission_name("write")
    def backdate(self, key: int) -> Any:
        """Ask for the cover of days before the elevators were bound."""
        return self._deed(key, _("已提交监管部门审批"), lambda session: contract_changes.request(
            session, g.actor, key, {}, text("reason", 500), clock.now()
        ))  # fmt: skip

    @expose("/<int:key>/scan", methods=["POST"])
    @has_access
    @permission_name("write")
    def scan(self, key: int) -> Any:
        """Add scans of the signed contract."""
        files = [file for file in request.files.getlist("scan") if file.filename]
        row = self._row(key)
        if not uploads.chosen("scan"):
            finding = Finding(_("合同扫描件"), False, _("没有选择文件"), _("请选择 PDF 或图片"), field="scan")
            return self._record(row, [finding], 422)
        return self._deed(key, _("已上传扫描件"), lambda session: contracts.add_scan(
            session, g.actor, key, [(file.stream, file.filename or "") for file in files], clock.now(),
            uploads.numbers("scan"),
        ))  # fmt: skip

    # --- parts

    @staticmethod
    def _row(key: int) -> Contract:
        row: Contract = scope.visible(db.session, g.actor, Contract, key, _("合同"))
        return row

    def _deed(self, key: int, said: str, do: Any, back: str = "") -> Any:
        row = self._row(key)
        _done, findings, status = run(do)
        if findings:
            return self._record(row, findings, status)
        flash(said, "success")
        return redirect(back or f"/contracts/{key}")

    def _bind_found(self, row: Contract, seek: contract_elevators.Seek, back: str) -> Any:
        done, findings, status = run(lambda session: contract_elevators.bind_found(session, row, seek))
        if done is None:
            return self._record(row, findings, status)
        assert done is not None
        count, without, left = done
        if not count:
            return self._record(row, left[:MOST_LEFT] or [contract_elevators.nothing()], 422)
        flash(_("已追加 %(n)s 台电梯", n=count), "success")
        if left:
            flash(_("另有 %(n)s 台不能追加，原因列在“能不能追加”", n=without), "warning")
        return redirect(back if left and back else f"/contracts/{row.id}")

    def _form(
        self, row: Contract | None, values: Any, do: Any, *, title: str = "", fresh: bool = False,
        rows: Sequence[Elevator] = (), lost: int = 0,
    ) -> Any:  # fmt: skip
        findings: list[Finding] = []
        status, past = 200, False
        if request.method == "POST":
            values = request.form
            data, findings = self._data()
            status = 422
            if not findings:
                try:
                    with transaction(db.session) as session:
                        done = do(session, data)
                except contracts.NeedsApproval as refusal:
                    findings, past = refusal.findings, True
                except Refusal as refusal:
                    findings, status = [f for f in refusal.findings if not f.ok], refusal.status_code
                    past = text("then") == "request"
                else:
                    if isinstance(done, Application):
                        flash(_("变更申请 %(n)s 已提交，批准前合同不变", n=done.number), "success")
                        return redirect(f"/contracts/{row.id if row else ''}")
                    bound = _("合同已建立，已绑定 %(n)s 台电梯", n=len(rows)) if rows else _("合同已建立，请追加电梯")
                    flash(_("合同已保存") if row and not fresh else bound, "success")
                    return redirect(f"/contracts/{done.id}")
        page = self.render_template(
            "ta/maintenance/contract_form.html", row=None if fresh else row, past=past, findings=findings, form=values,
            standing=gates.of_renewal(db.session, g.actor, row, clock.today()) if fresh and row is not None else [],
            title=title or (_("编辑合同") if row else _("新增合同")), kinds=list(CONTRACT_KIND.items()),
            units=forms.use_units(), rows=rows, lost=lost,
            row_version=None if fresh or row is None else row.row_version,
        )  # fmt: skip
        return page, status

    @staticmethod
    def _data() -> tuple[dict[str, Any], list[Finding]]:
        values, findings = forms.days(DAYS)
        values["use_unit_id"], bad = forms.whole("use_unit_id", _("使用单位"))
        return values | {name: text(name) for name in ("number", "kind", "note")}, findings + bad

    def _record(self, row: Contract, findings: list[Finding], status: int) -> Any:
        today = clock.today()
        near = int(policy_value(db.session, Key.NEAR_CONTRACT_DAYS, row.region_code, today))
        state = contract_state(row.starts_on, row.ends_on, today, near)
        count, lines, late = contract_elevators.standing(row)
        own = g.actor.may(Verb.CONTRACT_EDIT) and g.actor.unit_id in (None, row.unit_id)
        seek = contract_elevators.Seek.of(request.values)
        free = None
        if own and state.value != "ended" and ("q" in request.values or seek.narrows or not lines):
            free = contract_elevators.free(row, seek)
        page = self.render_template(
            "ta/maintenance/contract.html", title=row.number, row=row, state=state.value, label=CONTRACT_LABELS[state],
            tone=TONES[state.value], lines=lines, count=count, bound=contract_elevators.bound(row), free=free,
            seek=seek, findings=findings, own=own, regions=region_names(),
            deletable=own and state.value != "ended" and not contracts.ever_bound(db.session, row.id),
            ended=state.value == "ended", today=today, kinds=CONTRACT_KIND, states=APPLICATION_STATE,
            scans=attachments.of(db.session, "contract", row.id), changes=_changes(row.id),
            stopped=gates.of_binding(db.session, g.actor, row, free.rows, today) if free and free.rows else {},
            late=own and late and row.starts_on < today, then=_then(row.id), versions=_versions(row),
            renewed=db.session.scalars(
                scope.apply(select(Contract).where(Contract.renewed_from_id == row.id), g.actor)
            ).all(),
        )  # fmt: skip
        return page, status


def _made(session: AnySession, data: dict[str, Any], keys: list[int]) -> Contract:
    """A new contract with the elevators that came along: both or nothing."""
    made = contracts.save(session, g.actor, None, data, clock.now())
    if keys:
        contracts.bind(session, g.actor, made.id, keys, clock.now())
    return made


def _then(contract_id: int) -> tuple[Any, Any] | None:
    """The contract as of the day in the address, as known then, with the list that says so; None when not asked."""
    listing = CONTRACTS.chosen(request.args, g.actor)
    if listing.as_of is None:
        return None
    return listing, next(iter(listing.by_keys(db.session, [contract_id])), None)


def _versions(row: Contract) -> list[tuple[Any, list[tuple[str, str, str]], str]]:
    """Each version with what changed in words, and who made it."""
    found = contract_versions.versions_of(db.session, row)
    keys = [pair[n] for _v, changed in found for name, pair in changed.items() for n in (0, 1) if name == "use_unit_id"]
    names = filed.unit_names(keys)

    def said(name: str, value: Any) -> str:
        if value in (None, ""):
            return "—"
        if name == "use_unit_id":
            return names.get(value, str(value))
        return str(CONTRACT_KIND.get(value, value)) if name == "kind" else str(value)

    return [
        (
            version, [(label_of(Contract, n), said(n, old), said(n, new)) for n, (old, new) in changed.items()],
            submissions.name_of(db.session, version.edited_by_id),
        )
        for version, changed in found
    ]  # fmt: skip


def _changes(contract_id: int) -> list[Application]:
    statement = select(Application).where(Application.entity == "contract", Application.entity_id == contract_id)
    statement = scope.apply(statement, g.actor, Application).order_by(Application.id.desc()).limit(20)
    return list(db.session.scalars(statement))


def register(appbuilder: Any) -> None:
    """Add these pages."""
    screens.declare("ContractPages", "can_read", Verb.CONTRACT_READ)
    screens.declare("ContractPages", "can_write", Verb.CONTRACT_EDIT)
    appbuilder.add_view_no_menu(ContractPages)
