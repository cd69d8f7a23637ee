"""Whether a person fills in a form: the token of a challenge, verified by the service that set it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

import httpx
import structlog

from portal_api.core.config import Settings
from portal_api.core.errors import Unavailable

PATIENCE = 5.0
AT_ONCE = 20
OUR_FAULT = {"missing-input-secret", "invalid-input-secret", "sitekey-secret-mismatch", "internal-error"}
_log = structlog.get_logger()


class BotCheck(Protocol):
    """Judges the token of a solved challenge, once. Raises Unavailable when it cannot."""

    async def passes(self, token: str, ip: str) -> bool: ...


class SiteVerify:
    """Cloudflare Turnstile, hCaptcha, reCAPTCHA and what speaks like them: a form in, `success` out."""

    def __init__(self, http: httpx.AsyncClient, url: str, secret: str) -> None:
        self._http = http
        self._url = url
        self._secret = secret

    async def passes(self, token: str, ip: str) -> bool:
        verdict = await self._ask({"secret": self._secret, "response": token, "remoteip": ip})
        codes = OUR_FAULT.intersection(map(str, verdict.get("error-codes") or ()))
        if codes:
            _log.error("bot_check_refuses_us", codes=sorted(codes))
            raise _unavailable()
        return verdict["success"] is True

    async def _ask(self, form: dict[str, str]) -> dict[str, Any]:
        """A refusal may come with any status; what has no `success` is no verdict."""
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await self._http.post(self._url, data=form)
            verdict = answer.json()
        except (httpx.HTTPError, TimeoutError, ValueError) as error:
            _log.warning("bot_check_unreachable", error=type(error).__name__)
            raise _unavailable() from None
        if answer.is_server_error or not isinstance(verdict, dict) or "success" not in verdict:
            _log.warning("bot_check_unreachable", status=answer.status_code)
            raise _unavailable()
        return verdict


@asynccontextmanager
async def open_bot_check(settings: Settings) -> AsyncIterator[BotCheck | None]:
    """The configured service for the time of the block; None where no challenge is set."""
    if not settings.bot_check_url:
        yield None
        return
    limits = httpx.Limits(max_connections=AT_ONCE)
    async with httpx.AsyncClient(timeout=PATIENCE, limits=limits) as http:
        yield SiteVerify(http, settings.bot_check_url, settings.bot_check_secret.get_secret_value())


def _unavailable() -> Unavailable:
    return Unavailable("The service that checks for bots does not answer. Try again in 5 seconds.", retry_after=5)
