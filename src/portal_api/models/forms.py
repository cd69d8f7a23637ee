"""Forms: templates, their versions that never change, and what a client was given to fill in."""

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, Index, UniqueConstraint, case, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.db import (
    Base,
    ClientOwned,
    Confidential,
    Id,
    Mutable,
    PracticeScoped,
    of_a_practice,
    one_of,
    refers_to,
)
from portal_api.core.errors import InvalidState


class FormKind(StrEnum):
    """What a form is for."""

    CONSENT = "consent"
    INTAKE = "intake"
    ASSESSMENT = "assessment"
    TREATMENT_PLAN = "treatment_plan"


class ItemType(StrEnum):
    """What kind of answer an item takes. A statement takes none; a signature is given by signing, not answered."""

    TEXT = "text"
    PARAGRAPH = "paragraph"
    CHOICE = "choice"
    MULTIPLE_CHOICE = "multiple_choice"
    SCALE = "scale"
    DATE = "date"
    NUMBER = "number"
    SIGNATURE = "signature"
    FILE = "file"
    STATEMENT = "statement"


class SignerRole(StrEnum):
    """Who signs. `client`: the client, or whoever may sign for them."""

    CLIENT = "client"
    GUARDIAN_ANY = "guardian:any"
    GUARDIAN_EACH = "guardian:each"
    PRACTITIONER = "practitioner"
    SUPERVISOR = "supervisor"


OF_CLIENT = (SignerRole.CLIENT, SignerRole.GUARDIAN_ANY, SignerRole.GUARDIAN_EACH)
OF_PRACTICE = (SignerRole.PRACTITIONER, SignerRole.SUPERVISOR)


class FormState(StrEnum):
    """Where an assignment stands (F8.M3). A reopened one is in progress again."""

    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    SUBMITTED = "submitted"
    LOCKED = "locked"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    DECLINED = "declined"


TEMPLATE_STATES = ("draft", "published", "archived")
OPEN_STATES = (FormState.ASSIGNED, FormState.IN_PROGRESS)
"""Those that wait for answers, until `expires_at`."""
_MOVES: dict[FormState, set[FormState]] = {
    FormState.IN_PROGRESS: {FormState.ASSIGNED, FormState.IN_PROGRESS},
    FormState.SUBMITTED: {FormState.ASSIGNED, FormState.IN_PROGRESS},
    FormState.LOCKED: {FormState.SUBMITTED},
    FormState.DECLINED: {FormState.ASSIGNED, FormState.IN_PROGRESS, FormState.SUBMITTED},
    FormState.EXPIRED: {FormState.ASSIGNED, FormState.IN_PROGRESS},
    FormState.WITHDRAWN: {FormState.ASSIGNED, FormState.IN_PROGRESS, FormState.SUBMITTED, FormState.LOCKED},
}
_REOPENED_FROM = {FormState.SUBMITTED, FormState.DECLINED, FormState.EXPIRED}


class FormTemplate(PracticeScoped, Id, Mutable, Base):
    """A form that a practice uses. Its text stands in its versions; `draft` is the next version, while one is written.

    A system form carries its `key`; the practice reads it and copies it, and only the program publishes it.
    draft: {"title", "description", "definition", "signers"}, or null.
    """

    __tablename__ = "form_template"
    __table_args__ = (
        of_a_practice(),
        one_of("kind", FormKind),
        one_of("state", TEMPLATE_STATES),
        CheckConstraint("system = (key IS NOT NULL)", name="key"),
        CheckConstraint("state <> 'published' OR published_number IS NOT NULL", name="published"),
        UniqueConstraint("practice_id", "key", name="uq_form_template_key"),
        Index("ix_form_template_title", "practice_id", "title", "id"),
    )

    kind: Mapped[str]
    key: Mapped[str | None]
    system: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    title: Mapped[str]
    """Of the newest published version, or of the draft before there is one."""
    state: Mapped[str] = mapped_column(default="draft", server_default=text("'draft'"))
    published_number: Mapped[int | None]
    draft: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    copied_from: Mapped[UUID | None]
    created_by: Mapped[UUID | None]

    def must_be_editable(self) -> None:
        """Raises InvalidState for a system form and for an archived one."""
        if self.system:
            raise InvalidState("System forms are read-only. Copy it and edit the copy.", state="system")
        if self.state == "archived":
            raise InvalidState("An archived form is not edited. Restore it first.", state=self.state)

    def write(self, draft: dict[str, Any]) -> None:
        """Open the next version's draft, or replace it. Raises InvalidState."""
        self.must_be_editable()
        self.draft = draft
        if self.published_number is None:
            self.title = draft["title"]

    def discard(self) -> None:
        """Drop the draft of the next version. Raises InvalidState where there is none, or nothing else."""
        self.must_be_editable()
        if self.draft is None or self.published_number is None:
            raise InvalidState("There is no draft beside a published version.", state=self.state)
        self.draft = None

    def publish(self) -> tuple[int, dict[str, Any]]:
        """The number and the content of the version that the caller adds. Raises InvalidState without a draft."""
        self.must_be_editable()
        if self.draft is None:
            raise InvalidState("There is no draft to publish.", state=self.state)
        number, content = (self.published_number or 0) + 1, self.draft
        self.draft, self.published_number = None, number
        self.state, self.title = "published", content["title"]
        return number, content

    def must_be_assignable(self) -> int:
        """The number of the version to assign. Raises InvalidState."""
        if self.state != "published" or self.published_number is None:
            raise InvalidState(f"A form that is {self.state} is not given to clients.", state=self.state)
        return self.published_number

    def archive(self) -> None:
        if self.state == "archived":
            raise InvalidState("The form is archived already.", state=self.state)
        self.state = "archived"

    def restore(self) -> None:
        if self.state != "archived":
            raise InvalidState("The form is not archived.", state=self.state)
        self.state = "draft" if self.published_number is None else "published"


class FormVersion(PracticeScoped, Id, Base):
    """A published version. The application may add one and read it, and never change it (F8.M1).

    definition: as schemas.forms.definition has it. scoring: how an assessment is scored, or null. signers: who signs,
    in order. about: of a system form, where it comes from and under which licence. sha256: of the content's
    canonical JSON.
    """

    __tablename__ = "form_version"
    __table_args__ = (
        refers_to("form_template", "form_template_id"),
        UniqueConstraint("practice_id", "form_template_id", "number", name="uq_form_version_number"),
    )

    form_template_id: Mapped[UUID]
    number: Mapped[int]
    title: Mapped[str]
    description: Mapped[str | None]
    definition: Mapped[dict[str, Any]]
    scoring: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    signers: Mapped[list[str]]
    about: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default=text("'{}'::jsonb"))
    sha256: Mapped[bytes]
    published_at: Mapped[datetime] = mapped_column(server_default=func.now())
    published_by: Mapped[UUID | None]


class FormRecurrence(ClientOwned, Id, Mutable, Base):
    """A rule by which a client is given a form again and again: every N days, or before each appointment (F8.B2).

    days: between two, or before the start of an appointment. next_on: the date of the next one, of the practice's
    zone; null where appointments say so. settings: of each assignment, as they were given for the first.
    """

    __tablename__ = "form_recurrence"
    __table_args__ = (
        refers_to("client", "client_id"),
        refers_to("form_template", "form_template_id"),
        one_of("rule", ("every_days", "before_appointment")),
        CheckConstraint("(rule = 'every_days') = (next_on IS NOT NULL)", name="next_on"),
        CheckConstraint("days > 0", name="days"),
        Index(
            "ix_form_recurrence_live", "practice_id", "rule", "next_on", "id", postgresql_where=text("ended_at IS NULL")
        ),
        Index("ix_form_recurrence_client", "practice_id", "client_id"),
    )

    form_template_id: Mapped[UUID]
    rule: Mapped[str]
    days: Mapped[int]
    next_on: Mapped[date | None]
    settings: Mapped[dict[str, Any]]
    created_by: Mapped[UUID | None]
    ended_at: Mapped[datetime | None]

    def advance(self, today: date) -> None:
        """Move to the first date after today that the rule names: what was missed is not made up for."""
        if self.next_on is not None and self.next_on <= today:
            self.next_on += timedelta(days=((today - self.next_on).days // self.days + 1) * self.days)

    def end(self, at: datetime) -> None:
        if self.ended_at is None:
            self.ended_at = at


class FormAssignment(ClientOwned, Confidential, Id, Mutable, Base):
    """A form given to a client, pinned to one version.

    account_id: the one person who fills it in and sees it, besides staff; null: whoever may do so for the client.
    signers: [{"role"}], in order. values: what stands in place of the version's placeholders.
    due_on: when it is wanted. expires_at: until when it can be answered; past it, it is expired, whether or not a job
    has written so: `state_now` says what it is. occurrence: which one of its recurrence it is, so that none is made
    twice. signed_at: of the first signature; nothing that somebody signed is answered anew.
    """

    __tablename__ = "form_assignment"
    __table_args__ = (
        refers_to("client", "client_id"),
        refers_to("form_template", "form_template_id"),
        refers_to("form_version", "form_version_id"),
        refers_to("account", "account_id"),
        refers_to("form_recurrence", "recurrence_id"),
        one_of("state", FormState),
        one_of("submitted_by_kind", ("client", "staff")),
        CheckConstraint("(recurrence_id IS NULL) = (occurrence IS NULL)", name="occurrence"),
        UniqueConstraint("practice_id", "recurrence_id", "occurrence", name="uq_form_assignment_occurrence"),
        Index("ix_form_assignment_client", "practice_id", "client_id", "id"),
        Index("ix_form_assignment_template", "practice_id", "form_template_id", "client_id", "id"),
        Index(
            "ix_form_assignment_expiry",
            "practice_id",
            "expires_at",
            postgresql_where=text("state IN ('assigned', 'in_progress')"),
        ),
    )

    form_template_id: Mapped[UUID]
    form_version_id: Mapped[UUID]
    account_id: Mapped[UUID | None]
    state: Mapped[str] = mapped_column(default="assigned", server_default=text("'assigned'"))
    state_changed_at: Mapped[datetime | None]
    state_changed_by: Mapped[UUID | None]
    state_reason: Mapped[str | None]
    due_on: Mapped[date | None]
    expires_on: Mapped[date | None]
    expires_at: Mapped[datetime | None]
    signers: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list, server_default=text("'[]'::jsonb"))
    values: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default=text("'{}'::jsonb"))
    answers: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default=text("'{}'::jsonb"))
    score: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    recurrence_id: Mapped[UUID | None]
    occurrence: Mapped[str | None]
    assigned_by: Mapped[UUID | None]
    answered_by: Mapped[UUID | None]
    """Who saved answers last."""
    submitted_at: Mapped[datetime | None]
    submitted_by: Mapped[UUID | None]
    submitted_by_kind: Mapped[str | None]
    signed_at: Mapped[datetime | None]

    def state_at(self, at: datetime) -> FormState:
        over = self.state in OPEN_STATES and self.expires_at is not None and self.expires_at <= at
        return FormState.EXPIRED if over else FormState(self.state)

    @classmethod
    def state_now(cls) -> ColumnElement[str]:
        """What `state_at` says, in SQL, by the database's clock."""
        over = cls.state.in_(OPEN_STATES) & (cls.expires_at <= func.now())
        return case((over, "expired"), else_=cls.state)

    @property
    def practice_signs_first(self) -> bool:
        return bool(self.signers) and self.signers[0]["role"] in OF_PRACTICE

    @property
    def guardian_signs_first(self) -> bool:
        return bool(self.signers) and self.signers[0]["role"] in (SignerRole.GUARDIAN_ANY, SignerRole.GUARDIAN_EACH)

    @property
    def was_given(self) -> bool:
        """Handed in and, where that is asked for, signed: a consent that nobody signed is none."""
        handed_in = self.state in (FormState.SUBMITTED, FormState.LOCKED)
        return handed_in and (self.signed_at is not None or not self.signers)

    def save(self, answers: dict[str, Any], at: datetime, by: UUID | None) -> None:
        """Keep answers of a form that is not complete yet. Raises InvalidState unless it waits for answers."""
        self._move(FormState.IN_PROGRESS, at, by)
        self.answers, self.answered_by = answers, by

    def submit(self, answers: dict[str, Any], score: dict[str, Any] | None, at: datetime, by: UUID, kind: str) -> None:
        """Hand it in. The caller has found the answers complete. kind: client, or staff on the client's behalf.

        Raises InvalidState.
        """
        self._move(FormState.SUBMITTED, at, by)
        self.answers, self.answered_by, self.score = answers, by, score
        self.submitted_at, self.submitted_by, self.submitted_by_kind = at, by, kind

    def reopen(self, at: datetime, by: UUID | None, reason: str | None) -> None:
        """Let it be answered anew, as it was answered. Raises InvalidState, also where somebody has signed it."""
        state = self.state_at(at)
        if state not in _REOPENED_FROM or self.signed_at is not None:
            signed = " and signed" if self.signed_at else ""
            raise InvalidState(f"A form that is {state}{signed} is not opened again.", state=state)
        self._set(FormState.IN_PROGRESS, at, by, reason)
        self.score = None
        self.submitted_at = self.submitted_by = self.submitted_by_kind = None
        if self.expires_at is not None and self.expires_at <= at:
            self.expires_at = self.expires_on = None

    def sign(self, at: datetime) -> None:
        """Note the first signature of a form that was handed in. Raises InvalidState."""
        if self.state != FormState.SUBMITTED:
            raise InvalidState(f"A form that is {self.state_at(at)} is not signed.", state=self.state_at(at))
        self.signed_at = self.signed_at or at

    def leave_to_supervisor(self, at: datetime) -> None:
        """It was read by an intern: the signature of a supervisor ends it. Raises InvalidState."""
        if self.state != FormState.SUBMITTED:
            raise InvalidState(f"A form that is {self.state_at(at)} is not accepted.", state=self.state_at(at))
        self.signers = [{"role": str(SignerRole.SUPERVISOR)}]

    def lock(self, at: datetime, by: UUID | None) -> None:
        """End it: everybody has signed, or staff have read it. Raises InvalidState."""
        self._move(FormState.LOCKED, at, by)

    def decline(self, at: datetime, by: UUID | None, reason: str | None) -> None:
        """Record that somebody who is asked to sign refuses (F8.M6). Raises InvalidState, also once it is locked."""
        self._move(FormState.DECLINED, at, by, reason)

    def withdraw(self, at: datetime, by: UUID | None, reason: str | None) -> None:
        """Take it back: staff one that is not wanted any more, a client a consent that was given. Raises InvalidState.

        Answers and signatures stay on file.
        """
        self._move(FormState.WITHDRAWN, at, by, reason)

    def expire(self, at: datetime) -> None:
        """Write down that it can no longer be answered. Raises InvalidState unless `expires_at` is past."""
        if self.state not in OPEN_STATES or self.expires_at is None or self.expires_at > at:
            raise InvalidState("It has not expired.", state=self.state_at(at))
        self._set(FormState.EXPIRED, at, by=None, reason=None)

    def must_be_open(self, at: datetime) -> None:
        """Raise InvalidState unless it waits for answers."""
        state = self.state_at(at)
        if state not in OPEN_STATES:
            raise InvalidState(f"A form that is {state} takes no answers.", state=state)

    def _move(self, to: FormState, at: datetime, by: UUID | None, reason: str | None = None) -> None:
        state = self.state_at(at)
        if state not in _MOVES[to]:
            raise InvalidState(f"A form that is {state} cannot become {to}.", state=state)
        self._set(to, at, by, reason)

    def _set(self, to: FormState, at: datetime, by: UUID | None, reason: str | None) -> None:
        if self.state != to:
            self.state, self.state_changed_at, self.state_changed_by, self.state_reason = to, at, by, reason
