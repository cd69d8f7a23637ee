"""Treatment plans: written, put before those who sign, signed, revised, ended."""

from portal_api.services.treatment_plans.reading import get, get_mine, page, page_mine, revisions
from portal_api.services.treatment_plans.records import create, discontinue, revise, update
from portal_api.services.treatment_plans.sharing import share
from portal_api.services.treatment_plans.signing import (
    decline,
    open_copy,
    open_my_copy,
    sign,
    sign_mine,
    signing,
    signing_of_mine,
)

__all__ = [
    "create",
    "decline",
    "discontinue",
    "get",
    "get_mine",
    "open_copy",
    "open_my_copy",
    "page",
    "page_mine",
    "revise",
    "revisions",
    "share",
    "sign",
    "sign_mine",
    "signing",
    "signing_of_mine",
    "update",
]
