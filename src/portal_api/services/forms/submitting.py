"""Handing a form in: complete or not at all (F8.M2)."""

from typing import Any
from uuid import UUID

from portal_api.core import clock
from portal_api.core.access import GrantPermission, Principal
from portal_api.core.db import Session
from portal_api.core.errors import InvalidState, PreconditionFailed
from portal_api.models.forms import FormAssignment, FormKind, FormTemplate, FormVersion
from portal_api.schemas.forms.definition import FormDefinition
from portal_api.schemas.forms.mine import MyFormSubmission, MyFormWithdrawal
from portal_api.services import audit
from portal_api.services.forms import alerts, answers, reading, scoring


async def submit_mine(
    session: Session,
    principal: Principal,
    form_assignment_id: UUID,
    data: MyFormSubmission | None,
    if_match: int | None,
) -> dict[str, Any]:
    """Hand it in for the client.

    Raises NotFound, Forbidden, PreconditionFailed with the current copy, InvalidState, Invalid naming every item that
    is missing or does not fit.
    """
    client_id = data.client_id if data else None
    assignment, version = await reading.held_by_client(session, principal, form_assignment_id, client_id)
    if if_match is not None and assignment.version != if_match:
        raise PreconditionFailed(current=await reading.get_mine(session, principal, form_assignment_id))
    await complete(session, principal, assignment, version)
    return await reading.get_mine(session, principal, form_assignment_id)


async def submit(
    session: Session, principal: Principal, form_assignment_id: UUID, if_match: int | None
) -> dict[str, Any]:
    """Hand it in on the client's behalf, which is recorded as such. Raises as `submit_mine` does."""
    assignment, version = await reading.held(session, principal, form_assignment_id)
    if if_match is not None and assignment.version != if_match:
        raise PreconditionFailed(current=await reading.get(session, principal, form_assignment_id))
    await complete(session, principal, assignment, version)
    return await reading.get(session, principal, form_assignment_id)


async def complete(
    session: Session, principal: Principal, assignment: FormAssignment, version: FormVersion, *, signing: bool = False
) -> None:
    """Check, score and hand in an assignment that the caller holds; signing: by signing it.

    Raises InvalidState, Invalid.
    """
    now = await clock.now(session)
    assignment.must_be_open(now)
    definition = FormDefinition.model_validate(version.definition)
    signed = (signing or assignment.practice_signs_first) if assignment.signers else None
    given = answers.completed(definition, assignment.answers, signed=signed)
    by = principal.account_id
    assert by is not None  # noqa: S101 - the routes ask for an account
    kind = "client" if principal.is_client else "staff"
    assignment.submit(given, scoring.score(version, given), now, by, kind)
    await session.flush()
    await audit.record(
        session,
        principal,
        "form.submitted",
        resource=("form_assignment", assignment.id),
        clients=[assignment.client_id],
        details={"form_template_id": str(version.form_template_id), "on_behalf": kind == "staff"},
    )
    if not signing:
        await _tell_first_signer(session, principal, assignment)
    await alerts.raise_for(session, principal, assignment, version)


async def _tell_first_signer(session: Session, principal: Principal, assignment: FormAssignment) -> None:
    """Whoever signs first hears of it, unless that is the client, who has it before them."""
    about = {"resource": ("form_assignment", assignment.id), "clients": [assignment.client_id]}
    if assignment.practice_signs_first:
        await audit.record(session, principal, "form.awaits_cosignature", **about)
    elif assignment.guardian_signs_first:
        await audit.record(session, principal, "form.awaits_signature", **about, details={"party": "guardian"})


async def withdraw_consent(
    session: Session, principal: Principal, form_assignment_id: UUID, data: MyFormWithdrawal | None
) -> dict[str, Any]:
    """Take back a consent that was given; what was signed stays on file (F8.M6). Needs `forms.sign`.

    Raises NotFound, Forbidden, InvalidState for what is no consent or was not given.
    """
    client_id, reason = (data.client_id, data.reason) if data else (None, None)
    assignment, _ = await reading.held_by_client(
        session, principal, form_assignment_id, client_id, GrantPermission.FORMS_SIGN
    )
    now = await clock.now(session)
    template = await session.get_one(FormTemplate, (assignment.practice_id, assignment.form_template_id))
    if template.kind != FormKind.CONSENT or not assignment.was_given:
        state = assignment.state_at(now)
        raise InvalidState("Only a consent that was given can be withdrawn.", state=state)
    assignment.withdraw(now, principal.account_id, reason)
    await session.flush()
    await audit.record(
        session,
        principal,
        "form.consent_withdrawn",
        resource=("form_assignment", assignment.id),
        clients=[assignment.client_id],
    )
    return await reading.get_mine(session, principal, form_assignment_id)
