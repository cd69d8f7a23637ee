"""Copies for devices that are not always connected."""

from portal_api.services.sync.copying import page

__all__ = ["page"]
