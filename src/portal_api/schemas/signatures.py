"""Signing electronically."""

import hashlib
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from portal_api.models.signatures import Party, RequestState
from portal_api.schemas.base import CalendarDate, Input, Name, Output, Paragraphs
from portal_api.schemas.forms.templates import SignerRoles

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Point = Annotated[list[Annotated[float, Field(strict=False, ge=0, le=4000)]], Field(min_length=2, max_length=2)]
MOST_POINTS = 5000
RefusalReason = Literal[
    "already_signed", "declined", "ended", "not_asked", "not_permitted", "not_submitted", "not_your_turn"
]


class Drawing(Input):
    """A signature as it was drawn: decoration beside the printed name, which is what counts."""

    width: int = Field(ge=1, le=4000)
    height: int = Field(ge=1, le=4000)
    strokes: list[Annotated[list[Point], Field(min_length=1)]] = Field(
        min_length=1, max_length=500, description="Lines through points `[x, y]`, from the upper left corner."
    )

    @model_validator(mode="after")
    def _has_a_limit(self) -> "Drawing":
        if sum(map(len, self.strokes)) > MOST_POINTS:
            raise PydanticCustomError("too_long", "A drawing has at most {most} points.", {"most": MOST_POINTS})
        return self


class Sign(Input):
    """Who signs, when and from where is not sent: it is the session's account, now, from here."""

    printed_name: Name = Field(description="The signer's own name, as they type it.", examples=["Grace Client"])
    agree: Literal[True] = Field(description="To the `statement` and the `records_statement` that are shown.")
    drawn: Drawing | None = None
    document_sha256: Sha256 | None = Field(
        None, description="Of the document that was shown: anything else is refused with 409 `document_changed`."
    )


_FOR_WHOM = "For whom; what is signed says so itself."


class MySign(Sign):
    client_id: UUID | None = Field(None, description=_FOR_WHOM)


class MyDecline(Input):
    client_id: UUID | None = Field(None, description=_FOR_WHOM)
    reason: Paragraphs | None = None


class SignatureRequestCreate(Input):
    signers: Annotated[SignerRoles, Field(min_length=1, max_length=5, description="Who signs.", examples=[["client"]])]
    in_order: bool = Field(True, description="One after the other; else whoever comes first.")
    expires_on: CalendarDate | None = Field(None, description="The last day, in the practice's zone, to sign it on.")


class PaperToSign(Output):
    title: str
    media_type: str
    sha256: str = Field(description="Of the bytes of `content` in UTF-8: what a signature is given on.")
    content: str | None = Field(
        description="HTML without scripts, styles or anything fetched from elsewhere; null for a file."
    )


class SignerState(Output):
    """Somebody who is asked to sign. Guardians do not read each other's names."""

    party: Party
    state: Literal["waiting", "signed", "declined"]
    is_you: bool
    printed_name: str | None
    capacity: str | None = Field(description="`self`, the relationship to the client, or the role in the practice.")
    signed_at: datetime | None


class Decision(Output):
    kind: Literal["declined", "consent_withdrawn"]
    capacity: str
    is_you: bool
    reason: str | None = Field(description="For the practice, and for whoever gave it.")
    decided_at: datetime


class Signing(Output):
    """What is signed, in which words, by whom, and whose turn it is."""

    state: str = Field(description="Of the form, plan or document itself.")
    signing_state: Literal["not_begun"] | RequestState
    paper: PaperToSign | None = Field(description="Null until what is to be signed is complete.")
    may_sign: bool
    may_not_sign_because: RefusalReason | None
    acts_as: str | None = Field(description="In what capacity the caller would sign.", examples=["as parent of Grace"])
    statement: str
    records_statement: str
    records_version: str
    signers: list[SignerState]
    decisions: list[Decision]
    expires_at: datetime | None
    completed_at: datetime | None


class Verification(Input):
    """A paper by its SHA-256; or the paper itself, as the whole body."""

    sha256: Sha256 = Field(description="Of the paper in question: of the PDF, or of the document as it was shown.")

    @classmethod
    def of_content(cls, content: bytes) -> "Verification":
        """What a body that is no JSON stands for."""
        return cls(sha256=hashlib.sha256(content).hexdigest())


class VerifiedSigner(Output):
    party: Party
    capacity: str
    initials: str
    signed_at: datetime


class VerifiedPaper(Output):
    """Whether a paper is genuine: what it says is in it, and is told to nobody who has not got it."""

    valid: bool
    sha256: str
    practice_name: str | None
    signed_at: datetime | None = Field(description="When the last of the signers signed.")
    signers: list[VerifiedSigner]
