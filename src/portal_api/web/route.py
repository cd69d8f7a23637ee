"""One request, one transaction: authenticate, authorise, validate, call the service, commit, answer.

Everything between the socket and the service is here, in order, for every route of the application.
FastAPI contributes the declaration and the OpenAPI document; the route compiles its own handler, which
commits before it answers and costs a fraction of dependency resolution.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from fastapi.routing import APIRoute, APIRouter
from sqlalchemy.exc import DBAPIError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from portal_api.core.access import ActorKind, Origin, Principal
from portal_api.core.db import Binding, Database, Reader, Session
from portal_api.core.errors import AppError, Forbidden
from portal_api.core.ids import LOBBY
from portal_api.web.access import Requirement
from portal_api.web.parameters import Signature
from portal_api.web.problems import render, request_id_of, translate
from portal_api.web.replies import Answer, answer

SAFE = {"GET", "HEAD"}
RETRIED_STATES = {"40001", "40P01"}
RETRIES = 3
Work = Callable[[], Awaitable[Answer]]


class Gatekeeper(Protocol):
    """What the plumbing needs to know of the domain; the composition root provides it."""

    database: Database

    def claims(self, request: Request) -> Any | None: ...

    def binding(self, claims: Any) -> Binding: ...

    async def principal(self, source: Session | Reader, claims: Any, origin: Origin) -> Principal: ...

    async def admit(self, source: Session | Reader, principal: Principal, requirement: Requirement) -> Principal: ...

    def turn(self, request: Request, claims: Any | None) -> AbstractAsyncContextManager[None]: ...

    async def once(
        self, session: Session, principal: Principal, request: Request, body: bytes, work: Work
    ) -> Answer: ...

    async def denied(self, principal: Principal, error: AppError, request: Request) -> None: ...

    async def viewed(self, reader: Reader, principal: Principal) -> None: ...


class PortalRoute(APIRoute):
    """Turns a declared handler into a closed one."""

    signature: Signature
    _respond: Callable[[Request], Awaitable[Response]]

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        self.signature = Signature.of(self.endpoint, set(self.param_convertors))
        methods = self.methods or set()
        run = self._read if methods <= SAFE else self._write
        has_body = self.signature.body is not None or "POST" in methods

        async def respond(request: Request) -> Response:
            try:
                body = await request.body() if has_body else b""
                return (await run(request, body)).response()
            except Exception as error:
                known = translate(error)
                if known is None:
                    raise
                return render(known, request_id_of(request))

        self._respond = respond
        return respond

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The request that this route matched. FastAPI's own wrapping serves dependencies, and there are none."""
        response = await self._respond(Request(scope, receive))
        await response(scope, receive, send)

    async def _read(self, request: Request, _body: bytes) -> Answer:
        gate: Gatekeeper = request.app.state.gatekeeper
        claims = self._claims(gate, request)
        origin: Origin = request.scope["state"]["origin"]
        principal = _nobody(origin)
        try:
            async with gate.database.reader(gate.binding(claims)) as reader:
                if claims is not None:
                    principal = await gate.principal(reader, claims, origin)
                principal = await gate.admit(reader, principal, self.signature.requirement)
                arguments = self.signature.arguments(request, b"")
                if self.signature.reader:
                    arguments[self.signature.reader] = reader
                result = await self.endpoint(**arguments, **{self.signature.principal: principal})
        except Forbidden as error:
            await gate.denied(principal, error, request)
            raise
        await gate.viewed(reader, principal)
        return answer(result, self.status_code or 200, none_match=request.headers.get("if-none-match"))

    async def _write(self, request: Request, body: bytes) -> Answer:
        gate: Gatekeeper = request.app.state.gatekeeper
        claims = self._claims(gate, request)
        async with gate.turn(request, claims):
            if self.signature.requirement.screened:
                await request.app.state.screening.screen(request, body, self.signature)
            for attempt in range(1, RETRIES + 1):
                try:
                    return await self._write_once(request, body, claims)
                except DBAPIError as error:
                    state = getattr(getattr(error.orig, "__cause__", None), "sqlstate", None)
                    if state not in RETRIED_STATES or attempt == RETRIES:
                        raise
        raise AssertionError("unreachable")

    async def _write_once(self, request: Request, body: bytes, claims: Any | None) -> Answer:
        gate: Gatekeeper = request.app.state.gatekeeper
        origin: Origin = request.scope["state"]["origin"]
        principal = _nobody(origin)
        try:
            async with gate.database.session(gate.binding(claims)) as session:
                if claims is not None:
                    principal = await gate.principal(session, claims, origin)
                principal = await gate.admit(session, principal, self.signature.requirement)
                arguments = self.signature.arguments(request, body)

                async def work() -> Answer:
                    if self.signature.session:
                        arguments[self.signature.session] = session
                    result = await self.endpoint(**arguments, **{self.signature.principal: principal})
                    await session.flush()
                    return answer(result, self.status_code or 200)

                return await gate.once(session, principal, request, body, work)
        except Forbidden as error:
            await gate.denied(principal, error, request)
            raise

    def _claims(self, gate: Gatekeeper, request: Request) -> Any | None:
        """Public routes look at no credentials, so a stale token never stands in the way of signing in."""
        return None if self.signature.requirement.permission is None else gate.claims(request)


class PortalRouter(APIRouter):
    """A stem's router: every route on it is a PortalRoute."""

    def __init__(self, *, prefix: str, tag: str) -> None:
        super().__init__(prefix=prefix, tags=[tag], route_class=PortalRoute)


def _nobody(origin: Origin) -> Principal:
    return Principal(LOBBY, ActorKind.ANONYMOUS, origin)
