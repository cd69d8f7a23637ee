"""Invitations: a mailed link that makes a login (F3.M1)."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.db import Base, Id, Mutable, PracticeScoped, one_of, refers_to
from portal_api.core.errors import Gone, InvalidState

IDENTITY_ATTEMPTS = 5


class InvitationGone(Gone):
    code, title = "invitation_gone", "This invitation can no longer be used"


class Invitation(PracticeScoped, Id, Mutable, Base):
    """For a client or for a staff member. Its state is derived from facts and the database's clock."""

    __tablename__ = "invitation"
    __table_args__ = (
        refers_to("client", "client_id"),
        refers_to("staff_member", "staff_id"),
        UniqueConstraint("practice_id", "secret_hash", name="uq_invitation_secret_hash"),
        Index("ix_invitation_client", "practice_id", "client_id", "id"),
        Index("ix_invitation_staff", "practice_id", "staff_id", "id"),
        CheckConstraint("num_nonnulls(client_id, staff_id) = 1", name="invitee"),
        one_of("delivery", ("queued", "sent", "bounced", "failed")),
    )

    client_id: Mapped[UUID | None]
    staff_id: Mapped[UUID | None]
    email: Mapped[str]
    secret_hash: Mapped[bytes]
    generation: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    features: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default=text("'{}'::jsonb"))
    form_template_ids: Mapped[list[UUID]] = mapped_column(default=list, server_default=text("'{}'::uuid[]"))
    document_ids: Mapped[list[UUID]] = mapped_column(default=list, server_default=text("'{}'::uuid[]"))
    message: Mapped[str | None]
    delivery: Mapped[str] = mapped_column(default="queued", server_default=text("'queued'"))
    delivered_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    accepted_by: Mapped[UUID | None]
    revoked_at: Mapped[datetime | None]
    identity_attempts: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    created_by: Mapped[UUID]

    def state(self, at: datetime) -> str:
        if self.accepted_at:
            return "accepted"
        if self.revoked_at:
            return "revoked"
        if self.expires_at <= at:
            return "expired"
        return "bounced" if self.delivery == "bounced" else "pending"

    def must_be_open(self, at: datetime) -> None:
        """Raise InvitationGone unless it can be accepted now. A bounced mail's link still opens."""
        state = self.state(at)
        if state not in {"pending", "bounced"}:
            raise InvitationGone(f"This invitation was {state}.", state=state)
        if self.identity_attempts >= IDENTITY_ATTEMPTS:
            raise InvitationGone("Too many wrong answers. Ask the practice for a new invitation.", state="revoked")

    def accept(self, at: datetime, by: UUID) -> None:
        self.must_be_open(at)
        self.accepted_at, self.accepted_by = at, by

    def revoke(self, at: datetime) -> None:
        if self.accepted_at or self.revoked_at:
            raise InvalidState("Only an open invitation can be revoked.", state=self.state(at))
        self.revoked_at = at

    def renew(self, secret_hash: bytes, at: datetime, lifetime: timedelta) -> None:
        """A new secret for the same invitation: the older link is dead at once."""
        if self.accepted_at or self.revoked_at:
            raise InvalidState("Only an open or expired invitation can be sent again.", state=self.state(at))
        self.secret_hash, self.expires_at = secret_hash, at + lifetime
        self.delivery, self.delivered_at, self.identity_attempts = "queued", None, 0
