"""The people who work in a practice: invited, changed, suspended, removed; and whom clients see of them."""

from portal_api.services.staff.leaving import remove, restore, suspend
from portal_api.services.staff.reading import get, page, practitioners
from portal_api.services.staff.records import create, resend_invitation, update

__all__ = ["create", "get", "page", "practitioners", "remove", "resend_invitation", "restore", "suspend", "update"]
