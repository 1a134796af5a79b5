"""The reason that decided a visit's state, by its key: lists and figures no longer read it out of the words.

Revision ID: 0068
Revises: 0061
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0068"
down_revision = "0061"
branch_labels = None
depends_on = None

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


def downgrade() -> None:
    op.drop_column("visit", "reason")
