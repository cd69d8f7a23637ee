"""The one door for requests to addresses that somebody else has chosen (A32).

A name is resolved once; every address that it has must be public; the connection goes to one of those addresses
and to no other, under the name's own certificate. Redirects are not followed, proxies of the environment not asked.
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import httpx

PORTS = {"http": 80, "https": 443}
NAT64 = ipaddress.ip_network("64:ff9b::/96")
SPECIAL = tuple(ipaddress.ip_network(block) for block in ("192.0.0.0/24", "192.88.99.0/24", "64:ff9b:1::/48"))
"""IANA's special-purpose blocks that older versions of `ipaddress` take for public."""
USER_AGENT = "portal-api"
MAX_URL = 2000
MOST_TRIES = 4
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\]")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], Awaitable[list[str]]]
"""Host and port to the addresses of the name. Raises OSError."""


class EgressError(Exception):
    """The request was not made, or not answered as it must be. `code` is stable and names no address."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Target:
    """An address of the web, taken apart: only http and https, no user, no unusual port."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, url: str) -> "Target":
        """Raises EgressError `invalid_url`."""
        try:
            parts = urlsplit(url)
            port = parts.port or PORTS.get(parts.scheme.lower(), 0)
        except ValueError:
            raise EgressError("invalid_url") from None
        host = _host_of(parts)
        fits = len(url) <= MAX_URL and url.isascii() and url.isprintable() and " " not in url and "\\" not in url
        if not (fits and port and host and parts.username is None and parts.password is None):
            raise EgressError("invalid_url")
        path = parts.path or "/"
        return cls(parts.scheme.lower(), host, port, f"{path}?{parts.query}" if parts.query else path)

    @property
    def authority(self) -> str:
        """What the Host header says."""
        return self.host if self.port == PORTS[self.scheme] else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Question:
    method: str
    target: Target
    headers: Mapping[str, str]
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class Egress:
    """Makes requests.

    allow: hosts, or host:port, that may be private (PORTAL_EGRESS_ALLOW). timeout: seconds for the whole of a request.
    max_bytes: of an answer's body.
    """

    def __init__(
        self,
        *,
        allow: Collection[str] = (),
        timeout: float = 20.0,
        max_bytes: int = 5_000_000,
        resolver: Resolver | None = None,
    ) -> None:
        self._allow = frozenset(entry.lower() for entry in allow)
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._resolve = resolver or _resolve

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """The answer to a GET, whatever its status. Raises EgressError."""
        return await self._ask(Question("GET", Target.parse(url), headers or {}))

    async def post(self, url: str, content: bytes, headers: Mapping[str, str] | None = None) -> Answer:
        """The answer to a POST, whatever its status. Raises EgressError."""
        return await self._ask(Question("POST", Target.parse(url), headers or {}, content))

    async def _ask(self, question: Question) -> Answer:
        try:
            async with asyncio.timeout(self._timeout):
                return await self._first_that_answers(question, await self._admitted(question.target))
        except (TimeoutError, httpx.TimeoutException):
            raise EgressError("timeout") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError):
            # The cause may quote the address, which is a secret.
            raise EgressError("unreachable") from None

    def check(self, url: str) -> Target:
        """Refuse what can be told without asking anybody. Raises EgressError."""
        target = Target.parse(url)
        with suppress(ValueError):
            self._must_be_public(target, [target.host.strip("[]")])
        return target

    async def _admitted(self, target: Target) -> list[str]:
        """The addresses to connect to: the name's first ones, once all of them have been looked at."""
        try:
            found = await self._resolve(target.host.strip("[]"), target.port)
        except (OSError, UnicodeError):
            raise EgressError("unknown_host") from None
        if not found:
            raise EgressError("unknown_host")
        self._must_be_public(target, found)
        return found[:MOST_TRIES]

    async def _first_that_answers(self, question: Question, addresses: list[str]) -> Answer:
        for address in addresses[:-1]:
            with suppress(httpx.ConnectError):
                return await self._fetch(question, address)
        return await self._fetch(question, addresses[-1])

    def _must_be_public(self, target: Target, addresses: Collection[str]) -> None:
        """Raises EgressError, or ValueError for what is no address at all."""
        if {target.host, f"{target.host}:{target.port}"} & self._allow:
            return
        if not all(is_public(ipaddress.ip_address(address)) for address in addresses):
            raise EgressError("private_address")
        if target.port not in PORTS.values():
            raise EgressError("port_not_allowed")

    async def _fetch(self, question: Question, address: str) -> Answer:
        target = question.target
        literal = f"[{address}]" if ":" in address else address
        sent = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **question.headers, "Host": target.authority}
        async with (
            httpx.AsyncClient(trust_env=False, timeout=self._timeout, follow_redirects=False) as client,
            client.stream(
                question.method,
                f"{target.scheme}://{literal}:{target.port}{target.path}",
                headers=sent,
                content=question.content,
                extensions={"sni_hostname": target.host.strip("[]")},
            ) as response,
        ):
            return Answer(response.status_code, response.headers, await self._bounded(response))

    async def _bounded(self, response: httpx.Response) -> bytes:
        """The body as it comes over the wire: what is compressed could unpack to anything."""
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise EgressError("unreadable")
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > self._max_bytes:
                raise EgressError("too_large")
        return bytes(body)


def is_public(address: Address) -> bool:
    """Whether the address is one of the public internet; what wraps an IPv4 address is as public as that."""
    if isinstance(address, ipaddress.IPv6Address):
        wrapped = _wrapped(address)
        if wrapped is not None:
            return is_public(wrapped)
        if address.is_site_local:
            return False
    if any(address in block for block in SPECIAL):
        return False
    special = address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback
    return address.is_global and not (special or address.is_private or address.is_link_local)


def _wrapped(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address within one that is mapped, compatible, 6to4, Teredo or NAT64."""
    if address in NAT64 or (int(address) >> 32 == 0 and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


def _host_of(parts: SplitResult) -> str:
    """The host in lower case and, if it is a name, in its ASCII form; empty where there is none."""
    if parts.scheme.lower() not in PORTS or not parts.hostname:
        return ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname.rstrip(".")
    return host if _HOST.fullmatch(host) and len(host) <= 253 else ""


async def _resolve(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]
