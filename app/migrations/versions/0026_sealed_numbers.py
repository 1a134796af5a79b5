"""Sealed numbers of persons: phones and ID numbers, and whatever copies hold them, under keys from the environment

Revision ID: 0026
Revises: 0025
"""

import json

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app import vault
from app.models.sealed import normal, walk

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

# table, column, place, what it was
TEXTS = (
    ("person", "phone", "person.phone", sa.String(20)),
    ("person", "resident_id", "person.resident_id", sa.String(18)),
    ("invitation", "phone", "invitation.phone", sa.String(20)),
    ("invitation", "resident_id", "invitation.resident_id", sa.String(18)),
    ("ab_user", "phone", "account.phone", sa.String(20)),
    ("insured_person", "id_number", "insured_person.id_number", None),
    ("insured_person", "phone", "insured_person.phone", sa.String(20)),
    ("insurance_gap", "phone", "insurance_gap.phone", sa.String(20)),
    ("unit", "head_phone", "unit.head_phone", sa.String(20)),
    ("unit", "safety_phone", "unit.safety_phone", sa.String(20)),
    ("elevator", "safety_phone", "elevator.safety_phone", sa.String(20)),
    ("one_time_code", "target", "one_time_code.target", sa.String(120)),
    ("notification", "address", "notification.address", sa.String(120)),
    ("export_record", "query", "export_record.query", None),
    ("export_record", "filter", "export_record.filter", None),
    ("saved_filter", "query", "saved_filter.query", sa.String(2000)),
)
# table, column, place, sealed whole
JSONS = (
    ("version", "data", "version.data", False),
    ("application", "data", "application.data", False),
    ("import_row", "raw", "import_row.raw", True),
    ("import_row", "data", "import_row.data", False),
    ("import_row", "before", "import_row.before", False),
    ("import_row", "errors", "import_row.errors", True),
    ("job", "params", "job.params", True),
)
NUMBERS = {"phone", "head_phone", "safety_phone", "resident_id", "id_number"}
# table, sealed column, index over it (unique), index over its end
INDEXED = (
    ("person", "phone", False, True),
    ("person", "resident_id", False, True),
    ("invitation", "phone", False, True),
    ("ab_user", "phone", True, True),
    ("unit", "head_phone", False, False),
    ("one_time_code", "target", None, False),
)
INDEX = "substr({0}, 7, 26)"
TAIL = "substr({0}, 7, 4) || substr({0}, 33, 10)"
# Versions of people and ID numbers of the insured were sealed before, as secrets are.
PEOPLE = sa.column("entity", sa.String) == "person"
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
BLOCK = 1000


def upgrade():
    op.drop_index("ix_person_phone", "person")
    op.drop_index("uq_person_one_unit", "person")
    op.drop_index("ix_invitation_phone", "invitation")
    op.drop_index("uq_invitation_poster_phone", "invitation")
    op.drop_index("ix_one_time_code_target", "one_time_code")
    for table in dict.fromkeys(table for table, _name, _place, was in TEXTS if was is not None):
        with op.batch_alter_table(table) as batch:
            if table == "ab_user":
                batch.drop_constraint("uq_ab_user_phone", type_="unique")
            for name, was in [(n, was) for t, n, _p, was in TEXTS if t == table and was is not None]:
                batch.alter_column(name, existing_type=was, type_=sa.Text())
    rename("id_sealed", "id_number")
    for table, name, place, _was in TEXTS:
        change(table, name, sa.Text(), lambda text, place=place: sealed_text(text, place))
    for table, name, place, whole in JSONS:
        change(table, name, Json, lambda value, place=place, whole=whole: sealed(value, place, whole))
    # PostgreSQL keeps such a column, SQLite works it out and keeps it in the indexes.
    kept = True if op.get_bind().dialect.name == "postgresql" else None
    for table, name, once, end in INDEXED:
        computed = sa.Computed(INDEX.format(name), persisted=kept)
        op.add_column(table, sa.Column(f"{name}_index", sa.String(26), computed))
        if once is not None:
            op.create_index(f"ix_{table}_{name}_index", table, [f"{name}_index"], unique=once)
        if end:
            computed = sa.Computed(TAIL.format(name), persisted=kept)
            op.add_column(table, sa.Column(f"{name}_tail", sa.String(14), computed))
            op.create_index(f"ix_{table}_{name}_tail", table, [f"{name}_tail"])
    op.create_index("ix_one_time_code_target", "one_time_code", ["target_index", "created_at"])
    unique("resident_id_index", "phone_index")
    make_tables()


def unique(resident_id, phone):
    """One human in one unit; one invitation of a number by a QR picture: on plain columns, or on the blind indexes."""
    here, once = sa.text("left_on IS NULL"), sa.text("poster_id IS NOT NULL AND state <> 'cancelled'")
    op.create_index(
        "uq_person_one_unit", "person", [resident_id], unique=True, sqlite_where=here, postgresql_where=here
    )
    op.create_index(
        "uq_invitation_poster_phone", "invitation", ["poster_id", phone], unique=True, sqlite_where=once,
        postgresql_where=once,
    )  # fmt: skip


def make_tables():
    """Consents, and what persons asked about their own data."""
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "consent",
        sa.Column("id", key, primary_key=True, autoincrement=True),
        sa.Column("person_id", key, sa.ForeignKey("person.id"), nullable=False),
        sa.Column("unit_id", key, sa.ForeignKey("unit.id"), nullable=False),
        sa.Column("region_code", sa.String(12), nullable=False),
        sa.Column("purpose", sa.String(20), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("given_by_id", sa.Integer(), sa.ForeignKey("ab_user.id"), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_index("ix_consent_person", "consent", ["person_id", "purpose"])
    op.create_index("ix_consent_unit_id", "consent", ["unit_id"])
    op.create_table(
        "personal_request",
        sa.Column("id", key, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("account_id", sa.Integer(), sa.ForeignKey("ab_user.id"), nullable=False),
        sa.Column("person_id", key, sa.ForeignKey("person.id"), nullable=True),
        sa.Column("unit_id", key, sa.ForeignKey("unit.id"), nullable=True),
        sa.Column("region_code", sa.String(12), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("outcome", sa.String(10), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_id", sa.Integer(), sa.ForeignKey("ab_user.id"), nullable=True),
        sa.Column("row_version", sa.Integer(), server_default="1", nullable=False),
    )
    op.create_index("ix_personal_request_region", "personal_request", ["region_code", "outcome", "due_on"])
    op.create_index("ix_personal_request_account", "personal_request", ["account_id", "id"])
    op.create_index("ix_personal_request_person_id", "personal_request", ["person_id"])
    op.create_index("ix_personal_request_unit_id", "personal_request", ["unit_id"])


def downgrade():
    op.drop_table("personal_request")
    op.drop_table("consent")
    op.drop_index("ix_one_time_code_target", "one_time_code")
    op.drop_index("uq_person_one_unit", "person")
    op.drop_index("uq_invitation_poster_phone", "invitation")
    for table, name, once, end in INDEXED:
        if once is not None:
            op.drop_index(f"ix_{table}_{name}_index", table)
        op.drop_column(table, f"{name}_index")
        if end:
            op.drop_index(f"ix_{table}_{name}_tail", table)
            op.drop_column(table, f"{name}_tail")
    for table, name, place, _was in TEXTS:
        change(table, name, sa.Text(), lambda text, place=place: opened_text(text, place))
    for table, name, place, whole in JSONS:
        change(table, name, Json, lambda value, place=place, whole=whole: opened(value, place, whole))
    change("version", "data", Json, lambda value: walked(value, lambda _name, text: vault.seal(text)), PEOPLE)
    change("insured_person", "id_number", sa.Text(), vault.seal)
    rename("id_number", "id_sealed")
    for table in dict.fromkeys(table for table, _name, _place, was in TEXTS if was is not None):
        with op.batch_alter_table(table) as batch:
            for name, was in [(n, was) for t, n, _p, was in TEXTS if t == table and was is not None]:
                batch.alter_column(name, existing_type=sa.Text(), type_=was)
            if table == "ab_user":
                batch.create_unique_constraint("uq_ab_user_phone", ["phone"])
    op.create_index("ix_one_time_code_target", "one_time_code", ["target", "created_at"])
    op.create_index("ix_person_phone", "person", ["phone"])
    op.create_index("ix_invitation_phone", "invitation", ["phone"])
    unique("resident_id", "phone")


def change(table, name, kind, made, where=None):
    """Give every row's value its new form, a block of rows at a time in order of the key."""
    connection = op.get_bind()
    rows = sa.table(table, sa.column("id", sa.BigInteger), sa.column(name, kind))
    last = -1
    while True:
        some = connection.execute(
            sa.select(rows.c.id, rows.c[name])
            .where(rows.c.id > last, sa.true() if where is None else where)
            .order_by(rows.c.id)
            .limit(BLOCK)
        ).all()
        if not some:
            return
        last = some[-1].id
        new = [{"key": key, "value": made(value)} for key, value in some if value is not None]
        new = [pair for pair in new if pair["value"] is not None]
        if new:
            written = sa.update(rows).where(rows.c.id == sa.bindparam("key")).values({name: sa.bindparam("value")})
            connection.execute(written, new)


def sealed(value, place, whole):
    if whole:
        return vault.seal_text(json.dumps(value, ensure_ascii=False), place, "")
    return walked(value, lambda name, text: sealed_text(text, f"{place}.{name}"))


def opened(value, place, whole):
    if whole:
        return json.loads(vault.open_text(value, place)) if vault.is_sealed(value) else value
    return walked(value, lambda name, text: opened_text(text, f"{place}.{name}"))


def sealed_text(text, place):
    """A number's token, whether it stood open or was sealed as secrets are (revisions 0023 and 0025)."""
    plain = vault.unseal(text) if text.startswith("gAAAA") else text
    return vault.seal_text(plain, place, normal(plain))


def rename(old, new):
    with op.batch_alter_table("insured_person") as batch:
        batch.alter_column(old, new_column_name=new, existing_type=sa.Text(), existing_nullable=False)


def opened_text(text, place):
    return vault.open_text(text, place) if vault.is_sealed(text) else text


def walked(value, made):
    """What has no number of a person stays as it is: None."""
    found = walk(value, made, among=NUMBERS)
    return None if found == value else found
