"""Certificate numbers as they are compared, and found by index: one human entered by two units has one quota

Revision ID: 0006
Revises: 0005
"""
import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

AT_ONCE = 500


def normal(text):
    """NFKC, upper case, no white space, nothing invisible; as the product stored them when this was written."""
    for _ in range(3):
        folded = unicodedata.normalize("NFKC", text).upper()
        text = "".join(c for c in folded if not c.isspace() and unicodedata.category(c) not in ("Cf", "Cc"))
    return unicodedata.normalize("NFKC", text)


def upgrade():
    person = sa.table("person", sa.column("id", sa.BigInteger), sa.column("certificate_no", sa.String))
    bind = op.get_bind()
    found = bind.execute(sa.select(person.c.id, person.c.certificate_no).where(person.c.certificate_no.is_not(None)))
    changes = [{"b_id": key, "b_no": normal(no) or None} for key, no in found if normal(no) != no]
    for first in range(0, len(changes), AT_ONCE):
        bind.execute(
            sa.update(person).where(person.c.id == sa.bindparam("b_id")).values(certificate_no=sa.bindparam("b_no")),
            changes[first : first + AT_ONCE],
        )
    op.create_index(op.f("ix_person_certificate_no"), "person", ["certificate_no"])


def downgrade():
    op.drop_index(op.f("ix_person_certificate_no"), table_name="person")
