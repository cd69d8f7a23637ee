"""Copies for devices that are not always connected."""

from typing import Annotated, Any

from fastapi import Query

from portal_api.routers.deps import ReaderDep, SignedIn
from portal_api.schemas.sync import Sync, SyncQuery
from portal_api.services import sync
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1/sync", tag="live")


@router.get("", response_model=Sync)
async def get_changes(query: Annotated[SyncQuery, Query()], reader: ReaderDep, principal: SignedIn) -> Any:
    """Everything that the caller sees, at first; with the cursor of the answer before, what has changed since.

    What was lost with a permission, a client or a feature comes as tombstones. Asked again with the same cursor, it
    answers the same, or what is newer. A cursor is good for thirty days.
    """
    return await sync.page(reader, principal, query)
