"""`portal-api audit verify`: whether the chain of events is whole."""

from argparse import Namespace

from portal_api.cli.console import result
from portal_api.cli.operating import operate
from portal_api.core.tools import Tools
from portal_api.services.audit.verification import verify_all


def run(_arguments: Namespace) -> int:
    return 0 if operate(_verify) else 1


async def _verify(tools: Tools) -> bool:
    return await verify_all(tools, lambda report: result(str(report)))
