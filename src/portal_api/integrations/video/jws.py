"""Compact JWS (RFC 7515) for the grants that video providers read: tokens for others, never of our own API.

Our access tokens are asymmetric, and `core.signing`, the one module that knows python-jose, has no symmetric
algorithm that anybody could be talked into. Grants are signed here, with the keys of a provider, and accepted by
nothing of ours.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, cast

import orjson
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

MIN_RSA_BITS = 2048
Claims = Mapping[str, Any]


class JwsError(ValueError):
    """The text was not signed with this secret."""


def sign_hs256(claims: Claims, secret: bytes) -> str:
    """The token, signed with HMAC SHA-256 (RFC 7518 section 3.2)."""
    return _sign({"alg": "HS256", "typ": "JWT"}, claims, lambda signed: hmac.digest(secret, signed, "sha256"))


def sign_rs256(claims: Claims, key: RSAPrivateKey, key_id: str) -> str:
    """The token, signed with RSASSA-PKCS1-v1_5 and SHA-256 (RFC 7518 section 3.3)."""
    header = {"alg": "RS256", "kid": key_id, "typ": "JWT"}
    return _sign(header, claims, lambda signed: key.sign(signed, PKCS1v15(), SHA256()))


@lru_cache(maxsize=4)
def rsa_key(pem: str) -> RSAPrivateKey:
    """A private key from PEM text. Raises ValueError for anything else, and for one that is too short.

    Remembered: checking a key takes many times as long as signing with it.
    """
    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, RSAPrivateKey) or key.key_size < MIN_RSA_BITS:
        raise ValueError(f"an RSA private key of {MIN_RSA_BITS} bits or more is needed")
    return key


def open_hs256(token: str, secret: bytes) -> dict[str, Any]:
    """The claims of a token that was signed with the secret. Raises JwsError.

    The header is not asked: whatever algorithm it names, only HMAC SHA-256 with this secret opens the token.
    """
    signed, dot, signature = token.rpartition(".")
    expected = hmac.digest(secret, signed.encode("utf-8", "replace"), "sha256")
    if not dot or not hmac.compare_digest(_text(expected).encode(), signature.encode("utf-8", "replace")):
        raise JwsError("the signature does not fit")
    try:
        claims = orjson.loads(_bytes(signed.partition(".")[2]))
    except ValueError:
        raise JwsError("the claims cannot be read") from None
    if not isinstance(claims, dict):
        raise JwsError("the claims are no object")
    return cast(dict[str, Any], claims)


def _sign(header: Claims, claims: Claims, sign: Callable[[bytes], bytes]) -> str:
    signed = f"{_text(orjson.dumps(dict(header)))}.{_text(orjson.dumps(dict(claims)))}"
    return f"{signed}.{_text(sign(signed.encode()))}"


def _text(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
