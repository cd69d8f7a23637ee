"""People who signed up themselves and are nobody's client yet (F5)."""

from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal_api.core.db import Base, Id, Mutable, PracticeScoped, one_of, refers_to
from portal_api.core.errors import InvalidState
from portal_api.models.auth import Account

STATES = ("new", "verified", "converted", "associated", "rejected", "expired")
OUTCOMES = ("open", "converted", "associated", "rejected", "expired")
UNDO_WITHIN = timedelta(hours=24)
EXPIRES_AFTER = timedelta(days=30)


class Prospect(PracticeScoped, Id, Mutable, Base):
    """A signup and what became of it.

    Only `outcome` is stored. While it is open the state follows the account: `verified` once the e-mail
    address is, whoever verified it and by whichever door; else `new`. So verifying touches the account alone.
    """

    __tablename__ = "prospect"
    __table_args__ = (
        refers_to("account", "account_id"),
        refers_to("client", "client_id"),
        UniqueConstraint("practice_id", "account_id", name="uq_prospect_account"),
        Index("ix_prospect_outcome", "practice_id", "outcome", "id"),
        one_of("outcome", OUTCOMES),
    )

    account_id: Mapped[UUID]
    given_name: Mapped[str]
    family_name: Mapped[str]
    date_of_birth: Mapped[date | None]
    phone: Mapped[str | None]
    message: Mapped[str | None]
    outcome: Mapped[str] = mapped_column(default="open", server_default=text("'open'"))
    open_since: Mapped[datetime] = mapped_column(server_default=func.now())
    client_id: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None]

    account: Mapped[Account] = relationship(lazy="raise", viewonly=True)

    @property
    def state(self) -> str:
        if self.outcome != "open":
            return self.outcome
        return "verified" if self.account.email_verified_at else "new"

    def must_be(self, *states: str) -> None:
        """Raise InvalidState for a move that starts in none of these states."""
        if self.state not in states:
            raise InvalidState(f"This cannot be done with a prospect that is {self.state}.", state=self.state)

    def become_client(self, outcome: str, client_id: UUID, at: datetime, by: UUID) -> None:
        """`outcome` is converted (a new client) or associated (a known one)."""
        self.must_be("verified")
        self.client_id = client_id
        self._decide(outcome, at, by)

    def accept_invitation(self, client_id: UUID, at: datetime, by: UUID) -> bool:
        """Staff invited the person, whatever was decided before; says whether that changed anything."""
        if self.outcome in ("associated", "converted"):
            return False
        self.client_id = client_id
        self._decide("associated", at, by)
        return True

    def reject(self, at: datetime, by: UUID) -> None:
        self.must_be("new", "verified")
        self._decide("rejected", at, by)

    def expire(self, at: datetime) -> None:
        """Nobody verified the address in time (F5.M1)."""
        self.must_be("new")
        self._decide("expired", at, None)

    def restore(self, at: datetime) -> None:
        self.must_be("rejected", "expired")
        self._reopen(at)

    def dissociate(self, at: datetime) -> None:
        """Undo an association within 24 hours (A07)."""
        self.must_be("associated", "converted")
        if self.decided_at is None or at - self.decided_at > UNDO_WITHIN:
            raise InvalidState("An association can be undone within 24 hours.", state=self.state)
        self.client_id = None
        self._reopen(at)

    def _decide(self, outcome: str, at: datetime, by: UUID | None) -> None:
        self.outcome, self.decided_at, self.decided_by = outcome, at, by

    def _reopen(self, at: datetime) -> None:
        self.outcome, self.open_since = "open", at
        self.decided_at = self.decided_by = None
