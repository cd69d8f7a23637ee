"""Documents: in a client's record, of the practice itself, and as clients see them."""

from portal_api.routers.documents import content, mine, practice, records

ROUTERS = (records.router, practice.router, mine.router, content.router)

__all__ = ["ROUTERS"]
