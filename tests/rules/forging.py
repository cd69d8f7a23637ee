"""Tokens made by hand, without the code under test: what an attacker, or a careless release, might send."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

Json = dict[str, Any]


def encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def segment(value: object) -> str:
    return encode(json.dumps(value, separators=(",", ":"), sort_keys=True).encode())


def new_key(curve: ec.EllipticCurve | None = None) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(curve or ec.SECP256R1())


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def ecdsa(key: ec.EllipticCurvePrivateKey, message: bytes, algorithm: hashes.HashAlgorithm | None = None) -> bytes:
    size = (key.key_size + 7) // 8
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(algorithm or hashes.SHA256())))
    return r.to_bytes(size) + s.to_bytes(size)


@dataclass
class Forge:
    """One good token's parts and the key that signs it; each method returns a variation."""

    key: ec.EllipticCurvePrivateKey
    header: Json
    payload: Json

    def token(
        self, *, header: object = None, payload: object = None, sign: Callable[[bytes], bytes] | None = None
    ) -> str:
        """Sign with the true key unless told otherwise: then only the content can be the reason to refuse."""
        first = segment(self.header if header is None else header)
        content = f"{first}.{segment(self.payload if payload is None else payload)}"
        signature = (sign or self.sign)(content.encode())
        return f"{content}.{encode(signature)}"

    def sign(self, message: bytes) -> bytes:
        return ecdsa(self.key, message)

    def head(self, **changes: object) -> str:
        return self.token(header=_changed(self.header, changes))

    def claims(self, **changes: object) -> str:
        return self.token(payload=_changed(self.payload, changes))

    def hmac(self, secret: bytes) -> str:
        header = {**self.header, "alg": "HS256"}
        return self.token(header=header, sign=lambda message: hmac.digest(secret, message, sha256))

    def public(self, encoding: Encoding) -> bytes:
        return self.key.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)

    def other_curve(self) -> str:
        key = new_key(ec.SECP384R1())
        header = {**self.header, "alg": "ES384"}
        return self.token(header=header, sign=lambda message: ecdsa(key, message, hashes.SHA384()))

    def rsa(self) -> str:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        header = {**self.header, "alg": "RS256"}
        return self.token(header=header, sign=lambda message: key.sign(message, padding.PKCS1v15(), hashes.SHA256()))

    def stranger(self, **header: object) -> str:
        key = new_key()
        return self.token(header={**self.header, **header}, sign=lambda message: ecdsa(key, message))

    def own_jwk(self) -> str:
        key = new_key()
        numbers = key.public_key().public_numbers()
        jwk = {
            "kty": "EC",
            "crv": "P-256",
            "x": encode(numbers.x.to_bytes(32)),
            "y": encode(numbers.y.to_bytes(32)),
        }
        return self.token(header={**self.header, "jwk": jwk}, sign=lambda message: ecdsa(key, message))

    def der_signature(self) -> str:
        return self.token(sign=lambda message: self.key.sign(message, ec.ECDSA(hashes.SHA256())))

    def swapped_payload(self) -> str:
        head, _, signature = self.token().split(".")
        other = {**self.payload, "sub": "00000000-0000-7000-8000-000000000000"}
        return f"{head}.{segment(other)}.{signature}"


MISSING = object()


def _changed(fields: Json, changes: dict[str, object]) -> Json:
    merged = {**fields, **changes}
    return {name: value for name, value in merged.items() if value is not MISSING}
