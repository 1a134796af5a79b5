"""Pages of commitment letters, insurance records, their comparison, and of notices: by the test client."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest

from app import channels, clock
from app.models import Commitment, InsuranceMonth, InsuranceRecord, InsuredPerson, NoticeChoice, Notification
from app.transaction import transaction
from app.workflows.core import outbox
from app.workflows.papers import insurance, insurance_gaps
from tests.factories import World, make_person, picture
from tests.workflows.test_insurance import id_number

PDF = b"%PDF-1.7"


def fresh(world: World) -> Any:
    world.session.rollback()
    world.session.expire_all()
    return world.session


def ahead(client: Any, kind: str, content: bytes = PDF, name: str = "盖章 扫描.pdf") -> int:
    return int(client.send("/files/", kind=kind, file=(io.BytesIO(content), name)).get_json()["id"])


@pytest.mark.feature("UNT-08")
def test_a_letter_by_files_sent_ahead(browse: Any, world: World) -> None:
    client, year = browse("clerk"), clock.today().year
    scan, photo = ahead(client, "commitment"), ahead(client, "photo", picture(), "门头.png")
    days = {"valid_from": f"{year}-01-01", "valid_until": f"{year}-12-31"}
    bad = client.send("/commitments/new", valid_from="", valid_until="x", scan_ids=scan)
    page = bad.get_data(as_text=True)
    assert bad.status_code == 422 and "不是日期" in page
    assert f'name="scan_ids" value="{scan}"' in page and "盖章 扫描.pdf" in page, "what was sent ahead is kept"
    done = client.send("/commitments/new", **days, scan_ids=scan, picture_ids=photo, note="本年度")
    assert done.status_code == 302
    row = fresh(world).query(Commitment).one()
    page = client.get(f"/commitments/{row.id}").get_data(as_text=True)
    assert "盖章 扫描.pdf" in page and f"/files/{photo}?thumb=1" in page and "本年度" in page
    seen = browse("inspector").get(f"/commitments/{row.id}").get_data(as_text=True)
    assert "盖章 扫描.pdf" in seen
    assert browse("inspector").get(f"/files/{scan}").status_code == 200
    assert browse("other_inspector").get(f"/commitments/{row.id}").status_code == 404
    assert browse("other_inspector").get(f"/files/{scan}").status_code == 404


@pytest.mark.feature("UNT-08")
def test_a_letter_without_script_and_the_form_to_stamp(browse: Any, world: World) -> None:
    client, year = browse("maintenance_head"), clock.today().year
    days = {"valid_from": f"{year}-01-01", "valid_until": f"{year}-12-31"}
    wrong = client.send("/commitments/new", **days, scan=(io.BytesIO(b"<html>"), "假.pdf"))
    assert wrong.status_code == 422 and "“假.pdf”" in wrong.get_data(as_text=True)
    assert client.send("/commitments/new", **days, scan=(io.BytesIO(PDF), "承诺.pdf")).status_code == 302
    form = client.get("/commitments/form?page=1").get_data(as_text=True)
    assert world.firm.name in form and world.firm.uscc in form
    assert client.get("/commitments/").status_code == 200
    assert browse("use_head").get("/commitments/").status_code in (302, 403)


@pytest.mark.feature("UNT-09")
def test_a_record_from_form_to_comparison(browse: Any, world: World) -> None:
    client = browse("clerk")
    month = f"{clock.today() - dt.timedelta(days=40):%Y-%m}"
    data = {
        "payer": "澜州人力代理有限公司", "from_on": month, "to_on": month,
        "line_name": ["王砚秋", ""], "line_id": [id_number(1), ""], "line_phone": ["13700000001", ""],
    }  # fmt: skip
    wrong = client.send("/insurance/new", **data | {"line_id": ["12", ""], "from_on": "2026-13"})
    assert wrong.status_code == 422 and "不是月份" in wrong.get_data(as_text=True)
    more = client.send("/insurance/new", **data, more="1").get_data(as_text=True)
    assert more.count('name="line_name"') == 11 and "王砚秋" in more
    kept = client.send("/insurance/new", **data, voucher_ids=ahead(client, "insurance"))
    row = fresh(world).query(InsuranceRecord).one()
    assert kept.headers["Location"].endswith(f"/insurance/{row.id}")
    page = client.get(f"/insurance/{row.id}").get_data(as_text=True)
    assert id_number(1) not in page and f"{id_number(1)[:3]}***********{id_number(1)[-4:]}" in page
    assert client.send(f"/insurance/{row.id}/file").status_code == 302
    compared = fresh(world).query(InsuranceMonth).one()
    page = client.get(f"/insurance/compare/{compared.id}").get_data(as_text=True)
    assert "澜州人力代理有限公司" in page
    assert client.send(f"/insurance/compare/{compared.id}/again").status_code == 302
    for path in ("/insurance/", "/insurance/compare/?tab=all", "/insurance/gaps/?tab=all"):
        assert client.get(path).status_code == 200
    looked = browse("inspector").send(f"/insurance/{row.id}/reveal")
    assert id_number(1) in looked.get_data(as_text=True)
    assert client.send(f"/insurance/{row.id}/reveal").status_code == 403
    assert client.send(f"/insurance/{row.id}/edit", **data).status_code == 409
    assert client.send(f"/insurance/{row.id}/withdraw", reason="月份报错").status_code == 302
    assert fresh(world).get(InsuranceRecord, row.id).withdrawn_note == "月份报错"


@pytest.mark.feature("UNT-09")
def test_a_month_begins_with_the_people_of_the_one_before(browse: Any, world: World) -> None:
    session, client = world.session, browse("maintenance_head")
    assert 'name="bring"' not in client.get("/insurance/new").get_data(as_text=True), "nobody is known yet"
    months = [f"{clock.today() - dt.timedelta(days=days):%Y-%m}" for days in (75, 40)]
    first = {
        "payer": "澜州人力代理有限公司", "from_on": months[0], "to_on": months[0],
        "line_name": ["王砚秋", "李月白"], "line_id": [id_number(1), id_number(2)],
        "line_phone": ["13700000001", ""],
    }  # fmt: skip
    assert client.send("/insurance/new", **first).status_code == 302
    fresh(world)
    world.worker.resident_id, world.worker.hired_on = id_number(3), dt.date(2020, 1, 1)
    gone = make_person(session, world.firm, resident_id=id_number(4), hired_on=dt.date(2020, 1, 1))
    gone.left_on = dt.date(2021, 1, 1)
    make_person(session, world.other_firm, resident_id=id_number(5), hired_on=dt.date(2020, 1, 1))
    session.commit()
    page = client.get("/insurance/new").get_data(as_text=True)
    assert "开始月份以前最近一份明细的人员" in page and "起止月份内在职、登记了身份证号的人员" in page
    assert id_number(1) not in page, "numbers stay masked"

    def people_of(location: str) -> list[tuple[str, str]]:
        key = int(location.rsplit("/", 1)[1])
        held = fresh(world).query(InsuredPerson).filter_by(record_id=key).order_by(InsuredPerson.id)
        return [(one.name, one.id_number) for one in held]

    second = first | {"from_on": months[1], "to_on": months[1], "line_name": ["王砚秋"], "line_id": [id_number(1)]}
    made = client.send("/insurance/new", **second | {"line_phone": [""], "bring": "last"})
    assert people_of(made.headers["Location"]) == [("王砚秋", id_number(1)), ("李月白", id_number(2))], "each once"
    edit = made.headers["Location"] + "/edit"
    none = {"line_name": [""], "line_id": [""], "line_phone": [""]}
    assert client.send(edit, **second | none | {"bring": "people"}).status_code == 302
    assert people_of(made.headers["Location"])[2:] == [(world.worker.name, id_number(3))], "not who left, no stranger"
    assert client.send(edit, **second | none | {"bring": "people"}).status_code == 302
    assert len(people_of(made.headers["Location"])) == 3
    assert client.send(edit, **second | none | {"bring": "x"}).status_code == 302
    assert len(people_of(made.headers["Location"])) == 3

    # Filed late, a month does not get the people of a later one; nor is nobody brought without a word.
    late = first | none | {"from_on": "2023-03", "to_on": "2023-03", "payer": "澜州宏达人力资源有限公司"}
    refused = client.send("/insurance/new", **late | {"bring": "last"})
    assert refused.status_code == 422 and "开始月份以前没有缴交明细" in refused.get_data(as_text=True)
    old = first | {"from_on": "2023-01", "to_on": "2023-02", "line_id": [id_number(7), id_number(8)]}
    assert client.send("/insurance/new", **old).status_code == 302
    made = client.send("/insurance/new", **late | {"bring": "last"})
    assert [number for _name, number in people_of(made.headers["Location"])] == [id_number(7), id_number(8)]
    world.worker.hired_on = dt.date(2024, 1, 1)
    session.commit()
    refused = client.send("/insurance/new", **late | {"bring": "people"})
    assert refused.status_code == 422 and "起止月份内没有登记了身份证号" in refused.get_data(as_text=True)


@pytest.mark.feature("UNT-09")
def test_people_beyond_what_a_record_holds_are_not_left_out_in_silence(
    browse: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in (3, 4):
        make_person(world.session, world.firm, resident_id=id_number(n), hired_on=dt.date(2020, 1, 1))
    world.session.commit()
    client = browse("maintenance_head")
    month = f"{clock.today() - dt.timedelta(days=40):%Y-%m}"
    monkeypatch.setattr(insurance, "MOST_PEOPLE", 2)
    sent = {
        "payer": "澜州人力代理有限公司", "from_on": month, "to_on": month, "line_name": ["王砚秋"],
        "line_id": [id_number(1)], "line_phone": [""], "bring": "people",
    }  # fmt: skip
    refused = client.send("/insurance/new", **sent)
    text = refused.get_data(as_text=True)
    assert refused.status_code == 422 and "3 人" in text and "一份最多 2 人" in text
    assert fresh(world).query(InsuranceRecord).count() == 0
    monkeypatch.setattr(insurance, "MOST_PEOPLE", 3)
    assert client.send("/insurance/new", **sent).status_code == 302


@pytest.mark.feature("UNT-09")
def test_the_form_reads_nobodys_number(browse: Any, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    make_person(world.session, world.firm, resident_id=id_number(3), hired_on=dt.date(2020, 1, 1))
    world.session.commit()
    client = browse("maintenance_head")
    monkeypatch.setattr(insurance, "brought", None)
    assert 'value="people"' in client.get("/insurance/new").get_data(as_text=True)


@pytest.mark.feature("UNT-09")
def test_gaps_are_warned_of_and_exported(browse: Any, world: World) -> None:
    today = clock.today()
    month = (today.replace(day=1) - dt.timedelta(days=1)).replace(day=1)
    world.worker.created_at = dt.datetime(2020, 1, 1, tzinfo=clock.SHANGHAI)
    world.session.commit()
    with transaction(world.session) as session:
        insurance_gaps.refresh(session, world.firm.id, month, clock.now())
    client = browse("inspector")
    assert "医社保缺口" in client.get("/warnings/maintenance/").get_data(as_text=True)
    book = client.send("/exports/insurance_gaps", query="tab=uninsured", format="csv").get_data().decode("utf-8-sig")
    assert world.worker.name in book and "已备案未参保" in book
    assert world.worker.phone not in book, "phones leave masked"
    assert "医社保缺口" not in browse("other_inspector").get("/warnings/maintenance/").get_data(as_text=True)


@pytest.fixture
def offered() -> Any:
    channels.install({"SMTP_URL": "smtp://127.0.0.1:1", "WEBHOOKS": True, "WEBHOOK_ALLOWED": "127.0.0.1"})
    yield
    channels.install({})


@pytest.mark.feature("NTF-01")
def test_ones_own_channels(browse: Any, world: World, offered: Any) -> None:
    client = browse("clerk")
    page = client.get("/notices/").get_data(as_text=True)
    assert "总是" in page and "没有收到？" in page and "应急角色" in page
    bad = client.send("/notices/", quiet_from="25:00", quiet_until="07:00")
    assert bad.status_code == 422 and "不是时间" in bad.get_data(as_text=True)
    assert client.send("/notices/", **{"approval.email": "1", "job.nothing": "1", "quiet_from": "22:00",
                                       "quiet_until": "07:00"}).status_code == 302  # fmt: skip
    kept = fresh(world).query(NoticeChoice).one()
    assert kept.channels["approval"] == ["email"] and kept.channels["job"] == []
    assert (kept.quiet_from, kept.quiet_until) == (22 * 60, 7 * 60)
    refused = client.send("/notices/webhook", webhook="https://localhost/x")
    assert refused.status_code == 422 and "内部或保留" in refused.get_data(as_text=True)
    shown = client.send("/notices/webhook", webhook="http://127.0.0.1:1/hook?key=inner")
    assert "签名密钥" in shown.get_data(as_text=True) and "no-store" in shown.headers["Cache-Control"]
    page = client.get("/notices/").get_data(as_text=True)
    assert "签名密钥" not in page and "inner" not in page
    assert client.send("/notices/try").status_code == 302
    assert fresh(world).query(Notification).filter_by(channel="webhook").count() == 1
    assert client.send("/notices/webhook", off="1").status_code == 302


@pytest.mark.feature("NTF-01")
def test_words_and_log_are_the_administrators(browse: Any, world: World) -> None:
    with transaction(world.session) as session:
        notice = outbox.send_to(
            session, clock.now(), world.accounts["clerk"].id, "sms", "13900000001", "test", "内容", title="试"
        )
        notice.state, notice.error = "failed", "HTTP 500"
    client = browse("platform_admin")
    page = client.get("/notices/log?state=failed").get_data(as_text=True)
    assert "HTTP 500" in page and "139****0001" in page and "13900000001" not in page
    assert client.send("/notices/log/retry", notice=notice.id).status_code == 302
    assert fresh(world).get(Notification, notice.id).state == "queued"
    words = {"channel": "sms", "group": "approval", "title": "{标题}", "body": "请审：{标题}"}
    look = client.send("/notices/templates", **words, look="1")
    assert "请审：待审批" in look.get_data(as_text=True)
    wrong = client.send("/notices/templates", channel="sms", group="approval", title="{标题}", body="{x}")
    assert wrong.status_code == 422 and "不是占位符" in wrong.get_data(as_text=True)
    done = client.send("/notices/templates", **words)
    assert done.status_code == 302
    for path in ("/notices/log", "/notices/templates"):
        assert browse("region_admin").get(path).status_code in (302, 403)


@pytest.mark.feature("UNT-09", "IMP-02")
def test_the_people_of_all_records_are_a_list_with_masked_numbers(browse: Any, world: World) -> None:
    number = id_number(1)
    with transaction(world.session) as session:
        insurance.save(
            session, world.actor("clerk"), None, "甲", dt.date(2026, 1, 1), dt.date(2026, 1, 1), "",
            [insurance.Line("王砚秋", number, "13800000001")], clock.now(),
        )  # fmt: skip
    page = browse("clerk").get("/insurance/people/").get_data(as_text=True)
    assert "王砚秋" in page and f"{number[:3]}{'*' * 11}{number[-4:]}" in page and "138****0001" in page
    assert number not in page and "13800000001" not in page
    assert "2026-01-01" in page and "2026-01-31" in page, "days, as the template has them"
    assert "/imports/?kind=insurance" in page and "选“更新导入”传回" in page
    assert "王砚秋" not in browse("clerk").get("/insurance/people/?tab=filed").get_data(as_text=True)
    for query, there in (("f_month_from=2026-02-01", False), ("f_month_to=2026-01-15", True), ("f_payer=乙", False)):
        seen = browse("clerk").get(f"/insurance/people/?{query}").get_data(as_text=True)
        assert ("王砚秋" in seen) is there, query
    other = browse("other_inspector").get("/insurance/people/?tab=all").get_data(as_text=True)
    assert "王砚秋" not in other and "选“更新导入”传回" not in other
