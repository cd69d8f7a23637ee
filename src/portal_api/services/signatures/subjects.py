"""What can be signed, whatever it is: a form, a treatment plan, a document."""

from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from portal_api.integrations import papers
from portal_api.integrations.papers import Paper
from portal_api.models.signatures import SubjectKind
from portal_api.services.signatures.parties import Wanted

HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Rendition:
    """The bytes that are shown and signed; of a file that is stored elsewhere, its hash alone."""

    media_type: str
    sha256: str
    content: bytes | None = None

    @classmethod
    def of(cls, paper: Paper) -> "Rendition":
        content = papers.as_html(paper)
        return cls(HTML, sha256(content).hexdigest(), content)


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing to sign, as it is now, held for a change where somebody signs it.

    paper: what it says; None while it is not complete enough to be signed, and for a file, which is its own
    rendition. version_id: what it was made from. wanted: who is to sign it, in this order.
    """

    kind: SubjectKind
    id: UUID
    client_id: UUID
    client_name: str
    version_id: UUID
    title: str
    state: str
    wanted: tuple[Wanted, ...]
    paper: Paper | None = None
    file: Rendition | None = None
    in_order: bool = True
    confidential: bool = False

    @property
    def rendition(self) -> Rendition | None:
        return self.file if self.file is not None else Rendition.of(self.paper) if self.paper else None
