"""The bodies and answers about the provincial register, as `schemas.py` says the others."""

from __future__ import annotations

from app.api.schemas import ANY, INSTANT, TEXT, WHOLE, YES, Schema, an_object, many, maybe, one_of, page_of, said, text
from app.models.provincial import DIFFERENCE_KIND, DIFFERENCE_WAY, ITEM_OUTCOME, RUN_KIND
from app.rules.provincial import FIELDS, UNITS

_RUN: dict[str, Schema] = {
    "id": WHOLE, "kind": one_of(RUN_KIND), "region_code": TEXT, "job_id": maybe(WHOLE), "begun_at": INSTANT,
    "finished_at": maybe(INSTANT), "asked": WHOLE, **dict.fromkeys(ITEM_OUTCOME, WHOLE),
}  # fmt: skip
_ITEMS = many(an_object(
    "code outcome", code=TEXT, outcome=one_of(ITEM_OUTCOME), elevator_id=maybe(WHOLE), difference_id=maybe(WHOLE),
    note=maybe(TEXT),
))  # fmt: skip

PROVINCIAL: dict[str, Schema] = {
    "ProvincialDifference": an_object(
        "id code kind fields", id=WHOLE, code=said(TEXT, "识别码"), kind=one_of(DIFFERENCE_KIND),
        elevator_id=maybe(WHOLE), unit_id=maybe(WHOLE), use_unit_id=maybe(WHOLE), region_code=TEXT,
        fields=many(an_object(
            "field takeable", field=one_of(FIELDS), theirs=said({"nullable": True}, "省平台；单位为名称和信用代码"),
            ours=ANY, takeable=said(YES, "能用 take 采用"),
        )),
        near=said({"type": "object"}, "对不上的单位 → 名称相近的本平台单位的 id"), found_at=INSTANT, seen_at=INSTANT,
        way=maybe(one_of(DIFFERENCE_WAY)), reason=maybe(TEXT), settled_at=maybe(INSTANT),
    ),
    "ProvincialDifferencePage": page_of("ProvincialDifference"),
    "ProvincialTaking": an_object("", fields=said(many(one_of(FIELDS), 30), "要采用的内容；本平台没有的电梯不用填")),
    "ProvincialKeeping": an_object("reason", reason=text(200)),
    "ProvincialLinking": an_object("side unit_id reason", side=one_of(UNITS), unit_id=WHOLE, reason=text(200)),
    "ProvincialSync": an_object(
        "", codes=said(text(20000), "识别码、设备代码、注册代码，用逗号、分号或换行隔开"),
        region=said(text(12), "12 位区划代码；监管部门用"),
    ),
    "ProvincialRun": an_object("id kind begun_at", **_RUN),
    "ProvincialRunWhole": an_object("id kind begun_at items", **_RUN, items=_ITEMS),
    "ProvincialRunPage": page_of("ProvincialRun"),
}  # fmt: skip
