"""Showing an address to be one's own, and what has waited for it."""

from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.schemas.auth import EmailVerification
from portal_api.services.auth import verification
from portal_api.services.scheduling.requests import of_prospects


async def verify_email(session: Session, visitor: Principal, data: EmailVerification) -> None:
    """Mark the address as shown by its holder; what they asked for comes before the practice.

    Raises SecretGone, SecretUnknown, WrongCode, TooMany.
    """
    account = await verification.verify(session, visitor, data)
    await of_prospects.confirm(session, visitor, account.id)
