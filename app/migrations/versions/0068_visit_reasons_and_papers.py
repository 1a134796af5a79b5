"""The reason that decided a visit, by its key: lists and figures no longer read it out of the words. Papers by their days.

Revision ID: 0068
Revises: 0067
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0068"
down_revision = "0067"
branch_labels = None
depends_on = None

HERE, LICENSED = sa.text("left_on IS NULL"), sa.text("licence_until IS NOT NULL")
# As they were said until now, each at the beginning of what was stored.
SAID = {
    "过期未签退": "open_too_long", "维保时间不足": "too_short", "非现场扫码": "not_on_site",
    "经核查为异常": "found_abnormal", "超时上传": "late_upload", "超量上传": "over_daily", "审批驳回": "rejected",
    "标签照片核对不通过": "label_rejected", "等待审核": "undecided", "等待核对标签照片": "label_undecided",
    "等待补拍标签照片": "label_asked", "维保单未在时限内上传": "sheet_late", "使用单位未在时限内复核": "review_late",
    "等待上传维保单": "sheet_awaited", "等待使用单位复核": "review_awaited",
}  # fmt: skip


def upgrade() -> None:
    op.add_column("visit", sa.Column("reason", sa.String(length=20), nullable=True))
    visit = sa.table("visit", sa.column("reason", sa.String), sa.column("state_reason", sa.String))
    told = sa.case(*((visit.c.state_reason.startswith(words), key) for words, key in SAID.items()))
    op.execute(sa.update(visit).where(visit.c.state_reason.is_not(None)).values(reason=told))
    # The warnings count certificates and licences by their last day.
    op.create_index(
        "ix_person_certificate", "person", ["region_code", "certificate_until"], sqlite_where=HERE,
        postgresql_where=HERE,
    )  # fmt: skip
    op.create_index(
        "ix_unit_licence", "unit", ["region_code", "licence_until"], sqlite_where=LICENSED, postgresql_where=LICENSED
    )


def downgrade() -> None:
    op.drop_index("ix_unit_licence", "unit")
    op.drop_index("ix_person_certificate", "person")
    op.drop_column("visit", "reason")
