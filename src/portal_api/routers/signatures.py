"""Signing forms and documents, and finding out whether a signed paper is genuine."""

from typing import Any
from uuid import UUID

from portal_api.routers.deps import (
    Anyone,
    CanReadDocuments,
    CanReadForms,
    CanSign,
    CanWriteDocuments,
    HasDocuments,
    HasForms,
    ReaderDep,
    SessionDep,
)
from portal_api.routers.documents.attachments import BYTES, FILE, attachment
from portal_api.schemas.forms.mine import MyForm, MyFormWithdrawal
from portal_api.schemas.signatures import (
    MyDecline,
    MySign,
    Sign,
    SignatureRequestCreate,
    Signing,
    Verification,
    VerifiedPaper,
)
from portal_api.services import signatures
from portal_api.services.signatures import forms, of_documents
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1", tag="signatures")
PAPER: Any = {
    "requestBody": {"content": dict.fromkeys(("application/pdf", "application/octet-stream"), BYTES)},
}


@router.get("/me/forms/{form_assignment_id}/signing", response_model=Signing)
async def get_my_form_signing(form_assignment_id: UUID, reader: ReaderDep, principal: HasForms) -> Any:
    """What is signed, in which words, by whom, and whether it is the caller's turn."""
    return await forms.view_mine(reader, principal, form_assignment_id)


@router.post("/me/forms/{form_assignment_id}/sign", response_model=Signing)
async def sign_my_form(form_assignment_id: UUID, data: MySign, session: SessionDep, principal: HasForms) -> Any:
    """Sign the form as it is shown. One that is complete and not handed in yet is handed in with it."""
    return await forms.sign_mine(session, principal, form_assignment_id, data)


@router.post("/me/forms/{form_assignment_id}/decline", response_model=Signing)
async def decline_my_form(
    form_assignment_id: UUID, session: SessionDep, principal: HasForms, data: MyDecline | None = None
) -> Any:
    """Refuse to sign it. Nobody else signs it then."""
    return await forms.decline(session, principal, form_assignment_id, data)


@router.post("/me/forms/{form_assignment_id}/withdraw-consent", response_model=MyForm)
async def withdraw_my_consent(
    form_assignment_id: UUID, session: SessionDep, principal: HasForms, data: MyFormWithdrawal | None = None
) -> Any:
    """Take back a consent that was given, from now on. What was signed stays on file."""
    return await forms.withdraw_consent(session, principal, form_assignment_id, data)


@router.get("/me/forms/{form_assignment_id}/pdf", response_model=None, responses=FILE)
async def get_my_signed_form(form_assignment_id: UUID, session: SessionDep, principal: HasForms) -> Any:
    """The signed form with the certificate of its signatures, once everybody has signed."""
    return attachment(await forms.open_my_copy(session, principal, form_assignment_id))


@router.get("/form-assignments/{form_assignment_id}/signing", response_model=Signing)
async def get_form_assignment_signing(form_assignment_id: UUID, reader: ReaderDep, principal: CanReadForms) -> Any:
    """What is signed, who has signed, who is still asked, and who refused or withdrew."""
    return await forms.view(reader, principal, form_assignment_id)


@router.post("/form-assignments/{form_assignment_id}/sign", response_model=Signing)
async def sign_form_assignment(form_assignment_id: UUID, data: Sign, session: SessionDep, principal: CanSign) -> Any:
    """Sign what was handed in, as who treats the client or who supervises that."""
    return await forms.sign(session, principal, form_assignment_id, data)


@router.get("/form-assignments/{form_assignment_id}/pdf", response_model=None, responses=FILE)
async def get_signed_form_assignment(form_assignment_id: UUID, session: SessionDep, principal: CanReadForms) -> Any:
    """The practice's copy of the signed form, with everybody's names on its certificate."""
    return attachment(await forms.open_copy(session, principal, form_assignment_id))


@router.post("/documents/{document_id}/signature-request", status_code=201, response_model=Signing)
async def request_document_signatures(
    document_id: UUID, data: SignatureRequestCreate, session: SessionDep, principal: CanWriteDocuments
) -> Any:
    """Ask for signatures on a document that is shared with the client."""
    return await of_documents.request(session, principal, document_id, data)


@router.post("/documents/{document_id}/signature-request/cancel", response_model=Signing)
async def cancel_document_signatures(document_id: UUID, session: SessionDep, principal: CanWriteDocuments) -> Any:
    """Ask for no more signatures on it. Those that were given stay on file."""
    return await of_documents.cancel(session, principal, document_id)


@router.get("/documents/{document_id}/signing", response_model=Signing)
async def get_document_signing(document_id: UUID, reader: ReaderDep, principal: CanReadDocuments) -> Any:
    """Who signs the document, who has signed it, and who refused."""
    return await of_documents.view(reader, principal, document_id)


@router.post("/documents/{document_id}/sign", response_model=Signing)
async def sign_document(document_id: UUID, data: Sign, session: SessionDep, principal: CanSign) -> Any:
    """Sign it as who treats the client, or who supervises that."""
    return await of_documents.sign(session, principal, document_id, data)


@router.get("/documents/{document_id}/certificate", response_model=None, responses=FILE)
async def get_document_certificate(document_id: UUID, session: SessionDep, principal: CanReadDocuments) -> Any:
    """The certificate of the signatures on the document, with everybody's names."""
    return attachment(await of_documents.open_certificate(session, principal, document_id))


@router.get("/me/documents/{document_id}/signing", response_model=Signing)
async def get_my_document_signing(document_id: UUID, reader: ReaderDep, principal: HasDocuments) -> Any:
    """What is signed of the document, in which words, by whom, and whether it is the caller's turn."""
    return await of_documents.view_mine(reader, principal, document_id)


@router.post("/me/documents/{document_id}/sign", response_model=Signing)
async def sign_my_document(document_id: UUID, data: MySign, session: SessionDep, principal: HasDocuments) -> Any:
    """Sign the document as it is."""
    return await of_documents.sign_mine(session, principal, document_id, data)


@router.post("/me/documents/{document_id}/decline", response_model=Signing)
async def decline_my_document(
    document_id: UUID, session: SessionDep, principal: HasDocuments, data: MyDecline | None = None
) -> Any:
    """Refuse to sign it. Nobody else signs it then."""
    return await of_documents.decline(session, principal, document_id, data)


@router.get("/me/documents/{document_id}/certificate", response_model=None, responses=FILE)
async def get_my_document_certificate(document_id: UUID, session: SessionDep, principal: HasDocuments) -> Any:
    """The certificate of the signatures on the document, once everybody has signed."""
    return attachment(await of_documents.open_certificate(session, principal, document_id))


@router.post("/signatures/verify", response_model=VerifiedPaper, openapi_extra=PAPER)
async def verify_signatures(data: Verification, session: SessionDep, visitor: Anyone) -> Any:
    """Whether a paper is as it was signed here: by its SHA-256, or the PDF itself as the body."""
    return await signatures.verify(session, visitor, data)
