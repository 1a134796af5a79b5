"""The bodies and answers of the interface by name, for its description (OpenAPI). What they mean is the workflows'."""

from __future__ import annotations

from typing import Any

from app.models.choices import (
    APPLICATION_KIND,
    APPLICATION_STATE,
    CONTRACT_KIND,
    ELEVATOR_STATUS,
    FILING_STATE,
)
from app.rules.lifecycle import CAUSE_ALIKE
from app.workflows.desk.applications import OPEN_KINDS
from app.workflows.desk.apply_many import KINDS

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
YES: Schema = {"type": "boolean"}
DAY: Schema = {"type": "string", "format": "date"}
INSTANT: Schema = {"type": "string", "format": "date-time"}
ANY: Schema = {"nullable": True, "description": "文字、数字、true/false 或 null"}
PART: Schema = {"type": "object"}


def maybe(schema: Schema) -> Schema:
    """May be null."""
    return schema | {"nullable": True}


def said(schema: Schema, description: str) -> Schema:
    return schema | {"description": description}


def one_of(choices: Any) -> Schema:
    return {"type": "string", "enum": list(choices)}


def text(most: int) -> Schema:
    return {"type": "string", "maxLength": most}


def degrees(most: int) -> Schema:
    return {"type": "number", "minimum": -most, "maximum": most}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def many(schema: Schema, most: int | None = None) -> Schema:
    return {"type": "array", "items": schema} | ({} if most is None else {"maxItems": most})


def an_object(needed: str = "", **properties: Schema) -> Schema:
    return {"type": "object", "properties": properties} | ({"required": needed.split()} if needed else {})


def page_of(name: str) -> Schema:
    return an_object(
        "rows page size count count_is_exact", rows=many(ref(name)), page=WHOLE, size=WHOLE,
        count=said(WHOLE, "至多数到 1000"), count_is_exact=YES,
    )  # fmt: skip


KEYS = many(WHOLE, 500)
NAMED = an_object("id name", id=WHOLE, name=TEXT)
FILES = said(many(WHOLE, 10), "先用 POST /files 上传，再给出编号")

SCHEMAS: dict[str, Schema] = {
    "Finding": an_object(
        "rule ok found", rule=said(TEXT, "哪条规则"), ok=YES, found=said(TEXT, "所见"), remedy=said(TEXT, "怎么办"),
        field=maybe(TEXT), value=maybe(TEXT), link=maybe(TEXT), level=one_of(["fail", "warn"]),
    ),
    "Refusal": an_object(
        "message errors request_id", message=TEXT, errors=many(ref("Finding")),
        request_id=said(TEXT, "向管理员查问时给出"),
        current_version=said(maybe(WHOLE), "409 时现在的 row_version"),
    ),
    "Findings": an_object("passes findings", what=TEXT, passes=YES, findings=many(ref("Finding"))),
    "Done": an_object("done", done=YES),
    "Me": an_object(
        "id login_name name roles verbs", id=WHOLE, login_name=TEXT, name=TEXT, phone=maybe(TEXT), is_main=YES,
        person_id=maybe(WHOLE), sees_all_elevators=YES, roles=many(an_object("name label", name=TEXT, label=TEXT)),
        verbs=said(many(TEXT), "现在能做的；用令牌时只含勾选的"),
        unit=maybe(an_object("id", id=WHOLE, name=TEXT, uscc=TEXT)),
        region=maybe(an_object("code", code=TEXT, name=TEXT)), token=said(maybe(WHOLE), "用令牌时是哪一个"),
    ),
    # --- applications
    "Application": an_object(
        "id number kind state", id=WHOLE, number=TEXT, kind=one_of(APPLICATION_KIND), state=one_of(APPLICATION_STATE),
        title=TEXT, is_open=YES, entity=TEXT, entity_id=WHOLE, elevator_id=maybe(WHOLE), unit_id=maybe(WHOLE),
        region_code=TEXT, row_version=said(WHOLE, "决定时作为 seen_version 送回"), submitted_at=maybe(INSTANT),
        due_at=maybe(INSTANT), decided_at=maybe(INSTANT), effective_on=maybe(DAY), took_effect_at=maybe(INSTANT),
        opinion=maybe(TEXT),
    ),
    "Step": an_object(
        "verb state at", verb=TEXT, state=TEXT, at=INSTANT, opinion=maybe(TEXT), actor=TEXT,
        on_behalf_of=said(maybe(TEXT), "代办时替谁"),
    ),
    "FileShown": an_object(
        "id name", id=WHOLE, name=TEXT, kind=TEXT, mime=TEXT, size=WHOLE, sha256=TEXT, url=TEXT,
        waits=said(maybe(TEXT), "new 待审核，gone 审核通过后移除（单位备案的扫描件）"),
    ),
    "Asked": an_object("label text", label=TEXT, text=TEXT),
    "Countdown": an_object(
        "due_at", title=TEXT, due_at=maybe(INSTANT), side=said(TEXT, "剩 或 超；补正中暂停的，说明暂停"),
        number=maybe(WHOLE), unit=TEXT, tone=said(TEXT, "near 临近，over 超期，pause 暂停"),
        spent=said(WHOLE, "已用百分比"), why=said(TEXT, "期限由来"),
    ),
    "ApplicationWhole": {"allOf": [ref("Application"), an_object(
        reason=maybe(TEXT), asked=many(ref("Asked")), data=PART, steps=many(ref("Step")),
        checks=said(many(ref("Finding")), "批准须满足的每一个条件，与审批页相同"),
        differences=many(an_object("field", field=TEXT, old=ANY, new=ANY)), files=many(ref("FileShown")),
        version=maybe(WHOLE), clock=ref("Countdown"), watched=YES, may_decide=YES, two_persons=YES,
        papers=said(many(an_object("field label old new", field=TEXT, label=TEXT, old=many(ref("FileShown")),
            new=many(ref("FileShown")), erased=WHOLE)), "备案的证照扫描件：现行的和申请的；erased 份已按保存期限删除"),
        remarks=said(many(an_object("field label text", field=TEXT, label=TEXT, text=TEXT)), "不通过时指出有误的项"),
    )]},
    "ApplicationPage": page_of("Application"),
    "NewApplication": an_object(
        "kind elevator_id", kind=one_of(sorted(OPEN_KINDS)), elevator_id=WHOLE, effective_on=said(DAY, "不早于今天"),
        reason=text(2000), attachments=FILES, until_on=said(DAY, "维保暂停、按需维保：到哪一天"),
        interval_days=said(WHOLE, "按需维保：间隔天数"), worker_id=WHOLE, co_worker_id=WHOLE, manager_id=WHOLE,
        cause=said(one_of(["retrofit", "relocation", "use_unit", "rename", "design_life"]), "变更登记：原因"),
        changes=said(PART, "变更登记：字段 → 新值"),
    ),
    "NewUnitChange": an_object(
        "code", code=said(text(30), "识别码或注册代码，完整"), new_unit_id=WHOLE, contract_id=WHOLE, signed_on=DAY,
        effective_on=DAY, reason=text(500), attachments=FILES,
    ),
    "NewApplications": an_object(
        "kind", kind=one_of([kind.value for kind in KINDS]),
        elevator_ids=said(many(WHOLE, 500), "或用 codes；须在本单位范围内"),
        codes=said(many(text(30), 1000), "识别码或注册代码，完整；维保单位变更可以是还看不到的电梯"),
        effective_on=said(DAY, "不早于今天"), reason=text(2000), attachments=FILES,
        until_on=said(DAY, "维保暂停、按需维保：到哪一天"), interval_days=said(WHOLE, "按需维保：间隔天数"),
        contract_id=said(WHOLE, "维保单位变更：新维保单位申请时，本单位的新合同"),
        new_unit_id=said(WHOLE, "维保单位变更：原维保单位、使用单位申请时"),
        signed_on=said(DAY, "同上，新合同的签订日期"), cause=said(one_of(CAUSE_ALIKE), "变更登记：原因"),
        changes=said(PART, "变更登记：字段 → 新值，每台相同；不给的保持不变"),
    ),
    "ApplicationsJob": an_object(
        "id step kind state", id=WHOLE, step=one_of(["check", "apply"]), kind=TEXT, state=TEXT, done=WHOLE, total=WHOLE,
        error=maybe(TEXT), can=said(maybe(WHOLE), "核对：可以申请几台"), applied=said(maybe(WHOLE), "提交：已申请几台"),
        refused=maybe(WHOLE), missing=said(many(TEXT), "没有找到的编号"),
        entered=said(maybe(WHOLE), "核对：确认提交以后，那次提交的 id"),
        why=many(ref("ApplicationsReason")), warn=said(many(ref("ApplicationsReason")), "可以申请，但请留意"),
        stopped=maybe(TEXT), left=many(an_object("code why", code=TEXT, why=many(TEXT))),
    ),
    "ReturnedApplications": an_object(
        "batch kind count seen", batch=WHOLE, kind=TEXT, count=said(WHOLE, "退回补正的件数"),
        seen=said(TEXT, "代表现在退回的这些件，重新提交时原样带回"),
        opinions=many(an_object("opinion count", opinion=TEXT, count=WHOLE)),
        papers=many(an_object("sha256 name", sha256=TEXT, name=TEXT, size=WHOLE, count=said(WHOLE, "几件有"))),
        more_papers=said(WHOLE, "没有列出的材料数"),
    ),
    "ApplicationsMended": an_object(
        "seen", seen=said(text(64), "returned 给出的 seen"),
        keep=said(many(text(64), 31), "留下的材料的 sha256；没有列出的用 rest；不给则全部留下"),
        effective_on=said(DAY, "不早于今天"), reason=text(2000), attachments=FILES,
        until_on=said(DAY, "维保暂停、按需维保：到哪一天"), interval_days=said(WHOLE, "按需维保：间隔天数"),
        contract_id=said(WHOLE, "维保单位变更：新维保单位申请时"),
        new_unit_id=said(WHOLE, "维保单位变更：原维保单位、使用单位申请时"),
        signed_on=said(DAY, "同上，新合同的签订日期"), changes=said(PART, "变更登记：字段 → 新值，每台相同"),
    ),
    "MendingJob": an_object(
        "id batch kind state", id=WHOLE, batch=WHOLE, kind=TEXT, state=TEXT, done=WHOLE, total=WHOLE, error=maybe(TEXT),
        mended=said(maybe(WHOLE), "已重新提交几件"), refused=maybe(WHOLE), stopped=maybe(TEXT),
        left=many(an_object("number why", number=TEXT, why=many(TEXT))),
    ),
    "ApplicationsReason": an_object(
        "rule count first", rule=TEXT, remedy=TEXT, count=said(WHOLE, "几台"),
        first=many(an_object("code found", code=TEXT, found=TEXT)),
    ),
    "Correction": an_object(
        "", effective_on=DAY, reason=text(2000), attachments=said(many(WHOLE, 20), "留下的和新加的"),
        filed=said(PART, "改正后的内容，字段与提交时相同，须给全；不给则内容不变"),
    ),
    "Decision": an_object(
        "verb seen_version", verb=one_of(["accept", "approve", "return", "reject"]), opinion=text(500),
        seen_version=said(WHOLE, "看到的 row_version；之后有变动则 409"),
        remarks=said({"type": "object", "additionalProperties": {"type": "string", "maxLength": 200}},
            "备案不通过时指出有误的项：字段名（扫描件：单位 paper_licence、paper_qualification，"
            "人员 paper_certificate、paper_operator）和有什么不对"),
    ),
    "Revocation": an_object(
        "reason seen_version", reason=said(text(500), "申请人会看到"), seen_version=said(WHOLE, "看到的 row_version"),
    ),
    "Batch": an_object(
        "verb chosen", verb=one_of(["approve", "return", "reject"]), opinion=text(500),
        chosen=many(an_object("id seen_version", id=WHOLE, seen_version=WHOLE), 200),
    ),
    "BatchResult": an_object("done results", done=said(WHOLE, "办成几件"), results=many(an_object(
        "id done status", id=WHOLE, done=YES, status=WHOLE, state=maybe(TEXT), number=maybe(TEXT),
        errors=many(ref("Finding")), current_version=maybe(WHOLE),
    ))),
    "Ageing": an_object("rows as_of", as_of=INSTANT, rows=many(an_object(
        "region_code name waiting", region_code=TEXT, name=TEXT, waiting=WHOLE,
        ages=said(many(WHOLE), "1 天内、3 天内、5 天内、更久"), late=WHOLE, oldest_at=maybe(INSTANT),
    ))),
    "Delegation": an_object(
        "id from to", id=WHOLE, **{"from": NAMED, "to": NAMED}, from_on=DAY, to_on=DAY, reason=maybe(TEXT),
        ended_at=maybe(INSTANT),
    ),
    "Delegations": an_object("rows colleagues", rows=many(ref("Delegation")), colleagues=many(NAMED)),
    "NewDelegation": an_object("to_id from_on to_on", to_id=WHOLE, from_on=DAY, to_on=DAY, reason=text(200)),
    "Comment": an_object("id body at", id=WHOLE, body=TEXT, internal=YES, author=TEXT, at=INSTANT),
    "Comments": an_object("rows watched", rows=many(ref("Comment")), watched=YES),
    "NewComment": an_object("body", body=text(1000), internal=said(YES, "只给监管人员看")),
    "Watched": an_object("watched", watched=YES),
    # --- contracts
    "Contract": an_object(
        "id number", id=WHOLE, number=TEXT, kind=one_of(CONTRACT_KIND), state=said(TEXT, "pending active near ended"),
        unit=NAMED, use_unit=maybe(NAMED), region_code=TEXT, signed_on=maybe(DAY), starts_on=DAY, ends_on=DAY,
        note=maybe(TEXT), renewed_from_id=maybe(WHOLE), taken_over=said(YES, "从原平台接管"), row_version=WHOLE,
    ),
    "ContractPage": page_of("Contract"),
    "ContractWhole": {"allOf": [ref("Contract"), an_object(
        elevators=many(an_object("elevator_id", elevator_id=WHOLE, code=TEXT, starts_on=DAY, ends_on=DAY)),
        files=many(ref("FileShown")), renewed_by=KEYS, changes=many(ref("Application")), may_write=YES,
    )]},
    "ContractTerms": an_object(
        "", number=text(40), kind=one_of(CONTRACT_KIND), use_unit_id=maybe(WHOLE), signed_on=maybe(DAY), starts_on=DAY,
        ends_on=DAY, note=text(500), unit_id=said(WHOLE, "维保单位；只有监管账号新增时填写"),
        seen_version=said(WHOLE, "修改时看到的 row_version"),
    ),
    "ContractChange": an_object(
        "reason", number=text(40), kind=one_of(CONTRACT_KIND), use_unit_id=maybe(WHOLE), signed_on=maybe(DAY),
        starts_on=DAY, ends_on=DAY, note=text(500), reason=text(500), seen_version=WHOLE,
    ),
    "ElevatorKeys": an_object("elevator_ids", elevator_ids=KEYS),
    "Bound": an_object("elevator_ids", elevator_ids=KEYS),
    "RenewalGate": an_object("values findings", values=PART, findings=many(ref("Finding"))),
    "ContractVersions": an_object("rows", rows=many(an_object(
        "number at", number=WHOLE, at=INSTANT, by=TEXT, terms=PART,
        changed=many(an_object("field", field=TEXT, old=ANY, new=ANY)),
    ))),
    # --- registers
    "Elevator": an_object(
        "id code", id=WHOLE, code=TEXT, category=maybe(TEXT), address=TEXT, estate=maybe(TEXT), region_code=TEXT,
        status=one_of(ELEVATOR_STATUS), filing_state=one_of(FILING_STATE), info_state=TEXT, approved_version=WHOLE,
        row_version=WHOLE, use_unit=maybe(NAMED), maintenance_unit=maybe(NAMED), next_inspection_on=maybe(DAY),
    ),
    "ElevatorPage": page_of("Elevator"),
    "ElevatorWhole": {"allOf": [ref("Elevator"), an_object(filed=PART, clock=maybe(PART), as_of=INSTANT)]},
    "Unit": an_object(
        "id name", id=WHOLE, name=TEXT, uscc=maybe(TEXT), kinds=many(TEXT), region_code=TEXT,
        filing_state=one_of(FILING_STATE), approved_version=WHOLE, row_version=WHOLE,
    ),
    "UnitPage": page_of("Unit"),
    "UnitWhole": {"allOf": [ref("Unit"), an_object(filed=PART)]},
    "AsOfRow": an_object("id", id=WHOLE, values=said(PART, "那一天的各栏")),
    "AsOfPage": an_object(
        "rows as_of known_at", as_of=said(DAY, "登记截至"), known_at=said(INSTANT, "按此时所知"),
        rows=many(ref("AsOfRow")), page=WHOLE, size=WHOLE, count=WHOLE, count_is_exact=YES,
    ),
    "AsOfOne": an_object(
        "as_of known_at row", as_of=DAY, known_at=INSTANT, row=said(maybe(ref("AsOfRow")), "null：当时没有"),
    ),
    "Draft": an_object("data", data=said(PART, "字段 → 值；可以只给一部分"), seen_version=WHOLE),
    "DraftKept": an_object(
        "id filing_state row_version", id=WHOLE, filing_state=TEXT, row_version=WHOLE,
        checks=many(ref("Finding")), data=PART,
    ),
    # --- policy
    "PolicyValue": an_object(
        "key value", key=TEXT, meaning=TEXT, group=TEXT, value=ANY, shown=said(TEXT, "带单位的文字"),
        origin=said(TEXT, "哪个地区或预设规定"), region_code=maybe(TEXT), preset=maybe(TEXT), since=maybe(DAY),
    ),
    "PolicyBook": an_object(
        "region on version rows", region=TEXT, on=DAY, version=said(TEXT, "记录里保存的政策版本"),
        rows=many(ref("PolicyValue")),
    ),
    "PolicyHistory": an_object(
        "key value rows", key=TEXT, meaning=TEXT, value=ref("PolicyValue"),
        presets=many(an_object("name value", name=TEXT, label=TEXT, value=TEXT, source=TEXT)),
        rows=many(an_object(
            "id region value from", id=WHOLE, region=TEXT, value=ANY, shown=TEXT, source=maybe(TEXT), known_at=INSTANT,
            by=TEXT, **{"from": DAY},
        )),
    ),
    "PolicyVersion": an_object("version values", version=TEXT, values=PART),
    "Proposal": an_object(
        "id key state", id=WHOLE, key=TEXT, meaning=TEXT, region_code=TEXT, value=ANY, shown=TEXT, effective_on=DAY,
        source=TEXT, reason=maybe(TEXT), state=TEXT, proposed_at=INSTANT, proposed_by=TEXT, decided_at=maybe(INSTANT),
        decided_by=maybe(TEXT), opinion=maybe(TEXT),
    ),
    "ProposalPage": page_of("Proposal"),
    "ProposalWhole": {"allOf": [ref("Proposal"), an_object(
        seen=said(TEXT, "批准时原样送回：该地区那天的政策版本"), checks=many(ref("Finding")),
        changes=many(an_object("key old new", key=TEXT, meaning=TEXT, old=TEXT, new=TEXT)),
    )]},
    "NewProposal": an_object(
        "key value region_code effective_on source", key=text(60),
        value={"description": "值；null 为不限；{\"inherit\": true} 为随上级", "nullable": True},
        region_code=text(12), effective_on=DAY, source=text(500), reason=text(500),
    ),
    "ProposalDecision": an_object(
        "verb", verb=one_of(["approve", "reject", "withdraw"]), seen=text(20), opinion=text(500),
    ),
    # --- the rest
    "Clocks": an_object("rows", rows=many(ref("Countdown"))),
    "ClockKinds": an_object("rows", rows=many(an_object(
        "name title", name=TEXT, title=TEXT, starts=TEXT, measure=TEXT, pauses=TEXT, ends=TEXT, told=TEXT, above=TEXT,
        policy=TEXT,
    ))),
    "SafetyRecord": an_object(
        "id kind on", id=WHOLE, kind=one_of(["daily", "weekly", "monthly"]), on=DAY, unit_id=WHOLE, region_code=TEXT,
        nothing_found=YES, findings=many(PART), elevators=KEYS, summary=maybe(TEXT), people=maybe(TEXT), made_by=TEXT,
        made_at=INSTANT,
    ),
    "SafetyRecordPage": page_of("SafetyRecord"),
    "NewSafetyRecord": an_object(
        "kind on nothing_found", kind=one_of(["daily", "weekly", "monthly"]), on=DAY, nothing_found=YES,
        findings=many(an_object("found", elevator_id=WHOLE, found=text(500), handled=text(500)), 50),
        summary=text(5000), people=text(200),
    ),
    "Patrol": an_object(
        "id title due_on", id=WHOLE, title=TEXT, due_on=DAY, unit_id=maybe(WHOLE), region_code=TEXT, account=TEXT,
        closed_at=maybe(INSTANT), note=maybe(TEXT),
    ),
    "PatrolPage": page_of("Patrol"),
    "PatrolStop": an_object(
        "id elevator_id", id=WHOLE, elevator_id=WHOLE, code=maybe(TEXT), checked_at=maybe(INSTANT), is_fine=maybe(YES),
        finding=maybe(TEXT), handled=maybe(TEXT),
    ),
    "PatrolWhole": {"allOf": [ref("Patrol"), an_object(stops=many(ref("PatrolStop")))]},
    "StopResult": an_object("is_fine", is_fine=YES, finding=text(500), handled=text(500)),
    "Proof": an_object(
        "known intact rows", known=YES, intact=YES, rows=WHOLE, changed=many(TEXT), same_now=YES,
        only_now=maybe(WHOLE), only_file=maybe(WHOLE), listing=TEXT, filter=TEXT, as_of=INSTANT, policy=TEXT,
        sha256=TEXT, made_at=INSTANT,
    ),
    "AuditPackage": an_object(
        "id state", id=WHOLE, state=said(TEXT, "queued 等待，running 运行，done 完成，failed 失败"), done=WHOLE,
        total=WHOLE, error=maybe(TEXT), file=said(maybe(WHOLE), "完成后：/files 中的编号"),
    ),
    "AuditDays": an_object("rows", rows=many(an_object(
        "on digest", on=DAY, first=WHOLE, last=WHOLE, batches=WHOLE, entries=WHOLE, root=TEXT, previous=TEXT,
        digest=TEXT,
    ))),
}  # fmt: skip
