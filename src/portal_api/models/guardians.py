"""Guardians as staff know them, and what a court or the family has settled about a client (F6)."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Index, case, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.db import Base, Id, Mutable, PracticeScoped, one_of, refers_to
from portal_api.core.errors import InvalidState
from portal_api.models.clients import ClientGrant


class Arrangement(StrEnum):
    SOLE = "sole"
    JOINT = "joint"


class SignaturePolicy(StrEnum):
    """How many guardians must sign what is signed for the client (F8.B2)."""

    ANY_ONE = "any_one"
    ALL_GUARDIANS = "all_guardians"


class Guardian(PracticeScoped, Id, Mutable, Base):
    """A person who may act for one client, as staff wrote it down; for staff alone, so that guardians never meet here.

    Without an account the person has not accepted yet. What the account may do stands in its ClientGrant, which is
    made from this row and kept like it: `permissions` are those that staff gave; the grant has what the practice's age
    rules leave of them. `narrows_at`, `narrowed_permissions` and `ends_at` are those rules for this person, and
    `transition_at` is the first such moment that nobody has been told of; they know of those up to `told_until`.
    `foretold_at`: the moment of which staff were told ahead. `extended_to`: until then no age rule takes anything away.
    """

    __tablename__ = "guardian"
    __table_args__ = (
        refers_to("client", "client_id"),
        refers_to("account", "account_id"),
        refers_to("client_grant", "grant_id"),
        Index("ix_guardian_client", "practice_id", "client_id", "id"),
        Index(
            "uq_guardian_email",
            "practice_id",
            "client_id",
            "email_norm",
            unique=True,
            postgresql_where=text("revoked_at IS NULL"),
        ),
        Index("ix_guardian_transition", "practice_id", "transition_at", postgresql_where=text("revoked_at IS NULL")),
    )

    client_id: Mapped[UUID]
    given_name: Mapped[str]
    family_name: Mapped[str]
    email: Mapped[str]
    email_norm: Mapped[str]
    phone: Mapped[str | None]
    relationship: Mapped[str]
    permissions: Mapped[list[str]]
    valid_from: Mapped[datetime] = mapped_column(server_default=func.now())
    valid_to: Mapped[datetime | None]
    account_id: Mapped[UUID | None]
    grant_id: Mapped[UUID | None]
    narrows_at: Mapped[datetime | None]
    narrowed_permissions: Mapped[list[str] | None]
    ends_at: Mapped[datetime | None]
    transition_at: Mapped[datetime | None]
    told_until: Mapped[datetime] = mapped_column(server_default=func.now())
    foretold_at: Mapped[datetime | None]
    extended_to: Mapped[datetime | None]
    extension_reason: Mapped[str | None]
    created_by: Mapped[UUID | None]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[UUID | None]
    revocation_reason: Mapped[str | None]

    @classmethod
    def is_over(cls) -> ColumnElement[bool]:
        """Whether the end that staff set, or that of an age rule, has come."""
        return func.coalesce(func.least(cls.valid_to, cls.ends_at) <= func.now(), text("false"))

    @classmethod
    def state_now(cls) -> ColumnElement[str]:
        return case(
            (cls.revoked_at.is_not(None), "revoked"),
            (cls.is_over(), "expired"),
            (cls.grant_id.is_(None), "pending"),
            (cls.valid_from > func.now(), "scheduled"),
            else_="active",
        )

    def must_be_current(self) -> None:
        """Raise InvalidState once staff have dissolved it."""
        if self.revoked_at is not None:
            raise InvalidState("This guardianship was dissolved: add the guardian anew.", state="revoked")

    def dissolve(self, at: datetime, by: UUID | None, reason: str | None) -> None:
        self.must_be_current()
        self.revoked_at, self.revoked_by, self.revocation_reason = at, by, reason

    def grant_for(self, account_id: UUID, by: UUID | None) -> ClientGrant:
        """What an account that has accepted gets; the caller fills in what the age rules leave of it."""
        return ClientGrant(
            account_id=account_id,
            client_id=self.client_id,
            relationship=self.relationship,
            permissions=[],
            source="guardian",
            granted_by=by,
        )

    def accept(self, grant: ClientGrant) -> None:
        self.must_be_current()
        self.account_id, self.grant_id = grant.account_id, grant.id


class CustodyRecord(PracticeScoped, Mutable, Base):
    """What is settled about who decides for a client; for staff alone (F6.B2).

    `no_contact`: people whom the client must not have contact with, as {given_name, family_name, email, notes}.
    `payment_shares`: who pays how much, as {guardian_id, percent}.
    """

    __tablename__ = "custody_record"
    __table_args__ = (
        refers_to("client", "client_id"),
        refers_to("document", "order_document_id"),
        one_of("arrangement", Arrangement),
        one_of("signature_policy", SignaturePolicy),
    )

    client_id: Mapped[UUID] = mapped_column(primary_key=True)
    arrangement: Mapped[str | None]
    signature_policy: Mapped[str] = mapped_column(default="any_one", server_default=text("'any_one'"))
    order_document_id: Mapped[UUID | None]
    notes: Mapped[str | None]
    no_contact: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list, server_default=text("'[]'::jsonb"))
    payment_shares: Mapped[list[dict[str, Any]]] = mapped_column(
        JSONB, default=list, server_default=text("'[]'::jsonb")
    )
