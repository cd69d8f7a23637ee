"""Staff who look at the portal through a client's eyes (F16)."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.db import Base, Id, PracticeScoped, refers_to

LIFETIME = timedelta(minutes=10)


class Preview(PracticeScoped, Id, Base):
    """One look: who looks, within which session of theirs, at whose portal, and with which permissions.

    `relationship` is `self` for the client's own view, else what a guardian is or would be. `subject_id` is the account
    of the client or guardian; of somebody without a login it is this row's own id, which is nobody's.
    """

    __tablename__ = "preview"
    __table_args__ = (
        refers_to("account", "actor_id"),
        refers_to("auth_session", "session_id"),
        refers_to("client", "client_id"),
    )

    actor_id: Mapped[UUID]
    session_id: Mapped[UUID]
    client_id: Mapped[UUID]
    subject_id: Mapped[UUID]
    relationship: Mapped[str]
    permissions: Mapped[list[str]]
    reason: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
