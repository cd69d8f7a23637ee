"""Documents: what practices and clients give one another, and what the program writes for them."""

from portal_api.services.documents.adding import QuotaExceeded, store_paper
from portal_api.services.documents.reading import get_visible
from portal_api.services.documents.references import hold

__all__ = ["QuotaExceeded", "get_visible", "hold", "store_paper"]
