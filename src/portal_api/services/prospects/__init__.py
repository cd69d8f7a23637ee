"""Prospects: who signed up, and what becomes of them."""

from portal_api.services.prospects.admission import accept_invitation, associate, create_client, dissociate
from portal_api.services.prospects.expiry import expire
from portal_api.services.prospects.reading import detail, get, locked_of, page
from portal_api.services.prospects.review import reject, restore, verify

__all__ = [
    "accept_invitation",
    "associate",
    "create_client",
    "detail",
    "dissociate",
    "expire",
    "get",
    "locked_of",
    "page",
    "reject",
    "restore",
    "verify",
]
