"""Import batches: every row of the workbook accounted for, and a way back."""

import datetime as dt
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp
from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped

from app.models.base import BigId, Instant, Model, col, pk
from app.models.choices import BATCH_STATE
from app.models.said import SaidText
from app.models.sealed import SealedJson

IMPORT_KIND = {
    "units": _lp("many", "单位"), "elevators": _lp("many", "电梯"), "persons": _lp("many", "人员"),
    "ledgers": _lp("many", "设备履历"),
    "orders": _l("维保计划"), "contracts": _lp("many", "维保合同"), "visits": _l("既往维保记录"),
    "inspections": _l("检验记录"), "past_checks": _l("既往检验记录"), "past_rescues": _l("既往救援记录"),
    "past_repairs": _l("既往维修记录"), "past_complaints": _l("既往投诉记录"),
    "components": _l("组件寿命"), "landing_doors": _l("层门"),
    "invitations": _l("入职邀请"), "insurance": _l("医社保缴交明细"), "accounts": _lp("many", "子用户"),
}  # fmt: skip
IMPORT_MODE = {"both": _l("新增和更新"), "new": _l("新增导入"), "update": _l("更新导入")}
ROW_STATE = {"new": _l("新增"), "changed": _l("更新"), "same": _l("无变化"), "bad": _l("有错误")}
UNDO_STATE = {"undone": _l("已撤销"), "kept": _l("未撤销")}


class ImportBatch(Model):
    """One uploaded workbook: checked, previewed, imported as a job, undoable."""

    __tablename__ = "import_batch"
    id: Mapped[int] = pk()
    kind: Mapped[str] = col(_l("导入内容"), String(20), choices=IMPORT_KIND)
    state: Mapped[str] = col(_l("状态"), String(10), default="checking", choices=BATCH_STATE)
    file_name: Mapped[str] = col(_l("文件名"), String(200))
    attachment_id: Mapped[int | None] = col(_l("文件"), BigId, ForeignKey("attachment.id"))
    job_id: Mapped[int | None] = col(_l("任务"), BigId, ForeignKey("job.id"))
    unit_id: Mapped[int | None] = col(_l("单位"), BigId, ForeignKey("unit.id"), index=True)
    region_code: Mapped[str | None] = col(_l("区划代码"), String(12))
    mode: Mapped[str] = col(_l("方式"), String(10), default="both", server_default="both", choices=IMPORT_MODE)
    rows: Mapped[int] = col(_l("行数"), Integer, default=0, server_default="0")
    new_rows: Mapped[int] = col(_l("新增"), Integer, default=0, server_default="0")
    changed_rows: Mapped[int] = col(_l("更新"), Integer, default=0, server_default="0")
    same_rows: Mapped[int] = col(_l("无变化"), Integer, default=0, server_default="0")
    bad_rows: Mapped[int] = col(_l("有错误"), Integer, default=0, server_default="0")
    done_rows: Mapped[int] = col(_l("已导入"), Integer, default=0, server_default="0")
    undone_rows: Mapped[int] = col(_l("已撤销"), Integer, default=0, server_default="0")
    kept_rows: Mapped[int] = col(_l("未撤销"), Integer, default=0, server_default="0")
    # A file without headings has its first row in here.
    mapping: Mapped[dict[str, Any] | None] = col(_l("列对应"), SealedJson("import_batch.mapping", whole=True))
    note: Mapped[str | None] = col(_l("说明"), SaidText(300))
    created_by_id: Mapped[int | None] = col(_l("导入人"), Integer, ForeignKey("ab_user.id"))
    created_at: Mapped[dt.datetime] = col(_l("上传时间"), Instant)
    finished_at: Mapped[dt.datetime | None] = col(_l("完成时间"), Instant)


class ImportRow(Model):
    """A row of a workbook as read, what it would do, every error by cell, what it did, and what undoing it did.

    `reason` is the rule of the first error: rows are counted and shown by it.
    """

    __tablename__ = "import_row"
    __table_args__ = (
        Index("uq_import_row", "batch_id", "number", unique=True),
        Index("ix_import_row_state", "batch_id", "state", "number"),
    )
    id: Mapped[int] = pk()
    batch_id: Mapped[int] = col(_l("批次"), BigId, ForeignKey("import_batch.id", ondelete="CASCADE"))
    number: Mapped[int] = col(_l("行号"), Integer)
    state: Mapped[str] = col(_l("结果"), String(10), choices=ROW_STATE)
    raw: Mapped[list[Any]] = col(_l("原文"), SealedJson("import_row.raw", whole=True))
    data: Mapped[dict[str, Any] | None] = col(_l("数据"), SealedJson("import_row.data"))
    before: Mapped[dict[str, Any] | None] = col(_l("原值"), SealedJson("import_row.before"))
    errors: Mapped[list[dict[str, Any]] | None] = col(_l("错误"), SealedJson("import_row.errors", whole=True))
    reason: Mapped[str | None] = col(_l("原因"), String(20))
    entity_id: Mapped[int | None] = col(_l("对象编号"), BigId)
    applied: Mapped[bool] = col(_l("已导入"), Boolean, default=False, server_default=text("false"))
    undo: Mapped[str | None] = col(_l("撤销结果"), String(10), choices=UNDO_STATE)
    undo_note: Mapped[str | None] = col(_l("未撤销的原因"), SaidText(300))


class ImportMatch(Model):
    """Which column is which field and what each word means, as confirmed for files with these headings.

    `owner` is the unit, region or account that confirmed it: the next file of the same shape starts from it.
    """

    __tablename__ = "import_match"
    __table_args__ = (Index("uq_import_match", "owner", "kind", "digest", unique=True),)
    id: Mapped[int] = pk()
    owner: Mapped[str] = col(_l("归属"), String(40))
    kind: Mapped[str] = col(_l("导入内容"), String(20), choices=IMPORT_KIND)
    digest: Mapped[str] = col(_l("表头摘要"), String(64))
    data: Mapped[dict[str, Any]] = col(_l("列对应"), SealedJson("import_match.data", whole=True))
    updated_at: Mapped[dt.datetime] = col(_l("更新时间"), Instant)
    updated_by_id: Mapped[int | None] = col(_l("更新人"), Integer, ForeignKey("ab_user.id"))
