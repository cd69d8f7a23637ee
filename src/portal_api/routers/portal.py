"""The portal of a practice: settings, link, public profile."""

from typing import Annotated, Any

from fastapi import Query

from portal_api.routers.deps import Anyone, CanReadPortal, CanWritePortal, IfMatch, ReaderDep, SessionDep
from portal_api.schemas.portal import LinkAvailability, LinkQuery, Portal, PortalEnable, PortalProfile, PortalUpdate
from portal_api.services import portal
from portal_api.web.replies import Reply
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1", tag="portal")


@router.get("/practice/portal", response_model=Portal)
async def get_portal(reader: ReaderDep, principal: CanReadPortal) -> Any:
    """How the practice's portal is set."""
    return await portal.get(reader)


@router.patch("/practice/portal", response_model=Portal)
async def update_portal(data: PortalUpdate, session: SessionDep, principal: CanWritePortal, if_match: IfMatch) -> Any:
    """Change how the portal works. Turning it on and off, and its link, have requests of their own."""
    return await portal.update(session, principal, data, if_match)


@router.post("/practice/portal/enable", response_model=Portal)
async def enable_portal(data: PortalEnable, session: SessionDep, principal: CanWritePortal) -> Any:
    """Turn the portal on. The first time claims its link, which nobody else will ever get."""
    return await portal.enable(session, principal, data)


@router.post("/practice/portal/disable", response_model=Portal)
async def disable_portal(session: SessionDep, principal: CanWritePortal) -> Any:
    """Turn the portal off: clients see nothing from their next request on, and nothing is lost."""
    return await portal.disable(session, principal)


@router.get("/practice/portal/link-availability", response_model=LinkAvailability)
async def check_link(query: Annotated[LinkQuery, Query()], reader: ReaderDep, principal: CanWritePortal) -> Any:
    """Whether a link could be claimed, and if not, why."""
    return await portal.availability(reader, principal, query)


@router.get(
    "/portals/{slug}",
    response_model=PortalProfile,
    responses={308: {"description": "The practice has another link now; `Location` says which."}},
)
async def get_portal_profile(slug: str, reader: ReaderDep, visitor: Anyone) -> Any:
    """What a portal says of its practice to anybody. A link of the past leads to the present one."""
    return _profile_or_redirect(slug, await portal.profile.get(reader, slug))


def _profile_or_redirect(asked: str, profile: dict[str, Any]) -> Any:
    if asked.lower() == profile["slug"]:
        return profile
    return Reply(None, {"Location": f"/v1/portals/{profile['slug']}"}, status=308)
