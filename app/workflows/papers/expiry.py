"""Who is told that a paper ends (PER-06, UNT-10): the person, and the unit's main account; each step once.

What was told is kept (`ToldExpiry`), so a day that was missed is caught up and nothing is sent twice. A unit is one
transaction: cut short, the run goes on where it was, and what goes wrong with one unit keeps nobody else from hearing.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

from sqlalchemy import and_, exists, func, literal, or_, select
from sqlalchemy.orm import aliased

from app import clock
from app.errors import Refusal
from app.models import (
    Account,
    Commitment,
    Component,
    Elevator,
    GradeCertificate,
    InspectionClock,
    Person,
    ToldExpiry,
    Unit,
)
from app.models.among import among
from app.models.policy import policy_groups, policy_value
from app.permissions import Verb
from app.policy import Key
from app.rules.expiry import LONGEST_OVER_DAYS, OVER, is_due, rest_words
from app.transaction import AnySession, insert_of
from app.wording import say, together
from app.workflows.core import outbox
from app.workflows.core.one_of_many import at_end, or_kept

STEPS = (Key.EXPIRY_FIRST_DAYS, Key.EXPIRY_SECOND_DAYS, Key.EXPIRY_LAST_DAYS)
MOST_NAMES = 20
# Rows of one INSERT: PostgreSQL takes no more than 65,535 parameters.
AT_ONCE = 500
OWN_PAGE = "/m/me/data"


@dataclass(frozen=True, slots=True)
class Paper:
    """A kind of paper: its words, where its last day stands, what of it counts, who in a unit answers for it.

    `person`: whose it is, None for the unit's own. `page` leads to one, `listing` to those from a first to a last day.
    """

    name: str
    words: str
    model: Any
    until: Any
    unit: Any
    region: Any
    person: Any
    holds: Callable[[], Any]
    verb: Verb
    page: str
    listing: str
    # What is no paper of a person or the unit: how one of it is called, what several are, what is to be done before
    # and after, and what else is read for it.
    named: Any = None
    several: str = "%(count)s 人的%(words)s%(more)s"
    ways: tuple[str, str] = ("请在到期前换证并更新", "到期后可能不能签到或承接业务，请换证并更新")
    join: tuple[Any, Any] | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """One paper whose next step is to be told."""

    paper: Paper
    key: int
    until: dt.date
    step: int
    person_id: int | None
    name: str


def run(session: Any, at: dt.datetime, progress: Callable[[int, int], None] | None = None) -> dict[str, int]:
    """Tell of every paper whose step is due; how many papers, and how many notices were new.

    Units that met a fault are refused together once all others were told: whoever runs it says so.
    """
    today = clock.local_day(at)
    due = due_by_unit(session, today)
    session.rollback()
    papers = notices = 0
    faults: list[Refusal] = []
    for number, (unit_id, some) in enumerate(due):
        deed = partial(_tell, unit_id=unit_id, due=some, today=today, at=at)
        told = or_kept(session, deed, f"papers of unit {unit_id}", faults) or (0, 0)
        papers, notices = papers + told[0], notices + told[1]
        if progress is not None:
            progress(number + 1, len(due))
    at_end("证书到期通知", say("%(n)s 个单位没有通知，其余的已经通知", n=len(faults)), faults)
    return {"papers": papers, "notices": notices}


def due_by_unit(session: AnySession, today: dt.date) -> list[tuple[int, list[Due]]]:
    """What is to be told today, by unit."""
    found: list[tuple[int, Due]] = []
    days: dict[str, list[int | None]] = {}
    for paper in PAPERS:
        for unit_id, region, key, until, person_id, name, told in session.execute(_near(session, paper, today)):
            if region not in days:
                days[region] = [policy_value(session, step, region, today) for step in STEPS]
            step = is_due(until, today, days[region], told)
            if step is not None:
                found.append((unit_id, Due(paper, key, until, step, person_id, name)))
    found.sort(key=lambda pair: pair[0])
    return [(unit, [due for _u, due in some]) for unit, some in groupby(found, key=lambda pair: pair[0])]


def _near(session: AnySession, paper: Paper, today: dt.date) -> Any:
    """Papers whose last day is near enough anywhere, with the furthest step that was told of it."""
    far = max(
        (int(value) for key in STEPS for value, _where in policy_groups(session, key, today, paper.region) if value),
        default=0,
    )
    told = select(func.min(ToldExpiry.step)).where(
        ToldExpiry.paper == paper.name, ToldExpiry.entity_id == paper.model.id, ToldExpiry.until == paper.until
    )
    person, name = (paper.person, Person.name) if paper.person is not None else (literal(None), Unit.name)
    name = name if paper.named is None else paper.named
    statement = select(
        paper.unit, paper.region, paper.model.id, paper.until, person, name,
        # Of this very paper, also where its last day stands in another table (`paper.join`).
        told.correlate_except(ToldExpiry).scalar_subquery(),
    ).select_from(paper.model)  # fmt: skip
    if paper.model is not Person and paper.person is not None:
        statement = statement.join(Person, Person.id == paper.person)
    if paper.model is not Unit and paper.person is None and paper.named is None:
        statement = statement.join(Unit, Unit.id == paper.unit)
    if paper.join is not None:
        statement = statement.join(*paper.join)
    window = paper.until.between(today - dt.timedelta(days=LONGEST_OVER_DAYS), today + dt.timedelta(days=far))
    # An elevator may have no use unit: then there is nobody to tell.
    told_to = statement.where(window, paper.unit.is_not(None), paper.holds())
    return told_to.order_by(paper.model.id).execution_options(skip_scope=True)


def _tell(session: AnySession, unit_id: int, due: list[Due], today: dt.date, at: dt.datetime) -> tuple[int, int]:
    """Keep what is told and tell it, to the unit once a kind of paper and whether it is over."""
    new = _first_told(session, due, at)
    heads: dict[Verb, list[int]] = {}
    written = 0
    groups: dict[tuple[str, bool], list[Due]] = defaultdict(list)
    for one in new:
        groups[one.paper.name, one.step == OVER].append(one)
    for some in groups.values():
        paper = some[0].paper
        if paper.verb not in heads:
            heads[paper.verb] = _heads(session, unit_id, paper.verb)
        written += _tell_unit(session, heads[paper.verb], some, today, at)
        written += _tell_persons(session, some, set(heads[paper.verb]), today, at)
    return len(new), written


def _first_told(session: AnySession, due: list[Due], at: dt.datetime) -> list[Due]:
    """What this run is the one to tell: of two at once the table's key decides."""
    first: set[tuple[str, int]] = set()
    for start in range(0, len(due), AT_ONCE):
        statement = insert_of(session, ToldExpiry).values(
            [{"paper": one.paper.name, "entity_id": one.key, "until": one.until, "step": one.step, "told_at": at}
             for one in due[start : start + AT_ONCE]]
        )  # fmt: skip
        kept = statement.on_conflict_do_nothing().returning(ToldExpiry.paper, ToldExpiry.entity_id)
        first.update((paper, key) for paper, key in session.execute(kept))
    return [one for one in due if (one.paper.name, one.key) in first]


def _tell_unit(session: AnySession, heads: list[int], due: list[Due], today: dt.date, at: dt.datetime) -> int:
    paper, first, over = due[0].paper, due[0], due[0].step == OVER
    named = sorted(due, key=lambda one: one.until)
    if len(due) == 1:
        title, link = (
            say(
                "%(name)s的%(words)s%(rest_words)s",
                name=first.name,
                words=paper.words,
                rest_words=rest_words(first.until, today),
            ),
            paper.page.format(_page_of(first)),
        )
        body = say("有效期至 %(until)s。%(way)s", until=first.until, way=paper.ways[over])
        return outbox.notify(session, at, heads, "expiry", title, body, link)
    more = "已经到期" if over else "即将到期"
    title = say(paper.several, count=len(due), words=paper.words, more=more)
    link = paper.listing.format(first=named[0].until, last=named[-1].until)
    body = together(f"{one.name} {one.until}" for one in named[:MOST_NAMES])
    if len(named) > MOST_NAMES:
        body += say(" 等 %(count)s 项", count=len(named))
    told = say("%(body)s。%(way)s", body=body, way=paper.ways[over])
    return outbox.notify(session, at, heads, "expiry", title, told, link)


def _tell_persons(session: AnySession, due: list[Due], heads: set[int], today: dt.date, at: dt.datetime) -> int:
    """Each by his own accounts, all of a day in the same words; the main account has been told for the unit."""
    days: dict[dt.date, set[int]] = defaultdict(set)
    for one in due:
        if one.person_id is not None:
            days[one.until].add(one.person_id)
    persons = sorted(set[int]().union(*days.values()))
    own = select(Account.person_id, Account.id).where(
        among(session, Account.person_id, persons), Account.active.is_(True)
    )
    rows = session.execute(own.execution_options(skip_scope=True)).all() if persons else []
    accounts = [(person_id, key) for person_id, key in rows if key not in heads]
    written = 0
    for until, some in days.items():
        found = [key for person_id, key in accounts if person_id in some]
        title = say("您的%(words)s%(rest_words)s", words=due[0].paper.words, rest_words=rest_words(until, today))
        body = say("有效期至 %(until)s。%(way)s", until=until, way=due[0].paper.ways[due[0].step == OVER])
        written += outbox.notify(session, at, found, "expiry", title, body, OWN_PAGE)
    return written


def _page_of(one: Due) -> int:
    return one.person_id if one.person_id is not None else one.key


def _heads(session: AnySession, unit_id: int, verb: Verb) -> list[int]:
    """The unit's main account; where it has none, whoever there keeps such papers."""
    able = outbox.accounts_of_unit(session, unit_id, verb)
    main = select(Account.id).where(Account.id.in_(able), Account.is_main.is_(True))
    return list(session.scalars(main.execution_options(skip_scope=True))) or able


# --- the papers


def _here() -> Any:
    return Person.left_on.is_(None)


def _last_of(model: Any, *same: Any) -> Any:
    """Approved, and no other that was approved and is the same in these columns lasts longer, or for ever."""
    other = aliased(model)
    later = or_(
        other.valid_until.is_(None), other.valid_until > model.valid_until,
        and_(other.valid_until == model.valid_until, other.id > model.id),
    )  # fmt: skip
    alike = (getattr(other, column.key) == column for column in same)
    return and_(
        model.state == "approved", ~exists().where(*alike, other.state == "approved", later).correlate(model)
    )


def _grades() -> Any:
    held = _last_of(GradeCertificate, GradeCertificate.person_id, GradeCertificate.grade)
    return and_(_here(), Person.unit_id == GradeCertificate.unit_id, held)


def _in_use() -> Any:
    return and_(Elevator.approved_version > 0, Elevator.status == "in_use")


_LIFTS = "%(count)s 台电梯的%(words)s%(more)s"
_CLOCK = (InspectionClock, InspectionClock.elevator_id == Elevator.id)
_CHECK = ("请在到期前完成并上传报告", "已经到期，请尽快完成并上传报告")


def _check(name: str, words: str, until: Any, filter_name: str) -> Paper:
    """A check of an elevator that its maintenance unit sees to."""
    return Paper(
        name, words, Elevator, until, Elevator.maintenance_unit_id, Elevator.region_code, None, _in_use,
        Verb.INSPECTION_REPORT, "/elevators/{}", _due_list(filter_name), Elevator.code, _LIFTS, _CHECK, _CLOCK,
    )  # fmt: skip


def _due_list(filter_name: str) -> str:
    days = f"&f_{filter_name}_from={{first}}&f_{filter_name}_to={{last}}" if filter_name else ""
    return f"/inspections/due/?tab=all{days}"


PAPERS: tuple[Paper, ...] = (
    Paper(
        "certificate", "作业人员证", Person, Person.certificate_until, Person.unit_id, Person.region_code, Person.id,
        _here, Verb.PERSON_EDIT, "/people/{}", "/people/?f_until_from={first}&f_until_to={last}",
    ),
    Paper(
        "declaration", "自我声明承诺书", Person, Person.declaration_until, Person.unit_id, Person.region_code,
        Person.id, _here, Verb.PERSON_EDIT, "/people/{}", "/people/?f_declared_from={first}&f_declared_to={last}",
    ),
    Paper(
        "grade", "等级证书", GradeCertificate, GradeCertificate.valid_until, GradeCertificate.unit_id,
        GradeCertificate.region_code, GradeCertificate.person_id, _grades, Verb.PERSON_EDIT, "/people/{}",
        "/people/",
    ),
    Paper(
        "licence", "许可证", Unit, Unit.licence_until, Unit.id, Unit.region_code, None,
        lambda: Unit.approved_version > 0, Verb.UNIT_EDIT, "/units/{}", "/units/mine",
    ),
    Paper(
        "commitment", "维保承诺书", Commitment, Commitment.valid_until, Commitment.unit_id, Commitment.region_code,
        None, lambda: _last_of(Commitment, Commitment.unit_id), Verb.COMMITMENT_EDIT, "/commitments/{}",
        "/commitments/",
    ),
    Paper(
        "inspection", "检验", Elevator, Elevator.next_inspection_on, Elevator.use_unit_id, Elevator.region_code, None,
        _in_use, Verb.INSPECTION_REPORT, "/elevators/{}", _due_list("next_inspection"), Elevator.code, _LIFTS,
        ("请在到期前一个月申请检验或安排检测", "已过检验有效期，请停止使用并尽快申请检验"),
    ),
    _check("governor", "限速器校验", InspectionClock.governor_due_on, "governor"),
    Paper(
        "component", "组件寿命", Component, Component.due_on, Elevator.maintenance_unit_id, Component.region_code, None,
        lambda: and_(_in_use(), Component.ended_on.is_(None)), Verb.COMPONENT_EDIT, "/components/{}",
        "/components/?tab=all&f_due_from={first}&f_due_to={last}", Elevator.code, "%(count)s 个组件的寿命%(more)s",
        ("寿命将到，请安排更换", "寿命已到，请尽快更换并登记"), (Elevator, Elevator.id == Component.elevator_id),
    ),
    _check("brake", "制动试验", InspectionClock.brake_due_on, ""),
)  # fmt: skip
