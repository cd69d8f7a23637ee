"""Who can sign in to the demo practice: passwords made once, kept where only this user reads them."""

import json
from dataclasses import dataclass
from pathlib import Path

from portal_api.core.passwords import generate
from portal_api.core.postgres.private import write_private

SLUG = "harbor"
OWNER = "owner@harbor.example"
PRACTITIONER = "practitioner@harbor.example"
CLIENT = "client@harbor.example"
PROSPECT = "prospect@harbor.example"


@dataclass
class Logins:
    path: Path
    passwords: dict[str, str]
    planted: bool

    @classmethod
    def load_or_make(cls, path: Path) -> "Logins":
        """Read the file, or make the passwords. They are kept before they are used: a start can be interrupted."""
        if path.exists():
            kept = json.loads(path.read_text())
            return cls(path, kept["passwords"], kept["planted"])
        logins = cls(path, {email: generate() for email in (OWNER, PRACTITIONER, CLIENT, PROSPECT)}, False)
        logins._keep()
        return logins

    def mark_planted(self) -> None:
        self.planted = True
        self._keep()

    def _keep(self) -> None:
        write_private(self.path, json.dumps({"passwords": self.passwords, "planted": self.planted}, indent=2))
