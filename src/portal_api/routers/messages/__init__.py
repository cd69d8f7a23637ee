"""Secure messages: as staff and as clients see them, and what a practice says about them."""

from portal_api.routers.messages import mine, policy, threads

ROUTERS = (threads.router, mine.router, policy.router)

__all__ = ["ROUTERS"]
