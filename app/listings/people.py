"""Persons of a unit, or of a region (PER-03)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import case, false, or_, select
from sqlalchemy.orm import joinedload

from app import clock
from app.listing import Column, Filter, Tab, column, register
from app.listings import standing
from app.listings.opinions import OPINION, OpinionListing
from app.models import Attachment, Person
from app.models.attachment import ATTACHMENT_KIND
from app.models.choices import FILING_STATE, INFO_STATE, PERSON_KIND, REAL_NAME, SEX
from app.models.sealed import whole_or_end
from app.permissions import Actor
from app.rules.approval import EDITABLE


def _state_of(until: Any) -> Callable[[Any], Any]:
    """Whether a paper holds today, by the day alone: what is near is the tab's, by the region's policy."""

    def criterion(chosen: Any) -> Any:
        today = clock.today()
        states = {"none": until.is_(None), "valid": until >= today, "over": until < today}
        return or_(false(), *(states[name] for name in chosen if name in states))

    return criterion


def _working(chosen: Any) -> Any:
    here = Person.left_on.is_(None)
    return or_(false(), *(here if name == "here" else ~here for name in chosen))


# What a person's own entry brings along (quanzhou, 人员信息); nobody has to give a photo of his face.
PICTURES = {name: ATTACHMENT_KIND[name] for name in ("identity", "face", "operator")}
_HELD = {"yes": _l("有"), "none": _l("没有")}


def _picture(kind: str) -> Any:
    held = select(Attachment.id).where(
        Attachment.entity == "person", Attachment.entity_id == Person.id, Attachment.kind == kind,
        Attachment.removed_at.is_(None),
    )  # fmt: skip
    return held.correlate(Person).exists()


def _picture_column(kind: str) -> Column:
    """Whether there is one; what it shows is opened by right and reason."""
    return Column(
        f"{kind}_photo", PICTURES[kind], lambda row: row.asked[f"{kind}_photo"], "choice", choices=_HELD, asked=True,
        sql=case((_picture(kind), "yes"), else_="none"),
    )  # fmt: skip


def _lacking(chosen: Any) -> Any:
    return or_(false(), *(~_picture(kind) for kind in chosen if kind in PICTURES))


WORKING = {"here": _l("在职"), "left": _l("离职")}
CERTIFICATE = {"valid": _l("有效"), "over": _l("已过期"), "none": _l("没有登记")}
DECLARATION = {"valid": _l("有效"), "over": _l("已过期"), "none": _l("没有")}

# What is looked at of whoever is filed (xinxiang 2.2).
_FILED = (
    "name", "unit", "work_kind", "resident_id", "certificate_no", "phone", "certificate_issued_on",
    "certificate_until", "filing_state", "info_state",
)  # fmt: skip


def _of_unit(actor: Actor) -> bool:
    """What is to be handed in is a unit's affair; officers have their queue."""
    return actor.unit_id is not None


def _filed(states: Sequence[str]) -> Any:
    return Person.left_on.is_(None) & Person.filing_state.in_(states)


PEOPLE = register(OpinionListing(
    name="people",
    title=_l("人员与证书"),
    model=Person,
    columns=(
        column(Person, "name"),
        column(Person, "phone", sort=False),
        column(Person, "resident_id", sort=False),
        column(Person, "kind"),
        column(Person, "sex"),
        Column("unit", _l("所属单位"), lambda p: p.unit.name),
        column(Person, "work_kind"),
        column(Person, "certificate_no", kind="code"),
        column(Person, "certificate_issued_on"),
        column(Person, "certificate_until"),
        column(Person, "declaration_until"),
        column(Person, "hired_on"),
        column(Person, "filing_state"),
        column(Person, "info_state", sort=False),
        OPINION,
        column(Person, "approved_on"),
        column(Person, "real_name"),
        column(Person, "left_on"),
        *(_picture_column(kind) for kind in PICTURES),
    ),
    default=("name", "phone", "unit", "kind", "work_kind", "certificate_no", "certificate_until", "filing_state"),
    own={"maintenance": {"unit": ""}},
    # Not the phone: whoever may search parts of it may feel his way to the whole.
    search=(Person.name, Person.certificate_no),
    search_hint=_l("姓名、证书编号"),
    filters=(
        Filter("unit", _l("所属单位"), "lookup", Person.unit_id, lookup="units"),
        Filter(
            "phone", _l("手机（完整号码或末四位）"), "text", criterion=whole_or_end(Person.phone),
            sensitive="mobile",
        ),
        Filter(
            "resident", _l("身份证号（完整号码或末四位）"), "text", criterion=whole_or_end(Person.resident_id),
            sensitive="id",
        ),
        Filter("kind", _l("人员类型"), "choice", Person.kind, choices=PERSON_KIND),
        Filter("sex", _l("性别"), "choice", Person.sex, choices=SEX),
        Filter("working", _l("工作状态"), "choice", choices=WORKING, criterion=_working),
        Filter(
            "certificate", _l("资格证状态"), "choice", choices=CERTIFICATE,
            criterion=_state_of(Person.certificate_until),
        ),
        Filter(
            "declaration", _l("自我声明承诺书"), "choice", choices=DECLARATION,
            criterion=_state_of(Person.declaration_until),
        ),
        Filter("declared", _l("声明承诺有效期至"), "date", Person.declaration_until),
        Filter("lacks", _l("没有的照片"), "choice", choices=PICTURES, criterion=_lacking),
        Filter("real_name", _l("实名核验"), "choice", Person.real_name, choices=REAL_NAME),
        Filter("hired", _l("入职日期"), "date", Person.hired_on),
        Filter("filing", _l("备案状态"), "choice", Person.filing_state, choices=FILING_STATE),
        Filter("info_state", _l("信息状态"), "choice", Person.info_state, choices=INFO_STATE),
        Filter("until", _l("证书有效期至"), "date", Person.certificate_until),
        Filter("region", _l("地区"), "region", Person.region_code),
    ),
    tabs=(
        Tab("here", _l("在职"), lambda _m: Person.left_on.is_(None)),
        Tab("near", _l("证书临近到期"), standing.certificate_near, "near"),
        Tab("over", _l("证书过期"), standing.certificate_over, "over"),
        Tab("filed", _l("已备案"), lambda _m: Person.left_on.is_(None) & (Person.approved_version > 0)),
        Tab("draft", _l("待上报"), lambda _m: _filed(EDITABLE), columns=(*_FILED, OPINION.name), shown_to=_of_unit),
        Tab("pending", _l("审核中"), lambda _m: _filed(("pending",)), columns=_FILED, shown_to=_of_unit),
        Tab("left", _l("已离职"), lambda _m: Person.left_on.is_not(None)),
        Tab("all", _l("全部")),
    ),
    order=("id", True),
    load=(joinedload(Person.unit),),
))
