"""Another e-mail address for an account: shown by a link to the new one, undone by a link to the old one (F15.M2)."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import and_, func, or_, select, update

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.core.errors import invalid
from portal_api.core.limits import Limit
from portal_api.models.auth import Account, OneTimeSecret
from portal_api.models.clients import SELF, Client, ClientGrant
from portal_api.models.guardians import Guardian
from portal_api.models.staff import StaffMember
from portal_api.schemas.auth import EmailChange
from portal_api.schemas.base import normal_email
from portal_api.services import audit
from portal_api.services.auth import accounts, secrets, sessions, step_up

CHANGES = Limit("email-change", 3, timedelta(hours=1))


async def request(session: Session, principal: Principal, data: EmailChange) -> None:
    """Mail a link to the new address, and the way back to the present one.

    An address that somebody has already gets the same answer, and no mail. Raises Invalid for a wrong password
    or the present address, ReauthenticationRequired, TooMany.
    """
    step_up.require_recent(principal)
    account = await step_up.prove(session, principal, data.password)
    if normal_email(data.email) == account.email_norm:
        raise invalid("/email", "email_unchanged", "This is your present e-mail address.")
    await session.tools.limiter.hit({CHANGES: str(account.id)})
    await secrets.issue(session, principal, "email_change", account.id, data.email)
    if not account.vouched:  # an address that only staff vouch for may be a stranger's (A06)
        await secrets.issue(session, principal, "email_revert", account.id, account.email)


async def confirm(session: Session, visitor: Principal, token: str) -> None:
    """Take the new address; every session ends. Raises SecretGone, SecretUnknown, TooMany."""
    secret = await secrets.use(session, "email_change", await secrets.enter(session, visitor, token))
    account = await accounts.locked(session, secret.account_id)
    if await taken(session, account.id, secret.email):
        raise secrets.SecretGone("This address cannot be used any more.")
    await session.execute(
        update(OneTimeSecret)
        .where(
            OneTimeSecret.account_id == account.id,
            OneTimeSecret.purpose == "email_revert",
            OneTimeSecret.used_at.is_(None),
        )
        .values(expires_at=func.now() + secrets.LIFETIMES["email_revert"])
    )
    await _move(session, visitor, account, secret.email, "email.changed")


async def revert(session: Session, visitor: Principal, token: str) -> None:
    """Go back to the address that the link was mailed to; every session ends, and so do links mailed since.

    Raises SecretGone, SecretUnknown, TooMany.
    """
    secret = await secrets.use(session, "email_revert", await secrets.enter(session, visitor, token))
    account = await accounts.locked(session, secret.account_id)
    if normal_email(secret.email) != account.email_norm and await taken(session, account.id, secret.email):
        raise secrets.SecretGone("This address cannot be used any more.")
    await session.execute(
        update(OneTimeSecret)
        .where(
            OneTimeSecret.account_id == account.id,
            OneTimeSecret.purpose == "email_revert",
            OneTimeSecret.id > secret.id,
            OneTimeSecret.used_at.is_(None),
        )
        .values(used_at=func.now())
    )
    await _move(session, visitor, account, secret.email, "email.reverted")


async def taken(session: Session, account_id: UUID, email: str) -> bool:
    """Whether an account of the practice has this address, or it is one that this account must never share.

    A client and a guardian of theirs are two people with two addresses (A10), also while one of them has no login.
    """
    same = normal_email(email)
    if await session.scalar(select(Account.id).where(Account.email_norm == same)):
        return True
    is_own = ClientGrant.relationship == SELF
    others = (
        select(ClientGrant.id)
        .join(Client, Client.id == ClientGrant.client_id)
        .outerjoin(Guardian, and_(Guardian.client_id == ClientGrant.client_id, Guardian.revoked_at.is_(None)))
        .where(
            ClientGrant.account_id == account_id,
            ClientGrant.revoked_at.is_(None),
            or_(and_(is_own, Guardian.email_norm == same), and_(~is_own, Client.email_norm == same)),
        )
    )
    return await session.scalar(others.limit(1)) is not None


async def _move(session: Session, visitor: Principal, account: Account, email: str, event: str) -> None:
    account.change_email(email, normal_email(email), await clock.now(session))
    await session.flush()
    await _follow(session, account.id, email)
    await secrets.end_open(session, account.id, "email_change", "email_verification", "password_reset")
    await sessions.end_all(session, account.id, event)
    await audit.record(session, visitor, event, resource=("account", account.id))


async def _follow(session: Session, account_id: UUID, email: str) -> None:
    """A staff member's entry names the address that they sign in with."""
    found = await session.execute(select(StaffMember).where(StaffMember.account_id == account_id))
    staff = found.scalar_one_or_none()
    if staff is not None:
        staff.email = email
        await session.flush()
