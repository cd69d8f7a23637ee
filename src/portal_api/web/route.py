"""One request, one transaction: authenticate, authorise, validate, call the service, commit, answer.

Everything between the socket and the service is here, in order, for every route of the application.
FastAPI contributes the declaration and the OpenAPI document; the route compiles its own handler, which
commits before it answers and costs a fraction of dependency resolution.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from asyncpg import PostgresError
from fastapi.routing import APIRoute, APIRouter
from sqlalchemy.exc import DBAPIError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from portal_api.core import telephones
from portal_api.core.access import ActorKind, Origin, Principal
from portal_api.core.db import Binding, Database, Reader, Session
from portal_api.core.errors import AppError, Forbidden, Invalid
from portal_api.core.ids import LOBBY
from portal_api.web.access import Requirement
from portal_api.web.forms import Form
from portal_api.web.live import LiveAnswer
from portal_api.web.parameters import Signature, header
from portal_api.web.replies import Answer, StreamedAnswer, answer

SAFE = {"GET", "HEAD"}
RETRIED_STATES = {"40001", "40P01"}
RETRIES = 3
Work = Callable[[], Awaitable[Answer]]


class Gatekeeper(Protocol):
    """What the plumbing needs to know of the domain; the composition root provides it."""

    database: Database

    def claims(self, request: Request) -> Any | None: ...

    def binding(self, claims: Any) -> Binding: ...

    async def principal(
        self, source: Session | Reader, claims: Any, origin: Origin, *, to_write: bool = False
    ) -> Principal: ...

    async def admit(self, source: Session | Reader, principal: Principal, requirement: Requirement) -> Principal: ...

    async def region(self, source: Session | Reader) -> str | None: ...

    def turn(self, request: Request, claims: Any | None) -> AbstractAsyncContextManager[None]: ...

    def incoming(self, request: Request, claims: Any) -> AbstractAsyncContextManager[Form]: ...

    def announced(self, request: Request) -> AbstractAsyncContextManager[Form]: ...

    async def once(
        self, session: Session, principal: Principal, request: Request, body: bytes, work: Work
    ) -> Answer: ...

    async def denied(self, principal: Principal | None, error: AppError, request: Request) -> None: ...

    async def viewed(self, reader: Reader) -> None: ...


class PortalRoute(APIRoute):
    """Turns a declared handler into a closed one."""

    signature: Signature
    _run: "Callable[[Request, bytes], Awaitable[Answer]]"
    _has_body: bool

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        self.signature = Signature.of(self.endpoint, set(self.param_convertors))
        methods, body = self.methods or set(), self.signature.body
        # A read that leaves a mark, such as a receipt, is a write.
        reads = methods <= SAFE and self.signature.session is None
        streamed = {"form": self._receive, "file": self._take}.get(body.sent_as) if body else None
        self._run = self._read if reads else streamed or self._write
        self._has_body = streamed is None and (body is not None or "POST" in methods)
        return self._not_fastapis

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """FastAPI's own looks first for a router around this one; there is none."""
        match, child = Route.matches(self, scope)
        child["route"] = self
        return match, child

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The request that this route matched. FastAPI's own wrapping serves dependencies, and there are none.

        What is raised here is answered by LastResort.
        """
        request = Request(scope, receive)
        body = await request.body() if self._has_body else b""
        answer = await self._run(request, body)
        if isinstance(answer, StreamedAnswer):
            answer.cut(header(request, b"range"), header(request, b"if-range"))
        elif isinstance(answer, LiveAnswer) and scope.get("bodiless"):
            answer = answer.head()
        await answer.send(receive, send)

    async def _not_fastapis(self, _request: Request) -> Response:
        raise AssertionError("FastAPI asks for a handler to wrap; `handle` answers instead")

    async def _read(self, request: Request, _body: bytes) -> Answer:
        gate: Gatekeeper = request.app.state.gatekeeper
        claims = self._claims(gate, request)
        origin: Origin = request.scope["state"]["origin"]
        signature, principal = self.signature, _nobody(origin) if claims is None else None
        try:
            async with gate.database.reader(gate.binding(claims)) as reader:
                if principal is None:
                    principal = await gate.principal(reader, claims, origin)
                principal = await gate.admit(reader, principal, signature.requirement)
                arguments = signature.arguments(request, b"")
                arguments[signature.principal] = principal
                if signature.reader:
                    arguments[signature.reader] = reader
                result = await self.endpoint(**arguments)
        except Forbidden as error:
            await gate.denied(principal, error, request)
            raise
        if reader.views:
            await gate.viewed(reader)
        return answer(result, self.status_code or 200, none_match=header(request, b"if-none-match"))

    async def _write(self, request: Request, body: bytes) -> Answer:
        gate: Gatekeeper = request.app.state.gatekeeper
        claims = self._claims(gate, request)
        async with gate.turn(request, claims):
            if self.signature.requirement.screened:
                await request.app.state.screening.screen(request, body, self.signature)
            return await self._write_and_retry(request, body, claims)

    async def _receive(self, request: Request, _body: bytes) -> Answer:
        """A form with a file: who may send one is asked before it is taken, and again when all of it is there."""
        gate: Gatekeeper = request.app.state.gatekeeper
        claims = self._claims(gate, request)
        await self._must_be_admitted(gate, request, claims)
        async with gate.turn(request, claims), gate.incoming(request, claims) as form:
            return await self._write_and_retry(request, form, claims)

    async def _take(self, request: Request, _body: bytes) -> Answer:
        """A file behind a link that was given for it: the link is asked instead of credentials."""
        gate: Gatekeeper = request.app.state.gatekeeper
        async with gate.announced(request) as form:
            return await self._write_and_retry(request, form, None)

    async def _must_be_admitted(self, gate: Gatekeeper, request: Request, claims: Any) -> None:
        origin: Origin = request.scope["state"]["origin"]
        principal = None
        try:
            async with gate.database.reader(gate.binding(claims)) as reader:
                principal = await gate.principal(reader, claims, origin, to_write=True)
                await gate.admit(reader, principal, self.signature.requirement)
        except Forbidden as error:
            await gate.denied(principal, error, request)
            raise

    async def _write_and_retry(self, request: Request, body: bytes | Form, claims: Any | None) -> Answer:
        for attempt in range(1, RETRIES + 1):
            try:
                return await self._write_once(request, body, claims)
            except (DBAPIError, PostgresError) as error:
                if _sqlstate(error) not in RETRIED_STATES or attempt == RETRIES:
                    raise
        raise AssertionError("unreachable")

    async def _write_once(self, request: Request, body: bytes | Form, claims: Any | None) -> Answer:
        gate: Gatekeeper = request.app.state.gatekeeper
        origin: Origin = request.scope["state"]["origin"]
        principal = _nobody(origin) if claims is None else None
        try:
            async with gate.database.session(gate.binding(claims)) as session:
                if principal is None:
                    principal = await gate.principal(session, claims, origin)
                principal = await gate.admit(session, principal, self.signature.requirement)
                arguments = await self._arguments(gate, session, request, body)

                async def work() -> Answer:
                    if self.signature.session:
                        arguments[self.signature.session] = session
                    result = await self.endpoint(**arguments, **{self.signature.principal: principal})
                    await session.flush()
                    return answer(result, self.status_code or 200)

                known_by = body if isinstance(body, bytes) else body.fingerprint
                return await gate.once(session, principal, request, known_by, work)
        except Forbidden as error:
            await gate.denied(principal, error, request)
            raise

    async def _arguments(
        self, gate: Gatekeeper, session: Session, request: Request, body: bytes | Form
    ) -> dict[str, Any]:
        """The practice's country is looked up only where a telephone number cannot be read without one."""
        try:
            return self.signature.arguments(request, body)
        except Invalid as refusal:
            if all(fault.code != telephones.FAULT for fault in refusal.faults):
                raise
            region = await gate.region(session)
            if region is None:
                raise
        return self.signature.arguments(request, body, region)

    def _claims(self, gate: Gatekeeper, request: Request) -> Any | None:
        """Public routes look at no credentials, so a stale token never stands in the way of signing in."""
        return None if self.signature.requirement.permission is None else gate.claims(request)


class PortalRouter(APIRouter):
    """A stem's router: every route on it is a PortalRoute."""

    def __init__(self, *, prefix: str, tag: str) -> None:
        super().__init__(prefix=prefix, tags=[tag], route_class=PortalRoute)


def _sqlstate(error: DBAPIError | PostgresError) -> str | None:
    raised = error.orig and error.orig.__cause__ if isinstance(error, DBAPIError) else error
    return getattr(raised, "sqlstate", None)


def _nobody(origin: Origin) -> Principal:
    return Principal(LOBBY, ActorKind.ANONYMOUS, origin)
