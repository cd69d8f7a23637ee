"""Links that open one file for a minute: of one session, as good as it is at the moment (A09, A26)."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from portal_api.core.access import ActorKind, Permission, Principal
from portal_api.core.db import Session
from portal_api.core.limits import Limit
from portal_api.services.documents import links, opening, reading, resources
from portal_api.services.documents.opening import Content

LINK = links.Use("content-url", "/v1/content", timedelta(seconds=60), Limit("content-url", 600, timedelta(minutes=10)))
NEEDED = {ActorKind.CLIENT: Permission.DOCUMENTS_SELF, ActorKind.STAFF: Permission.DOCUMENTS_READ}


async def url(session: Session, principal: Principal, document_id: UUID, *, resource: bool = False) -> dict[str, Any]:
    """A link to a file that the caller may open now; resource: one of the practice itself.

    Raises NotFound, NotReady, Withheld.
    """
    await _must_be_openable(session, principal, document_id, resource)
    link, expires_at = await links.give(session, principal, LINK, document_id=document_id, resource=resource)
    return {"url": link, "expires_at": expires_at}


async def content(session: Session, visitor: Principal, text: str) -> Content:
    """The file behind a link.

    Raises TooMany, and NotFound, the same for a link that is none, one that is over, and one whose caller may no longer
    open the file: their session, their grant and the document itself are looked at again. Raises NotReady, Withheld.
    """
    link = await links.opened(session, visitor, LINK, text)
    document_id, resource = UUID(link.what["document_id"]), link.what["resource"]
    principal = await link.holder(session, visitor, {} if resource else NEEDED)
    return await (resources if resource else opening).content(session, principal, document_id)


async def _must_be_openable(session: Session, principal: Principal, document_id: UUID, resource: bool) -> None:
    row = await (resources if resource else reading).visible(session, principal, document_id)
    opening.must_be_readable(row["state"])
