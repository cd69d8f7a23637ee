"""A push service on loopback, and the device behind it: reads what it is sent by its own implementation of the RFCs.

The receiving side of RFC 8291 is written with HMAC alone (RFC 5869) and proven by the example in section 5 of that
document; whoever signed is checked by PyJWT.
"""

import asyncio
import hmac
import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def to_bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def to_text(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def hkdf(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return hmac.digest(hmac.digest(salt, secret, "sha256"), info + b"\x01", "sha256")[:length]


@dataclass
class Device:
    """A browser's keys."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = field(default_factory=lambda: os.urandom(16))

    @property
    def public(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @property
    def keys(self) -> dict[str, str]:
        return {"p256dh": to_text(self.public), "auth": to_text(self.auth)}

    def read(self, body: bytes) -> bytes:
        """What a push says (RFC 8291 section 4, RFC 8188 section 2). Raises for one that is for another device."""
        salt, length = body[:16], body[20]
        theirs, sealed = body[21 : 21 + length], body[21 + length :]
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs)
        shared = self.key.exchange(ec.ECDH(), public)
        secret = hkdf(shared, self.auth, b"WebPush: info\x00" + self.public + theirs, 32)
        key = hkdf(secret, salt, b"Content-Encoding: aes128gcm\x00", 16)
        nonce = hkdf(secret, salt, b"Content-Encoding: nonce\x00", 12)
        padded = AESGCM(key).decrypt(nonce, sealed, None)
        message, delimiter = padded.rstrip(b"\x00")[:-1], padded.rstrip(b"\x00")[-1:]
        assert delimiter == b"\x02", "the last record"
        return message


@dataclass
class Push:
    """One request to the service."""

    path: str
    headers: dict[str, str]
    body: bytes

    def signed_by(self, origin: str) -> tuple[str, dict[str, Any]]:
        """The key that signed it, and the claims, which must be meant for this service (RFC 8292)."""
        scheme, _, parameters = self.headers["authorization"].partition(" ")
        assert scheme == "vapid"
        found = dict(part.strip().split("=", 1) for part in parameters.split(","))
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), to_bytes(found["k"]))
        claims = jwt.decode(found["t"], public, algorithms=["ES256"], audience=origin)
        return found["k"], claims


@dataclass
class PushService:
    """Notes what it is asked, and answers as told: by path, else `status`."""

    status: str = "201 Created"
    headers: dict[str, str] = field(default_factory=dict)
    got: list[Push] = field(default_factory=list)
    port: int = 0

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {n.lower(): v for n, v in (line.split(": ", 1) for line in head[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            method, path, _ = head[0].split(" ")
            assert method == "POST"
            self.got.append(Push(path, headers, body))
            extra = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
            answer = f"HTTP/1.1 {self.status}\r\n{extra}Content-Length: 0\r\nConnection: close\r\n\r\n"
            writer.write(answer.encode())
            await writer.drain()
        writer.close()

    def read(self, device: Device) -> list[dict[str, Any]]:
        """What the device makes of everything that was sent."""
        return [json.loads(device.read(push.body)) for push in self.got]


@asynccontextmanager
async def push_service() -> AsyncIterator[PushService]:
    service = PushService()
    listening = await asyncio.start_server(service.serve, "127.0.0.1", 0)
    service.port = listening.sockets[0].getsockname()[1]
    try:
        yield service
    finally:
        listening.close()
