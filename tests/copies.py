"""A device's copy, as GET /v1/sync fills it, and what the lists show to the same caller."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from tests.world import Caller

Objects = dict[str, dict[str, Any]]
STAFF_LISTS = {
    "client": ("/v1/clients?limit=100", "/v1/clients?limit=100&archived=true"),
    "appointment": ("/v1/appointments?limit=100",),
    "appointment_request": ("/v1/appointment-requests?limit=100",),
    "notification": ("/v1/me/notifications?limit=100",),
    "thread": ("/v1/threads?limit=100",),
}
CLIENT_LISTS = {
    "appointment": ("/v1/me/appointments?limit=100", "/v1/me/appointments?limit=100&past=true"),
    "appointment_request": ("/v1/me/appointment-requests?limit=100",),
    "document": ("/v1/me/documents?limit=100",),
    "form_assignment": ("/v1/me/forms?limit=100",),
    "notification": ("/v1/me/notifications?limit=100",),
    "thread": ("/v1/me/threads?limit=100",),
    "treatment_plan": ("/v1/me/treatment-plans?limit=100",),
}
CHARTS = {
    "document": "/v1/clients/{id}/documents?limit=100",
    "form_assignment": "/v1/clients/{id}/form-assignments?limit=100",
    "treatment_plan": "/v1/clients/{id}/treatment-plans?limit=100",
}
"""What staff list client by client."""


@dataclass
class Copy:
    """What a device would keep."""

    caller: Caller
    cursor: str | None = None
    objects: dict[str, Objects] = field(default_factory=dict)
    tombstones: list[tuple[str, str]] = field(default_factory=list)
    """Of the last time."""
    resets: int = 0

    async def sync(self, limit: int = 100) -> int:
        """Bring the copy up to date; how many pages that took."""
        pages, more = 0, True
        self.tombstones = []
        while more:
            more = await self.page(limit)
            pages += 1
        return pages

    async def page(self, limit: int = 100) -> bool:
        """One answer, applied; whether there is more."""
        query = {"limit": limit} | ({"cursor": self.cursor} if self.cursor else {})
        response = await self.caller.get("/v1/sync", params=query)
        assert response.status_code == 200, response.text
        answer = response.json()
        assert len(answer["upserts"]) <= limit
        if answer["reset"]:
            self.objects, self.resets = {}, self.resets + 1
        for gone in answer["tombstones"]:
            self.tombstones.append((gone["type"], gone["id"]))
            self.objects.get(gone["type"], {}).pop(gone["id"], None)
        for upsert in answer["upserts"]:
            self.objects.setdefault(upsert["type"], {})[upsert["id"]] = _normal(upsert["resource"])
        self.objects = {type: found for type, found in self.objects.items() if found}
        self.cursor = answer["cursor"]
        return bool(answer["has_more"])


async def listed(caller: Caller, *types: str) -> dict[str, Objects]:
    """What the lists show to the caller, of all types or of some; a list that is closed to them shows nothing."""
    shown = await _listed(caller)
    return {type: shown.get(type, {}) for type in types} if types else shown


async def _listed(caller: Caller) -> dict[str, Objects]:
    of_client = caller.account["kind"] == "client"
    shown: dict[str, Objects] = {}
    for type, paths in (CLIENT_LISTS if of_client else STAFF_LISTS).items():
        found = {item["id"]: _normal(item) for path in paths async for item in _items(caller, path)}
        if found:
            shown[type] = found
    for type, path in ({} if of_client else CHARTS).items():
        charts = [path.format(id=identity) for identity in shown.get("client", {})]
        if found := {item["id"]: _normal(item) for path in charts async for item in _items(caller, path)}:
            shown[type] = found
    if of_client and (profiles := (await caller.get("/v1/me")).json()["profiles"]):
        shown["profile"] = {profile["client_id"]: profile for profile in profiles}
    return shown


def _normal(item: dict[str, Any]) -> dict[str, Any]:
    """Ids in a list stand in no order that is promised."""
    return {name: sorted(value) if name.endswith("_ids") else value for name, value in item.items()}


async def _items(caller: Caller, path: str) -> AsyncIterator[dict[str, Any]]:
    cursor: str | None = ""
    while cursor is not None:
        response = await caller.get(path + (f"&cursor={cursor}" if cursor else ""))
        if response.status_code == 403:
            return
        assert response.status_code == 200, response.text
        for item in response.json()["data"]:
            yield item
        cursor = response.json()["next_cursor"]
