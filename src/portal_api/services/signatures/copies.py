"""Which signed copy is whose."""

from uuid import UUID

from sqlalchemy import bindparam, case, select

from portal_api.core.access import Principal
from portal_api.core.db import Read, Session
from portal_api.core.errors import Conflict, NotFound
from portal_api.models.documents import Document
from portal_api.models.signatures import RequestState, SignatureRequest, SignedCopy, SubjectKind
from portal_api.services.documents import opening
from portal_api.services.documents import reading as documents
from portal_api.services.documents.opening import Content
from portal_api.services.signatures.completing import EVERYONE, PRACTICE, SIGNER

_of_subject = (
    select(SignedCopy.document_id)
    .join(SignatureRequest, SignatureRequest.id == SignedCopy.request_id)
    .where(
        SignatureRequest.subject_kind == bindparam("kind"),
        SignatureRequest.subject_id == bindparam("subject_id"),
        SignatureRequest.state == RequestState.COMPLETE,
    )
    .limit(1)
)
OF_PRACTICE = Read(
    _of_subject.where(SignedCopy.audience.in_((PRACTICE, EVERYONE))).order_by(
        case((SignedCopy.audience == PRACTICE, 0), else_=1)
    )
)
OF_CLIENT = Read(
    _of_subject.where(
        (SignedCopy.audience == EVERYONE)
        | ((SignedCopy.audience == SIGNER) & (SignedCopy.account_id == bindparam("account_id")))
    ).order_by(case((SignedCopy.audience == SIGNER, 0), else_=1))
)


class NotSigned(Conflict):
    code, title = "not_signed", "Not everybody has signed this yet"


DOCUMENT = Read(
    documents.with_key(documents.joined(*documents.SHARED_COLUMNS, *documents.FILE)).where(
        Document.id == bindparam("document_id")
    )
)


async def open_copy(session: Session, principal: Principal, kind: SubjectKind, subject_id: UUID) -> Content:
    """The practice's copy for staff, their own for a guardian who signed. The caller may read the subject.

    Raises NotSigned, NotFound for one that was disposed of when its time was over.
    """
    read = OF_CLIENT if principal.is_client else OF_PRACTICE
    copy = await session.row(read, kind=kind, subject_id=subject_id, account_id=principal.account_id)
    if copy is None:
        raise NotSigned("There is a signed copy once the last signature is given.")
    row = await session.row(DOCUMENT, document_id=copy["document_id"], account_id=principal.account_id)
    if row is None:
        raise NotFound
    content = opening.content_of(session, row)
    await opening.note_view(session, principal, row)
    return content
