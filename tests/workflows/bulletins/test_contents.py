"""What stands in a bulletin and in its file."""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
from typing import Any

import pytest
from sqlalchemy import select

from app.models import Elevator, RepairOrder
from app.reports.bulletin import document
from app.transaction import transaction
from app.workflows.oversight import bulletins, enforcement
from app.workflows.oversight.enforcement import Entry
from tests.factories import World, make_complaint
from tests.reference.items import Called, Trapped
from tests.workflows.bulletins.ground import REGION, drafted
from tests.workflows.clock_world import at, day
from tests.workflows.item_world import put_rescue

pytestmark = pytest.mark.feature("STA-03")


def test_no_person_stands_in_the_figures(app: Any, ground: World) -> None:
    row = drafted(app, ground)
    told = str(row.figures)
    for name in (ground.worker.name, ground.accounts["clerk"].first_name, ground.own.code, ground.own.address):
        assert name not in told


def test_the_docx_is_a_paper_that_word_opens(app: Any, ground: World) -> None:
    from docx import Document

    from app.reports.bulletin import docx

    row = drafted(app, ground)
    row.texts = dict(row.texts) | {"opening": "<b>一</b>&二", "closing": "- 甲\n- 乙"}
    region = bulletins.region_of(ground.session, ground.actor("inspector"), REGION)
    with app.app_context():
        paper = document.paper(row, region)
    content = docx.write(paper, row.as_of)
    assert content == docx.write(paper, row.as_of), "the same paper is the same file"
    made = Document(io.BytesIO(content))
    texts = [one.text for one in made.paragraphs]
    assert "<b>一</b>&二" in texts and "（一）甲" in texts and "（二）乙" in texts
    assert "草稿　未经签发，不得外传" in texts and "一、电梯基本情况" in texts
    said = "本期全区应维保3次，完成2次，超期1次，完成率66.7%（样本较少，仅供参考）"
    assert any(text.startswith(said) for text in texts)
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        body = packed.read("word/document.xml").decode()
        foot = b"".join(packed.read(n) for n in packed.namelist() if "footer" in n).decode()
    assert body.count("<w:tblHeader/>") == len(made.tables) > 2, "each table's head stands on each of its pages"
    assert "PAGE" in foot and 'w:eastAsia="仿宋"' in body and "descr=" in body
    # As official papers are: the title parted where its sense is, annexes below each other, numbers at outer edges.
    assert any(re.fullmatch("关于.+电梯安全运行\n和维护保养情况的通报", text) for text in texts), texts[:6]
    assert [text[:5] for text in texts if re.match(r"附件：1\.|\d\.维保单位", text)] == ["附件：1.", "2.维保单"]
    assert 'w:jc w:val="right"' in foot and 'w:jc w:val="left"' in foot
    assert document.title_lines("关于某事的通报") == ["关于某事的通报"]
    assert made.core_properties.author == row.office
    ground.session.rollback()


def test_complaints_are_judged_as_known_at_the_instant(app: Any, ground: World) -> None:
    begun = at(day("2026-02-10"), 9)
    hour = dt.timedelta(hours=1)
    make_complaint(ground.session, ground.own, begun, accepted_at=begun + hour, handled_at=begun + 2 * hour,
        reviewed_at=begun + 3 * hour, state="closed")  # fmt: skip
    make_complaint(ground.session, ground.own, begun, state="waiting")
    make_complaint(ground.session, ground.own, begun, state="closed", is_untrue=True, ended_at=begun + hour)
    ground.session.commit()
    found = drafted(app, ground).figures["complaints"]
    assert found["results"] == {"on_time": 1, "late": 1, "open": 0, "untrue": 1} and found["now"] == 3
    assert found["units"] == [[ground.firm.id, ground.firm.name, 1]]


@pytest.mark.feature("RES-05")
def test_rescues_repairs_enforcement_and_the_six_rates_have_their_sections(app: Any, ground: World) -> None:
    session, on = ground.session, day("2026-02-10")
    noon, minute = at(on, 12), dt.timedelta(minutes=1)
    hidden = session.scalars(select(Elevator).where(Elevator.is_secret)).first()
    for lift, begun, done in ((ground.own, noon, 9), (ground.own, noon + 60 * minute, 300), (hidden, noon, 300)):
        called = Called("A", 1, begun, begun + minute, begun + 5 * minute, begun + done * minute)
        told = Trapped("A", lift.id, begun, (called,), begun + done * minute, "entrapment", "door_operator")
        case = put_rescue(session, lift, told, {"A": ground.firm})
        case.status, case.dispatched_at, case.trapped = "freed", begun, 2
        case.accepted_at, case.arrived_at, case.done_at = called.accepted, called.arrived, called.done
    for lift in (ground.own, hidden):
        session.add(RepairOrder(
            elevator_id=lift.id, region_code=lift.region_code, unit_id=ground.firm.id, code=lift.code, place="x",
            source="report", level="stopped", reported_at=noon, state="done", heard_at=noon + 600 * minute,
            accepted_at=noon + minute, ended_at=noon + 600 * minute, closed_at=noon + 700 * minute, cause="door",
            accept_hours=1, finish_hours=8,
        ))  # fmt: skip
    session.commit()
    with transaction(session):
        given = Entry("talk", on, "三月以来多次超期", "十日内补做", reply_days=10)
        row = enforcement.draw_up(session, ground.actor("inspector"), ground.firm.id, given, at(day("2026-02-12"), 9))
        enforcement.issue(session, ground.actor("inspector"), row.id, at(day("2026-02-12"), 10))
    made = drafted(app, ground)
    found, firm = made.figures, ground.firm
    assert found["rescues"]["now"] | {"arrive": None} == {
        "total": 2, "entrapments": 2, "people": 4, "on_time": 1, "late": 1, "open": 0, "arrive": None,
    }  # fmt: skip
    assert found["rescues"]["units"] == [[firm.id, firm.name, 1, 2]], "the 涉密 one is not counted"
    assert found["rescues"]["now"]["arrive"] == "4.0" and found["rescues"]["causes"] == [["door_operator", 2]]
    assert (found["repairs"]["now"], found["repairs"]["late"], found["repairs"]["done"]) == (1, 1, 1)
    assert found["enforcement"]["now"] == {"talk": 1} and found["enforcement"]["units"] == [[firm.id, firm.name, 1]]
    assert found["rates"]["lines"][0][:3] == [1, firm.id, firm.name]
    region = bulletins.region_of(session, ground.actor("inspector"), REGION)
    parts = {part.name: "".join(block.text for block in part.blocks) for part in document.paper(made, region).parts}
    assert "应急救援2次" in parts["rescues"] and "合规率50.0%（样本较少，仅供参考）" in parts["rescues"]
    assert f"{firm.name}1次（共2次，样本较少）" in parts["rescues"] and "上期无数据" in parts["rescues"]
    assert "报修1件" in parts["repairs"] and "及时率0.0%" in parts["repairs"]
    assert "约谈1件" in parts["enforcement"] and "没有收到单位的申诉" in parts["enforcement"]
    assert "满分96分" in parts["rates"] and "排名见附件" in parts["rates"]
    asked = made.texts["closing"]
    assert all(words in asked for words in ("救援不合规的维保单位", "报修处理不及时的维保单位", "六个率动态积分靠后"))
    notes = "".join(document.paper(made, region).notes)
    assert all(f"{rate}＝" in notes for rate in ("救援合规率", "报修及时率", "投诉及时率", "申诉成立率"))


def test_of_what_there_was_nothing_the_new_sections_say_so(app: Any, ground: World) -> None:
    made = drafted(app, ground)
    region = bulletins.region_of(ground.session, ground.actor("inspector"), REGION)
    whole = document.paper(made, region)
    parts = {part.name: "".join(block.text for block in part.blocks) for part in whole.parts}
    assert "没有困人报警" in parts["rescues"] and "救援合规率无数据" in parts["rescues"]
    assert "没有报修" in parts["repairs"] and "处理及时率无数据" in parts["repairs"]
    assert "没有作出约谈" in parts["enforcement"]
    headings = [document.heading(number, part) for number, part in enumerate(whole.parts)]
    assert headings[9].startswith("十、") and headings[10].startswith("十一、")
