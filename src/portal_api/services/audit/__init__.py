"""Recording what happened, sealing it, and reading it back."""

from portal_api.services.audit.anchors import anchor
from portal_api.services.audit.reading import page
from portal_api.services.audit.recording import record, record_apart, recorded, viewed
from portal_api.services.audit.sealing import seal
from portal_api.services.audit.verification import Report, verify, verify_all
from portal_api.services.audit.views import View, write_views

__all__ = [
    "Report",
    "View",
    "anchor",
    "page",
    "record",
    "record_apart",
    "recorded",
    "seal",
    "verify",
    "verify_all",
    "viewed",
    "write_views",
]
