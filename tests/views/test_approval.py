"""The officer's queue and the approval page (LIF-08, UNT-05)."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any

import pytest

from app import clock
from app.models import Application, Elevator, Unit
from tests import factories
from tests.conftest import csrf
from tests.factories import World
from tests.workflows.filing_world import AT, decide, elevator_data, filed_elevator, fresh, save, submit, unit_data

pytestmark = pytest.mark.feature("LIF-08")


@pytest.fixture(autouse=True)
def while_none_is_late() -> Iterator[None]:
    """An hour after what is handed in: a limit of five working days must not run out as the calendar goes on."""
    with clock.frozen(AT + dt.timedelta(hours=1)):
        yield


def post(client: Any, url: str, data: dict[str, Any]) -> Any:
    return client.post(url, data=data | {"csrf_token": csrf(client)})


def waiting(world: World, code: str = "300001", **fields: Any) -> Application:
    head = world.actor("maintenance_head")
    row = save(world.session, head, Elevator, None, elevator_data(world, code=code, **fields))
    return submit(world.session, head, row)


@pytest.mark.feature("UNT-05")
def test_old_and_new_stand_side_by_side(session: Any, world: World, sign_in: Any) -> None:
    row, head = filed_elevator(world), world.actor("maintenance_head")
    save(session, head, Elevator, row, {"address": "明水路 8 号 2 幢", "made_on": "2020-05-01"})
    application = submit(session, head, row)
    page = sign_in(world.accounts["inspector"]).get(f"/applications/{application.id}").text
    assert "<del>明水路 8 号 1 幢</del>" in page and "<ins>明水路 8 号 2 幢</ins>" in page
    assert "2 项不同" in page and "现行（第 1 版）" in page and "自动核对" in page
    assert f'name="seen_version" value="{application.row_version}"' in page


@pytest.mark.feature("UNT-05", "ELV-04")
def test_what_was_approved_leads_to_what_it_became(session: Any, world: World, sign_in: Any) -> None:
    application = waiting(world)
    head = sign_in(world.accounts["maintenance_head"])
    assert "查看电梯" not in head.get(f"/applications/{application.id}").text
    decide(session, world.actor("inspector"), application, "approve", "属实")
    page = head.get(f"/applications/{application.id}").text
    assert f'href="/elevators/{application.entity_id}">查看电梯' in page.replace("\n", "")
    assert "还没有使用登记" in page, "what is next"
    session.get(Elevator, application.entity_id).status = "in_use"
    session.commit()
    assert "还没有使用登记" not in head.get(f"/applications/{application.id}").text
    refused = waiting(world, "300002")
    decide(session, world.actor("inspector"), refused, "reject", "不属实")
    assert "查看电梯" not in head.get(f"/applications/{refused.id}").text


def test_approving_opens_the_next_one(session: Any, world: World, sign_in: Any) -> None:
    first, second = waiting(world, "300001"), waiting(world, "300002")
    client = sign_in(world.accounts["inspector"])
    page = client.get(f"/applications/{first.id}").text
    assert "第 1 件，共 2 件" in page and "同意，看下一件" in page
    assert "不通过，看下一件" in page and "不同意" not in page, "one word for one decision"
    found = client.get(f"/applications/queue?q={world.firm.name[2:6]}").text
    assert first.number in found and second.number in found, "an officer looks for whose it is"
    one = client.get(f"/applications/queue?q={first.number}&kind={first.kind}").text
    assert f"&amp;kind={first.kind}&amp;q={first.number}" in one, "the kinds keep the search"
    assert re.search(r"全部 <b>1</b>", one) and second.number not in one, "and count what it found"
    nothing = client.get("/applications/queue?q=没有这家单位").text
    assert first.number not in nothing and "没有符合“没有这家单位”的待办" in nothing
    answer = post(client, f"/applications/{first.id}/decision", {"verb": "approve", "seen_version": first.row_version})
    assert answer.location == f"/applications/{second.id}"
    answer = post(client, answer.location + "/decision", {"verb": "approve", "seen_version": second.row_version})
    assert answer.location == "/applications/queue"
    assert "没有等待您审批的申请" in client.get("/applications/queue").text
    fresh(session)
    assert first.state == second.state == "approved"


def test_what_is_opened_from_a_narrowed_queue_leads_on_within_it(session: Any, world: World, sign_in: Any) -> None:
    """Officers go through one kind at a time: same checks, same papers."""
    head = world.actor("maintenance_head")
    unit = submit(session, head, save(session, head, Unit, None, unit_data(session)))
    first, second, third = (waiting(world, f"30000{n}", address=f"明水路 {n} 号") for n in (1, 2, 3))
    assert unit.kind != first.kind
    client = sign_in(world.accounts["inspector"])
    listed = client.get(f"/applications/queue?kind={first.kind}").text
    assert f'href="/applications/{second.id}?kind={first.kind}"' in listed
    page = client.get(f"/applications/{second.id}?kind={first.kind}").text
    assert "第 2 件，共 3 件" in page and f'href="/applications/queue?kind={first.kind}"' in page
    assert f'href="/applications/{third.id}?kind={first.kind}"' in page, "the one behind, not the first again"
    url = f"/applications/{second.id}/decision?kind={first.kind}"
    answer = post(client, url, {"verb": "approve", "seen_version": second.row_version})
    assert answer.location == f"/applications/{third.id}?kind={first.kind}"
    url = f"/applications/{third.id}/decision?kind={first.kind}"
    answer = post(client, url, {"verb": "approve", "seen_version": third.row_version})
    assert answer.location == f"/applications/{first.id}?kind={first.kind}", "after the last one, the first again"
    url = f"/applications/{first.id}/decision?kind={first.kind}"
    answer = post(client, url, {"verb": "approve", "seen_version": first.row_version})
    assert answer.location == f"/applications/queue?kind={first.kind}", "the other kind waits, but was not gone through"
    # A search stays as well; a kind or batch that is not this one's, or nobody knows, narrows nothing.
    assert "第 1 件，共 1 件" in client.get(f"/applications/{unit.id}?q={unit.number}&tab=office").text
    for other in (f"kind={first.kind}", "kind=nothing", "batch=7", "tab=nowhere", "batch=x"):
        page = client.get(f"/applications/{unit.id}?{other}").text
        assert "第 1 件，共 1 件" in page and f'action="/applications/{unit.id}/decision"' in page, other


def test_what_an_officer_wrote_lately_is_at_hand(session: Any, world: World, sign_in: Any) -> None:
    """Sixty filings a day lack the same paper: nobody types it sixty times."""
    first, second, third = (waiting(world, f"30000{n}") for n in (1, 2, 3))
    client = sign_in(world.accounts["inspector"])
    assert "data-say" not in client.get(f"/applications/{first.id}").text
    for row, verb, said in ((first, "reject", "合同缺章"), (second, "reject", "字" * 100)):
        form = {"verb": verb, "opinion": said, "seen_version": row.row_version}
        assert post(client, f"/applications/{row.id}/decision", form).status_code == 302
    page = client.get(f"/applications/{third.id}").text
    assert page.count("data-say") == 1 and 'data-say="合同缺章"' in page, "a long one is about its case alone"
    assert "合同缺章" not in sign_in(world.accounts["region_admin"]).get(f"/applications/{third.id}").text


def test_the_queue_finds_an_address_as_people_type_it(world: World, sign_in: Any) -> None:
    meant = waiting(world, "300001", address="明水路 8 号 5 幢")
    other = waiting(world, "300002", address="明水路 8 号 15 幢")
    found = sign_in(world.accounts["inspector"]).get("/applications/queue?q=明水路8号5栋").text
    assert meant.number in found and other.number not in found


def test_a_refused_decision_keeps_the_opinion(session: Any, world: World, sign_in: Any) -> None:
    application = waiting(world)
    client = sign_in(world.accounts["inspector"])
    url = f"/applications/{application.id}/decision"
    blank = post(client, url, {"verb": "reject", "opinion": " ", "seen_version": application.row_version})
    assert blank.status_code == 422 and "没有写明理由" in blank.text
    stale = post(client, url, {"verb": "reject", "opinion": "地址不清", "seen_version": application.row_version - 1})
    assert stale.status_code == 409 and "地址不清" in stale.text and "所见即所审" in stale.text
    unseen = post(client, url, {"verb": "approve"})
    assert unseen.status_code == 409
    nonsense = post(client, url, {"verb": "destroy", "seen_version": application.row_version})
    assert nonsense.status_code == 422
    done = post(client, url, {"verb": "reject", "opinion": "地址不清", "seen_version": application.row_version})
    assert done.status_code == 302
    unit = sign_in(world.accounts["maintenance_head"])
    assert "地址不清" in unit.get(f"/applications/{application.id}").text
    assert "地址不清" in unit.get(f"/elevators/{application.entity_id}").text


def test_who_may_not_decide_here(session: Any, world: World, sign_in: Any) -> None:
    application = waiting(world)
    body = {"verb": "approve", "seen_version": application.row_version}
    for persona, statuses in (
        ("other_inspector", (404,)), ("maintenance_head", (302, 403)), ("use_head", (302, 403)), ("worker", (302, 403)),
    ):  # fmt: skip
        client = sign_in(world.accounts[persona])
        answer = post(client, f"/applications/{application.id}/decision", body)
        assert answer.status_code in statuses, persona
    assert sign_in(world.accounts["other_head"]).get(f"/applications/{application.id}").status_code == 404
    fresh(session)
    assert application.state == "submitted"


def test_ones_own_submission_is_not_in_ones_queue(session: Any, world: World, sign_in: Any) -> None:
    row = save(session, world.actor("region_admin"), Unit, None, unit_data(session))
    application = submit(session, world.actor("region_admin"), row)
    own = sign_in(world.accounts["region_admin"])
    assert application.number not in own.get("/applications/queue").text
    assert "data-approval" not in own.get(f"/applications/{application.id}").text
    assert application.number in sign_in(world.accounts["inspector"]).get("/applications/queue").text


def test_many_are_decided_each_by_itself(session: Any, world: World, sign_in: Any) -> None:
    fine, also, moved = waiting(world, "300001"), waiting(world, "300002"), waiting(world, "300003")
    stale = f"{moved.id}:{moved.row_version}"
    decide(session, world.actor("inspector"), moved, "accept")
    foreign = factories.make_elevator(session, region_code="980403000000")
    session.commit()
    client = sign_in(world.accounts["inspector"])
    answer = post(client, "/applications/bulk", {
        "verb": "approve", "sure": "1",
        "chosen": [f"{fine.id}:{fine.row_version}", f"{also.id}:{also.row_version}", stale, f"{foreign.id}999:1", "x"],
    })  # fmt: skip
    assert answer.status_code == 200 and "已办理 2 件，未办理 3 件" in answer.text
    assert "所见即所审" in answer.text and "没有找到这件申请" in answer.text
    fresh(session)
    assert (fine.state, also.state, moved.state) == ("approved", "approved", "accepted")
    assert post(client, "/applications/bulk", {"verb": "approve"}).status_code == 302


def test_before_many_are_decided_the_page_says_what_comes_of_it(
    session: Any, world: World, sign_in: Any
) -> None:
    from app import clock, scope
    from app.transaction import transaction
    from app.workflows.desk import applications

    fine, moved = waiting(world, "300001"), waiting(world, "300002")
    actor, now = world.actor("use_head"), clock.now()
    with scope.acting(actor), transaction(session):
        pause = applications.apply(
            session, actor, "suspension", world.own, effective_on=clock.today(), reason="改造", at=now
        )
    chosen = [f"{row.id}:{row.row_version}" for row in (fine, moved, pause)]
    decide(session, world.actor("inspector"), moved, "accept")
    client = sign_in(world.accounts["inspector"])

    def asked(verb: str, **more: str) -> tuple[int, str]:
        answer = post(client, "/applications/bulk", {"verb": verb, "chosen": chosen} | more)
        return answer.status_code, re.sub(r"\s+", "", answer.text[answer.text.index("data-sure") :])

    status, page = asked("approve")
    assert status == 200 and "批量同意3件申请？" in page
    assert "电梯备案1件</b><spanclass=\"ta-mut\">内容今天起生效" in page
    assert "停用登记1件</b><spanclass=\"ta-mut\">即时生效" in page
    assert "1件</b><spanclass=\"ta-mut\">不再等待您审批或已有变化" in page
    assert "required" not in page
    status, page = asked("return", opinion="缺少照片")
    assert "批量退回3件申请？" in page and "退回申请单位补正；时限停走，补正后继续" in page
    assert "按不通过办理；申请单位修改后可重新上报" in page and "required" in page and ">缺少照片</textarea>" in page
    # Nothing was decided by asking, nor by a sure press without the reason that it needs.
    status, page = asked("reject", sure="1", opinion="  ")
    assert status == 422 and "不通过没有写明理由" in page and "批量不通过3件申请？" in page
    fresh(session)
    assert (fine.state, moved.state, pause.state) == ("submitted", "accepted", "submitted")
    assert post(
        client, "/applications/bulk", {"verb": "reject", "chosen": chosen, "sure": "1", "opinion": "缺少照片"}
    ).status_code == 200  # fmt: skip
    fresh(session)
    assert (fine.state, moved.state, pause.state) == ("rejected", "accepted", "rejected")


def test_a_search_that_finds_nothing_here_says_in_which_tab_it_would(world: World, sign_in: Any) -> None:
    application = waiting(world, "300001")
    client = sign_in(world.accounts["inspector"])

    def empty(query: str) -> str:
        page = client.get(f"/applications/queue?{query}").text
        return re.search(r'<div class="ta-empty">.*?</div>', page, re.DOTALL)[0]  # type: ignore[index]

    for query in ("tab=late&q=300001", "tab=office&kind=suspension&q=300001"):
        shown = empty(query)
        assert "在“本级”中有 1 条" in shown and "清除搜索" in shown, query
        link = re.search(r'href="([^"]+)">在“本级”', shown)[1]  # type: ignore[index]
        assert application.number in client.get(link.replace("&amp;", "&")).text
    assert "中有" not in empty("tab=late&q=不在这里")


@pytest.mark.parametrize(
    "query", ["page=abc", "page=0", "page=99999999999999", "size=100000", "kind=nosuch", "q=%25_'"]
)
def test_bad_parameters_are_told_not_thrown(world: World, sign_in: Any, query: str) -> None:
    client = sign_in(world.accounts["inspector"])
    answer = client.get(f"/applications/queue?{query}")
    assert answer.status_code == 200
    if not query.startswith("q="):
        assert re.search("不可用|没有“", answer.text)


def test_a_returned_application_is_mended_on_its_page(session: Any, world: World, sign_in: Any) -> None:
    from app import clock, scope
    from app.transaction import transaction
    from app.workflows.desk import applications

    actor, now = world.actor("use_head"), clock.now()
    with scope.acting(actor), transaction(session):
        application = applications.apply(
            session, actor, "suspension", world.own, effective_on=clock.today(), reason="改造", at=now
        )
    decide(session, world.actor("inspector"), application, "return", "写清楚改造什么", at=now)
    client = sign_in(world.accounts["use_head"])
    assert "补正后重新提交" in client.get(f"/applications/{application.id}").text
    url = f"/applications/{application.id}/resubmit"
    assert post(client, url, {"effective_on": "x", "reason": "y"}).status_code == 422
    assert post(client, url, {"effective_on": clock.today().isoformat(), "reason": "更换曳引机"}).status_code == 302
    fresh(session)
    assert (application.state, application.reason) == ("submitted", "更换曳引机")


def test_what_a_decision_brings_is_said_alike_for_one_and_for_many(world: World, sign_in: Any) -> None:
    """And one word for one decision: what is refused is 不通过, of a filing and of an application."""
    from app import clock, scope
    from app.transaction import transaction
    from app.workflows.desk import applications

    actor = world.actor("use_head")
    with scope.acting(actor), transaction(world.session):
        pause = applications.apply(
            world.session, actor, "suspension", world.own, effective_on=clock.today(), reason="改造", at=clock.now()
        )
    client = sign_in(world.accounts["inspector"])
    for row, verbs in ((pause, ("approve", "return", "reject")), (waiting(world), ("approve", "reject"))):
        page = client.get(f"/applications/{row.id}").text
        assert "不同意" not in page and page.count('type="radio" name="verb"') == len(verbs)
        for verb in verbs:
            chosen = {"verb": verb, "chosen": f"{row.id}:{row.row_version}"}
            asked = post(client, "/applications/bulk", chosen).text
            said = re.search(r'class="ta-sure__kinds">.*?ta-mut">([^<]+)<', asked, re.DOTALL)[1]  # type: ignore[index]
            assert said in page, verb


def test_a_zero_is_something_that_was_entered(app: Any, session: Any) -> None:
    from app.views.frame import filed

    with app.test_request_context():
        titles = [title for title, _rows in filed.facts(Elevator, {"floors": 0})]
        assert titles == ["设备"], "a section of which 0 is all there is"
        assert filed.facts(Elevator, {"is_secret": False, "address": "", "floors": None}) == []
        lines, _same = filed.comparison(Elevator, {}, {"floors": 0, "is_secret": False})
        assert [line.new for line in lines] == ["0"], "and in a first filing"
        same = filed.comparison(Elevator, {"floors": 0, "code": "1"}, {"floors": 0, "code": "2"})[1]
        assert [line.new for line in same] == ["0"]
