"""Encryption at rest, keyed hashes, signatures and opaque secrets, all from one master key."""

import hashlib
import hmac
import os
import re
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_KEY_BYTES = 32
_NONCE_BYTES = 12
_VERSION = b"\x01"
_SALT = b"portal-api sealing v1"
# 32 bytes are 43 characters of base64url; the last one carries only four bits, so one spelling per secret.
_SECRET = re.compile(r"([0-9a-f]{32})\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")


class SealError(Exception):
    """The sealed value was altered, belongs elsewhere, or was sealed under another key."""


class SecretError(ValueError):
    """The text is not an opaque secret of ours."""


@dataclass(frozen=True, repr=False, slots=True)
class Secret:
    """A secret handed to somebody once; only its hash is stored.

    The text is `<practice id, 32 hex>.<43 characters of base64url>`: it names the practice whose row it
    opens, so a lookup by hash never has to cross practices.
    """

    text: str
    practice_id: UUID

    @classmethod
    def random(cls, practice_id: UUID) -> "Secret":
        """Return a new secret of 256 random bits."""
        return cls._of(practice_id, secrets.token_bytes(_KEY_BYTES))

    @classmethod
    def parse(cls, text: str) -> "Secret":
        """Read what a caller sent; raise SecretError for anything we could not have issued."""
        found = _SECRET.fullmatch(text)
        if found is None:
            raise SecretError("malformed secret")
        return cls(text, UUID(hex=found[1]))

    @classmethod
    def _of(cls, practice_id: UUID, key: bytes) -> "Secret":
        return cls(f"{practice_id.hex}.{urlsafe_b64encode(key).rstrip(b'=').decode()}", practice_id)

    @property
    def hash(self) -> bytes:
        """SHA-256 of the text: what the database keeps. 256 random bits need no slow hash."""
        return hashlib.sha256(self.text.encode()).digest()

    def __repr__(self) -> str:
        return f"Secret(practice_id={self.practice_id})"


class Vault:
    """Seals, keyed hashes, signatures, derived secrets; every purpose has keys of its own (HKDF-SHA256, RFC 5869)."""

    def __init__(self, master: bytes) -> None:
        """Take the master key: 32 bytes or more of randomness, else ValueError."""
        if len(master) < _KEY_BYTES:
            raise ValueError(f"the master key needs at least {_KEY_BYTES} bytes")

        def derive(use: str, purpose: str) -> bytes:
            info = _join(use, purpose)
            return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=_SALT, info=info).derive(master)

        self._key = lru_cache(maxsize=256)(derive)

    def seal(self, plaintext: bytes, *, purpose: str, aad: tuple[str, ...]) -> bytes:
        """Encrypt with AES-256-GCM and bind the result to its place, e.g. (practice, row, column)."""
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher(purpose).encrypt(nonce, plaintext, _VERSION + _join(*aad))

    def open(self, sealed: bytes, *, purpose: str, aad: tuple[str, ...]) -> bytes:
        """Return the plaintext; raise SealError unless it was sealed here, for this purpose and place."""
        nonce, body = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        if sealed[:1] != _VERSION or len(nonce) < _NONCE_BYTES:
            raise SealError("not a sealed value")
        try:
            return self._cipher(purpose).decrypt(nonce, body, _VERSION + _join(*aad))
        except InvalidTag:
            raise SealError("the sealed value does not open here") from None

    def mac(self, *parts: str, purpose: str) -> bytes:
        """Return the HMAC-SHA256 of the parts, 32 bytes; no two lists of parts share an encoding."""
        return self._mac("mac", purpose, parts)

    def sign(self, content: bytes, *, purpose: str) -> bytes:
        """Return the Ed25519 signature of the content (RFC 8032), 64 bytes: whoever has the public key can check it."""
        return self._signer(purpose).sign(content)

    def has_signed(self, content: bytes, signature: bytes, *, purpose: str) -> bool:
        """Whether `sign` made this signature, of exactly this content, for this purpose."""
        try:
            self._signer(purpose).public_key().verify(signature, content)
        except InvalidSignature:
            return False
        return True

    def public_key(self, purpose: str) -> bytes:
        """The key that checks what `sign` made: 32 raw bytes."""
        return self._signer(purpose).public_key().public_bytes_raw()

    def secret(self, purpose: str, practice_id: UUID, *parts: str) -> Secret:
        """Derive the secret of these parts: the same again on every call, on every worker."""
        return Secret._of(practice_id, self._mac("secret", purpose, (practice_id.hex, *parts)))

    def code(self, purpose: str, practice_id: UUID, *parts: str) -> str:
        """Derive six digits; guessing is for the caller to limit."""
        tag = self._mac("code", purpose, (practice_id.hex, *parts))
        return f"{int.from_bytes(tag) % 10**6:06d}"

    def _signer(self, purpose: str) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self._key("sign", purpose))

    def _cipher(self, purpose: str) -> AESGCM:
        return AESGCM(self._key("seal", purpose))

    def _mac(self, use: str, purpose: str, parts: tuple[str, ...]) -> bytes:
        return hmac.digest(self._key(use, purpose), _join(*parts), "sha256")


def _join(*parts: str) -> bytes:
    """Encode the parts with their lengths, so that moving a border changes the bytes."""
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    return b"".join(len(part).to_bytes(8) + part for part in encoded)
