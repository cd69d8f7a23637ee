"""Message encryption for Web Push (RFC 8291): only the device can read what its push service carries.

By hand, with the primitives of `cryptography`: the library for it brings two HTTP clients with it and goes past our own
door for outgoing requests (docs/decisions/0022).
"""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDH,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PADDED = 512
"""Bytes of every message before it is encrypted: its length tells nothing."""
RECORD = 4096
_LAST_RECORD = b"\x02"


def encrypt(message: bytes, p256dh: str, auth: str) -> bytes:
    """The body of a push, content coding aes128gcm (RFC 8188) in one record.

    Raises ValueError for keys that are none, and for a message that does not fit.
    """
    if len(message) >= PADDED:
        raise ValueError(f"a push holds fewer than {PADDED} bytes")
    device_key, secret = decoded(p256dh), decoded(auth)
    public = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), device_key)
    ours = generate_private_key(SECP256R1())
    our_key, salt = point(ours), os.urandom(16)
    shared = _hkdf(ours.exchange(ECDH(), public), secret, b"WebPush: info\0" + device_key + our_key, 32)
    key = _hkdf(shared, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _hkdf(shared, salt, b"Content-Encoding: nonce\0", 12)
    padding = bytes(PADDED - len(message) - 1)
    sealed = AESGCM(key).encrypt(nonce, message + _LAST_RECORD + padding, None)
    return salt + RECORD.to_bytes(4) + bytes([len(our_key)]) + our_key + sealed


def point(key: EllipticCurvePrivateKey) -> bytes:
    """The public key as an uncompressed point, 65 bytes."""
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def encoded(value: bytes) -> str:
    """Base64url without padding."""
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """Base64url with or without padding. Raises ValueError."""
    stripped = text.rstrip("=")
    return urlsafe_b64decode(stripped + "=" * (-len(stripped) % 4))


def _hkdf(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)
