"""Every answer that a test gets fits what its route declares."""

import re
from functools import cache

import httpx
from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from portal_api.schemas.problems import Problem

_OFFSET = re.compile(rb'"\d{4}-\d\d-\d\dT[^"]*[+-]\d\d:\d\d"')
_adapters: dict[object, TypeAdapter[object]] = {}


def check_response(app: FastAPI, response: httpx.Response) -> None:
    """Raise when a success does not fit its model, or a refusal is no problem document, or a time is not in UTC."""
    if response.request.url.path == "/readyz":
        return  # for machines: a status of its own
    if response.headers.get("content-type", "").endswith("json"):
        assert not (written := _OFFSET.search(response.content)), f"Instants end in Z: {written}"
    if response.status_code >= 400 and response.request.method == "HEAD":
        return  # without a body
    if response.status_code >= 400:
        assert response.headers["content-type"] == "application/problem+json", response.text
        problem = Problem.model_validate_json(response.content)
        assert problem.status == response.status_code
        assert response.status_code < 500 or response.status_code == 503, response.text
        return
    model = _response_model(app, response.request)
    if model is not None and response.content:
        adapter = _adapters.setdefault(model, TypeAdapter(model))
        adapter.validate_json(response.content)


def _response_model(app: FastAPI, request: httpx.Request) -> object | None:
    path = request.url.path
    for route in _routes(app).get((request.method, path.count("/")), ()):
        if route.path_regex.match(path):
            return route.response_model
    return None


@cache
def _routes(app: FastAPI) -> dict[tuple[str, int], list[APIRoute]]:
    """The routes by method and number of segments: to try each of them for every answer is slow."""
    found: dict[tuple[str, int], list[APIRoute]] = {}
    for route in app.router.routes:
        if isinstance(route, APIRoute):
            assert ":path}" not in route.path, "it matches paths of any length"
            for method in route.methods:
                found.setdefault((method, route.path.count("/")), []).append(route)
    return found
