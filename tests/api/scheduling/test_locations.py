"""Where the practice works."""

from tests.entry import client_login, open_practice, staff
from tests.world import World

LOCATIONS = "/v1/locations"
ADDRESS = {"line1": "1 Quay", "city": "Harbor", "country": "US"}


async def test_a_location_is_added_changed_archived_and_taken_back(world: World) -> None:
    practice = await world.practice()
    made = await practice.owner.post(LOCATIONS, {"name": "Main office", "address": ADDRESS, "phone": "+14155550100"})
    assert made.status_code == 201, made.text
    path = f"{LOCATIONS}/{made.json()['id']}"
    changed = await practice.owner.patch(path, {"directions": "Ring twice.", "phone": None})
    assert (changed.json()["directions"], changed.json()["phone"], changed.json()["version"]) == (
        "Ring twice.",
        None,
        2,
    )
    assert (await practice.owner.get(path)).json() == changed.json()
    assert (await practice.owner.post(f"{path}/archive")).json()["archived_at"]
    assert (await practice.owner.get(LOCATIONS)).json()["data"] == []
    listed = (await practice.owner.get(f"{LOCATIONS}?archived=true")).json()["data"]
    assert [each["name"] for each in listed] == ["Main office"]
    again = await practice.owner.post(f"{path}/archive")
    assert (again.status_code, again.json()["code"]) == (409, "invalid_state")
    assert (await practice.owner.post(f"{path}/restore")).json()["archived_at"] is None


async def test_a_stale_copy_changes_nothing(world: World) -> None:
    practice = await world.practice()
    made = (await practice.owner.post(LOCATIONS, {"name": "Main office"})).json()
    path = f"{LOCATIONS}/{made['id']}"
    await practice.owner.patch(path, {"name": "Head office"})
    stale = await practice.owner.patch(path, {"name": "Old office"}, headers={"If-Match": '"v1"'})
    assert stale.status_code == 412
    assert stale.json()["current"]["name"] == "Head office"


async def test_a_patch_goes_into_the_address(world: World) -> None:
    """RFC 7396: what a patch does not name stays as it is."""
    practice = await world.practice()
    address = {"line1": "1 Pier Street", "city": "Salem", "region": "MA", "postal_code": "01970", "country": "US"}
    made = await practice.owner.post("/v1/locations", {"name": "Harbor", "address": address})
    changed = await practice.owner.patch(f"/v1/locations/{made.json()['id']}", {"address": {"line2": "Floor 2"}})
    assert changed.json()["address"] == address | {"line2": "Floor 2"}


async def test_names_of_what_is_in_use_are_told_apart(world: World) -> None:
    practice, other = await world.practice(), await world.practice()
    first = (await practice.owner.post(LOCATIONS, {"name": "Main office"})).json()
    taken = await practice.owner.post(LOCATIONS, {"name": "Main office"})
    assert (taken.status_code, taken.json()["code"]) == (409, "name_taken")
    assert (await other.owner.post(LOCATIONS, {"name": "Main office"})).status_code == 201
    await practice.owner.post(f"{LOCATIONS}/{first['id']}/archive")
    assert (await practice.owner.post(LOCATIONS, {"name": "Main office"})).status_code == 201
    back = await practice.owner.post(f"{LOCATIONS}/{first['id']}/restore")
    assert (back.status_code, back.json()["code"]) == (409, "name_taken")


async def test_the_list_is_paged_by_name(world: World) -> None:
    practice = await world.practice()
    for name in ("Cove", "Anchor", "Buoy"):
        await practice.owner.post(LOCATIONS, {"name": name})
    first = (await practice.owner.get(f"{LOCATIONS}?limit=2")).json()
    rest = (await practice.owner.get(f"{LOCATIONS}?limit=2&cursor={first['next_cursor']}")).json()
    assert [each["name"] for each in (*first["data"], *rest["data"])] == ["Anchor", "Buoy", "Cove"]
    assert rest["next_cursor"] is None


async def test_clients_are_not_told_a_hidden_address(world: World) -> None:
    """F1.B4"""
    practice = await open_practice(world)
    hidden = {"name": "At home", "address": ADDRESS, "hide_address": True, "directions": "Second floor."}
    place = (await practice.owner.post(LOCATIONS, hidden)).json()
    gone = (await practice.owner.post(LOCATIONS, {"name": "Former office"})).json()
    await practice.owner.post(f"{LOCATIONS}/{gone['id']}/archive")
    _, client = await client_login(world, practice)
    for shown in (await client.get(f"{LOCATIONS}/{place['id']}"), await client.get(LOCATIONS)):
        assert "At home" in shown.text
        assert "Quay" not in shown.text and "Second floor" not in shown.text
    assert (await client.get(f"{LOCATIONS}/{gone['id']}")).status_code == 404
    assert (await client.get(f"{LOCATIONS}?archived=true")).json() == (await client.get(LOCATIONS)).json()


async def test_rooms_belong_to_a_location(world: World) -> None:
    practice = await world.practice()
    place = (await practice.owner.post(LOCATIONS, {"name": "Main office"})).json()
    rooms = f"{LOCATIONS}/{place['id']}/rooms"
    room = await practice.owner.post(rooms, {"name": "Room 1"})
    assert (room.status_code, room.json()["location_id"]) == (201, place["id"])
    assert (await practice.owner.post(rooms, {"name": "Room 1"})).json()["code"] == "name_taken"
    path = f"/v1/rooms/{room.json()['id']}"
    assert (await practice.owner.patch(path, {"name": "Room 2"})).json()["name"] == "Room 2"
    cleared = await practice.owner.patch(path, {"name": None})
    assert (cleared.status_code, cleared.json()["errors"][0]["pointer"]) == (422, "/name")
    assert (await practice.owner.post(f"{path}/archive")).status_code == 200
    assert (await practice.owner.post(f"{path}/archive")).json()["code"] == "invalid_state"
    assert (await practice.owner.get(rooms)).json()["data"] == []


async def test_only_who_administers_the_practice_changes_places(world: World) -> None:
    practice = await world.practice()
    _, scheduler = await staff(world, practice, "scheduler")
    assert (await scheduler.get(LOCATIONS)).status_code == 200
    assert (await scheduler.post(LOCATIONS, {"name": "My office"})).status_code == 403
