"""The bodies and answers about doubtful check-ins and spot checks, as `schemas.py` says the others."""

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
from app.models.fraud import CASE_OUTCOME, CASE_STATE, SIGNAL_KIND
from app.models.spot import CHECK_STATE, DRAW_STATE, DRAW_TARGET, STRATUM

_PERSON = an_object("id name", id=WHOLE, name=TEXT)
_RISK = said(WHOLE, "百分之一分")

CHECKS: dict[str, Schema] = {
    # --- doubtful check-ins
    "FraudSignal": an_object(
        "id kind unit seen_on points found", id=WHOLE, kind=one_of(SIGNAL_KIND), unit=NAMED, person_id=maybe(WHOLE),
        elevator_id=maybe(WHOLE), region_code=TEXT, seen_on=DAY, points=WHOLE, found=TEXT,
        facts=said({"type": "object"}, "计算用到的数值"), case_id=maybe(WHOLE), set_aside_at=maybe(INSTANT),
        set_aside_note=maybe(TEXT),
    ),
    "FraudSignalPage": page_of("FraudSignal"),
    "FraudSignalWhole": {"allOf": [ref("FraudSignal"), an_object(
        "how evidence", how=said(TEXT, "怎么算的"),
        evidence=many(an_object("visit_id", visit_id=WHOLE, photo_id=maybe(WHOLE))),
    )]},
    "FraudRisks": an_object("rows", rows=many(an_object(
        "id name unit points reasons", id=WHOLE, name=TEXT, unit=NAMED, points=WHOLE,
        reasons=many(an_object(
            "kind signals counted points", kind=one_of(SIGNAL_KIND), signals=WHOLE, counted=WHOLE, points=WHOLE,
        )),
    ))),
    "FraudNote": an_object("note", note=text(200)),
    "FraudCase": an_object(
        "id number unit state question opened_at", id=WHOLE, number=TEXT, unit=NAMED, person_id=maybe(WHOLE),
        region_code=TEXT, state=one_of(CASE_STATE), question=TEXT, opened_at=INSTANT,
        due_at=said(maybe(INSTANT), "说明期限"), answer=maybe(TEXT), answered_at=maybe(INSTANT),
        outcome=maybe(one_of(CASE_OUTCOME)), reason=maybe(TEXT), decided_at=maybe(INSTANT),
    ),
    "FraudCasePage": page_of("FraudCase"),
    "FraudCaseWhole": {"allOf": [ref("FraudCase"), an_object("signals", signals=many(an_object(
        "kind seen_on found how visits", kind=one_of(SIGNAL_KIND), seen_on=DAY, found=TEXT, how=TEXT,
        visits=said(many(WHOLE), "您可以查看的维保记录"),
    )))]},
    "NewFraudCase": an_object(
        "signals question", signals=said(many(WHOLE, 101), "同一单位的疑点"), question=text(1000)
    ),
    "FraudAnswer": an_object("answer", answer=text(1000), files=FILES),
    "FraudDecision": an_object("outcome reason", outcome=one_of(CASE_OUTCOME), reason=text(1000)),
    # --- spot checks
    "SpotDraw": an_object(
        "id number title target state quota population_count population_digest commitment", id=WHOLE, number=TEXT,
        title=TEXT, region_code=TEXT, target=one_of(DRAW_TARGET), state=one_of(DRAW_STATE), quota=WHOLE,
        risk_percent=WHOLE, top_percent=WHOLE, as_of=INSTANT, filters=said({"type": "object"}, "对象范围"),
        inspectors=many(_PERSON), population_count=WHOLE, population_digest=said(TEXT, "名单的 SHA-256"),
        commitment=said(TEXT, "预置随机数的 SHA-256"), secret=said(maybe(TEXT), "抽取后公布"),
        seed_text=maybe(TEXT), seed=maybe(TEXT), check_until=DAY, drawn_at=maybe(INSTANT),
        cancelled_at=maybe(INSTANT), cancel_reason=maybe(TEXT),
    ),
    "SpotDrawPage": page_of("SpotDraw"),
    "SpotDrawWhole": {"allOf": [ref("SpotDraw"), an_object(
        "population chosen", population=said(TEXT, "名单：每行代码、制表符、风险分（百分之一）"),
        chosen=many(ref("SpotCheck")),
    )]},
    "NewSpotDraw": an_object(
        "title target quota check_until inspectors", title=text(80), target=one_of(DRAW_TARGET), quota=WHOLE,
        risk_percent=said(WHOLE, "缺省按政策"), top_percent=said(WHOLE, "缺省按政策"), check_until=DAY,
        inspectors=said(many(WHOLE, 200), "检查人员的账号编号"),
        category=said(TEXT, "电梯品种"), unit_id=said(WHOLE, "只抽这个维保单位的"), region=said(TEXT, "下级地区"),
    ),
    "SpotSeed": an_object("seed_text", seed_text=said(text(200), "公开种子")),
    "SpotReason": an_object("reason", reason=text(200)),
    "SpotCheck": an_object(
        "id draw_id number position stratum code name risk parts state", id=WHOLE, draw_id=WHOLE, number=TEXT,
        position=WHOLE, stratum=one_of(STRATUM), code=TEXT, name=TEXT, elevator_id=maybe(WHOLE), unit_id=maybe(WHOLE),
        region_code=TEXT, risk=_RISK, parts=said({"type": "object"}, "风险构成，百分之一分"),
        inspectors=said(many(_PERSON), "两名检查人员"), state=one_of(CHECK_STATE), checked_at=maybe(INSTANT),
        findings=maybe(TEXT), demand=maybe(TEXT), due_at=maybe(INSTANT), fix_note=maybe(TEXT),
        fixed_at=maybe(INSTANT), close_note=maybe(TEXT), closed_at=maybe(INSTANT),
    ),
    "SpotCheckPage": page_of("SpotCheck"),
    "SpotResult": an_object(
        "passed findings", passed=YES, findings=text(1000), demand=said(text(1000), "发现问题时必填"), photos=FILES,
    ),
    "SpotFix": an_object("note", note=text(1000), files=FILES),
    "SpotReview": an_object("confirmed note", confirmed=YES, note=text(1000)),
    "SpotRisks": an_object("rows", rows=many(an_object(
        "code name risk parts", code=TEXT, name=TEXT, unit=TEXT, risk=_RISK, parts={"type": "object"},
    ))),
    "SpotAvoidance": an_object(
        "id account unit reason declared_at", id=WHOLE, account=_PERSON, unit=NAMED, reason=TEXT, declared_at=INSTANT,
        ended_at=maybe(INSTANT),
    ),
    "SpotAvoidances": an_object("rows", rows=many(ref("SpotAvoidance"))),
    "NewSpotAvoidance": an_object(
        "unit_id reason", account_id=said(WHOLE, "缺省为本人"), unit_id=WHOLE, reason=text(200)
    ),
}  # fmt: skip
