"""人脸比对 at check-in (PER-10, MNT-02): what an answer means, how often it is tried, what stays possible without it.

A face is never the only way: whoever has consented to no comparison is not compared, and after failures the code, the
place and the photo are enough; an officer looks at both photos then. A service that does not answer stops nobody.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from enum import StrEnum

from app.errors import Finding
from app.rules.visit_photos import SELFIE
from app.wording import say

WITHOUT = "without_face"
# Within it what failed belongs to the same attempt; an attempt of yesterday begins anew.
ATTEMPT_LASTS = timedelta(hours=12)
# How long a service is asked again about what it did not answer: 1, 4, 16 … minutes, most of a day in all.
FIRST_WAIT, WAIT_GROWS, MOST_TRIES = timedelta(minutes=1), 4, 6
LONGEST_NOTE = 500


class FaceState(StrEnum):
    """How a visit stands; the words are the model's."""

    WAITING = "waiting"
    MATCHED = "matched"
    UNMATCHED = "unmatched"
    NO_FACE = "no_face"
    SKIPPED = "skipped"
    UNANSWERED = "unanswered"


FAILED = frozenset({FaceState.UNMATCHED, FaceState.NO_FACE})


def state_of(faces: int, score: float | None, threshold: float) -> FaceState:
    """What a service's answer says: nobody to be seen, the same person, another one."""
    if faces == 0 or score is None:
        return FaceState.NO_FACE
    return FaceState.MATCHED if score >= threshold else FaceState.UNMATCHED


def wait_after(tries: int) -> timedelta | None:
    """When it is asked again after so many tries without an answer; None: no more."""
    return FIRST_WAIT * WAIT_GROWS ** (tries - 1) if tries < MOST_TRIES else None


def failed_finding(state: FaceState, failures: int, most: int) -> Finding:
    """The refusal after a comparison that failed; what to do is in it, and the way without face always."""
    if failures >= most:
        return Finding(
            "刷脸失败次数过多", False, say("已比对 %(n)s 次，都没有通过", n=failures),
            "请勾选“不比对人脸”，按扫码、定位和本人照片签到；这次维保会标出，由监管部门看照片核对", field=WITHOUT,
        )  # fmt: skip
    found = "照片上没有认出人脸" if state is FaceState.NO_FACE else "照片与登记的人脸照片不一致"
    remedy = say(
        "请到光线充足处，摘下帽子和口罩，正对镜头重拍；还可以比对 %(n)s 次，也可以勾选“不比对人脸”签到",
        n=most - failures,
    )
    return Finding("请对本人进行拍摄", False, found, remedy, field=SELFIE)


def verdict_findings(verdict: str, note: str, known: Collection[str], open_: bool) -> list[Finding]:
    """What an officer's look must bring; a suspicion is written with its reason."""
    return [
        Finding("人脸比对", open_, "等待核对" if open_ else "没有等待核对的比对结果，或已核对过",
            "" if open_ else "请刷新页面"),
        Finding("核对结论", verdict in known, "已选择" if verdict in known else "没有选择",
            "请选择是本人、不是本人或看不清", field="verdict"),
        Finding("核对说明", verdict == "same" or bool(note), "已填写" if note else "没有填写",
            "请写明从哪里看出，维保单位会看到", field="verdict_note"),
        Finding("核对说明", len(note) <= LONGEST_NOTE, say("有 %(n)s 个字", n=len(note)),
            say("最多 %(n)s 个字", n=LONGEST_NOTE), field="verdict_note"),
    ]  # fmt: skip
