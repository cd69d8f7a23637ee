"""The practice, which is the tenant, and the links under which it is known."""

from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.db import Base, Id, Mutable


class Practice(Id, Mutable, Base):
    """Row-level security compares `id` itself. No column here changes often (it is a reference table)."""

    __tablename__ = "practice"

    name: Mapped[str]
    time_zone: Mapped[str]
    country: Mapped[str]
    phone: Mapped[str | None]
    address: Mapped[dict[str, Any] | None]
    hide_address: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    branding: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default=text("'{}'::jsonb"))


class PracticeLink(Base):
    """A claimed link. Rows are never deleted: an old link redirects and is never given away (F1.B1, A51).

    Read without a practice: it is how a visitor's link becomes a practice.
    """

    __tablename__ = "practice_link"
    __table_args__ = (
        Index("uq_practice_link_current", "practice_id", unique=True, postgresql_where=text("is_current")),
    )

    slug: Mapped[str] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID] = mapped_column(ForeignKey("practice.id"))
    is_current: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
