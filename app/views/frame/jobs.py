"""任务: one's own long work with its bar, result, error; running the schedule for a day; retrying what failed, stopping
what need not go on."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import abort, flash, g, jsonify, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app import clock
from app.errors import Finding, Refusal, refuse
from app.extensions import db
from app.models import Job
from app.models.choices import JOB_STATE, word
from app.models.job import JOB_KIND
from app.permissions import NOBODY, Verb, require
from app.transaction import transaction
from app.views.frame import inbox, screens
from app.views.frame.days import typed_day
from app.views.frame.told import told
from app.wording import Said, again, ours, say
from app.workflows.core import jobs
from app.workflows.files.attachments import PRIVATE

PAGE = 30
# The counts that handlers give, in words; what is not named here is not shown.
RESULT = {
    "rows": _l("行数"), "new": _l("新增"), "changed": _l("更新"), "same": _l("无变化"), "bad": _l("有错误的行"),
    "imported": _l("已导入"), "due": _l("应维保"), "overdue": _l("超期"), "nonconforming": _l("不合规"),
    "effects": _l("到期事项"), "clocks_started": _l("启动时钟"), "overdue_judged": _l("判定超期"),
    "orders_made": _l("生成任务"), "days_judged": _l("判定天数"), "units": _l("单位"), "elevators": _l("电梯"),
    "scores": _l("得分"), "seconds": _l("用时（秒）"), "on": _l("日期"),
    "filter": _l("筛选条件"), "as_of": _l("数据截至"), "undone": _l("已撤销"), "kept": _l("未撤销"),
    "regions": _l("地区"), "periods": _l("期间"), "from_on": _l("期间起始"), "to_on": _l("期间截止"),
    "submitted": _l("已上报"), "refused": _l("没有上报"),
    "labels": _l("标签"), "without_phone": _l("没有应急救援电话、未制作"),
    "days": _l("检查天数"), "visits": _l("维保记录"), "photos": _l("照片"), "signals": _l("疑点"),
    "stopped": _l("提前停止"),
}  # fmt: skip
# The same count means another thing in another kind of job.
OF_KIND = {
    "score": {"bad": _l("不合格次数"), "elevators": _l("计分电梯")}, "nightly_scores": {"regions": _l("计算的地区")},
    "usual_parts": {
        "filled": _l("登记了的电梯"), "components": _l("组件"), "doors": _l("层门"), "refused": _l("没有登记"),
    },
    "decide": {"decided": _l("已办理"), "refused": _l("未办理")},
    "apply_check": {"can": _l("可以申请"), "refused": _l("不能申请")},
    "apply": {"applied": _l("已申请"), "refused": _l("没有申请")},
    "mend": {"mended": _l("已重新提交"), "refused": _l("没有重新提交")},
}  # fmt: skip
# What proves the result; folded away, for nobody reads it by eye.
PROOF = {"digest": _l("摘要"), "sha256": _l("文件摘要"), "policy": _l("政策版本")}
# Where the work of a kind can be seen: (verb, words, address).
RESULTS_AT: dict[str, tuple[tuple[Verb, Any, str], ...]] = {
    "schedule": (
        (Verb.ORDER_READ, _l("查看维保计划"), "/orders/"),
        (Verb.ORDER_READ, _l("查看超期记录"), "/overdue/?tab=standing"),
    ),
    "score": ((Verb.SCORE_READ, _l("查看排名"), "/scores/total/"),),
    "nightly_scores": ((Verb.SCORE_READ, _l("查看排名"), "/scores/total/"),),
    "fraud": ((Verb.FRAUD_READ, _l("查看签到疑点"), "/fraud/"),),
    "age": ((Verb.VISIT_READ, _l("查看维保记录"), "/visits/"),),
}  # fmt: skip
# What those are called that a job of a kind could not do, named with their reasons.
LEFT = {"submit": _l("没有上报的"), "usual_parts": _l("没有登记的"), "decide": _l("没有办理的"),
    "apply": _l("没有申请的"), "mend": _l("没有重新提交的"),
}  # fmt: skip
# What to do about them.
LEFT_NEXT = {
    "decide": _l("这里最多列 100 件，全部结果在表格里；还在等您的，仍在待我审批里"),
    "apply": _l("这里最多列 100 台，全部结果在表格里；改好后可以再申请"),
    "mend": _l("这里最多列 100 件，全部结果在表格里；它们仍是退回补正，可以逐件或整批再改"),
}  # fmt: skip
# What a job of a kind made, at the address that its result names.
MADE: dict[str, tuple[Verb, Any]] = {
    "bulletin": (Verb.BULLETIN_READ, _l("打开通报草稿")), "bulletin_files": (Verb.BULLETIN_READ, _l("打开通报")),
    "apply_check": (Verb.APPLICATION_SUBMIT, _l("查看核对结果")),
    "submit": (Verb.APPLICATION_READ, _l("查看这批申请")),
    "apply": (Verb.APPLICATION_READ, _l("查看这批申请")), "mend": (Verb.APPLICATION_READ, _l("查看这批申请")),
}  # fmt: skip


class Jobs(BaseView):
    """The list, a job's page, its progress as JSON."""

    route_base = "/jobs"
    default_view = "index"

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> Any:
        return self._list([])

    def _list(self, findings: list[Finding], status: int = 200) -> Any:
        try:
            page = min(max(int(request.args.get("page", "1")), 1), 100_000)
        except ValueError:
            page = 1
        own = select(Job).where(Job.created_by_id == g.actor.user_id).order_by(Job.id.desc())
        rows = db.session.scalars(own.limit(PAGE + 1).offset((page - 1) * PAGE)).all()
        shown = self.render_template(
            "ta/platform/jobs.html", title=_("后台任务"), rows=[facts(job) for job in rows[:PAGE]], page=page,
            more=len(rows) > PAGE, findings=findings, may_schedule=g.actor.may(Verb.SCHEDULE_RUN),
            today=clock.today().isoformat(), on=request.form.get("on", ""),
        )  # fmt: skip
        return shown, status

    @expose("/<int:job_id>")
    @has_access
    @permission_name("read")
    def show(self, job_id: int) -> Any:
        job = jobs.of(db.session, g.actor, job_id)
        if job.finished_at is not None:
            inbox.seen("job", f"/jobs/{job_id}")
        return self.render_template("ta/platform/job.html", title=told(job.title), job=facts(job))

    @expose("/<int:job_id>.json")
    def progress(self, job_id: int) -> Any:
        """What a page asks every second while the job runs; as small as it can be."""
        if g.get("actor", NOBODY).user_id is None:
            abort(401)
        require(g.actor, Verb.JOB_READ)
        answer = jsonify(facts(jobs.of(db.session, g.actor, job_id)))
        answer.headers["Cache-Control"] = "no-store"
        return answer

    @expose("/<int:job_id>/retry", methods=["POST"])
    @has_access
    @permission_name("read")
    def retry(self, job_id: int) -> Any:
        try:
            with transaction(db.session):
                jobs.retry(db.session, g.actor, job_id, clock.now())
        except Refusal as refusal:
            if refusal.status_code == 404:
                raise
            flash(told(str(refusal)), "warning")
        else:
            flash(_("任务已重新排队"), "success")
        return redirect(url_for("Jobs.show", job_id=job_id))

    @expose("/<int:job_id>/stop", methods=["POST"])
    @has_access
    @permission_name("read")
    def stop(self, job_id: int) -> Any:
        """Have one's own job end before its next step; what it did stays."""
        try:
            with transaction(db.session):
                jobs.stop(db.session, g.actor, job_id, clock.now())
        except Refusal as refusal:
            if refusal.status_code == 404:
                raise
            flash(told(str(refusal)), "warning")
        else:
            flash(_("正在停止：手上的这一件办完就停，已经办理的不撤回"), "success")
        return redirect(url_for("Jobs.show", job_id=job_id))

    @expose("/schedule", methods=["POST"])
    @has_access
    @permission_name("schedule")
    def schedule(self) -> Any:
        """Have the schedule of a day run for the own region; twice changes nothing."""
        try:
            with transaction(db.session):
                job_id = enter_schedule(request.form.get("on", "")).id
        except Refusal as refusal:
            return self._list(refusal.findings, refusal.status_code)
        return redirect(url_for("Jobs.show", job_id=job_id))


def enter_schedule(typed: str) -> Job:
    on, wrong = typed_day(typed, "on", _("排班日期"))
    if on is None:
        missing = Finding(_("排班日期"), False, _("没有填写"), _("请用 2026-03-01 这样的写法"), field="on")
        raise Refusal(wrong or missing)
    if on > clock.today():
        found = _("%(day)s 还没有到", day=on.isoformat())
        raise refuse(_("排班日期"), found, _("请填写今天或以前的日期"), field="on", value=typed)
    params = {"on": on.isoformat(), "region": g.actor.region_code}
    title = say("排班与超期判定 %(day)s", day=on.isoformat())
    return jobs.enqueue(db.session, g.actor, clock.now(), "schedule", title, params)


def facts(job: Job) -> dict[str, Any]:
    """A job as page and JSON show it. `percent` is None while the total is unknown."""
    over = job.state in ("done", "failed")
    early = job.state == "done" and bool((job.result or {}).get("stopped"))
    percent = 100 if job.state == "done" and not early else min(99, job.done * 100 // job.total) if job.total else None
    link = job.params.get("back") if isinstance(job.params, dict) else None
    return {
        "id": job.id,
        "kind": word(JOB_KIND, job.kind),
        "title": told(job.title),
        "state": job.state,
        "label": _("提前停止") if early else word(JOB_STATE, job.state),
        "over": over,
        "early": early,
        "may_stop": job.stop_asked_at is None and jobs.may_stop(job, g.actor),
        "stopping": job.stop_asked_at is not None and not over,
        "done": job.done,
        "total": job.total,
        "percent": percent,
        "text": _text(job),
        "error": told(job.error),
        "tries": job.tries,
        "result": _told(job, RESULT | OF_KIND.get(job.kind, {})),
        "proof": _told(job, PROOF),
        "left": _gathered((job.result or {}).get("left", [])) if job.kind in LEFT else [],
        "left_title": LEFT.get(job.kind, ""),
        "left_next": str(LEFT_NEXT.get(job.kind) or _("改好后再上报；它们仍在原来的列表里")),
        "links": _links(job),
        "file": url_for("files.fetch", attachment_id=job.attachment_id) if _may_fetch(job) else None,
        "back": link if isinstance(link, str) and link.startswith("/") and not link.startswith("//") else None,
        "url": url_for("Jobs.show", job_id=job.id),
        "created_at": _moment(job.created_at),
        "finished_at": _moment(job.finished_at),
    }


def _gathered(left: list[list[Any]]) -> list[dict[str, Any]]:
    """Reasons, each with the names and addresses of what was left for it; in the order in which each is first met.

    A reason is headed by what was found; the rule that asked for it, and what to do, stand beside and below it.
    """
    found: dict[tuple[str, ...], tuple[list[str], list[list[str]]]] = {}
    for name, link, kept in left:
        said = [again(one) for one in kept]
        found.setdefault(tuple(said), (said, []))[1].append([name, link])
    made = []
    for said, named in found.values():
        head, rule, more = _parts(said[0]) if said else ("", "", [])
        below = [str(told(one)) for one in [*more, *said[1:]]]
        made.append({"head": str(told(head)), "rule": str(told(rule)), "below": below, "named": named})
    return made


def _parts(said: str) -> tuple[str, str, list[str]]:
    """Of a finding what was found, its rule and its remedy; what else was said stands whole."""
    args = said.args if isinstance(said, Said) else {}
    if set(args) != {"rule", "found", "more"}:
        return said, "", []
    remedy = args["more"].args.get("remedy") if isinstance(args["more"], Said) else ""
    return ours(args["found"]), ours(args["rule"]), [ours(remedy)] if remedy else []


def _told(job: Job, words: dict[str, Any]) -> list[list[str]]:
    found = job.result or {}
    return [[str(words[k]), _said(k, v)] for k, v in found.items() if k in words and v is not None]


def _said(name: str, value: Any) -> str:
    """A figure or word of a result; an instant as the clocks here show it."""
    if name == "as_of":
        try:
            return clock.local(dt.datetime.fromisoformat(str(value))).strftime("%Y-%m-%d %H:%M")
        except ValueError:
            return str(value)
    if isinstance(value, dict):
        return str(told(again(value)))
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _links(job: Job) -> list[list[str]]:
    """To what came of the job: for a score its own ranking, for a day's schedule the orders and missed periods."""
    if job.state != "done":
        return []
    own = (job.result or {}).get("link")
    made = MADE.get(job.kind)
    if own and made is not None:
        return [[str(made[1]), str(own)]] if g.actor.may(made[0]) else []
    run = str(own).rpartition("=")[2] if job.kind == "score" and own else ""
    more = f"?f_run={run}" if run.isdigit() else ""
    return [[str(words), link + more] for verb, words, link in RESULTS_AT.get(job.kind, ()) if g.actor.may(verb)]


def _text(job: Job) -> str:
    """The line under the bar: what is being done and how far, or why it failed."""
    if job.state == "failed":
        return job.error or ""
    counted = f"{job.done:,} / {job.total:,}" if job.total else ""
    waits = told(jobs.why_waiting(db.session, job, clock.now())) or job.message
    doing = _("正在停止") if job.stop_asked_at is not None else waits
    return " ".join(part for part in ("" if job.state == "done" else doing, counted) if part)


def _may_fetch(job: Job) -> bool:
    own = job.created_by_id == g.actor.user_id
    return bool(job.attachment_id and job.state == "done" and own and g.actor.may(PRIVATE["export"]))


def _moment(at: Any) -> str | None:
    return clock.local(at).strftime("%Y-%m-%d %H:%M:%S") if at else None


def register(appbuilder: Any) -> None:
    """Add these pages."""
    screens.declare("Jobs", "can_read", Verb.JOB_READ)
    screens.declare("Jobs", "can_schedule", Verb.SCHEDULE_RUN)
    appbuilder.add_view_no_menu(Jobs)
