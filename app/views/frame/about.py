"""关于: which version this is and what it brought, whom to ask; 意见反馈 to the administrators of one's region."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import flash, g, redirect, render_template, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app import clock
from app.extensions import db
from app.models.choices import FEEDBACK_KIND
from app.models.policy import policy_value
from app.permissions import Verb
from app.policy import Key
from app.views.frame import screens
from app.views.frame.account_forms import Findings, run, text
from app.workflows.access import feedback

# As pyproject.toml has it.
VERSION = "0.4.0"
# What is new, as those who use it would say it; the newest first, and few.
NEWS = (
    (_l("批量改期"), _l("维保计划里勾选的任务可以一起改到另一天；每晚自动排的先列出来，不能改的逐件说明为什么。")),
    (
        _l("批量申请"),
        _l("勾选或筛选出的电梯可以一起办使用登记、停用、启用、报废、变更登记、维保单位变更等；退回的一次补正，一起再报。"),
    ),
    (_l("导入的报错"), _l("写的是表格里原来填的内容；几个区县有同名街道时，会请您写上区县。")),
    (_l("按地址找电梯"), _l("像说话一样输入地址，例如“澜江路6号5幢”，小区和楼幢可以连着写。")),
    (_l("照这台新增"), _l("同一小区的下一台，从已有的一台开始填，只改编号、位置和日期。")),
    (_l("派工和排班"), _l("报修可以批量派工；新增任务按设备履历填好；换维保人员时，待维保任务一起交接。")),
    (_l("接管历史"), _l("其他平台的既往投诉、已结束的合同可以用表格接管，并标明来源；不改变以前算过的得分。")),
    (_l("使用帮助"), _l("点右上角的问号（手机在“我的”里），按您的角色一步一步说明每件事怎么办，可以查找和打印。")),
)


class AboutPages(BaseView):
    """For every account that is signed in."""

    route_base = "/about"
    default_view = "index"

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> Any:
        contact = policy_value(db.session, Key.SUPPORT_CONTACT, g.actor.region_code, clock.today())
        return render_template(
            "ta/platform/about.html", title=_("关于"), version=VERSION, news=NEWS, contact=contact,
            may_set=g.actor.may(Verb.POLICY_EDIT), key=Key.SUPPORT_CONTACT.value,
        )  # fmt: skip

    @expose("/feedback", methods=["GET", "POST"])
    @has_access
    @permission_name("read")
    def feedback(self) -> Any:
        findings: Findings = []
        status = 200
        page = text("page", 200) if request.method == "POST" else _came_from()
        if request.method == "POST":
            told, findings, status = run(
                lambda session: feedback.send(
                    session, g.actor, text("kind", 20), text("body", 3000), page, clock.now()
                )
            )  # fmt: skip
            if told:
                flash(_("谢谢，已送达 %(n)s 位管理员的收件箱", n=told), "success")
                return redirect(url_for("AboutPages.index"))
        shown = render_template(
            "ta/platform/feedback.html", title=_("意见反馈"), findings=findings, kinds=list(FEEDBACK_KIND.items()),
            form=request.form, page=page, least=feedback.LEAST, longest=feedback.LONGEST, most=feedback.MOST_A_DAY,
        )  # fmt: skip
        return shown, status


def _came_from() -> str:
    """The page on which one pressed 意见反馈: its path alone, for what was searched there is nobody's business."""
    came = urlsplit(request.referrer or "")
    path = came.path if came.netloc == request.host else ""
    return path if path.startswith("/") and not path.startswith(("//", "/about")) else ""


def register(appbuilder: Any) -> None:
    """Add these pages."""
    screens.declare("AboutPages", "can_read", Verb.INBOX)
    appbuilder.add_view_no_menu(AboutPages)
