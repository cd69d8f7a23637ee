"""What a route's signature says about its answers and headers, so that no route lists them by hand."""

from fastapi.routing import APIRoute

from portal_api.web.openapi.schemas import Json
from portal_api.web.route import PortalRoute

_IF_MATCH: Json = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The ETag of the copy that was changed: refused with 412 when somebody else was faster.",
    "schema": {"type": "string", "examples": ['"v3"']},
}
_IDEMPOTENCY_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Makes the request safe to repeat for 24 hours: it has one effect, and one answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
}
_LAST_EVENT_ID: Json = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "description": "The `id` of the last event that was read: what came after it follows.",
    "schema": {"type": "string", "maxLength": 4000},
}


def is_public(route: APIRoute) -> bool:
    """Whether the route answers without credentials, by its requirement or by `public = True` of its endpoint."""
    if isinstance(route, PortalRoute):
        return route.signature.requirement.permission is None
    return bool(getattr(route.endpoint, "public", False))


def statuses(route: APIRoute) -> set[str]:
    """The refusals that the plumbing may answer with, besides those that every operation shares."""
    if not isinstance(route, PortalRoute):
        return set()
    signature, posts = route.signature, "POST" in (route.methods or ())
    found = {"503"}
    if signature.query or signature.path:
        found.add("422")
    if signature.body or signature.if_match or signature.query or posts:
        found.add("400")
    if signature.body:
        found |= {"413", "415", "422"}
    if posts:
        found |= {"409", "413", "422"}
        if signature.requirement.permission is None:
            found |= {"401", "403"}  # the credentials travel in the body
    if signature.if_match:
        found |= {"409", "412"}
    return found


def takes_form(route: APIRoute) -> bool:
    """Whether the body is a form with a file."""
    return _sent_as(route) == "form"


def takes_file(route: APIRoute) -> bool:
    """Whether the body is a file and nothing else."""
    return _sent_as(route) == "file"


def _sent_as(route: APIRoute) -> str | None:
    body = route.signature.body if isinstance(route, PortalRoute) else None
    return None if body is None else body.sent_as


def headers(route: APIRoute) -> list[Json]:
    """The request headers that the plumbing reads."""
    if not isinstance(route, PortalRoute):
        return []
    posts = "POST" in (route.methods or ())
    signature = route.signature
    return (
        [_IDEMPOTENCY_KEY] * posts
        + [_IF_MATCH] * (signature.if_match is not None)
        + [_LAST_EVENT_ID] * (signature.last_event_id is not None)
    )
