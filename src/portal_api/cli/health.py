"""`portal-api health`: whether the server is ready, for container engines and service managers."""

from argparse import Namespace

import httpx

from portal_api.cli.console import CannotStart, result

TIMEOUT = 3.0  # /readyz answers within two seconds


def run(arguments: Namespace) -> int:
    address = f"{arguments.url.rstrip('/')}/readyz"
    try:
        answer = httpx.get(address, timeout=TIMEOUT, trust_env=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise CannotStart(f"Nothing answers at {address}: {type(error).__name__}") from None
    result(answer.text)
    return 0 if answer.status_code == httpx.codes.OK else 1
