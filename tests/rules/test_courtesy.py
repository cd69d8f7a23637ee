"""Heavy work in threads gives way to a busy event loop."""

import asyncio

import pytest

from portal_api.core.courtesy import CourteousPool, pause_after


@pytest.mark.parametrize(("took", "loop_used"), [(0.025, 0.0), (0.025, 0.012), (0.0, 0.0), (4.0, 1.0)])
def test_no_pause_while_the_event_loop_has_time_to_spare(took: float, loop_used: float) -> None:
    assert pause_after(took, loop_used) == 0.0


def test_a_busy_event_loop_gets_most_of_the_time() -> None:
    assert pause_after(0.015, 0.014) == pytest.approx(0.085)


def test_no_pause_is_longer_than_half_a_second() -> None:
    assert pause_after(3.0, 2.9) == 0.5


async def test_results_and_errors_come_back_from_the_thread() -> None:
    pool = CourteousPool(1, "test")
    fine, wrong = pool.submit(lambda: 42), pool.submit(lambda: 1 // 0)
    assert await asyncio.wrap_future(fine) == 42
    with pytest.raises(ZeroDivisionError):
        await asyncio.wrap_future(wrong)
    pool.shutdown()
