"""Invitations: a mailed link that makes a login (F3.M1)."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, Index, UniqueConstraint, case, func, text
from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.db import Base, Id, Mutable, PracticeScoped, one_of, refers_to
from portal_api.core.errors import Gone, InvalidState

IDENTITY_ATTEMPTS = 5
OPEN_STATES = ("pending", "bounced")
"""A bounced mail's link still opens: the mail may have come through another server."""


class InvitationGone(Gone):
    code, title = "invitation_gone", "This invitation can no longer be used"


class Invitation(PracticeScoped, Id, Mutable, Base):
    """For a client, for a guardian of that client, or for a staff member. Its state comes of facts and the clock."""

    __tablename__ = "invitation"
    __table_args__ = (
        refers_to("client", "client_id"),
        refers_to("staff_member", "staff_id"),
        refers_to("guardian", "guardian_id"),
        UniqueConstraint("practice_id", "secret_hash", name="uq_invitation_secret_hash"),
        Index("ix_invitation_client", "practice_id", "client_id", "id"),
        Index("ix_invitation_guardian", "practice_id", "guardian_id", "id"),
        Index("ix_invitation_staff", "practice_id", "staff_id", "id"),
        CheckConstraint("num_nonnulls(client_id, staff_id) = 1", name="invitee"),
        CheckConstraint("guardian_id IS NULL OR client_id IS NOT NULL", name="guardian"),
        one_of("delivery", ("queued", "sent", "bounced", "failed")),
    )

    client_id: Mapped[UUID | None]
    staff_id: Mapped[UUID | None]
    guardian_id: Mapped[UUID | None]
    email: Mapped[str]
    email_norm: Mapped[str]
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
        """pending, accepted, revoked, expired or bounced; `state_now` says the same in SQL."""
        if self.accepted_at:
            return "accepted"
        if self.revoked_at:
            return "revoked"
        if self.expires_at <= at:
            return "expired"
        return "bounced" if self.delivery == "bounced" else "pending"

    @classmethod
    def state_now(cls) -> ColumnElement[str]:
        return case(
            (cls.accepted_at.is_not(None), "accepted"),
            (cls.revoked_at.is_not(None), "revoked"),
            (cls.expires_at <= func.now(), "expired"),
            (cls.delivery == "bounced", "bounced"),
            else_="pending",
        )

    def must_be_open(self, at: datetime) -> None:
        """Raise InvitationGone unless it can be accepted now."""
        refuse_unless_open(self.state(at))

    def accept(self, at: datetime, by: UUID) -> None:
        self.must_be_open(at)
        self.accepted_at, self.accepted_by = at, by

    def revoke(self, at: datetime) -> None:
        if self.accepted_at or self.revoked_at:
            raise InvalidState("Only an open invitation can be revoked.", state=self.state(at))
        self.revoked_at = at

    def count_wrong_identity(self, at: datetime) -> None:
        """Count a wrong answer; the fifth ends the invitation (F3.M3)."""
        self.identity_attempts += 1
        if self.identity_attempts >= IDENTITY_ATTEMPTS:
            self.revoked_at = at

    def renew(self, at: datetime, lifetime: timedelta) -> None:
        """Start a new generation, whose secret the caller sets: the older link is dead at once."""
        if self.accepted_at or self.revoked_at:
            raise InvalidState("Only an open or expired invitation can be sent again.", state=self.state(at))
        self.generation += 1
        self.expires_at = at + lifetime
        self.delivery, self.delivered_at, self.identity_attempts = "queued", None, 0


class RetiredSecret(PracticeScoped, Base):
    """The link of an older generation: known, so that it is answered with gone and not with unknown."""

    __tablename__ = "retired_secret"
    __table_args__ = (refers_to("invitation", "invitation_id"),)

    secret_hash: Mapped[bytes] = mapped_column(primary_key=True)
    invitation_id: Mapped[UUID]
    retired_at: Mapped[datetime] = mapped_column(server_default=func.now())


def refuse_unless_open(state: str) -> None:
    """Raise InvitationGone for an invitation that is over."""
    if state not in OPEN_STATES:
        raise InvitationGone(f"This invitation was {state}. Ask the practice for a new one.", state=state)
