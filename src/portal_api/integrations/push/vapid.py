"""Who asks to wake a device (VAPID, RFC 8292): a key of the installation, and tokens signed with it."""

import time
from urllib.parse import urlsplit

import orjson
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    derive_private_key,
)
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from portal_api.core.config import Settings
from portal_api.core.sealing import Vault
from portal_api.integrations.push.encryption import decoded, encoded, point

VALID_SECONDS = 12 * 3600
"""RFC 8292 section 2 allows a day at most."""
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the points of P-256."""


class ApplicationServer:
    """Signs for one installation. contact: where a push service can reach whoever runs it."""

    def __init__(self, key: EllipticCurvePrivateKey, contact: str) -> None:
        self._key = key
        self._contact = contact
        self.public_key = encoded(point(key))
        """What a browser subscribes with: a device takes pushes from who holds the other half, and nobody else."""

    @classmethod
    def of(cls, settings: Settings, vault: Vault) -> "ApplicationServer":
        """With the key that PORTAL_PUSH_KEY names, else with one that follows from the installation's secret."""
        given = settings.push_key.get_secret_value()
        secret = decoded(given) if given else vault.mac("vapid", purpose="push")
        number = int.from_bytes(secret) % (_ORDER - 1) + 1 if not given else int.from_bytes(secret)
        contact = settings.push_contact or f"mailto:{settings.mail_from}"
        return cls(derive_private_key(number, SECP256R1()), contact)

    def authorization(self, endpoint: str, now: int | None = None) -> str:
        """The value of the Authorization header for a push to this endpoint (RFC 8292 section 3)."""
        parts = urlsplit(endpoint)
        expires = (int(time.time()) if now is None else now) + VALID_SECONDS
        claims: dict[str, object] = {"aud": f"{parts.scheme}://{parts.netloc}", "exp": expires, "sub": self._contact}
        return f"vapid t={self._signed(claims)}, k={self.public_key}"

    def _signed(self, claims: dict[str, object]) -> str:
        """A JWT with ES256 (RFC 7518 section 3.4)."""
        head = orjson.dumps({"typ": "JWT", "alg": "ES256"})
        text = f"{encoded(head)}.{encoded(orjson.dumps(claims))}"
        r, s = decode_dss_signature(self._key.sign(text.encode(), ECDSA(SHA256())))
        return f"{text}.{encoded(r.to_bytes(32) + s.to_bytes(32))}"
