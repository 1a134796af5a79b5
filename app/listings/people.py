"""Persons of a unit, or of a region (PER-03)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import joinedload

from app.listing import Column, Filter, Listing, Moment, Tab, column, register
from app.models import Person
from app.models.policy import policy_value
from app.policy.keys import Key


def _near(moment: Moment) -> Any:
    days = policy_value(moment.session, Key.NEAR_CERTIFICATE_DAYS, moment.actor.region_code, moment.today)
    last = moment.today + dt.timedelta(days=days)
    return Person.left_on.is_(None) & Person.certificate_until.between(moment.today, last)


PEOPLE = register(Listing(
    name="people",
    title=_l("人员与证书"),
    model=Person,
    columns=(
        column(Person, "name"),
        column(Person, "phone", sort=False),
        Column("unit", _l("所属单位"), lambda p: p.unit.name),
        column(Person, "work_kind"),
        column(Person, "certificate_no", kind="code"),
        column(Person, "certificate_until"),
        column(Person, "left_on"),
    ),
    default=("name", "phone", "unit", "work_kind", "certificate_no", "certificate_until", "left_on"),
    # Not the phone: whoever may search parts of it may feel his way to the whole.
    search=(Person.name, Person.certificate_no),
    search_hint=_l("姓名、证书编号"),
    filters=(
        Filter("unit", _l("所属单位"), "lookup", Person.unit_id, lookup="units"),
        Filter("phone", _l("手机（完整号码）"), "text", criterion=lambda typed: Person.phone == typed),
        Filter("until", _l("证书有效期至"), "date", Person.certificate_until),
        Filter("region", _l("地区"), "region", Person.region_code),
    ),
    tabs=(
        Tab("here", _l("在职"), lambda _m: Person.left_on.is_(None)),
        Tab("near", _l("证书临近到期"), _near, "near"),
        Tab("over", _l("证书过期"), lambda m: Person.left_on.is_(None) & (Person.certificate_until < m.today), "over"),
        Tab("left", _l("已离职"), lambda _m: Person.left_on.is_not(None)),
        Tab("all", _l("全部")),
    ),
    order=("id", True),
    load=(joinedload(Person.unit),),
))
