"""The firm's handbook: 01 新成员加入、离职或聘用单位变更, 02 企业信息、承诺书、医社保; the worker's: 01 人员信息.

DingTalk's part, to find and accept an invitation, is a link that opens with the invited phone. 同步省厅数据 and the
chapters on rescue and repair are not part of the product. Units are entered by form in step 3 and shenzhen's chapters.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from openpyxl import Workbook
from playwright.sync_api import expect
from sqlalchemy import select

from app import clock
from app.models import Account, Elevator, Person, Unit
from tests.journeys.conftest import PHONE
from tests.journeys.steps import (
    change_first_password,
    code_in,
    fact,
    follow,
    go,
    job_over,
    menu,
    path_of,
    pdf,
    picture,
    press,
    resident_id,
    rows,
    sign_in,
)
from tests.journeys.test_02_accounts import make_unit
from tests.journeys.test_03_filing import approve, fill
from tests.journeys.test_16_huzhou_accounts import firm_without_account

NAME, NUMBER, OWN = "柏听澜", "19905551901", "Quanzhou.2026"


def confirm(page: Any, button: str) -> None:
    """Press, and say yes to what is asked."""
    page.get_by_role("button", name=button, exact=True).click()
    go(page.locator("dialog").get_by_role("button", name=button))


def invite(page: Any, name: str, phone: str, kind: str = "维保员", account: bool = True) -> None:
    menu(page, "入职邀请")
    go(page.get_by_role("main").get_by_role("link", name="入职邀请", exact=True).first)
    page.get_by_label("姓名").fill(name)
    page.get_by_label("手机", exact=True).fill(phone)
    page.get_by_label("人员类型").select_option(label=kind)
    if account:
        page.get_by_label("审核通过时同时开通账号").check()
    press(page, "发出邀请")


def open_invitation(page: Any, name: str) -> None:
    menu(page, "入职邀请")
    page.goto("/invitations/?tab=all")
    follow(page, name)


def accept(phone: Any, sms: Any, text: str, number: str) -> None:
    """Open the link of a message, prove the phone by a code, agree."""
    link = re.search(r"http\S+/m/join/[\w-]{43}", text)
    assert link, text
    phone.goto(link.group())
    assert NAME not in phone.content(), "whose link it is, is told to whoever has the phone"
    phone.get_by_label("手机号码").fill(number)
    press(phone, "获取验证码")
    phone.get_by_label("手机号码").fill(number)
    phone.get_by_label("验证码", exact=True).fill(code_in(sms(number)))
    press(phone, "验证并继续")
    press(phone, "同意邀请")


def own_data(phone: Any, password: str, serial: int = 190) -> None:
    """*身份证正面照 *人脸照片 特种设备作业人员证 *真实姓名, as the phone asks for them; then 提交."""
    if phone.locator("#identity").count():
        phone.locator("#identity").set_input_files(picture("身份证.jpg"))
        phone.locator("#operator").set_input_files(picture("作业人员证.jpg"))
        phone.get_by_label("不提供人脸照片").check()
    phone.get_by_label("身份证号").fill(resident_id(serial))
    phone.get_by_label("男", exact=True).check()
    phone.get_by_label("作业人员证编号").fill("TF3398190190")
    phone.get_by_label("证书发证日期").fill((clock.today() - dt.timedelta(days=300)).isoformat())
    phone.get_by_label("证书有效期至").fill((clock.today() + dt.timedelta(days=900)).isoformat())
    if password:
        phone.get_by_label("密码", exact=True).fill(password)
        phone.get_by_label("再输入一次").fill(password)
    press(phone, "提交")


@pytest.mark.feature("PER-01", "PER-02", "PER-04", "PER-06", "ELV-06")
def test_chapter_1_joining_leaving_and_another_employer(
    product: Any, enter: Any, open_page: Any, sms: Any, tmp_path: Any, shot: Any
) -> None:
    clerk, manager = enter("维保文员"), enter("维保经理")
    with product.session() as session:
        heir = session.scalar(
            select(Person).join(Account, Account.person_id == Person.id)
            .where(Account.username == product.login("维保员").name)
        )  # fmt: skip
        heir_name = heir.name
        # Of another district than the other stories' elevators.
        mine = session.execute(
            select(Elevator.id, Elevator.code)
            .where(
                Elevator.maintenance_unit_id == heir.unit_id, Elevator.region_code >= "980403",
                Elevator.status == "in_use", Elevator.filing_state == "approved", Elevator.is_secret.is_(False),
            )
            .order_by(Elevator.id).limit(2)
        ).all()  # fmt: skip
        assert len(mine) == 2

    # 1) 入职邀请: 输入人员姓名、手机号码、人员类型. 2) 主管必须审批通过后, 被邀请人同意.
    invite(clerk, NAME, NUMBER)
    expect(clerk.get_by_role("main")).to_contain_text("邀请中，待主管审批")
    assert clerk.get_by_role("button", name="同意邀请").count() == 0
    open_invitation(manager, NAME)
    press(manager, "同意邀请")
    shot(manager, "1 the link as a QR picture, once")

    # 批量入职: 下载编辑后上传; 取消邀请 of one who is not to come.
    book = Workbook()
    book.active.append(("姓名", "手机", "人员类型"))
    book.active.append(("卓一航", "19905551902", "维保员"))
    book.active.append(("写错了", "1990555", "维保员"))
    file = tmp_path / "批量入职.xlsx"
    book.save(file)
    menu(clerk, "导入")
    clerk.get_by_label("入职邀请").check()
    clerk.get_by_label("文件").set_input_files(file)
    press(clerk, "上传并校验")
    job_over(clerk)
    expect(clerk.locator(".imp-sheet")).to_contain_text("1990555")
    shot(clerk, "1 many from a workbook, the wrong row named")

    # 手机端 人员信息: 由对应人员本人自行使用手机录入. The states: 邀请中, 待完善, 审核中, 已驳回, 已结束.
    phone = open_page(PHONE)
    accept(phone, sms, sms(NUMBER), NUMBER)
    open_invitation(clerk, NAME)
    expect(clerk.get_by_role("main")).to_contain_text("待完善（草稿）")
    shot(phone, "1 one's own data on the phone")
    own_data(phone, OWN)
    expect(phone.locator("body")).to_contain_text("资料已提交，等待单位审核")
    open_invitation(manager, NAME)
    expect(manager.get_by_role("main")).to_contain_text("审核中")
    assert resident_id(190) not in manager.content()
    manager.get_by_label("驳回原因").fill("请核对证书编号")
    press(manager, "驳回，由本人重新填写")
    assert "请核对证书编号" in sms(NUMBER)
    phone.reload()
    expect(phone.locator("body")).to_contain_text("请核对证书编号")
    own_data(phone, "")
    open_invitation(manager, NAME)
    shot(manager, "1 the manager looks at what was entered")
    press(manager, "审核通过，办理入职")
    expect(manager.get_by_role("main")).to_contain_text("审核通过，人员已入职")
    follow(manager, "打开人员资料")
    person = path_of(manager)

    # The worker's handbook 01 人员信息: by his own phone; the numbers are masked, the level and the month's count told.
    worker = sign_in(open_page(PHONE), NUMBER, OWN)
    assert path_of(worker) == "/m/"
    worker.goto("/m/me/data")
    expect(worker.locator("body")).to_contain_text("TF3398190190")
    expect(worker.locator("body")).to_contain_text("没有登记，现场以扫码、定位和照片核验")
    assert NUMBER not in worker.content() and resident_id(190) not in worker.content()
    shot(worker, "01 a worker's own data")

    # 设备履历: 维保人员为必填信息; he gets two elevators.
    clerk.goto(f"/ledgers/batch?ids={mine[0].id}&ids={mine[1].id}")
    clerk.get_by_label("维保人员", exact=True).select_option(label=NAME)
    press(clerk, "修改 2 台电梯的履历")
    expect(clerk.get_by_role("main")).to_contain_text("已修改")

    # 离职: 勾选，点击离职交接，选择交接人，点击确认.
    clerk.goto(person)
    follow(clerk, "离职交接")
    expect(clerk.get_by_role("main")).to_contain_text("全部交接后才能办理")
    assert clerk.get_by_role("button", name="办理离职").is_disabled()
    for one in mine:
        expect(clerk.get_by_role("main")).to_contain_text(one.code)
    shot(clerk, "1 what is to be handed over")
    clerk.get_by_label("交接人").select_option(label=heir_name)
    press(clerk, "全部交接")
    confirm(clerk, "办理离职")
    expect(clerk.get_by_role("main")).to_contain_text("离职")
    worker.goto("/m/")
    assert path_of(worker) == "/login/", "the account ends with the leaving"
    # 设备履历中维保人员变更: whoever took over is named there.
    clerk.goto(f"/ledgers/{mine[0].id}")
    expect(clerk.locator("#worker_id option:checked")).to_have_text(heir_name)
    clerk.goto("/people/?tab=left&q=" + NAME)
    assert [row["姓名"] for row in rows(clerk)] == [NAME], "archived, not deleted"

    # 聘用单位变更: 需先从原单位离职才能再进入新的架构.
    name, code = firm_without_account(product, 3)
    login, first = make_unit(enter("区域管理员"), "维保单位", name, code, "19905551903")
    other = sign_in(open_page(), login, first)
    change_first_password(other, first)
    invite(other, NAME, NUMBER, account=False)
    accept(phone, sms, sms(NUMBER), NUMBER)
    own_data(phone, "")
    open_invitation(other, NAME)
    press(other, "审核通过，办理入职")
    follow(other, "打开人员资料")
    expect(other.get_by_role("main")).to_contain_text(name)
    shot(other, "1 with the next employer")


@pytest.mark.feature("UNT-01", "UNT-04", "UNT-08", "UNT-09", "PER-04")
def test_chapter_2_the_firm_its_commitment_and_insurance(
    product: Any, enter: Any, open_page: Any, shot: Any
) -> None:
    today, admin = clock.today(), enter("区域管理员")
    with product.session() as session:
        head = session.scalar(select(Account).where(Account.username == product.login("维保单位负责人").name))
        unit = session.get(Unit, head.unit_id)
        name, key = unit.name, unit.id
    clerk = enter("维保文员")

    # 企业信息: 根据企业信息模块内容进行填写并提交.
    clerk.goto("/units/mine")
    expect(clerk.get_by_role("heading", level=1)).to_contain_text(name)
    follow(clerk, "修改")
    fill(clerk, {"企业类型": "有限责任公司", "注册资金": "1000 万元", "经营范围": "电梯维护保养"})
    press(clerk, "保存并上报")
    expect(clerk.get_by_role("main")).to_contain_text("正在审核")
    approve(admin, name, "单位备案")
    clerk.goto(f"/units/{key}")
    assert fact(clerk, "注册资金") == "1000 万元"
    shot(clerk, "2 the firm's information")

    # 承诺书上传: 图片, 纸质盖章文件上传 *附件, 备注; 提交.
    menu(clerk, "维保承诺书")
    follow(clerk, "提交承诺书")
    press(clerk, "提交审核")
    expect(clerk.get_by_role("main")).to_contain_text("没有上传")
    clerk.locator("#scan").set_input_files(pdf("盖章承诺书.pdf"))
    clerk.locator("#picture").set_input_files(picture("盖章照片.jpg"))
    expect(clerk.locator(".ta-up__list").last).to_contain_text("盖章照片.jpg")
    clerk.get_by_label("备注").fill("年度承诺")
    shot(clerk, "2 the commitment with its scan")
    press(clerk, "提交审核")
    expect(clerk.get_by_role("main")).to_contain_text("审核通过后生效")
    approve(admin, name, "承诺书")
    menu(clerk, "维保承诺书")
    assert "通过" in "".join(rows(clerk)[0].values())

    # 医社保缴交明细: *缴纳公司 *开始时间 *结束时间 *缴费明细凭证; 人员姓名、身份证号、联系方式. 保存, then 上报.
    menu(clerk, "医社保缴交")
    follow(clerk, "填报")
    month = (today.replace(day=1) - dt.timedelta(days=1)).strftime("%Y-%m")
    clerk.get_by_label("缴纳公司").fill(name)
    clerk.get_by_label("开始").fill(month)
    clerk.get_by_label("结束").fill(month)
    clerk.get_by_label("第 1 行 人员姓名").fill("温予安")
    clerk.get_by_label("第 1 行 身份证号").fill(resident_id(191)[:-1] + "?")
    press(clerk, "保存")
    expect(clerk.get_by_role("main")).to_contain_text("身份证号")
    clerk.get_by_label("第 1 行 身份证号").fill(resident_id(191))
    clerk.locator("#voucher").set_input_files(pdf("缴费明细.pdf"))
    expect(clerk.locator(".ta-up__list").last).to_contain_text("缴费明细.pdf")
    press(clerk, "保存")
    expect(clerk.get_by_role("main")).to_contain_text("温予安")
    assert resident_id(191) not in clerk.content(), "masked once it is kept"
    shot(clerk, "2 an insurance record before it is reported")
    press(clerk, "上报")
    expect(clerk.get_by_role("main")).to_contain_text("已上报，并已与人员备案比对")
    # The comparison: who is insured and not filed, who is filed and not insured.
    follow(clerk, "看比对")
    shot(clerk, "2 insured and filed people compared")
    assert clerk.get_by_role("main").locator("tbody tr").count() >= 1
