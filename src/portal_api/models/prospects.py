"""People who signed up themselves and are nobody's client yet (F5)."""

from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.db import Base, Id, Mutable, PracticeScoped, one_of, refers_to
from portal_api.core.errors import InvalidState

STATES = ("new", "verified", "converted", "associated", "rejected", "expired")
UNDO_WITHIN = timedelta(hours=24)


class Prospect(PracticeScoped, Id, Mutable, Base):
    """A signup and what became of it."""

    __tablename__ = "prospect"
    __table_args__ = (
        refers_to("account", "account_id"),
        refers_to("client", "client_id"),
        UniqueConstraint("practice_id", "account_id", name="uq_prospect_account"),
        Index("ix_prospect_state", "practice_id", "state", "id"),
        one_of("state", STATES),
    )

    account_id: Mapped[UUID]
    given_name: Mapped[str]
    family_name: Mapped[str]
    email: Mapped[str]
    email_norm: Mapped[str]
    date_of_birth: Mapped[date | None]
    phone: Mapped[str | None]
    message: Mapped[str | None]
    state: Mapped[str] = mapped_column(default="new", server_default=text("'new'"))
    verified_at: Mapped[datetime | None]
    verified_by: Mapped[UUID | None]
    client_id: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None]

    def verify(self, at: datetime, by: UUID | None) -> None:
        """By the person's own mail (`by` is None) or by staff for them."""
        if self.state == "new":
            self.state = "verified"
        if self.verified_at is None or by is None:
            self.verified_at, self.verified_by = at, by

    def become_client(self, state: str, client_id: UUID, at: datetime, by: UUID) -> None:
        """`state` is converted (a new client) or associated (a known one)."""
        self._must_be({"new", "verified"}, state)
        self.state, self.client_id, self.decided_at, self.decided_by = state, client_id, at, by

    def reject(self, at: datetime, by: UUID) -> None:
        self._must_be({"new", "verified"}, "rejected")
        self.state, self.decided_at, self.decided_by = "rejected", at, by

    def restore(self) -> None:
        self._must_be({"rejected", "expired"}, "restored")
        self._reopen()

    def dissociate(self, at: datetime) -> None:
        """Undo an association within 24 hours (A07)."""
        self._must_be({"associated", "converted"}, "dissociated")
        if self.decided_at is None or at - self.decided_at > UNDO_WITHIN:
            raise InvalidState("An association can be undone within 24 hours.", state=self.state)
        self._reopen()
        self.client_id = None

    def _reopen(self) -> None:
        self.state = "verified" if self.verified_at else "new"
        self.decided_at = self.decided_by = None

    def _must_be(self, states: set[str], to: str) -> None:
        if self.state not in states:
            raise InvalidState(f"A prospect that is {self.state} cannot be {to}.", state=self.state)
