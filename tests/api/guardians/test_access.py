"""What guardians may do: what they were given, for whom it was given, while it holds."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from portal_api.core.access import GrantPermission
from portal_api.models.auth import AuthSession
from tests.api.scheduling.desk import NOON, instant
from tests.api.scheduling.held_time import Sql
from tests.api.scheduling.reception import open_reception
from tests.entry import accept, bound
from tests.families import EVERYTHING, Family, open_family
from tests.people import client_login, grant, guardian
from tests.world import Caller, World

HISTORY = "/v1/me/access-history"
LISTED = "/v1/me/appointments"


@pytest.fixture
async def family(world: World) -> Family:
    return await open_family(world)


async def may(caller: Caller, path: str = LISTED, **params: Any) -> tuple[int, str | None]:
    answer = await caller.get(path, params=params)
    return answer.status_code, answer.json().get("code")


class TestEnding:
    """A09: revocation and time hold from the next request on, of the session that is open."""

    async def test_a_dissolved_guardian_is_out_at_once(self, family: Family) -> None:
        guardian, caller = await family.parent()
        assert await may(caller) == (200, None)
        await family.remove(guardian)
        for path in (LISTED, "/v1/me/home", "/v1/me/capabilities", HISTORY, "/v1/practitioners"):
            assert await may(caller, path) == (403, "no_portal_access"), path
        assert (await caller.get("/v1/me")).json()["profiles"] == []

    async def test_who_acts_for_another_child_loses_this_one_alone(self, family: Family) -> None:
        guardian, caller = await family.parent()
        sibling = await family.child()
        await grant(family.world, family.practice, caller.account["id"], sibling, "mother", ("appointments.view",))
        await family.remove(guardian)
        assert await may(caller, client_id=family.child_id) == (404, "not_found")
        assert await may(caller, client_id=sibling) == (200, None)

    async def test_a_calendar_link_ends_with_it(self, family: Family) -> None:
        guardian, caller = await family.parent()
        url = (await caller.post("/v1/me/calendar-feed", {})).json()["url"]
        assert (await family.world.http.get(url)).status_code == 200
        await family.remove(guardian)
        assert (await family.world.http.get(url)).status_code == 404

    async def test_a_link_to_a_document_ends_with_it(self, family: Family) -> None:
        """A09, A26: within its minute."""
        guardian, caller = await family.parent()
        files, form = {"file": ("letter.txt", b"Dear parents")}, {"shared": "true"}
        path = f"/v1/clients/{family.child_id}/documents"
        shared = (await family.owner.request("POST", path, files=files, data=form)).json()["id"]
        url = (await caller.post(f"/v1/me/documents/{shared}/content-url")).json()["url"]
        assert (await family.world.http.get(url)).content == b"Dear parents"
        await family.remove(guardian)
        assert (await family.world.http.get(url)).status_code == 404

    async def test_the_end_that_staff_set_comes_by_the_databases_clock(self, family: Family, sql: Sql) -> None:
        guardian, caller = await family.parent()
        await family.change(guardian, valid_to="2031-01-01T00:00:00Z")
        assert await may(caller) == (200, None)
        sql("UPDATE client_grant SET valid_to = now() + interval '1 minute' WHERE client_id = %s", family.child_id)
        assert await may(caller) == (200, None)
        sql("UPDATE client_grant SET valid_to = now() WHERE client_id = %s", family.child_id)
        assert await may(caller) == (403, "no_portal_access")
        await family.change(guardian, valid_to=None)
        assert await may(caller) == (200, None)

    async def test_it_begins_when_staff_said(self, family: Family) -> None:
        guardian = await family.add(valid_from="2031-01-01")
        caller = await family.joins(guardian)
        assert (await family.read(guardian))["state"] == "scheduled"
        assert await may(caller) == (403, "no_portal_access")
        await family.change(guardian, valid_from="2026-01-01")
        assert await may(caller) == (200, None)

    async def test_permissions_change_with_the_next_request(self, family: Family) -> None:
        guardian, caller = await family.parent()
        await family.change(guardian, permissions=["messages"])
        assert await may(caller) == (403, "forbidden")
        await family.change(guardian, permissions=["messages", "appointments.view"])
        assert await may(caller) == (200, None)

    async def test_a_session_stays_for_who_is_let_in_again(self, family: Family) -> None:
        guardian, caller = await family.parent()
        await family.remove(guardian)
        assert (await caller.get("/v1/me")).status_code == 200
        anew = await family.add(email=guardian["email"])
        await accept(family.world, await family.invite(anew))
        assert await may(caller) == (200, None)
        async with bound(family.world, family.practice) as session:
            mine = select(AuthSession.ended_at).where(AuthSession.account_id == UUID(caller.account["id"]))
            assert None in (await session.scalars(mine)).all()

    async def test_the_clients_suspension_is_the_guardians_too(self, family: Family) -> None:
        _, caller = await family.parent()
        await family.owner.patch(f"/v1/clients/{family.child_id}/portal-access", {"state": "suspended"})
        assert (await caller.get(LISTED)).status_code in {401, 403}


class TestTelling:
    """F6.B4: what is shared now is told to both sides, without saying what."""

    async def test_a_change_of_permissions_is_mailed_to_both(self, family: Family) -> None:
        address = family.world.email("child")
        await family.owner.post(f"/v1/clients/{family.child_id}/invitations", {"email": address})
        await accept(family.world, await family.world.mailed_token(address))
        guardian, _ = await family.parent()
        await family.change(guardian, permissions=["messages"])
        told = await family.world.mail(guardian["email"], "has changed")
        shared = await family.world.mail(address, "others may do for you")
        for mail in (told, shared):
            for private in ("messages", "Ruth", "Grace", "mother"):
                assert private not in mail.text.lower()

    async def test_without_a_change_nobody_is_told(self, family: Family) -> None:
        guardian, _ = await family.parent()
        await family.change(guardian, permissions=EVERYTHING, phone="+14155552671")
        assert not [m for m in await family.world.mails(guardian["email"]) if "has changed" in m.subject]


class TestApart:
    """F6.M3: several guardians do not learn of one another."""

    async def test_no_answer_names_another_guardian(self, family: Family) -> None:
        """Not `me`, not the home, not the history, and not what the other wrote."""
        mother, ruth = await family.parent(given_name="Ruthxx", family_name="Motherly")
        father, paul = await family.parent(given_name="Paulyy", family_name="Fatherly", relationship="father")
        await ruth.get(HISTORY)
        await family.change(mother, permissions=EVERYTHING[:5])
        for path in ("/v1/me", "/v1/me/home", "/v1/me/capabilities", LISTED, HISTORY, "/v1/practitioners"):
            answer = await paul.get(path)
            assert answer.status_code == 200, answer.text
            for hint in ("Ruthxx", "Motherly", mother["email"], mother["account_id"], "mother"):
                assert hint not in answer.text, path
        assert father["state"] == "active"

    async def test_history_shows_a_guardian_the_practice_and_themselves(self, family: Family) -> None:
        """F18.B1: sealed or not; the client sees all of it."""
        child = await client_login(family.world, family.practice, family.child_id)
        await family.owner.get(f"/v1/clients/{family.child_id}")
        await family.parent()
        _, paul = await family.parent(relationship="father")
        for _ in range(2):
            seen = (await paul.get(HISTORY)).json()["data"]
            types = {row["type"] for row in seen}
            assert {"client.created", "client.viewed"} <= types
            assert not [name for name in types if name.startswith(("guardian", "invitation", "custody"))]
            assert {row["actor_kind"] for row in seen} == {"staff"}
            everything = (await child.get(HISTORY, params={"limit": 100})).json()["data"]
            assert "guardian.joined" in {row["type"] for row in everything}
            assert len(everything) > len(seen)
            await family.world.seal_audit(family.practice)

    async def test_history_keeps_what_is_confidential(self, family: Family) -> None:
        """F6.B3"""
        service = (
            await family.owner.post("/v1/services", {"name": "Session", "duration_minutes": 50, "modes": ["video"]})
        ).json()["id"]
        booking = {
            "client_id": family.child_id,
            "practitioner_id": family.practice.staff_id,
            "service_id": service,
            "starts_at": instant(NOON),
            "mode": "video",
        }
        made = await family.owner.post("/v1/appointments", booking | {"confidential": True})
        assert made.status_code == 201, made.text
        _, parent = await family.parent()
        child = await client_login(family.world, family.practice, family.child_id)

        async def booked(caller: Caller) -> int:
            rows = (await caller.get(HISTORY, params={"limit": 100})).json()["data"]
            return len([row for row in rows if row["type"] == "appointment.booked"])

        for _ in range(2):
            assert (await booked(child), await booked(parent)) == (1, 0)
            await family.world.seal_audit(family.practice)
        await family.owner.patch(f"/v1/appointments/{made.json()['id']}", {"confidential": False})
        assert await booked(parent) == 1

    async def test_what_one_gives_as_a_reason_is_not_read_by_another(self, family: Family) -> None:
        await family.owner.patch("/v1/practice/features", {"appointment_cancellation": True})
        service = (
            await family.owner.post("/v1/services", {"name": "Session", "duration_minutes": 50, "modes": ["video"]})
        ).json()["id"]
        booking = {
            "client_id": family.child_id,
            "practitioner_id": family.practice.staff_id,
            "service_id": service,
            "starts_at": instant(NOON),
            "mode": "video",
        }
        made = (await family.owner.post("/v1/appointments", booking)).json()
        (_, ruth), (_, paul) = await family.parent(), await family.parent(relationship="father")
        path = f"{LISTED}/{made['id']}"
        cancelled = await ruth.post(f"{path}/cancel", {"reason": "His father is here."})
        assert cancelled.json()["cancellation_reason"] == "His father is here."
        assert (await ruth.get(path)).json()["cancellation_reason"] == "His father is here."
        assert (await paul.get(path)).json()["cancellation_reason"] is None
        past = (await paul.get(LISTED, params={"past": True})).json()["data"]
        assert [each["cancellation_reason"] for each in past] == [None]
        staffs = (await family.owner.get(f"/v1/appointments/{made['id']}")).json()
        assert staffs["cancellation_reason"] == "His father is here."


class TestRequests:
    async def test_what_one_writes_to_the_practitioner_is_not_read_by_another(self, world: World) -> None:
        """F6.M3: that a time was asked for is; the words are between them and the practice."""
        reception = await open_reception(world)
        ruth, paul = [await guardian(world, reception.practice, reception.client_id) for _ in range(2)]
        made = await reception.wish(by=ruth, note="His father must not know.")
        assert (made.status_code, made.json()["note"]) == (201, "His father must not know.")
        path = f"/v1/me/appointment-requests/{made.json()['id']}"
        assert (await ruth.get(path)).json()["note"] == "His father must not know."
        for caller in (paul, reception.client):
            assert (await caller.get(path)).json()["note"] is None
            (listed,) = (await caller.get("/v1/me/appointment-requests")).json()["data"]
            assert (listed["id"], listed["note"]) == (made.json()["id"], None)
        staffs = await reception.owner.get(f"/v1/appointment-requests/{made.json()['id']}")
        assert staffs.json()["note"] == "His father must not know."


PROBES = (
    ("GET", "/v1/me/home"),
    ("GET", LISTED),
    ("GET", "/v1/me/appointment-requests"),
    ("GET", "/v1/practitioners"),
    ("GET", HISTORY),
)


class TestLattice:
    """More grants never remove a right."""

    @given(data=st.data())
    @settings(max_examples=15, suppress_health_check=list(HealthCheck), deadline=None)
    async def test_more_permissions_never_take_one_away(self, lattice: "Lattice", data: st.DataObject) -> None:
        names = st.sets(st.sampled_from(list(GrantPermission)))
        few, more = data.draw(names), data.draw(names)
        less = await lattice.seen(few)
        both = await lattice.seen(few | more)
        assert less <= both
        assert await lattice.seen(set(GrantPermission)) >= both

    @given(data=st.data())
    @settings(max_examples=10, suppress_health_check=list(HealthCheck), deadline=None)
    async def test_no_permission_gives_more_than_the_practice_offers(
        self, lattice: "Lattice", data: st.DataObject
    ) -> None:
        """F2.M1: every gate must be open."""
        features = ("appointment_requests", "appointment_cancellation", "video", "secure_messaging", "client_uploads")
        off = data.draw(st.sets(st.sampled_from(features)))
        await lattice.family.owner.patch("/v1/practice/features", {name: name not in off for name in features})
        seen = await lattice.seen(set(GrantPermission))
        offered = (await lattice.family.owner.get("/v1/practice/features")).json()
        for name in features:
            assert (f"feature:{name}" in seen) == offered[name]


class Lattice:
    """One parent, whose permissions change."""

    def __init__(self, family: Family, guardian: dict[str, Any], caller: Caller) -> None:
        self.family, self.guardian, self.caller = family, guardian, caller

    async def seen(self, permissions: set[GrantPermission]) -> set[str]:
        """Everything that these permissions open."""
        await self.family.change(self.guardian, permissions=sorted(permissions))
        told = (await self.caller.get("/v1/me/capabilities")).json()["profiles"][0]
        held = {f"feature:{name}" for name, on in told["features"].items() if on}
        held |= {name for name, on in told["permissions"].items() if on}
        assert {name for name in held if "feature:" not in name} <= permissions
        for method, path in PROBES:
            answer = await self.caller.request(method, path)
            assert answer.status_code in {200, 403}, answer.text
            held |= {f"{method} {path}"} if answer.status_code == 200 else set()
        return held


@pytest.fixture
async def lattice(family: Family) -> Lattice:
    await family.owner.patch("/v1/practice/features", {"appointment_requests": True, "video": True})
    return Lattice(family, *await family.parent())
