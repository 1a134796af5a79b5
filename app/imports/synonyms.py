"""What other registers call our columns and values, in Chinese and English. Words only: nothing here decides.

A heading or word is compared by `plain_word`; what is not listed is asked of the person who imports.
"""

from __future__ import annotations

import re
import unicodedata

from app.imports.synonyms_past import PAST

_NOISE = re.compile(r"[\s_\-./:：,，、()（）\[\]【】*'\"“”#]+")

_BRACKETS = re.compile(r"\s*[(（][^()（）]{1,4}[)）]\s*$")
_REMARK = re.compile(r"\s*[(（\[【][^()（）\[\]【】]*[)）\]】]\s*$")


def plain_word(cell: object) -> str:
    """A heading or word as compared: width, case, spaces and punctuation gone."""
    return _NOISE.sub("", unicodedata.normalize("NFKC", str(cell if cell is not None else ""))).casefold()


def without_brackets(heading: str) -> str:
    """A heading without the remark at its end: 电梯编号（救援码）."""
    return _REMARK.sub("", heading)


# Names by field, parted by spaces, as `plain_word` gives them.
_INSPECTIONS = {
    "code": "电梯识别码 电梯编号 梯号 elevatorid liftid elevatorcode",
    "kind": "类型 类别 检验类别 检测类型 kind type inspectiontype",
    "number": "报告号 编号 检验报告编号 检测报告编号 report reportno reportnumber",
    "done_on": "检测日期 检验时间 校验日期 试验日期 报告日期 date inspected inspectiondate",
    "result": "结果 结论 检验结论 检测结论 result conclusion",
    "tested_by": "检验机构 检测机构 检测单位 校验单位 inspector agency testedby",
    "failed_items": "不合格项目 问题 存在问题 defects faileditems findings",
    "is_fault": "维保单位整改 涉及维保整改 fault",
    "next_on": "下次检验日期 下次检测日期 有效期至 nextdate nextinspection validuntil",
    "next_reason": "调整说明", "reason": "更正说明 correction",
}  # fmt: skip
COLUMNS: dict[str, dict[str, str]] = {
    "elevators": {
        "code": (
            "电梯识别码 应急救援识别码 电梯编号 梯号 救援识别码 电梯代码 code elevatorcode elevatorid liftid "
            "liftno elevatorno elevatornumber devicenumber deviceid equipmentid unitid deviceno anlagennr "
            "anlagennummer aufzugsnr noderegistro númeroderegistro matrícula"
        ),
        "rescue_code": "96333 96333编号 救援码 rescuecode emergencycode",
        "equipment_code": "设备编码 特种设备代码 equipmentcode devicecode",
        "registration_code": (
            "注册码 注册登记号 登记代码 设备注册代码 注册登记代码 registrationno registrationnumber "
            "registrationcode licencenumber licenseno filenumber"
        ),
        "certificate_no": "登记证号 使用证编号 使用登记证号 登记证编号 certificateno certificatenumber permitno",
        "factory_no": (
            "出厂号 产品编号 制造编号 出厂序号 serialno serialnumber factoryno manufacturerserial fabriknr "
            "fabriknummer seriennummer númerodefabricación"
        ),
        "internal_no": "单位内编号 内部号 自编号 internalno internalnumber",
        "site_no": "现场编号 现场电梯编号 现场号 sitenumber siteno",
        "register_no": "登记表号 使用登记表编号 注册登记表编号 registrationformno",
        "job_no": "工号 生产工号 jobno jobnumber", "service_no": "服务编码 服务编号 servicecode serviceno",
        "name": "名称 电梯名称 devicename equipmentname",
        "category": (
            "类型 电梯类型 设备品种 设备类别 梯型 种类 电梯品种 devicetype elevatortype lifttype type category "
            "equipmenttype 电梯种类 anlagenart aufzugsart tipodeaparato tipodeascensor"
        ),
        "model": "规格型号 电梯型号 产品型号 model modelno typ modelo",
        "maintenance_unit_id": (
            "维保公司 维保企业 维护保养单位 维修保养单位 维保单位名称 maintenancecompany maintenancefirm "
            "maintainer maintenancecontractor servicecompany contractor maintenanceunit maintainedby wartungsfirma "
            "wartungsunternehmen empresaconservadora conservadora"
        ),
        "use_unit_id": (
            "使用单位名称 责任单位 使用人 使用管理单位 管理单位 用户单位 user usingunit operator buildingmanager "
            "managedby operatingcompany useunit owneroperator betreiber titular"
        ),
        "manufacturer": (
            "制造厂家 生产厂家 厂家 品牌 制造厂 生产单位 manufacturer maker brand madeby hersteller fabricante"
        ),
        "installer": "安装公司 安装企业 施工单位 installer installedby installationcompany errichter instalador",
        "retrofitter": "改造公司 改造企业 改造施工单位 retrofitter modernizedby",
        "dealer": "经销单位 经销公司 代理商 销售单位 dealer distributor",
        "branch": "所属分公司 分公司名称 branch branchoffice",
        "owner_name": "产权人 业主单位 所有权人 owner ownername ownedby eigentümer propietario",
        "property_name": "物业公司 物业 物业管理单位 propertymanager propertycompany",
        "estate": (
            "小区 小区名称 所在小区 所属小区 住宅小区 楼盘名称 所在楼盘 所属楼盘 项目 项目名称 楼宇 建筑名称 building "
            "buildingname site sitename property locationname propertyname projectname gebäude objekt edificio"
        ),
        "address": (
            "详细地址 使用地址 设备地址 设备使用地点 安装位置 设备位置 使用位置 具体位置 "
            "安装地址 安装地点 设备所在地 地点 address streetaddress "
            "location siteaddress fulladdress locationaddress buildingaddress adresse anschrift standort dirección "
            "ubicación emplazamiento"
        ),
        "place_type": (
            "场所 场所类型 使用场所类型 场所分类 buildinguse occupancy placetype premises usetype locationtype "
            "buildingtype"
        ),
        "region_id": (
            "地区 区县 行政区划 行政区 所属区域 所在区域 所属地区 区域 街道 所在区县 区划 district borough area region "
            "ward municipality county 行政区域 bezirk stadtteil stadtbezirk distrito barrio municipio"
        ),
        "is_central": "是否城区 城区电梯 urban incity central",
        "is_secret": "是否涉密 保密 secret classified",
        "latitude": "纬 lat latitude y",
        "longitude": "经 lng lon long longitude x",
        "plate_state": "标牌 标识牌 标牌状态 二维码标牌 铭牌情况 plate platestate label labelstate",
        "network": "网络 信号 信号覆盖 运营商 手机信号 network coverage signal",
        "made_on": (
            "出厂日期 制造年月 生产日期 出厂时间 manufacturedate manufactured madeon datemanufactured baudatum "
            "herstellungsdatum fechadefabricación"
        ),
        "commissioned_on": (
            "使用日期 投入使用日期 启用日期 交付日期 commissioned commissioningdate installdate installationdate "
            "dateinstalled inservicedate approvaldate 投入使用时间 投用时间 inbetriebnahme inbetriebnahmedatum "
            "fechadepuestaenservicio puestaenservicio"
        ),
        "supervised_on": "监检日期 安装监检日期 监督检验日期 acceptancedate",
        "inspected_on": (
            "上次检验日期 年检日期 最近检验日期 检测日期 检验时间 lastinspection lastinspectiondate inspected "
            "lastperinspdate 最近一次检验 上次检验 最近检验时间 letzteprüfung letztehauptprüfung últimainspección "
            "fechaúltimainspección"
        ),
        "next_inspection_on": (
            "年检到期 下次检验时间 下检日期 检验有效期 检验到期日期 下次年检日期 检验有效期至 nextinspection "
            "nextinspectiondate inspectiondue inspectionexpires 下次检验 nächsteprüfung nächstehauptprüfung "
            "próximainspección"
        ),
        "governor_on": "限速器校验 限速器日期 governortest governordate",
        "rated_load": (
            "载重 额定载荷 载重量 载重kg 额定载重 额定载重量kg load capacity ratedload capacitykg capacitylbs "
            "equipmentcapacity nennlast tragkraft tragfähigkeit cargakg carganominal carganominalkg"
        ),
        "rated_speed": (
            "速度 额定速度ms 梯速 speed ratedspeed carspeed speedms equipmentspeed nenngeschwindigkeit "
            "geschwindigkeit velocidad velocidadnominal velocidadms"
        ),
        "floors": "层 楼层数 楼层 floors levels storeys floorsserved geschosse plantas",
        "stops": "站 停站数 停靠站数 stops landings haltestellen paradas",
        "doors": "门 开门数 doors entrances türen puertas",
        "controller": "控制柜 电梯控制器 控制柜型号 控制器型号 控制系统 controller controllertype",
        "control_mode": "控制形式 控制类型 controlmode controltype",
        "drive_mode": "驱动形式 驱动类型 拖动方式 drive drivetype drivemode",
        "cylinders": "油缸数 油缸个数 cylinders",
        "jacking": "顶升形式 顶升方式 油缸顶升型式 油缸顶升形式 jacking",
        "rise": "扶梯提升高度 提升高度m rise travelheight",
        "inclination": "倾角 倾斜角度 inclination inclinationangle",
        "nominal_width": "梯级宽度 名义宽度mm nominalwidth stepwidth",
        "nominal_speed": "扶梯速度 运行速度 名义速度ms nominalspeed",
        "machine_power": "主机功率kw 电动机功率 电机功率 额定功率 motorpower machinepower",
        "run_length": "区段长度 人行道长度 使用区段长度m runlength",
        "safety_officer": "安全员 电梯安全员 安全管理人员 safetyofficer contactperson contact",
        "safety_phone": "安全员电话 安全员手机 安全管理员手机 contactphone phone mobile",
        "emergency_phone": (
            "救援电话 应急电话 应急救援 24小时电话 24小时救援电话 24小时值班电话 值班电话 emergencyphone emergencytel"
        ),
        "insured_until": "保险到期 保险有效期 insuranceexpires insureduntil",
        "insurer": "承保公司 承保单位 保险单位 insurer insurancecompany",
        "policy_no": "保险单号 保单编号 保险单编号 policyno policynumber insurancepolicy",
        "note": "说明 remarks remark notes comments bemerkung bemerkungen observaciones notas",
        "declared_status": (
            "状态 设备状态 使用状态 电梯状态 运行状态 status devicestatus state condition 状况 zustand "
            "anlagenstatus estado situación"
        ),
    },
    "units": {
        "uscc": (
            "信用代码 社会信用代码 组织机构代码 统一代码 税号 uscc creditcode companyid companyno "
            "registrationnumber"
        ),
        "name": "名称 企业名称 公司名称 单位全称 company companyname name organisation organization",
        "region_id": (
            "地区 区县 行政区划 行政区 所属区域 所属地区 区域 街道 所在区县 区划 district borough area "
            "region ward municipality county"
        ),
        "address": "地址 单位地址 注册地址 住所 address registeredaddress",
        "legal_person": "法人 法定代表人 法人代表 legalrepresentative director",
        "head_name": "联系人 主要负责人 负责人姓名 contact contactperson manager",
        "head_phone": "联系电话 手机 手机号 手机号码 负责人电话 联系人电话 电话 phone mobile contactphone",
        "head_resident_id": "负责人身份证 负责人证件号码 法人身份证号 headid headidnumber",
        "duty_phone": "值班电话 24小时电话 急修电话 hotline dutyphone",
        "safety_officer": "安全员 safetyofficer",
        "safety_phone": "安全员电话 安全员手机 safetyphone",
        "enterprise_type": "公司类型 单位类型 企业性质 companytype",
        "established_on": "成立时间 注册日期 founded established",
        "business_until": "营业期限至 营业到期",
        "business_forever": "营业期限长期 长期营业 是否长期",
        "registered_capital": "注册资本 capital",
        "business_scope": "范围 经营项目 scope",
        "licence_no": "许可证编号 许可证号 资质证书编号 证书编号 资质编号 licenceno licenseno",
        "licence_grade": "资质等级 级别 许可等级 grade licencegrade",
        "licence_issued_on": "许可发证日期 发证时间 issued",
        "licence_until": "有效期 有效期至 许可证有效期 validuntil expires",
        "office_address": "办公地址 经营地址 office officeaddress",
        "note": "说明 remarks notes comments",
    },
    "persons": {
        "name": "人员姓名 员工姓名 维保员 名字 name fullname employee",
        "phone": "手机号 手机号码 联系电话 联系方式 电话 phone mobile",
        "work_kind": "岗位 职务 人员类型 工作种类 jobtitle role trade",
        "certificate_no": (
            "证书号 证书编号 证件编号 作业证编号 操作证号 资格证编号 certificate certificateno licenceno"
        ),
        "certificate_until": "有效日期 有效期 有效期至 证书有效期 到期日期 validuntil expires expiry",
        "resident_id": "身份证 身份证号码 公民身份号码 证件号码 idnumber idcard",
        "certificate_issued_on": "发证日期 发证时间 领证日期 issued issuedon",
        "hired_on": "入职时间 入职日 到岗日期 参加工作日期 hired hiredon startdate joined",
    },
    "invitations": {
        "name": "人员姓名 员工姓名 被邀请人 名字 name fullname",
        "phone": "手机号 手机号码 联系电话 联系方式 钉钉手机号 phone mobile",
        "kind": "职位 岗位 角色 邀请人员职位 role position",
        "unit_id": "单位 单位名称 企业名称 维保单位 所属单位 unit company",
        "with_account": "开通账号 账号 account",
    },
    "insurance": {
        "payer": "缴费单位 参保单位 缴纳单位 单位名称 payer employer company",
        "from_on": "开始月份 起始月份 费款所属期起 开始日期 from start",
        "to_on": "结束月份 截止月份 费款所属期止 结束日期 to end",
        "name": "姓名 参保人 参保人姓名 name",
        "id_number": "身份证 证件号码 证件号 公民身份号码 社会保障号码 idnumber idcard",
        "phone": "手机 手机号 电话 联系电话 phone mobile",
    },
    "accounts": {
        "login_name": "登录名 用户名 登录账号 账户 username login account",
        "name": "人员姓名 用户姓名 fullname",
        "role": "岗位 权限 用户角色 role",
        "phone": "手机号 手机号码 联系方式 电话 phone mobile",
        "all_elevators": "是否全部电梯 所有电梯",
    },
    "ledgers": {
        "code": "电梯识别码 电梯编号 梯号 elevatorid liftid elevatorcode",
        "worker_id": "维保员 维保工 主维保人员 worker technician mechanic",
        "co_worker_id": "协同人员 辅助人员 副维保员 helper coworker",
        "manager_id": "经理 manager",
        "team_id": "小组 班组 维保班组 维保组 team crew",
        "mode": "生成模式 模式 mode",
        "interval_days": "间隔 周期 维保周期 interval",
        "next_half_month_on": "下次半月保 半月保",
        "next_quarter_on": "下次季度保 季度保",
        "next_half_year_on": "下次半年保 半年保",
        "next_annual_on": "下次年保 年保 nextannual",
    },
    "orders": {
        "number": "计划编号 工单编号 编号 orderno planno",
        "code": "电梯识别码 电梯编号 梯号 elevatorid liftid elevatorcode",
        "planned_on": "维保日期 计划维保日期 日期 planneddate date",
        "level": "维保频次 维保类型 周期 frequency",
        "worker_id": "维保员 维保工 worker technician mechanic",
    },
    "contracts": {
        "number": "合同号 编号 contractno contractnumber",
        "kind": "合同类型 类型 包修方式 type contracttype",
        "use_unit_id": "甲方 委托方 使用单位名称 client customer",
        "unit_id": "乙方 维保公司 contractor",
        "signed_on": "签约日期 签订时间 signed",
        "starts_on": "开始日期 合同开始 生效日期 start startdate from",
        "ends_on": "结束日期 合同结束 到期日期 终止日期 end enddate until to",
        "note": "说明 remarks notes",
        "elevators": "电梯识别码 识别码 电梯清单 elevators lifts",
    },
    "visits": {
        "code": "电梯识别码 电梯编号 梯号 elevatorid liftid elevatorcode",
        "unit_id": "维保单位 维保公司 company contractor",
        "worker": "维保人员 维保工 作业人员 worker technician",
        "checked_in_at": "签到时间 开始时间 到场时间 start arrived",
        "checked_out_at": "签退时间 结束时间 离场时间 end left",
        "mode": "维保模式 mode",
        "signed_at": "签名时间 signed",
        "sheet_at": "维保单上传时间 uploaded",
        "reviewed_at": "复核日期 确认时间 reviewed",
    },
    "components": {
        "code": "电梯识别码 电梯编号 梯号 elevatorid liftid elevatorcode",
        "name": "部件 零部件 组件名称 部件名称 component part",
        "model": "型号 规格 model type",
        "installed_on": "更换日期 安装时间 启用日期 installed replacedon",
        "life_months": "寿命月数 使用寿命 更换周期 life lifemonths",
        "installed_by": "更换人 安装人员 installedby technician",
        "note": "说明 remarks notes",
    },
    "landing_doors": {
        "code": "电梯识别码 电梯编号 梯号 elevatorid liftid elevatorcode",
        "landing": "楼层 层 站 landing floor",
        "side": "门侧 前后门 side",
        "condition": "状态 门状态 state condition",
        "checked_on": "检查时间 checked",
        "note": "说明 remarks notes",
    },
    "inspections": _INSPECTIONS,
    "past_checks": _INSPECTIONS | {"unit_id": "当日维保单位 维保公司 company contractor"},
    **PAST,
}  # fmt: skip

# Columns of our own lists that are no field, though they are called much like one: never guessed to be it.
NO_FIELD = {"elevators": "信息状态 审核状态 审核意见", "units": "信息状态 审核状态", "invitations": "邀请单位"}

# Words by choice, for columns of that name.
VALUES: dict[str, dict[str, str]] = {
    "kinds": {
        "shaking": "抖动 晃动 震动 振动 运行晃动 shaking vibration", "noise": "噪音 噪声 声音异常 有异响 noise",
        "faults": "故障频繁 经常故障 频繁故障 经常坏 faults", "buttons": "按钮失效 按键失灵 按钮不灵 按钮故障 buttons",
        "doors": "开关门异常 门异常 门故障 开门不正常 关门不正常 doors", "other": "其它 其他问题 other others",
    },
    "declared_status": {
        "notified": "已告知 施工告知 未投用 安装中 未注册 notinuse underinstallation installing pending new imbau",
        "in_use": (
            "使用 使用中 正常 正常使用 运行 运行中 已启用 启用 active inuse inservice operating working ok a "
            "正在使用 inbetrieb aktiv enservicio activo"
        ),
        "suspended": (
            "停止使用 暂停 暂停使用 报停 停运 suspended outofservice dormant inactive stopped s 已停用 停机 "
            "ausserbetrieb fueradeservicio precintado"
        ),
        "scrapped": (
            "注销 已报废 拆除 已拆除 移除 scrapped dismantled removed decommissioned retired r 已注销 stillgelegt "
            "demontiert baja debaja retirado"
        ),
    },
    "category": {
        "3110": (
            "曳引客梯 乘客电梯 客梯 曳引乘客电梯 曳引式客梯 无机房客梯 曳引与强制驱动电梯 passenger "
            "passengerelevator passengerlift tractionpassenger personenaufzug seilaufzug ascensor "
            "ascensoreléctrico"
        ),
        "3120": (
            "曳引货梯 货梯 载货电梯 曳引载货电梯 freight freightelevator goodslift cargo tractionfreight "
            "lastenaufzug montacargas"
        ),
        "3130": "强制货梯 强制载货电梯 drumfreight",
        "3210": "液压客梯 液压电梯 hydraulic hydraulicpassenger hydraulikaufzug ascensorhidráulico",
        "3220": "液压货梯 hydraulicfreight",
        "3310": "扶梯 自动扶手电梯 escalator fahrtreppe rolltreppe escaleramecánica",
        "3320": (
            "人行道 自动步道 movingwalk movingwalkway travelator movingsidewalk fahrsteig andénmóvil andénrodante"
        ),
        "3410": "防爆梯 explosionproof",
        "3420": "消防电梯 消防梯 firefighterlift firelift feuerwehraufzug ascensordebomberos",
        "3430": "杂物梯 餐梯 传菜梯 dumbwaiter servicelift kleingüteraufzug montaplatos",
    },
    "place_type": {
        "residential": "小区 居民楼 公寓 住宅小区 residential apartment apartments dwelling housing",
        "office": "办公楼 写字楼 办公 机关 office offices",
        "mall": "商场 超市 商业 购物中心 shop retail mall shopping",
        "hotel": "宾馆 酒店 饭店 hotel",
        "transport": "车站 地铁 机场 交通枢纽 station airport metro transport",
        "hospital": "医疗 卫生院 hospital clinic",
        "school": "学校教育 教育 大学 school university education",
        "culture": "体育馆 影院 文体 博物馆 cinema museum sports theatre theater",
        "other": "其它 工厂 厂房 other factory industrial",
    },
    "mode": {
        "auto": "自动生成 automatic auto",
        "manual": "手工 人工 manual",
        "items": "系统",
        "sheet": "维保单 上传",
    },
    "kind": {
        "normal": "清包 普通合同 一般 basic normal standard",
        "half": "半包合同 semi half",
        "full": "全包合同 大包 comprehensive full",
        "supervision": "监检 监督 安装监检 supervision supervised",
        "periodic": "定检 年检 定期 检验 periodic annual annualinspection",
        "test": "机构检测 委托检测 第三方检测 test testing",
        "self_test": "自检 自行检验 selftest selfinspection",
        "governor": "限速器 限速器检验 限速器测试 governor governortest",
        "brake": "125%制动试验 制动 载荷试验 brake braketest",
    },
    "result": {
        "passed": "通过 符合 pass passed ok", "failed": "未通过 不符合 fail failed",
        "passed_again": "复检通过 整改后合格 passedagain repassed",
    },
}  # fmt: skip
YES = frozenset(["是", "1", "true", "yes", "y", "√", "有", "对", "t", "已", "on"])
NO = frozenset(["否", "0", "false", "no", "n", "×", "无", "不是", "f", "未", "off"])

# Units of measure, ours and others.
MEASURE_WORDS = {
    "kg": "kg kgs kilogram kilograms kilo 公斤 千克", "lb": "lb lbs pound pounds 磅", "t": "t ton tons tonne tonnes 吨",
    "m/s": "m/s ms mps 米/秒", "fpm": "fpm ft/min feet/min ftmin 英尺/分", "mm/s": "mm/s mms 毫米/秒",
    "m/min": "m/min mpm mmin 米/分 米/分钟",
}  # fmt: skip
# Columns that make up one field together: house number and street, a district and its street.
PARTS_OF = {
    "address": (
        "street streetname streetno streetnumber road roadname houseno housenumber buildingno buildingnumber "
        "strasse hausnummer hausnr calle número "
        "道路 路名 街道门牌 门牌 门牌号 门牌号码 楼号 楼栋 楼栋号 栋号 楼幢 幢号 楼座 单元 单元号"
    ),
    "region_id": (
        "区 县 区县 县区 县市区 所属区 所在区 所属区县 所在区县 街道 乡镇 镇 镇街 街镇 街道办 街道乡镇 乡镇街道 "
        "所属街道 所在街道 所属乡镇 所在乡镇"
    ),
}

# Columns that hold several figures, 18/18 or 18层18站: by kind the fields with their words, and how they are called.
TOGETHER: dict[str, tuple[tuple[dict[str, str], str], ...]] = {
    "elevators": (
        ({"floors": "层数", "stops": "站数"}, "层站 层站数 层数站数 楼层站 楼层站数 floorsstops"),
        ({"floors": "层数", "stops": "站数", "doors": "门数"}, "层站门 层站门数 层数站数门数 floorsstopsdoors"),
    ),
}


def words_in(kind: str, heading: object) -> list[str]:
    """The words of the fields that a column of this heading holds together; none for most."""
    plain = plain_word(heading)
    return next((list(words.values()) for words, names in TOGETHER.get(kind, ()) if plain in names.split()), [])


def names_of(kind: str) -> dict[str, str]:
    """Field by other name, for one kind of workbook; the first field that claims a name has it."""
    found: dict[str, str] = {}
    for field, names in COLUMNS.get(kind, {}).items():
        for name in names.split():
            found.setdefault(name, field)
        for name in PARTS_OF.get(field, "").split():
            found.setdefault(name, field)
    for words, names in TOGETHER.get(kind, ()):
        # As `reading` calls the columns that it makes of one.
        found |= {f"{name}{word}": field for field, word in words.items() for name in names.split()}
    return found


def meaning(field: str, word: str, choices: dict[str, object]) -> str | None:
    """The choice that a word of another register stands for, if it is known."""
    # "Freight (F)": what stands in brackets at the end is an abbreviation of the same.
    for wanted in dict.fromkeys((plain_word(word), plain_word(_BRACKETS.sub("", word)))):
        for value, names in VALUES.get(field, {}).items():
            if value in choices and wanted and wanted in names.split():
                return value
    return None
