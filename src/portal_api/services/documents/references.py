"""Documents that a body names by id: only those of the client, and only those that the caller sees (A16, A26)."""

from typing import Any
from uuid import UUID

from portal_api.core.access import Principal
from portal_api.core.db import Source
from portal_api.core.errors import NotFound, invalid
from portal_api.services.documents.reading import get_visible


async def named(
    source: Source, principal: Principal, document_id: UUID, client_id: UUID, pointer: str
) -> dict[str, Any]:
    """The document. Raises Invalid at the pointer, the same for one that is not the client's and for none at all."""
    try:
        return await get_visible(source, principal, document_id, client_id)
    except NotFound:
        raise invalid(pointer, "unknown_document", "Name a document of this client.") from None
