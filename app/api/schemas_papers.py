"""The bodies and answers about papers, notices and one's own data, as `schemas.py` says the others."""

from __future__ import annotations

from app.api.schemas import (
    DAY,
    FILES,
    INSTANT,
    NAMED,
    TEXT,
    WHOLE,
    YES,
    Schema,
    an_object,
    degrees,
    many,
    maybe,
    one_of,
    page_of,
    ref,
    said,
    text,
)
from app.models.anomaly import ANOMALY_KIND, ANOMALY_OUTCOME, ANOMALY_SOURCE, ANOMALY_STATE
from app.models.bulletin import BULLETIN_STATE
from app.models.choices import (
    APPLICATION_STATE,
    FEEDBACK_KIND,
    INSPECTION_KIND,
    INSPECTION_RESULT,
    PERSON_KIND,
    REGION_LEVEL,
    SEX,
)
from app.models.complaint import COMPLAINT_KIND, COMPLAINT_STATE
from app.models.insurance import GAP_KIND
from app.models.iot import DIRECTION
from app.models.notification import NOTICE_STATE
from app.models.privacy import REQUEST_KIND, REQUEST_OUTCOME, REQUEST_STATE
from app.models.repair import REPAIR_ANSWER, REPAIR_CAUSE, REPAIR_DECISION, REPAIR_LEVEL, REPAIR_SOURCE, REPAIR_STATE
from app.models.rescue import (
    CALLBACK_KIND,
    DISPATCH_END,
    RESCUE_CAUSE,
    RESCUE_METHOD,
    RESCUE_OUTCOME,
    RESCUE_SOURCE,
    RESCUE_STATUS,
    SATISFACTION,
)
from app.rules.anomalies import AnomalyVerb
from app.rules.complaints import Party, Step
from app.rules.notices import CHANNELS, GROUPS
from app.rules.repairs import TIMES
from app.rules.repairs import Step as RepairStep
from app.rules.rescues import RescueLimit
from app.views.frame.carrying import MOST_CARRIED
from app.workflows.papers.insurance import BRINGS
from app.workflows.people.invitations import POSTER_HOURS, POSTER_MOST

_MASKED = said(maybe(TEXT), "遮蔽")
_LABELLED = an_object("name label", name=TEXT, label=TEXT)
_TIME = said(maybe(text(5)), "22:00；空为没有")
_WAYS = many(one_of(CHANNELS), 3)
_MONTH: Schema = said({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$"}, "2026-11")
_INSURANCE: dict[str, Schema] = {
    "payer": said(text(80), "缴纳公司"), "from_month": _MONTH, "to_month": _MONTH, "note": text(500),
    "people": many(an_object("name id_number", name=text(40), id_number=text(18), phone=text(20)), 2000),
    "bring": said(one_of(list(BRINGS)), "带入人员：last 为最近一份明细的，people 为登记了身份证号的在职人员"),
}  # fmt: skip

_INSPECTION: dict[str, Schema] = {
    "kind": one_of(INSPECTION_KIND), "number": text(60), "done_on": DAY, "result": one_of(INSPECTION_RESULT),
    "tested_by_id": said(maybe(WHOLE), "备案的检验单位；检验单位的账号不用填"), "tested_by": text(120),
    "failed_items": text(1000), "is_fault": YES, "next_on": said(maybe(DAY), "不填按规则计算"),
    "next_reason": text(200), "scans": FILES,
}  # fmt: skip

_RESCUE: dict[str, Schema] = {
    "floor": said(maybe(TEXT), "设备在报警时报的楼层"), "direction": maybe(one_of(DIRECTION)),
    "occupied": said(maybe(YES), "设备在报警时报的轿厢内有人"), "cleared_at": said(maybe(INSTANT), "设备报恢复的时间"),
    "id": WHOLE, "number": said(TEXT, "救援编号"), "elevator_id": WHOLE, "code": TEXT, "place": TEXT,
    "region_code": TEXT, "unit_id": said(maybe(WHOLE), "当时签约的维保单位"), "use_unit_id": maybe(WHOLE),
    "in_centre": said(YES, "城区"), "source": one_of(RESCUE_SOURCE), "caller": said(maybe(TEXT), "清除后为空"),
    "phone": _MASKED, "scene": maybe(TEXT), "status": one_of(RESCUE_STATUS), "level": WHOLE, "reported_at": INSTANT,
    "taken_at": maybe(INSTANT), "dispatched_at": said(maybe(INSTANT), "首次派单"), "accepted_at": maybe(INSTANT),
    "arrived_at": maybe(INSTANT), "done_at": maybe(INSTANT), "ended_at": maybe(INSTANT), "end_note": maybe(TEXT),
    "due_at": said(maybe(INSTANT), "当前环节的期限"), "outcome": maybe(one_of(RESCUE_OUTCOME)),
    "cause": maybe(one_of(RESCUE_CAUSE)), "cause_note": maybe(TEXT), "method": maybe(one_of(RESCUE_METHOD)),
    "trapped": maybe(WHOLE), "injured": maybe(WHOLE), "reports": said(WHOLE, "报警次数"),
    "joined_to_id": maybe(WHOLE), "taken_over": YES,
    "late_steps": said(many(one_of(list(RescueLimit))), "超时的环节"),
    "badge": said(maybe(one_of(["on_time", "late"])), "合规、不合规；还没有结论则为空"), "row_version": WHOLE,
}  # fmt: skip
_ANSWER: dict[str, Schema] = {
    "call_id": said(maybe(WHOLE), "坐席代记时，是哪一次派单"), "phone_at": said(text(40), "手机的时间，带时区，只留存"),
    "latitude": maybe({"type": "number"}), "longitude": maybe({"type": "number"}),
}  # fmt: skip

PAPERS: dict[str, Schema] = {
    # --- commitments
    "Commitment": an_object(
        "id unit valid_from valid_until state", id=WHOLE, unit=NAMED, region_code=TEXT, valid_from=DAY, valid_until=DAY,
        state=one_of(APPLICATION_STATE), note=maybe(TEXT), holds=said(YES, "今天有效"), created_at=INSTANT,
        in_force_from=maybe(INSTANT),
    ),
    "CommitmentPage": page_of("Commitment"),
    "CommitmentWhole": {"allOf": [ref("Commitment"), an_object(
        "files", application=said(maybe(ref("Application")), "审批在 /applications；无权查看申请则为 null"),
        files=many(ref("FileShown")),
    )]},
    "NewCommitment": an_object(
        "valid_from valid_until scans", valid_from=DAY, valid_until=DAY, note=text(500),
        scans=said(FILES, "盖章扫描件：先用 POST /files?kind=commitment 上传"), pictures=FILES,
    ),
    # --- complaints and messages behind the code
    "Complaint": an_object(
        "id number elevator_id code place kinds state complained_at", id=WHOLE, number=said(TEXT, "查询编号"),
        elevator_id=WHOLE, code=TEXT, place=TEXT, region_code=TEXT, unit_id=said(maybe(WHOLE), "承办单位"),
        use_unit_id=maybe(WHOLE), name=said(maybe(TEXT), "清除后为空"), phone=_MASKED,
        kinds=many(one_of(COMPLAINT_KIND)), body=maybe(TEXT), state=one_of(COMPLAINT_STATE), complained_at=INSTANT,
        accepted_at=maybe(INSTANT), handled_at=maybe(INSTANT), handle_note=maybe(TEXT), reviewed_at=maybe(INSTANT),
        review_note=maybe(TEXT), sent_back=said(YES, "退回过一次"), handled_again_at=maybe(INSTANT),
        reviewed_again_at=maybe(INSTANT), closed_at=maybe(INSTANT), end_note=maybe(TEXT),
        is_untrue=said(YES, "不属实，不计入评分"), due_at=said(maybe(INSTANT), "当前环节的期限"),
        taken_over=said(YES, "从原平台接管"),
        turn=said(maybe(one_of(list(Party))), "现由谁办理：承办单位、使用单位、监管部门；已办结则为空"),
        late_steps=said(many(one_of(list(Step))), "不及时的环节"),
        outcome=said(maybe(one_of(["on_time", "late"])), "还没有结论则为空"),
    ),
    "ComplaintPage": page_of("Complaint"),
    "ComplaintHandling": an_object("note", note=said(text(500), "做了什么；投诉人会看到"), photos=FILES),
    "ComplaintReview": an_object("agreed", agreed=YES, note=said(text(500), "不认可须写明理由")),
    "ComplaintNote": an_object("note", note=text(500)),
    "ComplaintEnd": an_object("note", note=text(500), untrue=said(YES, "不属实，不计入评分")),
    "Bulletin": an_object(
        "id region_code region period title office state as_of policy digest version", id=WHOLE, region_code=TEXT,
        region=TEXT, period=said(TEXT, "2026-10 或 2026Q3"), title=TEXT, office=TEXT,
        number=said(maybe(TEXT), "发文字号，签发时编"), state=one_of(BULLETIN_STATE), as_of=INSTANT, policy=TEXT,
        digest=said(TEXT, "数据的 SHA-256"), drafted_by=TEXT, checked_at=maybe(INSTANT), checked_by=maybe(TEXT),
        issued_at=maybe(INSTANT), signed_by=maybe(TEXT), corrects_id=said(maybe(WHOLE), "更正的是哪一份"),
        correct_reason=maybe(TEXT), version=WHOLE,
    ),
    "BulletinPage": page_of("Bulletin"),
    "BulletinWhole": {"allOf": [ref("Bulletin"), an_object(
        "figures texts files", figures=said({"type": "object"}, "各部分的数据，印发后不变"), texts={"type": "object"},
        files=many(an_object("id format", id=WHOLE, name=TEXT, format=one_of(["docx", "pdf"]), sha256=TEXT, url=TEXT)),
    )]},
    "NewBulletin": an_object("region period", region=text(12), period=said(text(10), "2026-10 或 2026Q3，须已结束")),
    "BulletinJob": an_object("job state", job=WHOLE, state=TEXT),
    "BulletinTexts": an_object(
        "", texts=said({"type": "object", "additionalProperties": text(2000)}, "opening、各部分、closing；一行一段"),
        office=text(60), mark=text(20), seen=said(WHOLE, "您看到的 version"),
    ),
    "BulletinSeen": an_object("", seen=said(WHOLE, "您核对的 version")),
    "BulletinReason": an_object("reason", reason=text(500)),
    "BulletinAgain": an_object(
        "digest same intact differences", digest=TEXT, same=YES, intact=said(YES, "存档的数据与摘要相符"),
        differences=many(an_object(
            "section then now of_the_moment", section=TEXT, then=TEXT, now=TEXT,
            of_the_moment=said(YES, "当时的情况，本来就会变"),
        )),
    ),
    "Message": an_object(
        "id elevator_id body sent_at state", id=WHOLE, elevator_id=WHOLE, unit_id=maybe(WHOLE),
        use_unit_id=maybe(WHOLE), body=TEXT, sent_at=INSTANT, reply=maybe(TEXT), replied_at=maybe(INSTANT),
        published_at=maybe(INSTANT), state=TEXT,
    ),
    "MessagePage": page_of("Message"),
    "MessageReply": an_object("reply", reply=text(300)),
    "MessagePublication": an_object("shown", shown=YES),
    # --- rescues
    "Rescue": an_object(
        "id number elevator_id code place source status level reported_at", **_RESCUE,
    ),
    "RescuePage": page_of("Rescue"),
    "RescueWhole": {"allOf": [ref("Rescue"), an_object(
        "calls steps callbacks",
        calls=many(an_object(
            "id level name dispatched_at", id=WHOLE, level=WHOLE, unit_id=maybe(WHOLE), name=TEXT,
            worker_id=maybe(WHOLE), worker_name=maybe(TEXT), distance_m=said(maybe(WHOLE), "米"), is_automatic=YES,
            dispatched_at=INSTANT, accepted_at=maybe(INSTANT), arrived_at=maybe(INSTANT), done_at=maybe(INSTANT),
            ended_at=maybe(INSTANT), end_reason=maybe(one_of(DISPATCH_END)),
        )),
        steps=many(an_object(
            "verb at name", verb=TEXT, at=INSTANT, phone_at=said(maybe(INSTANT), "手机的时间，只留存"), name=TEXT,
            note=maybe(TEXT), call_id=maybe(WHOLE),
        )),
        callbacks=many(an_object(
            "id kind satisfaction called_at", id=WHOLE, kind=one_of(CALLBACK_KIND), satisfaction=one_of(SATISFACTION),
            answered_by=maybe(TEXT), note=maybe(TEXT), called_at=INSTANT, name=TEXT,
        )),
    )]},
    "RescueCandidates": an_object("rows", rows=many(an_object(
        "unit_id name", unit_id=WHOLE, name=TEXT, is_station=said(YES, "救援单位"),
        metres=said(maybe(WHOLE), "没有标注位置则为空"), duty_phone=maybe(TEXT),
    ))),
    "RescueReport": an_object(
        "", elevator_id=said(WHOLE, "电梯的编号；与 code 二选一"),
        code=said(text(40), "报警人读出的识别码或救援识别码；涉密电梯只能这样报"), caller=text(40),
        phone=text(20), scene=text(500), trapped=maybe(WHOLE),
    ),
    "RescueDispatching": an_object(
        "level", level=said(WHOLE, "1 签约维保单位，2 其他单位，3 消防等"), unit_id=said(maybe(WHOLE), "二级必填"),
        name=said(text(120), "三级救援力量的名称"), worker_id=said(maybe(WHOLE), "指定的人员（账号）"),
        replace=said(YES, "改派：现有的派单全部取消"), note=said(text(500), "改派须写明原因"), row_version=maybe(WHOLE),
    ),
    "RescueBack": an_object(
        "reason", reason=text(500), seen=said(one_of(RESCUE_STATUS), "看到的处置进度；已变的不退回（409）"),
    ),
    "RescueEnd": an_object(
        "outcome note", outcome=one_of([kind for kind in RESCUE_OUTCOME if kind != "entrapment"]), note=text(500),
    ),
    "RescueJoin": an_object("number", number=text(40), note=text(500)),
    "RescueCallbackNew": an_object(
        "kind satisfaction", kind=one_of(CALLBACK_KIND), satisfaction=one_of(SATISFACTION), answered_by=text(40),
        note=said(text(500), "不满意的须写明原因"),
    ),
    "RescueAnswer": an_object("", **_ANSWER),
    "RescueFreeing": an_object(
        "outcome trapped injured", outcome=one_of(RESCUE_OUTCOME), cause=said(text(20), "困人必填，power_cut 为停电"),
        cause_note=text(500), method=text(14), trapped=WHOLE, injured=WHOLE, scene=text(500), **_ANSWER,
    ),
    "RescuePassing": an_object("worker_id", worker_id=WHOLE, note=text(500)),
    # --- repairs and anomalies
    "Repair": an_object(
        "id number elevator_id code place source level reported_at state", id=WHOLE, number=said(TEXT, "工单号"),
        elevator_id=WHOLE, code=TEXT, place=TEXT, region_code=TEXT, unit_id=said(maybe(WHOLE), "没有维保单位则为空"),
        use_unit_id=maybe(WHOLE), source=one_of(REPAIR_SOURCE), visit_id=maybe(WHOLE), anomaly_id=maybe(WHOLE),
        level=one_of(REPAIR_LEVEL), fault=maybe(TEXT), note=maybe(TEXT), use_note=said(maybe(TEXT), "使用单位报修备注"),
        reported_at=INSTANT, state=one_of(REPAIR_STATE), worker_id=said(maybe(WHOLE), "维修员"),
        helper_ids=said(many(WHOLE), "协同人员"), assigned_at=maybe(INSTANT), accepted_at=maybe(INSTANT),
        departed_at=maybe(INSTANT), started_at=maybe(INSTANT), ended_at=maybe(INSTANT),
        told_later=said(many(one_of(list(TIMES))), "事后补填的时间"), signed_in_id=said(maybe(WHOLE), "签到人"),
        start_distance=said(maybe(WHOLE), "开始时距电梯，米"), cause=maybe(one_of(REPAIR_CAUSE)), action=maybe(TEXT),
        parts=maybe(TEXT), restored=maybe(YES), decision=maybe(one_of(REPAIR_DECISION)), decision_reason=maybe(TEXT),
        closed_at=maybe(INSTANT), end_note=said(maybe(TEXT), "撤销理由"), due_at=said(maybe(INSTANT), "当前期限"),
        taken_over=YES, late_steps=said(many(one_of(list(RepairStep))), "不及时的环节"),
        answer=said(maybe(one_of(REPAIR_ANSWER)), "使用单位确认"), answered_at=maybe(INSTANT),
        answer_note=said(maybe(TEXT), "仍有什么问题"), again_of_id=said(maybe(WHOLE), "修后仍有问题的，前一张工单"),
    ),
    "RepairPage": page_of("Repair"),
    "RepairReport": an_object(
        "elevator_id level", elevator_id=WHOLE, level=one_of(REPAIR_LEVEL),
        fault=said(text(500), "故障描述；级别为 other 时必填"), note=text(500), photos=FILES,
        client_key=said(text(40), "手机上的编号；重发不重复报修"),
    ),
    "RepairAssignment": an_object("worker_id", worker_id=WHOLE, helper_ids=many(WHOLE, 10)),
    "RepairSending": an_object(
        "ids", ids=many(WHOLE, MOST_CARRIED), worker_id=said(WHOLE, "派给这一人；与 to_keepers 给出其中一个"),
        to_keepers=said(YES, "true 为各派给电梯自己的维保人员"),
    ),
    "RepairsSent": an_object("done results", done=said(WHOLE, "派出几张"), results=many(an_object(
        "id done status errors", id=WHOLE, done=YES, status=WHOLE, errors=many(ref("Finding")),
    ))),
    "RepairReason": an_object("reason", reason=text(500)),
    "RepairAnswer": an_object(
        "fixed", fixed=said(YES, "true 确认修好，false 仍有问题"), note=said(text(500), "仍有问题的必填"), photos=FILES,
    ),
    "RepairStart": an_object("", latitude=degrees(90), longitude=degrees(180)),
    "RepairEnd": an_object(
        "cause action restored", cause=one_of(REPAIR_CAUSE), action=said(text(500), "处理情况"),
        parts=said(text(500), "更换部件"), restored=said(YES, "电梯已恢复运行"), photos=FILES, accepted_at=INSTANT,
        departed_at=INSTANT, started_at=INSTANT, ended_at=said(INSTANT, "缺省为现在"),
        signed_in_id=said(WHOLE, "没有发送过开始的，到场的人；缺省为本人"), end_key=said(text(40), "重发不重复提交"),
    ),
    "RepairDecision": an_object(
        "decision", decision=one_of(REPAIR_DECISION), reason=said(text(500), "驳回须写明理由")
    ),
    "Anomaly": an_object(
        "id number elevator_id code place source kind found_at times state", id=WHOLE, number=TEXT, elevator_id=WHOLE,
        code=TEXT, place=TEXT, region_code=TEXT, unit_id=maybe(WHOLE), use_unit_id=maybe(WHOLE),
        source=one_of(ANOMALY_SOURCE), kind=one_of(ANOMALY_KIND), body=maybe(TEXT), found_at=INSTANT,
        times=said(WHOLE, "未处理期间上报了几次"), last_at=INSTANT, state=one_of(ANOMALY_STATE),
        reviewed_at=maybe(INSTANT), outcome=maybe(one_of(ANOMALY_OUTCOME)), handle_note=maybe(TEXT),
        handled_at=maybe(INSTANT), rescue_id=said(maybe(WHOLE), "转救援的，那件救援"),
    ),
    "AnomalyPage": page_of("Anomaly"),
    "AnomalyReport": an_object(
        "elevator_id kind body", elevator_id=WHOLE, kind=one_of(ANOMALY_KIND), body=text(500),
        found_at=said(INSTANT, "缺省为现在"), photos=FILES,
    ),
    "AnomalyHandling": an_object(
        "verb", verb=one_of(list(AnomalyVerb)), note=text(500), level=said(one_of(REPAIR_LEVEL), "转维修时的故障级别"),
    ),
    # --- inspections
    "Inspection": an_object(
        "id elevator kind number done_on result standing row_version", id=WHOLE,
        elevator=an_object("id code", id=WHOLE, code=TEXT), region_code=TEXT, kind=one_of(INSPECTION_KIND), number=TEXT,
        done_on=DAY, result=one_of(INSPECTION_RESULT), failed_items=maybe(TEXT), is_fault=said(YES, "涉及维保单位整改"),
        tested_by=said(TEXT, "报告上的检验单位"), tested_by_id=maybe(WHOLE), next_on=maybe(DAY),
        next_kind=maybe(one_of(INSPECTION_KIND)), rule_on=said(maybe(DAY), "按规则的下次日期"), next_reason=maybe(TEXT),
        standing=said(one_of(["counts", "waiting", "ended", "down"]), "有效、待审核、已更正或作废、未通过"),
        maintenance_unit=said(maybe(NAMED), "当日承担维保的单位"), use_unit=maybe(NAMED), entered_by=TEXT,
        created_at=INSTANT, taken_over=YES, corrects_id=maybe(WHOLE), ended_at=maybe(INSTANT), end_reason=maybe(TEXT),
        row_version=WHOLE,
    ),
    "InspectionPage": page_of("Inspection"),
    "InspectionWhole": {"allOf": [ref("Inspection"), an_object("files", files=many(ref("FileShown")))]},
    "InspectionDue": an_object(
        "id code", id=WHOLE, code=TEXT, region_code=TEXT, address=TEXT, inspected_on=maybe(DAY),
        next_inspection_on=maybe(DAY), next_kind=maybe(one_of(INSPECTION_KIND)),
        failed_id=said(maybe(WHOLE), "待复检的记录"), failed_on=maybe(DAY), governor_on=maybe(DAY),
        governor_due_on=maybe(DAY), brake_on=maybe(DAY), brake_due_on=maybe(DAY),
    ),
    "InspectionDuePage": page_of("InspectionDue"),
    "NewInspection": an_object("elevator_id kind number done_on result", elevator_id=WHOLE, **_INSPECTION),
    "CorrectedInspection": an_object(
        "kind number done_on result reason row_version", reason=text(200), row_version=WHOLE, **_INSPECTION
    ),
    "AnnulledInspection": an_object("reason row_version", reason=text(200), row_version=WHOLE),
    "NewInspectionReport": an_object(
        "elevator_id kind number done_on result tested_by scans", elevator_id=WHOLE,
        **(_INSPECTION | {"kind": one_of(["governor", "brake"])}),
    ),
    # --- insurance
    "Insurance": an_object(
        "id unit payer from_month to_month state people row_version", id=WHOLE, unit=NAMED, region_code=TEXT,
        payer=TEXT, from_month=_MONTH, to_month=_MONTH, state=one_of(["draft", "filed", "withdrawn"]),
        people=said(WHOLE, "人数"), note=maybe(TEXT), filed_at=maybe(INSTANT), withdrawn_at=maybe(INSTANT),
        withdrawn_note=maybe(TEXT), row_version=WHOLE,
    ),
    "InsurancePage": page_of("Insurance"),
    "InsuranceWhole": {"allOf": [ref("Insurance"), an_object(
        "vouchers may_write", vouchers=many(ref("FileShown")), may_write=said(YES, "本单位的草稿"),
    )]},
    "Insured": an_object("id name", id=WHOLE, name=TEXT, id_number=_MASKED, phone=_MASKED),
    "InsuredPage": page_of("Insured"),
    "NewInsurance": an_object("payer from_month to_month", **_INSURANCE),
    "InsuranceChange": an_object("", **_INSURANCE),
    "InsuranceGap": an_object(
        "id month kind name unit", id=WHOLE, month=_MONTH, kind=one_of(GAP_KIND), name=TEXT, unit=NAMED, phone=_MASKED,
        person_id=maybe(WHOLE), record_id=maybe(WHOLE),
    ),
    "InsuranceGapPage": page_of("InsuranceGap"),
    "InsuranceMonth": an_object(
        "id month unit", id=WHOLE, month=_MONTH, unit=NAMED, region_code=TEXT, records=said(WHOLE, "缴交明细份数"),
        filed=said(WHOLE, "应参保人数"), insured=said(WHOLE, "已参保人数"), uninsured=said(WHOLE, "已备案未参保"),
        unfiled=said(WHOLE, "已参保未备案"), compared_at=INSTANT,
    ),
    "InsuranceMonthPage": page_of("InsuranceMonth"),
    "InsuranceMonthWhole": {"allOf": [ref("InsuranceMonth"), an_object("gaps", gaps=many(ref("InsuranceGap")))]},
    # --- papers of a record
    "RecordFiles": an_object(
        "kinds rows may_write", kinds=many(_LABELLED), may_write=YES, rows=many(ref("FileShown")),
    ),
    "FilePage": page_of("FileShown"),
    # --- regions and tokens
    "Region": an_object(
        "id code name level", id=said(WHOLE, "其他接口的 region_id"), code=said(TEXT, "12 位区划代码"), name=TEXT,
        level=one_of(REGION_LEVEL), parent_id=maybe(WHOLE), valid_from=maybe(DAY), valid_until=maybe(DAY),
    ),
    "RegionPage": page_of("Region"),
    "Token": an_object(
        "id name account live", id=WHOLE, name=TEXT, start=said(TEXT, "令牌开头的几个字"), account=NAMED, live=YES,
        why_dead=maybe(TEXT), verbs=many(TEXT), made_at=INSTANT, ends_on=DAY, used_on=maybe(DAY),
        revoked_at=maybe(INSTANT),
    ),
    "TokenPage": page_of("Token"),
    # --- QR pictures
    "Poster": an_object(
        "id unit kind most used expires_at", id=WHOLE, unit=NAMED, kind=one_of(PERSON_KIND), with_account=YES,
        most=WHOLE, used=said(WHOLE, "已用人数"), expires_at=INSTANT, created_at=INSTANT,
    ),
    "PosterPage": page_of("Poster"),
    "NewPoster": an_object(
        "kind hours most", unit_id=said(WHOLE, "缺省为本单位"), kind=one_of(PERSON_KIND), with_account=YES,
        hours={"type": "integer", "enum": list(POSTER_HOURS)},
        most={"type": "integer", "minimum": 1, "maximum": POSTER_MOST},
    ),
    "PosterMade": an_object(
        "poster link picture", poster=ref("Poster"), link=said(TEXT, "扫码打开的链接，只在这次回答中"),
        picture=said(TEXT, "二维码，SVG"),
    ),
    # --- notices
    "Notice": an_object(
        "id topic title created_at", id=WHOLE, topic=TEXT, title=TEXT, body=maybe(TEXT),
        link=said(maybe(TEXT), "站内地址"), created_at=INSTANT, read_at=maybe(INSTANT),
    ),
    "InboxPage": page_of("Notice"),
    "Feedback": an_object(
        "kind body", kind=one_of(FEEDBACK_KIND), body=text(1000), page=said(text(200), "在哪个页面（路径），可不给出"),
    ),
    "Counted": an_object("count", count=WHOLE),
    "NoticeSettings": an_object(
        "offered channels", offered=said(many(one_of(CHANNELS)), "这个平台接通的渠道"),
        channels=said(an_object("", **dict.fromkeys(GROUPS, _WAYS)), "按通知种类"), quiet_from=_TIME, quiet_until=_TIME,
        sms=_MASKED, email=said(maybe(TEXT), "已验证的邮箱，遮蔽"), webhook=said(maybe(TEXT), "回调的主机名"),
    ),
    "NoticeChoice": an_object(
        "channels", channels=an_object("", **dict.fromkeys(GROUPS, _WAYS)), quiet_from=_TIME, quiet_until=_TIME,
    ),
    "Webhook": an_object("url", url=said(text(300), "https 网址；不能指向内网")),
    "WebhookSecret": an_object(
        "secret settings", secret=said(TEXT, "核对签名用，只在这次回答中"), settings=ref("NoticeSettings"),
    ),
    "SentNotice": an_object(
        "id channel state", id=WHOLE, channel=TEXT, topic=TEXT, title=TEXT, address=said(TEXT, "遮蔽"),
        state=one_of(NOTICE_STATE), tries=WHOLE, error=maybe(TEXT), created_at=INSTANT, sent_at=maybe(INSTANT),
    ),
    "SentPage": page_of("SentNotice"),
    # --- oneself
    "Profile": an_object(
        "id login_name name", id=WHOLE, login_name=TEXT, name=TEXT, sex=maybe(one_of(SEX)), phone=_MASKED,
        mail=said(maybe(TEXT), "已验证的邮箱，遮蔽"), avatar=said(maybe(TEXT), "头像的地址"),
        second_factor=said(maybe(one_of(["totp", "sms"])), "登录时的二次验证；null：没有"),
        second_factor_owed=said(YES, "须先启用"), last_login=said(maybe(TEXT), "北京时间"),
    ),
    "ProfileChange": an_object("sex", sex=one_of(["", *SEX])),
    "Mail": an_object(
        "mail own_password", mail=text(80), own_password=said(text(200), "本人现在的密码；输错计入登录次数"),
        own_password_code=said(text(20), "已启用动态口令的账号：动态口令"),
    ),
    "MailCode": an_object(
        "mail code request", mail=text(80), code=text(20), request=said(text(43), "发送验证码那次回答的 request"),
    ),
    "CodeSent": an_object(
        "sent_to request", sent_to=said(TEXT, "遮蔽"), request=said(TEXT, "确认邮箱时交回"),
    ),
    "OwnPerson": {"allOf": [ref("PersonWhole"), an_object(
        "face may_ask", face=said(YES, "有人脸照片"), may_ask=said(YES, "能申报等级证书"),
    )]},
    # --- personal data
    "PersonalRequest": an_object(
        "id kind name state due_on row_version", id=WHOLE, kind=one_of(REQUEST_KIND), name=TEXT, detail=TEXT,
        state=one_of(REQUEST_STATE), region_code=TEXT, asked_at=INSTANT, due_on=said(DAY, "答复期限"),
        answer=maybe(TEXT), decided_at=maybe(INSTANT), row_version=WHOLE,
    ),
    "PersonalRequestPage": page_of("PersonalRequest"),
    "NewPersonalRequest": an_object("kind detail", kind=one_of(REQUEST_KIND), detail=text(1000)),
    "PersonalAnswer": an_object(
        "result answer seen_version", result=one_of(REQUEST_OUTCOME), answer=text(1000),
        seen_version=said(WHOLE, "看到的 row_version；之后有变动则 409"),
    ),
    "Privacy": an_object(
        "words requests", words=said(TEXT, "单独同意的内容"), face=said(maybe(TEXT), "照片的地址"),
        consented_at=maybe(INSTANT), requests=many(ref("PersonalRequest")),
        compare_words=said(TEXT, "比对人脸的单独同意的内容"), compared_at=said(maybe(INSTANT), "同意比对的时间"),
    ),
    "OwnCopy": an_object("data", data=said({"type": "object"}, "按中文名称")),
    "Retention": an_object("rows", rows=many(an_object(
        "kind what", kind=TEXT, what=TEXT, since=TEXT, deed=TEXT, why=TEXT, kept=said(maybe(TEXT), "保存多久"),
    ))),
}  # fmt: skip
