"""What clients, and guardians of clients, have and had."""

from typing import Any
from uuid import UUID

import pytest

from tests.api.scheduling.desk import DAY, HOUR, MINE, NOON, Desk, instant, open_desk, soon
from tests.cast import House
from tests.people import grant
from tests.world import Caller, World

HOME = "/v1/me/home"
VIEW = ("appointments.view",)


@pytest.fixture
async def desk(world: World) -> Desk:
    return await open_desk(world)


async def listed(caller: Caller, **query: Any) -> list[str]:
    """Ids, over all pages of two."""
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await caller.get(MINE, params={"limit": 2, **query} | ({"cursor": cursor} if cursor else {}))
        assert page.status_code == 200, page.text
        found += [each["id"] for each in page.json()["data"]]
        cursor = page.json()["next_cursor"]
    return found


class TestShape:
    async def test_a_client_sees_what_concerns_them(self, desk: Desk) -> None:
        """F15.M1: names, not ids to look up; nothing that is for staff."""
        address = {"line1": "1 Pier", "city": "Harbor", "country": "US"}
        place = {"name": "Main office", "address": address, "directions": "Ring twice."}
        location = (await desk.owner.post("/v1/locations", place)).json()
        partner = await desk.add_client()
        made = await desk.book(
            mode="in_person", location_id=location["id"], note="For staff.", additional_client_ids=[partner]
        )
        client = await desk.portal()
        seen = (await client.get(f"{MINE}/{made['id']}")).json()
        service = (await desk.owner.get(f"/v1/services/{desk.service_id}")).json()
        same = {"id", "state", "mode", "starts_at", "ends_at", "time_zone", "price", "cancellation", "fee_due", "uid"}
        assert {name: seen[name] for name in same} == {name: made[name] for name in same}
        assert seen["client_ids"] == [desk.client_id]
        assert seen["service"] == {"id": desk.service_id, "name": service["name"]}
        assert seen["practitioner"] == {
            "id": desk.practice.staff_id,
            "given_name": "Ada",
            "family_name": "Harbor",
            "credentials": None,
        }
        assert (seen["location"]["address"]["line1"], seen["location"]["directions"]) == ("1 Pier", "Ring twice.")
        assert not {"note", "room_id", "created_by", "cancelled_by", "allow_overlap", "version"} & seen.keys()
        assert partner not in str(seen)
        assert (await client.get(MINE)).json() == {"data": [seen], "next_cursor": None}
        await desk.owner.patch(f"/v1/locations/{location['id']}", {"hide_address": True})
        hidden = (await client.get(f"{MINE}/{made['id']}")).json()["location"]
        assert (hidden["name"], hidden["address"], hidden["directions"]) == ("Main office", None, None)

    async def test_its_etag_is_of_what_is_shown(self, desk: Desk) -> None:
        made, client = await desk.book(), await desk.portal()
        path = f"{MINE}/{made['id']}"
        tag = {"If-None-Match": (await client.get(path)).headers["etag"]}
        assert (await client.get(path, headers=tag)).status_code == 304
        await desk.owner.patch(f"/v1/services/{desk.service_id}", {"name": "Renamed"})
        assert (await client.get(path, headers=tag)).json()["service"]["name"] == "Renamed"


class TestHistory:
    async def test_what_is_to_come_and_all_that_was(self, desk: Desk) -> None:
        """F15.M1: kept, missed, cancelled, late; the complete history, in pages."""
        over = [await desk.book(soon(days=-n)) for n in range(3, 0, -1)]
        await desk.done("attended", over[0])
        await desk.done("no-show", over[1])
        running, first, second, third, late = [
            await desk.book(at) for at in (soon(minutes=-10), *(NOON + n * DAY for n in range(4)))
        ]
        await desk.done("cancel", second)
        await desk.done("cancel", late, late=True)
        client = await desk.portal()
        assert await listed(client) == [running["id"], first["id"], third["id"]]
        past = [late, second, *reversed(over)]
        assert await listed(client, past=True) == [each["id"] for each in past]
        states = [each["state"] for each in (await client.get(MINE, params={"past": True})).json()["data"]]
        assert states == ["late_cancelled", "cancelled", "booked", "no_show", "attended"]
        await desk.done("attended", running)
        assert (await listed(client, past=True))[2] == running["id"]

    async def test_nobody_elses(self, desk: Desk) -> None:
        """A15"""
        made = await desk.book()
        stranger = await desk.portal(await desk.add_client())
        assert await listed(stranger) == []
        assert await listed(stranger, past=True) == []
        assert (await stranger.get(f"{MINE}/{made['id']}")).status_code == 404
        assert (await stranger.get(MINE, params={"client_id": desk.client_id})).status_code == 404


class TestGuardians:
    async def test_one_login_sees_each_child_once(self, desk: Desk) -> None:
        """F6.M3, ?client_id="""
        one, two, hidden = desk.client_id, await desk.add_client(), await desk.add_client()
        parent = await desk.portal(one, relationship="parent", permissions=VIEW)
        await grant(desk.world, desk.practice, parent.account["id"], two, "parent", VIEW)
        await grant(desk.world, desk.practice, parent.account["id"], hidden, "parent", ("billing.view",))
        both = await desk.book(additional_client_ids=[two, hidden])
        ones, twos, unseen = [
            await desk.book(NOON + n * HOUR, client_id=client_id) for n, client_id in enumerate((one, two, hidden), 1)
        ]
        assert await listed(parent) == [both["id"], ones["id"], twos["id"]]
        assert await listed(parent, client_id=two) == [both["id"], twos["id"]]
        shared = (await parent.get(f"{MINE}/{both['id']}")).json()
        assert sorted(shared["client_ids"]) == sorted([one, two])
        assert (await parent.get(f"{MINE}/{unseen['id']}")).status_code == 404
        refused = await parent.get(MINE, params={"client_id": hidden})
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")

    async def test_who_may_see_nobodys_is_refused(self, desk: Desk) -> None:
        payer = await desk.portal(relationship="parent", permissions=("billing.view",))
        assert (await payer.get(MINE)).status_code == 403


class TestHome:
    async def test_the_people_and_the_next_appointment_in_one_call(self, desk: Desk) -> None:
        """F15.B1, F15.M1"""
        client = await desk.portal()
        empty = await client.get(HOME)
        assert empty.json()["next_appointment"] is None
        await desk.book(soon(days=-2))
        await desk.done("cancel", await desk.book(soon(days=1)))
        next_one, _ = await desk.book(soon(days=2)), await desk.book(soon(days=3))
        answer = await client.get(HOME)
        home = answer.json()
        assert home["account"] == {
            "id": client.account["id"],
            "email": client.account["email"],
            "given_name": "Pat",
            "family_name": "Person",
        }
        assert home["profiles"] == [
            {
                "client_id": desk.client_id,
                "relationship": "self",
                "given_name": "Grace",
                "family_name": "Client",
                "preferred_name": None,
            }
        ]
        assert home["next_appointment"] == (await client.get(f"{MINE}/{next_one['id']}")).json()
        tag = {"If-None-Match": answer.headers["etag"]}
        for known in (answer.headers["etag"], f'"other", W/{answer.headers["etag"]}', "*"):
            again = await client.get(HOME, headers={"If-None-Match": known})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", answer.headers["etag"])
        await desk.done("reschedule", next_one, starts_at=instant(NOON))
        assert (await client.get(HOME, headers=tag)).status_code == 200

    async def test_of_several_children_the_next_or_that_of_one(self, desk: Desk) -> None:
        later, hidden = await desk.add_client(given_name="Late"), await desk.add_client()
        parent = await desk.portal(desk.client_id, relationship="parent", permissions=VIEW)
        await grant(desk.world, desk.practice, parent.account["id"], later, "parent", VIEW)
        await grant(desk.world, desk.practice, parent.account["id"], hidden, "parent", ("billing.view",))
        await desk.book(NOON - DAY, client_id=hidden)
        first, second = await desk.book(), await desk.book(NOON + DAY, client_id=later)
        home = (await parent.get(HOME)).json()
        assert home["next_appointment"]["id"] == first["id"]
        assert sorted(each["client_id"] for each in home["profiles"]) == sorted([desk.client_id, later, hidden])
        of_one = (await parent.get(HOME, params={"client_id": later})).json()
        assert (of_one["next_appointment"]["id"], len(of_one["profiles"])) == (second["id"], 1)
        assert (await parent.get(HOME, params={"client_id": hidden})).json()["next_appointment"] is None
        stranger = await desk.add_client()
        assert (await parent.get(HOME, params={"client_id": stranger})).status_code == 404

    async def test_who_acts_for_nobody_yet_has_a_home_too(self, desk: Desk) -> None:
        """Somebody who signed up, before anybody knows them."""
        await desk.book()
        house = House(desk.world.app, desk.world.http, UUID(desk.practice.id))
        newcomer = await house.sign_in(await house.account("client"))
        home = (await newcomer.get(HOME)).json()
        assert (home["profiles"], home["next_appointment"]) == ([], None)
        assert (await newcomer.get(MINE)).json() == {"data": [], "next_cursor": None}

    async def test_it_is_for_clients(self, desk: Desk) -> None:
        assert (await desk.owner.get(HOME)).status_code == 403
