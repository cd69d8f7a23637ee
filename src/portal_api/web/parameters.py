"""A handler's signature, read once at start-up: where each argument comes from."""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Protocol, get_args, get_origin, get_type_hints

from fastapi import params
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import Request

from portal_api.core import telephones
from portal_api.core.access import Principal
from portal_api.core.db import Reader, Session
from portal_api.core.errors import Malformed, UnsupportedMediaType, invalid
from portal_api.core.uploads import UploadedFile
from portal_api.web.access import Requirement
from portal_api.web.problems import invalid_input

JSON_TYPES = ("application/json", "application/fhir+json", "application/merge-patch+json")
CONTENT_TYPES = ("application/pdf", "application/octet-stream")
"""Of a body that is the thing itself, for a model that says with `of_content` what it stands for."""
ENTITY_TAG = re.compile(r'(W/)?"[!#-~]*"')
NO_VERSION = -1
SentAs = Literal["json", "form", "file"]


@dataclass(frozen=True, slots=True)
class Model:
    """An argument that is one validated model: the query or the body. An optional body may be left out.

    `lists`: query parameters that may be repeated, as their model says. `sent_as`: a body with a file is a
    form, or the file itself. `of_content`: makes the model of a body that is no JSON.
    """

    name: str
    adapter: TypeAdapter[Any]
    optional: bool = False
    lists: frozenset[str] = frozenset()
    sent_as: SentAs = "json"
    of_content: Callable[[bytes], Any] | None = None


class FormData(Protocol):
    """A body with a file: its fields as text, the file as what is known of it."""

    @property
    def values(self) -> dict[str, Any]: ...


Body = bytes | FormData


@dataclass(slots=True)
class Signature:
    """What a handler takes. `requirement` is its declaration; a route without one does not start."""

    requirement: Requirement
    principal: str
    session: str | None = None
    reader: str | None = None
    request: str | None = None
    if_match: str | None = None
    last_event_id: str | None = None
    query: Model | None = None
    body: Model | None = None
    path: dict[str, TypeAdapter[Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, endpoint: Callable[..., Any], path_names: set[str]) -> "Signature":
        """Read the declaration. Raises TypeError, at start-up, for a handler that declares nothing."""
        hints = get_type_hints(endpoint, include_extras=True)
        declared = {name: _declared(hints[name]) for name in inspect.signature(endpoint).parameters}
        requirement = next((m for _, m in declared.values() if isinstance(m, Requirement)), None)
        principal = next((n for n, (_, m) in declared.items() if isinstance(m, Requirement)), "")
        if requirement is None:
            raise TypeError(f"{endpoint.__qualname__} does not declare who may call it")
        signature = cls(requirement, principal)
        for name, (kind, marker) in declared.items():
            signature._place(name, kind, marker, name in path_names, endpoint)
        return signature

    def _place(self, name: str, kind: Any, marker: Any, in_path: bool, endpoint: Callable[..., Any]) -> None:
        if in_path:
            self.path[name] = TypeAdapter(kind)
        elif isinstance(marker, Requirement) or kind is Principal:
            return
        elif kind is Session:
            self.session = name
        elif kind is Reader:
            self.reader = name
        elif kind is Request:
            self.request = name
        elif name == "if_match":
            self.if_match = name
        elif name == "last_event_id":
            self.last_event_id = name
        elif isinstance(marker, params.Query):
            self.query = Model(name, TypeAdapter(kind), lists=_lists(kind))
        elif _is_model(kind):
            of_content = getattr(kind, "of_content", None)
            self.body = Model(name, TypeAdapter(kind), sent_as=_sent_as(kind), of_content=of_content)
        elif _is_model(given := _unless_left_out(kind)):
            self.body = Model(name, TypeAdapter(given), optional=True)
        else:
            raise TypeError(f"{endpoint.__qualname__}: where does {name!r} come from?")

    def arguments(self, request: Request, raw_body: Body, region: str | None = None) -> dict[str, Any]:
        """Validated arguments. Raises Malformed, UnsupportedMediaType or Invalid with pointers.

        region: where telephone numbers are read that are written without a country.
        """
        found: dict[str, Any] = {}
        for name, adapter in self.path.items():
            found[name] = _validated(
                lambda a=adapter, n=name: a.validate_python(request.path_params[n]), f"/path/{name}"
            )
        if self.query is not None:
            query = self.query
            found[query.name] = _validated(
                lambda: query.adapter.validate_python(_query_of(request, query.lists)), "/query"
            )
        if self.body is not None:
            found[self.body.name] = _body(self.body, request, raw_body, region)
        if self.if_match is not None:
            found[self.if_match] = _if_match(request)
        if self.last_event_id is not None:
            found[self.last_event_id] = header(request, b"last-event-id")
        if self.request is not None:
            found[self.request] = request
        return found


def header(request: Request, name: bytes) -> str | None:
    """A header, by its name in lower case; of a repeated one the first."""
    found: bytes | None = request.scope["state"]["headers"].get(name)
    return None if found is None else found.decode("latin-1")


def _declared(hint: Any) -> tuple[Any, Any]:
    """The bare type and the marker of an annotation."""
    if get_origin(hint) is not Annotated:
        return hint, None
    kind, *metadata = get_args(hint)
    for item in metadata:
        if isinstance(item, params.Depends):
            return kind, item.dependency
        if isinstance(item, params.Query):
            return kind, item
    return hint, None


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _unless_left_out(kind: Any) -> Any:
    """The M of `M | None`; None for any other type."""
    alternatives = get_args(kind) if isinstance(kind, UnionType) else ()
    return alternatives[0] if len(alternatives) == 2 and alternatives[1] is NoneType else None


def _sent_as(model: type[BaseModel]) -> SentAs:
    kinds = [field.annotation for field in model.model_fields.values()]
    if kinds == [UploadedFile | None]:
        return "file"
    return "form" if UploadedFile in kinds else "json"


def _body(model: Model, request: Request, raw_body: Body, region: str | None) -> Any:
    """No body at all is an empty one: what is needed is then reported field by field."""
    if not isinstance(raw_body, bytes):
        return _validated(lambda: model.adapter.validate_python(raw_body.values), "")
    if not raw_body and model.optional:
        return None
    if raw_body and model.of_content is not None and _media_type(request) in CONTENT_TYPES:
        return model.of_content(raw_body)
    if raw_body:
        _must_be_json(request)
    context = {telephones.REGION: region}
    return _validated(lambda: model.adapter.validate_json(raw_body or b"{}", context=context), "")


def _validated(validate: Callable[[], Any], prefix: str) -> Any:
    try:
        return validate()
    except ValidationError as error:
        raise invalid_input(error, prefix) from None


def _lists(model: type[BaseModel]) -> frozenset[str]:
    """The fields of a query that hold several values, as the query spells them."""
    fields = model.model_fields.items()
    return frozenset(field.alias or name for name, field in fields if get_origin(field.annotation) is list)


def _query_of(request: Request, lists: frozenset[str]) -> dict[str, Any]:
    if not request.scope["query_string"]:
        return {}
    pairs = request.query_params.multi_items()
    values: dict[str, Any] = dict(pairs)
    repeated = {name: [value for other, value in pairs if other == name] for name in lists & values.keys()}
    if len(values) - len(repeated) != sum(name not in repeated for name, _ in pairs):
        twice = next(name for name, _ in pairs if name not in lists and sum(name == other for other, _ in pairs) > 1)
        raise invalid(f"/query/{twice}"[:200], "repeated", "Give each query parameter once.")
    return values | repeated


def _media_type(request: Request) -> str:
    return (header(request, b"content-type") or "").split(";", 1)[0].strip().lower()


def _must_be_json(request: Request) -> None:
    if _media_type(request) not in JSON_TYPES:
        raise UnsupportedMediaType("Send the body as application/json.")


def _if_match(request: Request) -> int | None:
    """The version that the caller last saw, from `If-Match: "v3"`; None when the header is absent or `*`.

    A tag that was never given out is of a copy that does not hold (RFC 9110 section 13.1.1).
    """
    given = header(request, b"if-match")
    if given is None or given.strip() == "*":
        return None
    tag = given.strip()
    text = tag.removeprefix("W/").strip('"').removeprefix("v").partition(".")[0]
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    if ENTITY_TAG.fullmatch(tag):
        return NO_VERSION
    raise Malformed('If-Match takes the ETag of the copy that you changed, such as "v3".')
