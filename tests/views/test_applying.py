"""The form of every kind that is applied for from an elevator's page (LIF-06, GAT-01)."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import Application, Notification
from tests import factories
from tests.conftest import csrf
from tests.factories import World
from tests.journeys.steps import BLANK_PDF
from tests.workflows.filing_world import decide, fresh

pytestmark = pytest.mark.feature("LIF-06")


def send(client: Any, world: World, kind: str, **data: Any) -> Any:
    form = {
        "effective_on": clock.today().isoformat(), "reason": "见材料", "csrf_token": csrf(client),
        "files": (io.BytesIO(BLANK_PDF), "材料.pdf"),
    } | data  # fmt: skip
    return client.post(f"/elevators/{world.own.id}/apply/{kind}", data=form, content_type="multipart/form-data")


def test_the_page_offers_what_can_be_applied_for(session: Any, world: World, sign_in: Any) -> None:
    page = sign_in(world.accounts["maintenance_head"]).get(f"/elevators/{world.own.id}").text
    for words in ("停用登记", "变更登记", "维保单位变更", "维保暂停", "维保人员变更", "按需维保"):
        assert words in page
    use = sign_in(world.accounts["use_head"]).get(f"/elevators/{world.own.id}").text
    assert "变更登记" in use and "按需维保" not in use and "恢复维保" not in use


def test_a_change_of_registration_by_its_cause(session: Any, world: World, sign_in: Any) -> None:
    client = sign_in(world.accounts["use_head"])
    choose = client.get(f"/elevators/{world.own.id}/apply/registration_change").text
    assert "请先选择变更原因" in choose and "达到设计使用年限" in choose
    page = client.get(f"/elevators/{world.own.id}/apply/registration_change?cause=relocation").text
    assert f'value="{world.own.address}"' in page and "移装监督检验证明" in page and "额定载重量" not in page
    refused = send(client, world, "registration_change", cause="relocation", address=world.own.address)
    assert refused.status_code == 422 and "没有任何改动" in refused.text
    done = send(client, world, "registration_change", cause="relocation", address="明水路 20 号")
    assert done.status_code == 302, done.text
    application = fresh(session).scalars(select(Application)).one()
    officer = sign_in(world.accounts["inspector"]).get(f"/applications/{application.id}").text
    assert "移装" in officer and f"{world.own.address} → 明水路 20 号" in officer


@pytest.mark.feature("PLN-11")
@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        ("maintenance_pause", {"until_on": "明天"}, "恢复日期“明天”不是日期"),
        ("on_demand", {"interval_days": "三十", "until_on": ""}, "维保间隔“三十”不是数字"),
        ("on_demand", {"interval_days": "90", "until_on": "2199-01-01"}, "请填写 16 至 30 天"),
        ("worker_change", {"worker_id": ""}, "没有选择维保人员"),
        ("suspension", {"effective_on": "31/12"}, "“31/12”不是日期"),
        ("maintenance_pause", {"effective_on": "9999-12-31", "until_on": "9999-12-31"}, "不在 1950 年至 2199 年之间"),
        ("on_demand", {"effective_on": "9999-12-31", "until_on": "0001-01-01"}, "不在 1950 年至 2199 年之间"),
    ],
)
def test_what_is_wrong_is_said_and_the_input_stays(
    world: World, sign_in: Any, kind: str, data: dict[str, str], words: str
) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    answer = send(client, world, kind, **data)
    assert answer.status_code == 422 and words in answer.text and "见材料" in answer.text


@pytest.mark.feature("PLN-11")
def test_stop_workers_and_interval_are_applied_for(session: Any, world: World, sign_in: Any) -> None:
    new = factories.make_person(session, world.firm, "林以澄")
    factories.make_ledger(session, world.own, world.worker)
    session.commit()
    client = sign_in(world.accounts["maintenance_head"])
    assert "林以澄" in client.get(f"/elevators/{world.own.id}/apply/worker_change").text
    until = clock.today().replace(year=clock.today().year + 1, day=1).isoformat()
    for kind, data in (
        ("worker_change", {"worker_id": str(new.id)}), ("maintenance_pause", {"until_on": ""}),
        ("on_demand", {"interval_days": "30", "until_on": until}),
    ):  # fmt: skip
        answer = send(client, world, kind, **data)
        assert answer.status_code == 302, answer.text
    officer = sign_in(world.accounts["inspector"])
    said = {a.kind: officer.get(f"/applications/{a.id}").text for a in fresh(session).scalars(select(Application))}
    assert "林以澄" in said["worker_change"] and "另行申请恢复" in said["maintenance_pause"]
    assert "30 天" in said["on_demand"] and until in said["on_demand"]


def test_what_was_withdrawn_is_applied_for_anew_with_what_it_said(session: Any, world: World, sign_in: Any) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    assert send(client, world, "suspension", reason="加装无障碍设施").status_code == 302
    key = fresh(session).scalars(select(Application.id)).one()
    page = client.get(f"/applications/{key}").text
    assert "撤回后这件申请结束" in page and "重新申请</a>" not in page
    client.post(f"/applications/{key}/withdraw", data={"csrf_token": csrf(client)})
    way = f"/elevators/{world.own.id}/apply/suspension?again={key}"
    assert way in client.get(f"/applications/{key}").text
    form = client.get(way).text
    assert "加装无障碍设施" in form and f'value="{clock.today().isoformat()}"' in form
    # Neither of another kind, nor of a number that is none, nor by whoever may not apply.
    for other in (f"/scrapping?again={key}", "/suspension?again=x", "/suspension?again=999999"):
        assert "加装无障碍设施" not in client.get(f"/elevators/{world.own.id}/apply{other}").text
    assert way not in sign_in(world.accounts["inspector"]).get(f"/applications/{key}").text
    use = sign_in(world.accounts["use_head"])
    assert "加装无障碍设施" not in use.get(way).text


def test_a_day_that_is_over_is_not_offered_again(session: Any, world: World, sign_in: Any) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    until = clock.today() + dt.timedelta(days=40)
    assert send(client, world, "maintenance_pause", until_on=until.isoformat()).status_code == 302
    row = fresh(session).scalars(select(Application)).one()
    client.post(f"/applications/{row.id}/withdraw", data={"csrf_token": csrf(client)})
    held = fresh(session).get(Application, row.id)
    held.effective_on = clock.today() - dt.timedelta(days=1)
    session.commit()
    form = client.get(f"/elevators/{world.own.id}/apply/maintenance_pause?again={row.id}").text
    assert f'value="{until}"' in form and f'value="{clock.today()}"' in form
    assert f'value="{clock.today() - dt.timedelta(days=1)}"' not in form


def test_no_such_kind(world: World, sign_in: Any) -> None:
    client = sign_in(world.accounts["use_head"])
    for kind in ("nonsense", "unit_change", "unit_filing"):
        assert client.get(f"/elevators/{world.own.id}/apply/{kind}").location.endswith(f"/elevators/{world.own.id}")
    assert client.get(f"/elevators/{world.foreign.id}/apply/suspension").status_code == 404


def test_an_application_begins_without_the_elevators_page(session: Any, world: World, sign_in: Any) -> None:
    """The list of applications leads to it; kind and code lead on to the form, and what is missing is named."""
    client = sign_in(world.accounts["use_head"])
    assert 'href="/applications/new"' in client.get("/applications/").text
    begun = client.get("/applications/new")
    assert begun.status_code == 200 and "停用登记" in begun.text and "维保单位变更" in begun.text
    asked = {"kind": "suspension", "elevator_id": "", "code": f" {world.own.code} "}
    led = client.get("/applications/new", query_string=asked)
    assert (led.status_code, led.location) == (302, f"/elevators/{world.own.id}/apply/suspension")
    by_key = client.get("/applications/new", query_string={**asked, "elevator_id": world.own.id, "code": "云樾"})
    assert by_key.location == led.location
    missing = client.get("/applications/new", query_string={"kind": "", "elevator_id": "", "code": ""})
    assert missing.status_code == 422 and "请选择要办理的事项" in missing.text and "请从列表里选" in missing.text
    for code, kind in ((world.foreign.code, "suspension"), ("999999", "scrapping"), ("\x00", "unit_change")):
        none = client.get("/applications/new", query_string={"kind": kind, "elevator_id": "", "code": code})
        assert none.status_code in (400, 422), code
    kept = client.get("/applications/new", query_string={"kind": "scrapping", "elevator_id": "", "code": "999999"}).text
    assert 'value="scrapping" selected' in kept and "999999" in kept
    reader = sign_in(world.accounts["inspector"])
    assert 'href="/applications/new"' not in reader.get("/applications/").text


def test_whoever_applies_for_nothing_begins_nothing(session: Any, world: World, sign_in: Any) -> None:
    """The door is that of applying."""
    answer = sign_in(world.accounts["inspector"]).get("/applications/new")
    assert answer.status_code in (302, 403) and "/login" not in (answer.location or "")


def test_what_was_withdrawn_has_a_tab(session: Any, world: World, sign_in: Any) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    assert send(client, world, "suspension").status_code == 302
    row = fresh(session).scalars(select(Application)).one()
    listed = f'href="/applications/{row.id}"'
    assert listed not in client.get("/applications/?tab=withdrawn").text
    client.post(f"/applications/{row.id}/withdraw", data={"csrf_token": csrf(client)})
    assert listed in client.get("/applications/?tab=withdrawn").text
    assert listed not in client.get("/applications/?tab=rejected").text


@pytest.mark.feature("LIF-08")
def test_an_opinion_is_that_of_this_round(session: Any, world: World, sign_in: Any) -> None:
    """What was sent back and mended has none until the officer speaks again; the step keeps what he said."""
    client = sign_in(world.accounts["maintenance_head"])
    assert send(client, world, "suspension").status_code == 302
    row = fresh(session).scalars(select(Application)).one()
    page = f"/applications/{row.id}"
    decide(session, world.actor("inspector"), row, "return", "缺少现场照片", at=clock.now())
    assert "审核意见" in client.get(page).text
    again = {"effective_on": clock.today().isoformat(), "reason": "已补", "csrf_token": csrf(client)}
    assert client.post(f"{page}/resubmit", data=again).status_code == 302
    text = client.get(page).text
    assert "审核意见" not in text and text.count("缺少现场照片") == 1, "in the course of events alone"
    assert fresh(session).get(Application, row.id).opinion is None


@pytest.mark.feature("LIF-02", "GAT-01")
def test_what_was_approved_for_a_later_day_is_told_and_what_it_stops_is_not_offered(
    session: Any, world: World, sign_in: Any
) -> None:
    """停用 from a later day: every reader is told from when; what would be refused until then is no button."""
    on = clock.today() + dt.timedelta(days=5)
    client = sign_in(world.accounts["use_head"])
    assert send(client, world, "suspension", effective_on=on.isoformat()).status_code == 302
    application = fresh(session).scalars(select(Application)).one()
    base = f"/elevators/{world.own.id}"
    page = client.get(base).text
    assert "停用登记正在办理" in page and "办结前不能办理：停用登记、报废登记、维保单位变更、维保暂停" in page
    assert f"{base}/apply/suspension" not in page and f"{base}/apply/registration_change" in page
    decide(session, world.actor("inspector"), application, "approve", "属实", clock.now())
    page = client.get(base).text
    assert f"已核准停用，自 {on} 起" in page and f"/applications/{application.id}" in page
    assert "生效前不能办理：停用登记、报废登记、维保单位变更、维保暂停" in page
    assert all(f"{base}/apply/{kind}" not in page for kind in ("suspension", "scrapping", "maintenance_pause"))
    assert "/unit-changes/new" not in page and f"{base}/apply/registration_change" in page
    refused = send(client, world, "suspension", effective_on=on.isoformat())
    assert refused.status_code == 422 and "请等它生效" in refused.text and "先撤回" not in refused.text
    officer = sign_in(world.accounts["inspector"]).get(base).text
    assert f"已核准停用，自 {on} 起" in officer and "生效前不能办理" not in officer
    worker = sign_in(world.accounts["worker"]).get(base).text
    assert f"已核准停用，自 {on} 起" in worker and f"/applications/{application.id}" not in worker


@pytest.mark.feature("LIF-02", "LIF-07")
def test_a_planned_change_is_called_off_on_its_page(session: Any, world: World, sign_in: Any) -> None:
    on = clock.today() + dt.timedelta(days=5)
    client = sign_in(world.accounts["use_head"])
    assert send(client, world, "suspension", effective_on=on.isoformat()).status_code == 302
    application = fresh(session).scalars(select(Application)).one()
    page = f"/applications/{application.id}"
    assert "撤回申请" in client.get(page).text
    decide(session, world.actor("inspector"), application, "approve", "属实", clock.now())
    text = client.get(page).text
    assert "取消，不再生效" in text and f"已核准，{on} 起生效" in text and "撤回申请" not in text
    assert "取消，不再生效" not in sign_in(world.accounts["inspector"]).get(page).text
    assert client.post(f"{page}/withdraw", data={"csrf_token": csrf(client)}).status_code == 302
    text = client.get(page).text
    assert "生效前取消" in text and "已撤回" in text and "取消，不再生效" not in text and "重新申请" in text
    base = f"/elevators/{world.own.id}"
    assert "已核准停用" not in client.get(base).text and f"{base}/apply/suspension" in client.get(base).text
    told = fresh(session).scalars(select(Notification).where(Notification.dedupe_key.startswith("call_off:"))).all()
    assert world.accounts["inspector"].id in {one.recipient_id for one in told}, "the officer who approved it"


@pytest.mark.feature("LIF-05")
def test_what_is_under_way_stops_only_what_it_is_about(session: Any, world: World, sign_in: Any) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    on = clock.today() + dt.timedelta(days=3)
    said = {"effective_on": on.isoformat(), "cause": "rename", "name": "客梯（新名）"}
    assert send(client, world, "registration_change", **said).status_code == 302
    application = fresh(session).scalars(select(Application)).one()
    decide(session, world.actor("inspector"), application, "approve", "属实", clock.now())
    page, base = client.get(f"/elevators/{world.own.id}").text, f"/elevators/{world.own.id}"
    assert f"已核准变更登记，自 {on} 起" in page and "生效前不能办理：维保单位变更、变更登记" in page
    assert f"{base}/apply/suspension" in page and f"{base}/apply/registration_change" not in page
    session.get_one(Application, application.id).took_effect_at = clock.now()
    session.commit()
    page = client.get(base).text
    assert "已核准变更登记" not in page and f"{base}/apply/registration_change" in page
