"""Ids that bodies name: where a body's schema has them, what each of them names, and a body that names another."""

from collections.abc import Awaitable, Callable, Iterator
from copy import deepcopy
from typing import Any
from uuid import UUID

from tests.cast import House
from tests.examples import MAKERS
from tests.operations import Operation, json_schema

Path = tuple[str, ...]
"""Field by field; EACH stands for an element of a list."""
EACH = "[]"


async def _account(house: House) -> UUID:
    """Of a guardian of somebody."""
    _, caller = await house.guardian()
    return UUID(caller.account["id"])


_DOCUMENT, _STAFF, _TEMPLATE = (MAKERS[name].make for name in ("document_id", "staff_id", "form_template_id"))
NAMED: dict[str, Callable[[House], Awaitable[UUID]] | None] = {
    **{name: maker.make for name, maker in MAKERS.items()},
    **dict.fromkeys(("back_document_id", "document_ids", "front_document_id", "order_document_id"), _DOCUMENT),
    **dict.fromkeys(("participant_ids", "practitioner_ids", "reassign_to", "supervises"), _STAFF),
    **dict.fromkeys(("consent_form_template_id", "form_template_ids"), _TEMPLATE),
    **dict.fromkeys(("for_account_id", "guardian_account_ids"), _account),
    "additional_client_ids": House.client,
    "service_ids": House.service,
}
"""How to make what a field names, by the field's name."""
OF_A_CHART = {
    *("back_document_id", "document_id", "document_ids", "front_document_id", "guardian_id", "order_document_id"),
    *("for_account_id", "guardian_account_ids"),
}
"""Those that must be the client's whom the request is about."""
OF_NO_RECORD = {
    ("POST /v1/me/notifications/read-all", "up_to"),
    ("POST /v1/appointments/{appointment_id}/admit", "participant_ids"),
    ("POST /v1/appointments/{appointment_id}/presence", "participant_id"),
    ("POST /v1/appointments/{appointment_id}/remove", "participant_ids"),
    ("POST /v1/me/appointments/{appointment_id}/presence", "participant_id"),
}
"""What names no row: a place in a list, or somebody who is there at the moment."""
BESIDE: dict[str, dict[str, Any]] = {
    "overrides": {"date": "2031-03-03", "windows": [{"start": "09:00", "end": "17:00"}]},
    "payment_shares": {"percent": 100},
    "steps": {"key": "step"},
    "windows": {"weekday": "monday", "start": "09:00", "end": "17:00"},
}
"""What an element of a list needs besides, by the list's name."""
KINDS = {"form_template_id": {"kind": "intake"}, "practice_document_id": {"kind": "document"}}
"""And by what it names."""


def names_in(operation: Operation) -> list[Path]:
    """Where the operation's body has ids that name something."""
    model = operation.route.signature.body
    if model is None or model.sent_as != "json":
        return []
    schema = json_schema(model)
    found = sorted(set(_ids(schema, schema.get("$defs", {}))))
    return [path for path in found if (str(operation), field_of(path)) not in OF_NO_RECORD]


def field_of(path: Path) -> str:
    return [part for part in path if part != EACH][-1]


def naming(content: dict[str, Any], path: Path, id: UUID) -> dict[str, Any]:
    """The same body with this id in that place, and what the place needs besides."""
    body, (name, *rest) = deepcopy(content), path
    body[name] = _within(body.get(name), (name, *rest), id)
    return body


def _within(given: Any, path: Path, id: UUID) -> Any:
    name, rest = path[0], path[1:]
    if not rest:
        return str(id)
    if rest[0] != EACH:
        return naming(given or {}, rest, id)
    if len(rest) == 1:
        return [str(id)]
    element = given[0] if given else BESIDE.get(name, {}) | KINDS.get(rest[1], {})
    return [naming(element, rest[1:], id)]


def _ids(schema: dict[str, Any], defs: dict[str, Any], path: Path = (), above: tuple[str, ...] = ()) -> Iterator[Path]:
    reference = schema.get("$ref")
    if reference in above:
        return
    if reference is not None:
        above, schema = (*above, reference), schema | defs[reference.rsplit("/", 1)[1]]
    if schema.get("format") == "uuid":
        yield path
    for option in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield from _ids(option, defs, path, above)
    for name, field in schema.get("properties", {}).items():
        yield from _ids(field, defs, (*path, name), above)
    if isinstance(schema.get("items"), dict):
        yield from _ids(schema["items"], defs, (*path, EACH), above)
