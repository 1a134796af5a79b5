"""What leaves the product beside the lists' exports, each in the register of exports (RPR-01).

Reports that are tables and the statistical workbook can be run again from what their record kept; a printed form and
the package of the audit log are found by the digest of their bytes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from app import clock
from app.errors import refuse
from app.listing import Column, moment
from app.listings import capacity, item_sets, score_elevators, score_records
from app.models.policy import policy_version
from app.permissions import Actor
from app.reports import (
    approvals,
    complaints,
    coverage,
    exports,
    fairness,
    iot,
    repairs,
    rescues,
    spot_checks,
    tables,
)
from app.reports.asked import Asked
from app.rules.score_items import Item
from app.wording import say, together

STATISTICS, FORM, AUDIT_LOG, VISIT_SHEETS = "statistics", "application_form", "audit_log", "visit_sheets"
DECISIONS, APPLIED = "decisions", "applied"
Columns = Sequence[Column]


def _coverage(session: Any, actor: Actor, asked: Mapping[str, str], at: dt.datetime) -> tuple[list[Any], Columns]:
    on = dt.date.fromisoformat(asked["on"])
    return coverage.lines(session, actor, asked["by"], on, asked.get("region") or None), coverage.COLUMNS


def _ageing(session: Any, actor: Actor, asked: Mapping[str, str], at: dt.datetime) -> tuple[list[Any], Columns]:
    return approvals.ageing(session, actor, at), approvals.COLUMNS


def _fairness(session: Any, actor: Actor, asked: Mapping[str, str], at: dt.datetime) -> tuple[list[Any], Columns]:
    return fairness.table(session, actor, int(asked["run"]), asked.get("by", Item.MAINTENANCE))


def _score_elevators(
    session: Any, actor: Actor, asked: Mapping[str, str], at: dt.datetime
) -> tuple[list[Any], Columns]:  # fmt: skip
    found = score_elevators.lines(session, actor, int(asked["score"]), asked.get("show", score_elevators.FAILED))
    return found, score_elevators.COLUMNS


def _over_days(asked: Mapping[str, str]) -> Asked:
    return Asked(
        asked["by"], dt.date.fromisoformat(asked["from_on"]), dt.date.fromisoformat(asked["to_on"]),
        _key(asked, "unit"), asked.get("region") or None, asked.get("estate", ""),
        _key(asked, "use_unit"), _key(asked, "elevator"),
    )  # fmt: skip


def _key(asked: Mapping[str, str], name: str) -> int | None:
    return int(asked[name]) if asked.get(name) else None


def _complaints(session: Any, actor: Actor, asked: Mapping[str, str], at: dt.datetime) -> tuple[list[Any], Columns]:
    over = _over_days(asked)
    return complaints.lines(session, actor, over, at), complaints.columns_of(over.by)


def _rescues(session: Any, actor: Actor, asked: Mapping[str, str], at: dt.datetime) -> tuple[list[Any], Columns]:
    return rescues.lines(session, actor, _over_days(asked), at), rescues.COLUMNS


def _repairs(session: Any, actor: Actor, asked: Mapping[str, str], at: dt.datetime) -> tuple[list[Any], Columns]:
    return repairs.lines(session, actor, _over_days(asked), at), repairs.COLUMNS


def _spot_checks(session: Any, actor: Actor, asked: Mapping[str, str], at: dt.datetime) -> tuple[list[Any], Columns]:
    return spot_checks.lines(session, actor, _over_days(asked), at), spot_checks.COLUMNS


def _iot(session: Any, actor: Actor, asked: Mapping[str, str], at: dt.datetime) -> tuple[list[Any], Columns]:
    return iot.lines(session, actor, _over_days(asked)), iot.COLUMNS


def _capacity(session: Any, actor: Actor, asked: Mapping[str, str], at: dt.datetime) -> tuple[list[Any], Columns]:
    return capacity.units(session, actor, at), capacity.UNITS


TABLES: dict[str, Callable[..., tuple[list[Any], Columns]]] = {
    "contract_coverage": _coverage,
    "approval_ageing": _ageing,
    "fair_comparison": _fairness,
    "score_elevators": _score_elevators,
    "score_records": score_records.table,
    "complaint_counts": _complaints,
    "rescue_counts": _rescues,
    "repair_counts": _repairs,
    "spot_counts": _spot_checks,
    "iot_counts": _iot,
    "capacity_units": _capacity,
    "unit_capacity": capacity.of_unit,
    "maintenance_items": item_sets.table,
}


def write_table(
    session: Any, actor: Actor, name: str, asked: Mapping[str, str], path: Path, fmt: str, title: str, at: dt.datetime,
    only: Sequence[str] = (),
) -> tuple[dict[str, Any], Columns]:  # fmt: skip
    """Write a report that is a table; what its record keeps, and its columns.

    `only`: the columns that it had when it was given out; those that have come since are left out.
    """
    rows, columns = TABLES[name](session, actor, asked, at)
    columns = [column for column in columns if not only or column.name in only]
    policy = policy_version(session, actor.region_code, clock.local_day(at))
    said = (
        together((say("%(key)s：%(value)s", key=key, value=value) for key, value in asked.items() if value), "；")
        or "没有条件"
    )
    scope = exports.scope_text(session, actor)
    note = [
        ("内容", title), ("条件", said), ("数据截至", say("%(local)s（北京时间）",
            local=f"{clock.local(at):%Y-%m-%d %H:%M:%S}")),
        ("政策版本", policy), ("导出人", actor.name), ("数据范围", scope),
    ]  # fmt: skip
    block = [tuple(column.value(row) for column in columns) for row in rows]
    written = tables.write([block] if block else [], columns, path, fmt, title=title, as_of=at, note=note)
    told = {
        "filter": say("%(scope)s；%(said)s", scope=scope, said=said), "as_of": at.isoformat(), "policy": policy,
            "rows": written.rows,
        "sha256": written.sha256, "file": exports.digest_of(path),
    }  # fmt: skip
    return told, columns


def query_of(asked: Mapping[str, str]) -> str:
    """What was asked for, as a record keeps it."""
    return urlencode({key: value for key, value in asked.items() if value})


def again(session: Any, actor: Actor, record: Any, path: Path, fmt: str) -> None:
    """Write the same report once more, in the scope that its maker has now."""
    asked = dict(parse_qsl(record.query))
    if record.listing == STATISTICS:
        # pandas takes most of a second to load; a proof of anything else never pays for it.
        from app.reports import statistics, statistics_workbook

        days = [dt.date.fromisoformat(asked[name]) for name in ("from_on", "to_on")]
        frame = statistics.frame_of(session, actor, asked.get("region", ""), days[0], days[1])
        statistics_workbook.write(statistics.build(moment(session, actor), frame), path)
    elif record.listing in TABLES:
        write_table(
            session, actor, record.listing, asked, path, fmt, record.listing, record.as_of, only=record.columns
        )  # fmt: skip
    else:
        raise refuse("再导一次", "打印件和日志包不重导", "以存档的摘要为准")
