"""Errors as RFC 9457 problem documents."""

from typing import Any

import asyncpg
import orjson
import structlog
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Scope

from portal_api.core.errors import (
    AppError,
    Conflict,
    Fault,
    Invalid,
    Malformed,
    PreconditionFailed,
    Unavailable,
    conflict_for_constraint,
)

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "/docs/errors#"
_log = structlog.get_logger()
_BY_STATUS = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "unsupported_media_type"}
_UNREACHABLE = {
    *("08000", "08001", "08003", "08006", "25006", "25P03", "57P01", "57P02", "57P03", "57P05", "53300"),
    *("28000", "28P01", "3D000", "55000"),  # a server that does not let us in
}
_GAVE_UP = {"57014", "55P03", "40001", "40P01"}
_DATA_EXCEPTIONS = "22"
"""SQLSTATE class 22: a value that PostgreSQL cannot take, such as a NUL in text."""
_MOST_FAULTS = 100
_LONGEST_POINTER = 200
_JSON_ERRORS = {"json_invalid", "json_type"}


def problem(
    status: int, code: str, title: str, detail: str, request_id: str, headers: dict[str, str], **members: Any
) -> Response:
    body = {"type": TYPE_PREFIX + code, "title": title, "status": status, "detail": detail, "code": code}
    content = orjson.dumps(body | {"request_id": request_id} | members, default=str, option=orjson.OPT_UTC_Z)
    return Response(content, status, headers, MEDIA_TYPE)


def render(error: AppError, request_id: str) -> Response:
    members = dict(error.extras)
    if error.faults:
        members["errors"] = [{"pointer": f.pointer, "code": f.code, "detail": f.detail} for f in error.faults]
    return problem(error.status, error.code, error.title, error.detail, request_id, error.headers, **members)


def translate(error: Exception) -> AppError | None:
    """What a library's exception means to the caller; None when it is our own mistake."""
    match error:
        case AppError():
            return error
        case StaleDataError():
            return PreconditionFailed("Somebody else changed this at the same moment. Read it again, then retry.")
        case ClientDisconnect():
            return Malformed("The request broke off.")
        case PoolTimeout() | OSError():
            return Unavailable("The database cannot be reached.")
        case DBAPIError():
            return _of_database(error)
        case asyncpg.IntegrityConstraintViolationError():
            return _of_constraint(error)
        case asyncpg.InterfaceError():
            return _of_driver(error)
        case asyncpg.InternalClientError():  # what a connection says that died between two messages
            return Unavailable("The database cannot be reached.")
    state = getattr(error, "sqlstate", None)
    return _of_sqlstate(state) if isinstance(state, str) else None


def _of_database(error: DBAPIError) -> AppError | None:
    cause = getattr(error.orig, "__cause__", None) or error.orig
    if isinstance(error, IntegrityError):
        return _of_constraint(cause)
    if isinstance(cause, OSError) or error.connection_invalidated:
        return Unavailable("The database cannot be reached.")
    if isinstance(cause, asyncpg.InterfaceError):
        return _of_driver(cause)
    return _of_sqlstate(getattr(cause, "sqlstate", None) or "")


def _of_constraint(cause: BaseException | None) -> AppError:
    known = conflict_for_constraint(getattr(cause, "constraint_name", None), str(cause))
    return known or Conflict("Another record stands in the way of this one.")


def _of_driver(error: asyncpg.InterfaceError) -> AppError:
    if isinstance(error, asyncpg.DataError):
        return _unstorable()
    return Unavailable("The database cannot be reached.")


def _unstorable() -> Invalid:
    """The second line behind the schemas, which should have refused the value with its pointer."""
    return Invalid("One of the values cannot be stored.")


def _of_sqlstate(state: str) -> AppError | None:
    if state in _UNREACHABLE:
        return Unavailable("The database cannot be reached.")
    if state in _GAVE_UP:
        return Unavailable("This took too long and was given up; nothing was changed.")
    if state.startswith(_DATA_EXCEPTIONS):
        return _unstorable()
    return None


def invalid_input(error: ValidationError, prefix: str) -> AppError:
    """Pydantic's findings as faults with JSON pointers; the input itself is never echoed (A44)."""
    findings = error.errors(include_url=False, include_context=False, include_input=False)
    if findings and findings[0]["type"] in _JSON_ERRORS:
        return Malformed("The body is not valid JSON.", faults=(Fault("", "malformed_json", findings[0]["msg"]),))
    faults = tuple(Fault(_pointer(prefix, f["loc"]), f["type"], f["msg"]) for f in findings[:_MOST_FAULTS])
    return Invalid("Check the fields listed under errors.", faults=faults)


def _pointer(prefix: str, location: tuple[int | str, ...]) -> str:
    parts = (str(part).replace("~", "~0").replace("/", "~1") for part in location)
    return (prefix + "".join(f"/{part}" for part in parts))[:_LONGEST_POINTER]


def answer_to(error: Exception, request_id: str) -> Response:
    """The problem document of any error. Of our own mistakes class and place go to the log, nothing to the caller."""
    if isinstance(error, HTTPException):
        return _of_starlette(error, request_id)
    known = translate(error)
    if known is None:
        _log.error("unhandled", error=type(error).__qualname__, at=_where(error), request_id=request_id)
        known = AppError("The problem was recorded. Quote the request_id if you report it.")
    return render(known, request_id)


def _of_starlette(error: HTTPException, request_id: str) -> Response:
    """What Starlette itself refuses: no such path, method not allowed."""
    code = _BY_STATUS.get(error.status_code, "http_error")
    title = {404: "There is nothing here", 405: "This method is not allowed here"}.get(error.status_code, error.detail)
    return problem(error.status_code, code, title, title + ".", request_id, dict(error.headers or {}))


def _where(error: BaseException) -> str:
    frames = []
    trace = error.__traceback__
    while trace is not None:
        frames.append(f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}")
        trace = trace.tb_next
    return " > ".join(frames[-6:])


def request_id_of(scope: Scope) -> str:
    return str(scope.get("state", {}).get("request_id", ""))
