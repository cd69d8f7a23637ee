"""A staff member who has lost their second factor: those who manage staff take it away."""

from uuid import UUID

from sqlalchemy import select

from portal_api.core.access import Principal, Role
from portal_api.core.db import Session
from portal_api.core.errors import NotFound
from portal_api.models.auth import Account
from portal_api.schemas.auth import SecondFactorReset
from portal_api.schemas.base import normal_email
from portal_api.services.auth import accounts, second_factor, step_up
from portal_api.services.staff.leaving import OwnAccount
from portal_api.services.staff.owners import locked_with_owners


async def reset_second_factor(
    session: Session, principal: Principal, staff_id: UUID, data: SecondFactorReset | None
) -> None:
    """Switch off a colleague's second factor; an owner's only by an owner.

    Raises ReauthenticationRequired, NotFound, OwnAccount, OwnerRequired, InvalidState when there is none.
    """
    step_up.require_recent(principal)
    staff, owners = await locked_with_owners(session, staff_id)
    if staff_id == principal.staff_id:
        raise OwnAccount("DELETE /v1/me/second-factor, with a code of it.")
    if Role.OWNER in staff.roles:
        owners.must_include(principal)
    account = await accounts.locked(session, staff.account_id)
    await second_factor.reset(session, principal, account, reason=data.reason if data else None)


async def reset_second_factor_as_operator(session: Session, operator: Principal, email: str) -> None:
    """The way back for who has nobody to ask: the only owner. Raises NotFound, InvalidState when there is none."""
    held = select(Account).where(Account.email_norm == normal_email(email), Account.kind == "staff").with_for_update()
    account = (await session.execute(held)).scalar_one_or_none()
    if account is None:
        raise NotFound("Nobody who works in this practice has this e-mail address.")
    await second_factor.reset(session, operator, account)
