"""The people who work in a practice: invited, changed, suspended, removed; and whom clients see of them."""

from portal_api.services.staff.leaving import remove, restore, suspend
from portal_api.services.staff.reading import get, page, practitioners
from portal_api.services.staff.records import create, resend_invitation, update
from portal_api.services.staff.second_factor import reset_second_factor, reset_second_factor_as_operator

__all__ = [
    "create",
    "get",
    "page",
    "practitioners",
    "remove",
    "resend_invitation",
    "reset_second_factor",
    "reset_second_factor_as_operator",
    "restore",
    "suspend",
    "update",
]
