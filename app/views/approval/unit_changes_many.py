"""维保单位变更 of many elevators that are named by their codes: a firm that takes an estate over sees none of them yet.

First the codes, then what is said of all; what the check found is shown, and confirmed, by `apply_many`.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from flask import g, redirect, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _

from app.errors import Finding, Refusal
from app.extensions import db
from app.models import Elevator
from app.permissions import Verb
from app.rules.identifiers import unbroken
from app.views.approval import many_forms
from app.views.frame import screens
from app.workflows.desk import apply_many
from app.workflows.handover import unit_change_terms as terms
from app.workflows.handover import unit_changes

# As they come from a table's column, or from a line with commas.
_BETWEEN = re.compile(r"[\s,，;；、]+")
LONGEST = 30
# A page names so many of those that were not found.
MOST_NAMED = 50


@dataclass(frozen=True, slots=True)
class Named:
    """The codes of a form: which elevators they name, by the first code of each, and which name none."""

    chosen: dict[int, str]
    rows: list[Elevator]
    missing: list[str]

    @property
    def sides(self) -> Counter[str]:
        return Counter(terms.side_of(g.actor, row) for row in self.rows)

    @property
    def side(self) -> str:
        """On which side of most of them the unit stands."""
        return self.sides.most_common(1)[0][0]

    @property
    def one(self) -> Elevator:
        return next(row for row in self.rows if terms.side_of(g.actor, row) == self.side)


class UnitChangesMany(BaseView):
    """The page."""

    route_base = "/unit-changes"
    default_view = "many"

    @expose("/many", methods=["GET", "POST"])
    @has_access
    @permission_name("apply")
    @no_cache
    def many(self) -> Any:
        """The codes; with codes, the form for all that they name; sent, a job looks at each."""
        before, params = many_forms.checked_before(many_forms.What(terms.KIND))
        codes = request.form.get("codes", "")
        if before is not None:
            codes = "\n".join([*(code for _key, code in params.get("chosen", [])), *params.get("missing", [])])
        findings, status = list[Finding](), 200
        named = None
        try:
            named = _named(codes) if codes.strip() else None
            if request.method == "POST" and named is None:
                raise Refusal(Finding(_("编号"), False, _("没有填写"), _("一行填一个识别码或注册代码"), field="codes"))
            if named is not None and "effective_on" in request.form:
                return redirect(f"/applications/many/checked/{self._enter(named)}")
        except Refusal as refusal:
            findings, status = [f for f in refusal.findings if not f.ok], refusal.status_code
        side = named.side if named is not None else ""
        what = many_forms.What(terms.KIND, side)
        held = before.data if before is not None else {}
        page = self.render_template(
            "ta/lifecycle/unit_changes_many.html", title=_("多台一起申请"), codes=codes, named=named, findings=findings,
            side=terms.SIDES.get(side, ""), sides=[(terms.SIDES[one], n) for one, n in named.sides.most_common()]
            if named is not None else [], form=many_forms.begun(before),
            fields=many_forms.fields(what, named.one, held, findings) if named is not None else [],
            paper=many_forms.paper(what), most=apply_many.MOST_CODES, most_named=MOST_NAMED,
            anew=before is not None and bool(before.files),
        )  # fmt: skip
        return page, status

    def _enter(self, named: Named) -> int:
        what = many_forms.What(terms.KIND, named.side)
        form = many_forms.of_page(what, named.one)
        params = {"chosen": list(named.chosen.items()), "missing": named.missing, "back": "/unit-changes/many"}
        return many_forms.enter(form, len(named.chosen), params)


def _named(text: str) -> Named:
    codes = list(dict.fromkeys(code[:LONGEST] for code in _BETWEEN.split(unbroken(text)) if code))
    if len(codes) > apply_many.MOST_CODES:
        found = _("%(n)s 个编号，一次最多 %(m)s 个", n=len(codes), m=apply_many.MOST_CODES)
        raise Refusal(Finding(_("编号"), False, found, _("请分几次申请"), field="codes"))
    found = unit_changes.find_all(db.session, g.actor, codes)
    if not found:
        said = _("%(n)s 个编号都没有找到", n=len(codes))
        raise Refusal(Finding(_("编号"), False, said, _("请核对编号，须与登记的完全一致"), field="codes"))
    chosen: dict[int, str] = {}
    for code, row in found.items():
        chosen.setdefault(row.id, code)
    rows = {row.id: row for row in found.values()}
    return Named(chosen, list(rows.values()), [code for code in codes if code not in found])


def register(appbuilder: Any) -> None:
    """Add the page."""
    screens.declare("UnitChangesMany", "can_apply", Verb.APPLICATION_SUBMIT)
    appbuilder.add_view_no_menu(UnitChangesMany)
