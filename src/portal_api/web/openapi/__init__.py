"""The API description: FastAPI's document, made true to what we answer and fit to generate clients from."""

import json
from collections.abc import Callable, Iterator

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

from portal_api.web.openapi import about, problems, schemas
from portal_api.web.openapi.declared import headers, is_public, statuses, takes_file, takes_form
from portal_api.web.openapi.schemas import Json

_METHODS = ("get", "put", "post", "patch", "delete", "options", "head", "trace")


def openapi_document(app: FastAPI, is_public: Callable[[APIRoute], bool] = is_public) -> Json:
    """The OpenAPI 3.1 document of all routes of `app`, in an order that only depends on the routes.

    The operationId is the function's name; two routes of one name raise ValueError, since clients are
    generated from it. A route states its own `security` through `openapi_extra`, or gets the bearer token
    unless it is public.
    """
    document = _document_of_fastapi(app)
    for route, original, operation in _operations(app, document):
        _complete_operation(route, original, operation, is_public(original))
    _refuse_repeated_ids(document)
    schemas.name_bodies(document)
    document["components"]["securitySchemes"] = about.SECURITY_SCHEMES
    problems.add_components(document)
    schemas.tidy(document)
    _order(document)
    return document


def render(document: Json) -> str:
    """The text of the file under review: stable, indented, ends in a newline."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _document_of_fastapi(app: FastAPI) -> Json:
    return get_openapi(
        title=app.title if app.title != "FastAPI" else about.TITLE,
        version=app.version,
        # 3.2 has better words for streams, but generators of clients do not read it yet.
        openapi_version="3.1.0",
        description=app.description or about.DESCRIPTION,
        routes=app.routes,
        servers=[{"url": "/"}],
        contact=about.CONTACT,
        license_info=about.LICENSE,
        separate_input_output_schemas=False,
    )


def _operations(app: FastAPI, document: Json) -> Iterator[tuple[RouteContext, APIRoute, Json]]:
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, APIRoute) and context.include_in_schema:
            item = document["paths"][context.path_format]
            for method in sorted(context.methods or ()):
                yield context, route, item[method.lower()]


def _complete_operation(route: RouteContext, original: APIRoute, operation: Json, public: bool) -> None:
    name = str(route.name)
    operation["operationId"] = name
    operation["summary"] = route.summary or name.replace("_", " ").capitalize()
    operation.setdefault("description", operation["summary"] + ".")
    operation["tags"] = operation.get("tags") or [about.DEFAULT_TAG]
    stated = (route.openapi_extra or {}).get("security")
    operation["security"] = stated if stated is not None else [] if public else [{"bearer": []}]
    problems.complete_responses(operation, public, statuses(original))
    if declared := headers(original):
        operation["parameters"] = [*operation.get("parameters", []), *map(dict, declared)]
    if takes_form(original):
        content = operation["requestBody"]["content"]
        content["multipart/form-data"] = content.pop("application/json")
    if takes_file(original):
        anything: Json = {}
        operation["requestBody"] = {"required": True, "content": {"application/octet-stream": anything}}
    for response in operation["responses"].values():
        schemas.describe_streams(response)


def _refuse_repeated_ids(document: Json) -> None:
    seen: set[str] = set()
    for item in document["paths"].values():
        for operation in item.values():
            if operation["operationId"] in seen:
                raise ValueError(f"two routes are named {operation['operationId']}: rename one of the functions")
            seen.add(operation["operationId"])


def _order(document: Json) -> None:
    """Paths and components by name, methods by what they do; members of a schema stay as declared."""
    paths = document["paths"]
    document["paths"] = {
        path: {method: paths[path][method] for method in _METHODS if method in paths[path]} for path in sorted(paths)
    }
    document["components"] = {
        kind: dict(sorted(members.items())) for kind, members in sorted(document["components"].items()) if members
    }
    used = {tag for item in paths.values() for operation in item.values() for tag in operation["tags"]}
    document["tags"] = about.tags(used)
