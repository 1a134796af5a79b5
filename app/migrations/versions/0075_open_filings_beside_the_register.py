"""PostgreSQL finds open filings of elevators in a narrow table beside the register, which thereby may change in place.

An index over `filing_state` made every draft that was opened or handed in a new entry in each of the register's
twenty-two indexes, that over pairs of characters among them. Without it such a change touches none, where the row's
page has room: a fifth of each new page is left free for that. Fuller ones are not written anew, which would keep
everybody from the register meanwhile; they get room as their rows change.

The table is kept by the database itself, as the search index is; no model describes it. SQLite, which moves no row,
keeps its index.

Revision ID: 0075
Revises: 0074
"""

from __future__ import annotations

from alembic import op

revision = "0075"
down_revision = "0074"
branch_labels = None
depends_on = None

INDEX, COLUMNS = "ix_elevator_filing", ["filing_state", "region_code", "id"]
HELD = """
INSERT INTO search_elevator_filing (elevator_id, filing_state, region_code)
SELECT id, filing_state, region_code FROM elevator WHERE filing_state <> 'approved'
"""
MADE = (
    """
    CREATE TABLE search_elevator_filing (
        elevator_id bigint CONSTRAINT pk_search_elevator_filing PRIMARY KEY,
        filing_state varchar(10) NOT NULL,
        region_code varchar(12) NOT NULL
    )
    """,
    HELD,
    "CREATE INDEX ix_search_elevator_filing ON search_elevator_filing (filing_state, region_code, elevator_id)",
    # Made and deleted by the thousand, in sets; changed where something of it changed, which few updates do.
    """
    CREATE FUNCTION tian_filings_made() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO search_elevator_filing (elevator_id, filing_state, region_code)
        SELECT id, filing_state, region_code FROM made WHERE filing_state <> 'approved';
        RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION tian_filings_gone() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        DELETE FROM search_elevator_filing WHERE elevator_id IN (SELECT id FROM gone);
        RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION tian_filing_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.filing_state = 'approved' OR NEW.id <> OLD.id THEN
            DELETE FROM search_elevator_filing WHERE elevator_id = OLD.id;
        END IF;
        IF NEW.filing_state <> 'approved' THEN
            INSERT INTO search_elevator_filing (elevator_id, filing_state, region_code)
            VALUES (NEW.id, NEW.filing_state, NEW.region_code)
            ON CONFLICT (elevator_id)
            DO UPDATE SET filing_state = excluded.filing_state, region_code = excluded.region_code;
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION tian_filings_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        TRUNCATE search_elevator_filing;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER tian_filings_made AFTER INSERT ON elevator REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION tian_filings_made()
    """,
    """
    CREATE TRIGGER tian_filings_gone AFTER DELETE ON elevator REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION tian_filings_gone()
    """,
    """
    CREATE TRIGGER tian_filing_changed AFTER UPDATE OF id, filing_state, region_code ON elevator FOR EACH ROW
    WHEN ((OLD.id, OLD.filing_state, OLD.region_code) IS DISTINCT FROM (NEW.id, NEW.filing_state, NEW.region_code))
    EXECUTE FUNCTION tian_filing_changed()
    """,
    """
    CREATE TRIGGER tian_filings_emptied AFTER TRUNCATE ON elevator
    FOR EACH STATEMENT EXECUTE FUNCTION tian_filings_emptied()
    """,
)
TRIGGERS = ("tian_filings_made", "tian_filings_gone", "tian_filing_changed", "tian_filings_emptied")


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    # Nobody writes meanwhile; who reads is kept out only at the end, by what takes no time.
    op.execute("LOCK TABLE elevator IN SHARE ROW EXCLUSIVE MODE")
    for statement in MADE:
        op.execute(statement)
    op.execute("ALTER TABLE elevator SET (fillfactor = 80)")
    op.drop_index(INDEX, "elevator")


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for name in TRIGGERS:
        op.execute(f"DROP TRIGGER {name} ON elevator")
        op.execute(f"DROP FUNCTION {name}()")
    op.execute("DROP TABLE search_elevator_filing")
    op.execute("ALTER TABLE elevator RESET (fillfactor)")
    op.create_index(INDEX, "elevator", COLUMNS)
