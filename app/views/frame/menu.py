"""The menu, by task and verb, and what the shell around every page shows. Costs one statement a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

from flask import Flask, current_app, g, request, url_for
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp
from flask_wtf.csrf import generate_csrf
from markupsafe import Markup
from sqlalchemy import func, select

from app import clock
from app.extensions import db
from app.listing import Moment, moment
from app.listing.counting import counted
from app.models import Notification, Region, Unit
from app.permissions import NOBODY, ROLE_LABEL, Actor, Verb
from app.views.frame.parts import part, part_with_holes
from app.wording import together


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the menu; shown to those who hold the verb. `count` names a provider in COUNTS.

    Pages under its own address are the entry's; `pages` are addresses elsewhere whose pages are its own as well.
    """

    label: Any
    endpoint: str
    icon: str
    verb: Verb
    count: str = ""
    pages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    label: Any
    entries: tuple[Entry, ...]


V = Verb
_ACCOUNTS = ("/roles/", "/tokens/", "/partner-accounts/")
MENU: tuple[Group, ...] = (
    Group("", (
        Entry(_l("首页"), "Home.index", "home", V.HOME),
        Entry(_lp("menu", "待我审批"), "Queue.list", "check", V.APPLICATION_DECIDE, "queue", (
            "/applications/", "/delegations/",
        )),
        Entry(_l("我的申请"), "OwnApplications.list", "send", V.APPLICATION_SUBMIT),
        Entry(_l("预警"), "Warnings.index", "warn", V.WARNING_READ, "warnings"),
    )),
    Group(_l("电梯与单位"), (
        Entry(_lp("many", "电梯"), "ElevatorScreen.list", "lift", V.ELEVATOR_READ, pages=(
            "/components/", "/landing-doors/", "/usual-parts/", "/labels/", "/attached/elevator/", "/applications/many",
        )),
        Entry(_l("电梯地图"), "ElevatorMap.list", "place", V.ELEVATOR_READ),
        Entry(_lp("many", "单位"), "UnitScreen.list", "unit", V.UNIT_READ, pages=(
            "/attached/unit/", "/applications/",  # of whoever only registers his unit
        )),
        Entry(_lp("menu", "人员与证书"), "People.list", "people", V.PERSON_READ, pages=("/attached/person/",)),
        Entry(_l("入职邀请"), "Invitations.list", "send", V.PERSON_READ),
        Entry(_lp("many", "维保合同"), "ContractScreen.list", "contract", V.CONTRACT_READ),
        Entry(_lp("many", "维保单位变更"), "UnitChangeScreen.list", "contract", V.APPLICATION_READ),
        Entry(_l("维保承诺书"), "Commitments.list", "file", V.COMMITMENT_READ),
        Entry(_l("医社保缴交"), "InsuranceRecords.list", "people", V.INSURANCE_READ),
    )),
    Group(_l("现场"), (
        Entry(_lp("many", "设备履历"), "LedgerScreen.list", "book", V.LEDGER_READ, pages=("/teams/", "/year-plans/")),
        Entry(_l("维保任务"), "TaskScreen.list", "tasks", V.ORDER_READ),
        Entry(_l("维保计划"), "OrderScreen.list", "calendar", V.ORDER_READ),
        Entry(_l("维保记录"), "VisitScreen.list", "wrench", V.VISIT_READ, "labels"),
        Entry(_l("维保项目"), "Items.index", "list", V.VISIT_READ, pages=("/item-sets/",)),
        Entry(_l("超期记录"), "OverdueScreen.list", "late", V.ORDER_READ),
        Entry(_l("检验检测"), "InspectionDueScreen.list", "check", V.INSPECTION_READ, pages=("/inspections/",)),
        Entry(_l("主体责任"), "SafetyPages.index", "check", V.SAFETY_READ),
        Entry(_l("巡检"), "Patrols.list", "list", V.PATROL_READ),
    )),
    Group(_l("应急与报修"), (
        Entry(_l("困人救援"), "RescueCentre.list", "warn", V.RESCUE_READ, "rescues"),
        Entry(_l("报修与维修"), "Repairs.list", "wrench", V.REPAIR_READ, "repairs"),
        Entry(_l("电梯异常"), "Anomalies.list", "warn", V.ANOMALY_READ, "anomalies"),
        Entry(_l("公众投诉"), "Complaints.list", "send", V.COMPLAINT_READ, "complaints", ("/messages/",)),
        Entry(_l("物联网"), "IotDevices.list", "console", V.IOT_READ, pages=("/iot/",)),
    )),
    Group(_l("监督检查"), (
        Entry(_l("签到核查"), "FraudCases.list", "audit", V.FRAUD_CASE, "fraud_cases", ("/fraud/",)),
        Entry(_l("双随机抽查"), "SpotChecks.list", "list", V.SPOT_READ, "spot_checks", ("/spot/",)),
        Entry(_l("约谈与处罚"), "EnforcementScreen.list", "warn", V.ENFORCEMENT_READ, "enforcement"),
        Entry(_lp("many", "申诉"), "AppealScreen.list", "inbox", V.APPLICATION_READ),
        Entry(_l("省平台核对"), "Differences.list", "check", V.REGISTER_SYNC),
    )),
    Group(_l("评价与数据"), (
        Entry(_l("六个率动态积分"), "ScoreTotals.list", "star", V.SCORE_READ, pages=("/scores/",)),
        Entry(_l("统计报表"), "Reports.index", "chart", V.REPORT_READ, pages=("/capacity/",)),
        Entry(_lp("many", "通报"), "Bulletins.list", "file", V.BULLETIN_READ),
        Entry(_l("数据驾驶舱"), "CockpitPage.index", "console", V.COCKPIT_READ),
        Entry(_l("导入"), "Imports.index", "upload", V.IMPORT),
        Entry(_l("后台任务"), "Jobs.index", "jobs", V.JOB_READ, pages=("/export-proof/",)),
    )),
    Group(_l("设置"), (
        Entry(_lp("many", "账号"), "Accounts.list", "key", V.ACCOUNT_CREATE, pages=_ACCOUNTS),
        Entry(_l("我的子用户"), "SubAccounts.list", "person", V.SUBACCOUNT_EDIT, pages=("/accounts/", *_ACCOUNTS)),
        Entry(_lp("many", "地区"), "RegionPages.index", "place", V.ACCOUNT_CREATE),
        Entry(_l("政策参数"), "Policy.index", "gear", V.POLICY_READ),
        Entry(_l("工作日历与时限"), "CalendarPages.index", "calendar", V.POLICY_READ),
        Entry(_l("审计日志"), "Audit.index", "audit", V.AUDIT_READ),
        Entry(_l("个人信息请求"), "PersonalRequests.list", "person", V.PRIVACY_DECIDE, pages=("/privacy/retention",)),
        Entry(_l("运维后台"), "ops.index", "console", V.OPS, pages=("/notices/log", "/notices/templates")),
    )),
)  # fmt: skip

# A number, its tone, and a note on it.
Said = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class Number:
    """A number in the menu: cheap scoped counts, asked in one statement with all others, and what they say.

    `parts` is asked once for all accounts of a kind (`app/listing/counting.py`), `wanted` each time: where it says no,
    `says` is given nothing. `by_policy`: the counts hang on policy.
    """

    parts: Callable[[Moment], Sequence[Any]]
    says: Callable[[Sequence[int]], Said]
    wanted: Callable[[], bool] = lambda: True
    by_policy: bool = False


COUNTS: dict[str, Number] = {}
# Groups of entries, their addresses by endpoint, and the one that is open.
Open = tuple[list[tuple[Any, list[Entry]]], dict[str, str], str]


class Shell:
    """What base.html asks for; each part is worked out only when a template names it."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor

    @property
    def signed_in(self) -> bool:
        return self.actor.user_id is not None and not g.get("bare_page", False)

    @property
    def alone_link(self) -> str:
        """Where a page without the frame leads back to: the home of whoever looks at it, on the phone the phone's."""
        if self.actor.user_id is None:
            return "/login/"
        return (self.field_link if request.path.startswith("/m/") else "") or "/"

    @property
    def lang(self) -> str:
        locale = get_locale()
        return "en" if locale is not None and locale.language == "en" else "zh-CN"

    @property
    def head(self) -> Markup:
        """What stands in the head of every page."""
        static = url_for("static", filename="", v=None)
        holes = {"csrf": generate_csrf(), "nonce": g.get("csp_nonce", "")}
        version = current_app.config["STATIC_VERSION"]
        return part_with_holes("ta/head.html", static, holes, static=static, version=version)

    @property
    def frame(self) -> Markup:
        """All that stands around a page's content: the menu, the search box, one's inbox, oneself."""
        facts: dict[str, Any] = {
            "place": self.place, "menu": self.menu, "unread": self.unread, "name": self.name, "roles": self.roles,
            "inbox_link": self.inbox_link, "jobs_link": self.jobs_link, "field_link": self.field_link,
            "help_link": self.help_link,
            "account_links": tuple(self.account_links), "alarm": self.alarm,
        }  # fmt: skip
        sought = request.args.get("q", "") if request.path == "/search/" else ""
        holes = {"csrf": generate_csrf(), "sought": sought}
        return part_with_holes("ta/shell.html", tuple(facts.values()), holes, **facts)

    @property
    def name(self) -> str:
        return self.actor.name

    @property
    def roles(self) -> str:
        return together(str(ROLE_LABEL[r]) for r in sorted(self.actor.roles))

    @property
    def place(self) -> str:
        """Where the actor belongs: his unit, else his region."""
        return self.ask().place or str(current_app.config.get("APP_REGION_LABEL", ""))

    def ask(self) -> Told:
        """All that the shell asks of the database, once a request, in one statement."""
        held: Told | None = g.get("shell_told")
        if held is None:
            held = g.shell_told = _ask(self.actor)
        return held

    @property
    def menu(self) -> Markup:
        """The entries of those verbs that the actor holds."""
        groups, links, here = self._open()
        numbers = self.ask().numbers
        key = (tuple(links.values()), here, tuple(numbers.items()), sum(len(entries) for _label, entries in groups))
        return part("ta/menu.html", key, groups=groups, links=links, here=here, numbers=numbers)

    def _open(self) -> Open:
        """The groups of those entries, their addresses by endpoint, and which one the page is under; once a request."""
        held: Open | None = g.get("shell_open")
        if held is None:
            groups = [
                (group.label, [e for e in group.entries if self.actor.may(e.verb) and _exists(e.endpoint)])
                for group in MENU
            ]
            entries = [entry for _label, found in groups for entry in found]
            links = {entry.endpoint: _address(entry.endpoint) for entry in entries}
            held = g.shell_open = groups, links, open_entry(entries, links)
        return held

    @property
    def above(self) -> tuple[str, str] | None:
        """The menu's entry that the page is under, its words and address; None on the entry's own page."""
        groups, links, here = self._open()
        if not here or links[here] == request.script_root + request.path:
            return None
        return next(str(e.label) for _label, entries in groups for e in entries if e.endpoint == here), links[here]

    def number(self, name: str) -> int:
        """What the menu says beside an entry; 0 where it says nothing."""
        return self.ask().numbers.get(name, (0, "", ""))[0]

    @property
    def unread(self) -> int:
        return self.ask().unread

    @property
    def inbox_link(self) -> str:
        return _link("Inbox.index")

    @property
    def jobs_link(self) -> str:
        return _link("Jobs.index") if self.actor.may(Verb.JOB_READ) else ""

    @property
    def field_link(self) -> str:
        if self.actor.may(Verb.VISIT_MAKE) or self.actor.may(Verb.VISIT_REVIEW):
            return "/m/"
        return "/m/patrols" if self.actor.may(Verb.PATROL_READ) else ""

    @property
    def help_link(self) -> str:
        return _link("field.help_index" if request.path.startswith("/m/") else "HandbookPages.index")

    @property
    def alarm(self) -> tuple[str, str] | None:
        """What is open of rescues, above every page of those who watch over them or go out; where it is asked.

        A unit is alarmed of its own cases only, and a use unit of none: it waits for them and can do nothing.
        """
        goes = self.actor.unit_id is None or self.actor.may(Verb.RESCUE_HANDLE)
        if not self.actor.may(Verb.RESCUE_READ) or not goes:
            return None
        return self.ask().numbers.get("rescues", (0, "", ""))[2], _link("RescueAlarm.index")

    @property
    def account_links(self) -> list[tuple[str, str]]:
        other = "zh_Hans_CN" if self.lang == "en" else "en"
        own = [
            (_("个人信息"), _link("Profile.show")), (_("修改密码"), _link("Password.change")),
            (_("通知设置"), _link("Notices.index")), (_("使用帮助"), self.help_link),
            (_("意见反馈"), _link("AboutPages.feedback")), (_("关于"), _link("AboutPages.index")),
        ]  # fmt: skip
        return [(w, to) for w, to in own if to] + [("中文" if self.lang == "en" else "English", f"/lang/{other}")]


def open_entry(entries: Sequence[Entry], links: dict[str, str]) -> str:
    """The endpoint of the entry, of those shown, whose page the request's is; "" for one's own pages and the top bar's.

    Of all addresses that the path begins with, the longest says: /applications/queue is no page of /applications/.
    """
    root, path = request.script_root, request.script_root + request.path
    best, found = "", ""
    for entry in entries:
        for start in (links[entry.endpoint], *(root + page for page in entry.pages)):
            holds = path == start or (start != f"{root}/" and path.startswith(start))
            if holds and len(start) > len(best):
                best, found = start, entry.endpoint
    return found


@dataclass(frozen=True, slots=True)
class Told:
    """What the database says for the shell: the actor's place, his unread messages, the menu's numbers."""

    place: str | None = None
    unread: int = 0
    numbers: dict[str, Said] = field(default_factory=dict)


def _ask(actor: Actor) -> Told:
    if actor.user_id is None:
        return Told()
    wanted = dict.fromkeys(e.count for group in MENU for e in group.entries if e.count in COUNTS and actor.may(e.verb))
    asked = tuple(name for name in wanted if COUNTS[name].wanted())

    def parts(now: Moment) -> dict[str, Sequence[Any]]:
        return {"": _of_the_person(now.actor), **{name: COUNTS[name].parts(now) for name in asked}}

    by_policy = any(COUNTS[name].by_policy for name in asked)
    answers = counted(moment(db.session, actor), asked, parts, by_policy=by_policy)
    place, unread = answers[""]
    return Told(place, unread, {name: COUNTS[name].says(answers.get(name, ())) for name in wanted})


def _of_the_person(actor: Actor) -> Sequence[Any]:
    """His place's name and his unread messages."""
    unit = select(Unit.name).where(Unit.id == actor.unit_id)
    region = select(Region.name).where(Region.code == (actor.region_code or ""))
    unread = select(func.count()).where(
        Notification.recipient_id == actor.user_id, Notification.read_at.is_(None), Notification.channel == "inbox",
        Notification.state == "sent",
    )  # fmt: skip
    return (unit if actor.unit_id is not None else region).scalar_subquery(), unread.scalar_subquery()


@cache
def _endpoints(app: Flask) -> frozenset[str]:
    return frozenset(r.endpoint for r in app.url_map.iter_rules())


def _exists(endpoint: str) -> bool:
    return endpoint in _endpoints(current_app._get_current_object())  # type: ignore[attr-defined]


def _link(endpoint: str) -> str:
    return _address(endpoint) if _exists(endpoint) else ""


def _address(endpoint: str) -> str:
    return _addresses(current_app._get_current_object(), request.script_root, endpoint)  # type: ignore[attr-defined]


@lru_cache(maxsize=1000)
def _addresses(_app: Flask, _root: str, endpoint: str) -> str:
    return url_for(endpoint)


def install(app: Flask) -> None:
    """Give every template `shell`, and FAB's scripts the page's nonce."""

    @app.context_processor
    def _shell() -> dict[str, Any]:
        return {"shell": Shell(g.get("actor", NOBODY))}

    app.jinja_env.filters["until"] = clock.until
    # A context processor does not reach macros that FAB imports without context.
    app.jinja_env.globals["csp_nonce"] = lambda: g.get("csp_nonce", "")



