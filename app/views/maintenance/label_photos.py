"""核对标签照片 (MNT-06): what waits, each with its photos large beside what the register says of that elevator."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, ClassVar

from flask import flash, g, redirect, request
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, literal, select, union_all

from app import clock
from app.errors import Finding
from app.extensions import db
from app.listing import moment
from app.listings import label_photos as listed
from app.listings.visits import unit_of, worker_of
from app.models import Attachment, Visit
from app.models.among import among
from app.models.choices import CATEGORY, LABEL_BY, LABEL_STATE, word
from app.permissions import Actor, Verb
from app.rules.label_photos import UNDECIDED, LabelState
from app.views.frame import menu, numbers
from app.views.frame.account_forms import number, run, text
from app.views.frame.base import Screen, pill
from app.views.frame.filing_words import day_time
from app.workflows.approval import submissions
from app.workflows.on_site import check_outs
from app.workflows.visits import label_photos

NUMBER = "labels"
TONES = {"waiting": "near", "more": "near", "approved": "ok", "rejected": "over"}
# How far back it is told how often a number was typed.
TYPED_DAYS = 90


class LabelPhotos(Screen):
    """The queue: photo and register side by side, decided here."""

    datamodel = SQLAInterface(Visit)
    route_base = "/visits/labels"
    listing = listed.LABELS
    verb = Verb.VISIT_LABEL
    record = "VisitPages.show"
    template = "ta/visits/labels.html"
    cells: ClassVar[dict[str, Any]] = {
        "label_state": lambda row: pill(word(LABEL_STATE, row.label_state), TONES[row.label_state]),
    }
    empty_text = _l("没有等待核对的标签照片。")

    def _args(self, columns: Any) -> dict[str, str]:
        args = super()._args(columns)
        # Each is looked at, and large.
        args.setdefault("size", "10")
        if args.get("tab") in ("approved", "rejected", "all"):
            # What is decided is looked up, the newest first.
            args.setdefault("sort", "-label_at")
        return args

    def more(self, now: Any, query: Any, page: Any) -> dict[str, Any]:
        return {"shown": shown_of(page.rows) if query.tab in ("waiting", "more") else None}


def shown_of(rows: Sequence[Visit]) -> list[dict[str, Any]]:
    """What a reviewer has before him of each, asked for all at once: the photos, the register's side, the
    circumstances, and what he may do."""
    photos = label_photos.photos_of(db.session, [row.id for row in rows])
    typed, may = _typed(rows), may_decide(g.actor, rows)
    return [_shown(row, photos[row.id], typed[row.id], row.id in may) for row in rows]


def _shown(row: Visit, photos: Sequence[Attachment], typed: tuple[int, int], may: bool) -> dict[str, Any]:
    lift, ends = row.elevator, _ends(row, photos)
    return {
        "row": row, "photos": photos, "newest": photos[-1] if photos else None, "ends": ends,
        "how": _how(bool(row.by_code), any(p.kind == check_outs.LABEL_OUT for p in photos)),
        "state": word(LABEL_STATE, row.label_state or ""), "tone": TONES.get(row.label_state or "", "gone"),
        "register": [
            (_("识别码"), lift.code), (_("注册代码"), lift.registration_code), (_("设备代码"), lift.equipment_code),
            (_("出厂编号"), lift.factory_no), (_("品种"), word(CATEGORY, lift.category) if lift.category else None),
            (_("内部编号"), lift.internal_no), (_("现场梯号"), lift.site_no), (_("位置"), lift.place),
            (_("使用单位"), row.use_unit.name if row.use_unit else None),
        ],
        "visit": [
            (_("维保员"), worker_of(row)), (_("维保单位"), unit_of(row)),
            (_("签到"), day_time(row.checked_in_at)),
            (_("签到时离电梯"), _metres(row.in_distance)), (_("签退"), day_time(row.checked_out_at)),
            (_("签退时离电梯"), _metres(row.out_distance) if row.checked_out_at else None),
            (_("近 %(n)s 天按识别码签到", n=TYPED_DAYS),
             _("这台电梯 %(a)s 次，这名维保员 %(b)s 次", a=typed[0], b=typed[1])),
        ],
        "may": may, "time": day_time,
    }  # fmt: skip


def _ends(row: Visit, photos: Sequence[Attachment]) -> list[tuple[str, list[Attachment]]]:
    """The photos by when they were taken, each end's newest first; what was asked for afterwards before both ends."""
    asked, arrived, left = _("补拍"), _("签到"), _("签退")
    ends: dict[str, list[Attachment]] = {}
    for photo in photos:
        # Nobody is asked for another before the visit is over and here.
        again = row.sent_at is not None and photo.uploaded_at > row.sent_at
        name = asked if again else left if photo.kind == check_outs.LABEL_OUT else arrived
        ends.setdefault(name, []).insert(0, photo)
    return [(name, ends[name]) for name in (asked, arrived, left) if name in ends]


def _how(arrived: bool, left: bool) -> str:
    """Which of the ends was typed."""
    return _("签到和签退") if arrived and left else _("签退") if left else _("签到")


def _metres(distance: int | None) -> str:
    return _("%(n)s 米", n=distance) if distance is not None else _("没有位置")


def may_decide(actor: Actor, rows: Sequence[Visit]) -> set[int]:
    """Of which the page offers the form; the workflow has the last word."""
    if not actor.may(Verb.VISIT_LABEL):
        return set()
    waiting = [row for row in rows if row.state == "pending" and row.label_state in UNDECIDED]
    found = label_photos.reviewer_findings(db.session, actor, waiting) if waiting else {}
    return {key for key, findings in found.items() if not any(f.stops for f in findings)}


def card_of(row: Visit, actor: Actor) -> dict[str, Any] | None:
    """For a record's own page: the photo's standing, who decided, and the form where it is for the reader to fill."""
    if row.label_state is None:
        return None
    who = submissions.name_of(db.session, row.label_decided_by_id) if row.label_decided_by_id else ""
    return shown_of([row])[0] | {
        "by": word(LABEL_BY, row.label_by or ""), "decided_by": who,
        "decided": row.label_state != LabelState.WAITING,
    }  # fmt: skip


def decide(pk: int) -> tuple[Any, list[Finding], int]:
    """Take what the form says: where to go on to, or what stands in the way."""
    decision, reason, seen = text("decision", 20), text("label_reason", 2000), number(request.form.get("seen"))
    done, findings, status = run(
        lambda session: label_photos.decide(session, g.actor, pk, decision, reason, seen, clock.now())
    )
    if done is None:
        return None, findings, status
    said = {"approved": _("已通过"), "rejected": _("已判为不通过，这次维保不计入"), "more": _("已要求补拍")}
    flash(said[decision], "success")
    return redirect("/visits/labels/" if request.form.get("back") == "labels" else f"/visits/{pk}"), [], 302


def _typed(rows: Sequence[Visit]) -> dict[int, tuple[int, int]]:
    """By visit how often a number was typed in the days before at its elevator, and by its worker wherever; a number
    names nobody. One statement: of all their elevators and workers how often on each day."""
    if not rows:
        return {}
    back = dt.timedelta(days=TYPED_DAYS)
    first, last = min(row.visit_on for row in rows) - back, max(row.visit_on for row in rows)
    parts = [
        select(literal(name).label("of"), column_, Visit.visit_on, func.count().label("times"))
        .where(Visit.by_code.is_(True), Visit.visit_on.between(first, last), among(db.session, column_, sorted(keys)))
        .group_by(column_, Visit.visit_on)
        for name, column_, keys in (
            ("elevator", Visit.elevator_id, {row.elevator_id for row in rows}),
            ("worker", Visit.worker_id, {row.worker_id for row in rows}),
        )
    ]
    days: dict[tuple[str, int], list[tuple[dt.date, int]]] = defaultdict(list)
    for of, key, on, times in db.session.execute(union_all(*parts).execution_options(skip_scope=True)):
        days[of, key].append((on, times))

    def times_of(row: Visit, of: str, key: int) -> int:
        return sum(times for on, times in days[of, key] if row.visit_on - back <= on <= row.visit_on)

    return {
        row.id: (times_of(row, "elevator", row.elevator_id), times_of(row, "worker", row.worker_id)) for row in rows
    }


# --- home and menu


def label_figure(actor: Actor) -> tuple[str, int, str, str, str, int, tuple[tuple[str, str], ...]] | None:
    """待核对的标签照片 with 补数据, where there are any; most regions ask for none."""
    if not actor.may(Verb.VISIT_LABEL):
        return None
    now = moment(db.session, actor)
    parts = [listed.count(now, of) for of in (listed.WAITING, listed.MORE)]
    waiting, more = db.session.execute(select(*parts).execution_options(skip_scope=True)).one()
    if not waiting and not more:
        return None
    tone = "near" if waiting else ""
    part = str(_("补数据 %(n)s", n=more)), "/visits/labels/?tab=more"
    return _("待核对的标签照片"), waiting, "", "/visits/labels/", tone, 0, (part,)


def _says(counts: Sequence[int], note: str) -> menu.Said:
    return counts[0], "near", note


numbers.add(NUMBER, lambda now: [listed.count(now, listed.WAITING)], _says)


def register(appbuilder: Any) -> None:
    """Add the queue; the record's page has its form, too."""
    appbuilder.add_view_no_menu(LabelPhotos)
