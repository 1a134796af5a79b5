"""列表、得分、统计与公开."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from app.handbook.topics import Chapter, Step, Topic, of
from app.verbs import Verb

FIGURES = Chapter(_l("列表、得分与统计"), (
    Topic(
        "lists", _l("查找、筛选和导出"), (
            Step(_l("页面最上面的搜索框找一切：识别码、注册代码、地址、单位、申请编号；按 / 键直接输入。"), "/search/"),
            Step(_l("列表里用“筛选”加条件，“列”选要显示的列，点列名排序；上面的页签是常用的分类。")),
            Step(_l("条件常用就“存为我的筛选”，还可以与同事共享。")),
            Step(_l("“导出”按当前筛选和列生成 .xlsx 或 .csv；行数多的在后台做好，收件箱通知您下载。")),
            Step(_l("“登记截至（回看某一天）”可以看电梯、单位、合同在那一天的样子。")),
        ),
        verbs=of(Verb.HOME), pages=("/search", "/jobs"),
    ),
    Topic(
        "scores", _l("得分是怎么来的"), (
            Step(
                _l("打开“六个率动态积分”，点单位，再点任何一个数字，一直看到那一次维保、那一件救援。"), "/scores/total/"
            ),
            Step(_l("“扣分账目”逐笔列出扣了多少、依据哪个参数；有异议的那一条后面点“申诉”。")),
            Step(_l("“提分模拟”：勾选打算补做的事，马上看到能提多少分、几星。")),
            Step(_l("规模差别大的单位怎样比，看“公平比较”。"), "/scores/fair/"),
        ),
        notes=(_l("“暂定”的得分还会变：期末之后，复核、上传和申诉的期限都过了才定下来。"),),
        verbs=of(Verb.SCORE_READ), pages=("/scores",),
    ),
    Topic(
        "reports", _l("统计报表和人力测算"), (
            Step(_l("打开“统计报表”，选地区和起止日期；要更细的点“专项统计”，“导出工作簿”带走全部。"), "/reports/"),
            Step(_l("“人力测算”：未来几周逐日试排，看够不够人、缺在哪里。"), "/capacity/", Verb.SCORE_READ),
        ),
        verbs=of(Verb.REPORT_READ), pages=("/reports", "/capacity", "/cockpit"),
    ),
    Topic(
        "bulletins", _l("生成和印发通报"), (
            Step(_l("打开“通报”，点“生成通报”，选地区和期间；数字由系统统计，文字可以编辑。"), "/bulletins/"),
            Step(_l("先“核对”再“签发”，最好由两个人分别办；签发时编号并发送，之后不能再改。")),
            Step(_l("印发后数据有更正的，“复算核对”会说明，再发更正通报。")),
        ),
        verbs=of(Verb.BULLETIN_EDIT, Verb.BULLETIN_ISSUE), pages=("/bulletins",),
    ),
    Topic(
        "own-data", _l("我的个人信息"), (
            Step(_l("在“个人信息”里打开“个人信息权利”：查阅、“下载我的资料”，要更正、删除的“提出请求”。"), "/privacy/"),
            Step(_l("提出后 30 天内答复，结果和理由在同一页查看。")),
        ),
        notes=(_l("列表里的电话和证件号只显示首尾；查看完整号码要有权限，并写入审计日志。"),),
        verbs=of(Verb.INBOX), pages=("/privacy", "/profile"),
    ),
))  # fmt: skip
