"""Practices: registration and what a practice says of itself."""

from typing import Any

from portal_api.routers.deps import AnyPerson, CanReadPractice, CanWritePractice, IfMatch, ReaderDep, SessionDep
from portal_api.schemas.practices import Practice, PracticeCreate, PracticeUpdate, Registration
from portal_api.services import practices
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1", tag="practices")


@router.post("/practices", status_code=201, response_model=Registration)
async def register_practice(data: PracticeCreate, session: SessionDep, visitor: AnyPerson) -> Any:
    """Register a practice and its owner, while open registration is on. The owner gets a verification mail."""
    return await practices.register_openly(session, visitor, data)


@router.get("/practice", response_model=Practice)
async def get_practice(reader: ReaderDep, principal: CanReadPractice) -> Any:
    """The caller's practice."""
    return await practices.get(reader)


@router.patch("/practice", response_model=Practice)
async def update_practice(
    data: PracticeUpdate, session: SessionDep, principal: CanWritePractice, if_match: IfMatch
) -> Any:
    """Change the practice's name, address, phone, time zone or branding."""
    return await practices.update(session, principal, data, if_match)
