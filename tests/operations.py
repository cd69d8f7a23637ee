"""Every operation of the application, read from its own routes: what tests over all of them are generated from."""

from dataclasses import dataclass
from functools import cache
from inspect import isawaitable
from typing import Any

import httpx
from pydantic import BaseModel

from portal_api.core.access import Permission
from portal_api.core.config import Settings
from portal_api.main import create_app
from portal_api.web.parameters import Model
from portal_api.web.route import SAFE, PortalRoute
from tests.cast import House
from tests.examples import BODIES, QUERIES, VALUES


@cache
def json_schema(model: Model) -> dict[str, Any]:
    """The JSON Schema of a query or a body."""
    return model.adapter.json_schema()


@dataclass(frozen=True)
class Operation:
    method: str
    route: PortalRoute

    def __str__(self) -> str:
        return f"{self.method} {self.route.path}"

    @property
    def key(self) -> str:
        """The operation as BODIES and QUERIES name it."""
        path = self.route.path
        for name in self.route.param_convertors:
            path = path.replace(f"{{{name}}}", "{}")
        return f"{self.method} {path}"

    @property
    def permission(self) -> Permission | None:
        return self.route.signature.requirement.permission

    @property
    def ids(self) -> list[str]:
        """The path parameters that name objects."""
        return [name for name in self.route.param_convertors if name not in VALUES]

    @property
    def leaves_a_mark(self) -> bool:
        """Whether it may write: also a read that leaves a receipt."""
        return self.method not in SAFE or self.route.signature.session is not None

    @property
    def body_names_a_client(self) -> bool:
        body = self.route.signature.body
        return body is not None and "client_id" in json_schema(body).get("properties", {})

    @property
    def names_a_client(self) -> bool:
        query = self.route.signature.query
        return self.body_names_a_client or (
            query is not None and "client_id" in json_schema(query).get("properties", {})
        )

    def may_be_seen_by(self, permissions: frozenset[Permission]) -> bool:
        return self.permission is None or self.permission in permissions

    def may_be_tried_by(self, permissions: frozenset[Permission]) -> bool:
        return self.permission in permissions


OPERATIONS = [
    Operation(method, route)
    for route in create_app(Settings(_env_file=None)).router.routes
    if isinstance(route, PortalRoute)
    for method in sorted(route.methods or ())
]


async def query_of(operation: Operation, house: House) -> dict[str, Any]:
    given = QUERIES.get(operation.key, {})
    return await given(house) if callable(given) else given


async def body(operation: Operation, house: House) -> Any:
    model = operation.route.signature.body
    if model is None:
        return None
    given = BODIES.get(operation.key)
    if given is not None:
        made_for_it = given(house) if callable(given) else given
        return await made_for_it if isawaitable(made_for_it) else made_for_it
    return from_schema(operation)


def from_schema(operation: Operation) -> dict[str, Any]:
    """The first example of every field that the body's model declares one for."""
    model = operation.route.signature.body
    fields = next(
        kind.model_fields
        for kind in operation.route.endpoint.__annotations__.values()
        if isinstance(kind, type) and issubclass(kind, BaseModel)
    )
    assert model is not None
    return {name: field.examples[0] for name, field in fields.items() if field.examples}


def without_request_id(response: httpx.Response) -> dict[str, Any]:
    return {name: value for name, value in response.json().items() if name != "request_id"}
