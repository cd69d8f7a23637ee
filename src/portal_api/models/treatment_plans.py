"""Treatment plans: written by a practitioner for one client, signed by those whom it concerns, never changed after."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.db import Base, ClientOwned, Confidential, Id, Mutable, one_of, refers_to
from portal_api.core.errors import InvalidState


class RevisionState(StrEnum):
    """`in_review`: signed in the practice first (F20.M6); `shared`: before the client; `active`: signed by all."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    SHARED = "shared"
    ACTIVE = "active"
    SUPERSEDED = "superseded"
    DECLINED = "declined"
    DISCONTINUED = "discontinued"


OPEN_STATES = (RevisionState.DRAFT, RevisionState.IN_REVIEW, RevisionState.SHARED)
CLIENT_STATES = (
    RevisionState.SHARED,
    RevisionState.ACTIVE,
    RevisionState.DECLINED,
    RevisionState.DISCONTINUED,
)
"""What a client may see, once it was put before them; what was superseded has another one in its place."""
_MOVES = {
    RevisionState.IN_REVIEW: {RevisionState.DRAFT},
    RevisionState.SHARED: {RevisionState.DRAFT, RevisionState.IN_REVIEW},
    RevisionState.ACTIVE: {RevisionState.SHARED},
    RevisionState.DECLINED: {RevisionState.SHARED},
    RevisionState.SUPERSEDED: {RevisionState.ACTIVE, RevisionState.IN_REVIEW, RevisionState.SHARED},
    RevisionState.DISCONTINUED: {*OPEN_STATES, RevisionState.ACTIVE, RevisionState.DECLINED},
}


class TreatmentPlan(ClientOwned, Confidential, Id, Mutable, Base):
    """The plan through all its revisions. Its content is theirs."""

    __tablename__ = "treatment_plan"
    __table_args__ = (
        refers_to("client", "client_id"),
        refers_to("staff_member", "author_id"),
        Index("ix_treatment_plan_client", "practice_id", "client_id", "id"),
    )

    author_id: Mapped[UUID]
    discontinued_at: Mapped[datetime | None]
    discontinued_by: Mapped[UUID | None]
    discontinued_reason: Mapped[str | None]

    def must_go_on(self) -> None:
        """Raise InvalidState for a plan that was discontinued."""
        if self.discontinued_at is not None:
            raise InvalidState("The plan was discontinued; make a new one.", state=RevisionState.DISCONTINUED)

    def discontinue(self, at: datetime, by: UUID | None, reason: str | None) -> None:
        self.must_go_on()
        self.discontinued_at, self.discontinued_by, self.discontinued_reason = at, by, reason


class TreatmentPlanRevision(ClientOwned, Id, Mutable, Base):
    """What a plan says: a draft may be changed, what was put before anybody may not."""

    __tablename__ = "treatment_plan_revision"
    __table_args__ = (
        refers_to("client", "client_id"),
        refers_to("treatment_plan", "plan_id"),
        one_of("state", RevisionState),
        CheckConstraint("number > 0", name="number"),
        Index("uq_treatment_plan_revision_number", "practice_id", "plan_id", "number", unique=True),
        Index(
            "uq_treatment_plan_revision_open",
            "practice_id",
            "plan_id",
            unique=True,
            postgresql_where=text("state IN ('draft', 'in_review', 'shared')"),
        ),
        Index(
            "uq_treatment_plan_revision_active",
            "practice_id",
            "plan_id",
            unique=True,
            postgresql_where=text("state = 'active'"),
        ),
        Index("ix_treatment_plan_revision_client", "practice_id", "client_id", "id"),
    )

    plan_id: Mapped[UUID]
    number: Mapped[int]
    state: Mapped[str] = mapped_column(default=RevisionState.DRAFT, server_default=text("'draft'"))
    content: Mapped[dict[str, Any]]
    signers: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    shared_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    def must_be_draft(self) -> None:
        """Raise InvalidState for one that somebody was shown: it needs a new revision."""
        if self.state != RevisionState.DRAFT:
            raise InvalidState("Only a draft can be changed; revise the plan.", state=self.state)

    def move(self, to: RevisionState, at: datetime) -> None:
        """Raises InvalidState where there is no such move."""
        if self.state not in _MOVES[to]:
            raise InvalidState(f"A revision that is {self.state} cannot be {to}.", state=self.state)
        self.state = to
        if to is RevisionState.SHARED:
            self.shared_at = at
        elif to not in (RevisionState.IN_REVIEW, RevisionState.ACTIVE):
            self.ended_at = at
