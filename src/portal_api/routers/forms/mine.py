"""Forms, for those who fill them in."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from portal_api.routers.deps import HasForms, IfMatch, ReaderDep, SessionDep
from portal_api.schemas.base import Page
from portal_api.schemas.forms.mine import (
    MyForm,
    MyFormAnswers,
    MyFormFilters,
    MyFormSubmission,
    MyFormSummary,
)
from portal_api.services import forms
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1/me/forms", tag="forms")


@router.get("", response_model=Page[MyFormSummary])
async def list_my_forms(filters: Annotated[MyFormFilters, Query()], reader: ReaderDep, principal: HasForms) -> Any:
    """What waits to be filled in and what was handed in, newest first."""
    return await forms.page_mine(reader, principal, filters)


@router.get("/{form_assignment_id}", response_model=MyForm)
async def get_my_form(form_assignment_id: UUID, reader: ReaderDep, principal: HasForms) -> Any:
    """One form: its questions, the answers so far and what is missing."""
    return await forms.get_mine(reader, principal, form_assignment_id)


@router.patch("/{form_assignment_id}", response_model=MyForm)
async def save_my_form(
    form_assignment_id: UUID, data: MyFormAnswers, session: SessionDep, principal: HasForms, if_match: IfMatch
) -> Any:
    """Save answers. They need not be complete; what is saved fits its question."""
    return await forms.save_mine(session, principal, form_assignment_id, data, if_match)


@router.post("/{form_assignment_id}/submit", response_model=MyForm)
async def submit_my_form(
    form_assignment_id: UUID,
    session: SessionDep,
    principal: HasForms,
    if_match: IfMatch,
    data: MyFormSubmission | None = None,
) -> Any:
    """Hand the form in. Answers to questions that are not shown are dropped."""
    return await forms.submit_mine(session, principal, form_assignment_id, data, if_match)
