"""An application that came back: its own unit puts right what it filed, or applies anew (LIF-07).

Each kind goes the same way: filed, returned, mended with what can't be, mended, returned, refused, applied for again.
"""

from __future__ import annotations

import datetime as dt
import html
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sqlalchemy import select

from app import clock, scope
from app.errors import NotAllowed
from app.models import Application, AuditEntry, Commitment, Declaration, GradeCertificate, Inspection, UnitChange
from app.permissions import Verb
from app.transaction import transaction
from app.views.data.audit_values import Values
from app.workflows.contracts import contract_changes
from app.workflows.desk import applications
from app.workflows.desk.applications import filed_of
from tests import factories
from tests.conftest import csrf
from tests.factories import World
from tests.journeys.steps import BLANK_PDF
from tests.workflows.filing_world import decide, fresh

pytestmark = pytest.mark.feature("LIF-07")
DAY = dt.timedelta(days=1)
# Days are told as the cases are collected and as they run: of one instant, also of a run that goes past midnight.
NOW = clock.now()


@pytest.fixture(autouse=True)
def one_instant() -> Iterator[None]:
    with clock.frozen(NOW):
        yield


def on(days: int) -> str:
    return (clock.local_day(NOW) + days * DAY).isoformat()


def post(client: Any, path: str, **data: Any) -> Any:
    return client.post(path, data=data | {"csrf_token": csrf(client)}, content_type="multipart/form-data")


def scan() -> Any:
    return (io.BytesIO(BLANK_PDF), "扫描件.pdf")


def only(session: Any) -> Application:
    row: Application = fresh(session).scalars(select(Application)).one()
    return row


@dataclass(frozen=True)
class Case:
    """How it is filed, by whom; what is put right, what can't be, what then stands and where it is applied for anew."""

    file: Callable[[World, Any], Any]
    right: dict[str, str]
    wrong: dict[str, str]
    finding: str
    stands: Callable[[Any, Application], Any]
    value: Any
    again: str
    persona: str = "maintenance_head"
    # What the form to apply anew shows besides, filled as it was.
    shown: tuple[str, ...] = ()
    of: dict[str, str] = field(default_factory=dict)


def elevator_form(kind: str, **data: str) -> Callable[[World, Any], Any]:
    def file(world: World, client: Any) -> Any:
        given = {"effective_on": on(0), "reason": "见材料", "files": scan()} | data
        return post(client, f"/elevators/{world.own.id}/apply/{kind}", **given)

    return file


def grade(world: World, client: Any) -> Any:
    return post(
        client, f"/people/{world.worker.id}/certificate", grade="senior", certificate_no="G-1", issued_on=on(-40),
        valid_until=on(400), scan=scan(),
    )  # fmt: skip


def declaration(world: World, client: Any) -> Any:
    said = {"signed_on": on(-3), "valid_until": on(300), "note": "首次"}
    return post(client, f"/people/{world.worker.id}/declaration", **said, scan=scan())


def commitment(world: World, client: Any) -> Any:
    return post(client, "/commitments/new", valid_from=on(0), valid_until=on(100), note="本年度", scan=scan())


def report(world: World, client: Any) -> Any:
    return post(
        client, "/inspections/report", elevator_id=world.own.id, kind="governor", number="XSQ-1", done_on=on(-9),
        result="passed", tested_by="恒枢", scan=scan(),
    )  # fmt: skip


def change_by_old(world: World, client: Any) -> Any:
    return post(
        client, "/unit-changes/new", code=world.own.code, new_unit=world.other_firm.name, signed_on=on(-2),
        effective_on=on(0), reason="合同到期", files=scan(),
    )  # fmt: skip


def change_by_new(world: World, client: Any) -> Any:
    fresh(world.session)
    with transaction(world.session) as session:
        first, _second = (
            factories.make_contract(session, world.other_firm, [], clock.today(), clock.today() + 365 * DAY).id
            for _n in range(2)
        )
    return post(
        client, "/unit-changes/new", code=world.own.code, contract_id=first, effective_on=on(0), reason="新签合同",
        files=scan(),
    )  # fmt: skip


def paper(model: Any, *names: str) -> Callable[[Any, Application], Any]:
    return lambda session, row: tuple(str(getattr(session.get(model, row.entity_id), name)) for name in names)


def change(session: Any, row: Application) -> Any:
    held = session.scalars(select(UnitChange)).one()
    return str(held.signed_on), str(held.due_on), held.late


def data(*names: str) -> Callable[[Any, Application], Any]:
    return lambda session, row: tuple(str(row.data.get(name)) for name in names)


CASES = {
    "maintenance_pause": Case(
        elevator_form("maintenance_pause", until_on=on(9)), {"until_on": on(20)}, {"until_on": "月底"},
        "恢复日期“月底”不是日期", data("until_on"), (on(20),), "/elevators/{e}/apply/maintenance_pause",
        shown=(on(20),),
    ),
    "on_demand": Case(
        elevator_form("on_demand", interval_days="20", until_on=on(60)), {"interval_days": "25", "until_on": on(90)},
        {"interval_days": "90", "until_on": on(90)}, "请填写 16 至 30 天", data("interval_days", "until_on"),
        ("25", on(90)), "/elevators/{e}/apply/on_demand", shown=('value="25"', on(90)),
    ),
    "registration_change": Case(
        elevator_form("registration_change", cause="relocation", address="明水路 20 号"),
        {"cause": "relocation", "address": "明水路 22 号"}, {"cause": "relocation", "address": ""},
        "地址没有填写", lambda session, row: row.data["changes"]["address"], "明水路 22 号",
        "/elevators/{e}/apply/registration_change", shown=("明水路 22 号",),
    ),
    "grade_certificate": Case(
        grade, {"grade": "technician", "certificate_no": "G-2", "issued_on": on(-30), "valid_until": on(500)},
        {"grade": "senior", "certificate_no": "", "issued_on": on(1), "valid_until": on(1)}, "不晚于发证日期",
        paper(GradeCertificate, "grade", "certificate_no", "issued_on", "valid_until"),
        ("technician", "G-2", on(-30), on(500)), "/people/{p}/certificate", "clerk", shown=('value="G-2"', on(500)),
    ),
    "declaration": Case(
        declaration, {"signed_on": on(-2), "valid_until": on(301), "note": "改签"},
        {"signed_on": on(2), "valid_until": on(1), "note": ""}, "不晚于签署日期",
        paper(Declaration, "signed_on", "valid_until", "note"), (on(-2), on(301), "改签"), "/people/{p}/declaration",
        "clerk", shown=(on(-2), on(301), "改签"),
    ),
    "commitment": Case(
        commitment, {"valid_from": on(1), "valid_until": on(120), "note": ""},
        {"valid_from": on(9), "valid_until": on(8), "note": ""}, "截止日不能早于起始日",
        paper(Commitment, "valid_from", "valid_until"), (on(1), on(120)), "/commitments/new", shown=(on(1), on(120)),
    ),
    "inspection_report": Case(
        report, {"number": "XSQ-2", "done_on": on(-8), "result": "passed", "tested_by": "恒枢检测"},
        {"number": "", "done_on": on(1), "result": "passed", "tested_by": "恒枢"}, "报告编号",
        paper(Inspection, "number", "number_key", "done_on", "tested_by"), ("XSQ-2", "XSQ-2", on(-8), "恒枢检测"),
        "/inspections/report", shown=('value="XSQ-2"', on(-8)),
    ),
    "unit_change by the old one": Case(
        change_by_old, {"new_unit": "{other}", "signed_on": on(-9)}, {"new_unit": "没有这家", "signed_on": on(-2)},
        "没有找到名称或统一社会信用代码为“没有这家”的单位", change, (on(-9), on(-2), True), "/unit-changes/new",
        shown=("{other}", on(-9)),
    ),
    "unit_change by the new one": Case(
        change_by_new, {"contract_id": "{contract}"}, {"contract_id": ""}, "没有选择新签订的维保合同",
        lambda session, row: session.scalars(select(UnitChange)).one().contract_id, "{contract}", "/unit-changes/new",
        "other_head", shown=('value="{contract}" selected',),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_was_filed_is_put_right_while_it_is_returned_and_applied_for_anew_after_that(
    app: Any, session: Any, world: World, sign_in: Any, case: Case
) -> None:
    client, officer = sign_in(world.accounts[case.persona]), world.actor("region_admin")
    done = case.file(world, client)
    assert done.status_code == 302, _main(done)
    row = only(session)
    contract = max((c.id for c in _contracts(session)), default=0)

    def told(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return int(value.format(contract=contract)) if value == "{contract}" else value.format(
            other=world.other_firm.name, contract=contract, e=world.own.id, p=world.worker.id
        )

    page = f"/applications/{row.id}"
    assert not any(f'name="{name}"' in client.get(page).text for name in case.right if name != "cause")
    decide(session, officer, row, "return", "请核对后改正", at=clock.now())
    shown = client.get(page).text
    assert all(f'name="{name}"' in shown for name in case.right) and "请核对后改正" in shown
    files = {f"keep_{key}": "on" for key in row.data["attachments"]}
    sent = {"effective_on": on(0), "reason": "已改", **files}
    refused = post(client, f"{page}/resubmit", **sent, **case.wrong)
    assert refused.status_code == 422 and case.finding in _main(refused), _main(refused)
    assert all(not value or html.escape(value) in refused.text for value in case.wrong.values()), "the input stays"
    assert only(session).state == "returned"
    title = row.title
    mended = post(client, f"{page}/resubmit", **sent, **{name: str(told(v)) for name, v in case.right.items()})
    assert mended.status_code == 302, _main(mended)
    row = only(session)
    assert row.state == "submitted" and len(row.data["attachments"]) == 1
    expected = tuple(told(v) for v in case.value) if isinstance(case.value, tuple) else told(case.value)
    assert case.stands(session, row) == expected
    if row.kind in ("grade_certificate", "declaration", "commitment", "inspection_report"):
        assert row.title != title, "what it is called says what is asked for now"
    logged = session.scalars(select(AuditEntry).where(AuditEntry.action == "application.edit")).one()
    assert logged.entity_id == row.id and logged.after["fields"]
    with app.test_request_context():
        words = {field: new for field, _old, new in Values().changes(logged)}
    assert set(words) == {"事项", "项目"} and not re.search("[a-z_]", words["项目"]), words
    decide(session, officer, row, "reject", "不予办理", at=clock.now())
    shown = html.unescape(client.get(page).text)
    way = told(case.again)
    assert "重新申请" in shown and f'href="{way}?' in shown
    address = shown.split(f'href="{way}?')[1].split('"')[0]
    form = " ".join(html.unescape(client.get(f"{way}?{address}").text).split())
    assert all(str(told(word)) in form for word in case.shown), case.shown
    stranger = sign_in(world.accounts["inspector"])
    assert "重新申请</a>" not in stranger.get(page).text


def _main(answer: Any) -> str:
    """The page without its frame, short enough to be read in a failure."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.unescape(answer.text.partition("<main")[2])))


def _contracts(session: Any) -> list[Any]:
    from app.models import Contract

    return list(session.scalars(select(Contract).execution_options(skip_scope=True)))


def test_a_contract_change_is_mended_on_top_of_the_contract_as_it_is_now(
    session: Any, world: World, sign_in: Any
) -> None:
    """It was returned because the contract had moved meanwhile: sending it back must be able to help that."""
    head, officer = world.actor("maintenance_head"), world.actor("region_admin")
    with transaction(session):
        asked = contract_changes.request(
            session, head, world.contract.id, {"ends_on": clock.today() - 30 * DAY}, "提前终止", clock.now()
        )
    client, page = sign_in(world.accounts["maintenance_head"]), f"/applications/{asked.id}"
    with transaction(fresh(session)):
        world.contract.note = "之后改过"
    decide(session, officer, asked, "return", "合同又改过", at=clock.now())
    days = {name: str(getattr(world.contract, name)) for name in ("signed_on", "starts_on")}
    assert 'name="ends_on"' in client.get(page).text
    refused = post(client, f"{page}/resubmit", reason="已核对", **days, ends_on="1999-01-01")
    assert refused.status_code == 422
    done = post(client, f"{page}/resubmit", reason="已核对", **days, ends_on=on(-20))
    assert done.status_code == 302, _main(done)
    row = only(session)
    assert (row.state, row.data["after"]["ends_on"], row.data["before"]["note"]) == ("submitted", on(-20), "之后改过")
    assert row.data["after"]["note"] == "之后改过", "what nobody asked for stays as it is by now"
    assert on(-20) in row.title
    told = sign_in(world.accounts["region_admin"]).get(page).text
    assert f"→ {on(-20)}" in told, "the officer reads what is asked for"
    decide(session, officer, row, "approve", at=clock.now())
    fresh(session)
    session.refresh(world.contract)
    assert (str(world.contract.ends_on), world.contract.note) == (on(-20), "之后改过")


def test_only_who_might_file_it_or_filed_it_puts_it_right(session: Any, world: World, sign_in: Any) -> None:
    """An account that may apply, but enters no people: it may answer the officer, and changes no certificate."""
    grade(world, sign_in(world.accounts["clerk"]))
    row = only(session)
    decide(session, world.actor("inspector"), row, "return", "请核对", at=clock.now())
    other = world.accounts["maintenance_head"].id
    reader = replace(world.actor("clerk"), user_id=other, withheld=frozenset({Verb.PERSON_EDIT}))
    again: dict[str, Any] = {
        "effective_on": None, "reason": "已核对", "attachments": row.data["attachments"], "at": clock.now(),
    }  # fmt: skip
    right: dict[str, Any] = {
        "grade": "senior", "certificate_no": "G-9", "issued_on": clock.today() - DAY,
        "valid_until": clock.today() + 400 * DAY,
    }  # fmt: skip
    with pytest.raises(NotAllowed), scope.acting(reader), transaction(session):
        applications.resubmit(session, reader, row.id, **again, mended=right)
    with scope.acting(reader), transaction(fresh(session)):
        applications.resubmit(session, reader, row.id, **again)
    assert only(session).state == "submitted"
    assert session.scalars(select(GradeCertificate.certificate_no)).one() == "G-1"
    decide(session, world.actor("inspector"), only(session), "return", "仍须核对", at=clock.now())
    with pytest.raises(NotAllowed), scope.acting(reader), transaction(fresh(session)):
        applications.resubmit(session, reader, row.id, **again, mended=right)


def test_a_field_that_was_asked_to_be_empty_stays_so(session: Any, world: World, sign_in: Any) -> None:
    with transaction(fresh(session)):
        world.own.estate = "旧小区"
    client = sign_in(world.accounts["maintenance_head"])
    asked = elevator_form("registration_change", cause="relocation", address="明水路 20 号", estate="")
    assert asked(world, client).status_code == 302
    row = only(session)
    assert row.data["changes"]["estate"] is None
    decide(session, world.actor("region_admin"), row, "return", "请核对", at=clock.now())
    assert "旧小区" not in client.get(f"/applications/{row.id}").text.partition('id="mend"')[2].partition("</form>")[0]


def test_what_is_not_returned_is_not_mended(session: Any, world: World, sign_in: Any) -> None:
    """Neither before nor after a decision, nor by anybody else."""
    client = sign_in(world.accounts["clerk"])
    grade(world, client)
    row = only(session)
    page = f"/applications/{row.id}"
    right = CASES["grade_certificate"].right
    for state in ("submitted", "approved"):
        answer = post(client, f"{page}/resubmit", reason="", **right, **{f"keep_{row.data['attachments'][0]}": "on"})
        assert answer.status_code in (409, 422) and "不能重新提交" in answer.text, state
        assert fresh(session).scalars(select(GradeCertificate)).one().certificate_no == "G-1"
        if state == "submitted":
            decide(session, world.actor("inspector"), only(session), "approve", at=clock.now())
    other = sign_in(world.accounts["other_head"])
    assert post(other, f"{page}/resubmit", **right).status_code == 404


def test_a_page_from_before_that_sends_no_parts_changes_none(session: Any, world: World, sign_in: Any) -> None:
    client = sign_in(world.accounts["clerk"])
    grade(world, client)
    row = only(session)
    decide(session, world.actor("inspector"), row, "return", "扫描件不清", at=clock.now())
    keep = {f"keep_{row.data['attachments'][0]}": "on"}
    assert post(client, f"/applications/{row.id}/resubmit", reason="重扫", **keep).status_code == 302
    assert fresh(session).scalars(select(GradeCertificate)).one().certificate_no == "G-1"


@pytest.mark.feature("ELV-08")
def test_a_correction_that_was_refused_leads_back_to_its_form(session: Any, world: World, sign_in: Any) -> None:
    head = sign_in(world.accounts["maintenance_head"])
    assert post(head, f"/m/correct/{world.own.code}", stops="12", reason="见铭牌").status_code == 302
    row = only(session)
    decide(session, world.actor("inspector"), row, "reject", "铭牌照片不清", at=clock.now())
    way = f"/m/correct/{world.own.code}?again={row.id}"
    page = head.get(f"/applications/{row.id}").text
    assert way in page and "铭牌照片不清" in page
    form = head.get(way).text
    assert 'name="stops" value="12"' in form and "见铭牌" in form
    assert "见铭牌" not in head.get(f"/m/correct/{world.own.code}").text


def test_what_stood_before_and_where_a_move_leads_was_not_filed(session: Any) -> None:
    """The log tells which parts of what was filed changed: these follow from the others."""
    data = {
        "cause": "relocation", "changes": {"region_id": 4, "address": "明水路 22 号"}, "to_region": "980403000000",
        "before": {"region_id": 3, "address": "明水路 20 号"}, "attachments": [7],
    }  # fmt: skip
    filed = filed_of(session, Application(kind="registration_change", data=data))
    assert filed == {"cause": "relocation", "region_id": 4, "address": "明水路 22 号"}


@pytest.mark.feature("LIF-06")
def test_a_number_is_masked_in_every_form_and_stays_where_it_comes_back_so(
    session: Any, world: World, sign_in: Any
) -> None:
    """Both of the register and of what was asked for; where two look alike the one that was asked for is meant."""
    stood, asked, shown = "13811110002", "13822220002", "138****0002"
    with transaction(session):
        world.own.safety_phone = stood
    client, officer = sign_in(world.accounts["use_head"]), world.actor("region_admin")
    form = f"/elevators/{world.own.id}/apply/registration_change"
    others = {"cause": "use_unit", "use_unit_id": world.other_use_unit.name, "effective_on": on(0), "reason": "转让"}

    def fills(address: str) -> None:
        page = client.get(address).text
        assert f'value="{shown}"' in page and stood not in page and asked not in page, address

    def kept() -> Any:
        return only(session).data["changes"].get("safety_phone")

    fills(f"{form}?cause=use_unit")
    refused = post(client, form, **others, safety_phone="138****0009", files=scan())
    assert refused.status_code == 422 and "138****0009" in refused.text, "what was never there is no number"
    assert post(client, form, **others, safety_phone=shown, files=scan()).status_code == 302
    row = only(session)
    page = f"/applications/{row.id}"
    assert kept() is None, "the register's own is no change"
    keep = {f"keep_{key}": "on" for key in row.data["attachments"]} | {"safety_officer": "苏见山"}
    for sent, stands in ((asked, asked), (shown, asked)):
        decide(session, officer, only(session), "return", "请核对", at=clock.now())
        fills(page)
        assert post(client, f"{page}/resubmit", **others, **keep, safety_phone=sent).status_code == 302
        assert kept() == stands
    decide(session, officer, only(session), "reject", "不予办理", at=clock.now())
    way = f"{form}?again={row.id}&cause=use_unit"
    fills(way)
    hidden = re.search(r'name="again" value="(\d+)"', client.get(way).text)
    assert hidden is not None
    again = post(client, form, **others, safety_phone=shown, again=hidden[1], files=scan())
    assert again.status_code == 302, _main(again)
    newest = fresh(session).scalars(select(Application).order_by(Application.id.desc())).first()
    assert newest.id != row.id and newest.data["changes"]["safety_phone"] == asked
    # Of an application that is not one's own nothing is taken.
    other = fresh(session).scalars(select(Application).where(Application.id == row.id)).one()
    other.unit_id = world.firm.id
    session.commit()
    client.post(f"/applications/{newest.id}/withdraw", data={"csrf_token": csrf(client)})
    assert post(client, form, **others, safety_phone=shown, again=row.id, files=scan()).status_code == 302
    last = fresh(session).scalars(select(Application).order_by(Application.id.desc())).first()
    assert "safety_phone" not in last.data["changes"], "that of the register"
