"""Forms: templates and versions, what clients are given, what they answer."""

from portal_api.services.forms.answering import save, save_mine
from portal_api.services.forms.assigning import assign, create
from portal_api.services.forms.keeping import expire, give_before_appointments, give_by_date
from portal_api.services.forms.library import plant
from portal_api.services.forms.managing import lock, reopen, update, withdraw
from portal_api.services.forms.reading import get, get_mine, page, page_mine
from portal_api.services.forms.submitting import submit, submit_mine, withdraw_consent

__all__ = [
    "assign",
    "create",
    "expire",
    "get",
    "get_mine",
    "give_before_appointments",
    "give_by_date",
    "lock",
    "page",
    "page_mine",
    "plant",
    "reopen",
    "save",
    "save_mine",
    "submit",
    "submit_mine",
    "update",
    "withdraw",
    "withdraw_consent",
]
