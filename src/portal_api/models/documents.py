"""Files that a practice and its clients exchange: what is stored, whose document it is, and who has opened it."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, func, text
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
from portal_api.core.errors import Conflict, InvalidState


class FileState(StrEnum):
    """Where a file is on its way to be read by others (F9.M4). `not_scanned`: this installation has no scanner."""

    UPLOADING = "uploading"
    SCANNING = "scanning"
    CLEAN = "clean"
    QUARANTINED = "quarantined"
    REJECTED = "rejected"
    NOT_SCANNED = "not_scanned"


READABLE = (FileState.CLEAN, FileState.NOT_SCANNED)


class Purpose(StrEnum):
    """What a document is there for."""

    UPLOAD = "upload"
    SHARED = "shared"
    INSURANCE_CARD = "insurance_card"
    FORM_ANSWER = "form_answer"
    MESSAGE_ATTACHMENT = "message_attachment"
    SIGNED_FORM = "signed_form"
    CUSTODY_ORDER = "custody_order"


class DocumentSource(StrEnum):
    CLIENT = "client"
    STAFF = "staff"
    SYSTEM = "system"


class RetentionClass(StrEnum):
    """How long a document must be kept; how many years that is the practice says (F9.B4)."""

    NONE = "none"
    ADMINISTRATIVE = "administrative"
    CLINICAL = "clinical"


class LegalHold(Conflict):
    code, title = "legal_hold", "The document is under a legal hold"


class Retained(Conflict):
    code, title = "retained", "The document must be kept for longer"


class AlreadyOpened(Conflict):
    code, title = "already_opened", "Staff have opened the document"


class DataKey(PracticeScoped, Id, Base):
    """A key of one practice, from which the keys of its files derive; sealed with the master key.

    The newest one is used for new files. A file names its own, so that keys can be replaced.
    """

    __tablename__ = "data_key"
    __table_args__ = (of_a_practice(),)

    sealed_key: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class StoredFile(PracticeScoped, Id, Base):
    """One object in the storage. What it is called, and whose it is, say the tables that refer to it.

    `rendition_id`: what others than its uploader are given in its place, such as a picture without the place where it
    was taken. `finding`: why it was quarantined or rejected. `doomed_at`: nothing refers to it any more.
    """

    __tablename__ = "stored_file"
    __table_args__ = (
        refers_to("data_key", "data_key_id"),
        refers_to("stored_file", "rendition_id"),
        one_of("state", FileState),
        CheckConstraint("size_bytes > 0", name="size_bytes"),
        Index(
            "ix_stored_file_unscanned",
            "practice_id",
            "state",
            "id",
            postgresql_where=text("state IN ('uploading', 'scanning', 'not_scanned')"),
        ),
        Index("ix_stored_file_doomed", "practice_id", "id", postgresql_where=text("doomed_at IS NOT NULL")),
    )

    key: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[bytes]
    media_type: Mapped[str]
    state: Mapped[str]
    data_key_id: Mapped[UUID]
    rendition_id: Mapped[UUID | None]
    finding: Mapped[str | None]
    scanned_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    doomed_at: Mapped[datetime | None]

    def settle(self, to: FileState, at: datetime, finding: str | None = None) -> None:
        """Say what a look at it has found. What was found bad stays so."""
        if self.state in (FileState.QUARANTINED, FileState.REJECTED):
            raise InvalidState(f"A file that is {self.state} stays so.", state=self.state)
        self.state, self.finding = to, finding
        if to in (FileState.CLEAN, FileState.QUARANTINED):
            self.scanned_at = at


class Document(ClientOwned, Confidential, Id, Mutable, Base):
    """A file in a client's record. Client callers see what they uploaded themselves and what is shared with them.

    `withdrawn_at`: the client took it back after staff had opened it; staff keep their copy (F9.M6).
    """

    __tablename__ = "document"
    __table_args__ = (
        refers_to("client", "client_id"),
        refers_to("stored_file", "file_id"),
        one_of("purpose", Purpose),
        one_of("source", DocumentSource),
        one_of("retention_class", RetentionClass),
        Index("ix_document_client", "practice_id", "client_id", "id"),
        Index("uq_document_file", "practice_id", "file_id", unique=True),
        Index(
            "ix_document_retention",
            "practice_id",
            "retention_class",
            "created_at",
            postgresql_where=text("retention_class <> 'none'"),
        ),
    )

    client_id: Mapped[UUID]
    file_id: Mapped[UUID]
    title: Mapped[str]
    file_name: Mapped[str]
    purpose: Mapped[str]
    source: Mapped[str]
    uploaded_by: Mapped[UUID | None]
    shared_at: Mapped[datetime | None]
    opened_by_staff_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    retention_class: Mapped[str] = mapped_column(default=RetentionClass.NONE, server_default=text("'none'"))
    legal_hold: Mapped[bool] = mapped_column(default=False, server_default=text("false"))

    def share(self, at: datetime) -> bool:
        """Whether that is new. Raises InvalidState for what its client has withdrawn."""
        if self.withdrawn_at is not None:
            raise InvalidState("The client has withdrawn the document.", state="withdrawn")
        if self.shared_at is not None:
            return False
        self.shared_at = at
        return True

    def unshare(self) -> bool:
        """Clients see it no more; it stays on file. Whether that is new."""
        if self.shared_at is None:
            return False
        self.shared_at = None
        return True

    def withdraw(self, at: datetime) -> None:
        if self.withdrawn_at is not None:
            raise InvalidState("The document is withdrawn already.", state="withdrawn")
        self.withdrawn_at, self.shared_at = at, None

    def must_be_unopened(self) -> None:
        """Raises AlreadyOpened: from then on the practice keeps its copy."""
        if self.opened_by_staff_at is not None:
            raise AlreadyOpened("Withdraw it instead: you see it no more, and the practice keeps its copy.")

    def must_be_free(self, retain_until: datetime | None, now: datetime) -> None:
        """Raises LegalHold, or Retained until its class's time is over."""
        if self.legal_hold:
            raise LegalHold("Lift the legal hold first.")
        if retain_until is not None and retain_until > now:
            raise Retained("Its retention class keeps it.", retain_until=retain_until)


class DocumentView(ClientOwned, Base):
    """That somebody has opened a document: the receipt of a view (F9.B5)."""

    __tablename__ = "document_view"
    __table_args__ = (refers_to("client", "client_id"), refers_to("document", "document_id"))

    client_id: Mapped[UUID]
    document_id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    first_viewed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_viewed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    views: Mapped[int] = mapped_column(default=1, server_default=text("1"))


class PracticeDocument(PracticeScoped, Id, Mutable, Base):
    """A file of the practice itself, such as directions or a brochure; shared with all of its clients or with none."""

    __tablename__ = "practice_document"
    __table_args__ = (
        of_a_practice(),
        refers_to("stored_file", "file_id"),
        Index("uq_practice_document_file", "practice_id", "file_id", unique=True),
    )

    file_id: Mapped[UUID]
    title: Mapped[str]
    file_name: Mapped[str]
    description: Mapped[str | None]
    shared_at: Mapped[datetime | None]
    uploaded_by: Mapped[UUID | None]


class DocumentSettings(PracticeScoped, Mutable, Base):
    """What a practice says about files; made when it first says something. Null: as the installation has it."""

    __tablename__ = "document_settings"
    __table_args__ = (
        of_a_practice(),
        CheckConstraint("max_upload_bytes >= 1000", name="max_upload_bytes"),
        CheckConstraint("client_quota_bytes > 0", name="client_quota_bytes"),
        CheckConstraint("administrative_years BETWEEN 0 AND 100 AND clinical_years BETWEEN 0 AND 100", name="years"),
    )

    max_upload_bytes: Mapped[int | None]
    client_quota_bytes: Mapped[int | None] = mapped_column(BigInteger)
    allowed_types: Mapped[list[str] | None]
    administrative_years: Mapped[int] = mapped_column(default=7, server_default=text("7"))
    clinical_years: Mapped[int] = mapped_column(default=10, server_default=text("10"))
    dispose_when_over: Mapped[bool] = mapped_column(default=False, server_default=text("false"))


class StorageUsage(PracticeScoped, Base):
    """How many bytes a client's documents, or all of a practice's files, take. The subject is the one or the other."""

    __tablename__ = "storage_usage"
    __table_args__ = (of_a_practice(), CheckConstraint("used_bytes >= 0", name="used_bytes"))

    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    used_bytes: Mapped[int] = mapped_column(BigInteger)
