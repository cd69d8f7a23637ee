"""Onboarding in the hands of a client, or of who acts for them: saved step by step, completed once."""

from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from portal_api.core import clock
from portal_api.core.access import Principal, Profile
from portal_api.core.db import Session, Source
from portal_api.core.errors import Conflict, Forbidden, NotFound, PreconditionFailed, invalid
from portal_api.models.clients import Client
from portal_api.models.onboarding import FORM_KINDS, INFORMATION_KINDS, ClientOnboarding, OnboardingStep
from portal_api.schemas.onboarding import MyCompletion, StepSave
from portal_api.services import audit, client_information
from portal_api.services.documents import references
from portal_api.services.onboarding import giving, standing
from portal_api.services.onboarding.standing import Standing

TAKES = {
    **dict.fromkeys(INFORMATION_KINDS, "values"),
    "document": "acknowledged",
    "statement": "acknowledged",
    "upload": "document_id",
}
"""What a step of each kind is saved with; a form's answers go where forms are."""
ANSWER = ("values", "acknowledged", "document_id")


class OnboardingIncomplete(Conflict):
    """`open_steps` are the caller's own; `waits_for_others` that somebody else has some left."""

    code, title = "onboarding_incomplete", "Some steps are not done yet"


async def get(source: Source, principal: Principal, client_id: UUID | None) -> dict[str, Any]:
    """The caller's steps. Raises NotFound, Forbidden for who may do none of them, Invalid where it is unclear whose."""
    profile = _profile(principal, client_id)
    return _view(profile, principal, await standing.read(source, profile, principal.account_id))


async def save(
    session: Session, principal: Principal, client_id: UUID | None, key: str, data: StepSave, if_match: int | None
) -> dict[str, Any]:
    """Take over what is given of one step. Raises what `get` raises, NotFound for a step that is not the caller's,
    InvalidState once all is completed, PreconditionFailed, StepRequired, Invalid with pointers.
    """
    profile = _profile(principal, client_id)
    client, onboarding = await _opened(session, profile)
    before = await standing.read(session, profile, principal.account_id)
    if if_match is not None and before.version != if_match:
        raise PreconditionFailed(current=_view(profile, principal, before))
    if key not in [step["key"] for step in before.of(profile, principal.account_id)]:
        raise NotFound
    held = select(OnboardingStep).where(OnboardingStep.client_id == client.id, OnboardingStep.key == key)
    step = (await session.execute(held)).scalar_one()
    await _save(session, principal, profile, client, onboarding=onboarding, step=step, data=data, before=before)
    return await get(session, principal, profile.client_id)


async def complete(session: Session, principal: Principal, data: MyCompletion) -> dict[str, Any]:
    """Say that all is done; of many at once, one does. Raises what `get` raises, OnboardingIncomplete, InvalidState."""
    profile = _profile(principal, data.client_id)
    client, onboarding = await _opened(session, profile)
    now = await standing.read(session, profile, principal.account_id)
    left = now.left()
    if left:
        mine = _keys_to_do(now.of(profile, principal.account_id))
        own = [{"key": s["key"], "title": s["title"], "missing": s["missing"]} for s in left if s["key"] in mine]
        detail = "Do what `open_steps` lists." if own else "Somebody else has steps left to do."
        raise OnboardingIncomplete(detail, open_steps=own, waits_for_others=len(own) < len(left))
    onboarding.complete(await clock.now(session), principal.account_id)
    await session.flush()
    about = {"resource": ("client", client.id), "clients": [client.id]}
    await audit.record(session, principal, "onboarding.completed", **about)
    return await get(session, principal, profile.client_id)


def _profile(principal: Principal, client_id: UUID | None) -> Profile:
    profile = principal.profile(client_id)
    if not any(profile.may(permission) for permission in standing.PERMISSIONS.values()):
        raise Forbidden("Onboarding is not among what you may do for this client.")
    return profile


async def _opened(session: Session, profile: Profile) -> tuple[Client, ClientOnboarding]:
    """The client and their onboarding, held and up to date. Raises NotFound where none was given, InvalidState."""
    client = await client_information.mine.held(session, profile)
    onboarding = await giving.locked(session, client.id)
    if onboarding is None:
        raise NotFound
    onboarding.must_be_open()
    await giving.bring_up(session, onboarding)
    return client, onboarding


async def _save(
    session: Session,
    principal: Principal,
    profile: Profile,
    client: Client,
    *,
    onboarding: ClientOnboarding,
    step: OnboardingStep,
    data: StepSave,
    before: Standing,
) -> None:
    _must_fit(step, data)
    now, by = await clock.now(session), principal.account_id
    onboarding.begin(now)
    onboarding.updated_at = func.now()
    if data.skipped:
        step.skip(now, by, by_staff=False)
        await session.flush()
        await _record(session, principal, client, "onboarding.step_skipped", step)
        return
    if data.skipped is False:
        step.skipped_at = step.skipped_by = None
    if data.values is not None:
        rules = await client_information.rules.read(session)
        asked = [field["name"] for field in step.fields]
        await client_information.proposals.propose(
            session, principal, profile, client,
            given=data.values, asked=asked, rules=rules, seen=before.chart, pointer="/values",
        )  # fmt: skip
    if data.acknowledged:
        step.acknowledged_at = now
    if "document_id" in data.model_fields_set:
        step.document_id = await _document(session, principal, client.id, data.document_id)
    step.save(now, by)
    await session.flush()
    await _record(session, principal, client, "onboarding.step_saved", step)


def _must_fit(step: OnboardingStep, data: StepSave) -> None:
    """Raise Invalid for what a step of this kind does not take."""
    taken = TAKES.get(step.kind)
    for name in data.model_fields_set & {*ANSWER}:
        if step.kind in FORM_KINDS:
            raise invalid(f"/{name}", "not_in_this_step", "Answer the form itself: PATCH /v1/me/forms/{id}.")
        if name != taken:
            raise invalid(f"/{name}", "not_in_this_step", f"A step of this kind takes `{taken}`.")
        if data.skipped:
            raise invalid(f"/{name}", "not_in_this_step", "Answer the step, or leave it out.")
        if name != "document_id" and getattr(data, name) is None:
            raise invalid(f"/{name}", "null_not_allowed", "This cannot be cleared.")
    if data.skipped is None and "skipped" in data.model_fields_set:
        raise invalid("/skipped", "null_not_allowed", "Say true or false.")


async def _document(session: Session, principal: Principal, client_id: UUID, given: UUID | None) -> UUID | None:
    if given is not None:
        await references.named(session, principal, given, client_id, "/document_id")
    return given


async def _record(session: Session, principal: Principal, client: Client, type: str, step: OnboardingStep) -> None:
    about = {"resource": ("client", client.id), "clients": [client.id]}
    await audit.record(session, principal, type, **about, details={"step": step.key})


def _view(profile: Profile, principal: Principal, now: Standing) -> dict[str, Any]:
    steps, left = now.of(profile, principal.account_id), now.left()
    mine = _keys_to_do(steps)
    is_open = now.state in ("pending", "in_progress")
    return {
        "client_id": profile.client_id,
        "relationship": profile.relationship,
        "state": now.state,
        "progress": standing.per_cent(steps, completed=not is_open),
        "current_step": next((s["key"] for s in steps if is_open and s["state"] in standing.TO_DO), None),
        "can_complete": is_open and not left,
        "waits_for_others": any(step["key"] not in mine for step in left),
        "steps": [_step(step, now) for step in steps],
        "started_at": now.head["started_at"],
        "completed_at": now.head["completed_at"],
        "version": now.version,
    }


def _keys_to_do(steps: list[dict[str, Any]]) -> list[str]:
    """Those in which something is left for the caller: not what they have signed and others have not."""
    return [step["key"] for step in steps if step["state"] != "waiting"]


SHOWN = (
    *("key", "kind", "title", "text", "required", "skippable", "state", "missing", "fields"),
    *("form_assignment_id", "practice_document_id", "document_id", "saved_at", "acknowledged_at", "skipped_at"),
)


def _step(step: dict[str, Any], now: Standing) -> dict[str, Any]:
    values = {field["name"]: now.chart.values[field["name"]] for field in step["fields"]}
    return {name: step[name] for name in SHOWN} | {"values": values}
