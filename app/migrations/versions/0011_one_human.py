"""Persons found by certificate number: one human entered by two units has one quota

Revision ID: 0011
Revises: 0010
"""
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade():
    op.create_index(op.f("ix_person_certificate_no"), "person", ["certificate_no"])


def downgrade():
    op.drop_index(op.f("ix_person_certificate_no"), table_name="person")
