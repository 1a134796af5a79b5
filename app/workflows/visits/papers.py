"""Signed on paper (MNT-07): where the use unit confirms neither on the spot nor by itself, two photos prove that it
signed: of the signing, and of the signed sheet.

Who hands them in is the firm, which never speaks for the use unit: where the region asks for a review, the record
waits for it as before, and whoever reviews sees the photos.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from app import scope
from app.errors import Finding, raise_failing
from app.models import Visit
from app.models.choices import VISIT_RATING
from app.permissions import Actor
from app.rules.confirmations import rating_finding
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.core import audit
from app.workflows.on_site import check_outs
from app.workflows.visits import visit_links, visit_reviewers

# One photo of each.
KINDS = ("paper_scene", "paper_sheet")
_WORDS = {"paper_scene": "现场签字照片", "paper_sheet": "已签字的维保单照片"}


def hand_in(
    session: AnySession, actor: Actor, visit_id: int, photos: Mapping[str, Sequence[int]], rating: str, at: dt.datetime
) -> Visit:
    """Keep the two photos and what was ticked on the sheet. Once: what is stored is not exchanged."""
    scope.visible(session, actor, Visit, visit_id, "维保记录")
    visit = lock(session, Visit, visit_id)
    assert visit is not None
    visit_links.may_send(actor, visit)
    raise_failing([
        *visit_reviewers.standing_findings(visit),
        Finding("已签退", visit.checked_out_at is not None, "这次维保还没有签退", "请先签退"),
        Finding("纸质确认", visit.paper_at is None, "已经上传过", "需要更正时请添加说明"),
        *(
            Finding(_WORDS[kind], len(photos.get(kind, ())) == 1, say("%(n)s 张", n=len(photos.get(kind, ()))),
                "请上传 1 张", field=kind)
            for kind in KINDS
        ),
        rating_finding(rating, VISIT_RATING),
    ])  # fmt: skip
    for kind in KINDS:
        check_outs.adopt(session, actor, visit, photos[kind], kind)
    visit.paper_at, visit.paper_by_id = at, actor.user_id
    visit.confirmed_by, visit.rating = "paper", rating or None
    session.flush()
    audit.record(
        session, actor, at, "visit.paper", "visit", visit.id, after={"state": visit.state, "rating": visit.rating}
    )
    return visit
