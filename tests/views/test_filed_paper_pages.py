"""Scans of a unit's licences in its filing (UNT-02, UNT-04, UNT-05): form, decision with old beside new, policy."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from sqlalchemy import select

from app.models import Application, Attachment, AuditEntry, Elevator, Region, Unit
from app.permissions import Role
from tests.factories import World, make_account, make_policy, picture
from tests.pages import flat
from tests.workflows.filing_world import elevator_data, fresh, save, submit, unit_data

pytestmark = pytest.mark.feature("UNT-02", "UNT-04", "UNT-05")
PDF = b"%PDF-1.7"


def form_of(client: Any, unit: Unit) -> dict[str, Any]:
    """What the form of a unit sends when nothing is touched."""
    page = client.get(f"/units/{unit.id}/edit").text
    kept = re.findall(r'name="paper_keep" value="(\d+)" checked', page)
    return {
        "row_version": re.search(r'name="row_version" value="(\d+)"', page)[1],  # type: ignore[index]
        "_papers": "1", "paper_keep": kept,
    }  # fmt: skip


def change(client: Any, unit: Unit, **more: Any) -> Any:
    return client.send(f"/units/{unit.id}/edit", **(form_of(client, unit) | {"then": "save"} | more))


def papers(world: World) -> dict[str, Attachment]:
    fresh(world.session)
    return {row.name: row for row in world.session.scalars(select(Attachment).order_by(Attachment.id))}


def waiting(world: World) -> Application:
    fresh(world.session)
    found = select(Application).where(Application.is_open.is_(True), Application.kind == "unit_filing")
    return world.session.scalars(found).one()  # type: ignore[no-any-return]


def decided(officer: Any, world: World, verb: str, **more: Any) -> Any:
    row = waiting(world)
    seen = {"seen_version": row.row_version, "verb": verb, "opinion": more.pop("opinion", "")}
    return officer.send(f"/applications/{row.id}/decision", **(seen | more))


def whole(client: Any, world: World, unit: Unit) -> None:
    """The unit's filing passes every check but those of scans."""
    sent = {"licence_no": "TS3344A12", "licence_grade": "B", "licence_until": "2098-01-01", "address": "明水路 8 号",
            "head_name": "陆闻笙", "head_phone": "13900000008"}  # fmt: skip
    assert change(client, unit, **sent).status_code == 302


def test_a_scan_waits_for_the_officer_and_is_in_force_when_he_agrees(browse: Any, world: World) -> None:
    head, officer, firm = browse("maintenance_head"), browse("inspector"), world.firm
    whole(head, world, firm)
    old = [(io.BytesIO(picture()), "旧执照.png")]
    assert change(head, firm, paper_licence=old, then="submit").status_code == 302
    assert papers(world)["旧执照.png"].waits == "new"
    page = officer.get(f"/applications/{waiting(world).id}").text
    key = papers(world)["旧执照.png"].id
    assert "证照扫描件" in page and f'src="/files/{key}?thumb=1"' in page and 'name="wrong_paper_licence"' in page
    assert officer.get(f"/files/{key}?thumb=1").status_code == 200
    assert decided(officer, world, "approve").status_code == 302
    assert papers(world)["旧执照.png"].waits is None

    # Replaced: the old one stays in force until the officer agrees, and stands beside the new one.
    new = {"paper_licence": [(io.BytesIO(PDF), "新执照.pdf")], "paper_keep": [], "then": "submit"}
    assert change(head, firm, **new).status_code == 302
    held = papers(world)
    assert (held["旧执照.png"].waits, held["新执照.pdf"].waits) == ("gone", "new")
    fresh(world.session)
    assert firm.approved_version and firm.filing_state == "pending"
    application = waiting(world)
    page = officer.get(f"/applications/{application.id}").text
    part = page[page.index("证照扫描件") :]
    assert part.index("旧执照.png") < part.index("新执照.pdf") and "现行" in part and "申请" in part
    assert decided(officer, world, "approve").status_code == 302
    held = papers(world)
    # What was replaced stays with the application that replaced it; whoever reads that opens it.
    assert (held["旧执照.png"].entity, held["旧执照.png"].entity_id) == ("application", application.id)
    assert (held["新执照.pdf"].entity, held["新执照.pdf"].waits) == ("unit", None)
    for client in (head, officer):
        assert client.get(f"/files/{held['旧执照.png'].id}").status_code == 200
        assert "旧执照.png" in client.get(f"/applications/{application.id}").text
        assert "旧执照.png" not in client.get(f"/attached/unit/{firm.id}").text
    for persona in ("use_head", "other_head", "other_inspector"):
        assert browse(persona).get(f"/files/{held['新执照.pdf'].id}").status_code == 404


def test_while_it_is_looked_at_no_scan_moves(browse: Any, world: World) -> None:
    head, firm = browse("maintenance_head"), world.firm
    whole(head, world, firm)
    sent = change(head, firm, paper_licence=[(io.BytesIO(PDF), "执照.pdf")], then="submit")
    assert sent.status_code == 302
    key = papers(world)["执照.pdf"].id
    late = head.send(f"/attached/unit/{firm.id}", kind="licence", files=[(io.BytesIO(PDF), "另一份.pdf")])
    assert late.status_code == 422 and "审核中不能修改" in late.text
    head.send(f"/attached/unit/{firm.id}/remove", attachment=key)
    held = papers(world)
    assert held["执照.pdf"].removed_at is None and "另一份.pdf" not in held
    # Other papers are the unit's own affair at any time.
    own = head.send(f"/attached/unit/{firm.id}", kind="document", files=[(io.BytesIO(PDF), "说明.pdf")])
    assert own.status_code == 302 and papers(world)["说明.pdf"].waits is None


def test_what_was_turned_down_opens_though_the_unit_took_it_off(browse: Any, world: World) -> None:
    head, officer, firm = browse("maintenance_head"), browse("inspector"), world.firm
    whole(head, world, firm)
    sent = change(head, firm, paper_licence=[(io.BytesIO(PDF), "执照.pdf")], then="submit")
    assert sent.status_code == 302
    key, number = papers(world)["执照.pdf"].id, waiting(world).id
    assert decided(officer, world, "reject", opinion="扫描件不清晰").status_code == 302
    head.send(f"/attached/unit/{firm.id}/remove", attachment=key)
    assert papers(world)["执照.pdf"].removed_at is not None
    for client in (head, officer):
        assert f'href="/files/{key}"' in client.get(f"/applications/{number}").text
        assert client.get(f"/files/{key}").status_code == 200
    for persona in ("use_head", "other_head", "other_inspector"):
        assert browse(persona).get(f"/files/{key}").status_code == 404


def test_a_change_given_up_leaves_what_is_in_force(browse: Any, world: World) -> None:
    head, officer, firm = browse("maintenance_head"), browse("inspector"), world.firm
    whole(head, world, firm)
    change(head, firm, paper_licence=[(io.BytesIO(PDF), "现行.pdf")], then="submit")
    decided(officer, world, "approve")
    assert change(head, firm, paper_licence=[(io.BytesIO(picture()), "草稿.png")], paper_keep=[]).status_code == 302
    assert [papers(world)[name].waits for name in ("现行.pdf", "草稿.png")] == ["gone", "new"]
    page = head.get(f"/attached/unit/{firm.id}").text
    assert "审核通过后移除" in page and "待审核" in page
    # Ticked again, it stays after all.
    assert change(head, firm, paper_keep=[papers(world)["现行.pdf"].id]).status_code == 302
    held = papers(world)
    assert held["现行.pdf"].waits is None and held["草稿.png"].removed_at is not None
    change(head, firm, paper_keep=[])
    assert head.send(f"/units/{firm.id}/discard").status_code == 302
    held = papers(world)
    assert held["现行.pdf"].waits is None and held["现行.pdf"].removed_at is None
    fresh(world.session)
    assert firm.filing_state == "approved"
    deeds = set(world.session.scalars(select(AuditEntry.action).where(AuditEntry.action.startswith("attachment."))))
    assert deeds >= {"attachment.store", "attachment.drop", "attachment.keep", "attachment.remove"}


def test_full_of_scans_the_new_ones_take_the_room_of_those_that_go(browse: Any, world: World) -> None:
    head, officer, firm = browse("maintenance_head"), browse("inspector"), world.firm
    whole(head, world, firm)
    for n in range(2):
        many = [(io.BytesIO(PDF), f"旧{n}-{k}.pdf") for k in range(10)]
        assert change(head, firm, paper_licence=many).status_code == 302
    change(head, firm, then="submit")
    decided(officer, world, "approve")
    assert change(head, firm, paper_licence=[(io.BytesIO(PDF), "多一份.pdf")]).status_code == 422
    new = [(io.BytesIO(PDF), f"新{k}.pdf") for k in range(10)]
    assert change(head, firm, paper_licence=new, paper_keep=[]).status_code == 302
    held = papers(world)
    assert held["旧1-9.pdf"].waits == "gone" and held["新9.pdf"].waits == "new"


def test_the_officer_of_the_region_that_a_new_unit_chose_opens_its_scans(browse: Any, world: World) -> None:
    firm, place = world.other_firm, world.firm
    here_id, here_code = place.region_id, place.region_code
    firm.approved_version, firm.filing_state = 0, "draft"
    firm.region_id, firm.region_code = here_id, here_code
    world.session.commit()
    head, elsewhere, here = browse("other_head"), browse("other_inspector"), browse("inspector")
    assert change(head, firm, paper_licence=[(io.BytesIO(picture()), "执照.png")]).status_code == 302
    key = papers(world)["执照.png"].id
    assert here.get(f"/files/{key}?thumb=1").status_code == 200
    other = str(world.accounts["other_inspector"].region_code)
    there = world.session.scalars(select(Region.id).where(Region.code == other)).one()
    fresh(world.session)
    assert change(head, firm, region_id=str(there)).status_code == 302
    fresh(world.session)
    assert firm.region_code == other
    assert elsewhere.get(f"/files/{key}?thumb=1").status_code == 200
    assert here.get(f"/files/{key}?thumb=1").status_code == 404


def test_nothing_touched_changes_nothing(browse: Any, world: World) -> None:
    head, firm = browse("maintenance_head"), world.firm
    before = firm.row_version
    assert change(head, firm).status_code == 302
    fresh(world.session)
    assert (firm.filing_state, firm.row_version) == ("approved", before)


def test_a_new_customer_comes_with_its_scan_and_goes_with_it(browse: Any, world: World) -> None:
    head = browse("maintenance_head")
    data = {k: v for k, v in unit_data(world.session, name="新来的物业").items() if k != "is_use"}
    sent = data | {"_is_use": "1", "is_use": "1", "_papers": "1", "then": "save"}
    bad = head.send("/units/new", **sent, paper_licence=[(io.BytesIO(b"<x>"), "假.pdf")])
    assert bad.status_code == 422 and "“假.pdf”" in bad.text
    assert world.session.scalar(select(Unit).where(Unit.name == "新来的物业")) is None, "nothing is half kept"
    assert head.send("/units/new", **sent, paper_licence=[(io.BytesIO(picture()), "执照.png")]).status_code == 302
    fresh(world.session)
    unit = world.session.scalars(select(Unit).where(Unit.name == "新来的物业")).one()
    key = papers(world)["执照.png"].id
    # The other accounts of the unit that files it see it too; another firm does not.
    assert browse("clerk").get(f"/files/{key}?thumb=1").status_code == 200
    assert browse("other_head").get(f"/files/{key}").status_code == 404
    assert head.send(f"/units/{unit.id}/delete").status_code == 302
    assert "执照.png" not in papers(world)


@pytest.mark.parametrize(
    ("licence", "permit", "stops", "warns"),
    [
        ("none", "none", [], []), ("warn", "warn", [], ["营业执照", "特种设备安装改造修理许可证"]),
        ("maintenance", "block", ["营业执照", "特种设备安装改造修理许可证"], []), ("all", "none", ["营业执照"], []),
    ],
)  # fmt: skip
def test_what_the_policy_wants_before_it_is_handed_in(
    browse: Any, world: World, licence: str, permit: str, stops: list[str], warns: list[str]
) -> None:
    head, firm = browse("maintenance_head"), world.firm
    whole(head, world, firm)
    fresh(world.session)
    make_policy(world.session, "unit_licence_scan", licence)
    make_policy(world.session, "unit_permit_scan", permit)
    world.session.commit()
    page = head.get(f"/units/{firm.id}").text
    for name in ("营业执照", "特种设备安装改造修理许可证"):
        assert (f"没有上传{name}扫描件" in page) is (name in [*stops, *warns])
    if stops or warns:
        assert "“证照扫描件”" in page and f'href="/units/{firm.id}/edit#f-paper_' in page
    answer = head.send(f"/units/{firm.id}/submit")
    assert answer.status_code == (422 if stops else 302)
    fresh(world.session)
    assert firm.filing_state == ("draft" if stops else "pending")
    if not stops:
        return
    # Handed in from the form, the missing one is told at its field; with it the filing goes through.
    first = change(head, firm, then="submit")
    assert first.status_code == 422 and 'href="#f-paper_licence"' in first.text
    files = {"paper_licence": [(io.BytesIO(PDF), "执照.pdf")], "paper_qualification": [(io.BytesIO(PDF), "许可.pdf")]}
    assert change(head, firm, **files, then="submit").status_code == 302
    fresh(world.session)
    assert firm.filing_state == "pending"


def test_a_use_unit_is_asked_where_all_are(browse: Any, world: World) -> None:
    head, officer = browse("use_head"), browse("inspector")
    fresh(world.session)
    make_policy(world.session, "unit_licence_scan", "maintenance")
    world.session.commit()
    sent = {"address": "明水路 8 号", "head_name": "陆闻笙", "head_phone": "13900000008", "safety_officer": "苏见山",
            "safety_phone": "13800000001", "then": "submit"}  # fmt: skip
    assert change(head, world.use_unit, **sent).status_code == 302
    assert decided(officer, world, "reject", opinion="地址不对").status_code == 302
    fresh(world.session)
    make_policy(world.session, "unit_licence_scan", "all")
    world.session.commit()
    refused = head.send(f"/units/{world.use_unit.id}/submit")
    assert refused.status_code == 422 and "没有上传营业执照扫描件" in refused.text


def test_a_unit_that_moves_takes_its_scans_along(browse: Any, world: World) -> None:
    head = browse("maintenance_head")
    whole(head, world, world.firm)
    there = world.other_firm.region_id
    moved = change(head, world.firm, region_id=there, paper_licence=[(io.BytesIO(PDF), "执照.pdf")], then="submit")
    assert moved.status_code == 302
    before, key = world.firm.region_code, papers(world)["执照.pdf"].id
    world.accounts["city"] = make_account(world.session, Role.INSPECTOR, region_code="980400000000")
    world.session.commit()
    officer = browse("city")
    assert officer.get(f"/files/{key}").status_code == 200
    assert decided(officer, world, "approve").status_code == 302
    fresh(world.session)
    assert papers(world)["执照.pdf"].region_code == world.firm.region_code != before
    assert browse("other_inspector").get(f"/files/{key}").status_code == 200
    assert browse("inspector").get(f"/files/{key}").status_code == 404


@pytest.mark.feature("ELV-04")
def test_what_is_wrong_is_said_of_each_field_and_seen_where_it_is_mended(browse: Any, world: World) -> None:
    head, officer, firm = browse("maintenance_head"), browse("inspector"), world.firm
    whole(head, world, firm)
    change(head, firm, paper_licence=[(io.BytesIO(PDF), "执照.pdf")], licence_no="TS9999", then="submit")
    remarks = {"wrong_licence_no": "与许可证不一致", "wrong_paper_licence": "看不清 <b>", "wrong_name": "  "}
    both = decided(officer, world, "approve", **remarks)
    assert both.status_code == 422 and "没有选“不通过”" in both.text and 'value="与许可证不一致"' in both.text
    odd = decided(officer, world, "reject", wrong_nosuch="x", opinion="见各项")
    assert odd.status_code == 422 and "nosuch" in odd.text
    long = decided(officer, world, "reject", wrong_name="长" * 201)
    assert long.status_code == 422 and "每项最多 200 个字" in flat(long.text)
    number = waiting(world).id
    assert decided(officer, world, "reject", **remarks).status_code == 302
    fresh(world.session)
    row = world.session.get(Application, number)
    assert row is not None and row.data["remarks"] == {
        "licence_no": "与许可证不一致", "paper_licence": "看不清 <b>",
    }
    assert "资格证书编号：与许可证不一致" in (row.opinion or "")
    form = head.get(f"/units/{firm.id}/edit").text
    field = form[form.index('id="f-licence_no"') :]
    assert "审核意见：</b>与许可证不一致" in field[:1500]
    for address in (f"/units/{firm.id}", f"/applications/{number}"):
        page = head.get(address).text
        assert "审核时指出有误的项" in page and f'href="/units/{firm.id}/edit#f-licence_no"' in page
        assert "看不清 &lt;b&gt;" in page
    # The officer's page has no form to lead to.
    page = officer.get(f"/applications/{number}").text
    assert "与许可证不一致" in page and "#f-licence_no" not in page
    # Saved, it is still there; handed in again, it is answered.
    change(head, firm, licence_no="TS3344A12")
    assert "与许可证不一致" in head.get(f"/units/{firm.id}/edit").text
    assert change(head, firm, then="submit").status_code == 302
    assert "审核时指出有误的项" not in head.get(f"/units/{firm.id}").text
    assert "与许可证不一致" in head.get(f"/applications/{number}").text
    # Whoever decides on it anew sees what was said and what became of it.
    again = fresh(world.session).scalar(select(Application.id).order_by(Application.id.desc()).limit(1))
    page = officer.get(f"/applications/{again}").text
    mended = page.partition("上次不通过，这次改了什么")[2].partition("</section>")[0]
    assert f'href="/applications/{number}"' in mended and "资格证书编号：与许可证不一致" in mended
    assert "<ins>TS3344A12</ins>" in mended and mended.count("<ins>") == 1
    assert "上次不通过" not in officer.get(f"/applications/{number}").text
    for persona in ("use_head", "worker"):
        assert "与许可证不一致" not in browse(persona).get(f"/units/{firm.id}").text


def test_a_new_elevator_is_remarked_on_alike(browse: Any, world: World) -> None:
    row = save(world.session, world.actor("maintenance_head"), Elevator, None, elevator_data(world))
    application = submit(world.session, world.actor("maintenance_head"), row)
    officer, head = browse("inspector"), browse("maintenance_head")
    sent = {"seen_version": application.row_version, "verb": "reject", "opinion": "请更正"}
    sent["wrong_address"] = "少了单元号"
    assert officer.send(f"/applications/{application.id}/decision", **sent).status_code == 302
    page = head.get(f"/elevators/{row.id}").text
    assert f'href="/elevators/{row.id}/edit#f-address"' in page and "少了单元号" in page
    assert "少了单元号" in head.get(f"/elevators/{row.id}/edit").text


