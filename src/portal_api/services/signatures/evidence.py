"""The program's own signature over the evidence: a row that was changed in the database is not genuine any more."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from portal_api.core.sealing import Vault
from portal_api.models.signatures import Signature, SignedCopy

PURPOSE = "signatures"
Evidence = type[Signature] | type[SignedCopy]


def columns(kind: Evidence) -> tuple[str, ...]:
    """What the seal is over: all there is of the row."""
    return tuple(column.key for column in kind.__table__.columns if column.key != "seal")


def seal(vault: Vault, kind: Evidence, values: dict[str, Any]) -> bytes:
    """Ed25519 over the kind of the row and its values."""
    return vault.sign(_canonical(kind, values), purpose=PURPOSE)


def is_genuine(vault: Vault, kind: Evidence, values: dict[str, Any]) -> bool:
    """Whether the row is as it was written."""
    return vault.has_signed(_canonical(kind, values), values["seal"], purpose=PURPOSE)


def public_key(vault: Vault) -> str:
    """What checks the seals, in hex."""
    return vault.public_key(PURPOSE).hex()


def _canonical(kind: Evidence, values: dict[str, Any]) -> bytes:
    """JSON with sorted keys, without spaces and nulls: a column that is added later changes no older seal."""
    known = {name: value for name in columns(kind) if (value := values.get(name)) is not None}
    named = {"kind": kind.__tablename__, **known}
    return json.dumps(named, default=_plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _plain(value: Any) -> str:
    match value:
        case UUID():
            return str(value)
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds")
        case bytes():
            return value.hex()
        case _:
            raise TypeError(f"evidence has no {type(value).__name__}")
