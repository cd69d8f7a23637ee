"""Documents that something else names by id: only those of the client that the caller sees, and they stay (A16)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import cast, func, literal, or_, select
from sqlalchemy.dialects.postgresql import JSONPATH
from sqlalchemy.exc import IntegrityError

from portal_api.core.access import Principal
from portal_api.core.db import Session, Source
from portal_api.core.errors import Conflict, NotFound, conflict_for_constraint, invalid, on_constraint
from portal_api.models.documents import Document
from portal_api.models.forms import FormAssignment, FormState
from portal_api.models.signatures import RequestState, SignatureRequest, SubjectKind
from portal_api.services.documents.reading import get_visible


class DocumentInUse(Conflict):
    code, title = "document_in_use", "Something else shows this document"


for _constraint in (
    "fk_custody_record_practice_id_order_document_id",
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


async def hold(session: Session, document_id: UUID) -> None:
    """Keep a document there until the transaction has ended that names it where no constraint does. Raises NotFound."""
    held = select(Document.id).where(Document.id == document_id).with_for_update(read=True, key_share=True)
    if await session.scalar(held) is None:
        raise NotFound


async def must_not_be_asked_for(session: Session, document_id: UUID) -> None:
    """Raises DocumentInUse for one on which signatures are being asked for."""
    if await _signing_state(session, document_id) == RequestState.OPEN:
        raise DocumentInUse("Signatures on it are being asked for. Cancel that request first.")


async def must_not_be_signed(session: Session, document_id: UUID) -> None:
    """Raises DocumentInUse for one that everybody has signed who was asked to (A48)."""
    if await _signing_state(session, document_id) == RequestState.COMPLETE:
        raise DocumentInUse("It is signed, and kept as long as what is clinical.")


async def _signing_state(session: Session, document_id: UUID) -> str | None:
    asked = SignatureRequest.subject_kind == SubjectKind.DOCUMENT, SignatureRequest.subject_id == document_id
    newest = select(SignatureRequest.state_now()).where(*asked).order_by(SignatureRequest.id.desc()).limit(1)
    state: str | None = await session.scalar(newest)
    return state


async def must_answer_nothing(session: Session, document: Document) -> None:
    """Raises DocumentInUse for one that a form names among its answers, unless that form is given up and unsigned.

    For a document that is deleted in this transaction already: whoever names it at the same moment waits for that.
    """
    named = func.jsonb_path_exists(
        FormAssignment.answers,
        cast(literal("$.* ? (@ == $id)"), JSONPATH),
        func.jsonb_build_object("id", str(document.id)),
    )
    given_up = FormAssignment.state.in_((FormState.WITHDRAWN, FormState.DECLINED, FormState.EXPIRED))
    stays = or_(~given_up, FormAssignment.signed_at.is_not(None))
    forms = select(FormAssignment.id).where(FormAssignment.client_id == document.client_id, stays, named)
    if (await session.scalars(forms.limit(1))).first() is not None:
        raise DocumentInUse("A form names it as an answer.")
