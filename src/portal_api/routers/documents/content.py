"""Links for one file each: that open it for a minute, or take it."""

from typing import Any

from portal_api.routers.deps import Anyone, SessionDep
from portal_api.routers.documents.attachments import FILE, attachment
from portal_api.schemas.base import Content
from portal_api.schemas.documents import UploadedDocument
from portal_api.services.documents import tickets, uploads
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1", tag="documents")
UPLOADED = ("id", "state", "size_bytes", "sha256", "media_type")


@router.get("/content/{ticket}", response_model=None, responses=FILE)
async def open_content_url(ticket: str, session: SessionDep, visitor: Anyone) -> Any:
    """The file behind a link, while the session that asked for the link may still open it. Any other link is 404."""
    return attachment(await tickets.content(session, visitor, ticket))


@router.put("/uploads/{ticket}", status_code=201, response_model=UploadedDocument)
async def put_declared_upload(ticket: str, data: Content, session: SessionDep, visitor: Anyone) -> Any:
    """Send the file that the link was given for, as it is; sending it again is safe. Any other link is 404."""
    document = await uploads.finish(session, visitor, ticket, data.file)
    return {name: document[name] for name in UPLOADED}
