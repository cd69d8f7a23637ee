"""Filling in a form: saved as often as one likes, by the client, a guardian, or staff on their behalf."""

from typing import Any
from uuid import UUID

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.core.errors import Fault, Invalid, NotFound, PreconditionFailed
from portal_api.models.forms import FormAssignment, FormState, FormVersion
from portal_api.schemas.forms.assignments import FormAnswers
from portal_api.schemas.forms.definition import FormDefinition
from portal_api.schemas.forms.mine import MyFormAnswers
from portal_api.services import audit, documents
from portal_api.services.forms import answers, reading


async def save_mine(
    session: Session, principal: Principal, form_assignment_id: UUID, data: MyFormAnswers, if_match: int | None
) -> dict[str, Any]:
    """Keep answers of a form that need not be complete.

    Raises NotFound, Forbidden, PreconditionFailed with the current copy, InvalidState, Invalid with a pointer to each
    answer that does not fit.
    """
    assignment, version = await reading.held_by_client(session, principal, form_assignment_id, data.client_id)
    if if_match is not None and assignment.version != if_match:
        raise PreconditionFailed(current=await reading.get_mine(session, principal, form_assignment_id))
    await _save(session, principal, assignment, version, data)
    return await reading.get_mine(session, principal, form_assignment_id)


async def save(
    session: Session, principal: Principal, form_assignment_id: UUID, data: FormAnswers, if_match: int | None
) -> dict[str, Any]:
    """Keep answers on the client's behalf. Raises as `save_mine` does."""
    assignment, version = await reading.held(session, principal, form_assignment_id)
    if if_match is not None and assignment.version != if_match:
        raise PreconditionFailed(current=await reading.get(session, principal, form_assignment_id))
    await _save(session, principal, assignment, version, data)
    return await reading.get(session, principal, form_assignment_id)


async def must_be_theirs(
    session: Session,
    principal: Principal,
    assignment: FormAssignment,
    definition: FormDefinition,
    given: dict[str, Any],
) -> None:
    """Raise Invalid for an answer that names a document which is not the client's or which the caller does not see.

    One that was given before by somebody who saw it stays (A16).
    """
    faults = []
    for key, document_id in answers.documents_in(definition, given).items():
        if assignment.answers.get(key) == str(document_id):
            continue
        try:
            await documents.get_visible(session, principal, document_id, assignment.client_id)
            await documents.hold(session, document_id)
        except NotFound:
            faults.append(Fault(answers.pointer(key), "unknown_document", "Name a document of this client."))
    if faults:
        raise Invalid("Some of the answers do not fit their questions.", faults=tuple(faults))


async def _save(
    session: Session, principal: Principal, assignment: FormAssignment, version: FormVersion, data: FormAnswers
) -> None:
    now = await clock.now(session)
    assignment.must_be_open(now)
    definition = FormDefinition.model_validate(version.definition)
    given = answers.merged(definition, assignment.answers, data.answers)
    await must_be_theirs(session, principal, assignment, definition, given)
    is_first = assignment.state == FormState.ASSIGNED
    assignment.save(given, now, principal.account_id)
    await session.flush()
    await audit.record(
        session,
        principal,
        "form.started" if is_first else "form.saved",
        resource=("form_assignment", assignment.id),
        clients=[assignment.client_id],
        changed=data.answers,
    )
