"""ANO-03, APL-01 at the desk: evidence that goes along from a list, the second person, the unit's answer, an appeal."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.listing import moment
from app.listings.enforcement import ENFORCEMENTS
from app.models import (
    Appeal,
    Application,
    Attachment,
    Enforcement,
    EnforcementEvidence,
    Notification,
    Score,
    ScoreEntry,
    Visit,
)
from app.models.score import lines_between
from app.rules.scoring import LedgerKind
from app.transaction import transaction
from app.workflows.desk import applications
from app.workflows.oversight import appeals, enforcement
from app.workflows.oversight.enforcement import Entry
from app.workflows.scores import scores
from tests.conftest import csrf
from tests.factories import World, make_clock, make_complaint, make_elevator
from tests.pages import flat
from tests.workflows.score_world import put_overdue, put_visit

pytestmark = pytest.mark.feature("ANO-03")
DAY = dt.timedelta(days=1)


def post(browser: Any, path: str, **form: Any) -> Any:
    form["csrf_token"] = csrf(browser)
    return browser.post(path, data=form, content_type="multipart/form-data", follow_redirects=True)


def bad(world: World, elevator: Any = None, unit: Any = None, worker: Any = None) -> int:
    on = clock.today() - 3 * DAY
    with transaction(world.session):
        row = put_visit(
            world.session, elevator or world.own, unit or world.firm, worker or world.worker, on, "abnormal"
        )
        key = row.id
    world.session.commit()
    return key


def case(world: World, kind: str = "talk", who: str = "inspector", **more: Any) -> int:
    given = {
        "kind": kind, "decided_on": clock.today(), "facts": "多次超期", "demand": "十日内补做", "reply_days": 10,
    } | more  # fmt: skip
    with transaction(world.session):
        row = enforcement.draw_up(world.session, world.actor(who), world.firm.id, Entry(**given), clock.now())
        if kind != "penalty":
            enforcement.issue(world.session, world.actor(who), row.id, clock.now())
        key = row.id
    world.session.commit()
    return key


def row_of(world: World, key: int) -> Enforcement:
    world.session.rollback()
    world.session.expire_all()
    found = world.session.get(Enforcement, key)
    assert found is not None
    return found


def test_chosen_visits_go_along_to_the_form_and_into_the_case(world: World, sign_in: Any) -> None:
    first, second = bad(world), bad(world)
    desk = sign_in(world.accounts["inspector"])
    page = desk.get("/visits/?tab=void").text
    assert "发起约谈或处罚" in page
    form = desk.post(
        "/visits/deed/enforce", data={"ids": [first, second], "csrf_token": csrf(desk)},
        follow_redirects=True,
    ).text  # fmt: skip
    assert f'value="visit-{first}"' in form and f'value="visit-{second}"' in form and world.firm.name in form
    assert "异常" in form and world.own.code in form
    refused = post(desk, "/enforcement/new", unit_id=world.firm.id, kind="talk", facts="", then="issue")
    assert refused.status_code == 422 and "请写明什么时间" in refused.text and "没有填写" in refused.text
    done = post(
        desk, "/enforcement/new", unit_id=world.firm.id, kind="talk", decided_on=clock.today(), facts="两次超时上传",
        demand="十日内整改", reply_days=10, evidence=[f"visit-{first}", f"visit-{second}"], then="issue",
    )  # fmt: skip
    assert done.status_code == 200 and "已下达，并通知单位" in done.text and "YT-" in done.text
    world.session.rollback()
    held = world.session.scalars(select(Enforcement)).one()
    assert held.state == "in_force"
    assert set(world.session.scalars(select(EnforcementEvidence.entity_id))) == {first, second}
    assert f"/visits/{first}" in done.text


def test_evidence_of_two_units_is_told_before_anything_is_written(world: World, sign_in: Any) -> None:
    mine, theirs = bad(world), bad(world, world.foreign, world.other_firm, world.other_worker)
    desk = sign_in(world.accounts["platform_admin"])
    page = desk.get(f"/enforcement/new?chosen=visit-{mine}&chosen=visit-{theirs}&chosen=visit-9&chosen=nonsense").text
    assert "所选的证据不属于同一家单位" in page and "有 2 条证据没有找到" in page
    # Each record says whose it is, and a press keeps one unit's.
    for key, unit in ((mine, world.firm), (theirs, world.other_firm)):
        assert re.search(rf'value="visit-{key}" checked>[^<]*<span class="ta-mut">{unit.name}</span>', page)
        assert f'href="?chosen=visit-{key}">只发起 {unit.name} 的 1 条</a>' in page
    kept = desk.get(f"/enforcement/new?chosen=visit-{theirs}").text
    assert "不属于同一家" not in kept and f'name="unit_id" value="{world.other_firm.id}"' in kept
    narrow = sign_in(world.accounts["inspector"]).get(f"/enforcement/new?chosen=visit-{theirs}").text
    assert "有 1 条证据没有找到" in narrow and world.foreign.code not in narrow


def test_from_a_units_page_and_what_stands_against_it(world: World, sign_in: Any) -> None:
    desk = sign_in(world.accounts["inspector"])
    page = desk.get(f"/units/{world.firm.id}").text
    assert f"/enforcement/new?unit={world.firm.id}" in page and "约谈与处罚" in page
    assert world.firm.name in desk.get(f"/enforcement/new?unit={world.firm.id}").text
    case(world)
    own = sign_in(world.accounts["maintenance_head"]).get(f"/units/{world.firm.id}").text
    assert f"/enforcement/?f_unit={world.firm.id}" in own and "发起约谈或处罚" not in own
    for path in ("/overdue/", "/complaints/", "/inspections/", "/warnings/"):
        assert desk.get(path, follow_redirects=True).status_code == 200


def test_a_penalty_is_decided_by_the_second_and_the_first_is_told_why_not(world: World, sign_in: Any) -> None:
    visit = bad(world)
    key = case(
        world, "penalty", legal_basis="文书所列条款", document_no="立案3号", evidence=(f"visit-{visit}",)
    )
    first = sign_in(world.accounts["inspector"])
    assert "已提请第二人决定" in post(first, f"/enforcement/{key}/issue").text
    # Who has no right to decide sees no form for it, and a unit nothing at all.
    assert f"/enforcement/{key}/decide" not in first.get(f"/enforcement/{key}").text
    assert sign_in(world.accounts["maintenance_head"]).get(f"/enforcement/{key}").status_code == 404
    second = sign_in(world.accounts["region_admin"])
    assert "同意，下达" in second.get(f"/enforcement/{key}").text
    refused = post(second, f"/enforcement/{key}/decide", verb="return", note="")
    assert refused.status_code == 422 and "请写明要修改什么" in refused.text
    assert "已决定，并通知单位" in post(second, f"/enforcement/{key}/decide", verb="agree").text
    assert row_of(world, key).state == "in_force"
    mine = case(world, "penalty", "region_admin", legal_basis="条款", document_no="4号", evidence=(f"visit-{visit}",))
    post(second, f"/enforcement/{mine}/issue")
    assert "您就是提请人" in second.get(f"/enforcement/{mine}").text


def test_the_unit_answers_with_papers_and_the_case_is_checked(world: World, sign_in: Any) -> None:
    key = case(world)
    clerk = sign_in(world.accounts["clerk"])
    page = clerk.get("/enforcement/").text
    assert "待整改" in page and "YT-" in page
    page = clerk.get(f"/enforcement/{key}").text
    assert "怎样整改" in page and "申诉" in page and f"/enforcement/{key}/withdraw" not in page
    assert post(clerk, f"/enforcement/{key}/reply", reply="").status_code == 422
    import io

    from tests.api.callers import PDF

    done = post(clerk, f"/enforcement/{key}/reply", reply="已补做", paper=(io.BytesIO(PDF), "整改报告.pdf"))
    assert "已答复，等待监管部门核查" in done.text and "整改报告.pdf" in done.text
    world.session.rollback()
    paper = world.session.scalars(select(Attachment).where(Attachment.entity == "enforcement")).one()
    desk = sign_in(world.accounts["inspector"])
    assert desk.get(f"/files/{paper.id}").status_code == 200
    assert sign_in(world.accounts["other_head"]).get(f"/files/{paper.id}").status_code in (403, 404)
    assert "已退回整改" in post(desk, f"/enforcement/{key}/send-back", note="还差两台", days=3).text
    assert "还差两台" in clerk.get(f"/enforcement/{key}").text
    post(clerk, f"/enforcement/{key}/reply", reply="全部补做")
    assert "已办结" in post(desk, f"/enforcement/{key}/close", note="已核查").text
    assert row_of(world, key).state == "closed"


def test_the_list_is_found_filtered_and_counted_in_the_menu(world: World, sign_in: Any) -> None:
    key = case(world)
    desk = sign_in(world.accounts["inspector"])
    number = row_of(world, key).number
    for query in (f"q={number}", f"q={world.firm.name[2:6]}", "tab=in_force", f"f_unit={world.firm.id}", "f_kind=talk"):
        assert number in desk.get(f"/enforcement/?{query}").text, query
    assert number not in desk.get("/enforcement/?tab=draft").text
    assert number not in desk.get("/enforcement/?f_kind=penalty").text
    menu = sign_in(world.accounts["maintenance_head"]).get("/").text
    assert re.search(r'href="/enforcement/" title="约谈与处罚">.*?<b class="ta-n">1</b></a>', menu)


def test_each_side_is_shown_the_tabs_that_it_can_fill(world: World, sign_in: Any) -> None:
    now, desk, unit = clock.now(), world.actor("inspector"), world.actor("maintenance_head")
    case(world)
    overdue, replied, closed, withdrawn = (case(world) for _one in range(4))
    draft, proposed = (
        case(world, "penalty", legal_basis="条款", document_no=f"{n}号", evidence=(f"visit-{bad(world)}",))
        for n in (1, 2)
    )  # fmt: skip
    with transaction(world.session) as session:
        session.get(Enforcement, overdue).due_at = now - DAY
        enforcement.propose(session, desk, proposed, now)
        enforcement.reply(session, unit, replied, "已补做", now, [])
        enforcement.close(session, desk, closed, "已核查", now)
        enforcement.withdraw(session, desk, withdrawn, "有误", now)
    assert row_of(world, draft).state == "draft"
    for actor, hidden in ((desk, set()), (unit, {"draft", "proposed"})):
        seen, query = moment(world.session, actor), ENFORCEMENTS.read({})
        shown = {t.key for t in ENFORCEMENTS.tabs_of(actor, query)}
        assert {t.key for t in ENFORCEMENTS.tabs} - shown == hidden
        for tab in ENFORCEMENTS.tabs:
            assert bool(ENFORCEMENTS.total(seen, ENFORCEMENTS.read({"tab": tab.key}))) == (tab.key in shown), tab.key
        withheld = {choice for name, choice in ENFORCEMENTS.withheld(actor) if name == "state"}
        assert withheld == hidden, "the filter offers the states whose tabs are shown"
    page = sign_in(world.accounts["clerk"]).get("/enforcement/").text
    assert '<option value="replied">' in page
    assert '<option value="draft">' not in page and '<option value="proposed">' not in page
    assert "tab=in_force" in page and "tab=withdrawn" in page
    assert "tab=draft" not in page and "tab=proposed" not in page
    # What an old address names is open, and so it is seen that it is.
    old = sign_in(world.accounts["clerk"]).get("/enforcement/?tab=draft").text
    assert re.search(r'aria-(selected|current)="[a-z]+"[^>]*>\s*草稿', old)
    old = sign_in(world.accounts["clerk"]).get("/enforcement/?f_state=draft").text
    assert '<option value="draft" selected>' in old and '<option value="proposed">' not in old
    # The panel is kept: what one may see is not shown to the other.
    page = sign_in(world.accounts["region_admin"]).get("/enforcement/").text
    assert "tab=proposed" in page and '<option value="draft">' in page and '<option value="proposed">' in page


def test_a_draft_is_kept_and_taken_up_again(world: World, sign_in: Any) -> None:
    desk = sign_in(world.accounts["inspector"])
    form: dict[str, Any] = {
        "unit_id": world.firm.id, "kind": "warning", "decided_on": clock.today(), "facts": "三次", "demand": "整改",
        "reply_days": 5,
    }  # fmt: skip
    assert "已保存草稿" in post(desk, "/enforcement/new", **form, then="draft").text
    world.session.rollback()
    key = world.session.scalars(select(Enforcement.id)).one()
    version = row_of(world, key).row_version
    page = desk.get(f"/enforcement/{key}/edit").text
    assert "三次" in page and 'value="5"' in page
    saved = post(desk, f"/enforcement/{key}/edit", **form | {"facts": "四次"}, row_version=version, then="draft")
    assert "四次" in saved.text
    stale = post(desk, f"/enforcement/{key}/edit", **form, row_version=version, then="draft")
    assert stale.status_code == 409 and "草稿已被修改" in stale.text


# --- appeals


def scored(world: World) -> tuple[Score, ScoreEntry]:
    """A run of the year with one missed period of the firm, which is due some services."""
    today = clock.today()
    with transaction(world.session):
        for days in (75, 60, 45):
            put_visit(world.session, world.own, world.firm, world.worker, today - days * DAY)
        put_overdue(world.session, world.own, world.firm, today - 20 * DAY)
    with transaction(world.session):
        run = scores.run(
            world.session, world.actor("inspector"), "980402000000", today - 80 * DAY, today - DAY, None, clock.now()
        )
    score = world.session.scalars(select(Score).where(Score.run_id == run.id, Score.unit_id == world.firm.id)).one()
    line = world.session.scalars(
        select(ScoreEntry).where(lines_between(score.id, score.id), ScoreEntry.rule == LedgerKind.OVERDUE.value)
    ).one()
    world.session.commit()
    return score, line


@pytest.mark.feature("APL-01")
def test_from_the_ledgers_row_to_the_corrected_score(world: World, sign_in: Any) -> None:
    score, line = scored(world)
    head = sign_in(world.accounts["maintenance_head"])
    page = head.get(f"/scores/{score.id}").text
    assert f"/appeals/new?about=score_entry-{line.id}" in page
    seen = sign_in(world.accounts["inspector"]).get(f"/scores/{score.id}").text
    assert "appeals/new" not in seen and f"chosen=score_entry-{line.id}" in seen
    begun = sign_in(world.accounts["inspector"]).get(f"/enforcement/new?chosen=score_entry-{line.id}").text
    # The record behind the line, for lines go with their run.
    assert f'value="overdue_period-{line.evidence_id}"' in begun
    form = head.get(f"/appeals/new?about=score_entry-{line.id}").text
    assert "超期记录" in form and world.own.code in form and "计入超期" in form and "申诉期限" in form
    refused = post(head, "/appeals/new", about=f"score_entry-{line.id}", grounds="")
    assert refused.status_code == 422 and "请写明哪里不对" in refused.text
    done = post(head, "/appeals/new", about=f"score_entry-{line.id}", grounds="当天电梯断电，物业可证明")
    assert "已提交申诉" in done.text and "当天电梯断电" in done.text and "来自得分" in done.text
    world.session.rollback()
    asked = world.session.scalars(select(Appeal)).one()
    # From here on the way leads to it, in the ledger and where a second one is tried.
    to_it = rf'href="/applications/{asked.application_id}">查看申诉 {asked.number}<'
    ledger = head.get(f"/scores/{score.id}").text
    assert f"/appeals/new?about=score_entry-{line.id}" not in ledger and re.search(to_it, ledger)
    second = head.get(f"/appeals/new?about=score_entry-{line.id}").text
    assert re.search(to_it, second) and "去办理" not in second
    application = world.session.get(Application, asked.application_id)
    assert application is not None
    officer = sign_in(world.accounts["inspector"])
    assert application.number in officer.get("/applications/queue").text
    page = officer.get(f"/applications/{application.id}").text
    assert "同意" in page and "自动核对" in page
    post(
        officer, f"/applications/{application.id}/decision", verb="approve", opinion="属实",
        seen_version=application.row_version,
    )  # fmt: skip
    page = head.get(f"/applications/{application.id}").text
    assert "更正前后" in page and f"{score.points} 分" in page and "维护保养有效率" in page
    listed = head.get("/appeals/?tab=upheld").text
    assert asked.number in listed and "→" in listed
    again = head.get(f"/appeals/new?about=score_entry-{line.id}").text
    assert "已有决定，不再受理" in again and "现在不能申诉" in again


@pytest.mark.feature("APL-01")
def test_a_visits_page_offers_the_appeal_and_says_what_became_of_it(world: World, sign_in: Any) -> None:
    key = bad(world)
    head = sign_in(world.accounts["maintenance_head"])
    assert f"/appeals/new?about=visit-{key}" in head.get(f"/visits/{key}").text
    for other in ("inspector", "safety_officer", "worker"):
        assert "appeals/new" not in sign_in(world.accounts[other]).get(f"/visits/{key}").text
    with transaction(world.session):
        made = appeals.submit(
            world.session, world.actor("maintenance_head"), f"visit-{key}", "手机没有网络", (), clock.now()
        )
        applications.decide(
            world.session, world.actor("inspector"), made.id, "approve", "属实", made.row_version, clock.now()
        )
        number = made.number
    world.session.commit()
    page = head.get(f"/visits/{key}").text
    assert f"查看申诉 {number}" in page and "申诉成立，按有效计" in page
    world.session.rollback()
    assert world.session.get(Visit, key).state == "valid"


@pytest.mark.feature("APL-01")
@pytest.mark.parametrize("about", ["", "visit-1x", "visit-99999999", "elevator-1", "score_entry-5", "x" * 80])
def test_what_cannot_be_appealed_against_is_told(world: World, sign_in: Any, about: str) -> None:
    head = sign_in(world.accounts["maintenance_head"])
    answer = head.get(f"/appeals/new?about={about}")
    assert answer.status_code in (200, 422)
    assert "没有找到" in answer.text or "不能申诉" in answer.text


@pytest.mark.feature("APL-01")
def test_an_officer_who_may_not_decide_an_appeal_is_told_instead_of_asked(world: World, sign_in: Any) -> None:
    key = case(world)
    head, maker, other = (sign_in(world.accounts[n]) for n in ("maintenance_head", "inspector", "region_admin"))
    form = head.get(f"/appeals/new?about=enforcement-{key}").text
    assert f'href="/enforcement/{key}">返回' in form.replace("\n", "")
    post(head, "/appeals/new", about=f"enforcement-{key}", grounds="当天停电，有物业证明")
    world.session.rollback()
    made = world.session.scalars(select(Application)).one()
    page = maker.get(f"/applications/{made.id}").text
    assert "请由另一位有权的人员决定" in page and "data-approval-go" not in page
    page = other.get(f"/applications/{made.id}").text
    assert "data-approval-go" in page and "申诉成立，即时更正计分" in page and "请由另一位" not in page
    post(other, f"/applications/{made.id}/decision", verb="approve", opinion="属实", seen_version=made.row_version)
    page = head.get(f"/applications/{made.id}").text
    assert re.search(r"ta-pill--ok[^>]*>成立<", page) and "<b>成立</b>" in page
    world.session.rollback()
    titles = world.session.scalars(select(Notification.title).where(Notification.topic == "decision")).all()
    assert {title.partition("：")[0] for title in titles} == {"成立"}


def test_closing_without_an_answer_is_not_the_main_deed(world: World, sign_in: Any) -> None:
    key, desk = case(world), sign_in(world.accounts["inspector"])
    page = desk.get(f"/enforcement/{key}").text
    assert "不等单位答复，直接办结" in page and "ta-btn--main" not in page
    post(sign_in(world.accounts["maintenance_head"]), f"/enforcement/{key}/reply", reply="已补做")
    page = desk.get(f"/enforcement/{key}").text
    assert "不等单位答复" not in page and page.count("ta-btn--main") == 1


def test_each_button_of_the_form_does_what_it_says(world: World, sign_in: Any) -> None:
    desk, visit = sign_in(world.accounts["inspector"]), bad(world)
    form = desk.get("/enforcement/new").text
    assert 'value="issue" data-when="kind=talk|warning"' in form.replace("\n", "") and "保存并提请决定" in form
    sent = {
        "unit_id": world.firm.id, "decided_on": clock.today(), "facts": "两次", "demand": "整改", "reply_days": 10,
        "legal_basis": "条款", "document_no": "5号", "evidence": [f"visit-{visit}"],
    }  # fmt: skip
    for kind, then, way in (("penalty", "issue", "请提请决定"), ("talk", "propose", "请直接下达")):
        refused = post(desk, "/enforcement/new", kind=kind, then=then, **sent)
        assert refused.status_code == 422 and way in refused.text
    world.session.rollback()
    assert world.session.scalars(select(Enforcement)).all() == []
    assert "已提请第二人决定" in post(desk, "/enforcement/new", kind="penalty", then="propose", **sent).text


def test_it_is_offered_where_the_fault_is_recorded_with_its_evidence(world: World, sign_in: Any) -> None:
    today = clock.today()
    make_clock(world.session, world.own, today - dt.timedelta(days=40), missed=1)
    in_time = make_elevator(world.session, maintenance_unit=world.firm)
    make_clock(world.session, in_time, today)
    other = in_time.id
    missed = put_overdue(world.session, world.own, world.firm, today - dt.timedelta(days=25))
    old = put_overdue(world.session, world.own, world.other_firm, today - dt.timedelta(days=90))
    said = make_complaint(world.session, world.own, clock.now() - dt.timedelta(hours=2), state="closed").id
    world.session.commit()
    desk = sign_in(world.accounts["inspector"])
    for page in (f"/ledgers/{world.own.id}", f"/elevators/{world.own.id}"):
        link = f"/enforcement/new?chosen=overdue_period-{missed.id}"
        assert f'href="{link}"' in flat(desk.get(page).text), page
    form = desk.get(link).text
    assert world.firm.name in form and f'value="overdue_period-{missed.id}" checked' in form
    assert re.search(r'name="facts"[^>]*>超期记录', form) and str(old.id) != str(missed.id)
    link = f"/enforcement/new?chosen=complaint-{said}"
    assert f'href="{link}"' in flat(desk.get(f"/complaints/{said}").text) and "投诉" in desk.get(link).text
    for who in ("maintenance_head", "use_head"):
        own = sign_in(world.accounts[who])
        pages = [own.get(f"/{page}/{world.own.id}").text for page in ("ledgers", "elevators")]
        assert not any("/enforcement/new" in page for page in pages)
    # Nothing is overdue: nothing is offered.
    assert "/enforcement/new" not in desk.get(f"/ledgers/{other}").text
