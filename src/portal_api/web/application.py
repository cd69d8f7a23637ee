"""The application object, and what surrounds its router."""

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from portal_api.core.config import Settings
from portal_api.web.app_links import AppVersions
from portal_api.web.middleware import BodyLimit, LastResort, RequestBoundary


class Application(FastAPI):
    """FastAPI with exactly the layers that are added to it.

    Its own serve debug pages, tracing, form limits and the exit stacks of dependencies. Nothing here uses them,
    and each costs every request a part of what a read costs; LastResort answers for every error.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # A coroutine function: by that servers tell ASGI 3 from ASGI 2.
        if self.middleware_stack is None:
            self.middleware_stack = self.build_middleware_stack()
        scope["app"] = self
        await self.middleware_stack(scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        app: ASGIApp = self.router
        for layer, args, options in reversed(self.user_middleware):
            app = layer(app, *args, **options)
        return app


def surround(app: FastAPI, settings: Settings) -> None:
    """Add the layers, innermost first."""
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes)
    if settings.minimum_versions:
        app.add_middleware(AppVersions, minimum=settings.minimum_versions)
    app.add_middleware(LastResort)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors_origins),
            allow_credentials=True,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=[
                "Authorization",
                "Content-Type",
                "If-Match",
                "If-None-Match",
                "Idempotency-Key",
                "Last-Event-ID",
                "X-App-Version",
                "X-Portal-Csrf",
                "X-Request-ID",
            ],
            expose_headers=[
                "ETag",
                "Idempotency-Replayed",
                "RateLimit",
                "RateLimit-Policy",
                "Retry-After",
                "X-App-Minimum-Version",
                "X-Request-ID",
            ],
            max_age=600,
        )
    app.add_middleware(RequestBoundary, trusted_proxies=settings.trusted_proxies, hosts=settings.allowed_hosts)
