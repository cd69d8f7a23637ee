"""What an invitation brings along: forms to fill in and documents to read (F3.M2)."""

from uuid import UUID

from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.schemas.invitations import InvitationCreate
from portal_api.services import forms
from portal_api.services.documents import records, references


async def hand_over(session: Session, principal: Principal, client_id: UUID, data: InvitationCreate) -> None:
    """Give the client the forms, and share the documents; they see them once they have accepted.

    Raises Invalid for a form that cannot be given and for a document that is not the client's.
    """
    if data.form_template_ids:
        await forms.assign(session, client_id, data.form_template_ids, principal)
    for number, document_id in enumerate(data.document_ids):
        pointer = f"/document_ids/{number}"
        document = await references.named(session, principal, document_id, client_id, pointer)
        if document["shared_at"] is None and document["withdrawn_at"] is None:
            await records.share(session, principal, document_id)
