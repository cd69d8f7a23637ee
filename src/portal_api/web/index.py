"""Finds a route by the shape of its path, so the last of many answers as fast as the first."""

from collections import defaultdict
from collections.abc import Sequence

from fastapi.routing import APIRouter
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send

Shape = tuple[int, str]


class IndexedRouter(APIRouter):
    """Routes are registered flat, with full paths, and looked up by (segments, first literals).

    What the index does not find (405, redirects, mounted files) goes the ordinary way.
    """

    _index: dict[Shape, list[Route]] | None = None

    def _build(self) -> dict[Shape, list[Route]]:
        index: dict[Shape, list[Route]] = defaultdict(list)
        for route in self.routes:
            if isinstance(route, Route) and ":path}" not in route.path:
                index[_shape(_literal_head(route.path), route.path)].append(route)
        self._index = index
        return index

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path: str = scope["path"]
            index = self._index if self._index is not None else self._build()
            for route in _candidates(index, path):
                match, child = route.matches(scope)
                if match is Match.FULL:
                    scope["router"] = self
                    scope.update(child)
                    scope["route"] = route
                    await route.handle(scope, receive, send)
                    return
        await super().app(scope, receive, send)


def register(router: APIRouter, routes: Sequence[BaseRoute]) -> None:
    """Add another router's routes as they are: full paths, no nesting."""
    router.routes.extend(routes)


def _literal_head(path: str) -> str:
    """The path up to its first parameter: /v1/clients/{id}/archive -> /v1/clients/."""
    return path.split("{", 1)[0]


def _shape(head: str, path: str) -> Shape:
    return path.count("/"), head


def _candidates(index: dict[Shape, list[Route]], path: str) -> list[Route]:
    """Literal routes win over parameters: the longest matching head is tried first."""
    depth = path.count("/")
    found = list(index.get((depth, path), ()))
    end = len(path)
    while (end := path.rfind("/", 0, end)) >= 0:
        found += index.get((depth, path[: end + 1]), ())
    return found
