"""Which signed copy is whose."""

from uuid import UUID

from sqlalchemy import bindparam, case, select

from portal_api.core.access import Principal
from portal_api.core.db import Read, Source
from portal_api.core.errors import NotFound
from portal_api.models.signatures import RequestState, SignatureRequest, SignedCopy, SubjectKind
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


async def find(source: Source, principal: Principal, kind: SubjectKind, subject_id: UUID) -> UUID:
    """The id of the document: of staff the practice's, of a guardian who signed their own. Raises NotFound."""
    read = OF_CLIENT if principal.is_client else OF_PRACTICE
    row = await source.row(read, kind=kind, subject_id=subject_id, account_id=principal.account_id)
    if row is None:
        raise NotFound
    return UUID(str(row["document_id"]))
