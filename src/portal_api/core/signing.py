"""Access tokens: ES256 JWTs signed and verified here; the only module that imports jose."""

import hashlib
import json
import os
import re
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from jose import jwk, jwt
from jose.backends.base import Key as JoseKey

AUDIENCES: Mapping[str, str] = {"staff": "portal-api", "client": "portal-api", "api_client": "ehr-api"}
"""The audience of each kind of caller: a token of one kind is never taken for another."""

LEEWAY = 30
"""Seconds by which the clocks of two machines may differ."""

MAX_LIFETIME = 15 * 60
"""Seconds between issue and expiry that no token may exceed."""

_ALGORITHM = "ES256"
_TYPE = "at+jwt"  # RFC 9068
_MAX_LENGTH = 4096
_MAX_JTI = 64
_REMEMBERED = 4096
_KEYS_FILE = "signing-keys.pem"
_PEM_BLOCK = re.compile(r"-----BEGIN [A-Z ]+-----.+?-----END [A-Z ]+-----\n?", re.DOTALL)
# 64 bytes of signature are 86 characters; the last one carries two bits, so one spelling per signature.
_TOKEN = re.compile(r"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{85}[AQgw]")
_CLAIMS = frozenset({"iss", "aud", "sub", "sid", "practice_id", "kind", "scope", "iat", "exp", "jti"})
_REQUIRED = {f"require_{name}": True for name in ("exp", "iat", "iss", "sub", "jti")}
# The audience is required and compared below: jose would accept a list that contains it.
_OPTIONS = {**_REQUIRED, "verify_aud": False, "leeway": LEEWAY}


class TokenError(Exception):
    """The token is refused; the message says why in words that are safe to log."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What an access token says. Times are whole seconds since 1970; roles are never in a token."""

    sub: UUID
    sid: UUID
    practice_id: UUID
    kind: str
    audience: str
    scope: str
    issued_at: int
    expires_at: int
    jti: str
    act: UUID | None = None
    """Who acts in the name of `sub`, for support access (RFC 8693 section 4.1)."""


class _SigningKey:
    """One ES256 key pair with the identifier and the header of the tokens that it signs."""

    def __init__(self, pem: str) -> None:
        private = load_pem_private_key(pem.encode(), password=None)
        if not isinstance(private, ec.EllipticCurvePrivateKey) or not isinstance(private.curve, ec.SECP256R1):
            raise ValueError("a signing key must be a private key on the curve P-256")
        public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        self.pem = pem
        self.public: JoseKey = jwk.construct(public.decode(), _ALGORITHM)
        self._private: JoseKey = jwk.construct(pem, _ALGORITHM)
        self.jwk: dict[str, str] = self.public.to_dict()
        self.kid = _thumbprint(self.jwk)
        self.header = self.sign({}).partition(".")[0]

    @classmethod
    def generate(cls) -> "_SigningKey":
        private = ec.generate_private_key(ec.SECP256R1())
        return cls(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())

    def sign(self, payload: dict[str, object]) -> str:
        headers = {"typ": _TYPE, "kid": self.kid}
        return jwt.encode(payload, self._private, algorithm=_ALGORITHM, headers=headers)


class Keyring:
    """The keys in order: the first signs, the second is published to sign next, the others only verify.

    Immutable: a rotation is a new ring, and takes effect where the new ring is used.
    """

    def __init__(self, keys: Sequence[_SigningKey], *, clock: Callable[[], float] = time.time) -> None:
        if not keys:
            raise ValueError("a keyring needs at least one key")
        self._keys = tuple(keys)
        self._by_header = {key.header: key for key in keys}
        self._clock = clock
        # Only accepted tokens are remembered: an exception is never cached, so forgeries displace nothing.
        self._remembered = lru_cache(maxsize=_REMEMBERED)(self._authenticate)

    @classmethod
    def load_or_create(cls, directory: Path) -> "Keyring":
        """Read the keys kept in a directory, or make the first two there.

        Workers that start together agree on one set. Raises PermissionError if others may read the file.
        """
        path = directory / _KEYS_FILE
        if not path.exists():
            cls([_SigningKey.generate(), _SigningKey.generate()])._write(path, replace=False)
        if path.stat().st_mode & 0o077:
            raise PermissionError(f"{path} is readable by others: run chmod 600 on it, then rotate the keys")
        return cls.from_pems(_PEM_BLOCK.findall(path.read_text()))

    @classmethod
    def from_pems(cls, pems: Sequence[str], *, clock: Callable[[], float] = time.time) -> "Keyring":
        """Take private keys as PEM text; raise ValueError for any that is not on P-256."""
        return cls([_SigningKey(pem) for pem in pems], clock=clock)

    def save(self, directory: Path) -> None:
        """Keep this ring in a directory in place of the one that is there, in one step."""
        self._write(directory / _KEYS_FILE, replace=True)

    def rotate(self) -> "Keyring":
        """Return a ring whose next key signs, with a fresh next key; the retired one still verifies.

        What was retired before is dropped: leave MAX_LIFETIME + LEEWAY seconds or more between two rotations.
        """
        retired, *rest = self._keys
        upcoming = rest[0] if rest else _SigningKey.generate()
        return Keyring([upcoming, _SigningKey.generate(), retired], clock=self._clock)

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """Return the public keys as a JWK set (RFC 7517)."""
        return {"keys": [{**key.jwk, "kid": key.kid, "use": "sig"} for key in self._keys]}

    def sign(self, claims: Claims, *, issuer: str) -> str:
        """Return the compact token; raise ValueError for claims that `verify` would not read back."""
        payload = _payload(claims, issuer)
        try:
            _claims(payload)
        except TokenError as error:
            raise ValueError(f"refused to sign: {error}") from None
        return self._keys[0].sign(payload)

    def verify(self, token: str, *, issuer: str, audience: str) -> Claims:
        """Return the claims of a token of ours that is for this audience now; else raise TokenError.

        The signature of an accepted token is computed once; time and audience are compared on every call, so
        asking for a second audience costs next to nothing.
        """
        if not isinstance(token, str) or len(token) > _MAX_LENGTH:
            raise TokenError("not a token")
        claims = self._remembered(token, issuer)
        if claims.audience != audience:
            raise TokenError("another audience")
        now = self._clock()
        if claims.expires_at < now - LEEWAY:
            raise TokenError("expired")
        if claims.issued_at > now + LEEWAY:
            raise TokenError("issued in the future")
        return claims

    def _authenticate(self, token: str, issuer: str) -> Claims:
        shape = _TOKEN.fullmatch(token)
        if shape is None:
            raise TokenError("not a token")
        # The header is compared, not parsed: only the bytes that one of our keys writes are known, so there
        # is no algorithm, key address, or critical extension to be talked into.
        key = self._by_header.get(shape[1])
        if key is None:
            raise TokenError("unknown key or header")
        try:
            payload = jwt.decode(token, key.public, algorithms=[_ALGORITHM], issuer=issuer, options=_OPTIONS)
        except Exception:
            # jose lets TypeError, OverflowError and others through for claims of odd types.
            raise TokenError("signature or claims refused") from None
        return _claims(payload)

    def _write(self, path: Path, *, replace: bool) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write("".join(key.pem for key in self._keys))
            file.flush()
            os.fsync(descriptor)
        try:
            if replace:
                draft.replace(path)
            else:
                path.hardlink_to(draft)
        except FileExistsError:
            pass  # another worker was first: its keys are the ones
        finally:
            draft.unlink(missing_ok=True)


def _thumbprint(key: Mapping[str, str]) -> str:
    """Return the RFC 7638 thumbprint of an EC key."""
    required = json.dumps({name: key[name] for name in ("crv", "kty", "x", "y")}, separators=(",", ":"))
    return urlsafe_b64encode(hashlib.sha256(required.encode()).digest()).rstrip(b"=").decode()


def _payload(claims: Claims, issuer: str) -> dict[str, object]:
    payload: dict[str, object] = {
        "iss": issuer,
        "aud": claims.audience,
        "sub": str(claims.sub),
        "sid": str(claims.sid),
        "practice_id": str(claims.practice_id),
        "kind": claims.kind,
        "scope": claims.scope,
        "iat": claims.issued_at,
        "exp": claims.expires_at,
        "jti": claims.jti,
    }
    return payload if claims.act is None else {**payload, "act": {"sub": str(claims.act)}}


def _claims(payload: Mapping[str, object]) -> Claims:
    """Read a payload of exactly our claims, each of exactly its type."""
    if payload.keys() - {"act"} != _CLAIMS:
        raise TokenError("not the claims of an access token")
    kind, audience, jti = _text(payload["kind"]), _text(payload["aud"]), _text(payload["jti"])
    issued_at, expires_at = _seconds(payload["iat"]), _seconds(payload["exp"])
    if AUDIENCES.get(kind) != audience:
        raise TokenError("the kind does not go with the audience")
    if not 0 < expires_at - issued_at <= MAX_LIFETIME:
        raise TokenError("lives too long or not at all")
    if not 0 < len(jti) <= _MAX_JTI:
        raise TokenError("no usable jti")
    return Claims(
        sub=_uuid(payload["sub"]),
        sid=_uuid(payload["sid"]),
        practice_id=_uuid(payload["practice_id"]),
        kind=kind,
        audience=audience,
        scope=_text(payload["scope"]),
        issued_at=issued_at,
        expires_at=expires_at,
        jti=jti,
        act=_actor(payload["act"]) if "act" in payload else None,
    )


def _actor(value: object) -> UUID:
    if not isinstance(value, dict) or value.keys() != {"sub"}:
        raise TokenError("act is not an actor")
    return _uuid(value["sub"])


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TokenError("a claim is not text")
    return value


def _seconds(value: object) -> int:
    if type(value) is not int:  # bool is an int too
        raise TokenError("a time is not a whole number")
    return value


def _uuid(value: object) -> UUID:
    text = _text(value)
    try:
        parsed = UUID(text)
    except ValueError:
        raise TokenError("a claim is not a UUID") from None
    if str(parsed) != text:
        raise TokenError("a claim is not a UUID")
    return parsed
