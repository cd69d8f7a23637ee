"""The database's clock: the only one that decides."""

from datetime import datetime

from sqlalchemy import func, select

from portal_api.core.db import Session


async def now(session: Session) -> datetime:
    """The start of the transaction, UTC."""
    return (await session.execute(select(func.now()))).scalar_one()


async def instant(session: Session) -> datetime:
    """This very moment, UTC: for what waited for a lock since the transaction began, and must come after it."""
    return (await session.execute(select(func.clock_timestamp()))).scalar_one()
