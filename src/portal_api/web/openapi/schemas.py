"""Schemas in the API description: every body has a name that reads well in a generated client."""

import re
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

_PREFIX = "#/components/schemas/"
_GENERIC = re.compile(r"([A-Za-z0-9]+)_([A-Za-z0-9]+)_")


def name_bodies(document: Json) -> None:
    """Moves unnamed request and response bodies into components, named after their operation."""
    components: Json = document.setdefault("components", {}).setdefault("schemas", {})
    for item in document["paths"].values():
        for operation in item.values():
            name = _pascal(operation["operationId"])
            for media in operation.get("requestBody", {}).get("content", {}).values():
                _name_body(media, components, name + "Request")
            for status, response in operation["responses"].items():
                for media in response.get("content", {}).values():
                    if status.startswith("2"):
                        _name_body(media, components, name + "Response")


def tidy(document: Json) -> None:
    """Renames generics (`Page_Client_` to `ClientPage`), titles every component, drops the unused ones."""
    components: Json = document["components"]["schemas"]
    _rename(document, {old: new for old in components if (new := _readable(old)) != old})
    _drop_unused(document)
    for name, schema in document["components"]["schemas"].items():
        _strip_titles(schema)
        schema["title"] = name
    for item in document["paths"].values():
        for operation in item.values():
            for parameter in operation.get("parameters", []):
                parameter["schema"].pop("title", None)


def describe_streams(response: Json) -> None:
    """`itemSchema` is a word of OpenAPI 3.2; in 3.1 the schema of a stream describes one of its items.

    Of server-sent events that is an event, whose data is JSON of the model that the route declares.
    """
    for type, media in response.get("content", {}).items():
        if "itemSchema" in media:
            media["schema"] = media.pop("itemSchema")
        elif type == "text/event-stream":
            media["schema"] = _server_sent_event(media["schema"])


def _server_sent_event(data: Json) -> Json:
    told = {name: rule for name, rule in data.items() if name not in ("type", "title")}
    return {
        "type": "object",
        "properties": {
            "event": {"type": "string"},
            "data": {"type": "string", "contentMediaType": "application/json", "contentSchema": told},
            "id": {"type": "string"},
            "retry": {"type": "integer", "minimum": 0},
        },
    }


def references(part: Json, prefix: str = _PREFIX) -> set[str]:
    """The names of the schemas, or other components, that a part of the document refers to."""
    found = (node.get("$ref") for node in _nodes(part))
    return {ref.removeprefix(prefix) for ref in found if isinstance(ref, str) and ref.startswith(prefix)}


def _name_body(media: Json, components: Json, name: str) -> None:
    schema: Json = media.get("schema", {})
    reference = schema.get("$ref", "").removeprefix(_PREFIX)
    if reference.startswith("Body_"):
        components[name] = components[reference]
    elif reference or not schema.keys() & {"properties", "additionalProperties", "items", "anyOf", "oneOf"}:
        return
    else:
        components[name] = schema
    media["schema"] = {"$ref": _PREFIX + name}


def _pascal(snake: str) -> str:
    return "".join(word.capitalize() for word in snake.split("_"))


def _readable(name: str) -> str:
    match = _GENERIC.fullmatch(name)
    return match[2] + match[1] if match else name


def _rename(document: Json, names: dict[str, str]) -> None:
    """Names schemas anew, by their old names, in one walk through the document. Raises ValueError for a name twice."""
    components: Json = document["components"]["schemas"]
    for old, new in names.items():
        if new in components:
            raise ValueError(f"two schemas would be named {new}: rename one of the classes")
        components[new] = components.pop(old)
    references = {_PREFIX + old: _PREFIX + new for old, new in names.items()}
    for node in _nodes(document):
        if isinstance(reference := node.get("$ref"), str) and reference in references:
            node["$ref"] = references[reference]


def _drop_unused(document: Json) -> None:
    components: Json = document["components"]["schemas"]
    kept: set[str] = set()
    waiting = references(document["paths"]) | references(document["components"]["responses"])
    while waiting:
        name = waiting.pop()
        kept.add(name)
        waiting |= references(components[name]) - kept
    document["components"]["schemas"] = {name: schema for name, schema in components.items() if name in kept}


def _strip_titles(schema: Json) -> None:
    """Pydantic titles each member with its own name; a generated client would only repeat it."""
    for node in _nodes(schema):
        for member in (node.get("properties") or {}).values():
            if isinstance(member, dict) and isinstance(member.get("title"), str):
                del member["title"]


def _nodes(part: object) -> Iterator[Json]:
    if isinstance(part, dict):
        yield part
        for value in part.values():
            yield from _nodes(value)
    elif isinstance(part, list):
        for value in part:
            yield from _nodes(value)
