"""变更登记 of a whole estate: what is alike is said once; the rest stays as it is of each elevator."""

from __future__ import annotations

import datetime as dt
import io
import re
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import Elevator, Job, Notification
from app.rules.lifecycle import CAUSE_ALIKE, CAUSE_FIELDS
from tests.api.callers import Caller, rules_of
from tests.conftest import csrf
from tests.factories import World, make_use_unit
from tests.journeys.steps import BLANK_PDF
from tests.views.apply_many.ground import FEW, PLACE, checked, confirm, made, send
from tests.views.decide_many.ground import post, ticks
from tests.views.test_imports import work
from tests.workflows.filing_world import fresh

pytestmark = pytest.mark.feature("LIF-06")
ALL = FEW + 1


def paper() -> tuple[io.BytesIO, str]:
    return io.BytesIO(BLANK_PDF), "移交材料.pdf"


def test_an_estate_gets_a_new_use_unit(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    new = make_use_unit(session, "澜州新接手物业有限公司")
    for n, row in enumerate(chosen):
        row.owner_name = f"业主委员会 {n}"
    session.commit()
    client = sign_in(world.accounts["use_head"])
    kinds = client.get(f"/applications/many?{PLACE}").text
    assert "变更登记（使用单位变更）" in kinds and "变更登记（更名）" in kinds and "移装" not in kinds
    form = client.get(f"/applications/many/use_unit?{PLACE}").text
    assert "不填的项，各台保持原样" in form and "双方的移交材料" in form and "业主委员会" not in form
    said = {"use_unit_id": new.name, "safety_officer": "苏见山", "safety_phone": "13900000123"}
    check = checked(app, session, client, kind="use_unit", files=paper(), **said)
    assert (check.result["can"], check.result["refused"]) == (ALL, 0), check.result["why"]
    page = client.get(f"/applications/many/checked/{check.id}").text
    assert new.name in page and "苏见山" in page and "13900000123" not in page
    # One goes back and finds what was typed.
    back = re.search(r'href="(/applications/many/use_unit[^"]*check=\d+)"', page)
    assert back is not None and new.name in client.get(back[1].replace("&amp;", "&")).text
    job = confirm(session, client, check)
    work(app, session)
    rows = made(session)
    assert {(row.kind, row.batch, row.data["cause"]) for row in rows} == {("registration_change", job.id, "use_unit")}
    assert {frozenset(row.data["changes"]) for row in rows} == {
        frozenset({"use_unit_id", "safety_officer", "safety_phone"})
    }
    told = session.scalars(select(Notification.title).where(
        Notification.topic == "party", Notification.recipient_id == world.accounts["maintenance_head"].id
    )).all()  # fmt: skip
    assert told == [f"已提交：{world.use_unit.name} 批量申请变更登记"]
    post(sign_in(world.accounts["inspector"]), {"verb": "approve", "sure": "1", "chosen": ticks(*rows)})
    fresh(session)
    assert {row.state for row in made(session)} == {"approved"}
    assert {row.use_unit_id for row in chosen} == {new.id} and {row.safety_phone for row in chosen} == {"13900000123"}
    assert [row.owner_name for row in chosen] == [f"业主委员会 {n}" for n in range(ALL)], "left blank, it stayed"
    after = session.scalars(select(Notification.title).where(
        Notification.topic == "party", Notification.recipient_id == world.accounts["maintenance_head"].id
    )).all()  # fmt: skip
    assert len(after) == 2, after


def test_what_is_wrong_for_all_is_told_at_the_form(
    session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    client = sign_in(world.accounts["use_head"])
    answer = send(client, kind="use_unit", reason="")
    assert answer.status_code == 422
    for word in ("没有任何改动", "没有填写原因", "没有上传材料"):
        assert word in answer.text
    answer = send(client, kind="use_unit", use_unit_id="没有这家单位", files=paper())
    assert answer.status_code == 422 and "没有找到名称或统一社会信用代码为“没有这家单位”的单位" in answer.text
    # A firm is no use unit, and what the cause does not touch is not asked for.
    answer = send(client, kind="use_unit", use_unit_id=world.firm.name, files=paper())
    assert answer.status_code == 422 and "不是审核通过的使用单位" in answer.text
    assert send(client, kind="rename", certificate_no="梯11浙E00001(20)", files=paper()).status_code == 422
    assert client.get(f"/applications/many/relocation?{PLACE}").status_code == 302
    assert made(session) == [] and session.scalar(select(Job.id).where(Job.kind == "apply_check")) is None


def test_one_that_has_it_already_says_so_by_itself(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    for row in chosen[:2]:
        row.estate = "揽月花园"
    session.commit()
    client = sign_in(world.accounts["maintenance_head"])
    check = checked(app, session, client, kind="rename", files=paper(), estate="揽月花园")
    assert (check.result["can"], check.result["refused"]) == (ALL - 2, 2)
    assert "没有任何改动" in str(check.result["why"])


def test_a_batch_that_came_back_is_put_right(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    new = make_use_unit(session, "澜州新接手物业有限公司")
    session.commit()
    client = sign_in(world.accounts["use_head"])
    said = {"use_unit_id": new.name, "safety_officer": "苏见山", "safety_phone": "13900000123"}
    job = confirm(session, client, checked(app, session, client, kind="use_unit", files=paper(), **said))
    work(app, session)
    officer = sign_in(world.accounts["inspector"])
    post(officer, {"verb": "return", "opinion": "安全员填错", "sure": "1", "chosen": ticks(*made(session))})
    page = client.get(f"/applications/batch/{job.id}/mend").text
    assert "变更登记（使用单位变更）" in page and new.name in page and "苏见山" in page
    assert "13900000123" not in page and "139****0123" in page
    form = {
        "seen": re.findall(r'name="seen" value="(\w{64})"', page)[0], "effective_on": clock.today().isoformat(),
        "reason": "换了安全员", "keep": re.findall(r'name="keep" value="(\w{64})"', page), "use_unit_id": new.name,
        "safety_officer": "顾言秋", "safety_phone": "139****0123", "csrf_token": csrf(client),
    }  # fmt: skip
    answer = client.post(f"/applications/batch/{job.id}/mend", data=form, content_type="multipart/form-data")
    assert answer.status_code == 302, re.sub(r"<[^>]+>", "", answer.text)
    work(app, session)
    rows = made(session)
    assert {row.state for row in rows} == {"submitted"}
    assert {(row.data["changes"]["safety_officer"], row.data["changes"]["safety_phone"]) for row in rows} == {
        ("顾言秋", "13900000123")
    }


def test_an_estate_that_reached_its_design_life(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    """Looked at together: one day of the next inspection, one report; each one's note stays its own."""
    for n, row in enumerate(chosen):
        row.note = f"备注 {n}"
    session.commit()
    client = sign_in(world.accounts["use_head"])
    form = client.get(f"/applications/many/design_life?{PLACE}").text
    assert "变更登记（达到设计使用年限）" in form and "安全评估或检验报告" in form and 'name="note"' not in form
    next_on = clock.today() + dt.timedelta(days=300)
    answer = send(client, kind="design_life", files=paper(), inspected_on=clock.today().isoformat())
    assert answer.status_code == 422 and "请填写变更后的下次检验日期" in answer.text
    said = {"next_inspection_on": next_on.isoformat(), "inspected_on": clock.today().isoformat()}
    check = checked(app, session, client, kind="design_life", files=paper(), **said)
    assert (check.result["can"], check.result["refused"]) == (ALL, 0), check.result["why"]
    assert next_on.isoformat() in client.get(f"/applications/many/checked/{check.id}").text
    confirm(session, client, check)
    work(app, session)
    assert {row.data["cause"] for row in made(session)} == {"design_life"}
    post(sign_in(world.accounts["inspector"]), {"verb": "approve", "sure": "1", "chosen": ticks(*made(session))})
    fresh(session)
    assert {row.state for row in made(session)} == {"approved"}
    assert {(row.next_inspection_on, row.inspected_on) for row in chosen} == {(next_on, clock.today())}
    assert [row.note for row in chosen] == [f"备注 {n}" for n in range(ALL)]


def test_an_estate_that_is_made_over_alike(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    """By one firm with the same controller; what each carries and how many floors it serves stays its own."""
    for n, row in enumerate(chosen):
        row.rated_load, row.controller = 800 + n, f"旧控制器 {n}"
    session.commit()
    client = sign_in(world.accounts["use_head"])
    assert "变更登记（改造）" in client.get(f"/applications/many?{PLACE}").text
    form = client.get(f"/applications/many/retrofit?{PLACE}").text
    assert "改造监督检验证明" in form and 'name="controller"' in form and 'name="rated_load"' not in form
    answer = send(client, kind="retrofit", files=paper())
    assert answer.status_code == 422 and "请填写变更后的内容" in answer.text
    said = {"retrofitter": "澜州新程电梯工程有限公司", "controller": "NK-3000", "control_mode": "集选"}
    check = checked(app, session, client, kind="retrofit", files=paper(), **said)
    assert (check.result["can"], check.result["refused"]) == (ALL, 0), check.result["why"]
    assert "NK-3000" in client.get(f"/applications/many/checked/{check.id}").text
    confirm(session, client, check)
    work(app, session)
    assert {row.data["cause"] for row in made(session)} == {"retrofit"}
    post(sign_in(world.accounts["inspector"]), {"verb": "approve", "sure": "1", "chosen": ticks(*made(session))})
    fresh(session)
    assert {row.state for row in made(session)} == {"approved"}
    assert {(row.retrofitter, row.controller) for row in chosen} == {(said["retrofitter"], "NK-3000")}
    assert [row.rated_load for row in chosen] == [800 + n for n in range(ALL)]


@pytest.mark.feature("INT-04")
def test_by_the_interface(app: Any, session: Any, world: World, chosen: list[Elevator]) -> None:
    new = make_use_unit(session, "澜州新接手物业有限公司")
    session.commit()
    unit = Caller(app, world, "use_head")
    body = {
        "kind": "registration_change", "elevator_ids": [row.id for row in chosen], "reason": "换物业",
        "effective_on": clock.today().isoformat(), "attachments": [unit.send_file().json["id"]],
    }  # fmt: skip
    assert rules_of(unit.post("/applications/many", body | {"cause": "relocation"})) == {"变更原因"}
    for cause in ("use_unit", "retrofit"):
        other = body | {"cause": cause, "changes": {"rated_load": 5}}
        assert rules_of(unit.post("/applications/many", other)) == {"变更内容"}
    assert rules_of(unit.post("/applications/many", body | {"cause": "use_unit"})) == {"变更内容"}
    good = body | {"cause": "use_unit", "changes": {"use_unit_id": new.id, "owner_name": ""}}
    check = unit.post("/applications/many", good)
    assert check.status_code == 201, check.text
    work(app, session)
    found = unit.get(f"/applications/many/{check.json['id']}").json
    assert (found["can"], found["refused"]) == (ALL, 0), found
    unit.post(f"/applications/many/{found['id']}/confirm")
    work(app, session)
    assert {tuple(row.data["changes"]) for row in made(session)} == {("use_unit_id",)}


def test_what_is_said_alike_is_of_the_cause() -> None:
    assert all(set(names) <= set(CAUSE_FIELDS[cause]) for cause, names in CAUSE_ALIKE.items())
