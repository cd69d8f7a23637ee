"""Documents that a body names by id: only those of the client, and only those that the caller sees (A16, A26)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from portal_api.core.access import Principal
from portal_api.core.db import Source
from portal_api.core.errors import Conflict, NotFound, conflict_for_constraint, invalid, on_constraint
from portal_api.services.documents.reading import get_visible


class DocumentInUse(Conflict):
    code, title = "document_in_use", "Something else shows this document"


for _constraint in (
    "fk_insurance_policy_practice_id_front_document_id",
    "fk_insurance_policy_practice_id_back_document_id",
    "fk_message_attachment_practice_id_document_id",
    "fk_onboarding_step_practice_id_document_id",
    "fk_onboarding_step_practice_document",
):
    on_constraint(_constraint, DocumentInUse)


@contextmanager
def kept_in_use() -> Iterator[None]:
    """Raises DocumentInUse for a deletion that something else's reference to the document forbids."""
    try:
        yield
    except IntegrityError as error:
        name = getattr(error.orig and error.orig.__cause__, "constraint_name", None)
        if isinstance(known := conflict_for_constraint(name, str(error.orig)), DocumentInUse):
            raise known from None
        raise


async def named(
    source: Source, principal: Principal, document_id: UUID, client_id: UUID, pointer: str
) -> dict[str, Any]:
    """The document. Raises Invalid at the pointer, the same for one that is not the client's and for none at all."""
    try:
        return await get_visible(source, principal, document_id, client_id)
    except NotFound:
        raise invalid(pointer, "unknown_document", "Name a document of this client.") from None
