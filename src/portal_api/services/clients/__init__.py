"""Client records."""

from portal_api.services.clients.records import archive, create, get, page, restore, update

__all__ = ["archive", "create", "get", "page", "restore", "update"]
