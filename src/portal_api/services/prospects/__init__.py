"""Prospects: who signed up, and what becomes of them."""

from portal_api.services.prospects.admission import associate, create_client, dissociate
from portal_api.services.prospects.expiry import expire
from portal_api.services.prospects.reading import detail, get, page
from portal_api.services.prospects.review import reject, restore, verify

__all__ = ["associate", "create_client", "detail", "dissociate", "expire", "get", "page", "reject", "restore", "verify"]
