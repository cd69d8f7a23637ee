"""Electronic signatures: on forms, on treatment plans, on documents."""

from portal_api.services.signatures.copies import NotSigned, open_copy
from portal_api.services.signatures.deciding import cancel, decline
from portal_api.services.signatures.form_papers import paper_size
from portal_api.services.signatures.parties import Signer, Wanted
from portal_api.services.signatures.people import client_as, staff_as
from portal_api.services.signatures.reading import next_is_staff, view
from portal_api.services.signatures.signing import open_request, sign
from portal_api.services.signatures.subjects import Rendition, Subject
from portal_api.services.signatures.verifying import verify

__all__ = [
    "NotSigned",
    "Rendition",
    "Signer",
    "Subject",
    "Wanted",
    "cancel",
    "client_as",
    "decline",
    "next_is_staff",
    "open_copy",
    "open_request",
    "paper_size",
    "sign",
    "staff_as",
    "verify",
    "view",
]
