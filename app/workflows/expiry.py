"""Who is told that a paper ends (PER-06, UNT-10): the person, and the unit's main account; each step once.

What was told is kept (`ToldExpiry`), so a day that was missed is caught up and nothing is sent twice. A unit is one
transaction: cut short, the run goes on where it was.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import and_, exists, func, literal, or_, select
from sqlalchemy.orm import aliased

from app import clock
from app.models import Account, Commitment, GradeCertificate, Person, ToldExpiry, Unit
from app.models.among import among
from app.models.policy import policy_groups, policy_value
from app.permissions import Verb
from app.policy import Key
from app.rules.expiry import LONGEST_OVER_DAYS, OVER, is_due, rest_words
from app.transaction import AnySession, insert_of, transaction
from app.wording import say, together
from app.workflows import outbox

STEPS = (Key.EXPIRY_FIRST_DAYS, Key.EXPIRY_SECOND_DAYS, Key.EXPIRY_LAST_DAYS)
MOST_NAMES = 20
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
    """Tell of every paper whose step is due; how many papers, and how many notices were new."""
    today = clock.local_day(at)
    due = due_by_unit(session, today)
    session.rollback()
    papers = notices = 0
    for number, (unit_id, some) in enumerate(due):
        with transaction(session):
            told = _tell(session, unit_id, some, today, at)
        papers, notices = papers + told[0], notices + told[1]
        if progress is not None:
            progress(number + 1, len(due))
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
    statement = select(
        paper.unit, paper.region, paper.model.id, paper.until, person, name,
        told.correlate(paper.model).scalar_subquery(),
    ).select_from(paper.model)  # fmt: skip
    if paper.model is not Person and paper.person is not None:
        statement = statement.join(Person, Person.id == paper.person)
    if paper.model is not Unit and paper.person is None:
        statement = statement.join(Unit, Unit.id == paper.unit)
    window = paper.until.between(today - dt.timedelta(days=LONGEST_OVER_DAYS), today + dt.timedelta(days=far))
    return statement.where(window, paper.holds()).order_by(paper.model.id).execution_options(skip_scope=True)


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
    statement = insert_of(session, ToldExpiry).values(
        [{"paper": one.paper.name, "entity_id": one.key, "until": one.until, "step": one.step, "told_at": at}
         for one in due]
    )  # fmt: skip
    kept = statement.on_conflict_do_nothing().returning(ToldExpiry.paper, ToldExpiry.entity_id)
    first = {(paper, key) for paper, key in session.execute(kept)}
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
        body = say("有效期至 %(until)s。%(way)s", until=first.until, way=_way(over))
        return outbox.notify(session, at, heads, "expiry", title, body, link)
    title = say(
        "%(count)s 人的%(words)s%(more)s", count=len(due), words=paper.words, more="已经到期" if over else "即将到期"
    )
    link = paper.listing.format(first=named[0].until, last=named[-1].until)
    body = together(f"{one.name} {one.until}" for one in named[:MOST_NAMES])
    if len(named) > MOST_NAMES:
        body += say(" 等 %(count)s 人", count=len(named))
    return outbox.notify(session, at, heads, "expiry", title, say("%(body)s。%(way)s", body=body, way=_way(over)), link)


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
        body = say("有效期至 %(until)s。%(way)s", until=until, way=_way(due[0].step == OVER))
        written += outbox.notify(session, at, found, "expiry", title, body, OWN_PAGE)
    return written


def _page_of(one: Due) -> int:
    return one.person_id if one.person_id is not None else one.key


def _way(over: bool) -> str:
    return "到期后可能不能签到或承接业务，请换证并更新" if over else "请在到期前换证并更新"


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
)  # fmt: skip
