"""The client record, who works with it, and which accounts may act for it."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, Index, and_, any_, case, func, literal, or_, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.access import SELF, GrantPermission
from portal_api.core.db import Base, ClientOwned, Id, Mutable, PracticeScoped, of_a_practice, one_of, refers_to
from portal_api.core.errors import InvalidState

PORTAL_STATES = ("none", "invited", "active", "suspended", "revoked")
SEXES = ("female", "male", "other", "unknown")
"""Administrative gender (FHIR R4 AdministrativeGender)."""
_PORTAL_MOVES = {
    "invited": {"none", "invited", "revoked"},
    "active": {"none", "invited", "active", "suspended", "revoked"},
    "suspended": {"active"},
    "revoked": {"invited", "active", "suspended"},
    "none": {"invited"},
}


class Client(PracticeScoped, Id, Mutable, Base):
    """The chart's administrative head. Not a login: accounts act for it by grants.

    given_name, middle_name and family_name are the legal name, preferred_name is what the person is called.
    """

    __tablename__ = "client"
    __table_args__ = (
        of_a_practice(),
        one_of("portal_state", PORTAL_STATES),
        one_of("sex", SEXES),
        CheckConstraint("date_of_birth > DATE '1850-01-01'", name="date_of_birth"),
        Index("ix_client_updated", "practice_id", "updated_at", "id"),
        Index("ix_client_email", "practice_id", "email_norm"),
        Index("ix_client_phone", "practice_id", "phone"),
        Index("ix_client_birth", "practice_id", "date_of_birth"),
    )

    given_name: Mapped[str]
    middle_name: Mapped[str | None]
    family_name: Mapped[str]
    preferred_name: Mapped[str | None]
    pronouns: Mapped[str | None]
    date_of_birth: Mapped[date | None]
    sex: Mapped[str | None]
    gender_identity: Mapped[str | None]
    language: Mapped[str | None]
    email: Mapped[str | None]
    email_norm: Mapped[str | None]
    phone: Mapped[str | None]
    other_phones: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list, server_default=text("'[]'::jsonb"))
    address: Mapped[dict[str, Any] | None]
    time_zone: Mapped[str | None]
    emergency_contact: Mapped[dict[str, Any] | None]
    contact_preferences: Mapped[dict[str, Any] | None]
    self_pay: Mapped[bool | None]
    external_ids: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default=text("'{}'::jsonb"))
    is_test: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    archived_at: Mapped[datetime | None]
    portal_state: Mapped[str] = mapped_column(default="none", server_default=text("'none'"))
    search_text: Mapped[str] = mapped_column(default="", server_default=text("''"))

    @property
    def refuses_mail(self) -> bool:
        """Whether the chart says that the client does not agree to be mailed (F14.M5)."""
        return (self.contact_preferences or {}).get("email") is False

    def archive(self, at: datetime) -> None:
        if self.archived_at is not None:
            raise InvalidState("The client is archived already.", state="archived")
        self.archived_at = at

    def restore(self) -> None:
        if self.archived_at is None:
            raise InvalidState("The client is not archived.", state="active")
        self.archived_at = None

    def move_portal(self, to: str) -> None:
        """Move the portal access (F3.B4): none, invited, active, suspended, revoked."""
        if self.portal_state not in _PORTAL_MOVES[to]:
            raise InvalidState(
                f"Portal access that is {self.portal_state} cannot become {to}.", state=self.portal_state
            )
        self.portal_state = to


class ClientIdentifier(ClientOwned, Base):
    """Another system's id for a client, unique within that system."""

    __tablename__ = "client_identifier"
    __table_args__ = (
        refers_to("client", "client_id"),
        Index("ix_client_identifier_client", "practice_id", "client_id"),
    )

    system: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(primary_key=True)


class ClientAssignment(ClientOwned, Base):
    """A practitioner works with a client: what opens the chart to them."""

    __tablename__ = "client_assignment"
    __table_args__ = (
        refers_to("client", "client_id"),
        refers_to("staff_member", "practitioner_id"),
        Index("ix_client_assignment_practitioner", "practice_id", "practitioner_id", "client_id"),
    )

    client_id: Mapped[UUID] = mapped_column(primary_key=True)
    practitioner_id: Mapped[UUID] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ClientGrant(ClientOwned, Id, Base):
    """An account may act for a client: the person's own login, or a guardian's (F6.M1)."""

    __tablename__ = "client_grant"
    __table_args__ = (
        refers_to("account", "account_id"),
        refers_to("client", "client_id"),
        Index(
            "uq_client_grant_active",
            "practice_id",
            "account_id",
            "client_id",
            unique=True,
            postgresql_where=text("revoked_at IS NULL"),
        ),
        Index(
            "uq_client_grant_self",
            "practice_id",
            "client_id",
            unique=True,
            postgresql_where=text("revoked_at IS NULL AND relationship = 'self'"),
        ),
        one_of("source", ("invitation", "credentials", "association", "guardian")),
    )

    account_id: Mapped[UUID]
    client_id: Mapped[UUID]
    relationship: Mapped[str] = mapped_column(default=SELF, server_default=text("'self'"))
    permissions: Mapped[list[str]]
    source: Mapped[str]
    valid_from: Mapped[datetime] = mapped_column(server_default=func.now())
    valid_to: Mapped[datetime | None]
    granted_by: Mapped[UUID | None]
    narrows_at: Mapped[datetime | None]
    narrowed_permissions: Mapped[list[str] | None]
    """What is left from `narrows_at` on, when the client has reached an age that the practice chose (F6.B1)."""
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[UUID | None]

    @classmethod
    def is_live(cls) -> ColumnElement[bool]:
        """Whether it holds at this moment, by the database's clock (A09)."""
        return and_(
            cls.revoked_at.is_(None),
            cls.valid_from <= func.now(),
            or_(cls.valid_to.is_(None), cls.valid_to > func.now()),
        )

    @classmethod
    def permissions_now(cls) -> ColumnElement[Any]:
        """What it allows at this moment."""
        return case((cls.narrows_at <= func.now(), cls.narrowed_permissions), else_=cls.permissions)

    @classmethod
    def allows(cls, permission: GrantPermission) -> ColumnElement[bool]:
        """Whether it allows this at this moment. The client's own login may do everything."""
        return or_(cls.relationship == SELF, literal(permission.value) == any_(cls.permissions_now()))

    def revoke(self, at: datetime, by: UUID | None) -> None:
        if self.revoked_at is None:
            self.revoked_at, self.revoked_by = at, by


class PortalAccessChange(ClientOwned, Id, Base):
    """One step in the history of a client's portal access."""

    __tablename__ = "portal_access_change"
    __table_args__ = (
        refers_to("client", "client_id"),
        Index("ix_portal_access_change_client", "practice_id", "client_id", "id"),
        one_of("state", PORTAL_STATES),
    )

    client_id: Mapped[UUID]
    state: Mapped[str]
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    changed_by: Mapped[UUID | None]
    reason: Mapped[str | None]
