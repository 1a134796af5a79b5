"""All six items of every unit and their total by one statement over the product's tables, counts and points.

SCO-01 as `score_statement` has it; the five others from calls, complaints, inspections, entrapments and changes as they
were known at the instant. It writes nothing, names no record, ranks and rates nobody. The formulas stand here a second
time on purpose, as there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from app.models import Score
from app.rules.calendar import day_end, day_start, year_start
from app.workflows.scores import score_items
from app.workflows.scores.score_frame import Frame
from bench.baselines import score_statement
from bench.baselines.score_statement import DIALECTS, Place, scored

MAINTENANCE = ("elevators", "due", "overdue", "nonconforming", "forgiven", "valid_visits", "points")
# What both give of a unit; of each item, as the product keeps them, points and counts.
COLUMNS = (*MAINTENANCE, *score_items.COLUMNS, "total")
Figures = tuple[Any, ...]


def statement(kind: str, places: Sequence[Place], all_regions: bool) -> str:
    """Takes the same and the instants `from_at`, `until_at` and `year_at`, with which the last day's year begins."""
    say = DIALECTS[kind]
    divided, least, greatest, late = say.divided, say.least, say.greatest, say.late

    def here(code: str) -> str:
        return "" if all_regions else f"AND {code} >= :low AND {code} < :high"

    def known(instant: str) -> str:
        return f"CASE WHEN {instant} <= :as_of THEN {instant} END"

    def rate(total: str, bad: str) -> str:
        """Hundredths of points, half up."""
        return f"""CASE WHEN {total} > 0 THEN (3200 * ({total} - {least}({bad}, {total})) + {total}) {divided}
      (2 * {total}) WHEN {bad} > 0 THEN 0 END"""

    # A step that was never done is judged at the instant from which nobody waits for it.
    by = {name: f"coalesce({name}_at, at)" for name in ("accepted", "handled", "reviewed", "handled_again")}
    register = "" if all_regions else f"JOIN elevator v ON v.id = s.elevator_id {here('v.region_code')}"
    return f"""{scored(kind, places, all_regions)}, called AS (
  SELECT d.unit_id, d.level, d.rescue_id, d.dispatched_at, {known("d.accepted_at")} AS accepted_at,
    {known("d.arrived_at")} AS arrived_at, {known("d.done_at")} AS done_at, {known("d.ended_at")} AS ended_at,
    r.accept_minutes, r.arrive_minutes, r.done_minutes,
    CASE WHEN d.level = 1 AND r.appeal_upheld_at <= :as_of THEN 1 ELSE 0 END AS upheld,
    row_number() OVER (PARTITION BY d.unit_id, d.level, d.rescue_id ORDER BY d.dispatched_at DESC, d.id DESC) AS back
  FROM rescue_dispatch d JOIN rescue r ON r.id = d.rescue_id
  WHERE d.dispatched_at >= :from_at AND d.dispatched_at < :until_at AND d.dispatched_at <= :as_of
    AND (d.level = 1 AND d.unit_id = r.unit_id OR d.level = 2 AND (r.unit_id IS NULL OR d.unit_id <> r.unit_id))
    AND (r.ended_at IS NULL OR r.ended_at > :as_of
      OR (r.outcome IS NULL OR r.outcome = 'entrapment') AND r.joined_to_id IS NULL)
    AND (d.end_reason IS NULL OR d.end_reason <> 'returned' OR d.ended_at IS NULL OR d.ended_at > :as_of)
    {here("r.region_code")}
), case_of AS (
  SELECT unit_id, level, dispatched_at, accepted_at, arrived_at, done_at, ended_at, accept_minutes, arrive_minutes,
    done_minutes, upheld,
    CASE WHEN ended_at IS NULL OR done_at IS NOT NULL THEN :as_of ELSE ended_at END AS at
  FROM (
    SELECT unit_id, level, min(dispatched_at) AS dispatched_at, min(accepted_at) AS accepted_at,
      min(arrived_at) AS arrived_at, min(done_at) AS done_at, max(CASE WHEN back = 1 THEN ended_at END) AS ended_at,
      min(accept_minutes) AS accept_minutes, min(arrive_minutes) AS arrive_minutes, min(done_minutes) AS done_minutes,
      max(upheld) AS upheld
    FROM called GROUP BY unit_id, level, rescue_id
  ) AS whole_case
), rescued AS (
  SELECT unit_id, count(CASE WHEN level = 1 AND in_time = 1 THEN 1 END) AS on_time,
    count(CASE WHEN level = 1 AND in_time = 0 THEN 1 END) AS late,
    count(CASE WHEN level = 2 AND in_time = 1 THEN 1 END) AS second
  FROM (
    SELECT unit_id, level, CASE WHEN upheld = 1 THEN 1
      WHEN {late("dispatched_at", by["accepted"], "accept_minutes * 60")} THEN 0
      WHEN accepted_at IS NULL THEN NULL
      WHEN {late("accepted_at", "coalesce(done_at, at)", "done_minutes * 60")} THEN 0
      WHEN done_at IS NOT NULL THEN 1
      WHEN arrived_at IS NULL AND ended_at IS NOT NULL AND {late("accepted_at", "at", "arrive_minutes * 60")} THEN 0
      END AS in_time
    FROM case_of
  ) AS judged_case WHERE in_time = 0 AND level = 1 OR in_time = 1 GROUP BY unit_id
), complained AS (
  SELECT unit_id, count(*) AS total, count(CASE WHEN in_time = 0 THEN 1 END) AS late
  FROM (
    SELECT unit_id, CASE WHEN upheld = 1 THEN 1
      WHEN {late("complained_at", by["accepted"], "accept_hours * 3600")} THEN 0
      WHEN {late("accepted_at", by["handled"], "handle_hours * 3600")} THEN 0
      WHEN {late("handled_at", by["reviewed"], "review_hours * 3600")} THEN 0
      WHEN sent_back AND {late("reviewed_at", by["handled_again"], "handle_hours * 3600")} THEN 0
      WHEN sent_back AND {late("handled_again_at", "coalesce(reviewed_again_at, at)", "review_hours * 3600")} THEN 0
      WHEN reviewed_at IS NOT NULL AND (NOT sent_back OR reviewed_again_at IS NOT NULL) THEN 1 END AS in_time
    FROM (
      SELECT unit_id, complained_at, sent_back, accept_hours, handle_hours, review_hours,
        {known("accepted_at")} AS accepted_at, {known("handled_at")} AS handled_at,
        {known("reviewed_at")} AS reviewed_at, {known("handled_again_at")} AS handled_again_at,
        {known("reviewed_again_at")} AS reviewed_again_at,
        CASE WHEN ended_at <= :as_of THEN ended_at ELSE :as_of END AS at,
        CASE WHEN appeal_upheld_at <= :as_of THEN 1 ELSE 0 END AS upheld
      FROM complaint
      WHERE unit_id IS NOT NULL AND complained_at >= :from_at AND complained_at < :until_at
        AND complained_at <= :as_of AND NOT (is_untrue AND ended_at IS NOT NULL AND ended_at <= :as_of)
        {here("region_code")}
    ) AS course
  ) AS judged_complaint WHERE in_time IS NOT NULL GROUP BY unit_id
), inspected AS (
  SELECT unit_id, count(*) AS total, sum(failed) AS failed FROM (
    SELECT unit_id, elevator_id, max(CASE WHEN is_fault AND result <> 'passed'
      AND (appeal_upheld_at IS NULL OR appeal_upheld_at > :as_of) THEN 1 ELSE 0 END) AS failed
    FROM inspection
    WHERE unit_id IS NOT NULL AND kind IN ('periodic', 'self_test', 'supervision', 'test')
      AND (kind <> 'self_test' OR NOT EXISTS (SELECT 1 FROM application a WHERE a.entity = 'inspection' AND a.entity_id
        IN (inspection.id, inspection.corrects_id, (
          SELECT b.corrects_id FROM inspection b WHERE b.id = inspection.corrects_id))))
      AND done_on BETWEEN :from_on AND :to_on AND in_force_from <= :as_of AND (ended_at IS NULL OR ended_at > :as_of)
      {here("region_code")}
    GROUP BY unit_id, elevator_id
  ) AS inspected_elevator GROUP BY unit_id
), held AS (
  SELECT s.unit_id, count(*) AS elevators FROM spanned s {register} GROUP BY s.unit_id
), trapped AS (
  SELECT unit_id, sum(times) AS entrapments, count(*) AS faulty, count(CASE WHEN in_year = 2 THEN 1 END) AS twice,
    count(CASE WHEN in_year = 3 THEN 1 END) AS thrice, count(CASE WHEN in_year > 3 THEN 1 END) AS often
  FROM (
    SELECT unit_id, elevator_id, count(CASE WHEN reported_at >= :from_at THEN 1 END) AS times,
      count(CASE WHEN reported_at >= :year_at THEN 1 END) AS in_year
    FROM rescue r
    WHERE reported_at >= {least}(:from_at, :year_at) AND reported_at < :until_at AND ended_at <= :as_of
      AND outcome = 'entrapment' AND (cause IS NULL OR cause <> 'power_cut') AND joined_to_id IS NULL
      {here("region_code")}
      AND EXISTS (
        SELECT 1 FROM contract_elevator c WHERE c.unit_id = r.unit_id AND c.elevator_id = r.elevator_id
          AND c.starts_on <= :to_on AND c.ends_on >= :from_on
          AND c.added_at <= :as_of AND (c.removed_at IS NULL OR c.removed_at > :as_of))
    GROUP BY unit_id, elevator_id
  ) AS trapped_in WHERE times > 0 GROUP BY unit_id
), changed AS (
  SELECT unit_id, count(*) AS total, sum(late) AS late FROM (
    SELECT new_unit_id AS unit_id, coalesce(use_unit_id, 0) AS use_unit_id, max(CASE WHEN late AND NOT EXISTS (
      SELECT 1 FROM appeal a WHERE a.entity = 'unit_change' AND a.entity_id = c.id AND a.state <> 'withdrawn'
        AND a.state = 'approved' AND a.in_force_from <= :as_of) THEN 1 ELSE 0 END) AS late
    FROM unit_change c
    WHERE due_on BETWEEN :from_on AND :to_on {here("region_code")} AND (
      SELECT state FROM application_step p WHERE p.application_id = c.application_id AND p.at <= :as_of
      ORDER BY p.id DESC LIMIT 1) NOT IN ('rejected', 'withdrawn')
    GROUP BY new_unit_id, coalesce(use_unit_id, 0)
  ) AS changed_use_unit GROUP BY unit_id
), served AS (
  SELECT unit_id, 1 AS maintains FROM scored
  UNION ALL SELECT unit_id, 0 FROM rescued UNION ALL SELECT unit_id, 0 FROM complained
  UNION ALL SELECT unit_id, 0 FROM inspected UNION ALL SELECT unit_id, 0 FROM held
  UNION ALL SELECT unit_id, 0 FROM trapped UNION ALL SELECT unit_id, 0 FROM changed
), pointed AS (
  SELECT u.id AS unit_id, coalesce(m.elevators, 0) AS elevators, coalesce(m.due, 0) AS due,
    coalesce(m.overdue, 0) AS overdue, coalesce(m.nonconforming, 0) AS nonconforming,
    coalesce(m.forgiven, 0) AS forgiven, coalesce(m.valid, 0) AS valid, m.hundredths AS maintenance,
    CASE WHEN r.on_time + r.late > 0
      THEN (3200 * {least}(r.on_time + r.second, r.on_time + r.late) + r.on_time + r.late)
        {divided} (2 * (r.on_time + r.late))
      WHEN r.second > 0 THEN 1600 END + 50 * {greatest}(r.second - r.late, 0) AS rescue,
    coalesce(r.on_time, 0) AS on_time, coalesce(r.late, 0) AS rescue_late, coalesce(r.second, 0) AS second,
    {rate("f.total", "f.late")} AS feedback, coalesce(f.total, 0) AS feedback_total,
    coalesce(f.late, 0) AS feedback_late,
    {rate("i.total", "i.failed")} AS inspection, coalesce(i.total, 0) AS inspected, coalesce(i.failed, 0) AS failed,
    {rate("coalesce(h.elevators, 0)", "coalesce(t.faulty, 0)")} AS fault_rate, coalesce(h.elevators, 0) AS held,
    coalesce(t.faulty, 0) AS faulty, coalesce(t.entrapments, 0) AS entrapments, coalesce(t.twice, 0) AS twice,
    coalesce(t.thrice, 0) AS thrice, coalesce(t.often, 0) AS often,
    {rate("c.total", "c.late")} AS change, coalesce(c.total, 0) AS change_total, coalesce(c.late, 0) AS change_late
  FROM (SELECT unit_id, max(maintains) AS maintains FROM served GROUP BY unit_id) AS s
  JOIN unit u ON u.id = s.unit_id AND (u.is_maintenance OR s.maintains = 1)
  LEFT JOIN scored m ON m.unit_id = u.id LEFT JOIN rescued r ON r.unit_id = u.id
  LEFT JOIN complained f ON f.unit_id = u.id LEFT JOIN inspected i ON i.unit_id = u.id
  LEFT JOIN held h ON h.unit_id = u.id LEFT JOIN trapped t ON t.unit_id = u.id LEFT JOIN changed c ON c.unit_id = u.id
)
SELECT unit_id, elevators, due, overdue, nonconforming, forgiven, valid, maintenance, rescue, on_time, rescue_late,
  second, feedback, feedback_total, feedback_late, inspection, inspected, failed, fault, held, faulty, entrapments,
  twice, thrice, often, change, change_total, change_late,
  maintenance + coalesce(rescue, 1600) + coalesce(feedback, 1600) + coalesce(inspection, 1600)
    + coalesce(fault, 1600) + coalesce(change, 1600) AS total
FROM (
  SELECT p.*, CASE WHEN fault_rate IS NOT NULL
    THEN {greatest}(fault_rate - 50 * twice - 200 * thrice - 400 * often, 0) END AS fault FROM pointed p
) AS penalized
"""


def figures(rows: Iterable[Sequence[Any]]) -> dict[int, Figures]:
    """The statement's rows by unit; points of whole hundredths."""
    return {unit_id: tuple(map(_figure, COLUMNS, told)) for unit_id, *told in rows}


def _figure(name: str, told: Any) -> Any:
    if name != "total" and not name.endswith("points"):
        return int(told)
    return None if told is None else Decimal(int(told)).scaleb(-2)


def stored(session: Any, run_id: int) -> dict[int, Figures]:
    """The same figures of a run, but of units of which all that is told is that elevators are 脱保."""
    columns = (getattr(Score, name) for name in COLUMNS)
    rows = session.execute(sa.select(Score.unit_id, *columns).where(Score.run_id == run_id))
    return {unit_id: tuple(told) for unit_id, *told in rows if any(told)}


class Asked(score_statement.Asked):
    """The statement on a session's own database."""

    text = staticmethod(statement)

    def values(self, frame: Frame, all_regions: bool) -> dict[str, Any]:
        begin, year = day_start(frame.from_on), day_start(year_start(frame.to_on))
        more = {"from_at": begin, "until_at": day_end(frame.to_on), "year_at": year}
        return super().values(frame, all_regions) | more
