"""The bot check of public forms: after the input was found valid, before there is a transaction (F4.M5)."""

from datetime import timedelta

from starlette.requests import Request

from portal_api.core.access import Origin
from portal_api.core.errors import Fault, Invalid
from portal_api.core.limits import Limit
from portal_api.core.tools import Tools
from portal_api.integrations.bot_check import BotCheck
from portal_api.services import retries
from portal_api.web.gatekeeper import idempotency_key
from portal_api.web.parameters import Signature

PER_NETWORK = Limit("bot-check", 30, timedelta(hours=1))


class BotCheckFailed(Invalid):
    code, title = "bot_check_failed", "Show that you are not a program"


class Screening:
    """One for the application. A token is good for one check, so a request that is a replay is not checked again."""

    def __init__(self, tools: Tools, check: BotCheck | None) -> None:
        self._tools = tools
        self._check = check

    async def screen(self, request: Request, body: bytes, signature: Signature) -> None:
        """Raises Malformed or Invalid for the input, BotCheckFailed, TooMany, Unavailable."""
        if self._check is None or signature.body is None:
            return
        data = signature.arguments(request, body)[signature.body.name]
        if await self._is_replay(request):
            return
        if data.bot_check_token is None:
            raise self._failed("required", "Send the token of the challenge that the form shows.")
        origin: Origin = request.scope["state"]["origin"]
        await self._tools.limiter.hit({PER_NETWORK: origin.network})
        if not await self._check.passes(data.bot_check_token, origin.ip):
            raise self._failed("refused", "This token was used, has expired or is none. Solve the challenge again.")

    async def _is_replay(self, request: Request) -> bool:
        key = idempotency_key(request)
        route = f"{request.method} {request.scope['path']}"
        return key is not None and await retries.is_answered(self._tools.database, route, key)

    def _failed(self, code: str, detail: str) -> BotCheckFailed:
        fault = Fault("/bot_check_token", code, detail)
        return BotCheckFailed(detail, faults=(fault,), bot_check=self._tools.settings.bot_check)
