"""维保计划 by workbook: new orders, another worker for those that wait, and nothing else; undone again (PLN-05)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app import scope, telling
from app.imports import undoing
from app.models import MaintenanceOrder
from app.transaction import transaction
from app.wording import Said
from app.workflows.maintenance.orders import cancel
from tests.factories import make_person
from tests.imports.ground import AT, checked, imported, ran, states, told, workbook

pytestmark = pytest.mark.feature("IMP-01", "PLN-05", "PLN-06")
HEADS = ["计划编号", "识别码", "维保日期", "维保频次", "维保员"]
SOON = dt.date(2026, 11, 25)


def orders(session: Any) -> list[MaintenanceOrder]:
    session.expire_all()
    return list(session.scalars(select(MaintenanceOrder).order_by(MaintenanceOrder.id)))


def test_new_orders_come_in_once(session: Any, world: Any) -> None:
    who, code = world.actor("clerk"), world.own.code
    other = make_person(session, world.firm, "沈知微", certificate_no="T-9001")
    session.commit()
    file = lambda: workbook(  # noqa: E731
        HEADS, [None, code, "2026-11-25", "季度", world.worker.name], [None, code, "2026年12月9日", None, "T-9001"]
    )
    batch = imported(session, who, "orders", file())
    assert (batch.new_rows, batch.bad_rows, batch.done_rows) == (2, 0, 2)
    assert [(o.planned_on, o.level, o.worker_id, o.origin, o.state) for o in orders(session)] == [
        (SOON, "quarter", world.worker.id, "import", "open"),
        (dt.date(2026, 12, 9), "half_month", other.id, "import", "open"),
    ]
    again = checked(session, who, "orders", file())
    assert set(states(session, again).values()) == {"same"}


def test_two_imports_checked_before_either_ran_make_one_set(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    rows = [HEADS, [None, world.own.code, SOON, None, world.worker.name]]
    first, second = (checked(session, who, "orders", workbook(*rows)) for _ in range(2))
    ran(session, who, first)
    assert ran(session, who, second).done_rows == 0
    assert "校验之后已有 2026-11-25 的任务" in told(session, second)[2]
    assert len(orders(session)) == 1


def test_of_a_standing_order_only_the_worker_changes_while_it_waits(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    other = make_person(session, world.firm, "沈知微")
    session.commit()
    imported(session, who, "orders", workbook(HEADS, [None, world.own.code, SOON, "季度", world.worker.name]))
    number = orders(session)[0].id
    batch = imported(session, who, "orders", workbook(HEADS, [number, world.own.code, SOON, "季度", other.name]))
    assert (batch.changed_rows, batch.done_rows) == (1, 1)
    assert orders(session)[0].worker_id == other.id
    wrong = checked(session, who, "orders", workbook(
        HEADS, [number, world.own.code, "2026-11-28", "年度", other.name],
        [number + 7, world.own.code, SOON, None, None],
    ))  # fmt: skip
    assert told(session, wrong) == {
        2: "已有任务的日期和频次不改；已有任务的日期和频次不改", 3: "没有找到这台电梯的这条任务",
    }  # fmt: skip
    with scope.acting(who), transaction(session):
        undoing.begin(session, who, batch.id, AT, queued=False)
    with scope.acting(who):
        assert undoing.run(session, who, batch.id, AT, lambda *_: None) == {"undone": 1, "kept": 0}
    assert orders(session)[0].worker_id == world.worker.id
    session.execute(MaintenanceOrder.__table__.update().values(state="done"))
    session.commit()
    late = checked(session, who, "orders", workbook(HEADS, [number, world.own.code, SOON, "季度", other.name]))
    assert told(session, late) == {2: "这条任务已不是“待维保”"}


def test_every_mistake_of_a_row_is_told_by_its_cell(session: Any, world: Any) -> None:
    batch = checked(session, world.actor("clerk"), "orders", workbook(
        HEADS, [None, "没有这台", SOON, None, None], [None, world.foreign.code, SOON, None, None],
        [None, world.own.code, "2026-11-01", "每周", "查无此人"], [None, world.own.code, None, None, None],
    ))  # fmt: skip
    found = told(session, batch)
    assert set(states(session, batch).values()) == {"bad"} and len(found) == 4
    assert "没有找到这台电梯" in found[2] and "没有找到这台电梯" in found[3], "a foreign one looks like none"
    assert "每周" in found[4] and "查无此人" in found[4]


def test_an_undone_import_voids_what_still_waits(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    rows = [[None, world.own.code, day, None, world.worker.name] for day in (SOON, dt.date(2026, 12, 2))]
    batch = imported(session, who, "orders", workbook(HEADS, *rows))
    session.execute(MaintenanceOrder.__table__.update().where(MaintenanceOrder.planned_on == SOON).values(state="done"))
    session.commit()
    with scope.acting(who), transaction(session):
        undoing.begin(session, who, batch.id, AT, queued=False)
    with scope.acting(who):
        assert undoing.run(session, who, batch.id, AT, lambda *_: None) == {"undone": 1, "kept": 1}
    assert [o.state for o in orders(session)] == ["done", "void"]
    reason = orders(session)[1].close_reason
    assert reason == "撤销导入" and isinstance(reason, Said), "ours, to be told in the reader's language"


def test_why_somebody_cancels_an_order_stays_as_he_wrote_it(app: Any, session: Any, world: Any) -> None:
    """Even where his words are those of a text of ours."""
    who = world.actor("clerk")
    imported(session, who, "orders", workbook(HEADS, [None, world.own.code, SOON, None, world.worker.name]))
    with scope.acting(who), transaction(session):
        cancel(session, who, orders(session)[0].id, " 撤销导入 ", AT)
    reason = orders(session)[0].close_reason
    with app.test_request_context("/?_l_=en"):
        assert (reason, telling.told(reason)) == ("撤销导入", "撤销导入")
