"""The account behind a request, held for a change."""

from uuid import UUID

from sqlalchemy import select

from portal_api.core.db import Session
from portal_api.core.errors import NotFound
from portal_api.models.auth import Account
from portal_api.models.practices import Practice


async def locked(session: Session, account_id: UUID | None) -> Account:
    """The account; logins and changes of it wait for each other. Raises NotFound."""
    found = await session.execute(select(Account).where(Account.id == account_id).with_for_update(key_share=True))
    account = found.scalar_one_or_none()
    if account is None:
        raise NotFound
    return account


async def password_context(session: Session, account: Account) -> tuple[str, ...]:
    """The words that somebody who knows the holder would try first."""
    practice_id = session.binding.practice_id
    name = (await session.execute(select(Practice.name).where(Practice.id == practice_id))).scalar_one()
    return (name, account.given_name, account.family_name, account.email)
