"""What a practice asks of new clients, in order; and what it asks where it has said nothing (F7.M1)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, or_, select

from portal_api.core.access import Principal
from portal_api.core.db import Read, Session, Source
from portal_api.core.db.base import UUIDS
from portal_api.core.errors import PreconditionFailed, invalid
from portal_api.models.documents import PracticeDocument
from portal_api.models.forms import FormTemplate
from portal_api.models.onboarding import INFORMATION_KINDS, OnboardingFlow
from portal_api.models.portal import PortalSettings
from portal_api.models.scheduling import Service
from portal_api.schemas.onboarding import FlowStep, FlowUpdate
from portal_api.services import audit, client_information
from portal_api.services.client_information.rules import Rules

SPREAD = "onboarding.spread"
ADULT_AGE = 18
TITLES = {
    "profile": "Your name",
    "demographics": "About you",
    "contact": "How to reach you",
    "preferences": "How you like to be contacted",
    "insurance": "Insurance",
    "upload": "Send us a document",
}
SHIPPED = {"profile": True, "demographics": True, "contact": True, "preferences": False}
"""Steps of the flow that ships, and whether they are required; then come forms, and insurance."""
SHIPPED_FORMS = {
    "consent-treatment": "consent",
    "privacy-practices": "consent",
    "consent-telehealth": "consent",
    "consent-electronic-communication": "consent",
    "intake-adult": "intake",
    "intake-child": "intake",
}
"""System forms that the flow which ships lists, and does not ask for: a practice reads a consent before it gives it."""
OF_AGES = {"intake-adult": ["adult"], "intake-child": ["minor"]}

STORED = Read(
    select(
        OnboardingFlow.steps,
        OnboardingFlow.client_information,
        OnboardingFlow.adult_age,
        OnboardingFlow.updated_at,
        OnboardingFlow.version,
    )
)
TEMPLATES = Read(
    select(FormTemplate.id, FormTemplate.key, FormTemplate.kind, FormTemplate.title, FormTemplate.state).where(
        or_(FormTemplate.id == bindparam("ids", type_=UUIDS).any_(), FormTemplate.key.in_(SHIPPED_FORMS))
    )
)
RESOURCES = Read(
    select(PracticeDocument.id, PracticeDocument.title, PracticeDocument.shared_at.is_not(None).label("shared")).where(
        PracticeDocument.id == bindparam("ids", type_=UUIDS).any_()
    )
)


SERVICES = Read(select(Service.id).where(Service.id == bindparam("ids", type_=UUIDS).any_()))


@dataclass(frozen=True, slots=True)
class Flow:
    """`steps` as FlowStepView has them. `usable`: forms that can be given, resources that clients can read."""

    steps: list[dict[str, Any]]
    rules: Rules
    adult_age: int
    updated_at: datetime | None
    version: int
    usable: frozenset[UUID]

    def view(self) -> dict[str, Any]:
        asked = {"steps": self.steps, "client_information": self.rules.groups, "adult_age": self.adult_age}
        return asked | {"updated_at": self.updated_at, "version": self.version}

    def can_be_given(self, step: dict[str, Any]) -> bool:
        """Whether it is on, and what it needs is still there."""
        if step["kind"] in INFORMATION_KINDS and not self.rules.asks(step["kind"]):
            return False
        needed = step["form_template_id"] or step["practice_document_id"]
        return bool(step["enabled"]) and (needed is None or needed in self.usable)


async def current(source: Source) -> Flow:
    """The practice's flow at this moment."""
    row = await source.row(STORED)
    steps = [_restored(step) for step in row["steps"]] if row else []
    templates = await source.rows(TEMPLATES, ids=_named(steps, "form_template_id"))
    resources = await source.rows(RESOURCES, ids=_named(steps, "practice_document_id"))
    if row is None:
        steps = _shipped({template["key"]: template["id"] for template in templates})
    titles = TITLES | {found["id"]: found["title"] for found in (*templates, *resources)}
    usable = [found["id"] for found in templates if found["state"] == "published"]
    usable += [found["id"] for found in resources if found["shared"]]
    return Flow(
        steps=[step | {"title": _title(step, titles)} for step in steps],
        rules=client_information.rules.over(row["client_information"] if row else {}),
        adult_age=row["adult_age"] if row else ADULT_AGE,
        updated_at=row["updated_at"] if row else None,
        version=row["version"] if row else 0,
        usable=frozenset(usable),
    )


async def get(source: Source) -> dict[str, Any]:
    """What the practice asks of new clients."""
    return (await current(source)).view()


async def update(session: Session, principal: Principal, data: FlowUpdate, if_match: int | None) -> dict[str, Any]:
    """Change what is given. A step that is new reaches every client who has not finished, soon after (F7.M3).

    Raises PreconditionFailed with the current copy, Invalid with pointers.
    """
    # The row of the portal's settings is there from the start: its lock lets one of many make the other.
    await session.execute(select(PortalSettings.practice_id).with_for_update(key_share=True))
    before = await current(session)
    if if_match is not None and before.version != if_match:
        raise PreconditionFailed(current=before.view())
    changes = data.given()
    for name, value in changes.items():
        if value is None:
            raise invalid(f"/{name}", "null_not_allowed", "This cannot be cleared.")
    row = await _row(session, before)
    if data.steps is not None:
        await _must_fit(session, data.steps)
        row.steps = [step.model_dump(mode="json") for step in data.steps]
    if data.client_information is not None:
        row.client_information = client_information.rules.changed(before.rules, data.client_information)
    if data.adult_age is not None:
        row.adult_age = data.adult_age
    await session.flush()
    practice_id = session.binding.practice_id
    await audit.record(session, principal, "onboarding.updated", resource=("practice", practice_id), changed=changes)
    await session.tools.queue.defer(session, SPREAD, practice_id, key="all")
    return await get(session)


async def _row(session: Session, flow: Flow) -> OnboardingFlow:
    row = (await session.execute(select(OnboardingFlow))).scalar_one_or_none()
    if row is None:
        # Titles follow what they are of, until the practice chooses its own.
        steps = [FlowStep.model_validate(step | {"title": None}).model_dump(mode="json") for step in flow.steps]
        row = OnboardingFlow(steps=steps, client_information={}, adult_age=flow.adult_age)
        session.add(row)
    return row


async def _must_fit(session: Session, steps: Sequence[FlowStep]) -> None:
    """Raise Invalid where two steps are one, or a step names what cannot be given."""
    seen: set[str] = set()
    for number, step in enumerate(steps):
        for name in {step.key, f"kind {step.kind}"} if step.kind in INFORMATION_KINDS else {step.key}:
            if name in seen:
                raise invalid(f"/steps/{number}", "repeated", "Each key, and each information step, is there once.")
            seen.add(name)
    as_stored = [step.model_dump() for step in steps]
    forms = await session.rows(TEMPLATES, ids=_named(as_stored, "form_template_id"))
    resources = await session.rows(RESOURCES, ids=_named(as_stored, "practice_document_id"))
    kinds = {form["id"]: form["kind"] for form in forms if form["state"] == "published"}
    shared = {resource["id"] for resource in resources if resource["shared"]}
    services = await session.rows(SERVICES, ids=[service_id for step in steps for service_id in step.service_ids])
    unknown = {service_id for step in steps for service_id in step.service_ids} - {row["id"] for row in services}
    for number, step in enumerate(steps):
        if unknown & {*step.service_ids}:
            raise invalid(f"/steps/{number}/service_ids", "unknown_service", "Name services of the practice.")
        _must_be_usable(step, f"/steps/{number}", kinds, shared)


def _must_be_usable(step: FlowStep, pointer: str, kinds: dict[UUID, str], shared: set[UUID]) -> None:
    form_id, resource_id = step.form_template_id, step.practice_document_id
    if form_id is not None and form_id not in kinds:
        raise invalid(f"{pointer}/form_template_id", "unknown_form", "Name a published form of the practice.")
    if form_id is not None and kinds[form_id] != step.kind:
        raise invalid(f"{pointer}/kind", "kind_mismatch", f"This form is of the kind {kinds[form_id]}.")
    if resource_id is not None and resource_id not in shared:
        raise invalid(
            f"{pointer}/practice_document_id", "unknown_document", "Name a document that the practice shares."
        )


def _named(steps: Iterable[dict[str, Any]], field: str) -> list[UUID]:
    return [step[field] for step in steps if step[field] is not None]


def _restored(step: dict[str, Any]) -> dict[str, Any]:
    """A stored step: its ids are text there."""
    ids = {name: step[name] and UUID(step[name]) for name in ("form_template_id", "practice_document_id")}
    # Steps that were stored before they could be of services name none.
    return step | ids | {"service_ids": [UUID(service_id) for service_id in step.get("service_ids", ())]}


def _shipped(forms: dict[str | None, UUID]) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = [{"key": kind, "kind": kind, "required": is_so} for kind, is_so in SHIPPED.items()]
    steps += [
        {
            "key": key,
            "kind": kind,
            "form_template_id": forms[key],
            "enabled": False,
            "applies_to": OF_AGES.get(key, []),
        }
        for key, kind in SHIPPED_FORMS.items()
        if key in forms
    ]
    steps.append({"key": "insurance", "kind": "insurance", "required": False})
    return [FlowStep.model_validate(step).model_dump() for step in steps]


def _title(step: dict[str, Any], titles: dict[Any, str]) -> str:
    named = step["form_template_id"] or step["practice_document_id"] or step["kind"]
    return step["title"] or titles.get(named) or step["key"]
