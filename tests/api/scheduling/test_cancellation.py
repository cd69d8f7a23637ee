"""Cancelling: who, until when, and what it costs."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.api.scheduling.desk import DAY, MINE, MINUTE, NOON, Desk, instant, open_desk, soon
from tests.people import grant
from tests.world import Caller, World

Sql = Callable[..., list[Any]]
LATE, CLOSED = 24 * 60, 2 * 60
EVERY_DAY = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


@pytest.fixture
async def desk(world: World) -> Desk:
    """Late within a day, closed within two hours; clients cancel and move."""
    desk = await open_desk(world)
    await desk.set_portal(
        cancellation={"late_within_minutes": LATE, "closed_within_minutes": CLOSED}, allow_client_reschedule=True
    )
    await desk.switch(appointment_cancellation=True, appointment_requests=True)
    windows = [{"weekday": day, "start": "00:00", "end": "24:00"} for day in EVERY_DAY]
    path = f"/v1/practitioners/{desk.practice.staff_id}/availability"
    await desk.owner.put(path, {"windows": windows, "time_zone": "UTC"})
    rules = {"min_notice_minutes": 0, "horizon_days": 730, "slot_interval_minutes": 5}
    await desk.owner.patch(f"/v1/services/{desk.service_id}", rules)
    return desk


def starts_in(sql: Sql, appointment: dict[str, Any], **ahead: float) -> None:
    """Let so much time be left until its start, by the database's clock."""
    moved = "UPDATE appointment SET starts_at = now() + %s, ends_at = now() + %s + interval '1 hour' WHERE id = %s"
    sql(moved, timedelta(**ahead), timedelta(**ahead), appointment["id"])


async def cancel(caller: Caller, appointment: dict[str, Any], **body: Any) -> Any:
    return await caller.post(f"{MINE}/{appointment['id']}/cancel", body or None)


async def move(caller: Caller, appointment: dict[str, Any], at: Any, **body: Any) -> Any:
    return await caller.post(f"{MINE}/{appointment['id']}/reschedule", {"starts_at": instant(at), **body})


class TestThresholds:
    @pytest.mark.parametrize(
        ("ahead", "status", "outcome"),
        [
            ({"hours": 24, "seconds": 30}, 200, "cancelled"),
            ({"hours": 24, "seconds": -1}, 200, "late_cancelled"),
            ({"hours": 2, "seconds": 30}, 200, "late_cancelled"),
            ({"hours": 2, "seconds": -1}, 409, "cancellation_closed"),
            ({"hours": -1}, 409, "cancellation_closed"),
        ],
        ids=lambda value: str(value),
    )
    async def test_free_late_closed(
        self, desk: Desk, sql: Sql, ahead: dict[str, float], status: int, outcome: str
    ) -> None:
        """F10.M7, F10.M8, A24"""
        client, made = await desk.portal(), await desk.book()
        starts_in(sql, made, **ahead)
        answer = await cancel(client, made, reason="Ill.")
        assert answer.status_code == status, answer.text
        told = answer.json()
        if status == 409:
            assert (told["code"], told["phone"]) == (outcome, None)
            assert (await desk.read(made))["state"] == "booked"
            return
        fee = {"amount": 6000, "currency": "USD"} if outcome == "late_cancelled" else None
        assert (told["state"], told["fee_due"], told["cancelled_by_kind"]) == (outcome, fee, "client")
        seen = await desk.read(made)
        assert (seen["state"], seen["fee_due"], seen["cancellation_reason"]) == (outcome, fee, "Ill.")
        assert seen["cancelled_by"] == client.account["id"]

    async def test_the_practices_phone_is_told(self, desk: Desk) -> None:
        await desk.owner.patch("/v1/practice", {"phone": "+1 212 555 0100"})
        refused = await cancel(await desk.portal(), await desk.book(soon(hours=1)))
        assert (refused.json()["code"], refused.json()["phone"]) == ("cancellation_closed", "+12125550100")

    async def test_the_policy_is_the_one_it_was_booked_under(self, desk: Desk) -> None:
        """F10.M7"""
        client, made = await desk.portal(), await desk.book(soon(hours=30))
        await desk.set_portal(cancellation={"late_within_minutes": 72 * 60, "closed_within_minutes": 48 * 60})
        assert (await cancel(client, made)).json()["state"] == "cancelled"
        stricter = await desk.book(soon(hours=30))
        assert (await cancel(client, stricter)).json()["code"] == "cancellation_closed"

    @pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
    async def test_no_zone_moves_the_line(self, desk: Desk, zone: str) -> None:
        """A24: instants alone count, not the practice's zone, and nothing that a caller says of theirs."""
        client, made = await desk.portal(), await desk.book(soon(hours=23))
        await desk.owner.patch("/v1/practice", {"time_zone": zone})
        headers = {"Time-Zone": zone, "Prefer": f'timezone="{zone}"', "Date": "Thu, 01 Jan 1970 00:00:00 GMT"}
        answer = await client.post(f"{MINE}/{made['id']}/cancel", None, headers=headers)
        assert answer.json()["state"] == "late_cancelled"

    @pytest.mark.parametrize("day", ["2031-03-30", "2031-10-26"])
    async def test_a_day_is_24_hours_over_a_change_of_the_clocks(self, desk: Desk, day: str) -> None:
        """A24: Berlin, at noon of a day that has 23 hours, and of one that has 25."""
        made = await desk.book(datetime.fromisoformat(f"{day}T10:00:00Z"))
        start = datetime.fromisoformat(made["starts_at"])
        assert made["cancellation"]["late_from"] == instant(start - DAY)

    async def test_cancelled_twice_is_told_so(self, desk: Desk) -> None:
        client, made = await desk.portal(), await desk.book()
        assert (await cancel(client, made)).status_code == 200
        again = await cancel(client, made)
        assert (again.status_code, again.json()["code"], again.json()["state"]) == (409, "invalid_state", "cancelled")

    async def test_the_time_is_free_again(self, desk: Desk) -> None:
        made = await desk.book()
        await cancel(await desk.portal(), made)
        await desk.book()


class TestStaff:
    async def test_the_practice_cancels_at_any_time_and_nothing_is_due(self, desk: Desk) -> None:
        made = await desk.book(soon(minutes=5))
        cancelled = await desk.done("cancel", made, reason="The practitioner is ill.")
        assert (cancelled["state"], cancelled["fee_due"], cancelled["cancelled_by_kind"]) == (
            "cancelled",
            None,
            "staff",
        )
        assert cancelled["sequence"] == 1

    async def test_staff_say_that_a_client_cancelled_late(self, desk: Desk) -> None:
        """OW-cxl: by phone."""
        cancelled = await desk.done("cancel", await desk.book(), late=True)
        assert (cancelled["state"], cancelled["fee_due"]) == ("late_cancelled", {"amount": 6000, "currency": "USD"})

    async def test_cancelling_is_recorded_without_the_reason(self, desk: Desk) -> None:
        made = await desk.book()
        await desk.done("cancel", made, reason="Hospital.")
        events = (await desk.owner.get("/v1/audit-events", params={"type": "appointment.cancelled"})).json()["data"]
        assert [event["details"] for event in events] == [{"state": "cancelled"}]
        assert "Hospital" not in str(events)


class TestWhoMay:
    async def test_the_feature_off_forbids_it(self, desk: Desk) -> None:
        """F2.M3; staff go on, and on again brings it back (F2.M5)."""
        client, made = await desk.portal(), await desk.book()
        await desk.switch(appointment_cancellation=False)
        refused = await cancel(client, made)
        assert (refused.status_code, refused.json()["code"]) == (403, "feature_disabled")
        assert refused.json()["feature"] == "appointment_cancellation"
        assert (await client.get(f"{MINE}/{made['id']}")).status_code == 200
        await desk.switch(appointment_cancellation=True)
        assert (await cancel(client, made)).status_code == 200

    async def test_a_guardian_needs_the_permission_for_this_child(self, desk: Desk) -> None:
        """F6.M1: 403 where they see it, 404 where they do not."""
        unseen, seen, theirs = desk.client_id, await desk.add_client(), await desk.add_client()
        view, both = ("appointments.view",), ("appointments.view", "appointments.cancel")
        parent = await desk.portal(theirs, relationship="parent", permissions=both)
        await grant(desk.world, desk.practice, parent.account["id"], seen, "parent", view)
        await grant(desk.world, desk.practice, parent.account["id"], unseen, "parent", ("appointments.cancel",))
        booked = {
            name: await desk.book(NOON + n * DAY, client_id=client_id)
            for n, (name, client_id) in enumerate({"unseen": unseen, "seen": seen, "theirs": theirs}.items())
        }
        refused = await cancel(parent, booked["seen"])
        assert (refused.status_code, refused.json()["code"]) == (403, "feature_disabled")
        assert (await cancel(parent, booked["seen"], client_id=seen)).status_code == 403
        assert (await cancel(parent, booked["unseen"])).status_code == 404
        assert (await cancel(parent, booked["theirs"], client_id=seen)).status_code == 403
        answer = await cancel(parent, booked["theirs"], client_id=theirs)
        assert (answer.status_code, answer.json()["client_ids"]) == (200, [theirs])

    async def test_nobody_elses(self, desk: Desk) -> None:
        """A15"""
        made = await desk.book()
        stranger = await desk.portal(await desk.add_client())
        for answer in (await cancel(stranger, made), await move(stranger, made, NOON + DAY)):
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")

    async def test_one_of_a_couple_cancels_for_both(self, desk: Desk) -> None:
        partner = await desk.add_client()
        made = await desk.book(additional_client_ids=[partner])
        answer = await cancel(await desk.portal(partner), made)
        assert (answer.json()["state"], answer.json()["client_ids"]) == ("cancelled", [partner])


class TestMoving:
    async def test_to_a_time_that_is_offered(self, desk: Desk) -> None:
        """F10.M8: one step, the same entry in the calendar."""
        client, made = await desk.portal(), await desk.book(soon(days=3))
        later = (datetime.fromisoformat(made["starts_at"]) + DAY).replace(minute=0)
        answer = await move(client, made, later)
        assert answer.status_code == 200, answer.text
        moved = answer.json()
        assert (moved["starts_at"], moved["uid"], moved["sequence"]) == (instant(later), made["uid"], 1)
        nearby = await move(client, moved, later + 30 * MINUTE)  # over its own time
        assert nearby.status_code == 200, nearby.text

    async def test_both_of_a_couple_are_moved(self, desk: Desk) -> None:
        partner = await desk.add_client()
        made = await desk.book(soon(days=3), additional_client_ids=[partner])
        later = (datetime.fromisoformat(made["starts_at"]) + DAY).replace(minute=0)
        assert (await move(await desk.portal(), made, later)).status_code == 200
        theirs = (await (await desk.portal(partner)).get(MINE)).json()["data"]
        assert [each["starts_at"] for each in theirs] == [instant(later)]

    async def test_moving_is_no_way_round_the_window(self, desk: Desk) -> None:
        """A24: neither late, to save the fee, nor when it is closed; and what is near stays near."""
        client = await desk.portal()
        for ahead in (soon(hours=23), soon(hours=1)):
            made = await desk.book(ahead)
            refused = await move(client, made, soon(days=9).replace(minute=0))
            assert (refused.status_code, refused.json()["code"]) == (409, "rescheduling_closed")
            assert "phone" in refused.json()
            await desk.done("cancel", made)
        made = await desk.book(soon(days=3))
        nearer = soon(hours=5).replace(minute=0)
        assert (await move(client, made, nearer)).status_code == 200
        assert (await cancel(client, made)).json()["state"] == "late_cancelled"

    async def test_only_to_what_is_offered(self, desk: Desk) -> None:
        """A23"""
        await desk.owner.patch(f"/v1/services/{desk.service_id}", {"min_notice_minutes": 600, "horizon_days": 10})
        client, made = await desk.portal(), await desk.book(soon(days=3))
        taken = await desk.book(soon(days=5).replace(minute=0))
        clash = await move(client, made, datetime.fromisoformat(taken["starts_at"]))
        assert (clash.status_code, clash.json()["code"]) == (409, "slot_taken")
        assert clash.json()["alternatives"]
        for at in (soon(hours=2).replace(minute=0), soon(days=20).replace(minute=0), soon(days=5).replace(minute=7)):
            refused = await move(client, made, at + DAY if at.minute == 7 else at)
            assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "not_offered"), refused.text
        assert (await desk.read(made))["starts_at"] == made["starts_at"]

    async def test_where_the_practice_moves_appointments_itself(self, desk: Desk) -> None:
        client, made = await desk.portal(), await desk.book(soon(days=3))
        later = soon(days=4).replace(minute=0)
        await desk.set_portal(allow_client_reschedule=False)
        assert (await move(client, made, later)).json()["code"] == "rescheduling_off"
        await desk.set_portal(allow_client_reschedule=True)
        await desk.switch(appointment_requests=False)
        off = (await move(client, made, later)).json()
        assert (off["code"], off["feature"]) == ("feature_disabled", "appointment_requests")
        await desk.switch(appointment_requests=True)
        assert (await move(client, made, later)).status_code == 200

    async def test_what_is_cancelled_is_not_moved(self, desk: Desk) -> None:
        client, made = await desk.portal(), await desk.book(soon(days=3))
        await cancel(client, made)
        refused = await move(client, made, soon(days=4).replace(minute=0))
        assert (refused.status_code, refused.json()["state"]) == (409, "cancelled")
