"""Finds a route by the shape of its path, so the last of many answers as fast as the first."""

from collections import defaultdict
from collections.abc import Awaitable, Sequence

from fastapi.routing import APIRouter
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Message, Receive, Scope, Send

Shape = tuple[int, str]


class IndexedRouter(APIRouter):
    """Routes are registered flat, with full paths, and looked up by (segments, first literals).

    HEAD is answered as GET without the body (RFC 9110 section 9.3.2); 405 names all methods of the path.
    What the index does not find (mounted files, 404) goes the ordinary way.
    """

    _index: dict[Shape, list[Route]] | None = None

    def _build(self) -> dict[Shape, list[Route]]:
        index: dict[Shape, list[Route]] = defaultdict(list)
        for route in self.routes:
            if isinstance(route, Route) and ":path}" not in route.path:
                index[_shape(_literal_head(route.path), route.path)].append(route)
        self._index = index
        return index

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:  # type: ignore[override]
        # No coroutine of its own: it would be gone through at each step of every request, only to hand it on.
        return self.app(scope, receive, send)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path: str = scope["path"]
            index = self._index if self._index is not None else self._build()
            candidates = _candidates(index, path)
            if await self._handled(candidates, scope, scope, receive, send):
                return
            if scope["method"] == "HEAD" and await self._handled(
                candidates, {**scope, "method": "GET", "bodiless": True}, scope, receive, _without_body(send)
            ):
                return
            if allowed := _methods(candidates, scope):
                raise HTTPException(405, headers={"Allow": ", ".join(sorted(allowed))})
        await super().app(scope, receive, send)

    async def _handled(
        self, candidates: Sequence[Route], scope: Scope, outer: Scope, receive: Receive, send: Send
    ) -> bool:
        """Hand the request to the first route that takes it; `outer` learns which one, for the log."""
        for route in candidates:
            match, child = route.matches(scope)
            if match is Match.FULL:
                scope.update(child)
                scope["router"] = self
                outer["route"] = scope["route"] = route
                await route.handle(scope, receive, send)
                return True
        return False


def register(router: APIRouter, routes: Sequence[BaseRoute]) -> None:
    """Add another router's routes as they are: full paths, no nesting."""
    router.routes.extend(routes)


def _literal_head(path: str) -> str:
    """The path up to its first parameter: /v1/clients/{id}/archive -> /v1/clients/."""
    return path.split("{", 1)[0]


def _shape(head: str, path: str) -> Shape:
    return path.count("/"), head


def _candidates(index: dict[Shape, list[Route]], path: str) -> list[Route]:
    """Literal routes win over parameters: a path that is spelled out is no id; else the longest head is tried first."""
    depth = path.count("/")
    found = list(index.get((depth, path), ()))
    if found:
        return found
    end = len(path)
    while (end := path.rfind("/", 0, end)) >= 0:
        found += index.get((depth, path[: end + 1]), ())
    return found


def _methods(candidates: Sequence[Route], scope: Scope) -> set[str]:
    """What may be done with this path, by any of its routes."""
    allowed: set[str] = set()
    for route in candidates:
        if route.matches(scope)[0] is Match.PARTIAL:
            allowed |= route.methods or set()
    return allowed | {"HEAD"} if "GET" in allowed else allowed


def _without_body(send: Send) -> Send:
    async def send_head(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return send_head
