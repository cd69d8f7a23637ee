"""Signing up for a practice's portal."""

from typing import Any

from portal_api.routers.deps import AnyPerson, SessionDep
from portal_api.schemas.signup import Signup, SignupReceived
from portal_api.services import signup
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1/portals", tag="signup")


@router.post("/{slug}/signup", status_code=202, response_model=SignupReceived)
async def sign_up(slug: str, data: Signup, session: SessionDep, visitor: AnyPerson) -> Any:
    """Make an own account, where the practice allows it. The answer is the same for a known e-mail address."""
    return await signup.sign_up(session, visitor, slug, data)
