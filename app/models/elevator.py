"""Elevators: the filed archive (ELV-01) and the status that only lifecycle applications change."""

import datetime as dt
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import (
    Boolean,
    ColumnElement,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    String,
    Text,
    or_,
    text,
)
from sqlalchemy.orm import Mapped, MappedColumn, relationship

from app.models.base import ONCE, BigId, Model, Stamped, Versioned, col, pk
from app.models.choices import CATEGORY, ELEVATOR_STATUS, FILING_STATE, INFO_STATE, NETWORK, PLACE_TYPE, PLATE_STATE
from app.models.region import Region
from app.models.sealed import Sealed
from app.models.unit import Unit
from app.rules.places import named_place

# Filed fields that lists seldom show: read in one statement where one of them is asked for, and by nobody else.
ARCHIVE = "archive"


def _archive(label: Any, *args: Any, **more: Any) -> MappedColumn[Any]:
    return col(label, *args, deferred=True, deferred_group=ARCHIVE, **more)


# The rows of the register's first tab, as its listing says it.
REGISTERED = "approved_version > 0 AND status <> 'scrapped'"


class Elevator(Stamped, Versioned, Model):
    """An elevator as approved and in force; before the first approval, as it was last saved.

    `status` is in no form: `workflows.core.moves` changes it. Codes are kept in their normal form
    (NFKC, upper case, no space); 识别码 is unique among approved elevators only.
    """

    __tablename__ = "elevator"
    __table_args__ = (
        Index(
            "uq_elevator_code_in_force", "code", unique=True,
            sqlite_where=text("approved_version > 0"), postgresql_where=text("approved_version > 0"),
        ),
        Index("ix_elevator_region_page", "region_code", "id"),
        # All that scope and order of the register's first list ask for: a far page is counted off in the index alone.
        Index("ix_elevator_page", "id", "region_code", "is_secret", "status", "approved_version"),
        # The same of the rows of its first tab, as narrow as can be: a jump into its middle reads half of them.
        Index(
            "ix_elevator_registered", "id", "region_code",
            sqlite_where=text(REGISTERED), postgresql_where=text(REGISTERED),
        ),
        # 直梯 and 扶梯 of the same rows: a district's few escalators are counted without looking for them in the table.
        Index(
            "ix_elevator_category", "category", "region_code", "is_secret", "id",
            sqlite_where=text(REGISTERED), postgresql_where=text(REGISTERED),
        ),
        # The few that most accounts do not see: nearly every number and list leaves them out (`scope.parts`).
        Index("ix_elevator_secret", "id", sqlite_where=text("is_secret = 1"), postgresql_where=text("is_secret")),
        Index("ix_elevator_status", "status", "region_code", "approved_version", "id"),
        # PostgreSQL has a table beside the register instead (`search.open_filings`): no index there may hold what
        # changes with each step of a filing, or every step moves the row in all of them.
        Index("ix_elevator_filing", "filing_state", "region_code", "id").ddl_if(dialect="sqlite"),
        # All that figures over the whole register count by: statistics, the map's numbers, 脱保 by unit, risk. Nothing
        # in it changes with a step of a filing either; SQLite, which holds a city, counts the rows.
        Index(
            "ix_elevator_figures", "region_code",
            postgresql_include=[
                "id", "approved_version", "status", "is_secret", "category", "commissioned_on", "place_type",
                "plate_state", "maintenance_unit_id", "next_inspection_on", "latitude", "longitude",
            ],
        ).ddl_if(dialect="postgresql"),
        Index("ix_elevator_maintenance_unit", "maintenance_unit_id", "id"),
        Index("ix_elevator_use_unit", "use_unit_id", "id"),
        Index(
            "ix_elevator_region_inspection", "region_code", "next_inspection_on", "status", "approved_version", "id"
        ),
        Index("ix_elevator_inspection", "next_inspection_on", "region_code", "status", "approved_version", "id"),
        # All that the map asks for of a box: squares are counted in the index alone.
        Index(
            "ix_elevator_place", "latitude", "longitude", "region_code", "status", "approved_version", "is_secret",
            "id",
            sqlite_where=text("latitude IS NOT NULL"), postgresql_where=text("latitude IS NOT NULL"),
        ),
        ONCE,
    )  # fmt: skip
    id: Mapped[int] = pk()
    code: Mapped[str] = col(_l("识别码"), String(20), index=True, help=_l("电梯上的应急救援识别码"))
    rescue_code: Mapped[str | None] = col(_l("96333识别码"), String(20))
    equipment_code: Mapped[str | None] = col(_l("设备代码"), String(30))
    registration_code: Mapped[str | None] = col(_l("注册代码"), String(30), index=True)
    certificate_no: Mapped[str | None] = col(_l("使用登记证编号"), String(40))
    factory_no: Mapped[str | None] = col(_l("出厂编号"), String(40), index=True)
    internal_no: Mapped[str | None] = col(_l("内部编号"), String(40))
    site_no: Mapped[str | None] = col(_l("现场梯号"), String(40), help=_l("现场对这台梯的叫法，例如 3 号梯"))
    register_no: Mapped[str | None] = _archive(_l("登记表编号"), String(40), help=_l("使用登记表上的编号"))
    job_no: Mapped[str | None] = _archive(
        _l("电梯工号"), String(40), help=_l("制造单位生产这台梯的工号，订配件时用；与出厂编号相同的不必填")
    )
    service_no: Mapped[str | None] = _archive(
        _l("电梯服务编码"), String(40), help=_l("维保单位自己的系统里这台梯的编号，例如服务热线报的编号")
    )
    name: Mapped[str | None] = col(_l("设备名称"), String(60))
    category: Mapped[str] = col(_l("品种"), String(4), choices=CATEGORY)
    model: Mapped[str | None] = col(_l("型号"), String(60))
    maintenance_unit_id: Mapped[int | None] = col(_l("维保单位"), BigId, ForeignKey("unit.id"))
    use_unit_id: Mapped[int | None] = col(_l("使用单位"), BigId, ForeignKey("unit.id"))
    manufacturer: Mapped[str | None] = col(_l("制造单位"), String(120))
    installer: Mapped[str | None] = col(_l("安装单位"), String(120))
    retrofitter: Mapped[str | None] = _archive(_l("改造单位"), String(120))
    dealer: Mapped[str | None] = _archive(_l("经销商"), String(120))
    branch: Mapped[str | None] = _archive(_l("分公司"), String(120), help=_l("制造或维保单位负责这台梯的分公司"))
    owner_name: Mapped[str | None] = col(_l("产权单位"), String(120))
    property_name: Mapped[str | None] = col(_l("物业单位"), String(120))
    estate: Mapped[str | None] = col(_l("楼盘"), String(80))
    address: Mapped[str] = col(_l("地址"), String(200))
    place_type: Mapped[str | None] = col(_l("使用场所"), String(20), choices=PLACE_TYPE)
    region_id: Mapped[int] = col(_l("所在地区"), BigId, ForeignKey("region.id"), index=True)
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    is_central: Mapped[bool] = col(_l("城区"), Boolean, default=True, server_default=text("true"))
    is_secret: Mapped[bool] = col(_l("涉密"), Boolean, default=False, server_default=text("false"))
    latitude: Mapped[float | None] = col(_l("纬度"), Float, unit="°")
    longitude: Mapped[float | None] = col(_l("经度"), Float, unit="°")
    plate_state: Mapped[str | None] = col(_l("标牌情况"), String(10), choices=PLATE_STATE)
    network: Mapped[str | None] = col(_l("网络覆盖"), String(20), choices=NETWORK, help=_l("轿厢里手机有信号的网络"))
    made_on: Mapped[dt.date | None] = col(_l("制造日期"), Date)
    commissioned_on: Mapped[dt.date | None] = col(_l("投用日期"), Date)
    supervised_on: Mapped[dt.date | None] = col(_l("安装监检合格日期"), Date)
    inspected_on: Mapped[dt.date | None] = col(_l("检验日期"), Date)
    next_inspection_on: Mapped[dt.date | None] = col(_l("下次检验日期"), Date)
    governor_on: Mapped[dt.date | None] = col(_l("限速器校验日期"), Date)
    rated_load: Mapped[int | None] = col(_l("额定载重量"), Integer, unit="kg")
    rated_speed: Mapped[float | None] = col(_l("额定速度"), Numeric(5, 2, asdecimal=False), unit="m/s")
    floors: Mapped[int | None] = col(_l("层数"), Integer)
    stops: Mapped[int | None] = col(_l("站数"), Integer)
    doors: Mapped[int | None] = col(_l("门数"), Integer)
    controller: Mapped[str | None] = _archive(_l("控制器"), String(60), help=_l("控制柜或控制系统的型号"))
    control_mode: Mapped[str | None] = _archive(_l("控制方式"), String(40), help=_l("例如 并联、集选"))
    drive_mode: Mapped[str | None] = _archive(_l("驱动方式"), String(40), help=_l("例如 永磁同步曳引"))
    # What TSG T5002 art. 8 asks of hydraulic lifts, and of escalators and walks (`OF_CATEGORY`).
    cylinders: Mapped[int | None] = _archive(_l("油缸数量"), Integer)
    jacking: Mapped[str | None] = _archive(_l("顶升型式"), String(40), help=_l("直接作用式或间接作用式"))
    rise: Mapped[float | None] = _archive(_l("提升高度"), Numeric(6, 2, asdecimal=False), unit="m")
    inclination: Mapped[float | None] = _archive(_l("倾斜角"), Numeric(4, 1, asdecimal=False), unit="°")
    nominal_width: Mapped[int | None] = _archive(_l("名义宽度"), Integer, unit="mm")
    nominal_speed: Mapped[float | None] = _archive(_l("名义速度"), Numeric(5, 2, asdecimal=False), unit="m/s")
    machine_power: Mapped[float | None] = _archive(_l("主机功率"), Numeric(6, 2, asdecimal=False), unit="kW")
    run_length: Mapped[float | None] = _archive(_l("使用区段长度"), Numeric(7, 2, asdecimal=False), unit="m")
    safety_officer: Mapped[str | None] = col(_l("安全管理员"), String(40))
    safety_phone: Mapped[str | None] = col(
        _l("安全管理员电话"), Sealed("elevator.safety_phone", "mobile"), sensitive="mobile"
    )
    emergency_phone: Mapped[str | None] = col(_l("应急救援电话"), String(20))
    insured_until: Mapped[dt.date | None] = col(_l("保险有效期至"), Date)
    insurer: Mapped[str | None] = _archive(_l("保险公司"), String(120))
    policy_no: Mapped[str | None] = _archive(_l("保单号"), String(60))
    note: Mapped[str | None] = col(_l("备注"), Text)
    declared_status: Mapped[str | None] = col(
        _l("申报状态"), String(10), choices=ELEVATOR_STATUS,
        help=_l("已在使用的电梯选“在用”，首次审核通过时生效；不填的通过后是“告知”，须再办使用登记才排维保"),
    )
    status: Mapped[str] = col(
        _l("状态"), String(10), default="notified", server_default="notified", choices=ELEVATOR_STATUS
    )
    filing_state: Mapped[str] = col(
        _l("审核状态"), String(10), default="draft", server_default="draft", choices=FILING_STATE
    )
    info_state: Mapped[str] = col(_l("信息状态"), String(10), default="new", server_default="new", choices=INFO_STATE)
    approved_version: Mapped[int] = col(_l("生效版本"), Integer, default=0, server_default="0")
    approved_on: Mapped[dt.date | None] = col(_l("审核通过日期"), Date)
    filed_by_unit_id: Mapped[int | None] = col(_l("填报单位"), BigId, ForeignKey("unit.id"), index=True)
    batch_id: Mapped[int | None] = col(_l("导入批次"), BigId, index=True)
    public_token: Mapped[str | None] = col(_l("一梯一码"), String(32), unique=True)

    region: Mapped[Region] = relationship()
    maintenance_unit: Mapped[Unit | None] = relationship(foreign_keys=[maintenance_unit_id])
    use_unit: Mapped[Unit | None] = relationship(foreign_keys=[use_unit_id])
    # For lists; the clock is the schedule's to write.
    maintenance_clock: Mapped[Any] = relationship("MaintenanceClock", viewonly=True, uselist=False)
    inspection_clock: Mapped[Any] = relationship("InspectionClock", viewonly=True, uselist=False)

    @property
    def number_on_site(self) -> str | None:
        """What the people there call it; where nobody said, its unit's own number."""
        return self.site_no or self.internal_no

    @property
    def place(self) -> str:
        """Where people find it, in words."""
        return named_place(self.estate, self.address)

    def __repr__(self) -> str:
        return self.code


def answers_for(unit_id: Any) -> ColumnElement[bool]:
    """Of elevators those that a unit (number or column) maintains or uses now."""
    return or_(Elevator.maintenance_unit_id == unit_id, Elevator.use_unit_id == unit_id)
