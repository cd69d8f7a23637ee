"""The codes are documented: on the page that a problem's type points to, and in docs/errors.md."""

from pathlib import Path

import httpx

from portal_api.web.error_page import catalogue, errors_table

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"


async def test_the_type_of_a_problem_leads_to_its_code(http: httpx.AsyncClient) -> None:
    problem = (await http.get("/v1/practice")).json()
    page, _, anchor = problem["type"].partition("#")
    assert f'id="{anchor}"' in (await http.get(page)).text


def test_a_code_means_one_thing() -> None:
    codes = [code for _, code, _ in catalogue()]
    assert len(codes) == len(set(codes))


def test_the_documented_table_is_the_code_s() -> None:
    text = PAGE.read_text()
    table = text.split("<!-- codes: begin -->")[1].split("<!-- codes: end -->")[0].strip()
    assert table == errors_table(), "run: make openapi"
