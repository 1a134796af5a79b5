"""应急、维修与投诉."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from app.handbook.topics import Chapter, Step, Topic, of
from app.verbs import Verb

EMERGENCY = Chapter(_l("应急、维修与投诉"), (
    Topic(
        "trapped", _l("被困在电梯里"), (
            Step(_l("不要扒门，不要攀爬。轿厢通风，空气够用，靠边站稳，等人来救。")),
            Step(_l("按轿厢里的对讲按钮，或打标牌上的应急救援电话，告诉接线员识别码、在几层、有没有人不舒服。")),
            Step(_l(
                "打不通就扫标牌上的二维码，点“打不通？在线报警”（没有登记救援电话的，点“我被困在电梯里”），"
                "值班坐席和维保单位立即收到；页面会显示救援进度。"
            )),
        ),
        notes=(_l("有人受伤，请同时拨打 120。没有人被困请不要按，救援人员会真的赶来。"),),
    ),
    Topic(
        "desk", _l("坐席：接警、派单、回访"), (
            Step(_l(
                "有人打电话来：在“困人救援”点“电话接警”，先安抚，再问识别码，查到后点“接警，去派单”。"
                "扫码和设备的报警自动出现，每一页上方都会提醒；打开后点“接警”。"
            ), "/rescues/"),
            Step(_l("在“派给谁”里派单：先派维保单位，也可以派平台列出的其他救援力量。")),
            Step(_l("到时限没有接单、没有到达会自动升级；对方打电话来说到了、救出了，由坐席代记，系统会注明。")),
            Step(_l(
                "救出后这件救援即结束，再“记录回访”。不是困人的，才用“不是困人，结束救援”，写明怎样确认没有人被困。"
            )),
        ),
        notes=(_l("派错了用“改派”，点错了用“退回上一步”，都要写原因，过程全部留痕。"),),
        verbs=of(Verb.RESCUE_DESK), pages=("/rescues",),
    ),
    Topic(
        "rescue", _l("接到救援派单"), (
            Step(_l("短信和手机“困人救援”里都会出现。打开后马上点“接单”，再出发；可以打开地图导航。"), "/m/rescues"),
            Step(_l("到了点“到达”，救出后点“救出”，填故障原因、困人和受伤人数。")),
            Step(_l("自己去不了，马上“转派”给同事，别等到超时。")),
        ),
        notes=(_l("接单、到达、救出各有时限，超时的环节会写在记录里，并计入救援及时率。"),),
        verbs=of(Verb.RESCUE_HANDLE), pages=("/m/rescues", "/rescues"), phone=True,
    ),
    Topic(
        "report-trapped", _l("有人被困，不在电梯旁怎么报警"), (
            Step(_l("先打应急救援电话；通过对讲告诉里面的人不要扒门，救援人员马上来。")),
            Step(_l(
                "打不通，或要让维保单位同时收到：在“困人救援”点“困人报警”（手机上在“待复核”那一页也有），"
                "选是哪台电梯，再按红色的大按钮。"
            ), "/rescues/"),
            Step(_l("报警后值班坐席和维保单位立即收到；到了哪一步，在“困人救援”里看。")),
        ),
        verbs=of(Verb.REPAIR_REPORT), pages=("/m/rescues/new", "/rescues", "/m/rescues"),
    ),
    Topic(
        "report-repair", _l("报修和上报异常"), (
            Step(_l(
                "电脑上“报修与维修”点“报修登记”；手机上，使用单位在“待复核”那一页点“报修”，"
                "维保人员扫码后在电梯页点“报修”。写看到了什么、停在几楼，最好拍照。"
            ), "/repairs/"),
            Step(_l("只是不正常、还没坏的，点“上报异常”：由使用、维保单位或监管部门核实。"), "/anomalies/"),
            Step(_l("修好后收到通知，看过电梯，点“确认修好”；没修好点“仍有问题，退回维保单位”。")),
        ),
        notes=(_l("有人被困或受伤请直接打应急救援电话，不要用报修。"),),
        verbs=of(Verb.REPAIR_REPORT), pages=("/repairs", "/m/repairs", "/m/anomalies"),
    ),
    Topic(
        "repairs", _l("派工和维修"), (
            Step(_l("文员或经理在“报修与维修”的“待派工”里打开工单，“指派维修员”，可以加协同人员。"), "/repairs/"),
            Step(_l("几张一起派：在列表里勾选，点“批量派工”，派给一人，或各派给电梯自己的维保人员。"),
                 "/repairs/?tab=waiting"),
            Step(_l(
                "维修员在手机上“接单”、“出发”、“到场，开始维修”，修完“提交维修结果”：原因、处理、更换部件和照片。"
            ), "/m/repairs"),
            Step(_l("需要审批的由经理“审批通过”或驳回；使用单位再确认。")),
        ),
        notes=(_l("没有信号时这几步也存在手机里，有网络后按真实时间补上。"),),
        verbs=of(Verb.REPAIR_ASSIGN, Verb.REPAIR_DO, Verb.REPAIR_APPROVE), pages=("/repairs", "/m/repairs"),
    ),
    Topic(
        "anomalies", _l("处理电梯异常"), (
            Step(_l("打开“电梯异常”，先看“待处理”：来自巡检、公众、物联网设备和现场人员。"), "/anomalies/"),
            Step(_l(
                "打开后选一种处理：“确认属实，稍后处理”、“现场已处理”、“转维修，生成工单”、“转救援，立即报警”，"
                "或“排除，不是异常”并写明。"
            )),
        ),
        notes=(_l("使用单位上报的，维保单位不能自己排除：请由使用单位或监管部门排除，或转维修。"),),
        verbs=of(Verb.ANOMALY_HANDLE), pages=("/anomalies", "/m/anomalies", "/iot"),
    ),
    Topic(
        "public-code", _l("扫码投诉、留言、看进度"), (
            Step(_l("扫电梯里的二维码，不登录就能看这台电梯由谁使用、谁维保、上次和下次维保、检验日期。")),
            Step(_l(
                "有问题点“投诉”，故障点“报修”：选问题、写情况，可以拍照；称呼和手机号码要填，只用来办理和答复。提建议、"
                "不急的事点“留言”。"
            )),
            Step(_l("记下 12 位查询编号，在“查询进度”里看办到哪一步。")),
        ),
    ),
    Topic(
        "complaints", _l("办理公众投诉"), (
            Step(_l("打开“公众投诉”，在时限内“接单”，到现场处理。"), "/complaints/"),
            Step(_l("“提交处置”：做了什么、问题是否解决，附照片；投诉人会看到。")),
            Step(_l("使用单位复核：“认可，办结”，或“不认可，退回重办”。两次不认可的转监管部门。")),
        ),
        notes=(_l("接单、处置、复核各有时限，不及时的环节计入反馈处置及时率。"),),
        verbs=of(Verb.COMPLAINT_HANDLE, Verb.COMPLAINT_REVIEW, Verb.COMPLAINT_CLOSE),
        pages=("/complaints", "/m/complaints", "/messages"),
    ),
))  # fmt: skip
