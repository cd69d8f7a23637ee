"""The documentation page needs nothing from outside and lets no script stand in the page."""

import re

import httpx
from fastapi import FastAPI

from portal_api.web.openapi import openapi_document


async def test_page_names_only_files_that_are_served_here(http: httpx.AsyncClient) -> None:
    page = (await http.get("/docs")).text
    files = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(files) == 4
    for file in files:
        if file != "data:,":
            assert file.startswith("/docs/assets/")
            assert (await http.get(file)).status_code == 200


async def test_page_lets_no_script_stand_in_it(http: httpx.AsyncClient) -> None:
    answer = await http.get("/docs")
    assert "script-src 'self';" in answer.headers["content-security-policy"]
    assert re.findall(r"<script(?![^>]*src=)|\son\w+=|style=", answer.text) == []


async def test_page_reads_the_description_of_this_application(app: FastAPI, http: httpx.AsyncClient) -> None:
    script = (await http.get("/docs/assets/start.js")).text
    url = re.search(r'url: "([^"]+)"', script)
    assert url is not None
    assert (await http.get(url[1])).json() == openapi_document(app)
    assert "validatorUrl: null" in script


async def test_assets_are_nothing_but_the_vendored_files(http: httpx.AsyncClient) -> None:
    assert (await http.get("/docs/assets/%2e%2e/%2e%2e/docs.py")).status_code == 404
