"""Appointments that staff book."""

import pytest

from tests.api.scheduling.desk import APPOINTMENTS, HOUR, MINUTE, NOON, Desk, instant, open_desk
from tests.world import World


@pytest.fixture
async def desk(world: World) -> Desk:
    return await open_desk(world)


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
        listed = await desk.owner.get(APPOINTMENTS)
        assert listed.json() == {"data": [made], "next_cursor": None}
