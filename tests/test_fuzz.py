"""Generated requests against the whole document: no failure, and no answer that the document does not describe.

PORTAL_FUZZ_EXAMPLES=200 looks longer than the few examples an operation of an ordinary run.
"""

import asyncio
import os
from collections.abc import AsyncIterator

import httpx
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, Verbosity, given, note, seed, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from portal_api.core.access import Role
from portal_api.core.config import Settings
from portal_api.main import create_app
from tests.cast import build
from tests.live import listening
from tests.patience import PATIENCE

EXAMPLES = int(os.environ.get("PORTAL_FUZZ_EXAMPLES", "6"))
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
ENDING = ("logout", "/me/", "/disable")
"""What may end a caller's session, or close the portal, comes last."""
ENDLESS = {"/v1/stream"}
"""What only ends when it is asked to."""
OPERATIONS = sorted(
    (
        (method.upper(), path)
        for path, item in create_app(Settings(_env_file=None)).openapi()["paths"].items()
        for method in item
    ),
    key=lambda operation: any(word in operation[1] for word in ENDING),
)


@pytest.fixture(scope="module")
async def address(app: FastAPI) -> AsyncIterator[str]:
    """The application behind a real server, in this loop: the generator asks from a thread."""
    async with listening(app) as url:
        yield url


@pytest.fixture(scope="module")
def schema(app: FastAPI, address: str) -> schemathesis.BaseSchema:
    schema = schemathesis.openapi.from_dict(app.openapi())
    schema.config.update(base_url=address)
    schema.config.generation.update(allow_x00=True)
    return schema


@pytest.fixture(scope="module")
async def callers(app: FastAPI) -> dict[str, dict[str, str]]:
    """The headers of nobody, and of one of each kind of account."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://portal.test") as http:
        house = await build(app, http)
        people = {
            "client": (await house.client_login())[1],
            "practitioner": (await house.staff(Role.PRACTITIONER))[1],
            "owner": (await house.staff(Role.OWNER))[1],
        }
        return {"nobody": {}} | {
            name: {"Authorization": f"Bearer {caller.access_token}"} for name, caller in people.items()
        }


def fuzz(
    schema: schemathesis.BaseSchema, operation: tuple[str, str], callers: dict[str, dict[str, str]], examples: int
) -> None:
    """Send each generated request as every caller, and check every answer."""
    method, path = operation
    cases = schema[path][method].as_strategy()

    @seed(7)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        verbosity=Verbosity.quiet,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def run(case: schemathesis.Case) -> None:
        if path in ENDLESS:
            case.query = {**(case.query or {}), "follow": "false"}
        for caller, headers in callers.items():
            note(f"as {caller}")
            response = case.call(headers=headers, timeout=PATIENCE)
            case.validate_response(response, checks=CHECKS, headers=headers)

    run()


@pytest.mark.parametrize("operation", OPERATIONS, ids=" ".join)
async def test_every_answer_is_described(
    operation: tuple[str, str], schema: schemathesis.BaseSchema, callers: dict[str, dict[str, str]]
) -> None:
    await asyncio.to_thread(fuzz, schema, operation, callers, EXAMPLES)
