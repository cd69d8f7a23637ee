"""Sessions: one login on one device, and its family of refresh tokens."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.db import Base, Id, PracticeScoped, one_of, refers_to


class AuthSession(PracticeScoped, Id, Base):
    """The authority behind an access token: ended here, the token is dead on the next request."""

    __tablename__ = "auth_session"
    __table_args__ = (
        refers_to("account", "account_id"),
        one_of("delivery", ("body", "cookie")),
        Index("ix_auth_session_account", "practice_id", "account_id", "id", postgresql_where=text("ended_at IS NULL")),
    )

    account_id: Mapped[UUID]
    delivery: Mapped[str]
    device_label: Mapped[str] = mapped_column(default="", server_default=text("''"))
    ip: Mapped[str] = mapped_column(default="", server_default=text("''"))
    methods: Mapped[list[str]]
    authenticated_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_used_at: Mapped[datetime] = mapped_column(server_default=func.now())
    idle_expires_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None]

    def reauthenticate(self, at: datetime, *methods: str) -> None:
        """The holder has proved again who they are."""
        self.authenticated_at = at
        self.methods = sorted({*self.methods, *methods})

    def end(self, at: datetime, reason: str) -> None:
        """End it once; a later reason does not replace the first."""
        if self.ended_at is None:
            self.ended_at, self.end_reason = at, reason


class RefreshToken(PracticeScoped, Base):
    """Single use. `sealed_successor` is kept for the grace of a lost answer (F19.M4)."""

    __tablename__ = "refresh_token"
    __table_args__ = (
        refers_to("auth_session", "session_id"),
        Index("ix_refresh_token_session", "practice_id", "session_id"),
    )

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    session_id: Mapped[UUID]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    successor_hash: Mapped[bytes | None]
    sealed_successor: Mapped[bytes | None]
