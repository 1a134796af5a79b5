"""Rankings by the total and each item, a unit's item with its ledger, and the way down to each record."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select, update

from app.models import Score, ScoreRun
from tests.factories import make_elevator
from tests.reference.items import Called, Changed, Complained, Inspected, Trapped
from tests.workflows.clock_world import at, day
from tests.workflows.item_world import put_change, put_complaint, put_inspection, put_rescue
from tests.workflows.score_world import LATER, put_visit, score

pytestmark = pytest.mark.feature("SCO-02", "SCO-03", "SCO-04", "SCO-05", "SCO-06", "SCO-07")
HOUR, MINUTE = dt.timedelta(hours=1), dt.timedelta(minutes=1)
ON = day("2024-05-06")
NOON = at(ON, 12)
ITEMS = ("rescue", "feedback", "inspection", "fault", "change")


@pytest.fixture
def scored(session: Any, world: Any) -> Any:
    """One firm with a failure of each kind, one of them on a secret elevator."""
    secret = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit, is_secret=True)
    put_visit(session, world.own, world.firm, world.worker, day("2024-01-10"))
    call = Called("A", 1, NOON, NOON + MINUTE, NOON + 5 * MINUTE, NOON + 32 * MINUTE)
    told = Trapped("A", world.own.id, NOON, (call,), NOON + HOUR, "entrapment", "door_operator")
    world.rescue = put_rescue(session, world.own, told, {"A": world.firm})
    world.complaint = put_complaint(session, world.own, world.firm, Complained("A", world.own.id, NOON), LATER)
    put_complaint(session, secret, world.firm, Complained("A", secret.id, NOON, *[NOON + HOUR] * 3), LATER)
    told_inspection = Inspected("A", secret.id, ON, "periodic", "failed", True, NOON)
    world.inspection = put_inspection(session, secret, world.firm, told_inspection)
    late = Changed("A", world.use_unit.id, ON - dt.timedelta(days=8), ON, ((NOON, "submitted"),))
    world.change = put_change(session, world.own, world.firm, late)
    session.commit()
    world.secret = secret
    world.run_row = score(session, "2024-01-01", "2024-12-31", as_of=LATER, region="980402000000")
    world.score = session.scalar(
        select(Score.id).where(Score.run_id == world.run_row.id, Score.unit_id == world.firm.id)
    )
    return world


def text(client: Any, url: str, status: int = 200) -> str:
    answer = client.get(url, follow_redirects=True)
    body: str = answer.get_data(as_text=True)
    assert answer.status_code == status, f"{url}: {answer.status_code} {body[:1500]}"
    return body


@pytest.mark.parametrize("name", ["total", *ITEMS])
def test_rankings(scored: Any, sign_in: Any, name: str) -> None:
    browser = sign_in(scored.accounts["region_admin"])
    page = text(browser, f"/scores/{name}/")
    assert scored.firm.name in page
    assert f'href="/scores/{scored.score}/items/' in page
    assert "aria-current" in page
    for more in ("tab=ranked", "f_kind=use&f_region=980402000000"):
        text(browser, f"/scores/{name}/?f_run={scored.run_row.id}&{more}")


@pytest.mark.feature("LED-01")
@pytest.mark.parametrize("name", ITEMS)
def test_an_item_down_to_its_records(scored: Any, sign_in: Any, name: str) -> None:
    browser = sign_in(scored.accounts["platform_admin"])
    page = text(browser, f"/scores/{scored.score}/items/{name}")
    evidence = {
        "rescue": f"/rescues/{scored.rescue.id}", "feedback": f"/complaints/{scored.complaint.id}",
        "inspection": f"/inspections/{scored.inspection.id}", "fault": f"/rescues/{scored.rescue.id}",
        "change": f"/applications/{scored.change.application_id}",
    }[name]  # fmt: skip
    assert f'href="{evidence}"' in page
    assert "条合计" in page
    for only in ("", "late", "on_time", "failed", "passed", "fault", "held", "second", "x"):
        text(browser, f"/scores/{scored.score}/items/{name}?only={only}")
    bad = {"inspection": "failed", "fault": "fault"}.get(name, "late")
    assert f'href="{evidence}"' in text(browser, f"/scores/{scored.score}/items/{name}?only={bad}")


def test_secret_elevators_stay_unnamed(scored: Any, sign_in: Any) -> None:
    inspector = sign_in(scored.accounts["inspector"])
    for url in ("inspection", "inspection?only=failed", "feedback?only=on_time"):
        page = text(inspector, f"/scores/{scored.score}/items/{url}")
        assert scored.secret.code not in page
        assert "涉密或不在管辖范围" in page
    own = text(sign_in(scored.accounts["maintenance_head"]), f"/scores/{scored.score}/items/feedback")
    assert scored.own.code in own


def test_no_such_item_and_a_run_of_before(session: Any, scored: Any, sign_in: Any) -> None:
    browser = sign_in(scored.accounts["platform_admin"])
    text(browser, f"/scores/{scored.score}/items/maintenance", 404)
    text(browser, f"/scores/{scored.score}/items/elevators", 404)
    session.rollback()
    session.execute(update(ScoreRun).values(items_digest=None))
    session.commit()
    text(browser, f"/scores/{scored.score}/items/feedback", 404)
    assert "只有维护保养有效率" in text(browser, f"/scores/total/?f_run={scored.run_row.id}")
    assert "只有维护保养有效率" not in text(browser, f"/scores/?f_run={scored.run_row.id}")
    assert "/items/" not in text(browser, f"/scores/{scored.score}")
