"""What was exported: enough to find a file again by its digest and to run the same export once more (RPR-01)."""

import datetime as dt
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ForeignKey, Integer, String
from sqlalchemy.orm import Mapped

from app.models.base import Instant, Json, Model, col, pk
from app.models.sealed import Sealed


class ExportRecord(Model):
    """One made export. `sha256` is the digest of the table as .csv, `file` that of the file as it was written."""

    __tablename__ = "export_record"
    id: Mapped[int] = pk()
    listing: Mapped[str] = col(_l("列表"), String(60))
    query: Mapped[str] = col(_l("条件"), Sealed("export_record.query"), default="")
    columns: Mapped[list[Any]] = col(_l("列"), Json, default=list)
    format: Mapped[str] = col(_l("格式"), String(5))
    filter: Mapped[str] = col(_l("筛选条件"), Sealed("export_record.filter", said=True))
    as_of: Mapped[dt.datetime] = col(_l("数据截至"), Instant)
    policy: Mapped[str] = col(_l("政策版本"), String(20))
    rows: Mapped[int] = col(_l("行数"), Integer)
    sha256: Mapped[str] = col(_l("表格摘要"), String(64), index=True)
    file: Mapped[str] = col(_l("文件摘要"), String(64))
    language: Mapped[str | None] = col(_l("语言"), String(15))
    made_by_id: Mapped[int | None] = col(_l("导出人"), Integer, ForeignKey("ab_user.id"))
    made_at: Mapped[dt.datetime] = col(_l("导出时间"), Instant)
