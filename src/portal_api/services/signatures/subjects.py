"""What can be signed, whatever it is: a form, a treatment plan, a document."""

from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from portal_api.core.db import Row
from portal_api.integrations import papers
from portal_api.integrations.papers import Paper
from portal_api.models.signatures import SubjectKind
from portal_api.services.signatures.parties import Wanted

HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Rendition:
    """The bytes that are shown and signed, with the paper that they are of; of a file, its hash alone."""

    title: str
    media_type: str
    sha256: str
    content: bytes | None = None
    paper: Paper | None = None

    @classmethod
    def of(cls, paper: Paper) -> "Rendition":
        content = papers.as_html(paper)
        return cls(paper.title, HTML, sha256(content).hexdigest(), content, paper)

    @classmethod
    def frozen(cls, row: Row) -> "Rendition":
        """What was stored with the first signature, or when signatures were asked for."""
        paper = Paper.of(row["paper"]) if row["paper"] is not None else None
        return cls(row["title"], row["media_type"], row["sha256"], row["content"], paper)


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing to sign, as it is now, held for a change where somebody signs it.

    rendition: what it says; None while it is not complete enough to be signed. Once signatures are asked for, what was
    stored of it counts instead. version_id: what it was made from. wanted: who is to sign it, in this order.
    """

    kind: SubjectKind
    id: UUID
    client_id: UUID
    client_name: str
    version_id: UUID
    title: str
    state: str
    wanted: tuple[Wanted, ...]
    rendition: Rendition | None = None
    takes_signatures: bool = True
    """Whether its state lets anybody sign, or will once it is complete."""
    in_order: bool = True
    confidential: bool = False
    for_one: bool = False
    """Whether it is for one account alone, whoever else acts for the client."""
