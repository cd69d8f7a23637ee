"""Where appointments take place."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.db import Base, Id, Mutable, PracticeScoped, of_a_practice, refers_to
from portal_api.core.errors import InvalidState


class Location(PracticeScoped, Id, Mutable, Base):
    """A place of the practice. Archived, never deleted: past appointments keep their place."""

    __tablename__ = "location"
    __table_args__ = (
        of_a_practice(),
        Index("uq_location_name", "practice_id", "name", unique=True, postgresql_where=text("archived_at IS NULL")),
    )

    name: Mapped[str]
    address: Mapped[dict[str, Any] | None]
    hide_address: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    phone: Mapped[str | None]
    directions: Mapped[str | None]
    archived_at: Mapped[datetime | None]

    def archive(self, at: datetime) -> None:
        if self.archived_at is not None:
            raise InvalidState("The location is archived already.", state="archived")
        self.archived_at = at

    def restore(self) -> None:
        if self.archived_at is None:
            raise InvalidState("The location is not archived.", state="active")
        self.archived_at = None


class Room(PracticeScoped, Id, Mutable, Base):
    """A room of a location: one appointment at a time."""

    __tablename__ = "room"
    __table_args__ = (
        refers_to("location", "location_id"),
        Index(
            "uq_room_name",
            "practice_id",
            "location_id",
            "name",
            unique=True,
            postgresql_where=text("archived_at IS NULL"),
        ),
    )

    location_id: Mapped[UUID]
    name: Mapped[str]
    archived_at: Mapped[datetime | None]
