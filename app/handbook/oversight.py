"""监管: deciding, inspecting, checking, and a region's own rules."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from app.handbook.topics import Chapter, Step, Topic, of
from app.verbs import Verb

OVERSIGHT = Chapter(_l("监督管理"), (
    Topic(
        "approve", _l("审批申请"), (
            Step(_l(
                "打开“待我审批”，最先到期的在前。键盘 j、k 上下，Enter 打开，a 同意，r 退回。"
            ), "/applications/queue"),
            Step(_l("看“变了什么”和“自动核对”：红色的不能同意，黄色的请留意；材料点开看。")),
            Step(_l(
                "“同意”、“退回补正”或“不通过”（备案没有退回补正）；后两种写明理由，也可以在有误的项下点“指出有误”。"
            )),
            Step(_l("要两人同意的，第一人初审后由另一人复审；自己提交或初审的不会出现在自己这里。")),
        ),
        notes=(_l("退回补正期间时限停表；已通过、还没有生效的可以“撤销批准”。"),),
        verbs=of(Verb.APPLICATION_DECIDE), pages=("/applications",),
    ),
    Topic(
        "approve-many", _l("一次审批很多件"), (
            Step(_l(
                "在“待我审批”勾选，或选筛选出的全部，点“批量同意”“批量退回”或“批量不通过”。"
            ), "/applications/queue"),
            Step(_l("一家单位一起交来的，点“同一批”里的那一批，就只剩它们。")),
            Step(_l("页面先说明哪些会办、哪些不会办和为什么，确认后逐件按规则办理。")),
            Step(_l("件数多的转为后台任务，可以离开；结果在收件箱，逐件写明。"), "/jobs/"),
        ),
        verbs=of(Verb.APPLICATION_DECIDE), pages=("/applications",),
    ),
    Topic(
        "delegate", _l("外出时请人代办"), (
            Step(_l("在“待我审批”点“代办”，选代办人和起止日期，写原因。"), "/delegations/"),
            Step(_l("代办人看到您的申请，办理过程注明“代”；提前回来点“结束”。")),
        ),
        verbs=of(Verb.APPLICATION_DECIDE), pages=("/delegations",),
    ),
    Topic(
        "warnings", _l("看预警"), (
            Step(_l(
                "打开“预警”：黄色为临近，红色为超期；维保、年检、限速器、组件寿命、合同、资质证书、许可证、"
                "物联网设备各一页。"
            ), "/warnings/"),
            Step(_l("点数字看清单，点电梯看原因和依据；清单可以筛选、导出。")),
            Step(
                _l("换好的组件：在“组件寿命”里勾选，点“今天更换”，一次登记。"), "/warnings/component/",
                Verb.COMPONENT_EDIT,
            ),
        ),
        verbs=of(Verb.WARNING_READ), pages=("/warnings",),
    ),
    Topic(
        "inspections", _l("登记检验和上传报告"), (
            Step(_l(
                "检验人员：“检验检测”的“待检电梯”里看最近要检的，检完点“登记检验”，按报告填写，登记即生效。"
            ), "/inspections/due/"),
            Step(_l("使用、维保单位：自行检测、限速器校验、制动试验在电梯页“上传检测、校验报告”，审核通过后生效。")),
            Step(_l(
                "临近或到期的，也可以在“预警”的“限速器”或“待检电梯”里点那一台的“上传报告”，电梯和检验类型已填好。"
            ), "/warnings/governor/"),
            Step(_l("不合格的逐项写明；复检合格后再登记一次，下次日期才往后推。")),
        ),
        notes=(_l("登记错了不能删除，用更正或作废，原记录保留。"),),
        verbs=of(Verb.INSPECTION_EDIT, Verb.INSPECTION_REPORT), pages=("/inspections", "/warnings/inspection"),
    ),
    Topic(
        "fraud", _l("核查签到疑点"), (
            Step(_l(
                "每晚检查前一天的签到、签退和照片，疑点列在“签到核查”。疑点只提出问题，不改变记录，也不处罚任何人。"
            ), "/fraud/"),
            Step(_l("打开看证据：排除并写明，或立案请单位说明。")),
            Step(_l("收到单位说明后认定；案件本身不扣分、不处罚，要处罚的另行发起。")),
        ),
        verbs=of(Verb.FRAUD_DECIDE), pages=("/fraud",),
    ),
    Topic(
        "fraud-answer", _l("被立案核查，怎样说明"), (
            Step(_l("打开“签到核查”里的案件，看列出的疑点和证据。"), "/fraud/cases/"),
            Step(_l("在期限内写明情况、上传证明，提交说明；认定结果会通知您，有异议可以申诉。")),
        ),
        verbs=of(Verb.FRAUD_ANSWER), pages=("/fraud",),
    ),
    Topic(
        "spot", _l("双随机抽查"), (
            Step(_l("点“新建抽查”，选地区、范围、数量和截止日期，登记要回避的人。"), "/spot/draws/", Verb.SPOT_DRAW),
            Step(_l("先公布名单，再输入公开的种子抽取；谁拿同一个种子都能算出同样的结果。")),
            Step(_l("检查人员在手机上填结果；有问题的，单位在期限内整改，再复查。"), "/spot/checks/"),
        ),
        verbs=of(Verb.SPOT_DRAW, Verb.SPOT_CHECK), pages=("/spot",),
    ),
    Topic(
        "enforcement", _l("约谈、警告和处罚"), (
            Step(_l(
                "打开“约谈与处罚”，点“发起约谈或处罚”：选单位和类别，写事实、要求和答复期限，带上证据。"
            ), "/enforcement/"),
            Step(_l("约谈和警告下达后生效；立案处罚“提请决定”，由第二人决定。")),
            Step(_l("单位答复后核查：办结，或退回整改。发错了只能写明理由撤销，不能删除。")),
        ),
        verbs=of(Verb.ENFORCEMENT_EDIT, Verb.ENFORCEMENT_DECIDE), pages=("/enforcement",),
    ),
    Topic(
        "enforcement-reply", _l("答复约谈和处罚"), (
            Step(_l("收件箱的通知打开那一件，看事实、要求和答复期限。"), "/enforcement/"),
            Step(_l("“提交答复”：怎样整改、附材料；没有整改到位的会退回，再答复一次。")),
        ),
        verbs=of(Verb.ENFORCEMENT_REPLY), pages=("/enforcement",),
    ),
    Topic(
        "appeals", _l("对记录申诉"), (
            Step(_l(
                "在“六个率动态积分”里点开本单位的“扣分账目”，在有异议的那一条后面点“申诉”；维保记录、投诉、救援、"
                "检验和处罚也可以打开那一件再申诉。"
            ), "/scores/", Verb.SCORE_READ),
            Step(_l("写明哪里与事实不符，上传证明，提交；由没有参与作出记录的人审批。")),
            Step(_l("成立的更正计分，原记录保留；在“申诉”里看更正前后。"), "/appeals/"),
        ),
        notes=(_l("一条记录只能申诉一次，期限写在“自动核对”里。"),),
        verbs=of(Verb.APPEAL_SUBMIT), pages=("/appeals", "/scores", "/overdue"),
    ),
    Topic(
        "region", _l("开通一个新地区"), (
            Step(_l("“地区”：建到街道为止。"), "/regions/"),
            Step(_l("“政策参数”：选最接近本地规定的预设，再逐项核对；每个数字都要有依据，由第二人批准。"), "/policy/"),
            Step(_l("“工作日历与时限”：核对当年的放假和调休，审批时限按它计算。"), "/calendar/"),
            Step(_l("“账号”：给监察员、坐席和单位建账号。"), "/accounts/"),
            Step(_l("已有的台账用“导入”；以前的维保、检验、救援记录也能导入。"), "/imports/"),
        ),
        verbs=of(Verb.REGION_EDIT), pages=("/regions",),
    ),
    Topic(
        "policy", _l("修改政策参数"), (
            Step(_l("打开那个参数，“提议新值”：选地区、生效日期，写依据。"), "/policy/"),
            Step(_l("可以“先在过去的一段日子上回测”，看各单位得分会怎样变；回测不改变任何记录。")),
            Step(_l("由第二人批准，从生效日期起适用；已经判定的记录不变。")),
        ),
        verbs=of(Verb.POLICY_EDIT), pages=("/policy", "/calendar"),
    ),
))  # fmt: skip
