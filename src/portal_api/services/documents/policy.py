"""What a practice takes, how large and how much of it: its own word, within the installation's."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from portal_api.core.db import Read, Source
from portal_api.models.documents import DocumentSettings
from portal_api.services.documents import kinds

CLIENT_QUOTA = 1_000_000_000
"""Bytes, unless the practice says otherwise."""
SETTINGS = Read(
    select(
        DocumentSettings.max_upload_bytes,
        DocumentSettings.client_quota_bytes,
        DocumentSettings.allowed_types,
        DocumentSettings.administrative_years,
        DocumentSettings.clinical_years,
        DocumentSettings.dispose_when_over,
        DocumentSettings.updated_at,
        DocumentSettings.version,
    )
)
UNSAID: dict[str, Any] = {
    "max_upload_bytes": None,
    "client_quota_bytes": None,
    "allowed_types": None,
    "administrative_years": 7,
    "clinical_years": 10,
    "dispose_when_over": False,
    "updated_at": None,
    "version": 0,
}


@dataclass(frozen=True, slots=True)
class Policy:
    max_upload_bytes: int
    client_quota_bytes: int
    practice_quota_bytes: int
    allowed_types: frozenset[str]


async def row(source: Source) -> dict[str, Any]:
    """What the practice has said; nulls where it leaves it to the installation."""
    return await source.row(SETTINGS) or UNSAID


async def of_practice(source: Source) -> Policy:
    said, settings = await row(source), source.tools.settings
    limit = said["max_upload_bytes"] or settings.max_upload_bytes
    return Policy(
        max_upload_bytes=min(limit, settings.upload_ceiling),
        client_quota_bytes=said["client_quota_bytes"] or CLIENT_QUOTA,
        practice_quota_bytes=settings.practice_quota_bytes,
        allowed_types=frozenset(kinds.USUAL if said["allowed_types"] is None else said["allowed_types"]),
    )
