"""The bodies and answers about visits and their item lists, as `schemas.py` says the others."""

from __future__ import annotations

from app.api.schemas import (
    DAY,
    INSTANT,
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
)  # fmt: skip
from app.models.choices import LEVEL, VISIT_FAULT, VISIT_RATING
from app.models.face import FACE_STATE, FACE_VERDICT

FAULTS = said(many(one_of(VISIT_FAULT), len(VISIT_FAULT)), "故障类别，可多个；选了即为有故障")
LEVEL_CHOSEN = said(one_of(LEVEL), "没有任务时做哪一种维保；有任务的按任务，不给的按到期的")
WITHOUT_FACE = said(YES, "这次不比对人脸，按扫码、定位和照片签到")
PLACE_PHOTOS = {
    "pit_photo_ids": said(many(WHOLE, 9), "地区要求时：底坑照片的编号，上传时 kind=photo_pit"),
    "top_photo_ids": said(many(WHOLE, 9), "地区要求时：轿顶照片的编号，上传时 kind=photo_top"),
    "room_photo_ids": said(many(WHOLE, 9), "地区要求时：机房照片的编号，上传时 kind=photo_room"),
}

VISITS: dict[str, Schema] = {
    "Visit": an_object(
        "id elevator_id state", id=WHOLE, elevator_id=WHOLE, code=TEXT, worker=TEXT, level=TEXT, visit_on=DAY,
        checked_in_at=INSTANT, checked_out_at=maybe(INSTANT), mode=maybe(TEXT), state=TEXT, reason=maybe(TEXT),
        state_reason=maybe(TEXT), awaiting_sheet=YES, awaiting_review=YES,
        sheet_due_at=maybe(INSTANT), review_due_at=maybe(INSTANT),
        sent_at=said(maybe(INSTANT), "上传时间：签退到达系统的时间"),
        offline=said(maybe(TEXT), "in、out、both：离线的一段"),
        confirmed_by=said(maybe(TEXT), "spot、account、link、paper：使用单位怎样确认"),
        rating=said(maybe(TEXT), "good、fair、poor：使用单位的评价"),
        label_state=said(maybe(TEXT), "waiting、more、approved、rejected：标签照片"), label_reason=maybe(TEXT),
    ),
    "VisitPage": page_of("Visit"),
    "Item": an_object(
        "code item", code=TEXT, level=TEXT, item=TEXT, requirement=TEXT, needs_test=said(YES, "须填实测值"),
        measure=said(TEXT, "实测值的单位"),
    ),
    "ItemLine": {"allOf": [ref("Item"), an_object(
        "source", source=said(TEXT, "法定版本，或增加它的地区、单位"), detailed=said(TEXT, "把它细化的地区或单位"),
    )]},
    "ItemList": an_object(
        "kind version counts items", kind=TEXT, version=said(TEXT, "维保记录里的 item_version"),
        counts=said(PART, "每个周期一次做几项"), items=many(ref("ItemLine")),
    ),
    "ItemSet": an_object(
        "id kind name region_code from_on state own_items", id=WHOLE, kind=TEXT, name=TEXT,
        unit_id=said(maybe(WHOLE), "地区的清单没有单位"), region_code=TEXT, from_on=DAY, basis=maybe(TEXT),
        state=one_of(["draft", "submitted", "returned", "in_force", "discarded"]), own_items=WHOLE,
        submitted_at=maybe(INSTANT), decided_at=maybe(INSTANT), opinion=maybe(TEXT), row_version=WHOLE,
    ),
    "NewItemSet": an_object("kind", kind=one_of(["A", "B", "C", "D", "3410", "3420"])),
    "ItemSetDraft": an_object(
        "name from_on items row_version", name=text(40), from_on=DAY, basis=text(500), row_version=WHOLE,
        items=many(an_object(
            "level item requirement", code=said(text(20), "新增的项目不给"), level=one_of(LEVEL), item=text(60),
            requirement=said(text(300), "法定和上级项目以原文开头，更细的写在“；”之后"), needs_test=YES,
            measure=text(12),
        ), 200),
    ),
    "ItemSetDecision": an_object(
        "verb seen_version", verb=one_of(["approve", "return"]), seen_version=WHOLE,
        opinion=said(text(500), "退回须写明理由"),
    ),
    "ItemSetPage": page_of("ItemSet"),
    "ItemSetWhole": {"allOf": [ref("ItemSet"), an_object(
        "items counts", items=many(ref("ItemLine")), counts=PART,
    )]},
    "VisitWhole": {"allOf": [ref("Visit"), an_object(
        "items choices", item_version=maybe(TEXT), client_key=maybe(TEXT), order_id=maybe(WHOLE),
        items=many(ref("Item")),
        choices=many(TEXT), results=maybe(PART), in_distance=maybe(WHOLE), out_distance=maybe(WHOLE),
        faults=many(TEXT), problem=maybe(TEXT), advice=maybe(TEXT), note=maybe(TEXT), signer=maybe(TEXT),
        signed_at=maybe(INSTANT), sheet_at=maybe(INSTANT), reviewed_at=maybe(INSTANT),
        review_opinion=maybe(TEXT), decision=maybe(TEXT),
        paper_at=said(maybe(INSTANT), "纸质签字照片的上传时间"),
        decision_reason=maybe(TEXT), by_code=said(maybe(YES), "按识别码签到，没有扫标签"), counted=YES,
        label_by=said(maybe(TEXT), "unit、regulator：标签照片由谁核对"), label_at=maybe(INSTANT), snapshot=maybe(PART),
        files=many(an_object("id", id=WHOLE, kind=TEXT, name=TEXT, url=TEXT)),
        face=said(maybe(an_object(
            "state failures", state=one_of(FACE_STATE), failures=WHOLE, answered_at=maybe(INSTANT),
            verdict=maybe(TEXT), verdict_note=maybe(TEXT), looked_at=maybe(INSTANT),
        )), "人脸比对；没有要求比对，或无权查看时为 null"),
    )]},
    "CheckIn": an_object(
        "code latitude longitude", code=said(text(200), "扫到的内容，或识别码"), latitude=degrees(90),
        longitude=degrees(180), client_key=said(text(40), "手机上的编号；重发不重复签到"),
        label_photo_ids=said(many(WHOLE, 9), "按识别码签到且地区要求时：标签照片的编号"), level=LEVEL_CHOSEN,
        selfie_ids=said(many(WHOLE, 9), "地区要求时：现场本人照片的编号，上传时 kind=selfie"),
        without_face=WITHOUT_FACE,
    ),
    "VisitSheet": an_object("sheet_ids", sheet_ids=many(WHOLE, 9)),
    "ConfirmationLink": an_object(
        "sent_to sent_at expires_at", sent_to=said(TEXT, "打码的号码"), sent_at=INSTANT, expires_at=INSTANT,
        withdrawn_at=maybe(INSTANT),
    ),
    "VisitPaper": an_object(
        "paper_scene_ids paper_sheet_ids", paper_scene_ids=said(many(WHOLE, 1), "上传时 kind=paper_scene"),
        paper_sheet_ids=said(many(WHOLE, 1), "上传时 kind=paper_sheet"), rating=one_of(VISIT_RATING),
    ),
    "FaceDecision": an_object("verdict", verdict=one_of(FACE_VERDICT), note=said(text(500), "不是“是本人”时必填")),
    "VisitDecision": an_object(
        "decision", decision=one_of(["approved", "rejected"]), reason=said(text(500), "驳回须写明理由"),
    ),
    "VisitNote": an_object("body", body=text(500)),
    "LabelPhotos": an_object("label_photo_ids", label_photo_ids=many(WHOLE, 9)),
    "LabelDecision": an_object(
        "decision", decision=one_of(["approved", "more", "rejected"]), reason=text(500),
        photo_id=said(maybe(WHOLE), "看过的最新一张标签照片；之后又有新照片时拒绝"),
    ),
    "CheckOut": an_object(
        "code latitude longitude", code=text(200), latitude=degrees(90), longitude=degrees(180),
        mode=one_of(["items", "sheet"]), results=many(an_object(
            "code result", code=TEXT, result=one_of(["ok", "repair", "na"]), value=text(60), reason=text(200),
        ), 200),
        problem=said(maybe(text(500)), "空文字为无故障"), faults=FAULTS, advice=text(500), note=text(500),
        signer=text(40), repair=said(YES, "使用单位现场要求报修"), repair_note=text(140),
        rating=said(one_of(VISIT_RATING), "现场签名人的评价；没有签名时不计"),
        label_photo_ids=said(many(WHOLE, 9), "按识别码签退且地区要求时：标签照片的编号，上传时 kind=label_out"),
        photo_ids=said(many(WHOLE, 9), "附加照片，上传时 kind=photo"), **PLACE_PHOTOS,
    ),
    "OfflineCopy": an_object(
        "account_id at contact tasks items", account_id=WHOLE, at=INSTANT,
        contact=said(TEXT, "联网凭据：离线记录原样送回，7 天内有效"), running=maybe(PART), tasks=many(PART),
        items=said(PART, "项目清单，名称见任务的 items"),
        label_photo=said(YES, "任务以外的电梯，按识别码签到、签退须拍标签；任务各有自己的 label_photo"),
        selfie=said(YES, "任务以外的电梯，签到须拍现场本人照片；任务各有自己的 selfie"),
        face=said(YES, "本人同意过人脸比对"),
        horizon_days=said(WHOLE, "tasks 是多少天内的"),
        photos=said(many(PART), "任务以外的电梯，签退要哪些部位的照片（kind）；任务各有自己的 photos"),
    ),
    "OfflineMoment": an_object(
        "code at", code=said(text(200), "扫到的内容，或识别码"), at=said(INSTANT, "手机当时显示的时间"),
        latitude=degrees(90), longitude=degrees(180), accuracy=said({"type": "number", "minimum": 0}, "米"),
        photo_ids=many(WHOLE, 9), selfie_ids=said(many(WHOLE, 9), "签到且地区要求时：现场本人照片"),
        level=LEVEL_CHOSEN, without_face=WITHOUT_FACE,
        label_photo_ids=said(many(WHOLE, 9), "按识别码且地区要求时：这一端的标签照片；签退的上传时 kind=label_out"),
    ),
    "OfflineSent": an_object(
        "phone_at entries", phone_at=said(INSTANT, "手机发送时显示的时间"), entries=many(an_object(
            "key contact", key=said(text(40), "手机上的编号，8 至 40 个字符；重发用同一个"), contact=text(400),
            visit_id=said(maybe(WHOLE), "联网签到的维保；离线签到的没有"), check_in=maybe(ref("OfflineMoment")),
            item_version=said(text(80), "手机带着的维保项目版本，即离线资料里这项任务的 item_version"),
            check_out=maybe({"allOf": [ref("OfflineMoment"), an_object(
                "", mode=one_of(["items", "sheet"]), results=many(an_object(
                    "code result", code=TEXT, result=one_of(["ok", "repair", "na"]), value=text(60), reason=text(200),
                ), 200),
                problem=said(maybe(text(500)), "空文字为无故障"), faults=FAULTS, advice=text(500),
                note=text(500), signer=text(40), repair=said(YES, "使用单位现场要求报修"), repair_note=text(140),
                rating=one_of(VISIT_RATING),
                signature=said(text(400_000), "data:image/png;base64,…"), **PLACE_PHOTOS,
            )]}),
        ), 20),
    ),
    "OfflineTaken": an_object(
        "received_at entries", received_at=INSTANT, entries=many(an_object(
            "key ok", key=TEXT, ok=YES, visit=PART, status=WHOLE, errors=many(ref("Finding")),
        )),
    ),
    "RepairStepsSent": an_object(
        "phone_at entries", phone_at=said(INSTANT, "手机发送时显示的时间"), entries=many(an_object(
            "key contact order_id verb at", key=said(text(40), "手机上的编号，8 至 40 个字符；重发用同一个"),
            contact=said(text(400), "GET /visits/offline 给出的联网凭据"), order_id=said(WHOLE, "维修工单"),
            verb=said(one_of(["depart", "start"]), "出发、开始维修"), at=said(INSTANT, "按下时手机显示的时间"),
            latitude=degrees(90), longitude=degrees(180), accuracy=said({"type": "number", "minimum": 0}, "米"),
        ), 20),
    ),
    "RepairStepsTaken": an_object(
        "received_at entries", received_at=INSTANT, entries=many(an_object(
            "key ok", key=TEXT, ok=YES, repair=PART, status=WHOLE, errors=many(ref("Finding")),
        )),
    ),
    "CheckInGate": an_object(
        "passes findings", passes=YES, findings=many(ref("Finding")),
        elevator=maybe(an_object("id", id=WHOLE, code=TEXT, address=TEXT, status=TEXT)),
    ),
}
