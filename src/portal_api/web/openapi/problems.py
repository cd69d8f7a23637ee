"""Errors in the API description: one shape, one media type, shared answers for what any route may say."""

from collections.abc import Iterable

from portal_api.schemas.problems import Problem
from portal_api.web.openapi.schemas import Json, references

_RESPONSES = "#/components/responses/"
_MEDIA_TYPE = "application/problem+json"
_CONTENT: Json = {_MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}

_SHARED = {
    "400": ("Malformed", "The request cannot be read."),
    "401": ("Unauthenticated", "No valid credentials came with the request."),
    "403": ("Forbidden", "The caller may not do this, or it is switched off."),
    "404": ("NotFound", "There is no such thing, or the caller may not know of it."),
    "409": ("Conflict", "It conflicts with what is there; `code` says how."),
    "412": ("PreconditionFailed", "Somebody else changed it since; `current` is the present copy."),
    "413": ("TooLarge", "The body is too large."),
    "415": ("UnsupportedMediaType", "The body has another media type than this operation takes."),
    "422": ("Invalid", "The input is refused; `errors` says where and why."),
    "429": ("RateLimited", "Too many requests; `Retry-After` says when to try again."),
    "503": ("Unavailable", "The service is busy; `Retry-After` says when to try again."),
    "default": ("OtherProblem", "Any other problem; `code` says which."),
}


def add_components(document: Json) -> None:
    """Adds the Problem schema and the answers that operations refer to."""
    components: Json = document["components"]
    referred = references(document["paths"], _RESPONSES)
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    components.setdefault("schemas", {}).update(schema.pop("$defs", {}), Problem=schema)
    components["responses"] = {
        name: {"description": description, "content": _CONTENT}
        for name, description in _SHARED.values()
        if name in referred
    }


def complete_responses(operation: Json, public: bool, declared: Iterable[str] = ()) -> None:
    """Turns the operation's errors into problems and adds those that its kind may always answer.

    An error with a media type of its own (FHIR's OperationOutcome) stays; a route that states such a
    `default` gets none of ours.
    """
    responses: Json = operation["responses"]
    if _is_made_by_fastapi(responses.get("422")):
        del responses["422"]
    for status, response in responses.items():
        if _is_error(status) and set(response.get("content", {})) <= {"application/json", _MEDIA_TYPE}:
            response["content"] = _CONTENT
    if "default" not in responses or "content" not in responses["default"]:
        for status in (*_possible(operation, public), *declared):
            responses.setdefault(status, {"$ref": _RESPONSES + _SHARED[status][0]})
    operation["responses"] = dict(sorted(responses.items()))


def _possible(operation: Json, public: bool) -> list[str]:
    statuses = ["429", "default"]
    if not public:
        statuses += ["401", "403"]
    if any(parameter["in"] == "path" for parameter in operation.get("parameters", [])):
        statuses.append("404")
    if operation.get("parameters") or "requestBody" in operation:
        statuses.append("422")
    return statuses


def _is_error(status: str) -> bool:
    return status == "default" or status[0] in "45"


def _is_made_by_fastapi(response: Json | None) -> bool:
    return response is not None and "HTTPValidationError" in str(response.get("content"))
