"""维保项目 (PLN-08): what each kind of elevator is maintained by, own lists by version, and who puts them in force."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from flask import abort, flash, g, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from app import clock, scope
from app.errors import Finding, Refusal
from app.extensions import db
from app.imports import item_rows
from app.imports.item_rows import CYCLES
from app.listings import item_sets as listed
from app.models import ItemSet
from app.models.item_set import ITEM_KIND, ITEM_SET_STATE
from app.permissions import Verb, require
from app.reference import CURRENT
from app.rules import item_lists as rules
from app.rules.item_lists import JOINT, ORDER, Item
from app.rules.levels import LEVEL_LABELS, Level
from app.scratch import scratch
from app.views.frame import maintenance_forms as forms
from app.views.frame import screens
from app.views.frame.account_forms import number, run, text
from app.views.frame.base import Button, Screen, SQLAInterface, pill
from app.views.frame.exports import send_table
from app.wording import say
from app.workflows.approval.submissions import name_of
from app.workflows.maintenance import item_sets

TONES = {"draft": "gone", "submitted": "near", "returned": "over", "in_force": "ok", "discarded": "gone"}
BLANK, MOST_PASTED = 3, 20_000
MOST_BYTES = 2 * 1024 * 1024
LEVEL_SHORT = {
    Level.HALF_MONTH: _l("半月"), Level.QUARTER: _l("季度"), Level.HALF_YEAR: _l("半年"), Level.ANNUAL: _l("年度"),
}
SAID = {
    "submit": _l("已提交，等待第二人批准"), "withdraw": _l("已撤回，可以继续修改"), "discard": _l("这个版本已放弃"),
    "approve": _l("已批准，自启用日期起用于签到的维保"), "return": _l("已退回修改"),
}  # fmt: skip


class ItemSets(Screen):
    """Own lists, version by version."""

    datamodel = SQLAInterface(ItemSet)
    route_base = "/item-sets"
    listing = listed.SETS
    verb = Verb.VISIT_READ
    record = "ItemSetPages.show"
    cells: ClassVar[dict[str, Any]] = {"state": lambda row: pill(ITEM_SET_STATE[row.state], TONES[row.state])}
    buttons: ClassVar[list[Button]] = [Button(_l("维保项目"), "Items.index", Verb.VISIT_READ, icon="list")]
    empty_text = _l("还没有自有的维保项目，各类电梯都按法定项目维保。")
    empty_links: ClassVar[list[Any]] = [(_l("查看维保项目"), "Items.index", Verb.VISIT_READ)]


class Items(BaseView):
    """What holds for the one who looks, by kind of elevator."""

    route_base = "/items"
    default_view = "index"

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> Any:
        today = clock.today()
        kinds = []
        versions = listed.versions_at(db.session, g.actor, ITEM_KIND, today)
        for kind, label in ITEM_KIND.items():
            version = versions[kind]
            lines = listed.lines_of(db.session, kind, version)
            kinds.append({
                "kind": kind, "label": label, "counts": rules.counts(line.item for line in lines), "all": len(lines),
                "words": listed.version_words(db.session, version) if lines else "",
            })  # fmt: skip
        waiting = select(func.count()).select_from(ItemSet).where(ItemSet.state == "submitted")
        return self.render_template(
            "ta/items/index.html", title=_("维保项目"), kinds=kinds, levels=LEVEL_SHORT, order=ORDER, whose=_whose(),
            may_edit=_may_start(), waiting=db.session.scalar(scope.apply(waiting, g.actor, ItemSet)) or 0,
        )  # fmt: skip

    @expose("/<string:kind>")
    @has_access
    @permission_name("read")
    def kind(self, kind: str) -> Any:
        if kind not in ITEM_KIND:
            abort(404)
        version = listed.version_at(db.session, g.actor, kind, clock.today())
        lines = listed.lines_of(db.session, kind, version)
        return self.render_template(
            "ta/items/kind.html", title=ITEM_KIND[kind], kind=kind, lines=lines, whose=_whose(), base=CURRENT,
            counts=rules.counts(line.item for line in lines), levels=LEVEL_SHORT, order=ORDER,
            words=listed.version_words(db.session, version), may_edit=_may_start(),
            may_export=g.actor.may(Verb.EXPORT) and bool(lines),
        )  # fmt: skip

    @expose("/<string:kind>/new", methods=["POST"])
    @has_access
    @permission_name("edit")
    def new(self, kind: str) -> Any:
        """A draft from what holds; the one that is being worked on is gone on with."""
        made, findings, status = run(lambda session: item_sets.start(session, g.actor, kind, clock.now()))
        if made is None:
            flash("；".join(f.words for f in findings), "danger")
            return redirect(url_for("Items.index")) if status < 500 else abort(status)
        page = "edit" if made.state in item_sets.EDITABLE else "show"
        return redirect(url_for(f"ItemSetPages.{page}", pk=made.id))

    @expose("/table", methods=["POST"])
    @has_access
    @permission_name("read")
    def table(self) -> Any:
        """As .xlsx or .csv: a version's whole list, or what holds today."""
        key, kind = number(text("set", 20)), text("kind", 4)
        if key is not None:
            row: ItemSet = scope.visible(db.session, g.actor, ItemSet, key, _("这个版本"))
            title = _("维保项目 %(name)s", name=item_sets.title_of(row))
            return send_table("maintenance_items", title, set=str(key))
        if kind not in ITEM_KIND:
            abort(404)
        return send_table("maintenance_items", _("维保项目 %(name)s", name=str(ITEM_KIND[kind])), kind=kind)


class ItemSetPages(BaseView):
    """One version: read, written by its owner, decided by the second person."""

    route_base = "/item-sets"
    default_view = "show"

    @expose("/<int:pk>")
    @has_access
    @permission_name("read")
    def show(self, pk: int) -> Any:
        return self._record(_row(pk), [], 200)

    @expose("/<int:pk>/edit", methods=["GET", "POST"])
    @has_access
    @permission_name("edit")
    @no_cache
    def edit(self, pk: int) -> Any:
        row = _row(pk)
        require(g.actor, Verb.ITEM_EDIT)
        if request.method == "GET":
            return self._form(row, _stored(row), [], 200)
        from_on, wrong = forms.day("from_on", _("启用日期"))
        if from_on is None and not wrong:
            wrong = [Finding(_("启用日期"), False, _("没有填写"), _("请选择今天或以后的日期"), field="from_on")]
        draft = _typed(item_sets.inherited(db.session, row, from_on or row.from_on), row.kind)
        if text("then", 10) == "more":
            return self._form(row, replace(draft, blank=draft.blank + BLANK), [], 200)
        if from_on is None or wrong or draft.wrong:
            return self._form(row, draft, [*wrong, *draft.wrong], 422)
        saved, findings, status = run(
            lambda session: item_sets.save(
                session, g.actor, pk, draft.name, from_on, draft.basis, draft.items, clock.now(),
                number(text("row_version", 20)),
            )
        )  # fmt: skip
        if saved is None:
            return self._form(row, draft, findings, status)
        if text("then", 10) == "submit":
            return self.deed(pk, "submit")
        flash(_("草稿已保存"), "success")
        return redirect(url_for("ItemSetPages.show", pk=pk))

    @expose("/<int:pk>/workbook", methods=["POST"])
    @has_access
    @permission_name("edit")
    @no_cache
    def workbook(self, pk: int) -> Any:
        """The whole list out of a workbook, into the draft; every wrong cell is named, and then nothing is written."""
        row, file = _row(pk), request.files.get("file")
        require(g.actor, Verb.ITEM_EDIT)
        if file is None or not file.filename:
            missing = Finding(_("文件"), False, _("没有选择"), _("请选择改好的工作簿"), field="file")
            return self._record(row, [missing], 422)
        with scratch("items") as folder:
            path = folder / "list"
            path.write_bytes(file.stream.read(MOST_BYTES + 1))
            if path.stat().st_size > MOST_BYTES:
                large = Finding(_("文件"), False, _("超过 2 MB"), _("请删去多余的内容"), field="file")
                return self._record(row, [large], 422)
            from_on = max(row.from_on, clock.today())
            base = item_sets.inherited(db.session, row, from_on)
            own = sorted(item_sets.given_codes(db.session, row))
            try:
                given = item_rows.read(path, file.filename, row.kind, base, own)
            except Refusal as refusal:
                return self._record(row, [f for f in refusal.findings if not f.ok], 422)
        _made, findings, status = run(
            lambda session: item_sets.save(
                session, g.actor, pk, row.name, from_on, row.basis or "", given, clock.now(),
                number(text("row_version", 20)),
            )
        )  # fmt: skip
        if findings:
            return self._record(_row(pk), findings, status)
        flash(_("已按工作簿写入草稿，请核对与前一版本的不同，再提交批准"), "success")
        return redirect(url_for("ItemSetPages.show", pk=pk))

    @expose("/<int:pk>/<string:name>", methods=["POST"])
    @has_access
    @permission_name("edit")
    def deed(self, pk: int, name: str) -> Any:
        """What its owner does with it."""
        deeds = {"submit": item_sets.submit, "withdraw": item_sets.withdraw, "discard": item_sets.discard}
        if name not in deeds:
            abort(404)
        return self._done(pk, name, lambda session: deeds[name](session, g.actor, pk, clock.now()))

    @expose("/<int:pk>/decision/<string:name>", methods=["POST"])
    @has_access
    @permission_name("decide")
    def decide(self, pk: int, name: str) -> Any:
        """The second person's word on what he saw."""
        deeds = {"approve": item_sets.approve, "return": item_sets.send_back}
        if name not in deeds:
            abort(404)
        seen, opinion = number(text("seen", 20)), text("opinion")
        return self._done(pk, name, lambda s: deeds[name](s, g.actor, pk, seen, opinion, clock.now()))

    # --- parts

    def _done(self, pk: int, name: str, deed: Callable[[Any], Any]) -> Any:
        row = _row(pk)
        _made, findings, status = run(deed)
        if findings:
            return self._record(_row(pk), findings, status)
        flash(str(SAID[name]), "success")
        return redirect(url_for("ItemSetPages.show", pk=row.id))

    def _record(self, row: ItemSet, findings: list[Finding], status: int) -> Any:
        lines = listed.lines_of_set(db.session, row)
        former, waits = item_sets.former(db.session, row), row.state == "submitted"
        own = item_sets.owns(g.actor, row) and g.actor.may(Verb.ITEM_EDIT)
        decides = waits and item_sets.decides(g.actor, row) and row.submitted_by_id != g.actor.user_id
        before = item_sets.whole(db.session, former) if former else item_sets.inherited(db.session, row, row.from_on)
        page = self.render_template(
            "ta/items/set.html", title=item_sets.title_of(row), row=row, findings=findings, lines=lines,
            counts=rules.counts(line.item for line in lines), levels=LEVEL_SHORT, order=ORDER, base=CURRENT,
            kind=ITEM_KIND[row.kind], state=ITEM_SET_STATE[row.state], tone=TONES[row.state],
            owner=listed.owner_of(db.session, row), former=former, own=own, waits=waits,
            changes=[_change(c) for c in rules.compare(before, [line.item for line in lines])],
            editable=own and row.state in item_sets.EDITABLE, submitter=name_of(db.session, row.submitted_by_id),
            decider=name_of(db.session, row.decided_by_id) if row.decided_at else "",
            checks=item_sets.findings(db.session, g.actor, row) if decides else [],
            may_export=g.actor.may(Verb.EXPORT), form=request.form,
        )  # fmt: skip
        return page, status

    def _form(self, row: ItemSet, draft: Draft, findings: list[Finding], status: int) -> Any:
        inherited = item_sets.inherited(db.session, row, row.from_on)
        page = self.render_template(
            "ta/items/form.html", title=_("编辑 %(name)s", name=item_sets.title_of(row)), row=row, draft=draft,
            findings=[f for f in findings if not f.ok], inherited=inherited, levels=LEVEL_SHORT, order=ORDER,
            kind=ITEM_KIND[row.kind], owner=listed.owner_of(db.session, row), limits=rules, today=clock.today(),
            counts=rules.counts(inherited), seen=text("row_version", 20) or row.row_version,
        )  # fmt: skip
        return page, status


# --- what the form holds


@dataclass(frozen=True, slots=True)
class Draft:
    """What stands in the form. `more`: by code of an inherited item what is said of it; `added`: rows of additions."""

    name: str
    from_on: str
    basis: str
    more: Mapping[str, Mapping[str, Any]]
    added: list[dict[str, Any]]
    items: list[Item] = field(default_factory=list)
    wrong: list[Finding] = field(default_factory=list)
    pasted: str = ""
    whole: bool = False
    blank: int = BLANK


def _stored(row: ItemSet) -> Draft:
    more = {one["of"]: one for one in row.rows if one.get("of")}
    added = [one for one in row.rows if not one.get("of")]
    return Draft(row.name, row.from_on.isoformat(), row.basis or "", more, added)


def _typed(inherited: tuple[Item, ...], kind: str) -> Draft:
    """The form as it came, as a whole list; pasted lines become rows of it."""
    more: dict[str, dict[str, Any]] = {}
    for item in inherited:
        said = {
            "more": text(f"more-{item.code}").strip(), "needs_test": bool(text(f"test-{item.code}", 5)),
            "measure": text(f"measure-{item.code}", 60).strip(),
        }  # fmt: skip
        if any(said.values()):
            more[item.code] = said
    count = min(number(text("rows", 5)) or 0, rules.MOST_ITEMS)
    added = [one for one in (_row_typed(n) for n in range(count)) if one["item"] or one["requirement"]]
    pasted = text("pasted", MOST_PASTED)
    lines, wrong = _pasted(pasted)
    whole = bool(text("whole", 5)) and bool(lines)
    base = {(item.level, str(item.item)): item for item in inherited}
    # A pasted line about an inherited item is that item as it is to read.
    as_pasted = {base[key].code: line for line in lines if (key := (line.level, str(line.item))) in base}
    items = []
    for item in inherited:
        line = as_pasted.get(item.code)
        if line is not None:
            tested = item.needs_test or line.needs_test
            items.append(replace(item, requirement=line.requirement, needs_test=tested, measure=line.measure))
        elif not whole:
            items.append(_finer(item, more.get(item.code, {})))
    new = [line for line in lines if (line.level, str(line.item)) not in base]
    items += [*(_item(one, kind) for one in added), *(replace(line, annex=kind) for line in new)]
    return Draft(
        text("name", 200), text("from_on", 20), text("basis", 2000), more, added, items, wrong, pasted,
        bool(text("whole", 5)),
        BLANK if count <= len(added) + BLANK else count - len(added),
    )  # fmt: skip


def _row_typed(n: int) -> dict[str, Any]:
    level = text(f"level-{n}", 20)
    return {
        "code": text(f"code-{n}", 20), "level": level if level in set(Level) else Level.HALF_MONTH.value,
        "item": " ".join(text(f"item-{n}").split()), "requirement": text(f"requirement-{n}", 1000).strip(),
        "needs_test": bool(text(f"test-new-{n}", 5)), "measure": text(f"measure-new-{n}", 60).strip(),
    }  # fmt: skip


def _item(one: Mapping[str, Any], kind: str) -> Item:
    return Item(
        str(one["code"]), kind, Level(one["level"]), str(one["item"]), str(one["requirement"]),
        bool(one["needs_test"]), str(one["measure"]),
    )  # fmt: skip


def _finer(item: Item, said: Mapping[str, Any]) -> Item:
    more = said.get("more") or ""
    return replace(
        item, requirement=f"{item.requirement}{JOINT}{more}" if more else item.requirement,
        needs_test=item.needs_test or bool(said.get("needs_test")), measure=said.get("measure") or item.measure,
    )  # fmt: skip


def _pasted(pasted: str) -> tuple[list[Item], list[Finding]]:
    """Lines out of a sheet: 周期, 项目, 要求, and the measured value's unit where one is to be written down."""
    found, wrong = [], []
    for place, line in enumerate(pasted.splitlines(), 1):
        cells = [" ".join(cell.split()) for cell in line.split("\t")]
        if not any(cells) or (place == 1 and cells[0] in ("周期", "Cycle")):
            continue
        level = next(_levels(cells[0]), None)
        if level is None or len(cells) < 3:
            said = _("第 %(n)s 行读不出周期、项目和要求", n=place)
            remedy = _("每行依次为：周期（半月、季度、半年、年度）、项目、要求、实测值单位，中间用制表符隔开")
            wrong.append(Finding(_("粘贴的项目"), False, said, remedy, field="pasted"))
            continue
        measure = cells[3] if len(cells) > 3 else ""
        unit = "" if measure in ("是", "√") else measure
        found.append(Item("", "", level, cells[1], cells[2], bool(measure), unit))
    return found, wrong


def _levels(cell: str) -> Iterator[Level]:
    word = cell.removesuffix("维保")
    for key, label in LEVEL_LABELS.items():
        if cell in (key.value, str(label), str(LEVEL_SHORT[key])):
            yield key
    if word in CYCLES:
        yield CYCLES[word]


# --- words and rows


def _row(pk: int) -> ItemSet:
    row: ItemSet = scope.visible(db.session, g.actor, ItemSet, pk, say("这个版本"))
    return row


def _may_start() -> bool:
    unit_id, _region = listed.place_of(db.session, g.actor)
    return bool(g.actor.may(Verb.ITEM_EDIT) and unit_id == g.actor.unit_id)


def _whose() -> str:
    return listed.whose(db.session, g.actor)


def _change(change: rules.Change) -> dict[str, Any]:
    """A change in words: what became of the item, its name, what it said and says."""
    old, new = change.old, change.new
    shown = new or old
    assert shown is not None
    word, tone = (_("新增"), "ok") if old is None else (_("取消"), "over") if new is None else (_("修改"), "near")
    return {
        "word": word, "tone": tone, "level": LEVEL_SHORT[shown.level], "item": shown.item,
        "old": _says(old), "new": _says(new),
    }  # fmt: skip


def _says(item: Item | None) -> str:
    if item is None:
        return ""
    if not item.needs_test:
        return str(item.requirement)
    asked = _("须填实测值（%(measure)s）", measure=item.measure) if item.measure else _("须填实测值")
    return f"{item.requirement}　{asked}"


def register(appbuilder: Any) -> None:
    """Add these pages."""
    screens.declare("Items", "can_read", Verb.VISIT_READ)
    screens.declare("Items", "can_edit", Verb.ITEM_EDIT)
    screens.declare("ItemSetPages", "can_read", Verb.VISIT_READ)
    screens.declare("ItemSetPages", "can_edit", Verb.ITEM_EDIT)
    screens.declare("ItemSetPages", "can_decide", Verb.APPLICATION_DECIDE)
    for view in (Items, ItemSetPages, ItemSets):
        appbuilder.add_view_no_menu(view)
