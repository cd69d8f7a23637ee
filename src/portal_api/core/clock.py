"""The database's clock: the only one that decides."""

from datetime import datetime

from sqlalchemy import func, select

from portal_api.core.db import Session


async def now(session: Session) -> datetime:
    """The start of the transaction, UTC."""
    return (await session.execute(select(func.now()))).scalar_one()
