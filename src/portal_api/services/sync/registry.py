"""What a device keeps a copy of. A collection plugs in with one entry of its kind of account."""

from portal_api.services.sync.of_clients import OF_CLIENTS
from portal_api.services.sync.of_staff import OF_STAFF
from portal_api.services.sync.profiles import Profiles
from portal_api.services.sync.tables import Table

Kept = Table | Profiles
__all__ = ["OF_CLIENTS", "OF_STAFF", "Kept"]
