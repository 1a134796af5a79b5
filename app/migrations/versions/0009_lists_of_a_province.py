"""Lists of a province: what near and over are told by, and the indexes that lists and counts read

Revision: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# table, name, columns, rows (SQLite, PostgreSQL)
MADE = (
    ("elevator", "ix_elevator_page", ["id", "region_code", "is_secret", "status"], None),
    ("elevator", "ix_elevator_status", ["status", "region_code", "approved_version", "id"], None),
    ("elevator", "ix_elevator_filing", ["filing_state", "region_code", "id"], None),
    ("elevator", "ix_elevator_region_inspection", ["region_code", "next_inspection_on", "status"], None),
    ("elevator", "ix_elevator_inspection", ["next_inspection_on", "region_code", "status"], None),
    ("maintenance_clock", "ix_maintenance_clock_region_due", ["region_code", "due_on", "elevator_id"], None),
    ("maintenance_clock", "ix_maintenance_clock_due", ["due_on", "region_code", "elevator_id"], None),
    ("maintenance_clock", "ix_maintenance_clock_region_cover", ["region_code", "cover_on", "elevator_id"], None),
    ("maintenance_clock", "ix_maintenance_clock_cover", ["cover_on", "region_code", "elevator_id"], None),
    ("maintenance_order", "ix_maintenance_order_state", ["state", "planned_on", "id", "region_code"], None),
    ("overdue_period", "ix_overdue_period_limit", ["limit_on", "id", "region_code"], None),
    ("visit", "ix_visit_page", ["checked_in_at", "id", "region_code"], None),
    ("visit", "ix_visit_attention", ["state", "region_code", "checked_in_at"], ("state <> 'valid'", "state <> 'valid'")),
    (
        "visit", "ix_visit_waiting", ["region_code", "awaiting_sheet", "awaiting_review", "visit_on"],
        ("awaiting_sheet = 1 OR awaiting_review = 1", "awaiting_sheet OR awaiting_review"),
    ),
)  # fmt: skip
GONE = (
    ("elevator", "ix_elevator_region_status", ["region_code", "status", "id"], None),
    ("elevator", "ix_elevator_region_inspection", ["region_code", "next_inspection_on"], None),
    ("maintenance_clock", "ix_maintenance_clock_region_covered", ["region_code", "covered_until"], None),
    (
        "maintenance_clock", "ix_maintenance_clock_region_missed", ["region_code", "elevator_id"],
        ("missed > 0", "missed > 0"),
    ),
)  # fmt: skip
DUE = "CASE WHEN paused_on IS NOT NULL THEN NULL WHEN missed > 0 THEN '0001-01-01' ELSE limit_on END"
COVER = "coalesce(covered_until, '0001-01-01')"


def upgrade():
    # PostgreSQL keeps such a column, SQLite works it out and keeps it in the indexes.
    kept = True if op.get_bind().dialect.name == "postgresql" else None
    op.add_column("maintenance_clock", sa.Column("due_on", sa.Date(), sa.Computed(DUE, persisted=kept)))
    cover = sa.Column("cover_on", sa.Date(), sa.Computed(COVER, persisted=kept), nullable=False)
    op.add_column("maintenance_clock", cover)
    for table, name, _columns, _rows in GONE:
        op.drop_index(name, table)
    make(MADE)


def downgrade():
    for table, name, _columns, _rows in MADE:
        op.drop_index(name, table)
    make(GONE)
    op.drop_column("maintenance_clock", "cover_on")
    op.drop_column("maintenance_clock", "due_on")


def make(indexes):
    for table, name, columns, rows in indexes:
        where = {} if rows is None else {"sqlite_where": sa.text(rows[0]), "postgresql_where": sa.text(rows[1])}
        op.create_index(name, table, columns, **where)
