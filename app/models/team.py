"""维保小组: the people of a maintenance unit who serve the same elevators (PLN-07)."""

import datetime as dt

from flask_babel import lazy_gettext as _l
from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, relationship

from app.models.base import BigId, Instant, Model, Stamped, Versioned, col, pk
from app.models.person import Person
from app.models.unit import Unit


class MaintenanceTeam(Stamped, Versioned, Model):
    """维保小组: any of its people sees the orders of the elevators that carry it, and may serve them."""

    __tablename__ = "maintenance_team"
    __table_args__ = (
        Index(
            "uq_maintenance_team_name", "unit_id", "name", unique=True, sqlite_where=text("disbanded_at IS NULL"),
            postgresql_where=text("disbanded_at IS NULL"),
        ),
        Index("ix_maintenance_team_region", "region_code"),
    )  # fmt: skip
    id: Mapped[int] = pk()
    unit_id: Mapped[int] = col(_l("维保单位"), BigId, ForeignKey("unit.id"))
    region_code: Mapped[str] = col(_l("区划代码"), String(12))
    name: Mapped[str] = col(_l("小组名称"), String(40))
    disbanded_at: Mapped[dt.datetime | None] = col(_l("解散时间"), Instant)

    unit: Mapped[Unit] = relationship()
    members: Mapped[list["TeamMember"]] = relationship(
        back_populates="team", order_by="TeamMember.id", cascade="all, delete-orphan"
    )


class TeamMember(Model):
    """One person of a team; a person may be in several of his unit."""

    __tablename__ = "team_member"
    __table_args__ = (UniqueConstraint("team_id", "person_id"), Index("ix_team_member_person", "person_id"))
    id: Mapped[int] = pk()
    team_id: Mapped[int] = col(_l("维保小组"), BigId, ForeignKey("maintenance_team.id", ondelete="CASCADE"))
    person_id: Mapped[int] = col(_l("人员"), BigId, ForeignKey("person.id"))

    team: Mapped[MaintenanceTeam] = relationship(back_populates="members")
    person: Mapped[Person] = relationship()
