"""What clients say of themselves, and what staff make of it (F7.B2)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.db import Base, ClientOwned, Id, Mutable, one_of, refers_to

CHANGE_STATES = ("pending", "accepted", "rejected", "partly_accepted")


class ClientChange(ClientOwned, Id, Mutable, Base):
    """What one account wants changed in one chart: one set of fields, open until each of them is decided.

    `fields` by name: `before` (what the chart said), `proposed`, `state` (pending, accepted, rejected), and once it is
    decided `decided_at`, `decided_by`, `reason`. A person who writes again adds to the set that is open.
    """

    __tablename__ = "client_change"
    __table_args__ = (
        refers_to("client", "client_id"),
        refers_to("account", "account_id"),
        one_of("state", CHANGE_STATES),
        Index(
            "uq_client_change_open",
            "practice_id",
            "client_id",
            "account_id",
            unique=True,
            postgresql_where=text("state = 'pending'"),
        ),
        Index("ix_client_change_queue", "practice_id", "id", postgresql_where=text("state = 'pending'")),
        Index("ix_client_change_client", "practice_id", "client_id", "id"),
    )

    client_id: Mapped[UUID]
    account_id: Mapped[UUID]
    relationship: Mapped[str]
    state: Mapped[str] = mapped_column(default="pending", server_default=text("'pending'"))
    fields: Mapped[dict[str, Any]]
    closed_at: Mapped[datetime | None]

    @property
    def open_fields(self) -> list[str]:
        """The names that nobody has decided on yet."""
        return [name for name, field in self.fields.items() if field["state"] == "pending"]

    def propose(self, name: str, before: Any, after: Any) -> None:
        """Put a field into the set, in place of what the same person wanted of it before.

        The same wish again says nothing new: what the chart said at the first stays, and what staff wrote since.
        """
        known = self.fields.get(name)
        if known is not None and (known["state"], known["proposed"]) == ("pending", after):
            return
        self.fields = self.fields | {name: {"before": before, "proposed": after, "state": "pending"}}

    def withdraw(self, name: str) -> None:
        """The person is content with what the chart says."""
        self.fields = {other: field for other, field in self.fields.items() if other != name}

    def decide(self, names: list[str], verdict: str, at: datetime, by: UUID | None, reason: str | None) -> None:
        """Accept or reject fields; the last one closes the set."""
        decision = {"state": verdict, "decided_at": at.isoformat(), "decided_by": str(by), "reason": reason}
        self.fields = self.fields | {name: self.fields[name] | decision for name in names}
        self.close_if_decided(at)

    def close_if_decided(self, at: datetime) -> None:
        """A set of which nothing is open any more is over."""
        if not self.open_fields:
            verdicts = {field["state"] for field in self.fields.values()}
            self.state = verdicts.pop() if len(verdicts) == 1 else "partly_accepted"
            self.closed_at = at
