"""The consent that a client signs before a session by video, where the practice insists on it (F7.B4)."""

from typing import Any
from uuid import UUID

from sqlalchemy import case, select

from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.core.errors import Conflict
from portal_api.models.forms import OPEN_STATES, FormAssignment, FormState, FormTemplate
from portal_api.models.portal import PortalSettings
from portal_api.models.signatures import Party, RequestState, Signature, SignatureRequest
from portal_api.services import forms

SHIPPED = "consent-telehealth"
_signed_by_client = (
    select(Signature.id)
    .join(SignatureRequest, SignatureRequest.id == Signature.request_id)
    .where(
        SignatureRequest.subject_id == FormAssignment.id,
        SignatureRequest.state.in_((RequestState.OPEN, RequestState.COMPLETE)),
        Signature.party.in_((Party.CLIENT, Party.GUARDIAN)),
    )
    .correlate(FormAssignment)
    .exists()
)
_state = case((_signed_by_client & (FormAssignment.state == FormState.SUBMITTED), "signed"), else_=FormAssignment.state)


class ConsentRequired(Conflict):
    """`form` says what to fill in and sign; it waits for the client by now, also where nobody had given it to them."""

    code, title = "consent_required", "A consent must be signed before this session"
    keeps_effects = True


async def missing(
    session: Session, principal: Principal, settings: PortalSettings, client_id: UUID
) -> dict[str, Any] | None:
    """The consent that the client has not signed; None where there is none or nobody asks.

    Raises ConsentRequired where the practice lets nobody in without it.
    """
    if settings.video_consent_gate == "off":
        return None
    form = await _form(session, settings)
    if form is None:
        return None
    assignments = (await session.execute(_newest(client_id, form.id))).all()
    if any(row.state in (FormState.LOCKED, "signed") for row in assignments):
        return None
    waiting = [row.id for row in assignments if row.state in (*OPEN_STATES, FormState.SUBMITTED)]
    if not waiting:
        given = await forms.assign(session, client_id, [form.id], principal)
        waiting = [assignment.id for assignment in given]
    found = {"form_template_id": form.id, "title": form.title, "form_assignment_id": next(iter(waiting), None)}
    if settings.video_consent_gate == "block":
        raise ConsentRequired("Fill in and sign the form, then join again.", form=found)
    return found


async def _form(session: Session, settings: PortalSettings) -> FormTemplate | None:
    """The practice's choice, or the consent that ships; None once it is out of use."""
    chosen = settings.video_consent_form_template_id
    this = FormTemplate.id == chosen if chosen else FormTemplate.key == SHIPPED
    published = select(FormTemplate).where(this, FormTemplate.state == "published")
    return (await session.execute(published)).scalar_one_or_none()


def _newest(client_id: UUID, form_template_id: UUID) -> Any:
    return (
        select(FormAssignment.id, _state.label("state"))
        .where(FormAssignment.client_id == client_id, FormAssignment.form_template_id == form_template_id)
        .order_by(FormAssignment.id.desc())
        .limit(20)
    )
