"""The bodies and answers about papers, notices and one's own data, as `schemas.py` says the others."""

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
from app.models.choices import APPLICATION_STATE
from app.models.insurance import GAP_KIND

_MASKED = said(maybe(TEXT), "遮蔽")
_MONTH: Schema = said({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$"}, "2026-11")
_INSURANCE: dict[str, Schema] = {
    "payer": said(text(80), "缴纳公司"), "from_month": _MONTH, "to_month": _MONTH, "note": text(500),
    "people": many(an_object("name id_number", name=text(40), id_number=text(18), phone=text(20)), 2000),
}  # fmt: skip

PAPERS: dict[str, Schema] = {
    # --- commitments
    "Commitment": an_object(
        "id unit valid_from valid_until state", id=WHOLE, unit=NAMED, region_code=TEXT, valid_from=DAY, valid_until=DAY,
        state=one_of(APPLICATION_STATE), note=maybe(TEXT), holds=said(YES, "今天有效"), created_at=INSTANT,
        in_force_from=maybe(INSTANT),
    ),
    "CommitmentPage": page_of("Commitment"),
    "CommitmentWhole": {"allOf": [ref("Commitment"), an_object(
        "files", application=said(maybe(ref("Application")), "审批在 /applications；无权查看申请则为 null"),
        files=many(ref("FileShown")),
    )]},
    "NewCommitment": an_object(
        "valid_from valid_until scans", valid_from=DAY, valid_until=DAY, note=text(500),
        scans=said(FILES, "盖章扫描件：先用 POST /files?kind=commitment 上传"), pictures=FILES,
    ),
    # --- insurance
    "Insurance": an_object(
        "id unit payer from_month to_month state people row_version", id=WHOLE, unit=NAMED, region_code=TEXT,
        payer=TEXT, from_month=_MONTH, to_month=_MONTH, state=one_of(["draft", "filed", "withdrawn"]),
        people=said(WHOLE, "人数"), note=maybe(TEXT), filed_at=maybe(INSTANT), withdrawn_at=maybe(INSTANT),
        withdrawn_note=maybe(TEXT), row_version=WHOLE,
    ),
    "InsurancePage": page_of("Insurance"),
    "InsuranceWhole": {"allOf": [ref("Insurance"), an_object(
        "vouchers may_write", vouchers=many(ref("FileShown")), may_write=said(YES, "本单位的草稿"),
    )]},
    "Insured": an_object("id name", id=WHOLE, name=TEXT, id_number=_MASKED, phone=_MASKED),
    "InsuredPage": page_of("Insured"),
    "NewInsurance": an_object("payer from_month to_month", **_INSURANCE),
    "InsuranceChange": an_object("", **_INSURANCE),
    "InsuranceGap": an_object(
        "id month kind name unit", id=WHOLE, month=_MONTH, kind=one_of(GAP_KIND), name=TEXT, unit=NAMED, phone=_MASKED,
        person_id=maybe(WHOLE), record_id=maybe(WHOLE),
    ),
    "InsuranceGapPage": page_of("InsuranceGap"),
    "InsuranceMonth": an_object(
        "id month unit", id=WHOLE, month=_MONTH, unit=NAMED, region_code=TEXT, records=said(WHOLE, "缴交明细份数"),
        filed=said(WHOLE, "应参保人数"), insured=said(WHOLE, "已参保人数"), uninsured=said(WHOLE, "已备案未参保"),
        unfiled=said(WHOLE, "已参保未备案"), compared_at=INSTANT,
    ),
    "InsuranceMonthPage": page_of("InsuranceMonth"),
    "InsuranceMonthWhole": {"allOf": [ref("InsuranceMonth"), an_object("gaps", gaps=many(ref("InsuranceGap")))]},
}  # fmt: skip
