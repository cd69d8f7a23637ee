"""Free, late, closed: to the microsecond, over any change of the clocks (F10.M7, A24)."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from portal_api.models.scheduling import Appointment
from portal_api.models.scheduling.appointments import CancellationStage

ZONES = [
    ZoneInfo(name)
    for name in ("America/New_York", "Europe/London", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu")
]
TICK = timedelta(microseconds=1)
minutes = st.integers(0, 3 * 1440)
WALL = datetime(2024, 1, 1), datetime(2030, 12, 31)  # noqa: DTZ001 - the zone is drawn
starts = st.datetimes(*WALL, timezones=st.sampled_from(ZONES))


@given(starts, minutes, minutes, st.integers(-1440 * 4, 1440 * 4), st.sampled_from(ZONES))
def test_the_stage_is_a_matter_of_instants(start: datetime, late: int, closed: int, ahead: int, zone: ZoneInfo) -> None:
    appointment = Appointment(starts_at=start, late_within_minutes=late, closed_within_minutes=closed)
    now = (start.astimezone(UTC) - timedelta(minutes=ahead)).astimezone(zone)
    expected = (
        CancellationStage.CLOSED
        if ahead < closed or ahead <= 0
        else CancellationStage.LATE
        if ahead < late
        else CancellationStage.FREE
    )
    assert appointment.cancellation_stage(now) is expected


@given(starts, st.integers(2, 1440), st.integers(1, 1440))
def test_the_line_itself_is_still_on_the_milder_side(start: datetime, late: int, closed: int) -> None:
    late += closed
    appointment = Appointment(starts_at=start, late_within_minutes=late, closed_within_minutes=closed)
    begin = start.astimezone(UTC)
    for within, before, after in (
        (late, CancellationStage.FREE, CancellationStage.LATE),
        (closed, CancellationStage.LATE, CancellationStage.CLOSED),
    ):
        line = begin - timedelta(minutes=within)
        assert appointment.cancellation_stage(line) is before
        assert appointment.cancellation_stage(line + TICK) is after
