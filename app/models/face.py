"""人脸比对: what came of comparing the photo of whoever checked in with the one that he consented to (PER-10)."""

import datetime as dt

from flask_babel import lazy_gettext as _l
from sqlalchemy import ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, relationship

from app.models.base import BigId, Instant, Model, Versioned, col, pk
from app.models.visit import Visit

FACE_STATE = {
    "waiting": _l("待比对"), "matched": _l("一致"), "unmatched": _l("不一致"), "no_face": _l("没有认出人脸"),
    "skipped": _l("没有比对"), "unanswered": _l("比对服务没有答复"),
}  # fmt: skip
FACE_VERDICT = {"same": _l("是本人"), "other": _l("不是本人"), "unclear": _l("看不清，无法判断")}
# Written as the partial index says it, so that both databases know it again.
TO_LOOK_AT = "state IN ('unmatched', 'no_face') AND verdict IS NULL AND visit_id IS NOT NULL"


class FaceCheck(Versioned, Model):
    """One a visit: whether its photo was compared, and what came of it. No template, no likeness, no copy of a photo.

    Before the visit begins it holds the failures of the attempt (`visit_id` null), which the visit takes over. Erased
    with the photo. `verdict` is what an officer saw who looked at both photos.
    """

    __tablename__ = "face_check"
    __table_args__ = (
        Index("ix_face_check_waiting", "next_try_at", sqlite_where=text("state = 'waiting'"),
              postgresql_where=text("state = 'waiting'")),
        Index("ix_face_check_look", "visit_id", sqlite_where=text(TO_LOOK_AT), postgresql_where=text(TO_LOOK_AT)),
        Index("ix_face_check_attempt", "person_id", "elevator_id", sqlite_where=text("visit_id IS NULL"),
              postgresql_where=text("visit_id IS NULL")),
        Index("ix_face_check_began", "began_at"),
    )  # fmt: skip
    id: Mapped[int] = pk()
    visit_id: Mapped[int | None] = col(_l("维保记录"), BigId, ForeignKey("visit.id"), unique=True)
    person_id: Mapped[int] = col(_l("维保员"), BigId, ForeignKey("person.id"), index=True)
    elevator_id: Mapped[int] = col(_l("电梯"), BigId, ForeignKey("elevator.id"))
    unit_id: Mapped[int] = col(_l("维保单位"), BigId, ForeignKey("unit.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    # Of whom nothing is kept but its number: the file goes by its own time.
    photo_id: Mapped[int | None] = col(_l("现场本人照片"), BigId)
    state: Mapped[str] = col(_l("人脸比对"), String(12), default="waiting", choices=FACE_STATE)
    failures: Mapped[int] = col(_l("没有通过的次数"), Integer, default=0, server_default="0")
    began_at: Mapped[dt.datetime] = col(_l("开始时间"), Instant)
    answered_at: Mapped[dt.datetime | None] = col(_l("比对时间"), Instant)
    tries: Mapped[int] = col(_l("次数"), Integer, default=0, server_default="0")
    next_try_at: Mapped[dt.datetime | None] = col(_l("下次尝试"), Instant)
    error: Mapped[str | None] = col(_l("错误"), String(200))
    verdict: Mapped[str | None] = col(_l("核对结论"), String(10), choices=FACE_VERDICT)
    verdict_note: Mapped[str | None] = col(_l("核对说明"), Text)
    looked_at: Mapped[dt.datetime | None] = col(_l("核对时间"), Instant)
    looked_by_id: Mapped[int | None] = col(_l("核对人"), Integer, ForeignKey("ab_user.id"))

    visit: Mapped[Visit | None] = relationship()
