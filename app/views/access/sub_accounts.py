"""我的子用户: the main account's pages for the accounts under it (ACC-08, ACC-10, ACC-11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import abort, flash, g, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select
from sqlalchemy.orm import selectinload

from app import clock, scope
from app.errors import Refusal
from app.extensions import db
from app.listings.accounts import assigned, bound, given
from app.listings.accounts import grades as of_grade
from app.models import Account, Elevator, ElevatorAssignment, Person, Unit
from app.models.choices import GRADE, PERSON_KIND, RESCUE_ROLE, SEX
from app.permissions import ROLE_LABEL, Role, Verb
from app.rules.addresses import words_of
from app.rules.identifiers import mask_mobile
from app.search import contains
from app.views.access.proving import confirm_own_password
from app.views.frame import addresses, screens
from app.views.frame.account_forms import Findings, me, number, own_sub, role_words, run, show_once, text
from app.workflows.access import passwords, sub_accounts, sub_rights
from app.workflows.access.issuing import password_length

PAGE = 50
STATES = {"1": _l("在用"), "0": _l("注销")}
# What the page shows, as the list of accounts exports it.
EXPORTED = (
    "username", "name", "sex", "phone", "roles", "grade", "elevators", "sms_factor", "identity", "active",
    "must_change", "last_login",
)  # fmt: skip


class SubAccounts(BaseView):
    """The list is short by nature (policy: ten), so it is a page, not a list screen."""

    route_base = "/sub-accounts"
    default_view = "list"

    @expose("/")
    @has_access
    @permission_name("write")
    def list(self) -> Any:
        unit = self._unit()
        used, most = sub_accounts.room(db.session, unit, clock.now())
        statement = select(Account).where(Account.unit_id == unit.id, Account.is_main.is_(False))
        statement = statement.options(selectinload(Account.roles)).order_by(Account.active.desc(), Account.id)
        rows = db.session.scalars(scope.apply(statement, g.actor, Account)).all()
        sought = _Sought.of(request.args)
        found = [account for account in rows if sought.holds(account)]
        elevators, grades, identities = (read(db.session, found) for read in (assigned, of_grade, bound))
        shown = [
            {
                "account": account,
                "roles": role_words(account),
                "grade": GRADE.get(grades.get(account.id, ""), ""),
                "phone": mask_mobile(account.phone) if account.phone else "—",
                "sex": SEX.get(account.sex or "", "—"),
                "rights": _rights(account),
                "rescue": RESCUE_ROLE.get(account.rescue_role or "", ""),
                "first": passwords.first_password_of(db.session, account, clock.now()),
                "elevators": elevators.get(account.id),
                "identity": identities.get(account.id),
                # Who is nobody on the list of people can't check in, as the phone tells him.
                "nobody": account.active and account.person_id is None and Role.WORKER.value in _names(account),
            }
            for account in found
        ]
        return self.render_template(
            "ta/accounts/subs.html", title=_("我的子用户"), rows=shown, used=used, most=most,
            full=most is not None and used >= most, partners=unit.is_maintenance, main=me(),
            rescues=unit.is_maintenance or unit.is_rescue, rescue_roles=[*RESCUE_ROLE.items()],
            unnamed=not any(account.rescue_role and account.active for account in rows), findings=[],
            first_words=passwords.first_password_words, sought=sought, every=len(rows), states=list(STATES.items()),
            role_choices=[(r.value, ROLE_LABEL[r]) for r in Role if any(r.value in _names(a) for a in rows)],
            export=urlencode(sought.in_list(found)), cols=",".join(EXPORTED), may_export=g.actor.may(Verb.EXPORT),
        )  # fmt: skip

    @expose("/rescue-role", methods=["POST"])
    @has_access
    @permission_name("write")
    def rescue_role(self) -> Any:
        """应急角色 of the main account itself."""
        done, findings, _status = run(
            lambda session: sub_accounts.set_own_rescue_role(session, g.actor, text("rescue_role"), clock.now())
        )
        flash(_("已保存") if done else " ".join(f.words for f in findings), "success" if done else "error")
        return redirect(url_for("SubAccounts.list"))

    @expose("/add", methods=["GET", "POST"])
    @has_access
    @permission_name("write")
    @no_cache
    def add(self) -> Any:
        unit = self._unit()
        findings: Findings = []
        status = 200
        form: Any = request.form
        kinds = sub_accounts.kinds_to_give(g.actor)
        if request.method == "POST":
            issued, findings, status = run(
                lambda session: sub_accounts.add(
                    session, g.actor, login_name=text("login_name"), name=text("name"), sex=text("sex"),
                    phone=text("phone"), rescue_role=text("rescue_role"), roles=form.getlist("role"),
                    person_id=number(text("person_id")), kind=text("kind", 20),
                    all_elevators=form.get("elevators") == "all", at=clock.now(),
                )
            )  # fmt: skip
            if issued:
                return self._issued(issued, _("子用户已建立"))
        people = db.session.scalars(
            select(Person).where(Person.unit_id == unit.id, Person.left_on.is_(None)).order_by(Person.name).limit(500)
        ).all()
        if request.method == "GET":
            form = _of_person(next((p for p in people if p.id == number(request.args.get("person", ""))), None))
        kind = form.get("kind", "")
        roles = sub_accounts.roles_to_give(g.actor)
        # Where one role alone can be given, it is no question.
        first = [r.value for r in kinds.get(kind, ())] or [r.value for r in roles if len(roles) == 1]
        page = self.render_template(
            "ta/accounts/sub_add.html", title=_("新增子用户"), findings=findings, form=form,
            roles=[(r.value, ROLE_LABEL[r]) for r in roles], chosen=request.form.getlist("role") or first,
            sexes=list(SEX.items()), rescue_roles=list(RESCUE_ROLE.items()),
            kinds=[(k, PERSON_KIND[k], [(r.value, ROLE_LABEL[r]) for r in given]) for k, given in kinds.items()],
            people=[(p.id, p.name, kinds.get(p.kind or "", ()), PERSON_KIND.get(p.kind or "")) for p in people],
        )  # fmt: skip
        return page, status

    @expose("/<int:pk>/edit", methods=["GET", "POST"])
    @has_access
    @permission_name("write")
    def edit(self, pk: int) -> Any:
        account = own_sub(pk)
        findings: Findings = []
        status = 200
        if request.method == "POST":
            done, findings, status = run(
                lambda session: sub_accounts.edit(
                    session, g.actor, pk, name=text("name"), sex=text("sex"), active=text("active") == "1",
                    rescue_role=text("rescue_role"), at=clock.now(),
                )
            )  # fmt: skip
            if done:
                flash(_("已保存"), "success")
                return redirect(url_for("SubAccounts.list"))
            form: Any = request.form
        else:
            form = {
                "name": account.first_name, "sex": account.sex, "active": "1" if account.active else "0",
                "rescue_role": account.rescue_role,
            }  # fmt: skip
        page = self.render_template(
            "ta/accounts/sub_edit.html", title=_("编辑子用户"), account=account, findings=findings, form=form,
            sexes=list(SEX.items()), rescue_roles=list(RESCUE_ROLE.items()),
        )  # fmt: skip
        return page, status

    @expose("/<int:pk>/phone", methods=["GET", "POST"])
    @has_access
    @permission_name("write")
    @no_cache
    def phone(self, pk: int) -> Any:
        """登记手机: only while its owner has not proved one; the main account's own password is asked."""
        account = own_sub(pk)
        findings: Findings = []
        status = 200
        if request.method == "POST":
            try:
                confirm_own_password(me(), text("own_password", 200), "own_password")
            except Refusal as refusal:
                findings, status = refusal.findings, refusal.status_code
            else:
                done, findings, status = run(
                    lambda session: sub_accounts.set_phone(session, g.actor, pk, text("phone", 30), clock.now())
                )
                if done:
                    flash(_("已保存"), "success")
                    return redirect(url_for("SubAccounts.list"))
        page = self.render_template(
            "ta/accounts/sub_phone.html", title=_("登记手机"), account=account, findings=findings,
            phone=request.form.get("phone", ""), shown=mask_mobile(account.phone) if account.phone else "",
        )  # fmt: skip
        return page, status

    @expose("/<int:pk>/delete", methods=["GET", "POST"])
    @has_access
    @permission_name("write")
    def delete(self, pk: int) -> Any:
        account = own_sub(pk)
        findings: Findings = []
        status = 200
        if request.method == "POST":
            done, findings, status = run(lambda session: sub_accounts.remove(session, g.actor, pk, clock.now()))
            if not findings:
                flash(_("子用户已删除") if done else _("该子用户登录过，记录须保留，已改为注销"), "success")
                return redirect(url_for("SubAccounts.list"))
        page = self.render_template(
            "ta/accounts/sub_delete.html", title=_("删除子用户"), account=account, findings=findings
        )
        return page, status

    @expose("/<int:pk>/password", methods=["GET", "POST"])
    @has_access
    @permission_name("write")
    @no_cache
    def password(self, pk: int) -> Any:
        account = own_sub(pk)
        findings: Findings = []
        status = 200
        if request.method == "POST":
            typed = text("new_password", 200) if text("mode") == "typed" else ""
            try:
                confirm_own_password(me(), text("own_password", 200), "own_password")
            except Refusal as refusal:
                findings, status = refusal.findings, refusal.status_code
            else:
                issued, findings, status = run(
                    lambda session: sub_accounts.reset_password(session, g.actor, pk, clock.now(), typed)
                )
                if issued:
                    return self._issued(issued, _("密码已重置"))
        page = self.render_template(
            "ta/accounts/sub_password.html", title=_("重置密码"), account=account, findings=findings, form=request.form,
            least=password_length(db.session, account, clock.now()),
        )  # fmt: skip
        return page, status

    @expose("/<int:pk>/elevators", methods=["GET", "POST"])
    @has_access
    @permission_name("write")
    def elevators(self, pk: int) -> Any:
        """ACC-10: 全部 is a rule; a search result or single elevators are snapshots."""
        account = own_sub(pk)
        findings: Findings = []
        status = 200
        if request.method == "POST":
            now, deed = clock.now(), text("deed")
            chosen = [n for n in (number(v) for v in request.form.getlist("id")) if n is not None]
            listed = lambda s: s.scalars(self._found(text("q"))).all()  # noqa: E731
            deeds = {
                "all": lambda s: sub_accounts.assign_all(s, g.actor, pk, now),
                "found": lambda s: sub_accounts.assign(s, g.actor, pk, s.scalars(self._found(text("q")).limit(
                    sub_accounts.MOST_AT_ONCE + 1)).all(), now),
                "chosen": lambda s: sub_accounts.assign(s, g.actor, pk, chosen, now),
                "take": lambda s: sub_accounts.unassign(s, g.actor, pk, chosen, now),
                "take_found": lambda s: sub_accounts.unassign(s, g.actor, pk, listed(s), now),
            }  # fmt: skip
            if deed not in deeds:
                abort(400)
            done, findings, status = run(deeds[deed])
            if not findings:
                said = _("已分配全部电梯，包括以后新增的") if deed == "all" else (
                    _("已收回 %(n)s 台", n=done) if deed in ("take", "take_found") else _("新分配 %(n)s 台", n=done)
                )  # fmt: skip
                flash(said, "success")
                return redirect(url_for("SubAccounts.elevators", pk=pk, q=text("q") or None, show=text("show") or None))
        return self._elevator_page(account, findings), status

    def _elevator_page(self, account: Account, findings: Findings) -> str:
        q, show = request.values.get("q", "")[:80], request.values.get("show", "")
        held = sub_accounts.assigned_ids(db.session, account.id)
        ids = self._found(q)
        if show == "assigned":
            ids = ids.where(
                Elevator.id.in_(select(ElevatorAssignment.elevator_id).where(ElevatorAssignment.user_id == account.id))
            )
        total = db.session.scalar(select(func.count()).select_from(ids.subquery())) or 0
        page = min(max(number(request.values.get("page")) or 1, 1), max(1, -(-total // PAGE)))
        numbers = db.session.scalars(ids.order_by(Elevator.id).limit(PAGE).offset((page - 1) * PAGE)).all()
        rows = db.session.scalars(select(Elevator).where(Elevator.id.in_(numbers)).order_by(Elevator.id)).all()
        return self.render_template(
            "ta/accounts/sub_elevators.html", title=_("电梯分配"), account=account, rows=rows, held=held, total=total,
            given=given(db.session, [account]).get(account.id, 0),
            page=page, pages=max(1, -(-total // PAGE)), q=q, show=show, findings=findings,
        )  # fmt: skip

    def _found(self, q: str) -> Any:
        statement = scope.apply(select(Elevator.id), g.actor, Elevator)
        columns = (Elevator.code, Elevator.registration_code, Elevator.address, Elevator.estate)
        return statement.where(*(contains(columns, word) for word in words_of(q)))

    def _unit(self) -> Unit:
        if g.actor.unit_id is None or not g.actor.is_main:
            abort(403)
        unit: Unit = scope.visible(db.session, g.actor, Unit, g.actor.unit_id, _("单位"))
        return unit

    def _issued(self, issued: Any, title: str) -> Any:
        account = issued.account
        first = passwords.first_password_of(db.session, account, clock.now())
        further = "" if account.sees_all_elevators else url_for("SubAccounts.elevators", pk=account.id)
        return show_once(
            self.render_template(
                "ta/accounts/issued.html", title=title, issued=issued, name=account.get_full_name(), further=further,
                days=first.days_left if first else 0, address=addresses.full("SignIn.login"),
                unit=account.unit.name if account.unit else "",
                further_word=_("分配电梯"), back=url_for("SubAccounts.list"),
            )
        )  # fmt: skip


def _of_person(person: Person | None) -> dict[str, Any]:
    """What the form knows of somebody who is to get an account, whose page leads here; his number he may give anew."""
    if person is None:
        return {}
    return {"name": person.name, "sex": person.sex, "kind": person.kind or "", "person_id": person.id}


@dataclass(frozen=True, slots=True)
class _Sought:
    """What the list is narrowed to: words, a role, and whether in use."""

    q: str = ""
    role: str = ""
    state: str = ""

    @classmethod
    def of(cls, given: Mapping[str, str]) -> _Sought:
        q, role, state = (given.get(name, "").replace("\0", "").strip()[:80] for name in ("q", "role", "state"))
        return cls(q, role if role in {r.value for r in Role} else "", state if state in STATES else "")

    @property
    def narrows(self) -> bool:
        return bool(self.q or self.role or self.state)

    def holds(self, account: Account) -> bool:
        """A number is found by its whole or its end, as everywhere: nobody feels his way to it."""
        phone, told = account.phone or "", _told(account)
        words = all(w in told or (len(w) in (4, 11) and phone.endswith(w)) for w in self.q.lower().split())
        active = not self.state or (self.state == "1") == bool(account.active)
        return words and active and (not self.role or self.role in _names(account))

    def in_list(self, found: Sequence[Account]) -> dict[str, str]:
        """The same in the list of accounts, with these columns. It looks for phones in a field of their own, where a
        number goes that nobody of those found bears in his name.
        """
        words = self.q.split()
        phone = next((
            w for w in words
            if w.isdigit() and len(w) in (4, 11) and not any(w in _told(account) for account in found)
        ), "")  # fmt: skip
        held = {
            "q": " ".join(w for w in words if w != phone), "f_phone": phone, "f_role": self.role,
            "f_active": self.state,
        }  # fmt: skip
        return {name: value for name, value in held.items() if value} | {"tab": "sub", "cols": ",".join(EXPORTED)}


def _told(account: Account) -> str:
    """Where words are looked for."""
    return f"{account.username} {account.first_name}".lower()


def _names(account: Account) -> set[str]:
    return {role.name for role in account.roles}


def _rights(account: Account) -> str:
    can, ticked = sub_rights.choices(g.actor, account)
    return _("全部") if ticked == can else _("%(n)s 项，共 %(most)s 项", n=len(ticked), most=len(can))


def register(appbuilder: Any) -> None:
    """Add these pages."""
    screens.declare("SubAccounts", "can_write", Verb.SUBACCOUNT_EDIT)
    appbuilder.add_view_no_menu(SubAccounts)
