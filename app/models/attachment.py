"""Files: checked by content, stored by digest outside the web root, served only within scope."""

import datetime as dt

from flask_babel import lazy_gettext as _l
from sqlalchemy import ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped

from app.models.base import ONCE, BigId, Instant, Model, col, pk

ATTACHMENT_KIND = {
    "licence": _l("营业执照"), "qualification": _l("资质证书"), "contract": _l("合同扫描件"), "sheet": _l("维保单"),
    "photo": _l("照片"), "photo_pit": _l("底坑照片"), "photo_top": _l("轿顶照片"), "photo_room": _l("机房照片"),
    "selfie": _l("现场本人照片"), "signature": _l("签名"), "document": _l("材料"), "grade": _l("等级证书"),
    "identity": _l("身份证正面照"), "face": _l("人脸照片"), "operator": _l("特种设备作业人员证"),
    "avatar": _l("头像"), "declaration": _l("自我声明承诺书"), "certificate": _l("证件"),
    "commitment": _l("维保承诺书"), "insurance": _l("缴费明细凭证"),
    "use_certificate": _l("使用登记证"), "inspection": _l("检验报告"), "factory": _l("出厂资料"),
    "installation": _l("安装资料"), "label": _l("标签照片"), "label_out": _l("签退标签照片"),
    "paper_scene": _l("现场签字照片"), "paper_sheet": _l("已签字的维保单照片"),
    "bulletin": _l("通报文件"),
    "import": _l("导入文件"), "export": _l("导出文件"),
}  # fmt: skip
# What a paper that is filed waits for (`workflows/filing/unit_papers.py`).
PAPER_WAITS = {"new": _l("待审核"), "gone": _l("审核通过后移除")}
SCAN_STATE = {
    "off": _l("未查毒"), "clean": _l("已查毒"), "waiting": _l("待查毒"), "late": _l("先放行，待查毒"),
    "infected": _l("有病毒"),
}  # fmt: skip


class Attachment(Model):
    """A stored file of a row. `unit_id` and `region_code` are the owner's at upload: scope reads them.

    Papers of a unit and its people follow it into another region (`filing_effects`).
    """

    __tablename__ = "attachment"
    __table_args__ = (
        Index("ix_attachment_entity", "entity", "entity_id"),
        # What was found infected is stopped under every name.
        Index("ix_attachment_sha256", "sha256"),
        # The few that are erased by their age.
        Index(
            "ix_attachment_selfie", "entity_id", sqlite_where=text("kind = 'selfie'"),
            postgresql_where=text("kind = 'selfie'"),
        ),
        Index(
            "ix_attachment_scan", "scan", "id", sqlite_where=text("scan IN ('waiting', 'late')"),
            postgresql_where=text("scan IN ('waiting', 'late')"),
        ),
        ONCE,
    )  # fmt: skip
    id: Mapped[int] = pk()
    entity: Mapped[str] = col(_l("对象"), String(20))
    entity_id: Mapped[int | None] = col(_l("对象编号"), BigId)
    kind: Mapped[str] = col(_l("类型"), String(20), choices=ATTACHMENT_KIND)
    name: Mapped[str] = col(_l("文件名"), String(200))
    mime: Mapped[str] = col(_l("格式"), String(80))
    size: Mapped[int] = col(_l("大小"), Integer, unit=_l("字节"))
    sha256: Mapped[str] = col(_l("摘要"), String(64))
    unit_id: Mapped[int | None] = col(_l("单位"), BigId, ForeignKey("unit.id"), index=True)
    region_code: Mapped[str | None] = col(_l("区划代码"), String(12))
    uploaded_by_id: Mapped[int | None] = col(_l("上传人"), Integer, ForeignKey("ab_user.id"))
    # Of an export: what its owner saw when it was made (`attachments.rights_of`); else null.
    rights: Mapped[str | None] = col(_l("权限摘要"), String(64))
    uploaded_at: Mapped[dt.datetime] = col(_l("上传时间"), Instant)
    # Of a picture: its small one, in the same place as the files themselves.
    thumb_sha256: Mapped[str | None] = col(_l("缩略图摘要"), String(64))
    scan: Mapped[str] = col(_l("查毒"), String(10), default="off", server_default="off", choices=SCAN_STATE)
    waits: Mapped[str | None] = col(_l("备案"), String(4), choices=PAPER_WAITS)
    removed_at: Mapped[dt.datetime | None] = col(_l("移除时间"), Instant)
