"""The bodies and answers about accounts, people, invitations and duties, as `schemas.py` says the others."""

from __future__ import annotations

from app.api.schemas import (
    ANY,
    DAY,
    FILES,
    INSTANT,
    KEYS,
    NAMED,
    PART,
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
from app.models.choices import (
    APPLICATION_STATE,
    FILING_STATE,
    GRADE,
    INVITATION_STATE,
    PERSON_KIND,
    REAL_NAME,
    RESCUE_ROLE,
    SCORE_STATE,
    SEX,
)
from app.models.safety import RISK_LEVEL, SAFETY_RECORD
from app.permissions import KIND_ROLES, OFFICE_ROLES, Role, Verb
from app.rules.fairness import Standing
from app.rules.score_items import Item
from app.workflows.handover.leaving import KINDS

_LABELLED = an_object("name label", name=TEXT, label=TEXT)
_MASKED = said(maybe(TEXT), "遮蔽")
_ONCE_SHOWN = said(TEXT, "只在这次回答中；首次登录须修改")
_SEEN = said(WHOLE, "看到的 row_version；之后有变动则 409")
_STEP = an_object("verb new at", verb=TEXT, old=maybe(TEXT), new=TEXT, at=INSTANT, by=TEXT, reason=maybe(TEXT))
HISTORY = an_object(
    "versions steps", steps=many(_STEP), versions=many(an_object(
        "number state", number=WHOLE, state=TEXT, edited_at=INSTANT, submitted_at=maybe(INSTANT),
        decided_at=maybe(INSTANT), in_force_from=maybe(DAY), opinion=maybe(TEXT), by=TEXT,
        changed=many(an_object("label old new", label=TEXT, old=TEXT, new=TEXT)),
    )),
)  # fmt: skip
_PERSON: dict[str, Schema] = {
    "name": text(40), "phone": text(20), "kind": one_of(PERSON_KIND), "sex": one_of(SEX), "work_kind": text(40),
    "resident_id": text(18), "certificate_no": text(40), "certificate_issued_on": DAY, "certificate_until": DAY,
    "hired_on": DAY,
}  # fmt: skip
_ROLES = many(one_of(Role), 20)
_OFFICE = many(one_of(sorted(OFFICE_ROLES)), len(OFFICE_ROLES))
_RISK: dict[str, Schema] = {
    "place": text(80), "risk": text(200), "level": one_of(RISK_LEVEL), "measures": text(500),
    "cycle": one_of(SAFETY_RECORD), "responsible": text(40),
}  # fmt: skip
_FILTER = said(PART, "电梯列表的筛选：q、tab 和各筛选项；按此刻的结果")
_ELEVATOR_KEYS = many(WHOLE, 5000)

PEOPLE: dict[str, Schema] = {
    # --- accounts
    "Reason": an_object("reason", reason=text(200)),
    "Account": an_object(
        "id login_name name kind active", id=WHOLE, login_name=TEXT, name=TEXT,
        kind=one_of(["regulator", "agent", "main", "sub"]), phone=_MASKED, active=YES,
        roles=many(_LABELLED), unit=maybe(NAMED), region_code=maybe(TEXT), region=maybe(TEXT), person_id=maybe(WHOLE),
        sees_all_elevators=said(YES, "单位账号：全部电梯，含以后新增"), rescue_role=maybe(TEXT),
        must_change_password=YES, first_password_until=said(maybe(INSTANT), "初始密码的到期时间；已改为 null"),
        last_login=said(maybe(TEXT), "北京时间"),
    ),
    "AccountPage": page_of("Account"),
    "AccountWhole": {"allOf": [ref("Account"), an_object(
        "state", state=one_of(["in_use", "locked", "ended"]), sex=maybe(TEXT), locked_until=maybe(INSTANT),
        room=said(maybe(an_object("used", used=WHOLE, most=said(maybe(WHOLE), "null：不限"), granted=WHOLE)),
                  "主账号：子用户数"),
    )]},
    "Issued": an_object(
        "account login_name password", account=ref("AccountWhole"), login_name=TEXT, password=_ONCE_SHOWN,
        notes=many(TEXT),
    ),
    "NewRegulator": an_object(
        "login_name name region_id", login_name=text(40), name=text(40), phone=text(20),
        region_id=said(WHOLE, "本级或下级地区的编号"), roles=said(_OFFICE, "必填；一人可以兼几种"),
        role=said(one_of(sorted(OFFICE_ROLES)), "只有一种时可代替 roles"),
    ),
    "AccountFacts": an_object(
        "name", name=text(40), region_id=said(WHOLE, "监管、坐席账号必填：本级或下级地区的编号"),
        roles=said(_OFFICE, "监管、坐席账号必填"), role=said(one_of(sorted(OFFICE_ROLES)), "只有一种时可代替 roles"),
    ),
    "NewMainAccount": an_object(
        "unit_name uscc region_id head_name phone kinds", unit_name=text(120), uscc=text(18), region_id=WHOLE,
        head_name=text(40), phone=text(20), head_resident_id=said(text(18), "负责人身份证号；是否必填由地区政策决定"),
        kinds=said(many(one_of(sorted(KIND_ROLES)), len(KIND_ROLES)), "几种的，主账号的角色合并"),
    ),
    "Grant": an_object("count", count=said(WHOLE, "在政策规定的数量之外增加几个")),
    "NewSubAccount": an_object(
        "login_name name", login_name=text(40), name=text(40), sex=one_of(SEX), phone=text(20),
        roles=_ROLES, kind=said(one_of(PERSON_KIND), "人员类型；不给出角色时按它给角色"),
        person_id=said(WHOLE, "维保员：对应的人员；不给出时按手机查找或新建"), all_elevators=YES,
        rescue_role=one_of(RESCUE_ROLE),
    ),
    "SubAccountChange": an_object(
        "", name=text(40), sex=one_of(["", *SEX]), active=YES, rescue_role=one_of(["", *RESCUE_ROLE]),
    ),
    "OwnRescueRole": an_object("rescue_role", rescue_role=one_of(["", *RESCUE_ROLE])),
    "SubAccountPassword": an_object(
        "own_password", own_password=said(text(200), "本人现在的密码；输错计入登录次数"),
        new_password=said(text(200), "不给出则随机生成"),
    ),
    "AccountPhone": an_object(
        "phone own_password", phone=said(text(20), "空为取消登记"),
        own_password=said(text(200), "本人现在的密码；输错计入登录次数"),
    ),
    "SubAccountRoles": an_object("roles", roles=_ROLES, person_id=WHOLE),
    "UnitKey": an_object("unit_id", unit_id=WHOLE),
    "Removed": an_object("deleted", deleted=said(YES, "false：登录过，改为注销")),
    "Verbs": an_object("verbs", verbs=many(one_of(Verb), 100)),
    "Rights": an_object(
        "roles rights", roles=many(TEXT), roles_to_give=many(TEXT),
        rights=many(an_object("name label ticked", name=TEXT, label=TEXT, ticked=YES)),
    ),
    "AssignedPage": page_of("AssignedElevator"),
    "AssignedElevator": an_object("id code", id=WHOLE, code=maybe(TEXT), address=maybe(TEXT)),
    "Assigning": an_object(
        "", all=said(YES, "全部，含以后新增"), elevator_ids=_ELEVATOR_KEYS, filter=_FILTER,
    ),
    "Taking": an_object("", elevator_ids=_ELEVATOR_KEYS, filter=_FILTER),
    "Assigned": an_object("sees_all_elevators", count=said(maybe(WHOLE), "几台"), sees_all_elevators=YES),
    "Sessions": an_object("rows", rows=many(an_object(
        "id device seen_at", id=WHOLE, device=TEXT, address=maybe(TEXT), here=said(YES, "发出这次请求的浏览器"),
        created_at=INSTANT, seen_at=INSTANT,
    ))),
    "Roles": an_object("rows", rows=many(an_object(
        "name label verbs gives", name=TEXT, label=TEXT, verbs=many(_LABELLED), gives=said(many(TEXT), "可授予的角色"),
    ))),
    # --- people
    "Person": an_object(
        "id name unit_id filing_state row_version", id=WHOLE, name=TEXT, kind=maybe(TEXT), sex=maybe(TEXT),
        unit_id=WHOLE, unit=NAMED, region_code=TEXT, phone=_MASKED, resident_id=_MASKED, work_kind=maybe(TEXT),
        certificate_no=maybe(TEXT), certificate_issued_on=maybe(DAY), certificate_until=maybe(DAY),
        hired_on=maybe(DAY), declaration_until=maybe(DAY),
        real_name=one_of(REAL_NAME), real_name_at=maybe(INSTANT),
        filing_state=one_of(FILING_STATE), approved_version=WHOLE, approved_on=maybe(DAY), left_on=maybe(DAY),
        row_version=WHOLE,
    ),
    "PersonPage": page_of("Person"),
    "PersonWhole": {"allOf": [ref("Person"), an_object(
        "quota", quota=ref("Quota"), certificates=many(ref("Certificate")),
        blocks=said(maybe(ref("Finding")), "证书为何使其今天不能签到"), may_write=YES,
        draft=said(maybe(PART), "本单位：含未通过的修改"), checks=said(many(ref("Finding")), "上报须满足的条件"),
    )]},
    "Quota": an_object(
        "month grade used", month=said(TEXT, "2026-11"), grade=one_of(GRADE), used=said(WHOLE, "本月已用台次"),
        limit=said(maybe(WHOLE), "null：不限"),
    ),
    "PersonHistory": HISTORY,
    "FilingHistory": HISTORY,
    "NewPerson": an_object("name", **_PERSON),
    "PersonChange": an_object("seen_version", seen_version=_SEEN, **_PERSON),
    "Certificate": an_object(
        "id person_id grade state", id=WHOLE, person_id=WHOLE, grade=one_of(GRADE), certificate_no=TEXT, issued_on=DAY,
        valid_until=maybe(DAY), state=one_of(APPLICATION_STATE), in_force_from=said(maybe(INSTANT), "通过后提高台次"),
    ),
    "Certificates": an_object("rows", rows=many(ref("Certificate"))),
    "NewCertificate": an_object(
        "grade certificate_no issued_on attachments", grade=one_of([g for g in GRADE if g != "general"]),
        certificate_no=text(40), issued_on=DAY, valid_until=DAY, attachments=FILES,
    ),
    "Declaration": an_object(
        "id person_id signed_on valid_until state", id=WHOLE, person_id=WHOLE, signed_on=DAY, valid_until=DAY,
        note=maybe(TEXT), state=one_of(APPLICATION_STATE), in_force_from=said(maybe(INSTANT), "通过后生效"),
    ),
    "Declarations": an_object("rows", rows=many(ref("Declaration"))),
    "NewDeclaration": an_object(
        "signed_on valid_until attachments", signed_on=DAY, valid_until=DAY, note=text(500), attachments=FILES,
    ),
    "Held": an_object("id text", id=WHOLE, text=TEXT, detail=TEXT),
    "LeavingBoard": an_object(
        "person_id left held checks", person_id=WHOLE, left=said(WHOLE, "还有几项；0 才能离职"),
        checks=many(ref("Finding")),
        held=an_object("", **{kind: many(ref("Held")) for kind in (*KINDS, "visits", "rescues", "accounts")}),
    ),
    "HandOver": an_object(
        "successor_id", successor_id=WHOLE, all=said(YES, "全部交接"),
        chosen=said(an_object("", **dict.fromkeys(KINDS, KEYS)), "按类给出清单里的编号"),
    ),
    "HandedOver": an_object("counts board", counts=said(PART, "各类几项"), board=ref("LeavingBoard")),
    "Leaving": an_object("left_on", left_on=DAY),
    # --- invitations
    "Invitation": an_object(
        "id name kind state row_version", id=WHOLE, name=TEXT, phone=_MASKED, kind=one_of(PERSON_KIND),
        state=one_of(INVITATION_STATE), unit=NAMED, by_unit=maybe(NAMED), with_account=YES,
        approved_at=said(maybe(INSTANT), "null：待主管同意邀请"), created_at=INSTANT, submitted_at=maybe(INSTANT),
        decided_at=maybe(INSTANT), expires_at=said(maybe(INSTANT), "链接有效至"), row_version=WHOLE,
    ),
    "InvitationPage": page_of("Invitation"),
    "InvitationWhole": {"allOf": [ref("Invitation"), an_object(
        "steps", sex=maybe(TEXT), resident_id=_MASKED, certificate_no=maybe(TEXT), certificate_issued_on=maybe(DAY),
        certificate_until=maybe(DAY), face_declined=YES, opinion=maybe(TEXT), person_id=maybe(WHOLE), may_decide=YES,
        checks=said(many(ref("Finding")), "入职须满足的条件"), steps=many(_STEP),
    )]},
    "NewInvitation": an_object(
        "name phone kind", name=text(40), phone=text(20), kind=one_of(PERSON_KIND),
        unit_id=said(WHOLE, "缺省为本单位"), with_account=YES,
    ),
    "InvitationBatch": an_object("people", people=many(ref("NewInvitation"), 100)),
    "Invited": an_object(
        "invitation", invitation=ref("InvitationWhole"), link=said(maybe(TEXT), "本人打开的链接，只在这次回答中"),
    ),
    "InvitationResults": an_object("done results", done=said(WHOLE, "办成几件"), results=many(an_object(
        "done status", done=YES, status=WHOLE, errors=many(ref("Finding")), invitation=maybe(ref("Invitation")),
        link=maybe(TEXT),
    ))),
    "InvitationRejected": an_object("opinion seen_version", opinion=text(200), seen_version=_SEEN),
    "TakeOn": an_object("seen_version", seen_version=_SEEN, with_account=said(YES, "同时开通邀请时要的账号")),
    # --- duties
    "Risk": an_object(
        "id unit_id row_version", id=WHOLE, unit_id=WHOLE, unit=TEXT, region_code=TEXT, ended_on=maybe(DAY),
        row_version=WHOLE, **_RISK,
    ),
    "RiskPage": page_of("Risk"),
    "NewRisk": an_object(" ".join(_RISK), **_RISK),
    "RiskChange": an_object("seen_version", seen_version=_SEEN, **_RISK),
    "Officer": an_object(
        "elevator_id account", elevator_id=WHOLE, code=maybe(TEXT), unit_id=WHOLE, named_at=INSTANT, account=NAMED,
    ),
    "OfficerPage": page_of("Officer"),
    "NameOfficer": an_object("account_id elevator_ids", account_id=WHOLE, elevator_ids=KEYS),
    "Changed": an_object("changed", changed=said(WHOLE, "几台有变化")),
    "Patrollers": an_object("rows", rows=many(NAMED)),
    "NewPatrol": an_object(
        "title due_on account_id elevator_ids", title=text(80), due_on=DAY, account_id=WHOLE, elevator_ids=KEYS,
        note=text(500),
    ),
    # --- who works together
    "Team": an_object(
        "id unit_id name members version", id=WHOLE, unit_id=WHOLE, name=TEXT, region_code=TEXT,
        members=many(an_object("person_id name", person_id=WHOLE, name=TEXT)),
        elevators=said(WHOLE, "维保的电梯台数"), disbanded_at=maybe(INSTANT), version=WHOLE,
    ),
    "TeamPage": page_of("Team"),
    "NewTeam": an_object("name members", name=text(40), members=KEYS),
    "TeamChange": an_object("name members seen_version", name=text(40), members=KEYS, seen_version=_SEEN),
    "JoinVisit": an_object(
        "code latitude longitude", code=said(text(200), "扫到的内容，或识别码"), latitude=degrees(90),
        longitude=degrees(180),
    ),
    "Companions": an_object("result", result=many(an_object(
        "person_id name joined_at", person_id=WHOLE, name=TEXT, certificate_no=maybe(TEXT), joined_at=INSTANT,
        distance=maybe(WHOLE),
    ))),
    "Capacity": an_object(
        "unit_id first_on days elevators due missed more areas by_day first_missed", unit_id=WHOLE, first_on=DAY,
        days=WHOLE, elevators=WHOLE, due=said(WHOLE, "到期次数"), missed=said(WHOLE, "做不完的次数"),
        more=said(WHOLE, "还缺几人；500 为远远不够"),
        areas=many(an_object(
            "region_code name elevators due missed workers more", region_code=TEXT, name=TEXT, elevators=WHOLE,
            over=WHOLE, due=WHOLE, missed=WHOLE, workers=WHOLE, more=WHOLE, first_missed_on=maybe(DAY),
        )),
        by_day=many(an_object("on done due", on=DAY, done=WHOLE, due=WHOLE)),
        first_missed=many(an_object(
            "elevator_id code limit_on", elevator_id=WHOLE, code=TEXT, limit_on=DAY, no_working_day=YES,
        )),
    ),
    # --- policy
    "NewPolicyTest": an_object(
        "key value from_on to_on", key=text(60), region_code=said(text(12), "缺省为本辖区"), from_on=DAY, to_on=DAY,
        value={"description": "拟定的值；null 为不限；{\"inherit\": true} 为随上级", "nullable": True},
    ),
    "PolicyTest": an_object(
        "id state", id=WHOLE, state=said(TEXT, "queued 等待，running 运行，done 完成，failed 失败"), done=WHOLE,
        total=WHOLE, error=maybe(TEXT), key=TEXT, value=ANY, region=TEXT, from_on=DAY, to_on=DAY,
        result=said(maybe(PART), "完成后：各单位在现行政策与拟定值下的记录状态、超期、得分、名次，变化最大的在前"),
    ),
    "SimulatedScore": an_object("due bad", points=said(maybe(TEXT), "null 为无数据"), due=WHOLE, bad=WHOLE),
    "ScoreFix": an_object(
        "fix item title about elevators alone without", fix=TEXT, item=one_of([item.value for item in Item]),
        title=TEXT, about=TEXT, elevators=said(WHOLE, "涉及的电梯或记录数"), due_at=said(maybe(INSTANT), "办理期限"),
        alone=said({"type": "number"}, "只做这一项提的分"), without=said({"type": "number"}, "全部做到而缺它少的分"),
    ),
    "SimulatedItem": an_object(
        "nothing chosen everything winnable gone", nothing=ref("SimulatedScore"), chosen=ref("SimulatedScore"),
        everything=ref("SimulatedScore"), winnable=said({"type": "number"}, "还能争取的分"),
        gone=said({"type": "number"}, "本期已不能得回的分"),
    ),
    "SimulatedTotal": an_object(
        "nothing chosen everything", nothing=said(maybe(TEXT), "null 为无总分"), chosen=maybe(TEXT),
        everything=maybe(TEXT),
    ),
    "ScoreSimulation": an_object(
        "unit_id from_on to_on nothing chosen everything fixes total items", unit_id=WHOLE, from_on=DAY, to_on=DAY,
        nothing=ref("SimulatedScore"), chosen=ref("SimulatedScore"),
        everything=ref("SimulatedScore"), total=ref("SimulatedTotal"),
        items=an_object(" ".join(Item), **{item.value: ref("SimulatedItem") for item in Item}),
        fixes=many(ref("ScoreFix")),
    ),
    "ScoreItem": an_object(
        "points rank counts", points=said(maybe(TEXT), "null 为无数据"), rank=maybe(WHOLE),
        counts=said(PART, "这一项的各个次数、台数；未计算的为 null"),
    ),
    "Score": an_object(
        "id unit_id run_id from_on to_on as_of state total items", id=WHOLE, unit_id=WHOLE, run_id=WHOLE,
        region_code=TEXT, from_on=DAY, to_on=DAY, as_of=INSTANT, state=one_of(SCORE_STATE),
        total=said(maybe(TEXT), "六项之和，无数据的项按满分；没有维护保养有效率的为 null"), rank=maybe(WHOLE),
        elevators=WHOLE, uncovered=said(WHOLE, "脱保台数"), licence_until=said(maybe(DAY), "许可有效期至，计算时所知"),
        stars=said(maybe(WHOLE), "星级 2 到 5"), credit=said(maybe(TEXT), "信用等级 A 到 D"),
        rating_points=said(maybe(TEXT), "评级得分，满分 100"), complete=said(YES, "六项都已计算"),
        items=an_object(
            "maintenance rescue feedback inspection fault change",
            **{item.value: ref("ScoreItem") for item in Item},
        ),
    ),
    "ScorePage": page_of("Score"),
    "Lowering": an_object(
        "score_id unit points lowers", score_id=WHOLE, unit=TEXT, points=TEXT,
        lowers=said({"type": "number"}, "使地区平均低了多少分"),
    ),
    "RegionItem": an_object(
        "points counted bad lowered_by", points=said(maybe(TEXT), "null 为无数据"),
        counted=said(WHOLE, "计入的数量；总分的为单位数"), bad=WHOLE, lowered_by=many(ref("Lowering")),
    ),
    "RegionScores": an_object(
        "run_id region_code from_on to_on state units total items trend", run_id=WHOLE, region_code=TEXT, from_on=DAY,
        to_on=DAY, state=one_of(SCORE_STATE), units=said(WHOLE, "有总分的单位"), total=ref("RegionItem"),
        items=an_object("", **{item.value: ref("RegionItem") for item in Item}),
        trend=many(an_object("from_on to_on settled total", from_on=DAY, to_on=DAY,
                             settled=said(YES, "已确定的季度；false 为当前期间"), total=TEXT)),
    ),
    "FairComparison": an_object(
        "run_id by least confidence rows", run_id=WHOLE, by=TEXT, least=said(WHOLE, "最小样本"),
        confidence=said(WHOLE, "把握，百分数"),
        rows=many(an_object(
            "score_id unit counted bad standing", score_id=WHOLE, unit=TEXT, rank=maybe(WHOLE),
            points=said(maybe(TEXT), "正式得分"), counted=WHOLE, bad=WHOLE,
            own=said(maybe(TEXT), "只按率折合的得分"), low=maybe(TEXT), high=maybe(TEXT),
            whole=said(maybe(TEXT), "对照的总体"), standing=one_of([one.value for one in Standing]),
        )),
    ),
    "ScoreLine": an_object(
        "rule count numerator denominator reason", rule=TEXT, elevator_id=maybe(WHOLE), on=maybe(DAY),
        evidence=said(maybe(TEXT), "证据的种类"), evidence_id=maybe(WHOLE), count=WHOLE, numerator=TEXT,
        denominator=TEXT, reason=TEXT,
    ),
    "ScoreLinePage": an_object("rows page size more", rows=many(ref("ScoreLine")), page=WHOLE, size=WHOLE, more=YES),
    "ScoreRecord": an_object(
        "elevator_id id counted", elevator_id=WHOLE, on=maybe(DAY), evidence=maybe(TEXT), id=WHOLE,
        counted=one_of(["on_time", "late", "second", "passed", "failed", "fault", "held"]),
    ),
    "ScoreRecordPage": an_object(
        "rows page size more", rows=many(ref("ScoreRecord")), page=WHOLE, size=WHOLE, more=YES
    ),
}  # fmt: skip
