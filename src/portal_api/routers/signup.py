"""Signing up for a practice's portal."""

from typing import Any

from portal_api.routers.deps import AnyPerson, SessionDep
from portal_api.schemas.scheduling.requests import NewcomerRequestCreate
from portal_api.schemas.signup import Signup, SignupReceived
from portal_api.services import signup
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1/portals", tag="signup")


@router.post("/{slug}/signup", status_code=202, response_model=SignupReceived)
async def sign_up(slug: str, data: Signup, session: SessionDep, visitor: AnyPerson) -> Any:
    """Make an own account, where the practice allows it. The answer is the same for a known e-mail address."""
    return await signup.sign_up(session, visitor, slug, data)


@router.post("/{slug}/appointment-requests", status_code=202, response_model=SignupReceived)
async def request_first_appointment(
    slug: str, data: NewcomerRequestCreate, session: SessionDep, visitor: AnyPerson
) -> Any:
    """Ask for a time without a chart, where the practice allows it. It is told once the address is verified.

    The answer is the same for a known e-mail address.
    """
    return await signup.request_appointment(session, visitor, slug, data)
