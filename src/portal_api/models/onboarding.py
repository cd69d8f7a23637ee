"""Onboarding: the flow that a practice chose, and how far each client has come in theirs."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.db import Base, ClientOwned, Mutable, PracticeScoped, of_a_practice, one_of, refers_to
from portal_api.core.errors import Conflict, InvalidState

INFORMATION_KINDS = ("profile", "demographics", "contact", "preferences", "insurance")
FORM_KINDS = ("consent", "intake", "assessment")
STEP_KINDS = (*INFORMATION_KINDS, *FORM_KINDS, "document", "upload", "statement")
SOURCES = ("invitation", "credentials", "association", "guardian", "staff")


class StepRequired(Conflict):
    code, title = "step_required", "This step cannot be left out"


class OnboardingFlow(PracticeScoped, Mutable, Base):
    """What a practice asks of new clients, in order; a practice without a row has the flow that ships.

    `steps` and `client_information` are what schemas.onboarding describes.
    """

    __tablename__ = "onboarding_flow"
    __table_args__ = (of_a_practice(), CheckConstraint("adult_age BETWEEN 12 AND 30", name="adult_age"))

    steps: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    client_information: Mapped[dict[str, Any]]
    adult_age: Mapped[int] = mapped_column(default=18, server_default=text("18"))


class ClientOnboarding(ClientOwned, Mutable, Base):
    """One client's own copy of the flow, made when they were let in (F7.M1).

    `audience`: what the client was then (adult or minor, new or existing). `flow_version`: of the flow up to which
    steps were taken over, which ends with completion (F7.M3). The row is the lock of everything below it.
    """

    __tablename__ = "client_onboarding"
    __table_args__ = (
        refers_to("client", "client_id"),
        one_of("state", ("pending", "in_progress", "completed")),
        one_of("source", SOURCES),
        Index("ix_client_onboarding_open", "practice_id", "client_id", postgresql_where=text("completed_at IS NULL")),
    )

    client_id: Mapped[UUID] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(default="pending", server_default=text("'pending'"))
    source: Mapped[str]
    audience: Mapped[list[str]]
    flow_version: Mapped[int]
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    completed_by: Mapped[UUID | None]

    def must_be_open(self) -> None:
        """Raise InvalidState once it is completed."""
        if self.completed_at is not None:
            raise InvalidState("This onboarding is completed.", state="completed")

    def begin(self, at: datetime) -> None:
        self.must_be_open()
        if self.started_at is None:
            self.state, self.started_at = "in_progress", at

    def complete(self, at: datetime, by: UUID | None) -> None:
        self.begin(at)
        self.state, self.completed_at, self.completed_by = "completed", at, by


class OnboardingStep(ClientOwned, Mutable, Base):
    """One step of one client, as the flow had it when it was handed to them.

    `fields`: what an information step asks, as [{"name", "required"}]. `filled_in_by`: self or guardian; None: either.
    A form's own state, and that of a document, is looked up where it is kept.
    """

    __tablename__ = "onboarding_step"
    __table_args__ = (
        refers_to("client", "client_id"),
        refers_to("form_assignment", "form_assignment_id"),
        ForeignKeyConstraint(
            ["practice_id", "practice_document_id"],
            ["practice_document.practice_id", "practice_document.id"],
            name="fk_onboarding_step_practice_document",
        ),
        refers_to("document", "document_id"),
        Index("ix_onboarding_step_assignment", "practice_id", "form_assignment_id"),
        one_of("kind", STEP_KINDS),
        one_of("filled_in_by", ("self", "guardian")),
    )

    client_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    kind: Mapped[str]
    title: Mapped[str]
    text: Mapped[str | None]
    required: Mapped[bool]
    skippable: Mapped[bool]
    filled_in_by: Mapped[str | None]
    fields: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list, server_default=text("'[]'::jsonb"))
    form_assignment_id: Mapped[UUID | None]
    practice_document_id: Mapped[UUID | None]
    document_id: Mapped[UUID | None]
    saved_at: Mapped[datetime | None]
    saved_by: Mapped[UUID | None]
    acknowledged_at: Mapped[datetime | None]
    skipped_at: Mapped[datetime | None]
    skipped_by: Mapped[UUID | None]
    skipped_by_staff: Mapped[bool] = mapped_column(default=False, server_default=text("false"))

    @property
    def may_be_skipped(self) -> bool:
        return self.skippable or not self.required

    def save(self, at: datetime, by: UUID | None) -> None:
        self.saved_at, self.saved_by = at, by
        self.skipped_at = self.skipped_by = None

    def skip(self, at: datetime, by: UUID | None, *, by_staff: bool) -> None:
        """Leave it out. Raises StepRequired for a step that its client may not leave out."""
        if not by_staff and not self.may_be_skipped:
            raise StepRequired("Ask the practice if you cannot fill it in.")
        self.skipped_at, self.skipped_by, self.skipped_by_staff = at, by, by_staff

    def reset(self) -> None:
        """As if nobody had been at it; what was entered stays in the chart, a form stays as it is."""
        self.saved_at = self.saved_by = self.acknowledged_at = self.skipped_at = self.skipped_by = None
        self.document_id, self.skipped_by_staff = None, False
