"""What a route declares about its caller."""

from dataclasses import dataclass
from typing import Any

from fastapi import Depends

from portal_api.core.access import Feature, Permission


@dataclass(frozen=True, slots=True)
class Requirement:
    """Who may try. `permission` None: anyone, signed in or not.

    restricted: also for an account that must first change its password or enrol a second factor.
    enrolling: also for an account that must first enrol a second factor, and only that.
    screened: the body carries a `bot_check_token`, which is checked where the installation sets a challenge.
    """

    permission: Permission | None
    feature: Feature | None = None
    restricted: bool = False
    enrolling: bool = False
    screened: bool = False

    def __call__(self) -> None:
        raise RuntimeError("requirements are enforced by PortalRoute; register the route on a PortalRouter")


def requires(
    permission: Permission, *, feature: Feature | None = None, restricted: bool = False, enrolling: bool = False
) -> Any:
    """The caller must hold the permission; client callers also need the feature."""
    return Depends(Requirement(permission, feature, restricted, enrolling))


def public(*, screened: bool = False) -> Any:
    """Anyone may call; of a screened route, any person."""
    return Depends(Requirement(None, screened=screened))


class _Provided:
    """A parameter that the route fills in itself."""

    def __init__(self, what: str) -> None:
        self.what = what

    def __call__(self) -> None:
        raise RuntimeError(f"{self.what} is provided by PortalRoute; register the route on a PortalRouter")


def provided(what: str) -> Any:
    return Depends(_Provided(what))
