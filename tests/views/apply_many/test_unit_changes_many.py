"""维保单位变更 of a whole estate: the same firm, contract and day for every elevator, by list or by codes."""

from __future__ import annotations

import datetime as dt
import io
import re
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import Application, ContractElevator, Elevator, Job, Notification, UnitChange
from app.transaction import transaction
from app.workflows.approval import effects
from app.workflows.desk import apply_many
from tests.conftest import csrf
from tests.factories import World, make_contract, make_elevator
from tests.journeys.steps import BLANK_PDF
from tests.views.apply_many.ground import DAY, FEW, PLACE, check_of, checked, confirm, made
from tests.views.decide_many.ground import post, sheet, ticks
from tests.views.test_imports import work

pytestmark = pytest.mark.feature("LIF-05")
MANY = "/unit-changes/many"


def codes_of(rows: list[Elevator]) -> str:
    return "\r\n".join(row.code for row in rows)


def send(client: Any, codes: str, **data: Any) -> Any:
    form: dict[str, Any] = {"codes": codes, "csrf_token": csrf(client)}
    if data:
        form |= {"effective_on": clock.today().isoformat(), "reason": "中标接手整个小区"} | data
    return client.post(MANY, data=form, content_type="multipart/form-data")


def paper() -> tuple[io.BytesIO, str]:
    return io.BytesIO(BLANK_PDF), "维保合同.pdf"


def applied(app: Any, session: Any, client: Any, check: Job) -> Job:
    job = confirm(session, client, check)
    work(app, session)
    session.expire_all()
    return job


def told(session: Any, account: Any, topic: str) -> list[str]:
    statement = select(Notification.title).where(
        Notification.recipient_id == account.id, Notification.topic == topic
    ).order_by(Notification.id)  # fmt: skip
    return list(session.scalars(statement))


def test_a_new_firm_takes_an_estate_over_by_its_codes(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    """It sees none of them: what it reads is what it typed; who else has them is told once, and so is the officer."""
    contract = make_contract(session, world.other_firm, [], clock.today())
    secret = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit, is_secret=True)
    # Numbers of rows that sessions are done with.
    session.commit()
    taker = sign_in(world.accounts["other_head"])
    typed = f"{codes_of(chosen)}，NOSUCH99;{secret.code}　{chosen[0].code}"
    page = send(taker, typed)
    assert page.status_code == 200 and contract.number in page.text and "新维保单位" in page.text
    assert "2 个编号没有找到" in page.text and "NOSUCH99" in page.text, "a 涉密 one is as if it were none"
    assert "揽月街" not in page.text and world.firm.name not in page.text

    refused = send(taker, typed, contract_id="")
    assert refused.status_code == 422 and "没有选择新签订的维保合同" in refused.text and "没有上传材料" in refused.text
    check = check_of(app, session, send(taker, typed, contract_id=contract.id, files=paper()))
    assert (check.result["can"], check.result["refused"], check.params["missing"]) == (
        FEW + 1, 0, ["NOSUCH99", secret.code]
    )  # fmt: skip
    page = taker.get(f"/applications/many/checked/{check.id}").text
    assert contract.number in page and world.other_firm.name in page and "NOSUCH99" in page
    _head, *lines = sheet(taker, check)
    assert {line[0] for line in lines} == {row.code for row in chosen} and not any(line[1] for line in lines)
    assert made(session) == []

    job = applied(app, session, taker, check)
    rows = made(session)
    assert {(row.kind, row.state, row.batch, row.unit_id) for row in rows} == {
        ("unit_change", "submitted", job.id, world.other_firm.id)
    }
    assert {row.elevator_id for row in rows} == {row.id for row in chosen}
    assert len({key for row in rows for key in row.data["attachments"]}) == FEW + 1, "papers of its own for each"
    changes = session.scalars(select(UnitChange).execution_options(skip_scope=True)).all()
    assert {(one.contract_id, one.new_unit_id, one.old_unit_id, one.late) for one in changes} == {
        (contract.id, world.other_firm.id, world.firm.id, False)
    }
    said = [f"已提交：{world.other_firm.name} 批量申请维保单位变更"]
    assert told(session, world.accounts["maintenance_head"], "party") == said
    assert told(session, world.accounts["use_head"], "party") == said
    assert told(session, world.accounts["inspector"], "approval") == [
        f"待审批：{world.other_firm.name} 批量申请维保单位变更"
    ]
    assert taker.get(f"/applications/?f_batch={job.id}").status_code == 200

    officer = sign_in(world.accounts["inspector"])
    post(officer, {"verb": "approve", "sure": "1", "chosen": ticks(*rows)})
    session.expire_all()
    assert {row.state for row in made(session)} == {"approved"}
    assert {row.maintenance_unit_id for row in chosen} == {world.other_firm.id}
    bound = session.scalars(select(ContractElevator.elevator_id).where(ContractElevator.contract_id == contract.id))
    assert set(bound) == {row.id for row in chosen}
    for who in ("maintenance_head", "use_head"):
        after = told(session, world.accounts[who], "party")
        assert len(after) == 2, f"one message says what became of all of them: {after}"


def test_the_old_firm_hands_an_estate_over_from_its_list(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    kinds = client.get(f"/applications/many?{PLACE}").text
    assert f"/applications/many/unit_change?{PLACE}" in kinds
    form = client.get(f"/applications/many/unit_change?{PLACE}").text
    assert "原维保单位" in form and "新合同签订日期" in form and "到期的维保合同" in form
    today = clock.today().isoformat()
    said = {"new_unit": world.other_firm.name, "signed_on": today}
    # What is wrong for all is told at once, and nothing is looked at.
    wrong = client.post(
        f"/applications/many/unit_change?{PLACE}",
        data={"effective_on": today, "reason": "", "new_unit": "没有这家单位", "signed_on": "昨天",
              "csrf_token": csrf(client)},
    )  # fmt: skip
    assert wrong.status_code == 422 and "没有找到名称或统一社会信用代码为“没有这家单位”的单位" in wrong.text
    assert "“昨天”不是日期" in wrong.text and "没有填写原因" in wrong.text and "没有上传材料" in wrong.text

    check = checked(app, session, client, kind="unit_change", files=paper(), **said)
    assert (check.result["can"], check.result["refused"]) == (FEW + 1, 0), check.result["why"]
    page = client.get(f"/applications/many/checked/{check.id}").text
    assert world.other_firm.name in page and "申请期限" not in page
    job = applied(app, session, client, check)
    rows = made(session)
    assert {(row.kind, row.batch, row.data["side"], row.data["new_unit_id"]) for row in rows} == {
        ("unit_change", job.id, "old", world.other_firm.id)
    }
    # The taker reads them without having seen the elevators.
    taker = sign_in(world.accounts["other_head"])
    assert taker.get(f"/applications/?f_batch={job.id}").text.count(rows[0].number) > 0


def test_of_one_that_stands_on_another_side_only_that_one_is_refused(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    """A firm that takes over five, one of which it serves already: its form is for the side of most."""
    contract = make_contract(session, world.other_firm, [], clock.today())
    own = make_elevator(session, maintenance_unit=world.other_firm, use_unit=world.use_unit)
    session.commit()
    taker = sign_in(world.accounts["other_head"])
    typed = codes_of([own, *chosen])
    assert "这次按新维保单位申请" in send(taker, typed).text
    check = check_of(app, session, send(taker, typed, contract_id=contract.id, files=paper()))
    assert (check.result["can"], check.result["refused"]) == (FEW + 1, 1)
    ((rule, *_rest),) = [one for one in check.result["why"] if "申请单位" in str(one[0])]
    assert rule and f"/elevators/{own.id}" in str(check.result["why"])


def test_a_taker_does_not_read_when_rivals_contracts_end(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    """One by one that tells a party what to settle first; of a thousand codes it would be a list of customers."""
    make_contract(session, world.firm, chosen, clock.today())
    contract = make_contract(session, world.other_firm, [], clock.today())
    session.commit()
    taker = sign_in(world.accounts["other_head"])
    check = check_of(app, session, send(taker, codes_of(chosen), contract_id=contract.id, files=paper()))
    assert check.result["can"] == FEW + 1 and "原维保单位的合同到" not in str(check.result)
    seller = sign_in(world.accounts["maintenance_head"])
    said = {"new_unit": world.other_firm.uscc, "signed_on": clock.today().isoformat()}
    check = checked(app, session, seller, kind="unit_change", files=paper(), **said)
    assert "原维保单位的合同到" in str(check.result["warn"]), "of its own it does"


def test_another_firms_contract_is_none(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    foreign = make_contract(session, world.firm, [], clock.today())
    session.commit()
    taker = sign_in(world.accounts["other_head"])
    answer = send(taker, codes_of(chosen), contract_id=foreign.id, files=paper())
    assert answer.status_code == 422 and foreign.number not in answer.text
    assert session.scalar(select(Job.id).where(Job.kind == "apply_check")) is None


@pytest.mark.parametrize(("n", "ok"), [(apply_many.MOST_CODES, True), (apply_many.MOST_CODES + 1, False)])
def test_so_many_codes_at_once(session: Any, world: World, sign_in: Any, n: int, ok: bool) -> None:
    taker = sign_in(world.accounts["other_head"])
    typed = "\n".join([world.own.code, *(f"NOSUCH{k}" for k in range(n - 1))])
    answer = send(taker, typed)
    assert (answer.status_code == 200) is ok and ("一次最多 1,000 个" in answer.text or ok)


def test_nothing_that_is_no_code_is_looked_for(session: Any, world: World, sign_in: Any) -> None:
    taker = sign_in(world.accounts["other_head"])
    for typed in ("", " \n ,，", "NOSUCH99"):
        assert send(taker, typed).status_code == 422
    assert sign_in(world.accounts["inspector"]).get(MANY).status_code in (302, 403)


def test_a_batch_that_came_back_is_put_right_with_another_contract(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    """整批补正 asks for what the side asked for, and whether it was in time stays that of the first submission."""
    first = make_contract(session, world.other_firm, [], clock.today())
    second = make_contract(session, world.other_firm, [], clock.today(), signed_on=clock.today() - 3 * DAY)
    session.commit()
    taker = sign_in(world.accounts["other_head"])
    check = check_of(app, session, send(taker, codes_of(chosen), contract_id=first.id, files=paper()))
    job = applied(app, session, taker, check)
    officer = sign_in(world.accounts["inspector"])
    rows = made(session)
    post(officer, {"verb": "return", "opinion": "请附盖章的合同", "sure": "1", "chosen": ticks(*rows)})
    assert {row.state for row in made(session)} == {"returned"}
    page = taker.get(f"/applications/batch/{job.id}/mend").text
    assert first.number in page and second.number in page and "请附盖章的合同" in page
    form = {
        "seen": re.findall(r'name="seen" value="(\w{64})"', page)[0], "effective_on": clock.today().isoformat(),
        "reason": "附上盖章的合同", "contract_id": second.id, "keep": re.findall(r'name="keep" value="(\w{64})"', page),
        "csrf_token": csrf(taker),
    }  # fmt: skip
    answer = taker.post(f"/applications/batch/{job.id}/mend", data=form, content_type="multipart/form-data")
    assert answer.status_code == 302, re.sub(r"<[^>]+>", "", answer.text)
    work(app, session)
    session.expire_all()
    mended = session.scalar(select(Job).where(Job.kind == "mend"))
    assert mended.result["mended"] == FEW + 1, mended.result
    assert {(row.state, row.data["contract_id"], row.reason) for row in made(session)} == {
        ("submitted", second.id, "附上盖章的合同")
    }
    changes = session.scalars(select(UnitChange).execution_options(skip_scope=True)).all()
    assert {(one.contract_id, one.signed_on) for one in changes} == {(second.id, clock.today() - 3 * DAY)}


def test_one_goes_back_from_a_check_to_what_was_typed(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    contract = make_contract(session, world.other_firm, [], clock.today())
    session.commit()
    taker = sign_in(world.accounts["other_head"])
    typed = f"{codes_of(chosen)}\nNOSUCH99"
    check = check_of(app, session, send(taker, typed, contract_id=contract.id, files=paper()))
    page = taker.get(f"/applications/many/checked/{check.id}").text
    back = f"{MANY}?check={check.id}"
    assert f'href="{back}"' in page
    form = taker.get(back).text
    assert all(row.code in form for row in chosen) and "NOSUCH99" in form and "中标接手整个小区" in form
    assert f'<option value="{contract.id}" selected' in re.sub(r"\s+", " ", form)
    # Another account reads nothing of it.
    assert chosen[0].code not in sign_in(world.accounts["maintenance_head"]).get(back).text


def test_what_takes_effect_on_a_later_day_is_told_once(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    contract = make_contract(session, world.other_firm, [], clock.today())
    session.commit()
    taker, later = sign_in(world.accounts["other_head"]), clock.today() + 2 * DAY
    check = check_of(
        app, session,
        send(taker, codes_of(chosen), contract_id=contract.id, files=paper(), effective_on=later.isoformat()),
    )  # fmt: skip
    applied(app, session, taker, check)
    post(sign_in(world.accounts["inspector"]), {"verb": "approve", "sure": "1", "chosen": ticks(*made(session))})
    session.rollback()
    assert {row.maintenance_unit_id for row in chosen} == {world.firm.id}
    assert told(session, world.accounts["use_head"], "party")[1:] == [f"同意：维保单位变更 {FEW + 1} 件"]
    session.rollback()
    with transaction(session):
        done = effects.take_effect_due(session, later, clock.now() + dt.timedelta(days=2))
    assert done == FEW + 1
    session.expire_all()
    assert {row.maintenance_unit_id for row in chosen} == {world.other_firm.id}
    (after,) = told(session, world.accounts["use_head"], "party")[2:]
    assert after == f"已生效：{world.other_firm.name} 批量申请维保单位变更"
    assert {row.took_effect_at is not None for row in session.scalars(select(Application))} == {True}
