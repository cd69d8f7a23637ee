"""How a practice's portal is set (F1)."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from portal_api.core.access import Principal
from portal_api.core.db import Read, Session, Source
from portal_api.core.errors import Forbidden, PreconditionFailed, invalid
from portal_api.models.forms import FormKind, FormTemplate
from portal_api.models.portal import PortalSettings
from portal_api.schemas.portal import PortalUpdate
from portal_api.services import audit

SETTINGS = Read(
    select(
        PortalSettings.enabled,
        PortalSettings.enabled_at,
        PortalSettings.slug,
        PortalSettings.allow_client_signup,
        PortalSettings.allow_staff_set_credentials,
        PortalSettings.digest_at,
        PortalSettings.invitation_ttl_days,
        func.jsonb_build_object(
            "late_within_minutes",
            PortalSettings.late_within_minutes,
            "closed_within_minutes",
            PortalSettings.closed_within_minutes,
        ).label("cancellation"),
        PortalSettings.unverified_request_limit,
        PortalSettings.allow_new_client_requests,
        PortalSettings.allow_client_reschedule,
        PortalSettings.request_ttl_hours,
        PortalSettings.pending_requests_per_day,
        func.jsonb_build_object(
            "opens_minutes_before",
            PortalSettings.video_opens_minutes_before,
            "closes_minutes_after",
            PortalSettings.video_closes_minutes_after,
            "waiting_room",
            PortalSettings.video_waiting_room,
            "consent_gate",
            PortalSettings.video_consent_gate,
            "consent_form_template_id",
            PortalSettings.video_consent_form_template_id,
        ).label("video"),
        func.jsonb_build_object(
            "scores_visible",
            PortalSettings.assessment_scores_visible,
            "escalation_hours",
            PortalSettings.assessment_escalation_hours,
        ).label("assessments"),
        PortalSettings.second_factor,
        PortalSettings.updated_at,
        PortalSettings.version,
    )
)

PREFIXES = {"assessments": "assessment_", "cancellation": "", "video": "video_"}
"""Of the columns that hold what the input nests."""
CONSENT = "video_consent_form_template_id"
CLEARABLE = (CONSENT,)


class SlugLocked(Forbidden):
    code, title = "slug_locked", "The portal's link is fixed; only the operator of this installation can change it"


async def get(source: Source) -> dict[str, Any]:
    """The settings of the caller's practice, with the portal's address once it has a link."""
    row = await source.row(SETTINGS)
    assert row is not None  # noqa: S101 - made with the practice
    return row | {"url": source.tools.settings.app_link(row["slug"], "") if row["slug"] else None}


async def update(session: Session, principal: Principal, data: PortalUpdate, if_match: int | None) -> dict[str, Any]:
    """Change what is given. Raises SlugLocked, PreconditionFailed with the current copy, Invalid."""
    row = await locked(session)
    if if_match is not None and row.version != if_match:
        raise PreconditionFailed(current=await get(session))
    _must_keep_slug(row, data)
    changes = _flat(data)
    await _must_be_consent(session, changes.get(CONSENT))
    moved = _apply(row, changes)
    if moved:
        await session.flush()
        await audit.record(
            session, principal, "portal.updated", resource=("portal", row.practice_id), changed=moved, details=moved
        )
    return await get(session)


async def disable(session: Session, principal: Principal) -> dict[str, Any]:
    """Hide everything from clients on their next request; lose nothing (F1.M2)."""
    row = await locked(session)
    if row.enabled:
        row.disable()
        await session.flush()
        await audit.record(
            session,
            principal,
            "portal.disabled",
            resource=("portal", row.practice_id),
            changed=["enabled"],
            details={"enabled": {"from": True, "to": False}},
        )
    return await get(session)


async def locked(session: Session) -> PortalSettings:
    """The practice's settings, held for a change."""
    return (await session.execute(select(PortalSettings).with_for_update(key_share=True))).scalar_one()


def _must_keep_slug(row: PortalSettings, data: PortalUpdate) -> None:
    """A link is claimed by enabling the portal, and stays; sending the same one back is no change."""
    if "slug" not in data.model_fields_set or data.slug == row.slug:
        return
    if row.slug is not None:
        raise SlugLocked
    raise invalid("/slug", "not_writable", "Claim the link with POST /v1/practice/portal/enable.")


async def _must_be_consent(session: Session, form_template_id: UUID | None) -> None:
    """Raise Invalid for a form that clients cannot be asked to sign."""
    if form_template_id is None:
        return
    consent = select(FormTemplate.id).where(
        FormTemplate.id == form_template_id, FormTemplate.kind == FormKind.CONSENT, FormTemplate.state == "published"
    )
    if await session.scalar(consent) is None:
        raise invalid("/video/consent_form_template_id", "unknown_form", "Name a published consent of the practice.")


def _flat(data: PortalUpdate) -> dict[str, Any]:
    """The given fields by column, nested ones included. Raises Invalid for a null: each setting has a value."""
    found: dict[str, Any] = {}
    for path, column, value in _given(data):
        if value is None and column not in CLEARABLE:
            raise invalid(f"/{path}", "null_not_allowed", "This cannot be cleared.")
        found[column] = value
    return found


def _given(data: PortalUpdate) -> Iterator[tuple[str, str, Any]]:
    """Each given field: where it stands in the input, its column, its value."""
    for name, value in data.given().items():
        if name in PREFIXES and value is not None:
            yield from ((f"{name}/{inner}", PREFIXES[name] + inner, given) for inner, given in value.given().items())
        elif name != "slug":
            yield name, name, value


def _apply(row: PortalSettings, changes: dict[str, Any]) -> dict[str, Any]:
    """Set what differs; returns old and new values."""
    moved = {}
    for name, value in changes.items():
        old = getattr(row, name)
        if value != old:
            moved[name] = {"from": _told(old), "to": _told(value)}
            setattr(row, name, value)
    return moved


def _told(value: Any) -> Any:
    """As an event's details hold it."""
    return str(value) if isinstance(value, UUID) else value
