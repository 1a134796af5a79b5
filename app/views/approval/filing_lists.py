"""The lists of elevators, units and applications, with bulk 上报."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar
from urllib.parse import urlencode

from flask import flash, g, redirect, request
from flask_appbuilder import expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup

from app import clock, scope
from app.extensions import db
from app.listing import moment
from app.listings.applications import APPLICATIONS
from app.listings.elevators import ELEVATORS, state_of, with_parts
from app.listings.units import UNITS
from app.models import Application, Elevator, Unit
from app.models.choices import (
    APPLICATION_KIND,
    APPLICATION_STATE,
    CATEGORY,
    ELEVATOR_STATUS,
    FILING_STATE,
    UNIT_KINDS,
    word,
)
from app.models.policy import policy_value
from app.permissions import Verb, require
from app.reports import label_sheet
from app.rules import parts
from app.rules.inspection import WarningLevel, warning_level
from app.views.approval import apply_many
from app.views.frame import whole_list
from app.views.frame.base import (
    Button,
    Deed,
    Screen,
    countdown,
    cut,
    firm,
    import_button,
    limit_cell,
    mark,
    one_line,
    pill,
    two,
)
from app.views.frame.clock_words import approval_due, read_calendars, why_due
from app.views.frame.deeds import NEW_CONTRACT
from app.views.frame.filing_words import about, day_time
from app.views.frame.labels import MOST as MOST_LABELS
from app.views.frame.labels import keys_of
from app.views.frame.told import told
from app.views.frame.whole_list import ALL_DRAFTS
from app.wording import together
from app.workflows.desk import applications, mend_many
from app.workflows.filing import filing, usual_parts

STATUS_TONE = {"notified": "info", "in_use": "ok", "suspended": "over", "scrapped": "gone"}
STATES = ELEVATOR_STATUS | FILING_STATE
# Of all that a list found, how many are looked at before a job takes them.
LOOKED_AT = 500
# Of a sub-account made without elevators: it may neither register nor give itself any.
NONE_GIVEN = _l("还没有分配给您的电梯。请本单位主账号在“我的子用户”里点“分配电梯”。")
FILING_TONE = {"draft": "info", "pending": "near", "approved": "ok", "rejected": "over"}
STATE_TONE = STATUS_TONE | FILING_TONE
APPLICATION_TONE = {
    "submitted": "near", "accepted": "near", "endorsed": "near", "returned": "near", "approved": "ok",
    "rejected": "over",
}  # fmt: skip


def submit_one(model: Any) -> Any:
    """审核上报 of one chosen row; says which application came of it."""

    def submit(session: Any, actor: Any, key: int, at: dt.datetime) -> str:
        row = scope.visible(session, actor, model, key)
        return f"{row!r} → {filing.submit(session, actor, row, at).number}"

    return submit


def delete_one(model: Any) -> Any:
    """删除草稿 of one chosen row that was never handed in; says which it was."""

    def remove(session: Any, actor: Any, key: int, at: dt.datetime) -> str:
        row = scope.visible(session, actor, model, key)
        name = f"{row!r}"
        filing.delete_draft(session, actor, row, at)
        return name

    return remove


def fill_one(session: Any, actor: Any, key: int, at: dt.datetime) -> str:
    """登记常用组件 of one chosen elevator, with its doors where its lowest landing was typed; says what was made."""
    lowest = _lowest()
    done = usual_parts.fill(session, actor, key, at, lowest=lowest if isinstance(lowest, int) else None)
    row = scope.visible(session, actor, Elevator, key)
    if not (done.parts or done.doors):
        return str(_("%(code)s：没有要补的", code=row.code))
    if done.doors:
        return str(_("%(code)s：组件 %(n)s 个，层门 %(m)s 个", code=row.code, n=done.parts, m=done.doors))
    return str(_("%(code)s：组件 %(n)s 个", code=row.code, n=done.parts))


def _lowest() -> int | str | None:
    """最低层 beside the deed, as it was typed where it is no number; None: no doors are wanted."""
    typed = request.form.get("lowest", "").strip()[:12]
    digits = typed.removeprefix("-")
    if not typed:
        return None
    return int(typed) if digits.isascii() and digits.isdigit() else typed


def _near(key: str, row: Any) -> int:
    """The near days of the row's region, asked once a page for each region."""
    kept: dict[tuple[str, str], int] = g.setdefault("near_days", {})
    place = (key, row.region_code)
    if place not in kept:
        kept[place] = int(policy_value(db.session, key, row.region_code, clock.today()) or 0)
    return kept[place]


def _place(row: Elevator) -> Markup:
    place = two(row.address, CATEGORY.get(row.category, row.category))
    return place + Markup(" ") + mark(_("涉密"), "secret") if row.is_secret else place


def _limit(row: Elevator) -> Markup:
    held = row.maintenance_clock
    if held is None or row.status == "scrapped":
        return countdown(None)
    return limit_cell(held)


def _marked(day: dt.date | None, near_days: int) -> Any:
    """A day, yellow when near, red when over."""
    level = warning_level(day, clock.today(), near_days)
    if day is None or level is None:
        return day or "—"
    return mark(day, "over" if level is WarningLevel.OVER else "near")


def _cover(row: Elevator) -> Any:
    held = row.maintenance_clock
    if held is None or row.status in ("scrapped", "notified"):
        return "—"
    if held.covered_until is None or held.covered_until < clock.today():
        return mark(_("已脱保"), "over")
    return _marked(held.covered_until, _near("near_contract_days", row))


def _filing(row: Any) -> Markup:
    return pill(FILING_STATE[row.filing_state], FILING_TONE[row.filing_state])


class ElevatorScreen(Screen):
    """电梯."""

    datamodel = SQLAInterface(Elevator)
    route_base = "/elevators"
    listing = ELEVATORS
    verb = Verb.ELEVATOR_READ
    cells: ClassVar[dict[str, Any]] = {
        "address": _place,
        "use_unit": lambda row: firm(row.use_unit.name) if row.use_unit else "—",
        "maintenance_unit": lambda row: firm(row.maintenance_unit.name) if row.maintenance_unit else "—",
        "status": lambda row: pill(STATES[state_of(row)], STATE_TONE[state_of(row)]),
        "limit_on": _limit,
        "next_inspection_on": lambda row: _marked(row.next_inspection_on, _near("near_inspection_days", row)),
        "covered_until": _cover,
        "filing_state": _filing,
    }
    buttons: ClassVar[list[Button]] = [
        Button(_l("在地图上看"), "ElevatorMap.list", Verb.ELEVATOR_READ, icon="place", carries=True),
        import_button("elevators", Verb.ELEVATOR_EDIT),
        Button(_l("新增备案"), "ElevatorPages.new", Verb.ELEVATOR_EDIT, main=True),
        Button(_l("制作标签"), "LabelPages.found", label_sheet.PRINTS, icon="list", carries=True),
        Button(_l("分配给子用户"), "Assigning.assign", Verb.SUBACCOUNT_EDIT, icon="people", carries=True),
    ]
    deeds: ClassVar[list[Deed]] = [
        Deed(
            "submit", _l("审核上报"), Verb.FILING_SUBMIT, submit_one(Elevator), _l("上报所选电梯？每一台单独核对。"),
            every="submit", ask_every=ALL_DRAFTS,
        ),
        # Leads to a form for all of them (`apply_many`).
        Deed(
            "apply", _l("批量申请"), Verb.APPLICATION_SUBMIT, lambda *_: None, every="apply",
            ask_every=_l("为列表筛选出的全部电梯一起申请，不只是本页？下一步选事项、填写一次，核对后再确认提交。"),
        ),
        NEW_CONTRACT,
        Deed("labels", _l("打印标签"), label_sheet.PRINTS, lambda *_: None),
        Deed(
            "parts", _l("登记常用组件"), Verb.COMPONENT_EDIT, fill_one,
            _l("按常用清单给所选电梯登记组件？已有的和曾有的不重复登记。填了最低层的，同时给还没有层门的生成层门；须同在一个楼盘。"),
            every="usual_parts",
            ask_every=_l("按常用清单给列表筛选出的全部电梯登记组件，不只是本页？由后台逐台完成。填了最低层的，同时生成层门；须同在一个楼盘。"),
            number=("lowest", _l("最低层（可不填）")),
        ),
        Deed(
            "delete", _l("删除草稿"), Verb.ELEVATOR_EDIT, delete_one(Elevator),
            _l("删除所选电梯的草稿？只删从没有上报过、也没有记录的，其余保留并说明原因；删除后不能恢复。"),
        ),
    ]
    empty_text = _l("还没有电梯。登记电梯并上报，审核通过后才生效。")
    empty_links: ClassVar[list[Any]] = [(_l("新增备案"), "ElevatorPages.new", Verb.ELEVATOR_EDIT)]

    def more(self, now: Any, query: Any, page: Any) -> dict[str, Any]:
        return {} if g.actor.sees_all_elevators else {"empty_said": NONE_GIVEN}

    def row_link(self, row: Elevator) -> str:
        return f"/elevators/{row.id}"

    @expose("/deed/<string:name>", methods=["POST"])
    @has_access
    @permission_name("list")
    def deed(self, name: str) -> Any:
        """Labels are a page to print, an application begins with a form: neither is done to rows here."""
        if name == "parts" and _lowest() is not None:
            return self._with_doors()
        if name == "apply":
            return redirect(apply_many.start(self.listing.name, "every" in request.form, request.form.getlist("ids")))
        if name != "labels":
            return super().deed(name)
        keys = keys_of(request.form.getlist("ids"))[:MOST_LABELS]
        return redirect(f"/labels/?{urlencode([('ids', key) for key in keys])}")

    def _with_doors(self) -> Any:
        """Parts and doors, for elevators of which one lowest landing can be said."""
        lowest, back = _lowest(), self._link(request.query_string.decode())
        given = keys_of(request.form.getlist("ids"))
        findings = [parts.floor_finding(0 if lowest is None else lowest)]
        if "every" in request.form:
            # The first of them tell most mistakes at once; the job asks of all.
            found = with_parts(moment(db.session, g.actor), self.listing.read(request.args.to_dict()))
            given = list(db.session.scalars(found.limit(LOOKED_AT)))
        findings.append(usual_parts.of_one_estate(db.session, g.actor, given))
        wrong = [told(str(finding)) for finding in findings if not finding.ok]
        if wrong:
            flash(together(wrong, "；"), "warning")
            return redirect(back)
        if "every" in request.form:
            require(g.actor, Verb.COMPONENT_EDIT)
            label = next(deed.label for deed in self.deeds if deed.name == "parts")
            return whole_list.enter("usual_parts", self.listing, label, back, lowest=lowest)
        return super().deed("parts")

    def row_tone(self, row: Elevator) -> str:
        return "is-stop" if row.status == "suspended" else ""


class UnitScreen(Screen):
    """单位."""

    datamodel = SQLAInterface(Unit)
    route_base = "/units"
    listing = UNITS
    verb = Verb.UNIT_READ
    cells: ClassVar[dict[str, Any]] = {
        "name": lambda row: two(row.name, row.address or "", 18),
        "kinds": lambda row: together(str(UNIT_KINDS[k]) for k in row.kinds) or "—",
        "licence_until": lambda row: _marked(row.licence_until, _near("near_certificate_days", row)),
        "filing_state": _filing,
    }
    buttons: ClassVar[list[Button]] = [Button(_l("登记单位"), "UnitPages.new", Verb.UNIT_EDIT, main=True)]
    deeds: ClassVar[list[Deed]] = [
        Deed(
            "submit", _l("审核上报"), Verb.FILING_SUBMIT, submit_one(Unit), _l("上报所选单位？每一家单独核对。"),
            every="submit", ask_every=ALL_DRAFTS,
        ),
        Deed(
            "delete", _l("删除草稿"), Verb.UNIT_EDIT, delete_one(Unit),
            _l("删除所选单位的草稿？只删从没有上报过、也没有记录的，其余保留并说明原因；删除后不能恢复。"),
        ),
    ]
    empty_text = _l("还没有单位。登记单位并上报，审核通过后进入名录。")

    def row_link(self, row: Unit) -> str:
        return f"/units/{row.id}"


def _withdraw(session: Any, actor: Any, key: int, at: dt.datetime) -> str:
    """撤回 of one chosen application; says which it was."""
    return applications.withdraw(session, actor, key, at).number


class OwnApplications(Screen):
    """申请: what one's unit asked for; for a regulator, all of the region."""

    datamodel = SQLAInterface(Application)
    route_base = "/applications"
    listing = APPLICATIONS
    template = "ta/filing/own.html"
    verb = Verb.APPLICATION_READ
    buttons: ClassVar[list[Button]] = [
        Button(_l("办理申请"), "ApplicationStart.new", Verb.APPLICATION_SUBMIT, main=True)
    ]
    deeds: ClassVar[list[Deed]] = [
        Deed(
            "withdraw", _l("撤回所选"), Verb.APPLICATION_SUBMIT, _withdraw,
            _l("撤回所选申请？没有决定的撤回，已核准、没到生效日的取消，不再生效；其余保留并说明原因。"),
        )
    ]
    cells: ClassVar[dict[str, Any]] = {
        "kind": lambda row: one_line(word(APPLICATION_KIND, row.kind)),
        "title": lambda row: cut(about(row), 22),
        "unit": lambda row: firm(row.unit.name) if row.unit else "—",
        "submitted_at": lambda row: one_line(day_time(row.submitted_at)),
        "state": lambda row: pill(APPLICATION_STATE[row.state], APPLICATION_TONE.get(row.state, "gone")),
        "due_at": lambda row: _time_left(row),
    }
    empty_text = _l("还没有申请。在单位或电梯页面上报、申请后，这里可以看到进度和意见。")

    def more(self, now: Any, query: Any, page: Any) -> dict[str, Any]:
        """How many of a batch stand returned, where the list is of one and the reader may put them right together.
        What the limits of all rows hang on is read at once."""
        read_calendars(row for row in page.rows if row.is_open)
        batch = query.filters.get("batch", "")
        if not g.actor.may(Verb.APPLICATION_SUBMIT) or not (batch.isascii() and batch.isdigit() and len(batch) < 16):
            return {}
        return {"batch": int(batch), "returned": mend_many.count(db.session, g.actor, int(batch))}

    def row_link(self, row: Application) -> str:
        return f"/applications/{row.id}"


def _time_left(row: Application) -> Any:
    return countdown(approval_due(row), why_due(row)) if row.is_open else countdown(None)


def register(appbuilder: Any) -> None:
    """Add the lists."""
    for screen in (ElevatorScreen, UnitScreen, OwnApplications):
        appbuilder.add_view_no_menu(screen)
