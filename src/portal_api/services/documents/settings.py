"""What a practice says about files: how large, which kinds, how much, and how long they are kept."""

from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from portal_api.core.access import Principal
from portal_api.core.db import Read, Session, Source
from portal_api.core.errors import PreconditionFailed, invalid
from portal_api.models.documents import DocumentSettings, StorageUsage
from portal_api.schemas.documents import DocumentSettingsUpdate
from portal_api.services import audit
from portal_api.services.documents import kinds, policy

CLEARABLE = {"max_upload_bytes", "client_quota_bytes", "allowed_types"}
USED = Read(select(StorageUsage.used_bytes).where(StorageUsage.subject_id == bindparam("subject_id")))


async def get(source: Source) -> dict[str, Any]:
    """What holds for the caller's practice."""
    said, limits = await policy.row(source), await policy.of_practice(source)
    used = await source.row(USED, subject_id=source.binding.practice_id)
    return {
        "max_upload_bytes": limits.max_upload_bytes,
        "client_quota_bytes": limits.client_quota_bytes,
        "practice_quota_bytes": limits.practice_quota_bytes,
        "practice_used_bytes": used["used_bytes"] if used else 0,
        "allowed_types": sorted(limits.allowed_types),
        "supported_types": sorted(kinds.KINDS),
        "scanned": bool(source.tools.settings.antivirus_url),
    } | {
        name: said[name]
        for name in ("administrative_years", "clinical_years", "dispose_when_over", "updated_at", "version")
    }


async def update(
    session: Session, principal: Principal, data: DocumentSettingsUpdate, if_match: int | None
) -> dict[str, Any]:
    """Change what is given. Raises PreconditionFailed with the current copy, Invalid."""
    row = await _locked(session)
    if if_match is not None and row.version != if_match:
        raise PreconditionFailed(current=await get(session))
    changes = data.given()
    for name, value in changes.items():
        if value is None and name not in CLEARABLE:
            raise invalid(f"/{name}", "null_not_allowed", "This cannot be cleared.")
    _must_fit(session, changes)
    for name, value in changes.items():
        setattr(row, name, value)
    await session.flush()
    await audit.record(
        session, principal, "document_settings.updated", resource=("practice", row.practice_id), changed=changes
    )
    return await get(session)


def _must_fit(session: Session, changes: dict[str, Any]) -> None:
    ceiling = session.tools.settings.upload_ceiling
    if (changes.get("max_upload_bytes") or 0) > ceiling:
        raise invalid("/max_upload_bytes", "too_large", f"This installation takes files of at most {ceiling} bytes.")
    if unknown := set(changes.get("allowed_types") or ()) - kinds.KINDS.keys():
        detail = f"Choose among supported_types; {len(unknown)} of these are not."
        raise invalid("/allowed_types", "unknown_type", detail)


async def _locked(session: Session) -> DocumentSettings:
    """The row, held for a change; made where the practice has said nothing yet."""
    made = insert(DocumentSettings).values(practice_id=session.binding.practice_id, version=0)
    await session.execute(made.on_conflict_do_nothing())
    return (await session.execute(select(DocumentSettings).with_for_update())).scalar_one()
