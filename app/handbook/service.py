"""维保: planning at the desk, the visit on site, what is confirmed and what counts."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from app.handbook.topics import Chapter, Step, Topic, of
from app.verbs import Verb

SERVICE = Chapter(_l("维保"), (
    Topic(
        "ledger", _l("排班：设备履历"), (
            Step(_l("打开“设备履历”，给每台电梯填维保人员和“下次年度维保”，其余日期自动推算。"), "/ledgers/"),
            Step(_l("很多台一起填：勾选后点“批量修改”，填“每天几台”，日期自动排开。")),
            Step(_l("换人：在履历里改维保人员，多台的用“批量修改”；原维保人员的待维保任务一并改由接手的人办理。")),
            Step(_l("每晚按履历生成近几日的任务；“不会生成任务”的页签说明为什么。"), "/ledgers/?tab=idle"),
            Step(_l("几个人一起管一批电梯，建“维保小组”：小组成员都能看到并维保。"), "/teams/"),
        ),
        verbs=of(Verb.LEDGER_EDIT), pages=("/ledgers", "/teams"),
    ),
    Topic(
        "year-plan", _l("生成一年计划"), (
            Step(_l("在“设备履历”勾选电梯，点“生成一年计划”。"), "/ledgers/"),
            Step(_l("填起始日期和间隔：要在 3 个月后做年度保养，起始日期往前推 9 个月。")),
            Step(_l(
                "已是自动生成任务的电梯，须勾选“自动生成任务的电梯改为手动，由一年计划代替”，否则不生成。点“预览”，"
                "看清每一条再生成。"
            )),
        ),
        verbs=of(Verb.LEDGER_EDIT), pages=("/year-plans",),
    ),
    Topic(
        "orders", _l("分配、改期和改派任务"), (
            Step(_l("打开“维保计划”的“未分配”，勾选后点“批量分配”。"), "/orders/?tab=free"),
            Step(_l("改派：勾选多条点“批量分配”。改期：打开一条改计划日期；多条改到同一天，勾选后点“批量改期”。")),
            Step(_l("在外面也能改：手机上“我的”→“分配维保任务”。"), "/m/plan", unit=True),
        ),
        notes=(_l("维保期限从上次有效维保起算，改计划日期不会改期限；排在期限之后的会提醒您。"),),
        verbs=of(Verb.ORDER_EDIT), pages=("/orders", "/tasks"),
    ),
    Topic(
        "check-in", _l("到现场签到"), (
            Step(_l("手机登录后在“首页”，点中间的“扫码签到”，扫轿厢里的标签；扫不了就输入标牌上的识别码。"), "/m/scan"),
            Step(_l("允许浏览器使用定位。页面逐项列出能不能签到，差的写明怎么办，改好后点“再检查一次”。")),
            Step(_l("选好这次做哪一种维保，点“签到”。两人作业时，另一人用自己的账号“加入这次维保”。")),
        ),
        notes=(
            _l("定位偏了：请站在电梯旁重新定位；登记的位置不对，用“现场标注位置”改。"),
            _l("证件过期、到了本月台次上限等，签到之前就会说明原因。"),
        ),
        verbs=of(Verb.VISIT_MAKE), pages=("/m/scan", "/m/e", "/m/orders"), phone=True,
    ),
    Topic(
        "check-out", _l("填写项目并签退"), (
            Step(_l("维保完成后再扫一次标签（或从“正在维保”进入），“还差”列出还不能签退的原因，例如时间不够。"), "/m/"),
            Step(_l("先点“其余都正常”，再把有问题的项目改成实际结果；要实测值的填数字。")),
            Step(_l("填故障反馈，按提示拍现场照片；使用单位的人在场就请他签名、评价。")),
            Step(_l("点“签退”。没有签名的，记录等使用单位复核；期限写在记录里。"), "/m/visits"),
        ),
        notes=(
            _l("写了一半不会丢：内容存在这部手机上，回来接着填。"),
            _l("在手机浏览器的菜单里把梯安添加到主屏幕，就有自己的图标，点开是首页；还没有发送的，先在浏览器里发完。"),
            _l("超过政策规定的时间没有签退，这次维保无效。"),
        ),
        verbs=of(Verb.VISIT_MAKE), pages=("/m/visits",), phone=True,
    ),
    Topic(
        "no-signal", _l("井道里没有信号"), (
            Step(_l("进井道前，在有信号的地方打开一次手机的“首页”，近几天的任务会存进手机。"), "/m/"),
            Step(_l("没有信号照样签到、填写、拍照、签名、签退；都存在手机里，时间是真实的时间。")),
            Step(_l("出来有信号后自动发送。在“待发送”里看是否都收到；没有收下的写明原因，可以改后再发。"), "/m/outbox"),
        ),
        notes=(_l("发送之前不要退出账号、清理浏览器或换手机。"),),
        verbs=of(Verb.VISIT_MAKE), pages=("/m/outbox",), phone=True,
    ),
    Topic(
        "confirm", _l("复核维保记录"), (
            Step(_l("手机“待复核”里列出等您确认的维保，期限近的在前；电脑上是“维保记录”的“待复核”。"), "/m/reviews"),
            Step(_l("打开看做了什么、照片和时长，到电梯旁看一眼。属实点“确认维保属实”，可以评价。")),
            Step(_l("与实际不符点“有异议”，写明哪一处不符，监管部门会看到。")),
            Step(_l("还要修的，选“需要报修”，确认后自动生成维修工单。")),
        ),
        notes=(_l("到期没有复核会怎样由本地政策决定，期限写在每条记录上；请尽早看。"),),
        verbs=of(Verb.VISIT_REVIEW), pages=("/m/reviews", "/visits"), phone=True,
    ),
    Topic(
        "confirm-by-link", _l("收到维保确认短信"), (
            Step(_l("短信由平台发到备案的使用单位电话。点开链接就能看这次维保，不用登录。")),
            Step(_l("属实就确认，可以手写签名、评价；不属实的写明哪一处不符，点“不认可”。")),
        ),
        notes=(_l("一个链接只能提交一次，过期失效；不是您单位的电梯请不要确认，并告诉维保单位。"),),
    ),
    Topic(
        "approve-visits", _l("审批维保、核对标签照片"), (
            Step(_l("打开“维保记录”的“审核中”，看项目、照片和时长，勾选后“同意所选”或“驳回所选”。"), "/visits/"),
            Step(_l(
                "扫不了码、按识别码签到的要看照片：“核对标签照片”，对照登记，“通过”“要求补拍”或“不通过”。"
            ), "/visits/labels/"),
        ),
        verbs=of(Verb.VISIT_APPROVE, Verb.VISIT_LABEL), pages=("/visits",),
    ),
    Topic(
        "overdue", _l("维保期限和超期"), (
            Step(_l(
                "“维保任务”按期限列出每台电梯：今天到期、临近、超期；“筛选”里选维保人员或维保小组，只看谁的。"
            ), "/tasks/"),
            Step(_l("到期当天 24 时前完成有效维保就不超期；期限从上次有效维保起算，周期由本地政策决定。")),
            Step(_l("超期的进入“超期记录”，要扣分；尽快补做，补做后系统自动记为“逾期完成”。"), "/overdue/"),
            Step(_l("有正当理由的（例如无法进入），在“六个率动态积分”的“扣分账目”里，那条超期后面点“申诉”。")),
        ),
        notes=(_l("作废、无效、不通过的维保不算做过；期限按没有这次维保重算。"),),
        verbs=of(Verb.ORDER_READ), pages=("/overdue", "/tasks", "/warnings/maintenance"),
    ),
    Topic(
        "daily", _l("日管控、周排查、月调度"), (
            Step(_l("单位负责人在“主体责任”里勾选电梯，给每台“指定安全员”，并写好“风险管控清单”。"), "/safety/"),
            Step(_l(
                "安全员每天在手机“日管控”里检查自己负责的电梯：有问题写在那一台下面；都没有问题，勾选“全部检查过，"
                "未发现问题”；再点“提交今天的检查”。"
            ), "/m/safety"),
            Step(_l("每周、每月在“填写记录”里写“周排查”、“月调度”；漏了的列在“缺口”，点“补填”。"), "/safety/"),
        ),
        verbs=of(Verb.SAFETY_EDIT, Verb.SAFETY_RECORD), pages=("/safety", "/m/safety"),
    ),
    Topic(
        "patrols", _l("巡检"), (
            Step(_l("点“安排巡检”，起名、选电梯、巡检人和完成期限。"), "/patrols/", Verb.PATROL_EDIT),
            Step(_l("巡检人在手机“巡检”里到一台填一台：“正常”，或“有问题”并写明、拍照。"), "/m/patrols"),
            Step(_l("期限一过，没有巡的记为漏巡，不能再填。")),
        ),
        verbs=of(Verb.PATROL_READ), pages=("/patrols", "/m/patrols"),
    ),
))  # fmt: skip
