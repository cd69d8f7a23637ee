"""Logins that go wrong, and addresses that no other test uses."""

from collections.abc import Callable
from itertools import count
from secrets import randbelow
from typing import Any

import pytest

from tests.world import World

Sql = Callable[..., list[Any]]
_networks = count(randbelow(200))


@pytest.fixture
def world(world: World) -> World:
    """Whoever is signed in here has signed in: their device is known, and the login recorded."""
    world.by_password = True
    return world


@pytest.fixture
def network() -> dict[str, str]:
    """Headers of a caller from a network of its own."""
    number = next(_networks)
    return {"X-Forwarded-For": f"10.{randbelow(256)}.{number % 256}.7"}
