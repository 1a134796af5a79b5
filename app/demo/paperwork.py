"""The demo firm's other papers: a change of the maintaining unit, a letter of commitment, insurance, invitations.

All invented, and made by the product's own verbs at instants before now.
"""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

from PIL import Image, ImageDraw
from sqlalchemy import select

from app import clock
from app.demo import names
from app.demo.office import actor_named, main_of
from app.demo.people import BLANK_PDF, DAY, HOUR, first_firm, paper
from app.models import Commitment, ContractElevator, Elevator, Person, Unit
from app.permissions import Actor
from app.rules.approval import ApplicationVerb
from app.rules.insurance import first_of
from app.workflows.contracts import contracts
from app.workflows.desk import applications
from app.workflows.handover import unit_change_terms, unit_changes
from app.workflows.papers import commitments, insurance
from app.workflows.people import invitations, joining, people, person_filing

# Serials of people who work nowhere yet.
NEWCOMERS = 700
GUARD = 790


def make(session: Any, at: dt.datetime) -> int:
    """How many papers; none without the demo's accounts."""
    city = actor_named(session, "shiju")
    if city is None:
        return 0
    firm, use_unit, _worker = first_firm(session)
    head, guard = main_of(session, firm.id), main_of(session, use_unit.id)
    made = _commitment(session, head, city, at) + _insurance(session, head, firm, at)
    return made + _changes(session, head, city, firm, at) + _invitations(session, head, at) + _guard(
        session, guard, city, use_unit, at
    )


def _approve(session: Any, officer: Actor, application: Any, at: dt.datetime) -> None:
    applications.decide(
        session, officer, application.id, ApplicationVerb.APPROVE, "材料齐全，同意", application.row_version, at
    )


def _commitment(session: Any, head: Actor, city: Actor, at: dt.datetime) -> int:
    """One in force, given ten weeks ago for a year."""
    then = at - 70 * DAY
    today = clock.local_day(then)
    scan = paper(session, head, "维保承诺书（盖章）", "commitment", head.region_code or "", then)
    asked = commitments.submit(session, head, today, today + 364 * DAY, "", [scan], [], then)
    _approve(session, city, asked, then + 2 * DAY)
    session.get(Commitment, asked.entity_id).created_at = then
    return 1


def _insurance(session: Any, head: Actor, firm: Unit, at: dt.datetime) -> int:
    """The month before last as paid for everybody; the last one still a draft that lacks somebody."""
    staff = session.scalars(select(Person).where(Person.unit_id == firm.id, Person.left_on.is_(None))).all()
    lines = [insurance.Line(person.name, person.resident_id, person.phone) for person in staff]
    last = first_of(first_of(clock.local_day(at)) - DAY)
    for month, people_of, filed in ((first_of(last - DAY), lines, True), (last, lines[1:], False)):
        then = at - (20 if filed else 2) * DAY
        row = insurance.save(session, head, None, firm.name, month, month, "", people_of, then)
        name = f"{month:%Y年%m月}社会保险缴费明细.pdf"
        insurance.add_voucher(session, head, row.id, io.BytesIO(BLANK_PDF), name, then)
        if filed:
            insurance.file(session, head, row.id, then)
    return 2


def _changes(session: Any, head: Actor, city: Actor, firm: Unit, at: dt.datetime) -> int:
    """Two elevators of other firms pass to the demo firm: one approved for the coming days, one that waits."""
    others = session.scalars(
        select(Elevator)
        .join(ContractElevator, ContractElevator.elevator_id == Elevator.id)
        .where(
            Elevator.maintenance_unit_id != firm.id, Elevator.status == "in_use", Elevator.filing_state == "approved",
            Elevator.region_code.startswith(str(head.region_code)[:6]), ContractElevator.removed_at.is_(None),
        )
        .order_by(Elevator.id.desc())
        .limit(2)
    ).all()  # fmt: skip
    today = clock.local_day(at)
    for number, row in enumerate(others):
        then = at - DAY * (2 - number) - HOUR * 3
        values = {
            "number": f"HT-{today.year}-接管{number + 1:02d}", "kind": "normal", "signed_on": today - 6 * DAY,
            "starts_on": today + 3 * DAY, "ends_on": today + 367 * DAY, "use_unit_id": None,
            "note": "接管其他单位维保的电梯",
        }  # fmt: skip
        contract = contracts.save(session, head, None, values, then)
        document = paper(session, head, f"{row.code} 新签维保合同", "document", row.region_code, then)
        wanted = unit_change_terms.Wanted(
            row.code, head.unit_id, contract.id, None, today + 3 * DAY, "业主大会改聘维保单位", [document]
        )
        asked = unit_changes.apply(session, head, wanted, then)
        if number == 0:
            _approve(session, city, asked, then + 20 * HOUR)
    return len(others)


def _invitations(session: Any, head: Actor, at: dt.datetime) -> int:
    """One that filled everything in and waits for the manager, one that has not answered, one called off."""
    made = []
    for number, (kind, hours) in enumerate((("worker", 50), ("worker", 26), ("clerk", 74))):
        serial = NEWCOMERS + number
        made.append(invitations.invite(
            session, head, name=names.person_name(serial), phone=names.phone(2_000_000 + serial), kind=kind,
            with_account=kind == "clerk", at=at - HOUR * hours,
        ).invitation)  # fmt: skip
    first, _asked, off = (row.id for row in made)
    invitations.cancel(session, head, off, at - HOUR * 70)
    joining.accept(session, first, at - HOUR * 49, None)
    then = at - HOUR * 48
    resident_id = names.resident_id(names.PERSONS_FROM + NEWCOMERS)
    until = clock.local_day(at) + 900 * DAY
    form: dict[str, str] = {
        "name": str(made[0].name), "sex": "male", "resident_id": resident_id, "certificate_no": resident_id,
        "certificate_issued_on": (until - 1400 * DAY).isoformat(), "certificate_until": until.isoformat(),
        "face_declined": "1",
    }  # fmt: skip
    joining.submit(session, first, form, [joining.Upload("identity", "身份证人像面.png", _card())], then, None)
    return len(made)


def _guard(session: Any, head: Actor, city: Actor, use_unit: Unit, at: dt.datetime) -> int:
    """The use unit's officer for safety, filed and approved."""
    then = at - 90 * DAY
    until = clock.local_day(at) + 500 * DAY
    row = people.save_person(
        session, head, None, name=use_unit.safety_officer or "", phone=names.phone(2_000_000 + GUARD),
        work_kind="特种设备安全管理", certificate_no=f"A98{GUARD:08d}", certificate_until=until,
        at=then,
        identity={
            "resident_id": names.resident_id(names.PERSONS_FROM + GUARD), "sex": "male", "kind": "safety_officer",
            "certificate_issued_on": until - 1460 * DAY, "hired_on": clock.local_day(at) - 800 * DAY,
        },
    )  # fmt: skip
    _approve(session, city, person_filing.submit(session, head, row.id, then + HOUR), then + 5 * HOUR)
    return 1


def _card() -> io.BytesIO:
    """A picture where that of a card would be."""
    picture = Image.new("RGB", (640, 400), "#dfe6ea")
    ImageDraw.Draw(picture).rectangle((400, 80, 580, 320), fill="#b7c3ca")
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    stream.seek(0)
    return stream
