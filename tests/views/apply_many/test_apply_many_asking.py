"""批量申请: what is chosen, what its form refuses for all, and what the check finds of each."""

from __future__ import annotations

import html
import io
import re
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock
from app.errors import Finding
from app.models import Elevator, Job, MaintenanceClock
from app.tasks.applying import _Named, _Reasons
from app.transaction import transaction
from app.workflows.desk import apply_many
from tests.conftest import csrf
from tests.factories import World
from tests.journeys.steps import BLANK_PDF
from tests.statements import statements
from tests.views.apply_many.ground import DAY, FEW, PLACE, checked, send
from tests.views.decide_many.ground import sheet

pytestmark = pytest.mark.feature("LIF-02")


def test_ticked_rows_alone_and_none_is_not_all(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    client = sign_in(world.accounts["use_head"])

    def begin(ids: list[int]) -> str:
        token = csrf(client, "/elevators/")
        answer = client.post(f"/elevators/deed/apply?{PLACE}", data={"ids": ids, "csrf_token": token})
        return str(answer.location)

    none = client.get(begin([]), follow_redirects=True)
    assert "没有选中电梯" in none.text
    place = begin([chosen[0].id, chosen[1].id, world.foreign.id])
    assert "2 台" in client.get(place).text
    check = checked(app, session, client, query=place.partition("?")[2])
    assert sorted(check.result["ids"]) == [chosen[0].id, chosen[1].id]


@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        ("suspension", {"reason": " "}, "没有填写原因"),
        ("suspension", {"effective_on": "31/12"}, "“31/12”不是日期"),
        ("suspension", {"effective_on": "2020-01-01"}, "生效日期不早于提交日"),
        ("maintenance_pause", {}, "没有上传材料"),
        ("maintenance_pause", {"until_on": "明天"}, "恢复日期“明天”不是日期"),
        ("use_registration", {}, "没有已备案、状态为告知的"),
    ],
)
def test_what_is_wrong_for_all_is_said_on_the_form(
    session: Any, world: World, sign_in: Any, chosen: list[Elevator], kind: str, data: dict[str, str], words: str
) -> None:
    client = sign_in(world.accounts["use_head"])
    answer = send(client, kind, **data)
    told = re.sub(r"\s+", "", re.sub(r"<[^>]+>", "", answer.text))
    assert answer.status_code == 422 and re.sub(r"\s+", "", words) in told
    session.rollback()
    assert session.scalar(select(func.count()).select_from(Job)) == 0


def test_what_is_wrong_with_day_and_reason_stands_at_their_fields(
    world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    client = sign_in(world.accounts["use_head"])
    page = re.sub(r"\s+", " ", send(client, "suspension", effective_on="", reason="").text)
    for field, words in (("effective_on", "没有填写停用登记的日期"), ("reason", "没有填写原因")):
        found = re.search(rf'<div class="ta-f is-bad"> ?<label for="{field}">.*?</div>', page)
        assert found and words in found[0], field
    page = re.sub(r"\s+", " ", send(client, "suspension", effective_on="", reason="大修").text)
    assert "ta-f is-bad" in page and '<div class="ta-f"><label for="reason">' in page


def test_what_stops_them_is_said_as_it_was_found_never_as_the_rule_that_does_not_hold(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    client = sign_in(world.accounts["use_head"])
    check = checked(app, session, client, kind="maintenance_resume")
    page = client.get(f"/applications/many/checked/{check.id}").text
    heads = re.findall(r'<p class="ta-b">(.*?)</p>\s*<span class="rule">(\d+) 台', page)
    assert ("维保没有暂停", f"{FEW + 1}") in heads and all(words != "维保已暂停" for words, _n in heads)


def test_a_pause_is_counted_for_its_end_and_for_no_second_one(
    session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    for row, on in zip(chosen[:3], (clock.today(), None, None), strict=True):
        session.merge(MaintenanceClock(
            elevator_id=row.id, unit_id=world.firm.id, region_code=row.region_code, paused_on=on
        ))  # fmt: skip
    session.commit()
    client = sign_in(world.accounts["use_head"])

    def counts(page: str) -> list[str]:
        rows = re.findall(r'<td class="key">(.*?)</td><td class="num">(\d+) 台', page, re.S)
        named = {re.sub(r"<[^>]+>", "", name).strip(): n for name, n in rows}
        return [named["维保暂停"], named["恢复维保"], named["停用登记"]]

    page = client.get(f"/applications/many?{PLACE}").text
    assert counts(page) == [f"{FEW - 1}", "1", f"{FEW}"]
    form = client.get(f"/applications/many/maintenance_resume?{PLACE}").text
    assert f"选中 {FEW + 1} 台，其中 1 台的状态可以办" in form
    with statements() as seen:
        client.get(f"/applications/many?{PLACE}")
    assert sum("paused_on IS NOT NULL" in one for one in seen) == 1


def test_found_alike_or_not() -> None:
    def alike(*found: str) -> str:
        reasons = _Reasons()
        for key, one in enumerate(found):
            reasons.add(key, [Finding("规则", False, one)])
        named = {key: _Named(str(key), "", "") for key in range(len(found))}
        ((_rule, _remedy, count, _first, said),) = reasons.told(named)
        assert count == len(found)
        return said

    assert alike("没有暂停", "没有暂停") == "没有暂停" and alike("停用") == "停用"
    assert alike("停用", "报废") == "", "each says its own"
    assert alike(*["停用"] * 9) == "停用" and alike(*["停用"] * 8, "报废") == "", "also of those that are not named"


def test_of_very_many_reasons_the_most_frequent_are_told(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = apply_many.findings

    def each_its_own(session: Any, actor: Any, key: int, *more: Any) -> list[Finding]:
        own = [Finding("各台不同", False, f"第 {key} 台不行", f"请改正第 {key} 台")]
        return [*real(session, actor, key, *more), *own, Finding("各台相同", False, f"第 {key} 台不行", "请改正")]

    monkeypatch.setattr(apply_many, "findings", each_its_own)
    monkeypatch.setattr("app.tasks.applying.MOST_REASONS", 2)
    client = sign_in(world.accounts["use_head"])
    check = checked(app, session, client)
    assert len(check.result["why"]) == 2 and check.result["why"][0][2] == FEW + 1, "the most frequent first"
    # Five of their own, the one of all, and that the last is suspended.
    assert check.result["why_more"] == FEW + 1 + 1 + 1 - 2 and check.result["warn_more"] == 0
    assert f"另有 {FEW + 1} 种原因" in client.get(f"/applications/many/checked/{check.id}").text
    _head, *lines = sheet(client, check)
    assert len(lines) == FEW + 1 and all("请改正第" in line[3] for line in lines), "the workbook has all"


def test_going_back_from_the_check_leads_to_the_form_as_it_was_filled_in(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    client = sign_in(world.accounts["use_head"])
    on, until = (clock.today() + 3 * DAY).isoformat(), (clock.today() + 30 * DAY).isoformat()
    paper = (io.BytesIO(BLANK_PDF), "材料.pdf")
    said = {"kind": "maintenance_pause", "effective_on": on, "until_on": until, "reason": "大修", "files": paper}
    check = checked(app, session, client, **said)
    page = client.get(f"/applications/many/checked/{check.id}").text
    back = html.unescape(re.search(r'href="([^"]+)">返回修改', page)[1])
    assert back == f"/applications/many/maintenance_pause?{PLACE}&check={check.id}"
    form = client.get(back).text
    assert f'value="{on}"' in form and f'value="{until}"' in form and ">大修</textarea>" in form
    assert "上次核对的材料请重新上传" in form and f"选中 {FEW + 1} 台" in form
    assert f"check={check.id}" not in form, "what is sent from here is a new check"
    other = client.get(back.replace("maintenance_pause", "suspension")).text
    assert "大修" not in other and on not in other, "another kind's form"
    with transaction(session):
        session.get(Job, check.id).created_by_id = world.accounts["maintenance_head"].id
    assert "大修" not in client.get(back).text, "another one's check"


def test_more_than_a_job_takes_is_refused(
    session: Any, world: World, sign_in: Any, chosen: list[Elevator], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apply_many, "MOST", 3)
    client = sign_in(world.accounts["use_head"])
    assert "一次最多 3 台" in client.get(f"/applications/many?{PLACE}").text
    answer = send(client)
    assert answer.status_code == 422 and f"筛选出 {FEW + 1} 台，一次最多 3 台" in answer.text


def test_the_pages_belong_to_where_they_begin_and_ask_in_the_order_of_days(
    world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    client = sign_in(world.accounts["use_head"])
    for address in (f"/applications/many?{PLACE}", f"/applications/many/maintenance_pause?{PLACE}"):
        page = client.get(address).text
        opened = re.findall(r'<a [^>]*aria-current="page"[^>]*>.*?</a>', page, re.S)
        assert len(opened) == 1 and "/elevators/" in opened[0] and "/applications/" not in opened[0], address
    assert page.index('name="effective_on"') < page.index('name="until_on"'), "it begins before it ends"
