"""Telephone numbers as people write them, read in the practice's country and kept as E.164."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.entry import open_practice, set_portal
from tests.people import client_login
from tests.world import Practice, World

Sql = Callable[..., list[Any]]


@pytest.fixture
async def practice(world: World) -> Practice:
    """In the United States."""
    return await open_practice(world)


@pytest.mark.parametrize(
    ("country", "written", "kept"),
    [
        ("US", "(415) 555-2671", "+14155552671"),
        ("US", "4155552671", "+14155552671"),
        ("US", "+49 30 901820", "+4930901820"),
        ("DE", "030 901820", "+4930901820"),
        ("GB", "020 7946 0958", "+442079460958"),
    ],
)
async def test_a_number_without_its_country_is_one_of_the_practices(
    practice: Practice, sql: Sql, country: str, written: str, kept: str
) -> None:
    sql("UPDATE practice SET country = %s WHERE id = %s", country, practice.id)
    body = {"given_name": "Grace", "family_name": "Client", "phone": written}
    made = await practice.owner.post("/v1/clients", body)
    assert (made.status_code, made.json().get("phone")) == (201, kept), made.text


@pytest.mark.parametrize("written", ["555-2671", "12", "0170 1234567", "call me", "+1 415", "(415) 555-2671 999999"])
async def test_what_is_no_number_there_is_refused(practice: Practice, written: str) -> None:
    refused = await practice.owner.patch("/v1/practice", {"phone": written})
    assert refused.status_code == 422, refused.text
    assert [(fault["pointer"], fault["code"]) for fault in refused.json()["errors"]] == [("/phone", "phone")]


async def test_wherever_a_number_is_written(world: World, practice: Practice) -> None:
    """F7.M4: in the chart by its client, also inside of other things."""
    chart = await world.client(practice.owner)
    client = await client_login(world, practice, chart["id"])
    body = {
        "phone": "415-555-2671",
        "other_phones": [{"use": "home", "number": "(415) 555-2672"}],
        "emergency_contact": {"name": "Kim", "phone": "415 555 2673"},
    }
    shown = (await client.patch("/v1/me/profile", body)).json()
    assert (shown["phone"], shown["other_phones"][0]["number"], shown["emergency_contact"]["phone"]) == (
        "+14155552671",
        "+14155552672",
        "+14155552673",
    )
    twice = [{"use": use, "number": number} for use, number in (("home", "415 555 2672"), ("work", "+14155552672"))]
    refused = await client.patch("/v1/me/profile", {"other_phones": twice})
    assert [fault["code"] for fault in refused.json()["errors"]] == ["repeated"]


async def test_a_visitor_writes_the_country(world: World, practice: Practice) -> None:
    """Who signs up belongs to no practice yet."""
    await set_portal(practice, allow_client_signup=True)
    slug = (await practice.owner.get("/v1/practice/portal")).json()["slug"]
    body = {
        "email": world.email("visitor"),
        "password": "correct horse battery staple",
        "given_name": "Vic",
        "family_name": "Visitor",
        "phone": "(415) 555-2671",
    }
    refused = await world.http.post(f"/v1/portals/{slug}/signup", json=body)
    assert [(fault["pointer"], fault["code"]) for fault in refused.json()["errors"]] == [("/phone", "phone")]
    assert (
        await world.http.post(f"/v1/portals/{slug}/signup", json=body | {"phone": "+14155552671"})
    ).status_code == 202
