"""What can be booked."""

from typing import Any

import pytest

from tests.entry import add_staff, client_login, open_practice, staff
from tests.world import Practice, World

SERVICES = "/v1/services"
SESSION: dict[str, Any] = {
    "name": "Individual session",
    "duration_minutes": 50,
    "buffer_before_minutes": 5,
    "buffer_after_minutes": 10,
    "modes": ["in_person", "video"],
    "min_notice_minutes": 120,
    "horizon_days": 30,
    "slot_interval_minutes": 15,
    "client_bookable": True,
    "price": {"amount": 12000, "currency": "USD"},
}


async def add(practice: Practice, **fields: Any) -> dict[str, Any]:
    response = await practice.owner.post(SERVICES, SESSION | fields)
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


async def test_a_service_keeps_what_it_was_given(world: World) -> None:
    practice = await world.practice()
    made = await add(practice)
    assert {name: made[name] for name in SESSION} == SESSION
    assert (made["audience"], made["practitioner_ids"], made["late_cancellation_fee"]) == ("all", None, None)
    assert (await practice.owner.get(f"{SERVICES}/{made['id']}")).json() == made
    assert (await practice.owner.get(SERVICES)).json()["data"] == [made]


async def test_a_change_leaves_the_rest(world: World) -> None:
    practice = await world.practice()
    made = await add(practice)
    path = f"{SERVICES}/{made['id']}"
    patch = {"price": None, "late_cancellation_fee": {"amount": 5000, "currency": "USD"}, "duration_minutes": 45}
    changed = (await practice.owner.patch(path, patch)).json()
    kept = {name: value for name, value in made.items() if name not in (*patch, "updated_at", "version")}
    assert kept.items() <= changed.items()
    assert {name: changed[name] for name in patch} == patch
    assert changed["version"] == 2
    stale = await practice.owner.patch(path, {"name": "Other"}, headers={"If-Match": '"v1"'})
    assert (stale.status_code, stale.json()["current"]["name"]) == (412, SESSION["name"])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("duration_minutes", 0),
        ("duration_minutes", 1441),
        ("buffer_after_minutes", -1),
        ("modes", []),
        ("modes", ["by_post"]),
        ("slot_interval_minutes", 0),
        ("fixed_start_minute", 60),
        ("horizon_days", 731),
        ("price", {"amount": -1, "currency": "USD"}),
        ("price", {"amount": 12.5, "currency": "USD"}),
        ("price", {"amount": 100, "currency": "dollars"}),
        ("audience", "everybody"),
        ("practitioner_ids", []),
        ("name", None),
        ("archived_at", None),
    ],
)
async def test_rules_that_make_no_sense_are_refused(world: World, field: str, value: Any) -> None:
    practice = await world.practice()
    response = await practice.owner.post(SERVICES, SESSION | {field: value})
    assert response.status_code == 422, response.text
    assert response.json()["errors"][0]["pointer"].startswith(f"/{field}")


async def test_required_fields_are_not_cleared(world: World) -> None:
    practice = await world.practice()
    made = await add(practice)
    response = await practice.owner.patch(f"{SERVICES}/{made['id']}", {"modes": None})
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/modes")


async def test_it_is_offered_by_who_is_listed(world: World) -> None:
    practice, other = await world.practice(), await world.practice()
    colleague, _ = await staff(world, practice, "practitioner")
    everybodys = await add(practice)
    listed = await add(practice, name="Couples", practitioner_ids=[colleague])
    assert listed["practitioner_ids"] == [colleague]
    assert await _names(practice, practitioner_id=colleague) == ["Couples", "Individual session"]
    assert await _names(practice, practitioner_id=practice.staff_id) == ["Individual session"]
    biller, _ = await staff(world, practice, "biller")
    invited, _ = await add_staff(world, practice, "practitioner")
    for nobody in (biller, invited, other.staff_id):
        refused = await practice.owner.patch(f"{SERVICES}/{everybodys['id']}", {"practitioner_ids": [nobody]})
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "unknown_practitioner")
    reopened = await practice.owner.patch(f"{SERVICES}/{listed['id']}", {"practitioner_ids": None})
    assert reopened.json()["practitioner_ids"] is None
    assert await _names(practice, practitioner_id=practice.staff_id) == ["Couples", "Individual session"]


async def test_clients_see_what_they_can_book(world: World) -> None:
    practice = await open_practice(world)
    await add(practice)
    hidden = [
        await add(practice, name="By phone only", client_bookable=False),
        await add(practice, name="First talk", audience="new"),
        await add(practice, name="Former"),
    ]
    await practice.owner.post(f"{SERVICES}/{hidden[-1]['id']}/archive")
    _, client = await client_login(world, practice)
    listed = (await client.get(SERVICES)).json()["data"]
    assert [each["name"] for each in listed] == ["Individual session"]
    assert [(await client.get(f"{SERVICES}/{each['id']}")).status_code for each in hidden] == [404, 404, 404]
    assert (await client.get(f"{SERVICES}/{listed[0]['id']}")).status_code == 200


async def test_archived_services_come_back_under_a_free_name(world: World) -> None:
    practice = await world.practice()
    made = await add(practice)
    path = f"{SERVICES}/{made['id']}"
    assert (await practice.owner.post(f"{path}/archive")).json()["archived_at"]
    second = await add(practice)
    assert (await practice.owner.post(f"{path}/restore")).json()["code"] == "name_taken"
    await practice.owner.patch(f"{SERVICES}/{second['id']}", {"name": "Other"})
    assert (await practice.owner.post(f"{path}/restore")).json()["archived_at"] is None


async def test_practitioners_do_not_make_the_rules(world: World) -> None:
    practice = await world.practice()
    _, practitioner = await staff(world, practice, "practitioner")
    assert (await practitioner.post(SERVICES, SESSION)).status_code == 403


async def _names(practice: Practice, **query: str) -> list[str]:
    response = await practice.owner.get(SERVICES, params=query)
    return [each["name"] for each in response.json()["data"]]
