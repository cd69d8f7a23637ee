"""Appointments that staff book, find and change."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.api.scheduling.desk import APPOINTMENTS, DAY, HOUR, MINUTE, NOON, Desk, instant, open_desk
from tests.entry import supervise
from tests.world import Caller, World

PARENT: dict[str, Any] = {"relationship": "parent", "permissions": ("appointments.view",)}


@pytest.fixture
async def desk(world: World) -> Desk:
    return await open_desk(world)


async def listed(caller: Caller, **query: Any) -> list[str]:
    """Ids, over all pages of two."""
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await caller.get(APPOINTMENTS, params={"limit": 2, **query} | ({"cursor": cursor} if cursor else {}))
        assert page.status_code == 200, page.text
        found += [each["id"] for each in page.json()["data"]]
        cursor = page.json()["next_cursor"]
    return found


def pointer(response: Any) -> tuple[int, str, str]:
    fault = response.json()["errors"][0]
    return response.status_code, fault["pointer"], fault["code"]


class TestBooking:
    async def test_an_appointment_is_booked_with_what_holds_now(self, desk: Desk) -> None:
        """F10.M7: price, policy and fee are those of this moment."""
        made = await desk.book(note="Ground floor, please.")
        assert made == {
            "id": made["id"],
            "state": "booked",
            "state_changed_at": None,
            "practitioner_id": desk.practice.staff_id,
            "service_id": desk.service_id,
            "client_id": desk.client_id,
            "client_ids": [desk.client_id],
            "guardian_account_ids": [],
            "mode": "video",
            "location_id": None,
            "room_id": None,
            "starts_at": instant(NOON),
            "ends_at": instant(NOON + 50 * MINUTE),
            "time_zone": "America/New_York",
            "allow_overlap": False,
            "confidential": False,
            "series_id": None,
            "request_id": None,
            "price": {"amount": 12000, "currency": "USD"},
            "cancellation": {
                "late_from": instant(NOON - 24 * HOUR),
                "closed_from": instant(NOON),
                "late_fee": {"amount": 6000, "currency": "USD"},
            },
            "fee_due": None,
            "cancelled_at": None,
            "cancelled_by": None,
            "cancelled_by_kind": None,
            "cancellation_reason": None,
            "note": "Ground floor, please.",
            "uid": made["id"],
            "sequence": 0,
            "created_by": desk.owner.account["id"],
            "created_at": made["created_at"],
            "updated_at": made["updated_at"],
            "version": made["version"],
        }
        assert await desk.read(made) == made
        assert (await desk.owner.get(APPOINTMENTS)).json() == {"data": [made], "next_cursor": None}

    async def test_what_is_frozen_stays_when_the_rules_change(self, desk: Desk) -> None:
        """F10.M7"""
        made = await desk.book()
        await desk.set_portal(cancellation={"late_within_minutes": 60, "closed_within_minutes": 30})
        changes = {"price": None, "late_cancellation_fee": None, "duration_minutes": 20}
        await desk.owner.patch(f"/v1/services/{desk.service_id}", changes)
        assert await desk.read(made) == made
        later = await desk.book(NOON + 2 * HOUR)
        assert (later["price"], later["cancellation"]["closed_from"]) == (None, instant(NOON + 90 * MINUTE))

    async def test_a_taken_time_is_refused_with_others_that_are_free(self, desk: Desk) -> None:
        """F10.M5"""
        hours = [{"weekday": "monday", "start": "06:00", "end": "12:00"}]
        await desk.owner.put(f"/v1/practitioners/{desk.practice.staff_id}/availability", {"windows": hours})
        await desk.book()
        for at in (NOON, NOON - 50 * MINUTE, NOON + 59 * MINUTE):
            refused = await desk.ask(at)
            assert (refused.status_code, refused.json()["code"]) == (409, "slot_taken")
        alternatives = refused.json()["alternatives"]
        starts = [slot["starts_at"] for slot in alternatives]
        assert starts == sorted(starts)
        assert 1 <= len(starts) <= 5
        for start in starts:
            await desk.book(starts_at=start)

    async def test_an_overlap_is_booked_when_staff_mean_it(self, desk: Desk) -> None:
        """F10.M6: flagged, and in the audit."""
        first = await desk.book(allow_overlap=True)
        over = await desk.book(NOON + 30 * MINUTE, allow_overlap=True)
        assert (first["allow_overlap"], over["allow_overlap"]) == (False, True)
        events = (await desk.owner.get("/v1/audit-events", params={"type": "appointment.booked"})).json()["data"]
        assert [event["details"]["overlaps"] for event in events] == [True, False]

    async def test_several_come(self, desk: Desk) -> None:
        """OW-link: a couple, a family."""
        partner, child = await desk.add_client(), await desk.add_client()
        made = await desk.book(additional_client_ids=[partner, child, partner, desk.client_id])
        assert (made["client_id"], made["client_ids"]) == (desk.client_id, [desk.client_id, partner, child])
        for client_id in made["client_ids"]:
            assert await listed(desk.owner, client_id=client_id) == [made["id"]]

    async def test_guardians_come_along_where_they_may_see_it(self, desk: Desk) -> None:
        """F6.M1"""
        parent = (await desk.portal(**PARENT)).account["id"]
        payer = (await desk.portal(relationship="parent", permissions=("billing.view",))).account["id"]
        own = (await desk.portal()).account["id"]
        made = await desk.book(guardian_account_ids=[parent])
        assert made["guardian_account_ids"] == [parent]
        for nobody in (payer, own, str(uuid4())):
            refused = await desk.ask(NOON + DAY, guardian_account_ids=[nobody])
            assert pointer(refused) == (422, "/guardian_account_ids", "not_a_guardian")

    async def test_a_room_tells_its_location_and_takes_one_at_a_time(self, desk: Desk) -> None:
        location_id, room_id = await desk.add_room()
        made = await desk.book(mode="in_person", room_id=room_id)
        assert (made["location_id"], made["room_id"]) == (location_id, room_id)
        other, _ = await desk.colleague()
        refused = await desk.ask(NOON + 30 * MINUTE, practitioner_id=other, room_id=room_id)
        assert (refused.status_code, refused.json()["code"]) == (409, "slot_taken")
        await desk.book(NOON + 50 * MINUTE, practitioner_id=other, room_id=room_id)  # buffers are the practitioner's
        elsewhere, _ = await desk.add_room()
        mixed = await desk.ask(NOON + DAY, location_id=elsewhere, room_id=room_id)
        assert pointer(mixed) == (422, "/room_id", "room_elsewhere")
        await desk.owner.post(f"/v1/rooms/{room_id}/archive")
        assert pointer(await desk.ask(NOON + DAY, room_id=room_id)) == (422, "/room_id", "unknown_room")

    async def test_what_does_not_fit_is_refused(self, desk: Desk, world: World) -> None:
        elsewhere = await open_desk(world)
        biller, _ = await desk.colleague("biller")
        archived = await desk.add_client()
        await desk.owner.post(f"/v1/clients/{archived}/archive")
        only_video = await desk.add_service(modes=["video"])
        other, _ = await desk.colleague()
        not_hers = await desk.add_service(practitioner_ids=[other])
        gone = await desk.add_service()
        await desk.owner.post(f"/v1/services/{gone}/archive")
        for fields, where in (
            ({"practitioner_id": biller}, ("/practitioner_id", "unknown_practitioner")),
            ({"practitioner_id": elsewhere.practice.staff_id}, ("/practitioner_id", "unknown_practitioner")),
            ({"service_id": elsewhere.service_id}, ("/service_id", "unknown_service")),
            ({"service_id": gone}, ("/service_id", "unknown_service")),
            ({"service_id": not_hers}, ("/service_id", "service_not_offered")),
            ({"service_id": only_video, "mode": "in_person"}, ("/mode", "mode_not_offered")),
            ({"client_id": archived}, ("/client_id", "client_archived")),
            ({"location_id": str(uuid4())}, ("/location_id", "unknown_location")),
            ({"room_id": str(uuid4())}, ("/room_id", "unknown_room")),
            ({"starts_at": "2031-03-03T12:00:30Z"}, ("/starts_at", "whole_minute")),
            ({"starts_at": "2031-03-03T12:00:00"}, ("/starts_at", "timezone_aware")),
            ({"starts_at": "1999-03-03T12:00:00Z"}, ("/starts_at", "out_of_range")),
        ):
            assert pointer(await desk.ask(**fields)) == (422, *where), fields
        for client_id in (elsewhere.client_id, str(uuid4())):
            assert (await desk.ask(client_id=client_id)).status_code == 404
        assert await listed(desk.owner) == []


class TestWho:
    async def test_practitioners_book_for_their_clients_on_their_own_calendar(self, desk: Desk) -> None:
        """A12, A16"""
        staff_id, practitioner = await desk.colleague()
        refused = await desk.ask(by=practitioner)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        not_theirs = await desk.ask(by=practitioner, practitioner_id=staff_id)
        assert not_theirs.status_code == 404
        theirs = await desk.add_client(practitioner_ids=[staff_id])
        made = await desk.book(by=practitioner, practitioner_id=staff_id, client_id=theirs)
        assert await listed(practitioner) == [made["id"]]

    async def test_schedulers_book_for_everybody_and_billers_look(self, desk: Desk) -> None:
        """F20.M2"""
        _, scheduler = await desk.colleague("scheduler")
        made = await desk.book(by=scheduler)
        _, biller = await desk.colleague("biller")
        assert await listed(biller) == [made["id"]]
        for verb in ("cancel", "attended", "reschedule"):
            assert (await biller.post(f"{APPOINTMENTS}/{made['id']}/{verb}", {})).status_code == 403

    async def test_supervisors_see_those_whom_they_supervise(self, desk: Desk) -> None:
        """F20.M3: they look, and change nothing."""
        staff_id, practitioner = await desk.colleague()
        supervisor_id, supervisor = await desk.colleague("supervisor", "practitioner")
        theirs = await desk.book(practitioner_id=staff_id)
        assert await listed(supervisor) == []
        await supervise(desk.practice, supervisor_id, staff_id)
        own = await desk.book(NOON - DAY, practitioner_id=supervisor_id)
        later = await desk.book(NOON + DAY, practitioner_id=supervisor_id)
        await desk.book(NOON + DAY)
        assert await listed(supervisor) == [own["id"], theirs["id"], later["id"]]
        assert await listed(supervisor, practitioner_id=staff_id) == [theirs["id"]]
        assert await listed(supervisor, client_id=desk.client_id) == [own["id"], theirs["id"], later["id"]]
        path = f"{APPOINTMENTS}/{theirs['id']}"
        assert (await supervisor.get(path)).status_code == 200
        assert (await supervisor.post(f"{path}/cancel")).status_code == 403
        assert (await practitioner.post(f"{path}/cancel")).status_code == 200

    async def test_a_colleagues_calendar_is_not_there(self, desk: Desk) -> None:
        made = await desk.book()
        _, practitioner = await desk.colleague()
        for verb in ("cancel", "attended", "no-show", "check-in", "reopen"):
            assert (await practitioner.post(f"{APPOINTMENTS}/{made['id']}/{verb}")).status_code == 404
        assert await listed(practitioner, practitioner_id=desk.practice.staff_id) == []


class TestLists:
    async def test_filters_narrow_and_pages_follow(self, desk: Desk) -> None:
        other_id, _ = await desk.colleague()
        client_id = await desk.add_client()
        days = [NOON + n * DAY for n in range(5)]
        mine = [(await desk.book(at))["id"] for at in reversed(days)][::-1]
        theirs = [(await desk.book(at + HOUR, practitioner_id=other_id, client_id=client_id))["id"] for at in days]
        await desk.done("cancel", {"id": mine[0]})
        both = [each for pair in zip(mine, theirs, strict=True) for each in pair]
        assert await listed(desk.owner) == both
        assert await listed(desk.owner, practitioner_id=other_id) == theirs
        assert await listed(desk.owner, client_id=client_id) == theirs
        assert await listed(desk.owner, client_id=client_id, practitioner_id=desk.practice.staff_id) == []
        assert await listed(desk.owner, state="cancelled") == [mine[0]]
        assert await listed(desk.owner, state=["cancelled", "booked"]) == both
        window = {"from": instant(days[1]), "to": instant(days[3])}
        assert await listed(desk.owner, **window) == both[2:6]
        assert await listed(desk.owner, **window, client_id=client_id) == theirs[1:3]

    async def test_dates_are_days_of_the_practice(self, desk: Desk) -> None:
        """Both ends count; New York is five hours behind."""
        late = await desk.book(NOON.replace(hour=4, minute=59))
        early = await desk.book(NOON.replace(hour=5, minute=59))
        assert await listed(desk.owner, **{"from": "2031-03-02", "to": "2031-03-02"}) == [late["id"]]
        assert await listed(desk.owner, **{"from": "2031-03-03"}) == [early["id"]]

    async def test_changes_since_a_moment_with_cancelled_ones_in_it(self, desk: Desk) -> None:
        """What an EHR mirrors."""
        first, second, third = [await desk.book(NOON + n * DAY) for n in range(3)]
        await desk.done("cancel", first)
        page = await desk.owner.get(APPOINTMENTS, params={"updated_since": second["updated_at"]})
        found = [(each["id"], each["state"]) for each in page.json()["data"]]
        assert found == [(second["id"], "booked"), (third["id"], "booked"), (first["id"], "cancelled")]
        assert await listed(desk.owner, updated_since=second["updated_at"]) == [each for each, _ in found]
        mixed = await desk.owner.get(
            APPOINTMENTS, params={"updated_since": second["updated_at"], "client_id": desk.client_id}
        )
        assert mixed.status_code == 422

    async def test_what_staff_see_is_recorded(self, desk: Desk) -> None:
        """S42"""
        made = await desk.book()
        await desk.read(made)
        await listed(desk.owner)
        for kind in ("appointment.viewed", "appointments.listed"):
            events = (await desk.owner.get("/v1/audit-events", params={"type": kind})).json()["data"]
            assert events[0]["client_ids"] == [desk.client_id]


class TestChanges:
    async def test_another_way_place_and_note(self, desk: Desk) -> None:
        made = await desk.book()
        path, (location_id, room_id) = f"{APPOINTMENTS}/{made['id']}", await desk.add_room()
        patch = {"mode": "in_person", "room_id": room_id, "note": "Step-free."}
        changed = (await desk.owner.patch(path, patch)).json()
        assert {name: changed[name] for name in patch} == patch
        assert (changed["location_id"], changed["sequence"]) == (location_id, 1)
        noted = (await desk.owner.patch(path, {"note": None})).json()
        assert (noted["note"], noted["sequence"]) == (None, 1)  # no calendar need know
        stale = await desk.owner.patch(path, {"note": "x"}, headers={"If-Match": f'"v{made["version"]}"'})
        assert (stale.status_code, stale.json()["current"]) == (412, noted)
        cleared = (await desk.owner.patch(path, {"room_id": None, "location_id": None})).json()
        assert (cleared["room_id"], cleared["location_id"]) == (None, None)
        for wrong in ({"mode": None}, {"mode": "by_post"}, {"starts_at": instant(NOON)}, {"state": "attended"}):
            assert (await desk.owner.patch(path, wrong)).status_code == 422

    async def test_a_room_that_is_taken_is_refused(self, desk: Desk) -> None:
        _, room_id = await desk.add_room()
        other, _ = await desk.colleague()
        await desk.book(practitioner_id=other, room_id=room_id)
        path = f"{APPOINTMENTS}/{(await desk.book())['id']}"
        refused = await desk.owner.patch(path, {"room_id": room_id})
        assert (refused.status_code, refused.json()["code"]) == (409, "slot_taken")
        meant = await desk.owner.patch(path, {"room_id": room_id, "allow_overlap": True})
        assert (meant.status_code, meant.json()["allow_overlap"]) == (200, True)

    async def test_others_come(self, desk: Desk) -> None:
        partner, parent = await desk.add_client(), (await desk.portal(**PARENT)).account["id"]
        made = await desk.book(guardian_account_ids=[parent])
        path = f"{APPOINTMENTS}/{made['id']}"
        joined = (await desk.owner.patch(path, {"additional_client_ids": [partner]})).json()
        assert (joined["client_ids"], joined["guardian_account_ids"]) == ([desk.client_id, partner], [parent])
        alone = (await desk.owner.patch(path, {"additional_client_ids": None, "guardian_account_ids": []})).json()
        assert (alone["client_ids"], alone["guardian_account_ids"]) == ([desk.client_id], [])
        assert await listed(desk.owner, client_id=partner) == []
        unknown = await desk.owner.patch(path, {"additional_client_ids": [str(uuid4())]})
        assert unknown.status_code == 404

    async def test_moving_is_one_step_and_keeps_the_calendar_entry(self, desk: Desk) -> None:
        """F10.M8, F10.M9"""
        made, other = await desk.book(), await desk.book(NOON + 2 * HOUR)
        moved = await desk.done("reschedule", made, starts_at=instant(NOON + 30 * MINUTE))
        kept = {"id", "uid", "client_ids", "price", "state"}
        assert {name: moved[name] for name in kept} == {name: made[name] for name in kept}
        assert (moved["starts_at"], moved["ends_at"]) == (instant(NOON + 30 * MINUTE), instant(NOON + 80 * MINUTE))
        assert (moved["sequence"], moved["cancellation"]["late_from"]) == (1, instant(NOON + 30 * MINUTE - DAY))
        clash = await desk.do("reschedule", moved, starts_at=other["starts_at"])
        assert (clash.status_code, clash.json()["code"], clash.json()["alternatives"]) == (409, "slot_taken", [])
        assert await desk.read(moved) == moved
        over = await desk.done("reschedule", moved, starts_at=other["starts_at"], allow_overlap=True)
        assert over["allow_overlap"] is True
        away = await desk.done("reschedule", over, starts_at=instant(NOON + DAY))
        assert away["allow_overlap"] is False
        await desk.book()

    async def test_attended_missed_and_taken_back(self, desk: Desk) -> None:
        """features.md 22: each state and its way back."""
        made = await desk.book()
        steps = [
            ("check-in", "checked_in"),
            ("reopen", "booked"),
            ("no-show", "no_show"),
            ("attended", "attended"),
            ("no-show", "no_show"),
            ("reopen", "booked"),
            ("attended", "attended"),
        ]
        for verb, state in steps:
            assert (await desk.done(verb, made))["state"] == state
        for verb in ("attended", "check-in", "cancel"):
            refused = await desk.do(verb, made)
            assert (refused.status_code, refused.json()["code"]) == (409, "invalid_state")
            assert refused.json()["state"] == "attended"
        moved = await desk.do("reschedule", made, starts_at=instant(NOON + timedelta(days=1)))
        assert moved.json()["code"] == "invalid_state"
        # It took its time, and still does.
        assert (await desk.ask()).status_code == 409

    async def test_a_retry_books_once(self, desk: Desk) -> None:
        key = {"Idempotency-Key": str(uuid4())}
        first, again = [await desk.owner.post(APPOINTMENTS, desk.body(), headers=key) for _ in range(2)]
        assert (first.status_code, again.status_code) == (201, 201)
        assert again.json() == first.json()
        assert again.headers["idempotency-replayed"] == "true"
