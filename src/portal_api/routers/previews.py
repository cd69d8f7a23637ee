"""Looking at the portal through a client's eyes."""

from typing import Any
from uuid import UUID

from portal_api.routers.deps import CanViewAsClients, CanWritePortal, SessionDep
from portal_api.schemas.clients import Client
from portal_api.schemas.previews import Preview, PreviewCreate
from portal_api.services import previews
from portal_api.services.previews import test_client
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1", tag="previews")


@router.post("/clients/{client_id}/view-as", status_code=201, response_model=Preview)
async def view_as_client(
    client_id: UUID, session: SessionDep, principal: CanViewAsClients, data: PreviewCreate | None = None
) -> Any:
    """See what the client sees, or a guardian with some permissions: a token that reads for ten minutes."""
    return await previews.begin(session, principal, client_id, data)


@router.post("/practice/test-client", response_model=Client)
async def make_test_client(session: SessionDep, principal: CanWritePortal) -> Any:
    """The practice's test client, made where there is none."""
    return await test_client.make(session, principal)
