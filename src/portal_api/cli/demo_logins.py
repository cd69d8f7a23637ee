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
PARENT = "parent@harbor.example"
PRACTICE, RECORD = "practice", "record"
EVERYBODY = (OWNER, PRACTITIONER, CLIENT, PROSPECT, PARENT)


@dataclass
class Logins:
    """`planted`: the parts of the demo that are there. A later version of the program may have more of them."""

    path: Path
    passwords: dict[str, str]
    planted: list[str]

    @classmethod
    def load_or_make(cls, path: Path) -> "Logins":
        """Read the file, or make the passwords. They are kept before they are used: a start can be interrupted."""
        kept = json.loads(path.read_text()) if path.exists() else {"passwords": {}, "planted": []}
        planted = kept["planted"]
        if isinstance(planted, bool):  # of a version that had one part
            planted = [PRACTICE] if planted else []
        passwords = {email: kept["passwords"].get(email) or generate() for email in EVERYBODY}
        logins = cls(path, passwords, planted)
        logins._keep()
        return logins

    def mark_planted(self, part: str) -> None:
        self.planted.append(part)
        self._keep()

    def _keep(self) -> None:
        write_private(self.path, json.dumps({"passwords": self.passwords, "planted": self.planted}, indent=2))
