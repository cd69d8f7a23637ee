"""What can go wrong, as RFC 9457 problems.

AppError
  Malformed 400 > Unauthenticated 401 > Forbidden 403 > NotFound 404 > Conflict 409 > Gone 410
  PreconditionFailed 412 > TooLarge 413 > UnsupportedMediaType 415 > RangeNotSatisfiable 416 > Invalid 422
  UpgradeRequired 426 > TooMany 429 > Unavailable 503

A subclass adds a `code`: stable, machine-readable, part of the API. The text may change, the code may not.
"""

import re
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with the input: where (RFC 6901 pointer), a stable code, and words for a person."""

    pointer: str
    code: str
    detail: str


class AppError(Exception):
    """An expected refusal. `extras` become members of the problem document.

    `keeps_effects`: what the transaction wrote before the refusal is part of it (a counted wrong
    password, an ended token family) and is committed.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Something went wrong on our side"
    keeps_effects: ClassVar[bool] = False

    def __init__(self, detail: str | None = None, *, faults: tuple[Fault, ...] = (), **extras: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.faults = faults
        self.extras = extras
        self.headers: dict[str, str] = {}


class Malformed(AppError):
    status, code, title = 400, "malformed", "The request cannot be read"


class Unauthenticated(AppError):
    status, code, title = 401, "unauthenticated", "Sign in to do this"


class Forbidden(AppError):
    status, code, title = 403, "forbidden", "You may not do this"


class FeatureDisabled(Forbidden):
    code, title = "feature_disabled", "This feature is switched off"


class NotFound(AppError):
    status, code, title = 404, "not_found", "There is nothing here"


class Conflict(AppError):
    status, code, title = 409, "conflict", "This conflicts with what is there"


class InvalidState(Conflict):
    code, title = "invalid_state", "This cannot be done in the present state"


class Gone(AppError):
    status, code, title = 410, "gone", "This was here and is over"


class PreconditionFailed(AppError):
    status, code, title = 412, "precondition_failed", "Somebody changed this since you read it"


class TooLarge(AppError):
    status, code, title = 413, "too_large", "The request body is too large"


class UnsupportedMediaType(AppError):
    status, code, title = 415, "unsupported_media_type", "The body is not of the media type that this takes"


class RangeNotSatisfiable(AppError):
    status, code, title = 416, "range_not_satisfiable", "The file has no such part"


class Invalid(AppError):
    status, code, title = 422, "invalid", "Some of the input is not valid"


class UpgradeRequired(AppError):
    """The app that asks is older than the operator lets in. It is no offer of another protocol (RFC 9110, 15.5.22)."""

    status, code, title = 426, "upgrade_required", "This app is too old: install its new version"


class TooMany(AppError):
    status, code, title = 429, "rate_limited", "Too many requests"
    keeps_effects = True

    def __init__(self, retry_after: float, policy: str = "", **extras: Any) -> None:
        seconds = max(1, round(retry_after + 0.5))
        super().__init__(f"Try again in {seconds} seconds.", **extras)
        self.headers = {"Retry-After": str(seconds)}
        if policy:
            name = policy.partition(";")[0]
            self.headers |= {"RateLimit-Policy": policy, "RateLimit": f"{name};r=0;t={seconds}"}


class Unavailable(AppError):
    status, code, title = 503, "unavailable", "The service is busy"

    def __init__(self, detail: str | None = None, *, retry_after: int = 2, **extras: Any) -> None:
        super().__init__(detail or f"Try again in {retry_after} seconds.", **extras)
        self.headers = {"Retry-After": str(retry_after)}


def invalid(pointer: str, code: str, detail: str) -> Invalid:
    """An `Invalid` about one field."""
    return Invalid(detail, faults=(Fault(pointer, code, detail),))


_CONSTRAINTS: dict[str, type[AppError]] = {}
_CONSTRAINT_NAME = re.compile(r'constraint "(.+?)(?:_\d{5,})?"')


def on_constraint(name: str, error: type[AppError]) -> None:
    """Say what the violation of a database constraint means to a caller."""
    _CONSTRAINTS[name] = error


def conflict_for_constraint(name: str | None, message: str) -> AppError | None:
    """The declared meaning of a violated constraint. Citus has the name only in the message, with a shard's number."""
    found = name or (match[1] if (match := _CONSTRAINT_NAME.search(message)) else "")
    error = _CONSTRAINTS.get(found)
    return error() if error else None
