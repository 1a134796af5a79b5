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
VERSION = "0.2.0"
# What is new, as those who use it would say it; the newest first, and few.
NEWS = (
    (_l("使用帮助"), _l("点右上角的问号（手机在“我的”里），按您的角色一步一步说明每件事怎么办，可以查找和打印。")),
    (
        _l("成批审批"),
        _l("待我审批可以对筛选出的全部申请一次同意、退回或不通过：先问清楚，再逐件按规则办理，可以随时停止。"),
    ),
    (_l("找电梯更方便"), _l("维保、救援、投诉、检验、预警等列表可以显示、导出和查找所属辖区、注册代码、楼盘。")),
    (_l("救援记录好查"), _l("救援记录可以按合规与否、哪一步超时、有人被困或受伤、救援单位、救出日期查找。")),
    (_l("子用户清楚"), _l("我的子用户可以查找和导出，列出等级、分配的电梯和短信认证；建立账号时按人员类型勾选角色。")),
    (_l("链接确认维保"), _l("使用单位不登录，用短信里的链接就能确认维保、签名和评价。")),
    (_l("一年计划"), _l("按起始日期和间隔一次生成一年的维保任务，最后一次为年度维保；生成前先看结果。")),
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
