"""What surrounds every request: its id, its log line, its limits, its headers. Pure ASGI."""

import asyncio
import ipaddress
import re
import time
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from functools import cache
from secrets import token_hex
from typing import Any

import structlog
from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal_api.core.access import Origin
from portal_api.core.errors import Malformed, TooLarge
from portal_api.web.problems import answer_to, render, request_id_of

BODY_TIMEOUT = 30.0
LINGER_SECONDS, LINGER_BYTES = 20.0, 2_000_000_000
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_ALWAYS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-site"),
    (b"strict-transport-security", b"max-age=31536000; includeSubDomains"),
]
_UNLESS_SAID = [
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
]
_OURS = {b"x-request-id", *(name for name, _ in _ALWAYS)}
_SAYABLE = {name for name, _ in _UNLESS_SAID}
RawHeaders = Mapping[bytes, bytes]
_log = structlog.get_logger()
_requests = Counter("portal_requests_total", "Requests", ("method", "route", "status"))
_seconds = Histogram("portal_request_seconds", "Time to answer", ("method", "route"))


class RequestBoundary:
    """Names the request, finds its origin, adds the headers, writes one log line without personal data."""

    def __init__(self, app: ASGIApp, *, trusted_proxies: tuple[str, ...], hosts: tuple[str, ...]) -> None:
        self._app = app
        self._proxies = tuple(ipaddress.ip_network(p, strict=False) for p in trusted_proxies)
        self._hosts = {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        headers = dict(reversed(scope["headers"]))  # of a repeated header the first
        origin = self._origin(scope, headers)
        scope.setdefault("state", {}).update(request_id=origin.request_id, origin=origin, headers=headers)
        seen = {"status": 500}

        def send_with_headers(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                seen["status"] = message["status"]
                _decorate(message, origin.request_id)
            return send(message)

        try:
            if self._hosts and _host_name(headers.get(b"host", b"").decode("latin-1")) not in self._hosts:
                refusal = render(Malformed("This host is not served here."), origin.request_id)
                await refusal(scope, receive, send_with_headers)
            else:
                await self._app(scope, receive, send_with_headers)
        finally:
            _record(scope, seen["status"], time.perf_counter() - started, origin.request_id)

    def _origin(self, scope: Scope, headers: RawHeaders) -> Origin:
        given = headers.get(b"x-request-id", b"").decode("latin-1")
        request_id = given if _REQUEST_ID.fullmatch(given) else token_hex(16)
        return Origin(
            request_id, self._address(scope, headers), headers.get(b"user-agent", b"").decode("latin-1")[:400]
        )

    def _address(self, scope: Scope, headers: RawHeaders) -> str:
        """The peer; behind trusted proxies, the rightmost address that is not one of them (A41)."""
        peer = (scope.get("client") or ("",))[0]
        if not self._proxies:
            return peer[:64]
        forwarded = [part.strip() for part in headers.get(b"x-forwarded-for", b"").decode("latin-1").split(",")]
        while self._is_proxy(peer) and forwarded:
            candidate = forwarded.pop()
            if _parsed(candidate) is None:
                break
            peer = candidate
        return peer[:64]

    def _is_proxy(self, address: str) -> bool:
        parsed = _parsed(address)
        return parsed is not None and any(parsed in network for network in self._proxies)


class LastResort:
    """Answers for whatever went wrong, inside the headers and the log line of every other answer.

    Of our own mistakes class and place are logged: an exception's text may hold somebody's data (A44), so
    it is not handed on to the server, which would print it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        def send_noted(message: Message) -> Awaitable[None]:
            nonlocal begun
            begun = True
            return send(message)

        try:
            await self._app(scope, receive, send_noted)
        except Exception as error:
            if scope["type"] != "http":
                raise
            refusal = answer_to(error, request_id_of(scope))
            if begun:
                raise RuntimeError("an answer broke off after it had begun") from None
            await refusal(scope, receive, _hearing_out(receive, send) if isinstance(error, TooLarge) else send)


def _hearing_out(receive: Receive, send: Send) -> Send:
    """Send the answer at once, but let the connection close only when the sender has ended, or has had its time.

    Most programs look for an answer when they have sent everything; and a connection that is closed on bytes that
    nobody has read takes the answer with it.
    """

    async def send_and_wait(message: Message) -> None:
        if message["type"] == "http.response.body":
            await send({**message, "more_body": True})
            with suppress(TimeoutError):
                async with asyncio.timeout(LINGER_SECONDS):
                    await _drain(receive)
            message = {"type": "http.response.body", "body": b""}
        await send(message)

    return send_and_wait


async def _drain(receive: Receive) -> None:
    left = LINGER_BYTES
    while left > 0:
        message = await receive()
        left -= len(message.get("body", b""))
        if not message.get("more_body", False):
            return


class BodyBudget:
    """How large a request's body may be and how long it may take, in bytes and seconds."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._deadline = asyncio.get_running_loop().time() + BODY_TIMEOUT

    def widen(self, max_bytes: int, seconds: float) -> None:
        """For a route that takes files; no piece of them may let itself be waited for longer than before."""
        self.max_bytes = max_bytes
        self._deadline = asyncio.get_running_loop().time() + seconds

    @property
    def deadline(self) -> float:
        """Of the next piece, on the loop's clock."""
        return min(self._deadline, asyncio.get_running_loop().time() + BODY_TIMEOUT)


class BodyLimit:
    """Refuses bodies over the limit while they arrive, and bodies that do not arrive in time (R11)."""

    def __init__(self, app: ASGIApp, *, max_bytes: int) -> None:
        self._app = app
        self._max = max_bytes

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return self._app(scope, receive, send)
        return self._bounded(scope, receive, send)

    async def _bounded(self, scope: Scope, receive: Receive, send: Send) -> None:
        declared = Headers(scope=scope).get("content-length", "0")
        budget = scope.setdefault("state", {})["body"] = BodyBudget(self._max)
        taken, complete = 0, False

        async def receive_bounded() -> Message:
            nonlocal taken, complete
            if complete:  # what comes now is the news of a disconnect, for which nobody sets a limit
                return await receive()
            if declared.isascii() and declared.isdigit() and int(declared) > budget.max_bytes:
                raise _too_large(budget.max_bytes)
            try:
                async with asyncio.timeout_at(budget.deadline):
                    message = await receive()
            except TimeoutError:
                raise Malformed("The body did not arrive in time.") from None
            taken += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if taken > budget.max_bytes:
                raise _too_large(budget.max_bytes)
            return message

        await self._app(scope, receive_bounded, send)


def _too_large(max_bytes: int) -> TooLarge:
    error = TooLarge(f"The body may have at most {max_bytes} bytes.")
    error.headers["Connection"] = "close"
    return error


def _host_name(header: str) -> str:
    """The host of a Host header, without its port: [::1]:8000 -> [::1]."""
    host, _, port = header.lower().rpartition(":")
    return host if host and port.isdigit() else header.lower()


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(address)
    except ValueError:
        return None


def _decorate(message: Message, request_id: str) -> None:
    headers = message["headers"]
    said = {name for name, _ in headers}
    if not said.isdisjoint(_OURS):
        headers = [header for header in headers if header[0] not in _OURS]
    message["headers"] = [
        *headers,
        (b"x-request-id", request_id.encode()),
        *_ALWAYS,
        *(_UNLESS_SAID if said.isdisjoint(_SAYABLE) else [header for header in _UNLESS_SAID if header[0] not in said]),
    ]


def _record(scope: Scope, status: int, seconds: float, request_id: str) -> None:
    """Route template, never the path: ids and query strings stay out of logs and metrics (A44)."""
    route: Any = scope.get("route")
    template = getattr(route, "path", "unmatched")
    method = scope["method"] if scope["method"] in _METHODS else "OTHER"
    count, clock = _meters(method, template, status)
    count.inc()
    clock.observe(seconds)
    _log.info("request", method=method, route=template, status=status, ms=round(seconds * 1000, 1), id=request_id)


@cache
def _meters(method: str, template: str, status: int) -> tuple[Counter, Histogram]:
    """The children of one kind of answer: as many as there are routes and statuses."""
    return _requests.labels(method, template, status), _seconds.labels(method, template)


_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
