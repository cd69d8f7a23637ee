"""What staff do with a form that a client was given: change its terms, open it again, take it back, lock it."""

from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.core.errors import InvalidState, PreconditionFailed, invalid
from portal_api.models.forms import FormAssignment, FormRecurrence, FormState
from portal_api.schemas.forms.assignments import FormAssignmentUpdate, FormReason
from portal_api.services import audit
from portal_api.services.forms import assigning, reading


async def update(
    session: Session, principal: Principal, form_assignment_id: UUID, data: FormAssignmentUpdate, if_match: int | None
) -> dict[str, Any]:
    """Change when it is due, how long it can be answered, from whom it is kept; end its rule.

    Raises NotFound, PreconditionFailed with the current copy, InvalidState, Invalid.
    """
    assignment, _ = await reading.held(session, principal, form_assignment_id)
    if if_match is not None and assignment.version != if_match:
        raise PreconditionFailed(current=await reading.get(session, principal, form_assignment_id))
    changes = data.given()
    if "confidential" in changes:
        await _keep_confidential(session, assignment, changes["confidential"])
    if changes.keys() & {"due_on", "expires_on"}:
        await _set_days(session, assignment, changes)
    if "recurrence" in changes:
        await end_rule(session, assignment.recurrence_id)
    # The rule is another row: who saw the old copy is to know that it changed.
    assignment.updated_at = func.now()
    await session.flush()
    return await _recorded(session, principal, assignment, "form.updated", changed=changes)


async def reopen(
    session: Session, principal: Principal, form_assignment_id: UUID, data: FormReason | None
) -> dict[str, Any]:
    """Let it be answered anew, as it was answered. Raises NotFound, InvalidState."""
    assignment, _ = await reading.held(session, principal, form_assignment_id)
    assignment.reopen(await clock.now(session), principal.account_id, data.reason if data else None)
    return await _recorded(session, principal, assignment, "form.reopened")


async def withdraw(
    session: Session, principal: Principal, form_assignment_id: UUID, data: FormReason | None
) -> dict[str, Any]:
    """Take it back; it is not given again by its rule. What was answered and signed stays on file.

    Raises NotFound, InvalidState.
    """
    assignment, _ = await reading.held(session, principal, form_assignment_id)
    if assignment.state == FormState.LOCKED and assignment.signers:
        raise InvalidState("It is signed, and stays. A consent is withdrawn by who gave it.", state=assignment.state)
    assignment.withdraw(await clock.now(session), principal.account_id, data.reason if data else None)
    await end_rule(session, assignment.recurrence_id)
    return await _recorded(session, principal, assignment, "form.withdrawn")


async def lock(session: Session, principal: Principal, form_assignment_id: UUID) -> dict[str, Any]:
    """Close what was handed in and is not to be signed: it is not opened again.

    An intern leaves it to a supervisor, who signs it (F20.M6). Raises NotFound, InvalidState.
    """
    assignment, _ = await reading.held(session, principal, form_assignment_id)
    if assignment.signers:
        raise InvalidState("Signatures lock this form: whoever is still to sign it signs it.", state=assignment.state)
    now = await clock.now(session)
    if principal.is_in_training:
        assignment.leave_to_supervisor(now)
        return await _recorded(session, principal, assignment, "form.awaits_cosignature")
    assignment.lock(now, principal.account_id)
    return await _recorded(session, principal, assignment, "form.locked")


async def end_rule(session: Session, recurrence_id: UUID | None) -> None:
    """Give nothing more by this rule."""
    if recurrence_id is not None:
        rule = select(FormRecurrence).where(FormRecurrence.id == recurrence_id).with_for_update()
        (await session.execute(rule)).scalar_one().end(await clock.now(session))


async def _keep_confidential(session: Session, assignment: FormAssignment, confidential: bool | None) -> None:
    if confidential is None:
        raise invalid("/confidential", "null_not_allowed", "This cannot be cleared.")
    if confidential and assignment.account_id is not None:
        await assigning.must_act_for(session, assignment.client_id, assignment.account_id, confidential=True)
    assignment.confidential = confidential


async def _set_days(session: Session, assignment: FormAssignment, changes: dict[str, Any]) -> None:
    """Another day by which it is wanted or can be answered. What has expired is reopened instead."""
    now = await clock.now(session)
    assignment.must_be_open(now)
    if "due_on" in changes:
        assignment.due_on = changes["due_on"]
    if "expires_on" in changes:
        recipient = await assigning.recipient_of(session, assignment.client_id)
        ends = await assigning.end_of(session, changes["expires_on"], recipient.time_zone)
        if ends is not None and ends <= now:
            raise invalid("/expires_on", "out_of_range", "Name a day that is not over.")
        assignment.expires_on, assignment.expires_at = changes["expires_on"], ends


async def _recorded(
    session: Session, principal: Principal, assignment: FormAssignment, event: str, **facts: Any
) -> dict[str, Any]:
    await session.flush()
    resource = ("form_assignment", assignment.id)
    await audit.record(session, principal, event, resource=resource, clients=[assignment.client_id], **facts)
    return await reading.get(session, principal, assignment.id)
