"""Events: one row for whatever someone may want to know of. Append-only."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.db import Base, ClientOwned, Id, PracticeScoped, one_of, refers_to


class Event(PracticeScoped, Id, Base):
    """Who, acting for whom, did what to what, from where, with what result. Ids and names of fields only.

    No foreign key: the record outlives what it speaks of, and a key would lock the practice's row for each event.
    """

    __tablename__ = "event"
    __table_args__ = (
        one_of("outcome", ("success", "failure", "denied")),
        Index("ix_event_time", "practice_id", "occurred_at", "id"),
        Index("ix_event_actor", "practice_id", "actor_id", "occurred_at", "id"),
        Index("ix_event_type", "practice_id", "type", "occurred_at", "id"),
        Index(
            "ix_event_refused",
            "practice_id",
            "outcome",
            "occurred_at",
            "id",
            postgresql_where=text("outcome <> 'success'"),
        ),
        Index("ix_event_xact", "practice_id", "xact", "id", postgresql_where=text("xact IS NOT NULL")),
    )

    occurred_at: Mapped[datetime] = mapped_column(server_default=func.now())
    type: Mapped[str]
    outcome: Mapped[str] = mapped_column(default="success", server_default=text("'success'"))
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    session_id: Mapped[UUID | None]
    on_behalf_of: Mapped[UUID | None]
    resource_type: Mapped[str | None]
    resource_id: Mapped[UUID | None]
    client_ids: Mapped[list[UUID]] = mapped_column(default=list, server_default=text("'{}'::uuid[]"))
    reason: Mapped[str | None]
    request_id: Mapped[str | None]
    ip: Mapped[str | None]
    user_agent_hash: Mapped[bytes | None]
    changed: Mapped[list[str]] = mapped_column(default=list, server_default=text("'{}'::text[]"))
    details: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default=text("'{}'::jsonb"))
    xact: Mapped[int | None] = mapped_column(BigInteger, server_default=text("pg_current_xact_id()::text::bigint"))
    """The transaction that recorded it, which tells when it committed: the order in which others learn of it.

    Null for what nobody is told of: that somebody has looked at something.
    """


class EventSeal(PracticeScoped, Base):
    """A link of the practice's hash chain: hash = SHA-256(previous hash, canonical event) (F18.B2).

    `seq` has no gap. An event that committed late gets a later `seq` than its time suggests.
    """

    __tablename__ = "event_seal"
    __table_args__ = (
        refers_to("event", "event_id"),
        Index("uq_event_seal_event", "practice_id", "event_id", unique=True),
    )

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    event_id: Mapped[UUID]
    hash: Mapped[bytes]


class EventSubject(ClientOwned, Base):
    """Which clients an event concerns; written when the event is sealed, read by access history (F18.B1)."""

    __tablename__ = "event_subject"
    __table_args__ = (refers_to("event", "event_id"), refers_to("client", "client_id"))

    client_id: Mapped[UUID] = mapped_column(primary_key=True)
    occurred_at: Mapped[datetime] = mapped_column(primary_key=True)
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
