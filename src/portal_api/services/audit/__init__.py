"""Recording what happened, and reading it back."""

from portal_api.services.audit.recording import record, record_apart, viewed
from portal_api.services.audit.views import View, write_views

__all__ = ["View", "record", "record_apart", "viewed", "write_views"]
