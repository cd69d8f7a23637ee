"""Joins the plumbing to the domain: credentials, authority, permission, retries, audit."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.requests import Request

from portal_api.core.access import ActorKind, Origin, Principal
from portal_api.core.db import Binding, Reader, Session
from portal_api.core.errors import AppError, Forbidden, Malformed, Unauthenticated
from portal_api.core.signing import Claims, TokenError
from portal_api.core.tools import Tools
from portal_api.core.turns import Impatient, Turns
from portal_api.services import audit, features, practices, previews, retries
from portal_api.services.auth import authority
from portal_api.services.documents import intake
from portal_api.web.access import Requirement
from portal_api.web.forms import Form, announced, incoming
from portal_api.web.parameters import header
from portal_api.web.replies import Answer
from portal_api.web.route import Work

AUDIENCE = "portal-api"
KEY_LENGTH = 255
PATIENCE = 10.0


class PasswordChangeRequired(Forbidden):
    code, title = "password_change_required", "Choose your own password first"


class SecondFactorRequired(Forbidden):
    code, title = "second_factor_enrolment_required", "Set up a second factor first"


class Gatekeeper:
    """One for the application."""

    def __init__(self, tools: Tools) -> None:
        self.database = tools.database
        self._tools = tools
        self._turns = Turns()

    def claims(self, request: Request) -> Claims:
        """The verified claims of the bearer token. Raises Unauthenticated."""
        scheme, _, token = (header(request, b"authorization") or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise self._unauthenticated("Send the access token as Authorization: Bearer.")
        try:
            return self._tools.keyring.verify(token, issuer=self._tools.settings.public_url, audience=AUDIENCE)
        except TokenError:
            raise self._unauthenticated("The access token is not valid or has expired.") from None

    def binding(self, claims: Claims | None) -> Binding:
        """Until the caller is known: staff as staff; for a client the program itself looks up the grants."""
        if claims is None:
            return Binding()
        kind = ActorKind.STAFF if claims.kind == ActorKind.STAFF else ActorKind.SYSTEM
        return Binding(claims.practice_id, kind)

    async def principal(
        self, source: Session | Reader, claims: Claims, origin: Origin, *, to_write: bool = False
    ) -> Principal:
        """Who calls. to_write: a Reader asks for what will be a write, before its body is taken.

        Raises Unauthenticated, and PreviewReadsOnly for a write of who only looks.
        """
        try:
            principal = await self._caller(source, claims, origin, to_write=to_write)
        except Unauthenticated as error:
            error.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
            raise
        await self._bind(source, principal)
        return principal

    @staticmethod
    def _caller(source: Session | Reader, claims: Claims, origin: Origin, *, to_write: bool) -> Awaitable[Principal]:
        if claims.act is not None:
            if to_write or not isinstance(source, Reader):
                raise previews.PreviewReadsOnly("Sign in as yourself to change something.")
            return previews.principal(source, claims, origin)
        return authority.principal(source, claims.practice_id, claims.sub, claims.sid, origin)

    async def region(self, source: Session | Reader) -> str | None:
        """The country of the caller's practice; None for a visitor."""
        return await practices.country(source)

    async def admit(self, source: Session | Reader, principal: Principal, requirement: Requirement) -> Principal:
        """Raise Forbidden unless the caller may use the route.

        Where the route has a feature, a client caller goes on with those clients only who have it.
        """
        if requirement.permission is None:
            return principal
        if principal.must_change_password and not requirement.restricted:
            raise PasswordChangeRequired("PUT /v1/me/password with a password of your own.")
        if principal.must_enrol_second_factor and not (requirement.restricted or requirement.enrolling):
            raise SecondFactorRequired("POST /v1/me/second-factor to set one up.")
        if principal.shut_out and not requirement.restricted:
            raise authority.NoPortalAccess("Ask the practice to open it.")
        if not principal.may(requirement.permission):
            raise Forbidden("Your role does not allow this.")
        if requirement.feature is None:
            return principal
        admitted = await features.narrowed(source, principal, requirement.feature)
        await self._bind(source, admitted)
        return admitted

    @staticmethod
    async def _bind(source: Session | Reader, principal: Principal) -> None:
        binding = authority.binding_of(principal)
        if isinstance(source, Session):
            await source.rebind(binding)
        else:
            source.binding = binding

    @asynccontextmanager
    async def turn(self, request: Request, claims: Claims | None) -> AsyncIterator[None]:
        """Requests with one Idempotency-Key take turns before they take a database connection."""
        key = idempotency_key(request)
        if key is None:
            yield
            return
        caller = (claims.practice_id, claims.sub) if claims else ()
        try:
            async with self._turns.take((*caller, request.scope["path"], key), patience=PATIENCE):
                yield
        except Impatient:
            raise retries.InFlight("Wait a moment and send the same request again.") from None

    @asynccontextmanager
    async def incoming(self, request: Request, claims: Claims) -> AsyncIterator[Form]:
        """The form of a request, whose file is in the storage for the time of the block, and stays if it is kept."""
        practice = await intake.practice(self._tools, claims.practice_id)
        async with incoming(self._tools, request, practice) as form:
            yield form

    def announced(self, request: Request) -> AbstractAsyncContextManager[Form]:
        """The same where the file is the whole body: the path's link says whose it is, and what it must be."""
        return announced(self._tools, request, request.scope["state"]["origin"])

    async def once(self, session: Session, principal: Principal, request: Request, body: bytes, work: Work) -> Answer:
        key = idempotency_key(request)
        if key is None:
            return await work()

        async def kept_work() -> retries.Kept:
            answer = await work()
            return retries.Kept(answer.status, answer.headers, answer.media_type, answer.body)

        route = f"{request.method} {request.scope['path']}"
        kept, replayed = await retries.once(session, principal, route, key, body, kept_work)
        headers = kept.headers | ({"Idempotency-Replayed": "true"} if replayed else {})
        return Answer(kept.status, kept.body, headers, kept.media_type)

    async def denied(self, principal: Principal | None, error: AppError, request: Request) -> None:
        """Keep a record of a refusal (ASVS 16.3.2), in its own transaction."""
        if principal is not None and principal.account_id is not None:
            details = {"code": error.code, "route": request.scope["route"].path, "method": request.method}
            await audit.record_apart(
                self.database, principal.practice_id, principal, "access.denied", outcome="denied", details=details
            )

    async def viewed(self, reader: Reader) -> None:
        """Wait until what was looked at is recorded."""
        await self._tools.views.submit(reader.views)

    @staticmethod
    def _unauthenticated(detail: str) -> Unauthenticated:
        error = Unauthenticated(detail)
        error.headers["WWW-Authenticate"] = "Bearer"
        return error


def idempotency_key(request: Request) -> str | None:
    """The key of a POST, if it has one. Raises Malformed."""
    key = header(request, b"idempotency-key") if request.method == "POST" else None
    if key is None:
        return None
    if not 0 < len(key) <= KEY_LENGTH or not key.isprintable() or not key.isascii():
        raise Malformed(f"Idempotency-Key takes 1 to {KEY_LENGTH} printable ASCII characters.")
    return key
