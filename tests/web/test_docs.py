"""The documentation page needs nothing from outside and lets no script stand in the page."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from portal_api.web.docs import install_docs
from portal_api.web.openapi import install_openapi


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI(openapi_url=None)
    install_openapi(app)
    install_docs(app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://portal.test") as client:
        yield client


async def test_page_names_only_files_that_are_served_here(client: httpx.AsyncClient) -> None:
    page = (await client.get("/docs")).text
    files = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(files) == 4
    for file in files:
        if file != "data:,":
            assert file.startswith("/docs/assets/")
            assert (await client.get(file)).status_code == 200


async def test_page_lets_no_script_stand_in_it(client: httpx.AsyncClient) -> None:
    answer = await client.get("/docs")
    assert "script-src 'self';" in answer.headers["content-security-policy"]
    assert re.findall(r"<script(?![^>]*src=)|\son\w+=|style=", answer.text) == []


async def test_page_reads_the_description_of_this_application(client: httpx.AsyncClient) -> None:
    script = (await client.get("/docs/assets/start.js")).text
    url = re.search(r'url: "([^"]+)"', script)
    assert url is not None
    assert (await client.get(url[1])).json()["openapi"]
    assert "validatorUrl: null" in script


async def test_assets_are_nothing_but_the_vendored_files(client: httpx.AsyncClient) -> None:
    assert (await client.get("/docs/assets/%2e%2e/%2e%2e/docs.py")).status_code == 404
