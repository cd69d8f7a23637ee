"""Client records."""

from portal_api.services.clients.reading import locked, must_see, must_see_all
from portal_api.services.clients.records import archive, create, get, page, restore, update, whole, write
from portal_api.services.clients.second_factor import reset_second_factor
from portal_api.services.clients.verification import verify_email

__all__ = [
    "archive",
    "create",
    "get",
    "locked",
    "must_see",
    "must_see_all",
    "page",
    "reset_second_factor",
    "restore",
    "update",
    "verify_email",
    "whole",
    "write",
]
