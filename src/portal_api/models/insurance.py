"""Insurance policies of clients: entered by whoever knows them, reviewed by staff (F7.M4)."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.db import Base, ClientOwned, Id, Mutable, one_of, refers_to
from portal_api.core.errors import InvalidState

POLICY_TYPES = ("primary", "secondary", "tertiary")
RELATIONSHIPS = ("self", "spouse", "child", "parent", "other")
"""Of the client to the subscriber."""
INSURANCE_TYPES = (
    "commercial",
    "medicare",
    "medicaid",
    "military",
    "workers_compensation",
    "employee_assistance",
    "other",
)
POLICY_STATES = ("unreviewed", "accepted", "rejected", "withdrawn")


class InsurancePolicy(ClientOwned, Id, Mutable, Base):
    """What pays for a client's care. Clients change what they entered until staff have accepted it, never after."""

    __tablename__ = "insurance_policy"
    __table_args__ = (
        refers_to("client", "client_id"),
        refers_to("document", "front_document_id"),
        refers_to("document", "back_document_id"),
        one_of("type", POLICY_TYPES),
        one_of("relationship", RELATIONSHIPS),
        one_of("insurance_type", INSURANCE_TYPES),
        one_of("state", POLICY_STATES),
        CheckConstraint("end_date >= effective_date", name="dates"),
        Index("ix_insurance_policy_client", "practice_id", "client_id", "id"),
    )

    client_id: Mapped[UUID]
    type: Mapped[str] = mapped_column(default="primary", server_default=text("'primary'"))
    relationship: Mapped[str] = mapped_column(default="self", server_default=text("'self'"))
    insurance_type: Mapped[str] = mapped_column(default="commercial", server_default=text("'commercial'"))
    payer: Mapped[str]
    payer_id: Mapped[str | None]
    plan_name: Mapped[str | None]
    member_id: Mapped[str]
    group_number: Mapped[str | None]
    subscriber: Mapped[dict[str, Any] | None]
    effective_date: Mapped[date | None]
    end_date: Mapped[date | None]
    front_document_id: Mapped[UUID | None]
    back_document_id: Mapped[UUID | None]
    state: Mapped[str] = mapped_column(default="unreviewed", server_default=text("'unreviewed'"))
    added_by: Mapped[UUID | None]
    added_by_kind: Mapped[str]
    reviewed_at: Mapped[datetime | None]
    reviewed_by: Mapped[UUID | None]
    rejection_reason: Mapped[str | None]

    def accept(self, at: datetime, by: UUID | None) -> None:
        self._must_be("unreviewed", "rejected")
        self.state, self.rejection_reason = "accepted", None
        self.reviewed_at, self.reviewed_by = at, by

    def reject(self, at: datetime, by: UUID | None, reason: str | None) -> None:
        self._must_be("unreviewed")
        self.state, self.rejection_reason = "rejected", reason
        self.reviewed_at, self.reviewed_by = at, by

    def reenter(self) -> None:
        """The client corrects it: it waits for staff again. Raises InvalidState once it is accepted or withdrawn."""
        self._must_be("unreviewed", "rejected")
        self.state, self.rejection_reason, self.reviewed_at, self.reviewed_by = "unreviewed", None, None, None

    def withdraw(self) -> None:
        self._must_be("unreviewed", "rejected")
        self.state = "withdrawn"

    def _must_be(self, *states: str) -> None:
        if self.state not in states:
            raise InvalidState(f"A policy that is {self.state} is not changed in this way.", state=self.state)
