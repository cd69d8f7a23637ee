"""Safety alerts: an answer that somebody must look at, until somebody has (F8.B1)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, Index, case, func, text
from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.db import Base, ClientOwned, Id, Mutable, refers_to
from portal_api.core.errors import InvalidState

ALERT_STATES = ("open", "acknowledged")
_OPEN = "acknowledged_at IS NULL"


class SafetyAlert(ClientOwned, Id, Mutable, Base):
    """One answer of one assignment that met a safety rule. At most one of a rule is open for an assignment.

    score: the item's points, the highest that were submitted while the alert was open.
    """

    __tablename__ = "safety_alert"
    __table_args__ = (
        refers_to("client", "client_id"),
        refers_to("form_assignment", "form_assignment_id"),
        CheckConstraint("(acknowledged_at IS NULL) = (acknowledged_by IS NULL)", name="acknowledged"),
        CheckConstraint("note IS NULL OR acknowledged_at IS NOT NULL", name="note"),
        Index(
            "uq_safety_alert_open",
            "practice_id",
            "form_assignment_id",
            "rule",
            unique=True,
            postgresql_where=text(_OPEN),
        ),
        Index("ix_safety_alert_assignment", "practice_id", "form_assignment_id"),
        Index("ix_safety_alert_client", "practice_id", "client_id", "id"),
        Index("ix_safety_alert_open", "practice_id", "id", postgresql_where=text(_OPEN)),
    )

    form_assignment_id: Mapped[UUID]
    rule: Mapped[str]
    item_key: Mapped[str]
    score: Mapped[int]
    raised_at: Mapped[datetime] = mapped_column(server_default=func.now())
    escalated_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[UUID | None]
    note: Mapped[str | None]

    @property
    def state(self) -> str:
        return "open" if self.acknowledged_at is None else "acknowledged"

    @classmethod
    def state_now(cls) -> ColumnElement[str]:
        """The same, in a query."""
        return case((cls.acknowledged_at.is_(None), "open"), else_="acknowledged")

    def acknowledge(self, at: datetime, by: UUID | None, note: str | None) -> None:
        """Somebody has seen to it. Raises InvalidState where somebody has before."""
        if self.acknowledged_at is not None:
            raise InvalidState("The alert is acknowledged already.", state=self.state)
        self.acknowledged_at, self.acknowledged_by, self.note = at, by, note

    def escalate(self, at: datetime) -> bool:
        """Nobody has seen to it in time. Returns whether that is news."""
        if self.acknowledged_at is not None or self.escalated_at is not None:
            return False
        self.escalated_at = at
        return True
