"""Keyset pages behind opaque cursors that cannot be forged, shared or bent to another list (A19)."""

import base64
import binascii
import hmac
import time
from collections.abc import Sequence
from typing import Any

import orjson

from portal_api.core.errors import Malformed
from portal_api.core.sealing import Vault

VALID_SECONDS = 24 * 3600
_MAC_BYTES = 16


class BadCursor(Malformed):
    code, title = "invalid_cursor", "This cursor is not valid here"


def encode_cursor(
    vault: Vault, scope: Sequence[str], position: Sequence[Any], *, valid_seconds: int = VALID_SECONDS
) -> str:
    """scope: practice, actor, list and filters; the cursor works for nothing else, for 24 hours or as it is said."""
    payload = orjson.dumps([int(time.time()) + valid_seconds, *position], default=str)
    return base64.urlsafe_b64encode(_mac(vault, scope, payload) + payload).decode().rstrip("=")


def decode_cursor(vault: Vault, scope: Sequence[str], cursor: str) -> list[Any]:
    """The position in the list. Raises BadCursor for whatever this very list did not hand out."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise BadCursor("Start again without a cursor.") from None
    mac, payload = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    canonical = base64.urlsafe_b64encode(raw).decode().rstrip("=") == cursor
    if not canonical or not hmac.compare_digest(mac, _mac(vault, scope, payload)):
        raise BadCursor("Start again without a cursor.")
    expires_at, *position = orjson.loads(payload)
    if expires_at < time.time():
        raise BadCursor("This cursor is too old; start again without one.")
    return position


def _mac(vault: Vault, scope: Sequence[str], payload: bytes) -> bytes:
    return vault.mac(*scope, payload.decode("latin-1"), purpose="cursor")[:_MAC_BYTES]
