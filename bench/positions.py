"""A route that does next to nothing, to be registered before and after all others."""

from typing import Any

from portal_api.routers.deps import Anyone
from portal_api.web.route import PortalRoute


async def _constant(name: str, visitor: Anyone) -> Any:
    """The same answer for every name."""
    return {"name": name}


def constant(path: str) -> PortalRoute:
    return PortalRoute(path, _constant, methods=["GET"], response_model=None)
