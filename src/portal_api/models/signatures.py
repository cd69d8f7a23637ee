"""Electronic signatures and the evidence of them (ESIGN 15 USC 7001, UETA; F8.M5): what was shown, who signed it, how.

What was shown, each signature, each refusal and each signed copy are rows that the program can add and never change.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, Index, case, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.db import Base, ClientOwned, Id, Mutable, PracticeScoped, one_of, refers_to
from portal_api.core.errors import InvalidState

SHA256_LENGTH = 64


class SubjectKind(StrEnum):
    """What can be signed."""

    FORM_ASSIGNMENT = "form_assignment"
    TREATMENT_PLAN = "treatment_plan"
    DOCUMENT = "document"


class Party(StrEnum):
    """As what somebody signs: the client, who acts for them, who treats them, who supervises the treatment."""

    CLIENT = "client"
    GUARDIAN = "guardian"
    PRACTITIONER = "practitioner"
    SUPERVISOR = "supervisor"


class RequestState(StrEnum):
    """Of what is to be signed. `superseded`: it was revised before everybody had signed, and is signed anew."""

    OPEN = "open"
    COMPLETE = "complete"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"


class SignatureRequest(ClientOwned, Id, Mutable, Base):
    """One paper that is to be signed, by whom, in which order, and how far that is.

    signers: [{"role", "account_id"?}], a role of models.forms.SignerRole.
    """

    __tablename__ = "signature_request"
    __table_args__ = (
        refers_to("client", "client_id"),
        refers_to("signed_paper", "paper_id"),
        one_of("subject_kind", SubjectKind),
        one_of("state", RequestState),
        Index(
            "uq_signature_request_subject",
            "practice_id",
            "subject_kind",
            "subject_id",
            unique=True,
            postgresql_where=text("state <> 'superseded' AND state <> 'cancelled' AND state <> 'expired'"),
        ),
        Index("ix_signature_request_subject", "practice_id", "subject_kind", "subject_id", "id"),
        Index("ix_signature_request_client", "practice_id", "client_id", "id"),
    )

    subject_kind: Mapped[str]
    subject_id: Mapped[UUID]
    paper_id: Mapped[UUID]
    signers: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    in_order: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    state: Mapped[str] = mapped_column(default=RequestState.OPEN, server_default=text("'open'"))
    requested_by: Mapped[UUID | None]
    expires_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    def state_at(self, at: datetime) -> RequestState:
        over = self.state == RequestState.OPEN and self.expires_at is not None and self.expires_at <= at
        return RequestState.EXPIRED if over else RequestState(self.state)

    @classmethod
    def state_now(cls) -> ColumnElement[str]:
        """What `state_at` says, in SQL, by the database's clock."""
        over = (cls.state == RequestState.OPEN) & (cls.expires_at <= func.now())
        return case((over, RequestState.EXPIRED), else_=cls.state)

    def must_be_open(self, at: datetime) -> None:
        """Raise InvalidState unless signatures are still taken."""
        state = self.state_at(at)
        if state != RequestState.OPEN:
            raise InvalidState(f"What is {state} cannot be signed.", state=state)

    def end(self, state: RequestState, at: datetime) -> None:
        """Complete, decline or cancel it, or write down that it has expired. Raises InvalidState unless it is open."""
        if state != RequestState.EXPIRED:
            self.must_be_open(at)
        self.state, self.ended_at = state, at


class SignedPaper(ClientOwned, Id, Base):
    """The exact bytes that signers are shown, and what they say, as the PDF is made of it. Of a file only its hash.

    version_id: the version of the template, the revision of the plan, or the file, that they were made from.
    """

    __tablename__ = "signed_paper"
    __table_args__ = (
        refers_to("client", "client_id"),
        CheckConstraint(f"length(sha256) = {SHA256_LENGTH}", name="sha256"),
        Index("ix_signed_paper_client", "practice_id", "client_id", "id"),
        Index("ix_signed_paper_sha", "practice_id", "sha256"),
    )

    title: Mapped[str]
    version_id: Mapped[UUID]
    media_type: Mapped[str]
    sha256: Mapped[str]
    content: Mapped[bytes | None]
    paper: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    made_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Signature(ClientOwned, Id, Base):
    """One person signed one paper. `seal` is the program's own signature over all the other columns.

    capacity: `self`, the relationship in which they act for the client, or the role in the practice.
    """

    __tablename__ = "signature"
    __table_args__ = (
        refers_to("client", "client_id"),
        refers_to("signature_request", "request_id"),
        refers_to("signed_paper", "paper_id"),
        refers_to("account", "account_id"),
        one_of("party", Party),
        one_of("method", ("typed", "typed_and_drawn")),
        CheckConstraint("btrim(printed_name) <> ''", name="printed_name"),
        Index("uq_signature_request_account", "practice_id", "request_id", "account_id", unique=True),
        Index("ix_signature_client", "practice_id", "client_id", "id"),
    )

    request_id: Mapped[UUID]
    paper_id: Mapped[UUID]
    document_sha256: Mapped[str]
    version_id: Mapped[UUID]
    account_id: Mapped[UUID]
    party: Mapped[str]
    capacity: Mapped[str]
    acts_as: Mapped[str]
    printed_name: Mapped[str]
    statement: Mapped[str]
    records_statement: Mapped[str]
    records_version: Mapped[str]
    method: Mapped[str]
    drawn: Mapped[bytes | None]
    session_id: Mapped[UUID]
    authentication_methods: Mapped[list[str]]
    authenticated_at: Mapped[datetime]
    ip_network: Mapped[str]
    user_agent: Mapped[str]
    signed_at: Mapped[datetime]
    seal: Mapped[bytes]


class SignatureDecision(ClientOwned, Id, Base):
    """Somebody would not sign, or took back a consent that was signed (F8.M6). What was signed stays as it is."""

    __tablename__ = "signature_decision"
    __table_args__ = (
        refers_to("client", "client_id"),
        refers_to("account", "account_id"),
        one_of("subject_kind", SubjectKind),
        one_of("kind", ("declined", "consent_withdrawn")),
        Index("ix_signature_decision_subject", "practice_id", "subject_kind", "subject_id", "id"),
        Index("ix_signature_decision_client", "practice_id", "client_id", "id"),
    )

    subject_kind: Mapped[str]
    subject_id: Mapped[UUID]
    kind: Mapped[str]
    account_id: Mapped[UUID]
    capacity: Mapped[str]
    reason: Mapped[str | None]
    session_id: Mapped[UUID]
    ip_network: Mapped[str]
    user_agent: Mapped[str]
    decided_at: Mapped[datetime]


class SignedCopy(ClientOwned, Id, Base):
    """The finished paper with its certificate, as a PDF. `seal` is the program's own signature over the rest.

    account_id: the guardian for whom it was made; nobody else reads their name in another guardian's (F6.M3).
    document_id: no foreign key, since a document may be disposed of when its time is over; this row stays.
    """

    __tablename__ = "signed_copy"
    __table_args__ = (
        refers_to("client", "client_id"),
        refers_to("signature_request", "request_id"),
        one_of("audience", ("practice", "signer", "everyone")),
        CheckConstraint("(audience = 'signer') = (account_id IS NOT NULL)", name="signer"),
        Index(
            "uq_signed_copy_audience",
            "practice_id",
            "request_id",
            "audience",
            "account_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_signed_copy_sha", "practice_id", "sha256"),
        Index("ix_signed_copy_client", "practice_id", "client_id", "id"),
    )

    request_id: Mapped[UUID]
    audience: Mapped[str]
    account_id: Mapped[UUID | None]
    document_id: Mapped[UUID]
    sha256: Mapped[str]
    made_at: Mapped[datetime]
    seal: Mapped[bytes]


class RecordsConsent(PracticeScoped, Base):
    """An account accepted electronic records and signatures, in these words, before its first signature."""

    __tablename__ = "records_consent"
    __table_args__ = (refers_to("account", "account_id"),)

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column(primary_key=True)
    session_id: Mapped[UUID]
    accepted_at: Mapped[datetime]


class PaperFingerprint(Base):
    """Which practice's the paper with this SHA-256 is.

    Read without a practice: whoever holds a signed paper may ask whether it is genuine. It says nothing else.
    """

    __tablename__ = "paper_fingerprint"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID] = mapped_column(ForeignKey("practice.id"))
