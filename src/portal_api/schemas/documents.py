"""Documents of clients and of the practice."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BeforeValidator, Field, StringConstraints

from portal_api.models.documents import DocumentSource, FileState, Purpose, RetentionClass
from portal_api.schemas.base import Change, Form, Input, Line, Output, PageQuery, Paragraphs, Query

MOST_AT_ONCE = 100


def _listed(value: Any) -> Any:
    """`ids=a&ids=b` and `ids=a,b` alike."""
    given = [value] if isinstance(value, str) else value
    return [part for item in given for part in str(item).split(",") if part] if isinstance(given, list) else given


Sha256Text = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class FileDeclaration(Input):
    """What a file will be that is sent afterwards; what comes must agree with all of it."""

    file_name: Line = Field(examples=["letter.pdf"])
    media_type: Line = Field(examples=["application/pdf"])
    size_bytes: int = Field(ge=1, examples=[8])
    sha256: Sha256Text = Field(description="Of the file, in hexadecimal digits.", examples=["0" * 64])


class DocumentDeclaration(FileDeclaration):
    title: Line | None = Field(None, description="The file's name, where it is left out.")
    shared: bool = Field(False, description="Clients see it at once, instead of after `share`.")
    confidential: bool = Field(False, description="Kept from those who act for the client.")
    retention_class: RetentionClass = Field(RetentionClass.NONE, strict=False)


class MyDocumentDeclaration(FileDeclaration):
    title: Line | None = Field(None, description="The file's name, where it is left out.")
    purpose: Literal["upload", "insurance_card", "form_answer", "message_attachment"] = "upload"
    confidential: bool = Field(False, description="Kept from those who act for the client: by the own login.")
    client_id: UUID | None = Field(
        None, strict=False, description="For whom; needed where the account acts for several clients."
    )


class UploadUrl(Output):
    id: UUID = Field(description="Of the document that there will be.")
    method: Literal["PUT"]
    url: str = Field(
        description="Takes the bytes of the file, without further credentials, while the caller's session lasts."
    )
    expires_at: datetime = Field(description="Until then sending must have begun.")


class UploadedDocument(Output):
    id: UUID
    state: FileState
    size_bytes: int
    sha256: str
    media_type: str


class DocumentUpload(Form):
    title: Line | None = Field(None, description="The file's name, where it is left out.")
    shared: bool = Field(False, description="Clients see it at once, instead of after `share`.")
    confidential: bool = Field(False, description="Kept from those who act for the client.")
    retention_class: RetentionClass = RetentionClass.NONE


class MyDocumentUpload(Form):
    title: Line | None = Field(None, description="The file's name, where it is left out.")
    purpose: Literal["upload", "insurance_card", "form_answer", "message_attachment"] = "upload"
    confidential: bool = Field(False, description="Kept from those who act for the client: by the own login.")
    client_id: UUID | None = Field(None, description="For whom; needed where the account acts for several clients.")


class PracticeDocumentUpload(Form):
    title: Line | None = Field(None, description="The file's name, where it is left out.")
    description: Paragraphs | None = None
    shared: bool = Field(True, description="Every client sees it.")


class DocumentUpdate(Change):
    title: Line | None = None
    confidential: bool | None = None
    retention_class: RetentionClass | None = Field(None, strict=False)
    legal_hold: bool | None = Field(None, description="Owners and admins only.")


class PracticeDocumentUpdate(Change):
    title: Line | None = None
    description: Paragraphs | None = None
    shared: bool | None = None


class DocumentFilters(PageQuery):
    purpose: Purpose | None = None
    state: FileState | None = None


class MyDocumentFilters(PageQuery):
    client_id: UUID | None = Field(None, description="Of this client alone.")
    purpose: Purpose | None = None


class ArchiveQuery(Query):
    ids: Annotated[list[UUID], BeforeValidator(_listed), Field(min_length=1, max_length=MOST_AT_ONCE)] = Field(
        description="The documents, repeated or separated by commas."
    )


class MyArchiveQuery(ArchiveQuery):
    client_id: UUID | None = Field(None, description="Of this client alone.")


class _File(Output):
    id: UUID
    title: str
    file_name: str
    state: FileState = Field(
        description="Readable when `clean`, or `not_scanned` where the installation has no virus scanner."
    )
    size_bytes: int
    sha256: str = Field(description="Of what the caller is given, in hexadecimal digits.")
    media_type: str
    created_at: datetime
    updated_at: datetime
    version: int


class _ClientFile(_File):
    client_id: UUID
    purpose: Purpose
    source: DocumentSource
    confidential: bool


class Document(_ClientFile):
    finding: str | None = Field(description="Why it was quarantined or rejected.")
    uploaded_by: UUID | None = Field(description="The account; null for what the program has written.")
    shared_at: datetime | None
    opened_by_staff_at: datetime | None
    withdrawn_at: datetime | None = Field(description="When the client took it back; this copy is the practice's.")
    retention_class: RetentionClass
    retain_until: datetime | None = Field(description="Until then its retention class keeps it.")
    legal_hold: bool


class MyDocument(_ClientFile):
    own: bool = Field(description="Uploaded by the caller.")
    removable: bool = Field(description="An own one that staff have not opened yet; later it can be withdrawn.")


class PracticeDocument(_File):
    description: str | None
    shared: bool
    uploaded_by: UUID | None


class SharedResource(_File):
    description: str | None


class DocumentView(Output):
    """That somebody has opened a document."""

    account_id: UUID
    kind: Literal["staff", "client"]
    given_name: str
    family_name: str
    first_viewed_at: datetime
    last_viewed_at: datetime
    views: int


class ContentUrl(Output):
    url: str = Field(description="Opens the file without further credentials, while the caller's session lasts.")
    expires_at: datetime


class DocumentSettings(Output):
    max_upload_bytes: int
    client_quota_bytes: int
    practice_quota_bytes: int
    practice_used_bytes: int
    allowed_types: list[str] = Field(description="Media types of the files that are taken.")
    supported_types: list[str] = Field(description="Those that could be.")
    scanned: bool = Field(description="Whether this installation has a virus scanner.")
    administrative_years: int
    clinical_years: int
    dispose_when_over: bool
    updated_at: datetime | None
    version: int


class DocumentSettingsUpdate(Change):
    max_upload_bytes: int | None = Field(None, ge=1000, le=10**9, description="Null: the installation's.")
    client_quota_bytes: int | None = Field(
        None, ge=1_000_000, le=10**13, description="Null: as the installation has it."
    )
    allowed_types: list[str] | None = Field(
        None, min_length=1, max_length=50, description="Null: all that are supported."
    )
    administrative_years: int | None = Field(None, ge=0, le=100, examples=[7])
    clinical_years: int | None = Field(None, ge=0, le=100, examples=[10])
    dispose_when_over: bool | None = Field(
        None, description="Delete documents once their retention class no longer keeps them."
    )
