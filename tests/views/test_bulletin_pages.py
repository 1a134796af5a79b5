"""STA-03 on screen and by REST: from the list to the issue, files, counting again, and what nobody else reads."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import select

from app.models import Attachment, Bulletin, Job
from app.tasks import jobs as running
from tests.api.callers import Caller
from tests.conftest import csrf
from tests.factories import World
from tests.workflows.bulletins.conftest import ground  # noqa: F401 - a fixture
from tests.workflows.bulletins.ground import PERIOD, REGION

pytestmark = pytest.mark.feature("STA-03")


def post(browser: Any, path: str, **form: Any) -> Any:
    return browser.post(path, data=form | {"csrf_token": csrf(browser)}, follow_redirects=True)


def work(app: Any, world: World) -> None:
    """All jobs that wait, as a worker takes them."""
    world.session.rollback()
    for key in world.session.scalars(select(Job.id).where(Job.state == "queued")).all():
        with app.app_context():
            assert running.run(key) == "done"
    world.session.rollback()
    world.session.expire_all()


def begun(app: Any, world: World, browser: Any) -> int:
    waits = post(browser, "/bulletins/new", region=REGION, period=PERIOD)
    assert waits.status_code == 200
    work(app, world)
    key = world.session.scalars(select(Bulletin.id).order_by(Bulletin.id.desc())).first()
    assert f'href="/bulletins/{key}">打开通报草稿' in browser.get(waits.request.path).text, "on to the draft"
    # That page read the notice of the job: what is read from here on begins after it.
    world.session.rollback()
    return key


def seen(page: str) -> str:
    return re.search(r'name="seen"\s+value="(\d+)"', page).group(1)


def test_from_the_list_to_the_issue(app: Any, ground: World, sign_in: Any) -> None:  # noqa: F811
    drafter = sign_in(ground.accounts["inspector"])
    form = drafter.get("/bulletins/new").text
    assert f'value="{REGION}"' in form and "980403000000" not in form
    key = begun(app, ground, drafter)
    assert f"/bulletins/{key}" in drafter.get("/bulletins/?tab=draft").text
    page = drafter.get(f"/bulletins/{key}").text
    assert "完成率66.7%" in page and "<svg" in page and "草稿　未经签发" in page
    run_id = ground.session.get(Bulletin, key).run_id
    assert run_id and f'href="/scores/total/?f_run={run_id}"' in page, "the figures' own run"
    version = re.search(r'href="(/policy/versions/[^"]+)"', page).group(1).replace("&amp;", "&")
    assert drafter.get(version).status_code == 200
    edit = drafter.get(f"/bulletins/{key}/edit").text
    assert "66.7" not in edit, "figures are not on the form"
    sent = {"seen": seen(edit), "office": "临河区市场监督管理局", "mark": "临市监特"}
    sent["text_opening"] = "<script>x</script>"
    page = post(drafter, f"/bulletins/{key}/edit", **sent).text
    assert "&lt;script&gt;x" in page and "<script>x" not in page
    assert post(drafter, f"/bulletins/{key}/edit", **sent).status_code == 409, "by another version"
    refused = post(drafter, f"/bulletins/{key}/edit", **sent | {"mark": "", "seen": seen(drafter.get(
        f"/bulletins/{key}/edit").text)})  # fmt: skip
    assert refused.status_code == 422 and "机关代字" in refused.text
    for fmt, head in (("docx", b"PK"), ("pdf", b"%PDF")):
        draft = drafter.get(f"/bulletins/{key}/draft.{fmt}")
        assert draft.status_code == 200 and draft.data.startswith(head) and "no-store" in draft.headers["Cache-Control"]
    assert drafter.get(f"/bulletins/{key}/draft.exe").status_code == 404
    assert post(drafter, f"/bulletins/{key}/check", seen=seen(page)).status_code == 422
    own = drafter.get(f"/bulletins/{key}").text
    assert "您是拟稿人或编辑过这份通报" in own and f"/bulletins/{key}/check" not in own, "told, not offered"
    admin = sign_in(ground.accounts["region_admin"])
    assert "已核对" in post(admin, f"/bulletins/{key}/check", seen=seen(admin.get(f"/bulletins/{key}").text)).text
    assert "已退回修改" in post(admin, f"/bulletins/{key}/send-back", reason="再看一遍").text
    post(admin, f"/bulletins/{key}/check")
    post(drafter, f"/bulletins/{key}/issue")
    ground.session.rollback()
    assert ground.session.get(Bulletin, key, populate_existing=True).state == "checked", "an inspector issues nothing"
    clerk = sign_in(ground.accounts["clerk"])
    assert re.findall(r'<option value="([a-z]+)">', clerk.get("/bulletins/").text) == ["issued"], "all that a unit gets"
    assert clerk.get(f"/bulletins/{key}").status_code == 404
    asked = admin.get(f"/bulletins/{key}").text
    assert "核对和签发由同一人办理" in asked and "有其他可以签发的人员时" in asked
    assert "已签发" in post(admin, f"/bulletins/{key}/issue").text
    assert "核对和签发由同一人办理" in admin.get(f"/bulletins/{key}").text
    work(app, ground)
    page = clerk.get(f"/bulletins/{key}").text
    assert "临市监特〔" in page and "未经签发" not in page and "/edit" not in page
    for file in ground.session.scalars(select(Attachment.id).where(Attachment.entity == "bulletin")).all():
        assert f"/files/{file}" in page and clerk.get(f"/files/{file}").status_code == 200
        assert sign_in(ground.accounts["other_head"]).get(f"/files/{file}").status_code in (403, 404)
    assert drafter.get(f"/bulletins/{key}/draft.pdf").status_code == 302
    own = drafter.get(f"/bulletins/{key}").text
    assert "本级和下级监管部门，以及下列单位" in own and ground.firm.name in own.split("下列单位")[1].split("依据")[0]
    tabs = clerk.get("/bulletins/").text
    assert "tab=issued" in tabs and not any(f"tab={tab}" in tabs for tab in ("draft", "checked", "discarded"))
    assert "本级和下级监管部门" not in page, "who else has it is the regulators' to know"
    again = post(drafter, f"/bulletins/{key}/again").text
    assert "全部数据相同" in again
    page = drafter.get(f"/bulletins/{key}/correct").text
    assert "更正原因" in page and post(drafter, f"/bulletins/{key}/correct", reason="").status_code == 422
    post(drafter, f"/bulletins/{key}/correct", reason="漏计")
    work(app, ground)
    assert "（更正）" in drafter.get("/bulletins/?tab=draft").text


def test_counting_again_tells_what_is_otherwise(app: Any, ground: World, sign_in: Any) -> None:  # noqa: F811
    drafter = sign_in(ground.accounts["inspector"])
    key = begun(app, ground, drafter)
    row = ground.session.get(Bulletin, key)
    row.figures = row.figures | {"maintenance": row.figures["maintenance"] | {"nobody": 9}}
    ground.session.commit()
    page = post(drafter, f"/bulletins/{key}/again").text
    assert "存档的数据与摘要不符" in page and "nobody 9" in page and "nobody 0" in page


def test_a_discarded_one_stays_readable_and_lets_another_begin(app: Any, ground: World, sign_in: Any) -> None:  # noqa: F811
    drafter = sign_in(ground.accounts["inspector"])
    key = begun(app, ground, drafter)
    assert post(drafter, "/bulletins/new", region=REGION, period=PERIOD).status_code == 422
    assert "已作废" in post(drafter, f"/bulletins/{key}/discard").text
    assert begun(app, ground, drafter) != key


def test_the_english_page_says_that_the_paper_is_chinese(app: Any, ground: World, sign_in: Any) -> None:  # noqa: F811
    drafter = sign_in(ground.accounts["inspector"])
    key = begun(app, ground, drafter)
    drafter.get("/lang/en")
    page = drafter.get(f"/bulletins/{key}").text
    assert '<article class="bul" lang="zh-CN">' in page and "一、电梯基本情况" in page


def test_by_rest(app: Any, ground: World) -> None:  # noqa: F811
    drafter, admin = Caller(app, ground, "inspector"), Caller(app, ground, "region_admin")
    told = drafter.post("/bulletins", {"region": REGION, "period": PERIOD})
    assert told.status_code == 202 and told.json["state"] == "queued"
    work(app, ground)
    [row] = drafter.get("/bulletins?tab=draft").json["rows"]
    key, base = row["id"], f"/bulletins/{row['id']}"
    whole = drafter.get(base).json
    assert whole["figures"]["maintenance"]["now"] == {"done": 2, "overdue": 1} and whole["files"] == []
    assert drafter.call("PATCH", base, {"texts": {"figures": "1"}}).status_code == 422
    made = drafter.call("PATCH", base, {"texts": {"closing": "- 一\n- 二"}, "mark": "临市监", "seen": row["version"]})
    assert made.status_code == 200
    assert drafter.post(f"{base}/check", {}).status_code == 422
    assert admin.post(f"{base}/check", {"seen": row["version"]}).status_code == 409
    assert admin.post(f"{base}/check", {"seen": made.json["version"]}).json["state"] == "checked"
    assert drafter.post(f"{base}/issue", {}).status_code == 403
    issued = admin.post(f"{base}/issue", {}).json
    assert issued["state"] == "issued" and issued["number"].startswith("临市监〔")
    work(app, ground)
    files = Caller(app, ground, "clerk").get(base).json["files"]
    assert {file["format"] for file in files} == {"docx", "pdf"}
    assert drafter.post(f"{base}/again").json["same"] is True
    assert drafter.post(f"{base}/correct", {"reason": "漏计"}).status_code == 202
    assert Caller(app, ground, "other_head").get(base).status_code == 404
    assert ground.session.get(Bulletin, key) is not None
