"""The bodies and answers about maintenance orders and one-year plans, as `schemas.py` says the others."""

from __future__ import annotations

from app.api.schemas import DAY, TEXT, WHOLE, YES, Schema, an_object, many, maybe, one_of, page_of, ref, said, text
from app.models.choices import GENERATION_MODE, LEVEL, ORDER_ORIGIN, ORDER_SHOWN
from app.workflows.maintenance.ledgers import DATES, INTERVALS, PERSONS
from app.workflows.maintenance.ledgers_many import MOST_AT_ONCE as MOST_LEDGERS
from app.workflows.maintenance.orders import MOST_AT_ONCE
from app.workflows.maintenance.year_plans import MOST

_LEDGER: dict[str, Schema] = {
    **{name: maybe(WHOLE) for name in PERSONS}, "team_id": maybe(WHOLE),
    "mode": said(one_of(GENERATION_MODE), "任务生成模式"),
    "interval_days": maybe({"type": "integer", "enum": list(INTERVALS)}),
    **{name: maybe(DAY) for name in DATES},
}  # fmt: skip
ORDERS: dict[str, Schema] = {
    "Ledger": an_object(
        "elevator_id code version", elevator_id=WHOLE, code=TEXT, version=said(WHOLE, "0 为没有填写过"),
        next_level=maybe(one_of(LEVEL)), **_LEDGER | {"mode": maybe(one_of(GENERATION_MODE))},
    ),
    "LedgerChange": an_object(
        "", seen_version=said(WHOLE, "读到的 version；之后有人改过则 409"), **_LEDGER,
    ),
    "LedgersChange": an_object(
        "elevator_ids", elevator_ids=many(WHOLE, MOST_LEDGERS),
        a_day=said(WHOLE, "每天几台：下次年度维保从给出的那天起依次排"), **_LEDGER,
    ),
    "Order": an_object(
        "id elevator_id", id=WHOLE, elevator_id=WHOLE, code=TEXT, category=said(TEXT, "设备类型（品种代码）"),
        address=TEXT, level=one_of(LEVEL), level_name=TEXT, planned_on=DAY, limit_on=maybe(DAY),
        state=said(one_of(ORDER_SHOWN), "approving：已做，等使用单位复核、经理审批或核对标签照片"),
        origin=one_of(ORDER_ORIGIN), worker_id=maybe(WHOLE),
    ),
    "OrderPage": page_of("Order"),
    "NewOrder": an_object(
        "elevator_id planned_on", elevator_id=WHOLE, planned_on=DAY, level=said(one_of(LEVEL), "缺省为半月"),
        worker_id=said(WHOLE, "不给则未分配"),
    ),
    "OrderChange": an_object(
        "reason", planned_on=DAY, level=one_of(LEVEL), reason=said(text(120), "为什么改；写入审计日志"),
    ),
    "OrderReassign": an_object("ids worker_id", ids=many(WHOLE, MOST_AT_ONCE), worker_id=WHOLE),
    "OrderReassigned": an_object("rows", rows=many(an_object("id ok text", id=WHOLE, ok=YES, text=TEXT))),
    "OrderReplan": an_object(
        "ids planned_on reason", ids=many(WHOLE, MOST_AT_ONCE), planned_on=DAY,
        reason=said(text(120), "为什么改；写入审计日志"),
    ),
    "NewYearPlan": an_object(
        "elevator_ids start_on", elevator_ids=many(WHOLE, MOST),
        start_on=said(DAY, "要在 3 个月后做年度保养，往前推 9 个月；已过的日期不生成"),
        interval_days=said({"type": "integer", "enum": list(INTERVALS)}, "不给则按各台履历"),
        worker_id=said(WHOLE, "不给则按各台履历"),
        switch_to_manual=said(YES, "自动生成任务的电梯改为手动，由一年计划代替；不给则这些电梯不生成"),
        preview=said(YES, "只预览，什么也不写"),
        expected=said(text(20), "预览回答中的 digest；不再一致时拒绝，什么也不写"),
    ),
    "YearPlan": an_object(
        "made elevators days", preview=YES, made=said(WHOLE, "生成（或将生成）的任务数"), elevators=WHOLE, digest=TEXT,
        switched_to_manual=many(WHOLE), missing=said(many(WHOLE), "没有找到，或不在管辖范围内"),
        days=many(an_object(
            "on level made", on=DAY, level=one_of(LEVEL), made=WHOLE,
            left_out=many(an_object("why count", why=TEXT, count=WHOLE)),
        )),
        rows=said(many(an_object(
            "elevator_id code orders", elevator_id=WHOLE, code=TEXT, orders=said(WHOLE, "这台生成的任务数"),
            refused=said(YES, "这台不生成"), findings=many(ref("Finding")),
        )), "每台电梯一项"),
    ),
}  # fmt: skip
