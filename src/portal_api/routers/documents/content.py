"""Files behind links of a minute."""

from typing import Any

from portal_api.routers.deps import Anyone, SessionDep
from portal_api.routers.documents.attachments import FILE, attachment
from portal_api.services.documents import tickets
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1/content", tag="documents")


@router.get("/{ticket}", response_model=None, responses=FILE)
async def open_content_url(ticket: str, session: SessionDep, visitor: Anyone) -> Any:
    """The file behind a link, while the session that asked for the link may still open it. Any other link is 404."""
    return attachment(await tickets.content(session, visitor, ticket))
