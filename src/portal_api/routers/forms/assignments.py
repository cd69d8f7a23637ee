"""Forms that clients were given, for staff."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from portal_api.routers.deps import CanReadForms, CanWriteForms, IfMatch, ReaderDep, SessionDep
from portal_api.schemas.base import Page
from portal_api.schemas.forms.assignments import (
    FormAnswers,
    FormAssignment,
    FormAssignmentCreate,
    FormAssignmentFilters,
    FormAssignmentSummary,
    FormAssignmentUpdate,
    FormReason,
)
from portal_api.services import forms
from portal_api.web.route import PortalRouter

of_client = PortalRouter(prefix="/v1/clients/{client_id}/form-assignments", tag="forms")
router = PortalRouter(prefix="/v1/form-assignments", tag="forms")
ROUTERS = (of_client, router)


@of_client.get("", response_model=Page[FormAssignmentSummary])
async def list_form_assignments(
    client_id: UUID, filters: Annotated[FormAssignmentFilters, Query()], reader: ReaderDep, principal: CanReadForms
) -> Any:
    """What a client was given, newest first."""
    return await forms.page(reader, principal, client_id, filters)


@of_client.post("", status_code=201, response_model=FormAssignment)
async def create_form_assignment(
    client_id: UUID, data: FormAssignmentCreate, session: SessionDep, principal: CanWriteForms
) -> Any:
    """Give a form to a client, once or by a rule. It is pinned to the newest version of the moment."""
    return await forms.create(session, principal, client_id, data)


@router.get("/{form_assignment_id}", response_model=FormAssignment)
async def get_form_assignment(form_assignment_id: UUID, reader: ReaderDep, principal: CanReadForms) -> Any:
    """One form of a client's, with what was answered."""
    return await forms.get(reader, principal, form_assignment_id)


@router.patch("/{form_assignment_id}", response_model=FormAssignment)
async def update_form_assignment(
    form_assignment_id: UUID,
    data: FormAssignmentUpdate,
    session: SessionDep,
    principal: CanWriteForms,
    if_match: IfMatch,
) -> Any:
    """Change when it is due or expires and whom it is kept from; end the rule that gives it again."""
    return await forms.update(session, principal, form_assignment_id, data, if_match)


@router.patch("/{form_assignment_id}/answers", response_model=FormAssignment)
async def save_form_assignment_answers(
    form_assignment_id: UUID, data: FormAnswers, session: SessionDep, principal: CanWriteForms, if_match: IfMatch
) -> Any:
    """Fill it in on the client's behalf."""
    return await forms.save(session, principal, form_assignment_id, data, if_match)


@router.post("/{form_assignment_id}/submit", response_model=FormAssignment)
async def submit_form_assignment(
    form_assignment_id: UUID, session: SessionDep, principal: CanWriteForms, if_match: IfMatch
) -> Any:
    """Hand it in on the client's behalf, which is recorded as such."""
    return await forms.submit(session, principal, form_assignment_id, if_match)


@router.post("/{form_assignment_id}/reopen", response_model=FormAssignment)
async def reopen_form_assignment(
    form_assignment_id: UUID, session: SessionDep, principal: CanWriteForms, data: FormReason | None = None
) -> Any:
    """Let what was handed in, declined or has expired be answered anew. What is signed stays."""
    return await forms.reopen(session, principal, form_assignment_id, data)


@router.post("/{form_assignment_id}/withdraw", response_model=FormAssignment)
async def withdraw_form_assignment(
    form_assignment_id: UUID, session: SessionDep, principal: CanWriteForms, data: FormReason | None = None
) -> Any:
    """Take a form back. What was answered and signed stays on file."""
    return await forms.withdraw(session, principal, form_assignment_id, data)


@router.post("/{form_assignment_id}/lock", response_model=FormAssignment)
async def lock_form_assignment(form_assignment_id: UUID, session: SessionDep, principal: CanWriteForms) -> Any:
    """Close what was handed in. What an intern closes is closed once a supervisor has signed it."""
    return await forms.lock(session, principal, form_assignment_id)
