"""Signing in again within a session."""

from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.core.errors import invalid
from portal_api.schemas.auth import Reauthentication
from portal_api.services import audit
from portal_api.services.auth import second_factor, sessions, step_up


async def reauthenticate(session: Session, principal: Principal, data: Reauthentication) -> None:
    """Make the session count as fresh. Raises Invalid for a wrong or missing proof, TooMany."""
    account = await step_up.prove(session, principal, data.password)
    methods = ["pwd"]
    if account.second_factor_at is not None:
        method = await second_factor.check(session, account.id, data.otp) if data.otp else None
        if method is None:
            raise invalid("/otp", "wrong_otp" if data.otp else "otp_required", "Send a code of your second factor.")
        methods.append(method)
    await sessions.upgrade(session, principal, *methods)
    await audit.record(session, principal, "session.reauthenticated", resource=("account", account.id))
