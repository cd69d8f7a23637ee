"""Whether clients could pay online at all: the second switch, which lies in billing (F2)."""

from portal_api.core.db import Source


async def payments_configured(_source: Source) -> bool:
    """Whether the practice has set up a payment provider. There is no way yet to set one up."""
    return False
