"""Requests for a time: held for the asking client until somebody decides (F10.M3)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, Index, case, func, text
from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.db import Base, ClientOwned, Confidential, Id, Mutable, one_of, refers_to
from portal_api.core.errors import InvalidState
from portal_api.models.scheduling.services import Mode

REQUEST_STATES = ("held", "requested", "accepted", "declined", "withdrawn", "expired")
HOLDING_STATES = ("held", "requested")
"""Those that hold their time by a Claim, until `expires_at` or until staff book over it."""


class AppointmentRequest(ClientOwned, Confidential, Id, Mutable, Base):
    """A client, or a prospect without a chart yet, asks for a time.

    `held`: nobody is told yet, as the address behind it is not verified; it holds its time only where the practice
    lets unverified people do so. `requested_at`: since when the practice knows of it. Past `expires_at` it is
    expired, whether or not a job has written so: `state_now` says what it is. `displaced_at`: staff booked over the
    hold; accepting it then needs another time. A counter-offer (`offered_*`) holds the time offered in place of the
    one that was asked for. One with neither client nor prospect was asked for, by somebody unknown, under the
    address of an account that needs no such page: it never becomes more than `held`.
    """

    __tablename__ = "appointment_request"
    __table_args__ = (
        refers_to("client", "client_id"),
        refers_to("prospect", "prospect_id"),
        refers_to("staff_member", "practitioner_id"),
        refers_to("service", "service_id"),
        refers_to("location", "location_id"),
        one_of("state", REQUEST_STATES),
        one_of("mode", Mode),
        CheckConstraint("num_nonnulls(client_id, prospect_id, account_id) > 0", name="asker"),
        CheckConstraint("starts_at < ends_at", name="range"),
        CheckConstraint("(offered_starts_at IS NULL) = (offered_ends_at IS NULL)", name="offer"),
        Index("ix_appointment_request_state", "practice_id", "state", "id"),
        Index("ix_appointment_request_client", "practice_id", "client_id", "id"),
        Index("ix_appointment_request_practitioner", "practice_id", "practitioner_id", "state", "id"),
        Index("ix_appointment_request_calendar", "practice_id", "practitioner_id", "id"),
        Index("ix_appointment_request_prospect", "practice_id", "prospect_id"),
        Index(
            "ix_appointment_request_account",
            "practice_id",
            "account_id",
            postgresql_where=text("state IN ('held', 'requested')"),
        ),
        Index(
            "ix_appointment_request_expiry",
            "practice_id",
            "expires_at",
            postgresql_where=text("state IN ('held', 'requested')"),
        ),
    )

    # A prospect has no chart.
    client_id: Mapped[UUID | None] = mapped_column(nullable=True)  # type: ignore[assignment] # pyrefly: ignore
    prospect_id: Mapped[UUID | None]
    account_id: Mapped[UUID | None]
    practitioner_id: Mapped[UUID]
    service_id: Mapped[UUID]
    location_id: Mapped[UUID | None]
    mode: Mapped[str]
    state: Mapped[str] = mapped_column(default="requested", server_default=text("'requested'"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    note: Mapped[str | None]
    requested_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]
    displaced_at: Mapped[datetime | None]
    offered_starts_at: Mapped[datetime | None]
    offered_ends_at: Mapped[datetime | None]
    offered_at: Mapped[datetime | None]
    offered_by: Mapped[UUID | None]
    offer_message: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None]
    decision_message: Mapped[str | None]

    def state_at(self, at: datetime) -> str:
        return "expired" if self.state in HOLDING_STATES and self.expires_at <= at else self.state

    @classmethod
    def state_now(cls) -> ColumnElement[str]:
        """What `state_at` says, in SQL, by the database's clock."""
        over = cls.state.in_(HOLDING_STATES) & (cls.expires_at <= func.now())
        return case((over, "expired"), else_=cls.state)

    def must_be_open(self, at: datetime) -> None:
        """Raise InvalidState unless it waits for an answer."""
        state = self.state_at(at)
        if state != "requested":
            raise InvalidState(f"A request that is {state} waits for no answer.", state=state)

    def put_forward(self, at: datetime, expires_at: datetime) -> None:
        """Tell the practice of a request that was only held. The caller claims its time."""
        state = self.state_at(at)
        if state != "held":
            raise InvalidState(f"A request that is {state} cannot be put forward.", state=state)
        self.state, self.requested_at, self.expires_at = "requested", at, expires_at

    def offer(self, starts_at: datetime, ends_at: datetime, at: datetime, by: UUID | None, message: str | None) -> None:
        """Offer another time instead. The caller moves the Claim and says when the offer ends. Raises InvalidState."""
        self.must_be_open(at)
        self.offered_starts_at, self.offered_ends_at = starts_at, ends_at
        self.offered_at, self.offered_by, self.offer_message = at, by, message
        self.displaced_at = None

    def must_have_an_offer(self, at: datetime) -> datetime:
        """The time that is offered instead of the one asked for. Raises InvalidState where there is none."""
        self.must_be_open(at)
        if self.offered_starts_at is None:
            raise InvalidState("The practice has offered no other time.", state=self.state)
        return self.offered_starts_at

    def decide(self, to: str, at: datetime, by: UUID | None, message: str | None = None) -> None:
        """End it: accepted, declined, withdrawn or expired. The caller releases its Claim. Raises InvalidState."""
        state = self.state_at(at)
        if self.state not in HOLDING_STATES or (state == "expired" and to != "expired"):
            raise InvalidState(f"A request that is {state} cannot be {to}.", state=state)
        self.state, self.decided_at, self.decided_by, self.decision_message = to, at, by, message
