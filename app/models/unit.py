"""Units: one legal person, several kinds (维保, 使用, 制造 …), filed and approved."""

import datetime as dt

from flask_babel import lazy_gettext as _l
from sqlalchemy import Boolean, Date, Float, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, relationship

from app.models.base import ONCE, BigId, Model, Stamped, Versioned, col, pk
from app.models.choices import FILING_STATE, INFO_STATE
from app.models.region import Region
from app.models.sealed import Sealed, index_of


class Unit(Stamped, Versioned, Model):
    """A unit as approved and in force; before the first approval, as it was last saved.

    `uscc` is unique among approved units only: an unapproved registration blocks nobody (rules.md, Filing).
    """

    __tablename__ = "unit"
    __table_args__ = (
        Index(
            "uq_unit_uscc_in_force", "uscc", unique=True,
            sqlite_where=text("approved_version > 0"), postgresql_where=text("approved_version > 0"),
        ),
        Index("ix_unit_region_name", "region_code", "name"),
        # What the warnings count, in the index alone: licences by their last day; most units have none.
        Index(
            "ix_unit_licence", "licence_until", "region_code", "approved_version",
            sqlite_where=text("licence_until IS NOT NULL"), postgresql_where=text("licence_until IS NOT NULL"),
        ),
        ONCE,
    )  # fmt: skip
    id: Mapped[int] = pk()
    uscc: Mapped[str] = col(_l("统一社会信用代码"), String(18), index=True, help=_l("18 位，末位为校验码"))
    name: Mapped[str] = col(_l("单位名称"), String(120), index=True)
    region_id: Mapped[int] = col(_l("所在地区"), BigId, ForeignKey("region.id"), index=True)
    region_code: Mapped[str] = col(_l("区划代码"), String(12), index=True)
    is_maintenance: Mapped[bool] = col(_l("维保单位"), Boolean, default=False, server_default=text("false"))
    is_use: Mapped[bool] = col(_l("使用单位"), Boolean, default=False, server_default=text("false"))
    is_production: Mapped[bool] = col(_l("制造单位"), Boolean, default=False, server_default=text("false"))
    is_installation: Mapped[bool] = col(_l("安装单位"), Boolean, default=False, server_default=text("false"))
    is_inspection: Mapped[bool] = col(_l("检验单位"), Boolean, default=False, server_default=text("false"))
    is_rescue: Mapped[bool] = col(_l("救援单位"), Boolean, default=False, server_default=text("false"))
    is_property: Mapped[bool] = col(_l("物业单位"), Boolean, default=False, server_default=text("false"))
    is_owner: Mapped[bool] = col(_l("产权单位"), Boolean, default=False, server_default=text("false"))
    address: Mapped[str | None] = col(_l("企业地址"), String(200))
    legal_person: Mapped[str | None] = col(_l("企业法人"), String(40))
    head_name: Mapped[str | None] = col(_l("负责人"), String(40))
    head_phone: Mapped[str | None] = col(_l("负责人手机"), Sealed("unit.head_phone", "mobile"), sensitive="mobile")
    head_phone_index: Mapped[str | None] = index_of("head_phone", index=True)
    head_resident_id: Mapped[str | None] = col(
        _l("负责人身份证号"), Sealed("unit.head_resident_id", "id"), sensitive="id"
    )
    duty_phone: Mapped[str | None] = col(_l("24 小时值班电话"), String(20))
    safety_officer: Mapped[str | None] = col(_l("安全管理员"), String(40))
    safety_phone: Mapped[str | None] = col(
        _l("安全管理员电话"), Sealed("unit.safety_phone", "mobile"), sensitive="mobile"
    )
    enterprise_type: Mapped[str | None] = col(_l("企业类型"), String(60))
    established_on: Mapped[dt.date | None] = col(_l("成立日期"), Date)
    business_until: Mapped[dt.date | None] = col(_l("营业期限"), Date)
    business_forever: Mapped[bool] = col(
        _l("营业期限为长期"), Boolean, default=False, server_default=text("false")
    )
    registered_capital: Mapped[str | None] = col(_l("注册资金"), String(40))
    business_scope: Mapped[str | None] = col(_l("经营范围"), Text)
    licence_no: Mapped[str | None] = col(_l("资格证书编号"), String(40), help=_l("特种设备安装改造和维修许可证编号"))
    licence_grade: Mapped[str | None] = col(_l("许可级别"), String(20))
    licence_issued_on: Mapped[dt.date | None] = col(_l("发证日期"), Date)
    licence_until: Mapped[dt.date | None] = col(_l("许可有效期至"), Date)
    office_address: Mapped[str | None] = col(_l("固定办公场所地址"), String(200))
    latitude: Mapped[float | None] = col(_l("纬度"), Float)
    longitude: Mapped[float | None] = col(_l("经度"), Float)
    note: Mapped[str | None] = col(_l("备注"), Text)
    filing_state: Mapped[str] = col(
        _l("审核状态"), String(10), default="draft", server_default="draft", choices=FILING_STATE
    )
    info_state: Mapped[str] = col(_l("信息状态"), String(10), default="new", server_default="new", choices=INFO_STATE)
    approved_version: Mapped[int] = col(_l("生效版本"), Integer, default=0, server_default="0")
    approved_on: Mapped[dt.date | None] = col(_l("审核通过日期"), Date)
    filed_by_unit_id: Mapped[int | None] = col(_l("填报单位"), BigId, ForeignKey("unit.id"), index=True)
    batch_id: Mapped[int | None] = col(_l("导入批次"), BigId, index=True)

    region: Mapped[Region] = relationship()

    @property
    def kinds(self) -> list[str]:
        return [k for k in UNIT_KIND_NAMES if getattr(self, f"is_{k}")]

    def __repr__(self) -> str:
        return self.name


UNIT_KIND_NAMES = ("maintenance", "use", "production", "installation", "inspection", "rescue", "property", "owner")
