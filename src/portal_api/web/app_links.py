"""Native apps: which links of mails they open in place of the browser, and how old they may be (F19.M5)."""

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal_api.core.config import AppVersion, Settings, app_version
from portal_api.core.errors import Malformed, NotFound, UpgradeRequired
from portal_api.core.tools import Tools
from portal_api.web.replies import JSON

LINKS = (
    "/accept-invitation",
    "/account/security",
    "/appointment-requests/*",
    "/appointments/*",
    "/book",
    "/clients/*/changes",
    "/clients/*/guardians",
    "/clients/*/insurance",
    "/clients/*/onboarding",
    "/confirm-email",
    "/consents",
    "/documents/*",
    "/forgot-password",
    "/form-assignments/*",
    "/forms/*",
    "/insurance",
    "/invitations",
    "/keep-email",
    "/messages/*",
    "/notification-log",
    "/notifications",
    "/profile",
    "/prospects",
    "/reset-password",
    "/safety-alerts/*",
    "/sign-in",
    "/treatment-plans/*",
    "/verify-email",
)
"""Paths of the front end to which mails and notices lead."""
_HOLD = {"Cache-Control": "public, max-age=3600"}


async def apple_app_site_association(request: Request) -> Response:
    """Universal links and shared credentials of iOS (developer.apple.com, Supporting associated domains)."""
    settings = _settings(request)
    if not settings.ios_app_ids:
        raise NotFound
    base = urlsplit(settings.app_url).path.replace("{slug}", "*").rstrip("/")
    apps = list(settings.ios_app_ids)
    return _json(
        {
            "applinks": {"details": [{"appIDs": apps, "components": [{"/": base + link} for link in LINKS]}]},
            "webcredentials": {"apps": apps},
        }
    )


async def assetlinks(request: Request) -> Response:
    """App links of Android (Digital Asset Links); which paths an app takes stands in its own manifest."""
    apps: dict[str, list[str]] = {}
    for package, fingerprint in _settings(request).android_certificates:
        apps.setdefault(package, []).append(fingerprint)
    if not apps:
        raise NotFound
    relation = ["delegate_permission/common.handle_all_urls", "delegate_permission/common.get_login_creds"]
    return _json([{"relation": relation, "target": _target(*app)} for app in apps.items()])


def _target(package: str, fingerprints: Iterable[str]) -> dict[str, object]:
    return {
        "namespace": "android_app",
        "package_name": package,
        "sha256_cert_fingerprints": list(fingerprints),
    }


def _settings(request: Request) -> Settings:
    tools: Tools = request.app.state.tools
    return tools.settings


def _json(content: object) -> Response:
    return Response(orjson.dumps(content), headers=_HOLD, media_type=JSON)


class AppVersions:
    """Refuses apps that are too old, by `X-App-Version: platform/version`, and says how new one has to be.

    Whoever sends no such header is no app, and one of another platform has no minimum. Raises Malformed for a header
    that is none, UpgradeRequired (426).
    """

    def __init__(self, app: ASGIApp, *, minimum: Mapping[str, AppVersion]) -> None:
        self._app = app
        self._minimum = minimum

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        said = dict(scope["headers"]).get(b"x-app-version") if scope["type"] == "http" else None
        if said is None:
            await self._app(scope, receive, send)
            return
        try:
            platform, version = app_version(said.decode("latin-1"))
        except ValueError:
            raise Malformed("X-App-Version is a platform and a version, such as ios/2.4.1.") from None
        needed = self._minimum.get(platform)
        if needed is None:
            await self._app(scope, receive, send)
            return
        if version < needed:
            raise UpgradeRequired(minimum_version=_written(needed))
        header = (b"x-app-minimum-version", _written(needed).encode())

        async def send_with_minimum(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], header]
            await send(message)

        await self._app(scope, receive, send_with_minimum)


def _written(version: AppVersion) -> str:
    return ".".join(map(str, version))


ROUTES = [
    Route("/.well-known/apple-app-site-association", apple_app_site_association),
    Route("/.well-known/assetlinks.json", assetlinks),
]
