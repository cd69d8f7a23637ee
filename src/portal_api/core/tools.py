"""What services work with besides the transaction; made once in the composition root."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from portal_api.core.batching import GroupCommit
    from portal_api.core.config import Settings
    from portal_api.core.db.database import Database
    from portal_api.core.jobs import Queue
    from portal_api.core.limits import Limiter
    from portal_api.core.objects import ObjectStore
    from portal_api.core.passwords import PasswordHasher
    from portal_api.core.sealing import Vault
    from portal_api.core.signing import Keyring


@dataclass(frozen=True, slots=True)
class Tools:
    settings: "Settings"
    database: "Database"
    vault: "Vault"
    keyring: "Keyring"
    hasher: "PasswordHasher"
    limiter: "Limiter"
    queue: "Queue[Any]"
    views: "GroupCommit[Any]"
    storage: "ObjectStore"
    subscriptions: frozenset[str]
    """Types of events that something derives from: a mail, a notice."""
