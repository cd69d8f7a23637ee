"""Signups whose address nobody verified in time (F4.B4)."""

from sqlalchemy import select
from sqlalchemy.orm import contains_eager

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.models.auth import Account
from portal_api.models.prospects import EXPIRES_AFTER, Prospect
from portal_api.services import audit

AT_ONCE = 500


async def expire(session: Session) -> int:
    """Expire up to AT_ONCE prospects that have been new for 30 days; says how many. Staff can restore them."""
    now = await clock.now(session)
    overdue = (
        select(Prospect)
        .options(contains_eager(Prospect.account))
        .join(Account, Account.id == Prospect.account_id)
        .where(
            Prospect.outcome == "open",
            Prospect.open_since < now - EXPIRES_AFTER,
            Account.email_verified_at.is_(None),
        )
        .order_by(Prospect.id)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    prospects = (await session.scalars(overdue)).all()
    program = Principal.program(session.binding.practice_id)
    for prospect in prospects:
        prospect.expire(now)
        await audit.record(session, program, "prospect.expired", resource=("prospect", prospect.id))
    return len(prospects)
