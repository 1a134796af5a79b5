"""The bodies and answers about enforcement and appeals, and of the tree of regions, as `schemas.py` says the others."""

from __future__ import annotations

from app.api.schemas import (
    DAY,
    FILES,
    INSTANT,
    NAMED,
    TEXT,
    WHOLE,
    YES,
    Schema,
    an_object,
    many,
    maybe,
    one_of,
    page_of,
    ref,
    said,
    text,
)
from app.models.appeal import APPEAL_ENTITY
from app.models.choices import APPLICATION_STATE, REGION_LEVEL
from app.models.enforcement import ENFORCEMENT_KIND, ENFORCEMENT_STATE

_KEY = said(
    text(40),
    "visit、overdue_period、complaint、inspection、rescue、fraud_case、elevator、enforcement、"
    "score_entry 加编号：visit-17",
)  # fmt: skip
_WRITTEN: dict[str, Schema] = {
    "decided_on": DAY, "facts": text(2000), "demand": said(text(2000), "立案处罚可以不填"),
    "legal_basis": said(text(2000), "按文书填写；立案处罚必填"), "document_no": said(text(60), "立案处罚必填"),
    "reply_days": said(WHOLE, "1 至 180 天"), "evidence": many(_KEY, 100),
    "files": said(FILES, "先用 POST /files?kind=document 上传"),
}  # fmt: skip

DEEDS: dict[str, Schema] = {
    # --- the tree of regions
    "NewRegion": an_object(
        "code name", code=said(text(12), "2 到 12 位，其后以 0 补足"), name=text(60),
        level=said(one_of(REGION_LEVEL), "不给则由代码得出"), valid_from=DAY,
    ),
    "NewRegions": an_object("lines", lines=said(text(50_000), "每行一个：代码和名称，最多 500 行")),
    "RegionsAdded": an_object("made there", made=WHOLE, there=said(WHOLE, "已在册的")),
    "RegionEnd": an_object("region", region=said(TEXT, "12 位区划代码"), valid_until=maybe(DAY)),
    "Enforcement": an_object(
        "id number unit kind state decided_on facts reply_days late row_version", id=WHOLE, number=TEXT, unit=NAMED,
        region_code=TEXT, kind=one_of(ENFORCEMENT_KIND), state=one_of(ENFORCEMENT_STATE), decided_on=DAY,
        document_no=maybe(TEXT), facts=TEXT, demand=maybe(TEXT), legal_basis=maybe(TEXT), reply_days=WHOLE,
        in_force_at=maybe(INSTANT), due_at=said(maybe(INSTANT), "单位答复的期限"), replied_at=maybe(INSTANT),
        reply=maybe(TEXT), late=said(YES, "逾期答复"), sent_back_note=maybe(TEXT), closed_at=maybe(INSTANT),
        close_note=maybe(TEXT), withdrawn_at=maybe(INSTANT), withdraw_reason=maybe(TEXT), row_version=WHOLE,
    ),
    "EnforcementPage": page_of("Enforcement"),
    "EnforcementWhole": {"allOf": [ref("Enforcement"), an_object(
        "evidence files",
        evidence=many(an_object("key said", key=TEXT, said=TEXT, happened_on=maybe(DAY), elevator_id=maybe(WHOLE))),
        files=many(ref("FileShown")),
    )]},
    "NewEnforcement": an_object(
        "unit_id kind decided_on facts reply_days", unit_id=WHOLE, kind=one_of(ENFORCEMENT_KIND), **_WRITTEN
    ),
    "EnforcementChange": an_object(
        "decided_on facts reply_days row_version", row_version=said(WHOLE, "看到的；之后有变动则 409"), **_WRITTEN
    ),
    "EnforcementDecision": an_object("agreed", agreed=YES, note=said(text(500), "退回须写明理由")),
    "EnforcementReply": an_object(
        "reply", reply=text(2000), files=said(FILES, "先用 POST /files?kind=document 上传")
    ),
    "EnforcementSentBack": an_object("note", note=text(500), days=said(maybe(WHOLE), "再次答复的期限；不填为原期限")),
    "EnforcementNote": an_object("note", note=text(500)),
    # --- appeals
    "Appeal": an_object(
        "id number unit entity entity_id said grounds state", id=WHOLE, number=TEXT, unit=NAMED, region_code=TEXT,
        application_id=said(maybe(WHOLE), "办理在 /applications"), entity=one_of(APPEAL_ENTITY), entity_id=WHOLE,
        elevator_id=maybe(WHOLE), happened_on=DAY, said=said(TEXT, "申诉时的记录"), grounds=TEXT,
        appeal_until=said(maybe(INSTANT), "申诉截止，空为没有期限"), state=one_of(APPLICATION_STATE),
        in_force_from=said(maybe(INSTANT), "成立的，从此时起更正"), created_at=INSTANT,
        figures=said(many(an_object("label before after", label=TEXT, before=TEXT, after=TEXT)), "更正前后"),
    ),
    "AppealPage": page_of("Appeal"),
    "NewAppeal": an_object(
        "about grounds", about=_KEY, grounds=text(2000), files=said(FILES, "先用 POST /files?kind=document 上传")
    ),
}  # fmt: skip
