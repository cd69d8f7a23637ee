"""`portal-api audit verify`: whether the chain of events is whole."""

from argparse import Namespace

from portal_api.cli.console import result
from portal_api.cli.operating import operate
from portal_api.core.tools import Tools


def run(_arguments: Namespace) -> int:
    async def work(tools: Tools) -> bool:
        from portal_api.services.audit import verification

        return bool(await verification.verify_all(tools, lambda found: result(str(found))))

    return 0 if operate(work) else 1
