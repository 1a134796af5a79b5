"""The wizard's pages: what is asked, what is shown in which cell, and who may look."""

from __future__ import annotations

import io
from typing import Any

import pytest
from sqlalchemy import select

from app.models import Elevator, ImportBatch, Job
from app.tasks import jobs
from tests.conftest import csrf
from tests.imports.ground import csv

HEAD = "识别码,甲,地址,所在地区,使用单位,投用日期"
BAD = "700001,直梯,<b>路</b> 1 号,临河区,新禾物业,05/01/2020"


def upload(browser: Any, file: io.BytesIO, **more: str) -> str:
    data = {"kind": "elevators", "file": (file, "登记.csv"), "csrf_token": csrf(browser, "/imports/"), **more}
    answer = browser.post("/imports/", data=data, content_type="multipart/form-data")
    assert answer.status_code == 302, answer.get_data(as_text=True)
    return str(answer.headers["Location"])


def work(app: Any, session: Any) -> None:
    """What the worker does with the jobs that wait."""
    session.rollback()
    waiting = session.scalars(select(Job.id).where(Job.state == "queued")).all()
    session.rollback()
    with app.app_context():
        for number in waiting:
            assert jobs.run(number) == "done"


@pytest.mark.feature("IMP-01")
def test_the_wizard_from_upload_to_done(app: Any, session: Any, world: Any, sign_in: Any) -> None:
    browser = sign_in(world.accounts["clerk"])
    assert 'value="new"' in browser.get("/imports/").get_data(as_text=True)
    place = upload(browser, csv(HEAD, BAD, f"{world.own.code},,,,,2020-01-01"), mode="both")
    assert "正在逐格校验" in browser.get(place).get_data(as_text=True)
    work(app, session)
    page = browser.get(place).get_data(as_text=True)
    assert 'name="column-1"' in page and "必填的列还没有对应：品种" in page
    assert "还差一步" in page and 'href="#columns">去对应' in page and 'id="columns" open' in page
    assert "&lt;b&gt;路&lt;/b&gt;" in page and "<b>路</b>" not in page
    assert 'name="order-commissioned_on"' in page and "分不清" in page
    assert world.use_unit.name in page, "the near name is offered"
    assert "按原因" in page and browser.get(f"{place}?rows=bad&reason=没有找到").status_code == 200

    form = {"csrf_token": csrf(browser, place), "mode": "both", "order-commissioned_on": "dmy"}
    form |= {f"column-{n}": name for n, name in enumerate(
        ["code", "category", "address", "region_id", "use_unit_id", "commissioned_on"]
    )}  # fmt: skip
    twice = browser.post(f"{place}/match", data=form | {"column-2": "category"})
    assert twice.status_code == 422 and "对应了 2 列" in twice.get_data(as_text=True)
    for more in ({}, {"word-category-0": "3110", "word-use_unit_id-0": str(world.use_unit.id)}):
        assert browser.post(f"{place}/match", data=form | more).status_code == 302
        work(app, session)
    page = browser.get(f"{place}?rows=new").get_data(as_text=True)
    assert "必填的列都已对应" in page and "导入 1 行" in page
    assert "1 台新电梯没有“申报状态”" in page, "what runs already would have to be registered for use one by one"
    token = csrf(browser, place)
    assert browser.post(f"{place}/start", data={"csrf_token": token}).status_code == 302
    work(app, session)
    page = browser.get(place).get_data(as_text=True)
    assert "台新电梯没有“申报状态”" not in page
    assert "去看导入的内容" in page and 'name="column-1"' not in page
    assert 'href="/elevators/?tab=draft"' in page and "审核上报" in page, "drafts, still to be handed in"
    batch = session.scalars(select(ImportBatch)).one()
    assert (batch.state, batch.done_rows) == ("done", 1)
    assert browser.post(f"{place}/match", data=form).status_code == 422, "what is done is not matched anew"


@pytest.mark.feature("IMP-01")
def test_a_changed_cell_shows_old_and_new(app: Any, session: Any, world: Any, sign_in: Any) -> None:
    browser = sign_in(world.accounts["clerk"])
    place = upload(browser, csv("识别码,楼盘,使用单位", f"{world.own.code},新苑,{world.use_unit.uscc}"))
    work(app, session)
    page = browser.get(f"{place}?rows=changed").get_data(as_text=True)
    assert "<b>新苑</b><del>云樾里小区</del>" in page.replace("\n", "")
    assert "没有这类行" in browser.get(f"{place}?rows=bad").get_data(as_text=True)


@pytest.mark.feature("IMP-01")
def test_a_regulator_sees_what_the_region_imported_and_no_one_else_does(
    app: Any, session: Any, world: Any, sign_in: Any
) -> None:
    place = upload(sign_in(world.accounts["clerk"]), csv(HEAD, BAD))
    work(app, session)
    for persona, status in (("region_admin", 200), ("maintenance_head", 404), ("other_head", 404)):
        assert sign_in(world.accounts[persona]).get(place).status_code == status, persona
    admin = sign_in(world.accounts["region_admin"])
    assert "辖区内的导入" in admin.get("/imports/").get_data(as_text=True)
    page = admin.get(place).get_data(as_text=True)
    assert 'name="column-1"' not in page and "/match" not in page
    token = csrf(admin, "/imports/")
    assert admin.post(f"{place}/start", data={"csrf_token": token}).status_code == 422


@pytest.mark.feature("IMP-01")
def test_an_update_lacks_no_required_column_and_its_reasons_are_in_the_readers_language(
    app: Any, session: Any, world: Any, sign_in: Any
) -> None:
    """Beside rows that are there already stood in red that 品种, 地址 and 所在地区 were not matched."""
    browser = sign_in(world.accounts["clerk"])
    lines = ["识别码,备注", f"{world.own.code},改过", "799999,没有"]
    place = upload(browser, csv(*lines), mode="update")
    work(app, session)
    page = browser.get(place).get_data(as_text=True)
    assert "还没有对应" not in page and "还差一步" not in page and "不存在 1</a>" in page
    browser.get("/lang/en")
    page = browser.get(place).get_data(as_text=True)
    assert "By reason" in page and "Does not exist 1</a>" in page and ">不存在" not in page
    browser.get("/lang/zh_Hans_CN")
    place = upload(browser, csv(*lines), mode="both")
    work(app, session)
    assert "必填的列还没有对应：品种" in browser.get(place).get_data(as_text=True), "new rows need them"
    place = upload(browser, csv(*lines[:2]), mode="both")
    work(app, session)
    assert "还没有对应" not in browser.get(place).get_data(as_text=True), "none is new"


@pytest.mark.feature("IMP-01")
def test_what_belongs_to_no_column_stands_before_them(app: Any, session: Any, world: Any, sign_in: Any) -> None:
    """Why a row was not undone stood behind the last column, out of sight in a wide sheet."""
    browser = sign_in(world.accounts["clerk"])
    place = upload(browser, csv("识别码,品种,地址,所在地区", "700001,自动扶梯,路 1 号,临河区"), mode="new")
    work(app, session)
    page = browser.get(f"{place}?rows=new").get_data(as_text=True)
    assert "<th>其他</th>" not in page, "nothing stands in it"
    token = csrf(browser, place)
    browser.post(f"{place}/start", data={"csrf_token": token})
    work(app, session)
    later = upload(browser, csv("识别码,备注", "700001,改过"), mode="update")
    work(app, session)
    browser.post(f"{later}/start", data={"csrf_token": token})
    work(app, session)
    browser.post(f"{place}/undo", data={"csrf_token": token})
    work(app, session)
    page = browser.get(f"{place}?rows=kept").get_data(as_text=True)
    assert "部分已撤销" in page
    head, body = page[page.index('<table class="imp-sheet">') :].split("</thead>")
    assert head.index("<th>原因</th>") < head.index("<th>识别码</th>")
    assert body.index("导入之后又修改过") < body.index("700001")


@pytest.mark.feature("IMP-01")
def test_a_register_of_elevators_under_units_is_told_and_taken_as_one(
    app: Any, session: Any, world: Any, sign_in: Any
) -> None:
    """The first kind of the page stands chosen: whoever overlooks it need not upload again."""
    browser = sign_in(world.accounts["clerk"])
    row = "1,700001,明水路 1 号,临河区,新禾,曳引驱动乘客电梯,X1"
    file = csv("序号,电梯编号,安装地址,区域,使用单位,设备类别,出厂编号", row)
    place = upload(browser, file, kind="units")
    work(app, session)
    page = browser.get(place).get_data(as_text=True)
    assert "这份表像是“电梯”" in page and "还差一步" not in page and 'name="kind" value="elevators"' in page
    token = {"csrf_token": csrf(browser, place)}
    for kind in ("nothing", "accounts"):
        assert browser.post(f"{place}/kind", data=token | {"kind": kind}).status_code in (403, 422), kind
    assert sign_in(world.accounts["other_head"]).post(f"{place}/kind", data={"kind": "elevators"}).status_code != 302
    assert browser.post(f"{place}/kind", data=token | {"kind": "elevators"}).location == place
    assert browser.post(f"{place}/kind", data=token | {"kind": "units"}).status_code == 422, "it is being checked"
    work(app, session)
    page = browser.get(place).get_data(as_text=True)
    assert "导入电梯" in page and "这份表像是" not in page and "必填的列都已对应" in page
    session.rollback()
    batch = session.scalars(select(ImportBatch)).one()
    assert batch.kind == "elevators" and batch.rows == 1


@pytest.mark.feature("IMP-01")
def test_what_was_imported_is_taken_for_nothing_else(app: Any, session: Any, world: Any, sign_in: Any) -> None:
    browser = sign_in(world.accounts["clerk"])
    place = upload(browser, csv("识别码,地址", f"{world.own.code},新路 1 号"), mode="update")
    work(app, session)
    page = browser.get(place).get_data(as_text=True)
    assert "这份表像是" not in page, "few columns of the right kind are no other kind"
    token = {"csrf_token": csrf(browser, place)}
    assert browser.post(f"{place}/start", data=token).status_code == 302
    work(app, session)
    assert browser.post(f"{place}/kind", data=token | {"kind": "units"}).status_code == 422


@pytest.mark.feature("IMP-03")
def test_what_runs_already_is_said_once_for_all_new_rows(app: Any, session: Any, world: Any, sign_in: Any) -> None:
    """Three thousand elevators of a firm that comes over: nobody adds a column to say 在用 in each row."""
    browser = sign_in(world.accounts["clerk"])
    rows = [f"7000{n},曳引驱动乘客电梯,明水路 {n} 号,临河区明水街道,{world.use_unit.name}" for n in range(10, 13)]
    known = f"{world.own.code},,明水路 9 号,,"
    place = upload(browser, csv("识别码,品种,地址,所在地区,使用单位", *rows, known), mode="both")
    work(app, session)
    page = browser.get(place).get_data(as_text=True)
    assert "3 台新电梯没有“申报状态”" in page and 'name="word-declared_status-0"' in page and 'id="words" open' in page
    assert "还差一步" not in page and "处还没有定" not in page, "it is offered, not asked for"
    form = {"csrf_token": csrf(browser, place), "mode": "both", "word-declared_status-0": "in_use"}
    form |= {f"column-{n}": name for n, name in enumerate(
        ["code", "category", "address", "region_id", "use_unit_id"]
    )}  # fmt: skip
    assert browser.post(f"{place}/match", data=form).status_code == 302
    work(app, session)
    page = browser.get(place).get_data(as_text=True)
    assert "台新电梯没有“申报状态”" not in page and "导入 4 行" in page
    assert browser.post(f"{place}/start", data={"csrf_token": csrf(browser, place)}).status_code == 302
    work(app, session)
    session.rollback()
    said = session.execute(select(Elevator.code, Elevator.declared_status).order_by(Elevator.code)).all()
    assert {code: status for code, status in said if code.startswith("7000")} == dict.fromkeys(
        ("700010", "700011", "700012"), "in_use"
    )
    assert dict(map(tuple, said))[world.own.code] is None, "what stands already keeps its status"
