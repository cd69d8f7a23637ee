"""A practice's portal: its settings, its link, what it shows to anybody."""

from portal_api.services.portal import profile
from portal_api.services.portal.links import availability, change_link, enable
from portal_api.services.portal.settings import disable, get, update

__all__ = ["availability", "change_link", "disable", "enable", "get", "profile", "update"]
