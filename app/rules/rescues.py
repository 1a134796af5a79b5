"""What becomes of a rescue (RES-02 to RES-04): its steps, the limits that run, its badge, who is called next. Pure.

待处置 → 已接警 → 已派单 → 已接单 → 已到达 → 已救出. The state of a case follows from the calls that were sent out
(`Call`): the farthest of any that still stands. The desk takes steps back, closes what was no entrapment and joins what
is the same; the clock dispatches what nobody dispatched and calls the next level where nobody came in time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from app.errors import Finding, refuse
from app.rules.checkin import Place, distance_metres
from app.rules.deadlines import Deadline, due_after_minutes
from app.rules.other_scores import MINUTE, NO_LIMIT, Outcome, allowed, chain_outcome
from app.wording import say


class RescueStatus(StrEnum):
    """待处置 已接警 已派单 已接单 已到达 已救出 已结束 已并入."""

    WAITING = "waiting"
    TAKEN = "taken"
    DISPATCHED = "dispatched"
    ACCEPTED = "accepted"
    ARRIVED = "arrived"
    FREED = "freed"
    CLOSED = "closed"
    JOINED = "joined"


class RescueVerb(StrEnum):
    """接警 派单 改派 接单 到达 救出 退回 结束 并入."""

    TAKE = "take"
    DISPATCH = "dispatch"
    REPLACE = "replace"
    ACCEPT = "accept"
    ARRIVE = "arrive"
    FREE = "free"
    BACK = "back"
    CLOSE = "close"
    JOIN = "join"


class RescueLimit(StrEnum):
    """The steps that have a limit."""

    ACCEPT = "accept"
    ARRIVE = "arrive"
    FREE = "free"


_S, _V = RescueStatus, RescueVerb
STATUS_LABELS = {
    _S.WAITING: say("待处置"), _S.TAKEN: say("已接警"), _S.DISPATCHED: say("已派单"), _S.ACCEPTED: say("已接单"),
    _S.ARRIVED: say("已到达"), _S.FREED: say("已救出"), _S.CLOSED: say("已结束"), _S.JOINED: say("已并入"),
}  # fmt: skip
VERB_LABELS = {
    _V.TAKE: say("接警"), _V.DISPATCH: say("派单"), _V.REPLACE: say("改派"), _V.ACCEPT: say("接单"),
    _V.ARRIVE: say("到达"), _V.FREE: say("救出"), _V.BACK: say("退回上一步"), _V.CLOSE: say("结束"),
    _V.JOIN: say("并入"),
}  # fmt: skip
LIMIT_LABELS = {RescueLimit.ACCEPT: say("接单"), RescueLimit.ARRIVE: say("到达"), RescueLimit.FREE: say("救出")}
OPEN = (_S.WAITING, _S.TAKEN, _S.DISPATCHED, _S.ACCEPTED, _S.ARRIVED)
# Calls are out in these.
RUNNING = (_S.DISPATCHED, _S.ACCEPTED, _S.ARRIVED)
MOVES: frozenset[tuple[RescueStatus, RescueVerb, RescueStatus]] = frozenset({
    (_S.WAITING, _V.TAKE, _S.TAKEN),
    (_S.TAKEN, _V.DISPATCH, _S.DISPATCHED),
    (_S.ACCEPTED, _V.REPLACE, _S.DISPATCHED),
    (_S.ARRIVED, _V.REPLACE, _S.DISPATCHED),
    (_S.DISPATCHED, _V.ACCEPT, _S.ACCEPTED),
    (_S.ACCEPTED, _V.ARRIVE, _S.ARRIVED),
    (_S.ACCEPTED, _V.FREE, _S.FREED),
    (_S.ARRIVED, _V.FREE, _S.FREED),
    (_S.FREED, _V.BACK, _S.ARRIVED),
    (_S.FREED, _V.BACK, _S.ACCEPTED),
    (_S.ARRIVED, _V.BACK, _S.ACCEPTED),
    (_S.ACCEPTED, _V.BACK, _S.DISPATCHED),
    (_S.DISPATCHED, _V.BACK, _S.TAKEN),
    (_S.TAKEN, _V.BACK, _S.WAITING),
    *((state, _V.CLOSE, _S.CLOSED) for state in OPEN),
    *((state, _V.JOIN, _S.JOINED) for state in OPEN),
})  # fmt: skip
_LEGAL = {(state, verb) for state, verb, _ in MOVES}
HIGHEST_LEVEL = 3

# New cases of one address, elevator and phone within a day, the phone at each network by itself, for nobody proved
# whose it is. Joining one that is open is never refused, and whoever meets a limit is told whom to phone.
MOST_OF_ADDRESS, MOST_OF_ELEVATOR, MOST_OF_PHONE = 20, 8, 4
# What strangers add to an open case: so much of one address a day, so much of one case, has rows and is told to the
# desk; the rest is counted on the case, and who sent it sees its page like everybody.
MOST_MORE_OF_ADDRESS, MOST_MORE_OF_CASE = 5, 30
# The same way of reporting with the same phone within so long is one tap made twice: counted, no row of its own.
SAME_WITHIN = timedelta(minutes=10)
# The centre shows what was reported within so many days; older ones are in the history.
CENTRE_DAYS = 3
LONGEST_NAME, LONGEST_TEXT, MOST_PEOPLE = 40, 500, 200
# How fast help comes through a town, when somebody shut in asks how long: metres a minute.
METRES_A_MINUTE = 400


@dataclass(frozen=True, slots=True)
class Minutes:
    """The limits of a case, as they were on its day and at its place; `NO_LIMIT` for a step that had none."""

    accept: int
    arrive: int
    done: int


@dataclass(frozen=True, slots=True)
class Course:
    """When each step was done, by whoever did it first. `ended_at`: the desk ended it, nobody was freed."""

    dispatched_at: datetime | None = None
    accepted_at: datetime | None = None
    arrived_at: datetime | None = None
    done_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One calling-out of a unit. `stands`: not taken back by the desk; `is_open`: still under way."""

    level: int
    dispatched_at: datetime
    accepted_at: datetime | None = None
    arrived_at: datetime | None = None
    done_at: datetime | None = None
    stands: bool = True
    is_open: bool = True


@dataclass(frozen=True, slots=True)
class Candidate:
    """Who could help; metres away, or None where one of the two has no point on the map."""

    key: int
    name: str
    is_station: bool
    metres: int | None
    duty_phone: str = ""


def rescue_move(old: RescueStatus, verb: RescueVerb, new: RescueStatus) -> RescueStatus:
    """The state after the verb, or a refusal that says what the case is now."""
    if (old, verb, new) not in MOVES:
        raise wrong_state(old, verb)
    return new


def check_verb(old: RescueStatus, verb: RescueVerb) -> None:
    """Refuse a step that the case's state does not allow."""
    if (old, verb) not in _LEGAL:
        raise wrong_state(old, verb)


def wrong_state(old: RescueStatus, verb: RescueVerb) -> Exception:
    found = say("救援现为“%(state)s”，不能%(verb)s", state=STATUS_LABELS[old], verb=VERB_LABELS[verb])
    return refuse("救援", found, "请刷新页面查看当前进度", field="status", value=verb.value)


def course_of(calls: Iterable[Call], ended_at: datetime | None = None) -> Course:
    """The first of each step over the calls that stand."""
    standing = [call for call in calls if call.stands]

    def first(instants: Iterable[datetime | None]) -> datetime | None:
        return min((at for at in instants if at is not None), default=None)

    return Course(
        first(c.dispatched_at for c in standing), first(c.accepted_at for c in standing),
        first(c.arrived_at for c in standing), first(c.done_at for c in standing), ended_at,
    )  # fmt: skip


@dataclass(slots=True)
class CallThen:
    """One calling-out as it stood at an instant. `returned`: the desk had taken it back; `relieved`: another freed;
    `replaced`: another went in its place, and only its beginning counts.
    """

    accepted_at: datetime | None = None
    arrived_at: datetime | None = None
    done_at: datetime | None = None
    ended_at: datetime | None = None
    returned: bool = False
    relieved: bool = False
    replaced: bool = field(default=False, compare=False)
    dispatched_at: datetime | None = field(default=None, compare=False)

    @property
    def goes_on(self) -> bool:
        return self.ended_at is None and self.done_at is None


def calls_then(
    steps: Iterable[tuple[str, datetime, int | None]], ended: Mapping[int, datetime | None]
) -> dict[int, CallThen]:  # fmt: skip
    """The same of each call by its key: the steps of a case up to an instant, in order, each with the call's key.

    `ended`: when each call ended by what its row says, which is right but where another freed them, and that the desk
    took back. What a step back undoes is as `rescue_desk.step_back` does it.
    """
    calls: dict[int, CallThen] = {}
    for verb, at, key in steps:
        for number, call in calls.items():
            until = ended.get(number)
            # What a step back ends is under way until then.
            over = until is not None and (until < at if verb == RescueVerb.BACK else until <= at)
            if call.ended_at is None and over:
                call.ended_at = until
        if verb == RescueVerb.REPLACE:
            for call in calls.values():
                call.replaced = call.replaced or (call.done_at is None and call.ended_at in (None, at))
        if key is not None and verb in (RescueVerb.DISPATCH, RescueVerb.REPLACE):
            calls[key] = CallThen(dispatched_at=at)
        elif verb == RescueVerb.BACK:
            _undo(calls.values(), at)
        elif key in calls and verb == RescueVerb.ACCEPT:
            calls[key].accepted_at = at
        elif key in calls and verb == RescueVerb.ARRIVE:
            calls[key].arrived_at = at
        elif key in calls and verb == RescueVerb.FREE:
            for number, call in calls.items():
                if number != key and call.goes_on:
                    call.ended_at, call.relieved = at, True
            calls[key].done_at = at
    return calls


def course_then(calls: Iterable[CallThen], steps: Iterable[tuple[str, datetime, int | None]]) -> Course:
    """The course of a case whose calls stood so after these steps (`calls_then`); the desk's end is a step itself."""
    stood = [
        Call(0, call.dispatched_at) if call.replaced
        else Call(0, call.dispatched_at, call.accepted_at, call.arrived_at, call.done_at)
        for call in calls if call.dispatched_at is not None and not call.returned
    ]  # fmt: skip
    ends = (RescueVerb.CLOSE, RescueVerb.JOIN)
    return course_of(stood, next((at for verb, at, _key in steps if verb in ends), None))


def _undo(calls: Iterable[CallThen], at: datetime) -> None:
    """The furthest step of all is taken back."""
    # Who had accepted and ended was replaced: his acceptance is his.
    standing = [call for call in calls if not call.returned and (call.ended_at is None or call.relieved)]
    if any(call.done_at for call in standing):
        for call in standing:
            call.done_at = None
            if call.relieved:
                call.ended_at, call.relieved = None, False
    elif any(call.arrived_at for call in standing):
        for call in calls:
            call.arrived_at = None
    elif any(call.accepted_at for call in standing):
        for call in standing:
            call.accepted_at = None
    elif standing:
        for call in calls:
            call.ended_at, call.returned = call.ended_at or at, True


def state_of(calls: Sequence[Call], taken: bool) -> RescueStatus:
    """How far a case has come that nobody closed."""
    standing = [call for call in calls if call.stands]
    if any(call.done_at for call in standing):
        return RescueStatus.FREED
    if any(call.arrived_at for call in standing):
        return RescueStatus.ARRIVED
    if any(call.accepted_at for call in standing):
        return RescueStatus.ACCEPTED
    if any(call.is_open for call in standing):
        return RescueStatus.DISPATCHED
    return RescueStatus.TAKEN if taken else RescueStatus.WAITING


def badge(course: Course, minutes: Minutes, now: datetime) -> Outcome | None:
    """合规 or 不合规 (RES-03): 不合规 with its first late step.

    None before a dispatch, while open in time, and where the desk ended it in time.
    """
    if late_steps(course, minutes, now):
        return Outcome.LATE
    whole = course.dispatched_at is not None and course.accepted_at is not None and course.done_at is not None
    return Outcome.ON_TIME if whole else None


def late_steps(course: Course, minutes: Minutes, now: datetime) -> list[RescueLimit]:
    """Every step that was late, and of an open case the one that runs, if it is late by now (`listings.rescues.late_at`
    asks the same of the database). Nothing is judged that was never dispatched; nobody frees people from afar."""
    runs = running(course, minutes)
    now = course.ended_at or now
    arrived = course.arrived_at or course.done_at
    steps = (
        (RescueLimit.ACCEPT, course.dispatched_at, course.accepted_at, minutes.accept),
        (RescueLimit.ARRIVE, course.accepted_at, arrived, minutes.arrive),
        (RescueLimit.FREE, course.accepted_at, course.done_at, minutes.done),
    )
    return [
        step for step, start, done, limit in steps
        if course.dispatched_at is not None and start is not None
        and (done is not None or runs is None or runs[0] is step)
        and chain_outcome(start, [(done, allowed(limit, MINUTE))], now) is Outcome.LATE
    ]  # fmt: skip


def running(course: Course, minutes: Minutes) -> tuple[RescueLimit, Deadline] | None:
    """The step whose limit runs, of two the sooner; none before a dispatch, after the end, and where none is set."""
    if course.dispatched_at is None or course.done_at is not None or course.ended_at is not None:
        return None
    if course.accepted_at is None:
        start, step, limit = course.dispatched_at, RescueLimit.ACCEPT, minutes.accept
    elif course.arrived_at is None and NO_LIMIT != minutes.arrive <= (minutes.done or minutes.arrive):
        start, step, limit = course.accepted_at, RescueLimit.ARRIVE, minutes.arrive
    else:
        # Both run from acceptance: where policy gives less time to free than to arrive, that is the sooner.
        start, step, limit = course.accepted_at, RescueLimit.FREE, minutes.done
    return None if limit == NO_LIMIT else (step, Deadline(start, due_after_minutes(start, limit)))


def next_act(
    calls: Sequence[Call], since: datetime, minutes: Minutes, desk_minutes: int | None,
    escalate_minutes: int | None,
) -> datetime | None:  # fmt: skip
    """When the clock acts by itself: it dispatches what the desk left, it calls the next level where nobody came.

    The newest call that is open decides: not accepted, or not arrived, so many minutes after its limit. Once somebody
    is there, at the highest level, and where no limit is set, nothing acts but people.
    """
    standing = [call for call in calls if call.stands]
    if not any(call.is_open for call in standing):
        return None if desk_minutes is None else since + timedelta(minutes=desk_minutes)
    if escalate_minutes is None or any(call.arrived_at for call in standing):
        return None
    newest = max((call for call in standing if call.is_open), key=lambda call: call.dispatched_at)
    if max(call.level for call in standing) >= HIGHEST_LEVEL:
        return None
    start, limit = newest.dispatched_at, minutes.accept
    if newest.accepted_at is not None:
        start, limit = newest.accepted_at, minutes.arrive
    return None if limit == NO_LIMIT else due_after_minutes(start, limit) + timedelta(minutes=escalate_minutes)


def metres_between(a: Place | None, b: Place | None) -> int | None:
    """Metres as the crow flies; None where a point is missing."""
    return None if a is None or b is None else round(distance_metres(a, b))


def nearest_first(found: Iterable[Candidate]) -> list[Candidate]:
    """Nearest first; of those without a known distance stations come before other units, after all that have one."""
    return sorted(found, key=lambda c: (c.metres is None, c.metres or 0, not c.is_station, c.key))


def expected_minutes(metres: int | None, minutes: Minutes) -> int | None:
    """How long somebody who is shut in may expect to wait from acceptance: by distance, never beyond the limit.

    None where neither the distance nor a limit says so.
    """
    most = None if minutes.arrive == NO_LIMIT else minutes.arrive
    if metres is None:
        return most
    likely = math.ceil(metres / METRES_A_MINUTE) + 3
    return max(3, likely if most is None else min(most, likely))


def flood_findings(of_elevator: int, of_phone: int) -> list[Finding]:
    """Whether one more new case of today is taken from a stranger, `of_phone` from the same network; whom to phone."""
    remedy = "请直接拨打轿厢内公布的救援电话"
    return [
        Finding("报警次数", of_elevator < MOST_OF_ELEVATOR,
                say("这台电梯今天已在线报警 %(n)s 次", n=of_elevator), remedy),
        Finding("报警次数", of_phone < MOST_OF_PHONE,
                say("这个手机号今天在您的网络已报警 %(n)s 次", n=of_phone), remedy),
    ]  # fmt: skip


def people_findings(trapped: int | None, injured: int | None) -> list[Finding]:
    """Cause and numbers stand before 救出; nobody is injured who was not there."""
    findings = []
    for rule, name, count in (("困人人数", "trapped", trapped), ("受伤人数", "injured", injured)):
        ok = count is not None and 0 <= count <= MOST_PEOPLE
        found = "没有填写" if count is None else say("%(n)s 人", n=count)
        findings.append(
            Finding(rule, ok, found, say("请填写 0 至 %(most)s 的整数", most=MOST_PEOPLE), field=name)
        )
    if trapped is not None and injured is not None:
        found = say("受伤 %(injured)s 人，多于被困的 %(trapped)s 人", injured=injured, trapped=trapped)
        findings.append(Finding("受伤人数", injured <= trapped, found, "请核对两个人数", field="injured"))
    return findings


def result_findings(outcome: str, trapped: int | None) -> list[Finding]:
    """An entrapment had somebody inside; what was none had nobody."""
    inside = (trapped or 0) > 0
    if outcome == "entrapment":
        return [Finding("困人人数", inside, "结果为困人，人数为 0", "请填写被困人数，或改选处置结果", field="trapped")]
    found = say("结果不是困人，却有 %(n)s 人被困", n=trapped or 0)
    return [Finding("处置结果", not inside, found, "有人被困的请选“困人”", field="outcome")]


def choice_finding(rule: str, field: str, value: str, known: Iterable[str]) -> Finding:
    ok = value in set(known)
    return Finding(rule, ok, "没有选择" if not value else "不在候选之内", "请从列表选择", field=field)


def words_finding(rule: str, field: str, text: str, *, required: bool = True, remedy: str = "请填写") -> Finding:
    """Words that a step needs, or may have."""
    if len(text) > LONGEST_TEXT:
        found = say("%(count)s 个字", count=len(text))
        return Finding(rule, False, found, say("最多 %(most)s 个字", most=LONGEST_TEXT), field=field)
    return Finding(rule, bool(text) or not required, "没有填写", remedy, field=field)
