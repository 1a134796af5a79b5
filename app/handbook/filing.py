"""备案、申请与合同."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from app.handbook.topics import Chapter, Step, Topic, of
from app.verbs import Verb

FILING = Chapter(_l("备案、申请与合同"), (
    Topic(
        "unit", _l("完善并上报单位备案"), (
            Step(_l(
                "打开“单位”里的本单位，点“修改”。有营业执照照片的可以“识别并填表”，识别后逐项核对。"
            ), "/units/mine", unit=True),
            Step(_l("标“必填”的保存草稿就要有，标“上报必填”的上报前补齐；营业执照、许可证的扫描件在同一页上传。")),
            Step(_l("点“保存并上报”。监管部门审核期间不能再改，要改先“撤回申请”。")),
            Step(_l("通过后生效；以后改动任何一项都要重新上报，审核期间原来的一版继续有效。")),
        ),
        verbs=of(Verb.UNIT_EDIT), pages=("/units", "/attached/unit"),
    ),
    Topic(
        "use-units", _l("替使用单位建档"), (
            Step(_l(
                "打开“单位”，点“登记单位”，填统一社会信用代码、名称、地区，类型选使用单位，再上报。"
            ), "/units/new"),
            Step(_l(
                "审核通过后，在“我的子用户”的“使用单位账号”里给它建账号，它就能自己复核维保、报修。"
            ), "/sub-accounts/", Verb.SUBACCOUNT_EDIT, unit=True),
        ),
        verbs=of(Verb.CONTRACT_EDIT), pages=("/units",),
    ),
    Topic(
        "people", _l("登记人员和证书"), (
            Step(_l("打开“人员与证书”，点“添加人员”，填姓名、身份证号和作业人员证；人多的用“导入”。"), "/people/new"),
            Step(_l("打开那个人，上传证件，再上报备案。")),
            Step(_l(
                "到期前平台会提醒；换了新证就改日期并重新上报，按多数地区的政策，过期的不能签到。"
            ), "/warnings/certificate/"),
            Step(_l("人要离开：打开那个人办“离职交接”，任务、计划和电梯交给接手的人。")),
        ),
        notes=(_l("一人一企：先在原单位办完离职，才能到新单位。"),),
        verbs=of(Verb.PERSON_EDIT), pages=("/people", "/attached/person"),
    ),
    Topic(
        "invitations", _l("邀请员工入职"), (
            Step(_l(
                "打开“入职邀请”，点“入职邀请”填姓名、手机、人员类型；多人用“批量入职”，现场多人用“邀请二维码”。"
            ), "/invitations/"),
            Step(_l("主管在“待主管办理”里同意发出，把链接或二维码交给本人；本人用手机填资料、拍证件。")),
            Step(_l("本人提交后，主管审核资料；通过就入职并开通账号，驳回的写明原因，本人改后再交。")),
        ),
        verbs=of(Verb.PERSON_EDIT, Verb.INVITATION_APPROVE), pages=("/invitations",),
    ),
    Topic(
        "elevators", _l("登记电梯"), (
            Step(_l(
                "打开“电梯”，点“新增备案”，草稿至少要识别码、品种、地址和所在地区，其余上报前补齐。"
            ), "/elevators/new"),
            Step(_l("同一楼盘的下一台：在登记好的那台的页面点“照这台新增”，相同的项已填好，编号、坐标和日期按这一台填。")),
            Step(_l("“在地图上选位置”，或以后由维保员站在电梯旁用手机标注。")),
            Step(_l("接管已经在用的电梯，把“申报状态”选为现在的状态；新装的先告知，再办使用登记。")),
            Step(_l(
                "点“保存并上报”。几十台以上的用“导入”，草稿可以在“待上报”里勾选后一起上报。"
            ), "/elevators/?tab=draft"),
        ),
        verbs=of(Verb.ELEVATOR_EDIT), pages=("/elevators", "/components", "/landing-doors", "/usual-parts"),
    ),
    Topic(
        "import", _l("用 Excel 导入和批量修改"), (
            Step(_l(
                "打开“导入”，选种类。可以“下载模板”填写，也可以直接上传自己的台账：列名、顺序、日期写法不同都没关系。"
            ), "/imports/"),
            Step(_l("核对每一列对应的字段和不认识的词；选过一次就记住，下次同样的表自动采用。")),
            Step(_l("看清新增、更新、无变化各多少行再导入。错误逐格写明；有错误的行可以下载，改好再传。")),
            Step(_l("要批量修改：在列表里筛选、“导出”，改好后用“更新导入”传回，没有改的不变。")),
        ),
        notes=(_l("导错了可以“撤销这批导入”；已经有后续业务的行不能撤销，会列出来。"),),
        verbs=of(Verb.IMPORT), pages=("/imports",),
    ),
    Topic(
        "sent-back", _l("被退回或不通过怎么办"), (
            Step(_l("收件箱的通知、首页“办理中的申请”都能打开那一件；审核意见和有误的项标在上面。"), "/applications/"),
            Step(_l("退回补正的点“去补正”，改好后“补正后重新提交”，补正期间不计审批时限。")),
            Step(_l("备案不通过的点“修改后重新上报”，内容还在，只改有误的项。")),
            Step(_l("自己发现填错、还没有决定的，点“撤回申请”，改好再提交；一批的在列表里勾选，点“撤回所选”。")),
        ),
        verbs=of(Verb.FILING_SUBMIT, Verb.APPLICATION_SUBMIT), pages=("/applications",),
    ),
    Topic(
        "lifecycle", _l("使用登记、停用、启用、报废和变更"), (
            Step(_l("打开那台电梯，右上角只列出它现在能办的事，例如“停用登记”“报废登记”。"), "/elevators/"),
            Step(_l("按表填写，上传要求的材料。右边的“能不能办”先说明还差什么，差的项写明怎么补。")),
            Step(_l("提交后在“我的申请”里看进度和剩余时限，可以打印申请表盖章。"), "/applications/"),
        ),
        notes=(
            _l("停用的电梯不派维保、不算超期；启用后重新起算。"),
            _l("不确定能不能办，用“能不能办”先查，不会提交任何内容。"),
        ),
        verbs=of(Verb.APPLICATION_SUBMIT), pages=("/elevators", "/applications"),
    ),
    Topic(
        "apply-many", _l("很多台电梯一起申请"), (
            Step(_l(
                "在“电梯”里筛选，勾选要办的，点“批量申请”；超过一页的，勾选后，写着“全部”的按钮有几个，点后面写“批量申请”的那个，"
                "不是“审核上报”或“登记常用组件”。"
            ), "/elevators/"),
            Step(_l(
                "选事项：“使用登记”“停用登记”“停用后启用登记”“报废登记”“维保暂停”“恢复维保”“维保单位变更”“按需维保”或“变更登记”"
                "（整个小区换使用单位、更名、一起改造或达到设计使用年限）；日期、原因和材料填写一次，每台相同。"
            )),
            Step(_l("点“逐台核对”：平台说明几台能办，几台不能、各是什么原因；这时还没有提交。")),
            Step(_l("看过再确认提交。后台逐台提交，每台一件申请；可以离开，也可以“停止任务”，结果和没有申请的原因在收件箱。"),
                 "/jobs/"),
            Step(_l(
                "在“后台任务”里打开这次提交，“查看这批申请”列出同一批；监管部门可以一次批完，您收到一条合并的通知。"
            ), "/jobs/"),
        ),
        notes=(
            _l("每台单独按规则办理，和一台一台申请没有区别；没有成功的改好后再申请。"),
            _l("整批退回的，在“我的申请”里打开这一批，点“整批补正”：日期、原因和材料改一次，退回的一起重新提交。"),
        ),
        verbs=of(Verb.APPLICATION_SUBMIT), pages=("/applications/many",),
    ),
    Topic(
        "contracts", _l("录入和续签维保合同"), (
            Step(_l("打开“维保合同”，点“新增合同”，填编号、属性、签订日期和起止日期，保存。"), "/contracts/new"),
            Step(_l("在合同页“追加电梯”：查找后勾选，或一次追加查找到的全部；再上传合同扫描件。")),
            Step(_l("或者先在“电梯”或“维保任务”里勾选电梯，再点“新增合同”：保存时一起绑定。"), "/elevators/"),
            Step(_l("快到期时点“续签”，带上原来的电梯；到期没有续签的电梯是脱保，会预警。"), "/warnings/contract/"),
        ),
        notes=(_l("起始日和截止日当天都在合同期内；没有绑定电梯的合同不算录入完成。"),),
        verbs=of(Verb.CONTRACT_EDIT), pages=("/contracts",),
    ),
    Topic(
        "unit-change", _l("维保单位变更"), (
            Step(_l("先录入新签的合同，再打开“维保单位变更”，点“申请变更”，填识别码或注册代码。"), "/unit-changes/"),
            Step(_l(
                "选新签的合同，填生效日期和原因，上传扫描件，提交。原维保单位也可以凭到期的合同申请。"
                "批准前仍由原单位负责。"
            )),
            Step(_l(
                "一次接手或交出很多台：点“多台一起申请”，整列粘贴识别码或注册代码，“下一步”后合同、日期和材料填写一次，"
                "“逐台核对”，看过再确认提交。"
            ), "/unit-changes/many"),
            Step(_l("批准后，没办完的维修、异常和留言都转到新单位，原单位保留自己的历史记录。")),
        ),
        notes=(_l("签订后要在政策规定的天数内申请，迟报计入考核。"),),
        verbs=of(Verb.CONTRACT_EDIT), pages=("/unit-changes",),
    ),
    Topic(
        "labels", _l("二维码标牌"), (
            Step(_l(
                "在“电梯”里勾选或按筛选点“制作标签”，选尺寸，“生成 PDF”打印；贴在轿厢内，扶梯贴在出入口。"
            ), "/elevators/"),
            Step(_l("标牌坏了或被仿冒：打开那台电梯的“一梯一码 标签”，“更换标牌”，换贴后扫一次新标牌。")),
            Step(_l("装修等临时扫不了：“制作临时标牌”，到期自动失效。")),
        ),
        verbs=of(Verb.LABEL_EDIT), pages=("/labels",),
    ),
))  # fmt: skip
