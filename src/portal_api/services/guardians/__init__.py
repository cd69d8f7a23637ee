"""Guardians: who may act for a client, how far and until when."""

from portal_api.services.guardians.reading import get, must_see, page
from portal_api.services.guardians.records import create, extend, remove, update

__all__ = ["create", "extend", "get", "must_see", "page", "remove", "update"]
