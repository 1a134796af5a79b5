"""TGT-01: publishing, drawing, the printed record, results on a phone, statistics; the interface alike."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.listings import spot as listed
from app.models import SpotCheck, SpotDraw
from app.rules import spot_draw
from app.workflows.oversight import spot_draws, spot_risk
from app.workflows.oversight.spot_risk import Asked
from tests.api.callers import Caller
from tests.factories import World, make_policy, picture
from tests.rules.test_spot_checks import by_hand
from tests.statements import statements
from tests.views.test_fraud_pages import post
from tests.workflows.test_spot_draws import city, sent_to

__all__ = ["city"]
pytestmark = pytest.mark.feature("TGT-01")
SEED = "双色球 2026024 期 03 09 17"


def people(world: World) -> list[str]:
    return [str(world.accounts[name].id) for name in ("inspector", "inspector0", "inspector1")]


def test_a_kept_ranking_shows_nobody_what_is_not_his(
    app: Any, city: World, sign_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "MENU_NUMBERS_SECONDS", 3600)
    desk, code = sign_in(city.accounts["region_admin"]), city.own.code
    assert code in desk.get("/spot/draws/risk").text
    city.session.rollback()
    # Somebody else says within the minute that it is a secret one, and that another weighs more.
    city.own.is_secret = True
    make_policy(city.session, "spot_w_uncovered", 77)
    city.session.commit()
    page = desk.get("/spot/draws/risk").text
    assert code not in page and "每项的分值" in page
    points = spot_risk.ranked(city.session, city.actor("region_admin"), Asked(), clock.now())[0].risk
    assert f"<b>{listed.points(points)}</b>" in page
    # What has not changed is not counted again.
    with statements() as seen:
        assert code not in desk.get("/spot/draws/risk").text
    assert not [one for one in seen if "GROUP BY" in one and "maintenance_clock" in one]


def test_from_the_plan_to_the_end(city: World, sign_in: Any) -> None:
    desk = sign_in(city.accounts["region_admin"])
    page = desk.get("/spot/draws/risk").text
    assert city.own.code in page and "每项的分值" in page
    assert city.firm.uscc in desk.get("/spot/draws/risk?target=unit").text
    form = {"title": "春季抽查", "target": "elevator", "quota": "4", "risk_percent": "50", "top_percent": "25",
            "check_until": (clock.today() + dt.timedelta(days=9)).isoformat(), "inspectors": people(city)}  # fmt: skip
    refused = post(desk, "/spot/draws/new", **(form | {"quota": "40", "title": ""}))
    assert refused.status_code == 422 and "名单只有" in refused.text and "没有填写" in refused.text
    assert "已公布" in post(desk, "/spot/draws/new", **form).text
    city.session.rollback()
    row = city.session.scalars(select(SpotDraw).execution_options(skip_scope=True)).one()
    secret, key = row.secret, row.id
    page = desk.get(f"/spot/draws/{key}").text
    assert row.commitment in page and row.population_digest in page and secret not in page
    assert secret not in desk.get(f"/spot/draws/{key}/print").text
    listed = desk.get(f"/spot/draws/{key}/list.txt").get_data(as_text=True)
    assert spot_draw.digest(listed) == row.population_digest
    assert post(desk, f"/spot/draws/{key}/draw", seed_text="1").status_code == 422
    assert "已抽取" in post(desk, f"/spot/draws/{key}/draw", seed_text=SEED).text
    paper = desk.get(f"/spot/draws/{key}/print").text
    assert secret in paper and SEED in paper and row.number in paper
    city.session.rollback()
    city.session.expire_all()
    chosen = [(one.code, one.stratum) for one in spot_draws.checks_of(city.session, row)]
    assert chosen == by_hand(listed, 4, 50, 25, row.seed) and all(code in paper for code, _s in chosen)
    check = spot_draws.checks_of(city.session, row)[0]
    who, number = sent_to(city, check), check.id
    phone, head = sign_in(city.accounts[who]), sign_in(city.accounts["maintenance_head"])
    assert f"/spot/checks/{number}" in phone.get("/spot/checks/?tab=mine").text
    assert f"/spot/checks/{number}" not in head.get("/spot/checks/").text
    assert head.get(f"/spot/checks/{number}").status_code == 404 and head.get(f"/spot/draws/{key}").status_code != 200
    for browser in (desk, phone):
        shown = f'/spot/draws/{key}"' in browser.get(f"/spot/checks/{number}").text
        assert shown == (browser.get(f"/spot/draws/{key}").status_code == 200), "no way to what one may not see"
    assert "/spot/checks/?tab=mine" in phone.get("/m/", follow_redirects=True).text, "from the phone pages, too"
    assert post(phone, f"/spot/checks/{number}/result", findings="门锁失效").status_code == 422
    photo = (io.BytesIO(picture("JPEG")), "门锁.jpg")
    done = post(phone, f"/spot/checks/{number}/result", passed="fail", findings="门锁失效", demand="更换", photo=photo)
    assert "已通知被检查单位" in done.text
    page = head.get(f"/spot/checks/{number}").text
    assert "门锁失效" in page and "更换" in page and row.number not in page
    assert "等待复查" in post(head, f"/spot/checks/{number}/fix", note="已更换").text
    assert "已复查" in post(phone, f"/spot/checks/{number}/review", verb="confirm").text
    page = desk.get("/spot/checks/statistics").text
    assert city.firm.name in page and "合格率" in page
    assert desk.get("/spot/checks/statistics?by=draw&from_on=2026-02-02&to_on=2025-01-01").status_code == 422
    assert post(desk, "/spot/checks/statistics/table", by="unit", format="csv").status_code == 200
    assert "作废" in post(desk, f"/spot/draws/{key}/cancel", reason="名单有误").text
    assert "名单有误" in desk.get(f"/spot/draws/{key}").text


def test_who_keeps_out_says_so_on_a_page(city: World, sign_in: Any) -> None:
    inspector = sign_in(city.accounts["inspector"])
    assert post(inspector, "/spot/draws/keep-out", reason="").status_code == 422
    assert "已登记回避" in post(inspector, "/spot/draws/keep-out", unit_id=str(city.firm.id), reason="亲属").text
    assert "已解除" in post(inspector, "/spot/draws/keep-out/1/end").text
    assert "已经解除" in post(inspector, "/spot/draws/keep-out/1/end").text


def test_the_interface_does_the_same(app: Any, city: World) -> None:
    desk, head = Caller(app, city, "region_admin"), Caller(app, city, "maintenance_head")
    until = (clock.today() + dt.timedelta(days=9)).isoformat()
    plan = {"title": "春季抽查", "target": "elevator", "quota": 3, "check_until": until,
            "inspectors": [int(key) for key in people(city)]}  # fmt: skip
    assert head.post("/spot-draws", plan).status_code == 403
    assert desk.post("/spot-draws", plan | {"quota": 99}).status_code == 422
    row = desk.post("/spot-draws", plan).json
    assert row["secret"] is None and row["state"] == "announced"
    done = desk.post(f"/spot-draws/{row['id']}/draw", {"seed_text": SEED}).json
    assert spot_draw.digest(done["secret"]) == row["commitment"]
    whole = desk.get(f"/spot-draws/{row['id']}").json
    assert [(c["code"], c["stratum"]) for c in whole["chosen"]] == by_hand(
        whole["population"], 3, done["risk_percent"], done["top_percent"], done["seed"]
    )
    assert desk.post(f"/spot-draws/{row['id']}/draw", {"seed_text": SEED + "2"}).status_code == 422
    (risk, *_others) = desk.get("/spot-draws/risks").json["rows"]
    assert risk["risk"] == sum(risk["parts"].values()) and desk.get("/spot-draws/risks?target=x").status_code == 422
    key = whole["chosen"][0]["id"]
    assert head.get("/spot-checks").json["rows"] == [] and head.get(f"/spot-checks/{key}").status_code == 404
    result = {"passed": False, "findings": "门锁失效", "demand": "更换"}
    assert desk.post(f"/spot-checks/{key}/result", result).json["state"] == "fixing"
    assert head.post(f"/spot-checks/{key}/fix", {"note": "已更换"}).json["state"] == "fixed"
    assert desk.post(f"/spot-checks/{key}/review", {"confirmed": True}).json["state"] == "closed"
    second = whole["chosen"][1]["id"]
    assert desk.post(f"/spot-checks/{second}/skip", {"reason": "已拆除"}).json["state"] == "void"
    out = desk.post("/spot-avoidances", {"unit_id": city.firm.id, "reason": "亲属"}).json
    assert desk.get("/spot-avoidances").json["rows"][0]["id"] == out["id"]
    assert desk.post(f"/spot-avoidances/{out['id']}/end", {}).json["ended_at"]
    assert desk.post(f"/spot-draws/{row['id']}/cancel", {"reason": "名单有误"}).json["state"] == "cancelled"
    states = select(SpotCheck.state).order_by(SpotCheck.position).execution_options(skip_scope=True)
    city.session.rollback()
    assert list(city.session.scalars(states)) == ["closed", "void", "void"]
