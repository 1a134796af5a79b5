"""FRD-01: the night's look finds what wants an explanation, once; a case is heard before it is decided."""

from __future__ import annotations

import datetime as dt
import io
import random
from typing import Any

import pytest
from PIL import Image, ImageDraw
from sqlalchemy import func, select

from app import clock, scope
from app.errors import NotAllowed, NotFound
from app.models import (
    Attachment,
    AuditEntry,
    ClockMark,
    Complaint,
    FraudCase,
    FraudEvidence,
    FraudSignal,
    Job,
    Notification,
    PicturePrint,
    Score,
    Visit,
)
from app.permissions import SYSTEM
from app.rules.visit_photos import Place
from app.tasks import fraud as task
from app.tasks import jobs as running
from app.transaction import transaction
from app.workflows.approval import escalation
from app.workflows.core import audit
from app.workflows.files import attachments, pictures
from app.workflows.oversight import fraud, fraud_look, fraud_photos
from tests.factories import World, make_elevator, make_person, make_policy
from tests.outcomes import refused
from tests.workflows.clock_world import add_visit

pytestmark = pytest.mark.feature("FRD-01")
# A Monday; the Sunday before it; a quarter's last day.
MONDAY, SUNDAY, LAST = dt.date(2026, 3, 2), dt.date(2026, 3, 8), dt.date(2026, 3, 31)
M = dt.timedelta(minutes=1)


def at(on: dt.date, hour: int, minute: float = 0) -> dt.datetime:
    return clock.instant_of(dt.datetime.combine(on, dt.time(hour))) + minute * M


def visited(world: World, lift: Any, on: dt.date, hour: int, minutes: float = 40, **more: Any) -> Visit:
    begin = more.pop("begin", at(on, hour))
    worker = more.pop("worker", world.worker)
    fields = {"checked_in_at": begin, "checked_out_at": begin + minutes * M, "sent_at": begin + minutes * M}
    return add_visit(world.session, lift, worker, on, **(fields | more))


def lift(world: World, kilometres: float = 0, **more: Any) -> Any:
    return make_elevator(
        world.session, maintenance_unit=world.firm, use_unit=world.use_unit, latitude=30.5 + kilometres / 111.195,
        **more,
    )  # fmt: skip


def look(world: World, on: dt.date, region: str | None = None) -> fraud_look.Looked:
    world.session.commit()
    with scope.acting(SYSTEM):
        with transaction(world.session):
            done = fraud_look.look(world.session, on, at(on, 23), region)
        fraud_photos.look(world.session, on, at(on, 23), region, done, lambda *_: None)
    world.session.expire_all()
    return done


def signals(world: World) -> list[FraudSignal]:
    statement = select(FraudSignal).order_by(FraudSignal.id).execution_options(skip_scope=True)
    return list(world.session.scalars(statement))


def test_a_day_is_looked_at_once_however_often(world: World) -> None:
    first = visited(world, world.own, MONDAY, 9)
    second = visited(world, lift(world, 60), MONDAY, 9, begin=at(MONDAY, 9, 50))
    done = look(world, MONDAY)
    assert (done.days, done.visits, done.signals, dict(done.kinds)) == (1, 2, 1, {"travel": 1})
    (sign,) = signals(world)
    assert (sign.kind, sign.unit_id, sign.person_id, sign.seen_on) == (
        "travel", world.firm.id, world.worker.id, MONDAY,
    )  # fmt: skip
    assert sign.points == 30 and sign.elevator_id == second.elevator_id and "公里" in sign.found
    proof = select(FraudEvidence.visit_id).order_by(FraudEvidence.visit_id).execution_options(skip_scope=True)
    assert list(world.session.scalars(proof)) == [first.id, second.id]
    assert look(world, MONDAY).signals == 0 and len(signals(world)) == 1
    # No record, no score and no state was touched.
    assert {v.state for v in world.session.scalars(select(Visit))} == {"valid"}
    assert world.session.scalar(select(func.count()).select_from(Score)) == 0


def test_the_day_before_is_a_neighbour_and_taken_over_ones_are_none(world: World) -> None:
    far = lift(world, 400)
    visited(world, far, MONDAY - dt.timedelta(1), 23, begin=at(MONDAY - dt.timedelta(1), 23), taken_over=False)
    visited(world, world.own, MONDAY, 0, begin=at(MONDAY, 0, 30))
    assert look(world, MONDAY).signals == 1
    taken = visited(world, far, MONDAY + dt.timedelta(1), 9, taken_over=True)
    visited(world, world.own, MONDAY + dt.timedelta(1), 10, begin=taken.checked_out_at)
    done = look(world, MONDAY + dt.timedelta(1))
    assert done.signals == 0


def test_two_rows_of_one_human_are_one(world: World) -> None:
    world.worker.resident_id = "11010519491231002X"
    again = make_person(
        world.session, world.other_firm, "王砚秋", resident_id="11010519491231002X", left_on=MONDAY + dt.timedelta(9)
    )
    visited(world, world.own, MONDAY - dt.timedelta(1), 23)
    visited(world, lift(world, 60), MONDAY, 0, begin=at(MONDAY - dt.timedelta(1), 23, 50), worker=again)
    done = look(world, MONDAY)
    assert dict(done.kinds) == {"travel": 1} and signals(world)[0].person_id == again.id


def test_what_a_phone_kept_is_seen_on_the_day_it_came(world: World) -> None:
    late = at(SUNDAY - dt.timedelta(1), 20)
    lifts = [lift(world, 5 * (n % 2)) for n in range(6)]
    for n, one in enumerate(lifts):
        visited(
            world, one, MONDAY, 8, begin=at(MONDAY, 8 + 2 * n), offline="both", sent_at=late + n * M,
            phone_told={"in_accuracy": 20, "out_accuracy": 20},
        )  # fmt: skip
    assert look(world, MONDAY).signals == 0
    assert dict(look(world, SUNDAY - dt.timedelta(1)).kinds) == {"batch": 1}
    assert look(world, SUNDAY - dt.timedelta(1)).signals == 0


def test_over_a_stretch_the_sunday_tells(world: World) -> None:
    for n in range(20):
        on = SUNDAY - dt.timedelta(days=n % 7)
        visited(world, lift(world), on, 6, begin=at(on, 6, 60 * (n // 7)), minutes=35, by_code=n % 2 == 0)
    assert look(world, SUNDAY - dt.timedelta(1)).signals == 0
    assert dict(look(world, SUNDAY).kinds) == {"durations": 1, "typed": 1}
    assert look(world, SUNDAY).signals == 0


def test_reviews_from_the_workers_own_network(world: World) -> None:
    reviewer = world.accounts["safety_officer"]
    for n in range(4):
        row = visited(
            world, lift(world), SUNDAY, 8 + 2 * n, minutes=60 + 7 * n, reviewed_by_id=reviewer.id,
            reviewed_at=at(SUNDAY, 20), reviewed_from="203.0.113.9" if n < 3 else "198.51.100.4",
        )  # fmt: skip
        actor = world.actor("worker")
        entry = audit.record(world.session, actor, row.checked_in_at, "visit.check_in", "visit", row.id)
        entry.address = "203.0.113.9"
    assert dict(look(world, SUNDAY).kinds) == {"device": 1}
    assert signals(world)[0].facts == {"reviewed": 4, "alike": 3}


def test_extra_visits_at_a_quarters_end(world: World) -> None:
    visited(world, world.own, dt.date(2026, 2, 3), 9, state="nonconforming")
    for day in (15, 24, 28, 31):
        visited(world, world.own, LAST.replace(day=day), 9)
    assert look(world, LAST.replace(day=30)).signals == 0
    assert dict(look(world, LAST).kinds) == {"late_extra": 1}
    (sign,) = signals(world)
    assert sign.person_id is None and sign.unit_id == world.firm.id and sign.elevator_id == world.own.id


# --- photos


def drawing(seed: int, quality: int = 80, size: tuple[int, int] = (640, 480)) -> bytes:
    rng = random.Random(seed)
    image = Image.new("RGB", (640, 480), "#405060")
    draw = ImageDraw.Draw(image)
    for _n in range(24):
        x, y = rng.randint(0, 600), rng.randint(0, 440)
        shade = rng.randint(0, 255)
        draw.rectangle((x, y, x + rng.randint(40, 240), y + rng.randint(40, 200)), fill=(shade, shade, 255 - shade))
    kept = io.BytesIO()
    image.resize(size).save(kept, "JPEG", quality=quality)
    return kept.getvalue()


def photographed(world: World, visit: Visit, content: bytes, kind: str = "photo") -> Attachment:
    return attachments.store(
        world.session, world.actor("worker"), visit.checked_out_at, io.BytesIO(content), "机房.jpg", kind, "visit",
        visit.id, visit.unit_id, visit.region_code,
    )  # fmt: skip


def test_a_print_survives_what_phones_do_to_pictures() -> None:
    first = pictures.print_of(io.BytesIO(drawing(7)))
    assert first is not None
    for again in (drawing(7, 30), drawing(7, 60, (1280, 960)), drawing(7, 70, (320, 240))):
        other = pictures.print_of(io.BytesIO(again))
        assert other is not None and (first ^ other).bit_count() <= 2
    far = [pictures.print_of(io.BytesIO(drawing(n))) for n in range(20, 40)]
    assert all(((first ^ one) & (2**64 - 1)).bit_count() > 8 for one in far if one is not None)
    dark = io.BytesIO()
    Image.new("RGB", (640, 480), "#101010").save(dark, "JPEG")
    assert pictures.print_of(dark) is None and pictures.print_of(io.BytesIO(b"no picture")) is None


def test_one_photo_twice_across_elevators_and_days(world: World) -> None:
    first, second = visited(world, world.own, MONDAY, 9), visited(world, lift(world), MONDAY, 14)
    third = visited(world, lift(world), SUNDAY, 9)
    same, other = photographed(world, first, drawing(7)), photographed(world, second, drawing(8))
    again = photographed(world, third, drawing(7, 40))
    assert look(world, MONDAY).signals == 0
    done = look(world, SUNDAY)
    assert (done.photos, dict(done.kinds)) == (1, {"photo": 1})
    (sign,) = signals(world)
    assert sign.key == f"photo:{first.id}:{third.id}" and not sign.facts["exact"]
    proof = select(FraudEvidence.attachment_id).order_by(FraudEvidence.id).execution_options(skip_scope=True)
    assert list(world.session.scalars(proof)) == [same.id, again.id]
    prints = select(PicturePrint.attachment_id).execution_options(skip_scope=True)
    assert set(world.session.scalars(prints)) == {same.id, other.id, again.id}
    # Each is looked at once.
    assert look(world, SUNDAY).photos == 0


@pytest.mark.feature("MNT-04")
@pytest.mark.parametrize("kind", list(Place))
def test_photos_of_places_are_looked_at_by_their_shapes(world: World, kind: str) -> None:
    first, second = visited(world, world.own, MONDAY, 9), visited(world, lift(world, 1), SUNDAY, 9)
    photographed(world, first, drawing(7), kind)
    photographed(world, second, drawing(7, 40))
    assert look(world, MONDAY).signals == 0
    assert dict(look(world, SUNDAY).kinds) == {"photo": 1}
    [sign] = signals(world)
    assert sign.key == f"photo:{first.id}:{second.id}" and not sign.facts["exact"]


@pytest.mark.feature("MNT-06")
def test_labels_look_alike_and_only_the_same_file_is_a_sign(world: World) -> None:
    first, second = visited(world, world.own, MONDAY, 9), visited(world, lift(world), MONDAY, 14)
    third = visited(world, lift(world), SUNDAY, 9)
    photographed(world, first, drawing(7), "label")
    photographed(world, second, drawing(7, 40), "label")
    assert look(world, MONDAY).signals == 0
    photographed(world, third, drawing(7), "label")
    assert dict(look(world, SUNDAY).kinds) == {"photo": 1}
    (sign,) = signals(world)
    assert sign.key == f"photo:{first.id}:{third.id}" and sign.facts["exact"]


def test_the_very_same_file_on_one_day_at_one_site(world: World) -> None:
    content = drawing(7)
    first, second = visited(world, world.own, MONDAY, 9), visited(world, lift(world), MONDAY, 14)
    photographed(world, first, content)
    photographed(world, second, content)
    assert dict(look(world, MONDAY).kinds) == {"photo": 1}
    assert signals(world)[0].facts["exact"]


# --- the job


def test_the_night_catches_up_and_a_day_by_hand_moves_no_mark(app: Any, world: World, monkeypatch: Any) -> None:
    monkeypatch.setattr(clock, "now", lambda: at(MONDAY, 2))
    monkeypatch.setattr(clock, "today", lambda: MONDAY)
    for back in (4, 1):
        on = MONDAY - dt.timedelta(days=back)
        visited(world, world.own, on, 9)
        visited(world, lift(world, 60), on, 9, begin=at(on, 9, 50))
    world.session.add(ClockMark(name="fraud:all", at=at(MONDAY - dt.timedelta(days=6), 0)))
    world.session.commit()
    with app.app_context():
        (job,) = task.look()
        assert task.look() == []
        assert running.run(job) == "done"
    world.session.expire_all()
    row = world.session.get(Job, job, execution_options={"skip_scope": True})
    assert (row.result["days"], row.result["signals"]) == (5, 2)
    mark = world.session.get(ClockMark, "fraud:all")
    assert clock.local_day(mark.at) == MONDAY - dt.timedelta(days=1)
    with transaction(world.session):
        again = fraud.enter_look(world.session, world.actor("region_admin"), dt.date(2026, 1, 5), clock.now()).id
    with app.app_context():
        assert running.run(again) == "done"
    world.session.expire_all()
    assert world.session.get(ClockMark, "fraud:all").at == mark.at


# --- cases


@pytest.fixture
def pair(world: World) -> list[int]:
    visited(world, world.own, MONDAY, 9)
    visited(world, lift(world, 60), MONDAY, 9, begin=at(MONDAY, 9, 50))
    visited(world, lift(world, 1), MONDAY, 9, begin=at(MONDAY, 10, 10))
    look(world, MONDAY)
    return [row.id for row in signals(world)]


def do(world: World, who: str, deed: Any, *given: Any) -> Any:
    with transaction(world.session):
        return deed(world.session, world.actor(who), *given)


def told(world: World, topic: str) -> set[int | None]:
    statement = select(Notification.recipient_id).where(Notification.topic == topic)
    return set(world.session.scalars(statement.execution_options(skip_scope=True)))


def test_from_signals_to_a_decision(world: World, pair: list[int]) -> None:
    now = at(MONDAY, 23)
    row = do(world, "inspector", fraud.open_case, pair, "请说明两地签到", now)
    assert (row.state, row.unit_id, row.person_id) == ("asked", world.firm.id, world.worker.id)
    assert row.number.startswith("HC-2026-") and row.due_at == at(MONDAY + dt.timedelta(days=8), 0)
    assert told(world, "fraud.ask") == {world.accounts["maintenance_head"].id}
    assert "还在说明期限内" in refused(lambda: do(world, "inspector", fraud.decide, row.id, "warned", "因", now))
    assert "已在其他案件" in refused(lambda: do(world, "inspector", fraud.open_case, pair[:1], "再问", now))
    assert "没有填写" in refused(lambda: do(world, "maintenance_head", fraud.answer, row.id, " ", now))
    do(world, "maintenance_head", fraud.answer, row.id, "换乘出错，附行车记录", now)
    assert (row.state, row.due_at) == ("answered", None)
    assert world.accounts["inspector"].id in told(world, "fraud.decide")
    do(world, "inspector", fraud.decide, row.id, "warned", "说明不成立", now)
    assert (row.state, row.outcome, row.decided_by_id) == ("closed", "warned", world.accounts["inspector"].id)
    assert "已结案" in refused(lambda: do(world, "inspector", fraud.decide, row.id, "handed", "因", now))
    deeds = select(AuditEntry.action).where(AuditEntry.entity == "fraud_case").order_by(AuditEntry.id)
    assert list(world.session.scalars(deeds.execution_options(skip_scope=True))) == [
        "fraud_case.open", "fraud_case.answer", "fraud_case.decide",
    ]  # fmt: skip


def test_when_the_time_is_over_it_is_decided_on_what_there_is(world: World, pair: list[int]) -> None:
    row = do(world, "inspector", fraud.open_case, pair, "请说明", at(MONDAY, 23))
    assert row.due_at is not None
    with transaction(world.session):
        escalation.tell(world.session, row.due_at - 30 * dt.timedelta(hours=1))
        assert escalation.tell(world.session, row.due_at)["red"] == 1
    assert do(world, "inspector", fraud.decide, row.id, "handed", "逾期未说明", row.due_at).outcome == "handed"


def test_who_sees_what(world: World, pair: list[int]) -> None:
    def seen(who: str, model: Any) -> int:
        statement = select(func.count()).select_from(model)
        return world.session.scalar(scope.apply(statement, world.actor(who), model)) or 0

    # Nobody of the unit, and not the worker himself, knows of a signal; other districts neither.
    assert [seen(who, FraudSignal) for who in ("inspector", "maintenance_head", "worker", "other_inspector")] == [
        len(pair), 0, 0, 0,
    ]  # fmt: skip
    row = do(world, "inspector", fraud.open_case, pair, "请说明", at(MONDAY, 23))
    assert [seen(who, FraudCase) for who in ("inspector", "maintenance_head", "other_head")] == [1, 1, 0]
    with pytest.raises(NotFound):
        do(world, "other_head", fraud.answer, row.id, "不是我", at(MONDAY, 23))
    for who in ("worker", "use_head", "inspector"):
        with pytest.raises(NotAllowed):
            do(world, who, fraud.answer, row.id, "不是我", at(MONDAY, 23))
    with pytest.raises(NotAllowed):
        do(world, "maintenance_head", fraud.decide, row.id, "unfounded", "没事", at(MONDAY, 23))
    proof = fraud.evidence_of(world.session, world.actor("maintenance_head"), pair)
    assert all(visit.unit_id == world.firm.id for rows in proof.values() for visit, _photo in rows) and proof
    assert fraud.evidence_of(world.session, world.actor("other_head"), pair) == {}


def test_a_secret_elevator_is_for_those_who_may_see_it(world: World) -> None:
    hidden = lift(world, 60, is_secret=True)
    visited(world, world.own, MONDAY, 9)
    visited(world, hidden, MONDAY, 9, begin=at(MONDAY, 9, 50))
    look(world, MONDAY)
    (sign,) = signals(world)
    assert hidden.code not in sign.found
    with pytest.raises(NotFound):
        scope.visible(world.session, world.actor("inspector"), FraudSignal, sign.id)
    assert scope.visible(world.session, world.actor("region_admin"), FraudSignal, sign.id) is not None


def test_risk_adds_up_with_its_reasons_and_what_is_set_aside_counts_no_more(world: World, pair: list[int]) -> None:
    now = at(MONDAY, 23)
    (risk,) = fraud.risks(world.session, world.actor("inspector"), "person", now)
    assert (risk.key, risk.name, risk.unit) == (world.worker.id, "王砚秋", world.firm.name)
    assert risk.total == sum(reason.total for reason in risk.reasons) == 30 * len(pair)
    (unit,) = fraud.risks(world.session, world.actor("inspector"), "unit", now)
    assert (unit.key, unit.total) == (world.firm.id, risk.total)
    assert "没有填写" in refused(lambda: do(world, "inspector", fraud.set_aside, pair[0], "", now))
    do(world, "inspector", fraud.set_aside, pair[0], "两台电梯在同一楼内", now)
    assert "已经排除" in refused(lambda: do(world, "inspector", fraud.set_aside, pair[0], "再", now))
    left = fraud.risks(world.session, world.actor("inspector"), "person", now)
    assert sum(one.total for one in left) == risk.total - 30
    row = do(world, "inspector", fraud.open_case, pair[1:], "请说明", now)
    do(world, "inspector", fraud.decide, row.id, "unfounded", "查明是另一人", now)
    assert fraud.risks(world.session, world.actor("inspector"), "person", now) == []
    later = now + dt.timedelta(days=200)
    assert fraud.risks(world.session, world.actor("inspector"), "unit", later) == []


def test_one_unit_a_case(world: World, pair: list[int]) -> None:
    own = make_person(world.session, world.other_firm, "何一舟二")
    twice = [
        make_elevator(world.session, maintenance_unit=world.other_firm, use_unit=world.use_unit, latitude=place)
        for place in (30.5, 31.5)
    ]
    for n, one in enumerate(twice):
        visited(world, one, MONDAY, 9, begin=at(MONDAY, 9, 50 * n), worker=own)
    look(world, MONDAY)
    keys = [row.id for row in signals(world)]
    told_ = refused(lambda: do(world, "inspector", fraud.open_case, keys, "问", at(MONDAY, 23)))
    assert "2 个单位" in told_


def test_policy_says_how_fast_one_gets_about(world: World) -> None:
    make_policy(world.session, "fraud_speed_kmh", 400)
    visited(world, world.own, MONDAY, 9)
    visited(world, lift(world, 60), MONDAY, 9, begin=at(MONDAY, 9, 50))
    assert look(world, MONDAY).signals == 0
    assert world.session.scalar(select(func.count()).select_from(Complaint)) == 0
