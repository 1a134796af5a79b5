"""What stands on rows: whatever points at them, named and counted, so that taking them away can be refused with why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import func, select

from app.models import Appeal, Application, Attachment, EnforcementEvidence
from app.models.base import Model
from app.transaction import AnySession
from app.wording import say, together

# By table: what it is called, and the column by which one of its rows is named.
_WORDS: dict[str, tuple[str, str | None]] = {
    "visit": ("维保记录", "visit_on"), "maintenance_order": ("维保任务", "planned_on"), "elevator": ("电梯", "code"),
    "contract": ("合同", "number"), "contract_elevator": ("合同绑定，起于", "starts_on"), "person": ("人员", "name"),
    "ab_user": ("账号", "username"), "application": ("申请", "number"), "maintenance_ledger": ("设备履历", None),
    "maintenance_clock": ("维保时钟", None), "maintenance_pause": ("暂停记录", None),
    "overdue_period": ("超期记录", "limit_on"), "elevator_assignment": ("子用户分配", None),
    "grade_certificate": ("等级证书", "certificate_no"),
    "real_name_check": ("实名核验", None), "face_check": ("人脸比对", None),
    "declaration": ("自我声明承诺书，签于", "signed_on"), "score": ("得分", None),
    "attachment": ("附件", "name"), "commitment": ("维保承诺书，起于", "valid_from"),
    "insurance_record": ("医社保缴交明细，起于", "from_on"), "insured_person": ("参保人员", None),
    "inspection": ("检验记录", "done_on"), "inspection_clock": ("检验时限", None),
    "enforcement": ("约谈或处罚", "number"), "enforcement_evidence": ("约谈或处罚的证据", None),
    "appeal": ("申诉", "number"),
    "fraud_signal": ("签到疑点", "seen_on"), "fraud_evidence": ("签到疑点", None), "fraud_case": ("核查案件", "number"),
    "picture_print": ("照片", None), "spot_check": ("抽查对象", "code"), "spot_draw": ("抽查", "number"),
    "spot_avoidance": ("检查人员回避", None),
    "insurance_month": ("参保比对", "month"), "insurance_gap": ("参保缺口", "month"),
}  # fmt: skip
# Not about a unit's rows but about who did something.
_ASIDE = {"import_batch", "import_row", "insurance_gap", "insurance_month"}


def standing_on(session: AnySession, model: Any, ids: Iterable[int], *, aside: Iterable[str] = ()) -> dict[int, str]:
    """By row what points at it, in words: 维保记录 2026-11-01 等 3 项. Rows without an entry stand alone.

    Every foreign key of the schema is asked, so a table added later is not forgotten.
    """
    keys, table = sorted(set(ids)), model.__table__
    found: dict[int, list[str]] = {}
    left_out = _ASIDE | set(aside)
    for other in Model.metadata.sorted_tables:
        if other.name in left_out:
            continue
        for column in other.columns:
            if any(key.column.table is table for key in column.foreign_keys):
                _count(session, other, column, keys, found)
    entities: tuple[Any, ...] = (Application, Attachment, Appeal, EnforcementEvidence)
    for entity in entities:
        named = entity.__table__
        if named.name not in left_out:
            of = named.c.entity == table.name
            _count(session, named, named.c.entity_id, keys, found, of)
    return {key: together(dict.fromkeys(words)) for key, words in found.items()}


def _count(
    session: AnySession, table: Any, column: Any, keys: list[int], found: dict[int, list[str]], *where: Any
) -> None:
    word, name = _WORDS.get(table.name, (table.name, None))
    named = func.min(table.c[name]) if name else func.count()
    for start in range(0, len(keys), 400):
        statement = select(column, func.count(), named).where(column.in_(keys[start : start + 400]), *where)
        for key, count, first in session.execute(statement.group_by(column)):
            told = f"{word} {first}" if name else word
            found.setdefault(key, []).append(
                say("%(told)s 等 %(count)s 项", told=told, count=count) if count > 1 else told
            )
