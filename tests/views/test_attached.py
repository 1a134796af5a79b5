"""UNT-04: typed papers of a unit, a person, an elevator: added by their office, seen by no stranger."""

from __future__ import annotations

import io
from typing import Any

import pytest

from app.models import Attachment, AuditEntry
from tests.factories import World, picture

pytestmark = pytest.mark.feature("UNT-04")


def test_papers_by_type(browse: Any, world: World) -> None:
    client, path = browse("clerk"), f"/attached/unit/{world.firm.id}"
    several = [(io.BytesIO(picture()), "执照.png"), (io.BytesIO(b"%PDF-1.7"), "执照.pdf")]
    assert client.send(path, kind="licence", files=several).status_code == 302
    wrong = client.send(path, kind="declaration", files=[(io.BytesIO(b"<x>"), "甲.pdf"), (io.BytesIO(b""), "乙.png")])
    page = wrong.get_data(as_text=True)
    assert wrong.status_code == 422 and "“甲.pdf”" in page and "“乙.png”是空文件" in page, "each file has its reason"
    assert client.send(path, kind="licence").status_code == 422
    world.session.rollback()
    rows = world.session.query(Attachment).order_by(Attachment.id).all()
    assert [(r.kind, r.entity_id, r.unit_id) for r in rows] == [("licence", world.firm.id, world.firm.id)] * 2
    keys = [r.id for r in rows]
    seen = browse("inspector")
    assert "执照.pdf" in seen.get(path).get_data(as_text=True) and seen.get(f"/files/{keys[0]}").status_code == 200
    for persona in ("use_head", "other_head", "other_inspector"):
        assert browse(persona).get(path).status_code == 404
        assert browse(persona).get(f"/files/{keys[0]}").status_code == 404
    assert client.send(f"{path}/remove", attachment=keys[0]).status_code == 302
    assert client.get(f"/files/{keys[0]}").status_code == 404
    assert "执照.png" not in client.get(path).get_data(as_text=True)
    world.session.rollback()
    assert world.session.query(AuditEntry).filter_by(action="attachment.remove").count() == 1


def test_a_persons_papers_are_its_units_affair(browse: Any, world: World) -> None:
    path = f"/attached/person/{world.worker.id}"
    file = {"kind": "certificate", "files": (io.BytesIO(b"%PDF-1.7"), "作业证.pdf")}
    assert browse("clerk").send(path, **file).status_code == 302
    file = {"kind": "certificate", "files": (io.BytesIO(b"%PDF-1.7"), "作业证.pdf")}
    assert browse("inspector").get(path).status_code == 200
    assert browse("inspector").send(path, **file).status_code == 403
    assert browse("clerk").get("/attached/visit/1").status_code == 404
    assert browse("clerk").get(f"/attached/person/{world.other_worker.id}").status_code == 404


def test_an_elevators_papers_by_type_are_read_by_both_sides_and_taken_away_by_whose_they_are(
    browse: Any, world: World
) -> None:
    path = f"/attached/elevator/{world.own.id}"
    clerk, user = browse("clerk"), browse("use_head")
    reports = [(io.BytesIO(picture()), "检验 首页.png"), (io.BytesIO(b"%PDF-1.7"), "检验报告.pdf")]
    assert clerk.send(path, kind="inspection", files=reports).status_code == 302
    card = (io.BytesIO(picture(colour="#803030")), "登记证.png")
    assert user.send(path, kind="use_certificate", files=card).status_code == 302
    world.session.rollback()
    rows = {r.name: r for r in world.session.query(Attachment)}
    held = {name: (r.kind, r.unit_id) for name, r in rows.items()}
    assert held == {
        "检验 首页.png": ("inspection", world.firm.id), "检验报告.pdf": ("inspection", world.firm.id),
        "登记证.png": ("use_certificate", world.use_unit.id),
    }  # fmt: skip
    report, card_id = rows["检验报告.pdf"].id, rows["登记证.png"].id
    for client in (clerk, user, browse("inspector"), browse("worker")):
        assert "检验报告.pdf" in client.get(path).text and client.get(f"/files/{report}").status_code == 200
    assert f"/attached/elevator/{world.own.id}" in user.get(f"/elevators/{world.own.id}").text
    # Each side takes its own away, the regulator any; who may only read adds nothing.
    user.send(f"{path}/remove", attachment=report)
    assert user.get(f"/files/{report}").status_code == 200
    assert browse("worker").send(path, kind="inspection", files=(io.BytesIO(b"%PDF-1.7"), "x.pdf")).status_code == 403
    assert user.send(f"{path}/remove", attachment=card_id).status_code == 302
    assert user.get(f"/files/{card_id}").status_code == 404
    for persona in ("other_head", "other_inspector"):
        assert browse(persona).get(path).status_code == 404
        assert browse(persona).get(f"/files/{report}").status_code == 404
