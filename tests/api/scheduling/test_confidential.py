"""What a client keeps from guardians: they do not learn that it exists (F6.B3)."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from portal_api.core.access import ActorKind
from portal_api.core.db import Binding, Read
from portal_api.models.auth import Account
from portal_api.models.scheduling import Appointment, AppointmentRequest
from portal_api.services.notifications import recipients
from tests.api.scheduling.desk import APPOINTMENTS, HOUR, MINE, NOON, Desk, open_desk
from tests.api.scheduling.reception import MINE as MY_REQUESTS
from tests.api.scheduling.reception import Reception, open_reception
from tests.cast import House
from tests.entry import bound
from tests.people import grant, guardian
from tests.world import Caller, World


@pytest.fixture
async def desk(world: World) -> Desk:
    return await open_desk(world)


@pytest.fixture
async def reception(world: World) -> Reception:
    return await open_reception(world)


async def ids(caller: Caller, path: str = MINE) -> list[str]:
    answer = await caller.get(path)
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()["data"]]


class TestAppointments:
    async def test_the_client_sees_it_and_no_guardian_does(self, desk: Desk) -> None:
        kept, open_one = await desk.book(confidential=True), await desk.book(NOON + HOUR)
        teen, parent = await desk.portal(), await guardian(desk.world, desk.practice, desk.client_id)
        assert await ids(teen) == [kept["id"], open_one["id"]]
        assert await ids(parent) == [open_one["id"]]
        assert (await teen.get("/v1/me/home")).json()["next_appointment"]["id"] == kept["id"]
        assert (await parent.get("/v1/me/home")).json()["next_appointment"]["id"] == open_one["id"]
        seen = (await teen.get(f"{MINE}/{kept['id']}")).json()
        assert (kept["confidential"], seen["confidential"], open_one["confidential"]) == (True, True, False)

    @pytest.mark.parametrize(
        ("method", "below"), [("GET", ""), ("GET", "/ics"), ("POST", "/cancel"), ("POST", "/join")]
    )
    async def test_for_a_guardian_it_is_not_there_by_any_route(self, desk: Desk, method: str, below: str) -> None:
        await desk.switch(appointment_cancellation=True, video=True)
        kept = await desk.book(confidential=True)
        parent = await guardian(desk.world, desk.practice, desk.client_id)
        hidden = await parent.request(method, f"{MINE}/{kept['id']}{below}")
        unknown = await parent.request(method, f"{MINE}/{UUID(int=7)}{below}")
        assert (hidden.status_code, unknown.status_code) == (404, 404)
        assert hidden.json() | {"request_id": ""} == unknown.json() | {"request_id": ""}
        assert (await desk.read(kept))["state"] == "booked"

    async def test_who_is_also_a_client_of_it_sees_it(self, desk: Desk) -> None:
        """A parent who comes to a session of the family as a client himself is no outsider to it."""
        father = await desk.add_client()
        kept = await desk.book(additional_client_ids=[father], confidential=True)
        both = await desk.portal(father)
        await grant(desk.world, desk.practice, both.account["id"], desk.client_id, "parent", ("appointments.view",))
        assert await ids(both) == [kept["id"]]

    async def test_staff_can_keep_it_back_and_open_it_again(self, desk: Desk) -> None:
        made, parent = await desk.book(), await guardian(desk.world, desk.practice, desk.client_id)
        for confidential, seen in ((True, []), (False, [made["id"]])):
            changed = await desk.owner.patch(f"{APPOINTMENTS}/{made['id']}", {"confidential": confidential})
            assert (changed.status_code, changed.json()["confidential"]) == (200, confidential)
            assert await ids(parent) == seen
        refused = await desk.owner.patch(f"{APPOINTMENTS}/{made['id']}", {"confidential": None})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/confidential")

    async def test_a_guardian_who_comes_along_knows_of_it(self, desk: Desk) -> None:
        parent = await guardian(desk.world, desk.practice, desk.client_id)
        along = {"guardian_account_ids": [parent.account["id"]]}
        refused = await desk.ask(confidential=True, **along)
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "guardians_attend")
        made = await desk.book(**along)
        path = f"{APPOINTMENTS}/{made['id']}"
        assert (await desk.owner.patch(path, {"confidential": True})).status_code == 422
        alone = await desk.owner.patch(path, {"confidential": True, "guardian_account_ids": []})
        assert (alone.status_code, await ids(parent)) == (200, [])

    async def test_no_guardian_is_reminded_of_it(self, desk: Desk) -> None:
        parent = await guardian(desk.world, desk.practice, desk.client_id)
        kept, open_one = await desk.book(confidential=True), await desk.book(NOON + HOUR)
        verified = update(Account).where(Account.id == UUID(parent.account["id"]))
        async with bound(desk.world, desk.practice) as session:
            await session.execute(verified.values(email_verified_at=func.now()))
            people = await recipients.of_appointments(session, [UUID(kept["id"]), UUID(open_one["id"])])
        told = {id: [recipient.account_id for recipient in each] for id, each in people.items()}
        assert told == {UUID(kept["id"]): [None], UUID(open_one["id"]): [None, UUID(parent.account["id"])]}


class TestRequests:
    async def test_what_a_client_asks_for_in_confidence_stays_so_as_an_appointment(self, reception: Reception) -> None:
        """Teen-confidential booking."""
        made = await reception.request(confidential=True)
        parent = await guardian(reception.world, reception.practice, reception.client_id)
        assert await ids(reception.client, MY_REQUESTS) == [made["id"]]
        assert await ids(parent, MY_REQUESTS) == []
        assert (await parent.post(f"{MY_REQUESTS}/{made['id']}/withdraw")).status_code == 404
        accepted = await reception.owner.post(f"/v1/appointment-requests/{made['id']}/accept")
        assert (accepted.status_code, accepted.json()["appointment"]["confidential"]) == (200, True)
        assert (await ids(parent), await ids(parent, MY_REQUESTS)) == ([], [])
        assert await ids(reception.client) == [accepted.json()["appointment"]["id"]]

    async def test_a_guardian_keeps_nothing_from_guardians(self, reception: Reception) -> None:
        parent = await guardian(reception.world, reception.practice, reception.client_id)
        refused = await reception.wish(by=parent, confidential=True)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/confidential")
        assert (await reception.wish(by=parent)).status_code == 201

    async def test_the_request_follows_its_appointment(self, reception: Reception) -> None:
        made = await reception.request()
        parent = await guardian(reception.world, reception.practice, reception.client_id)
        opened = (await reception.owner.post(f"/v1/appointment-requests/{made['id']}/accept")).json()["appointment"]
        assert await ids(parent, MY_REQUESTS) == [made["id"]]
        await reception.owner.patch(f"{APPOINTMENTS}/{opened['id']}", {"confidential": True})
        assert await ids(parent, MY_REQUESTS) == []
        assert await ids(reception.client, MY_REQUESTS) == [made["id"]]


class TestWalls:
    """The criterion of every statement and row-level security, each alone."""

    @pytest.mark.whatever_rows
    @pytest.mark.parametrize("table", [Appointment, AppointmentRequest])
    async def test_either_hides_it(self, reception: Reception, table: Any) -> None:
        made = await reception.request(confidential=True)
        await reception.owner.post(f"/v1/appointment-requests/{made['id']}/accept")
        house = House(reception.world.app, reception.world.http, UUID(reception.practice.id))
        client = UUID(reception.client_id)
        guardians, own = (Binding(house.id, ActorKind.CLIENT, (client,), mine) for mine in ((), (client,)))
        rows, read = select(table), Read(select(table.id))
        of_core, change = select(func.count()).select_from(table.__table__), update(table.__table__).values(version=9)
        async with house.tools.database.session(guardians) as session:
            assert await session.scalar(of_core) == 0  # no ORM, so no criterion: the policy alone
            assert (await session.execute(change)).rowcount == 0
            session.begin_as(own)
            assert (await session.scalars(rows)).all() == []
        async with house.tools.database.session(own) as session:
            assert await session.scalar(of_core) == 1
            assert (len((await session.scalars(rows)).all()), len(await session.rows(read))) == (1, 1)
            session.begin_as(guardians)  # the transaction stays bound to the client: the criterion alone
            assert ((await session.scalars(rows)).all(), await session.rows(read)) == ([], [])
        for binding, seen in ((guardians, 0), (own, 1)):
            async with house.tools.database.reader(binding) as reader:
                assert len(await reader.rows(read)) == seen
