"""The API description, made from a small application with one route of each kind."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any, Generic, TypeVar

import pytest
from fastapi import APIRouter, Body, Depends, FastAPI
from fastapi.security import HTTPBearer
from fastapi.sse import EventSourceResponse
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel

from portal_api.schemas.problems import Problem, ProblemError
from portal_api.web.openapi import openapi_document, render

T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    data: list[T]
    next_cursor: str | None


class Room(BaseModel):
    id: str
    title: str


class RoomCreate(BaseModel):
    title: str


router = APIRouter(prefix="/v1/rooms", tags=["rooms"], dependencies=[Depends(HTTPBearer())])


@router.get("")
async def list_rooms(limit: int = 20) -> Page[Room]:
    """Lists the rooms."""
    raise NotImplementedError


@router.post("", status_code=201, responses={409: {"description": "The title is taken.", "model": Problem}})
async def create_room(data: RoomCreate) -> Room:
    """Opens a room."""
    raise NotImplementedError


@router.delete("/{room_id}", status_code=204)
async def close_room(room_id: str) -> None:
    raise NotImplementedError


@router.get("/{room_id}/seats")
async def count_seats(room_id: str) -> dict[str, int]:
    """Counts the seats by row."""
    raise NotImplementedError


@router.post("/{room_id}/plans", status_code=201)
async def draw_plan(room_id: str, width: Annotated[int, Body()], depth: Annotated[int, Body()]) -> Room:
    """Takes the measures of the room."""
    raise NotImplementedError


@router.get("/stream", response_class=EventSourceResponse)
async def stream_rooms() -> AsyncIterator[Room]:
    """Tells of every change."""
    yield Room(id="1", title="Blue")


async def read_health() -> dict[str, str]:
    """Says that the process is up."""
    raise NotImplementedError


read_health.public = True


@pytest.fixture
def app() -> FastAPI:
    app = FastAPI(openapi_url=None)
    app.include_router(router)
    app.add_api_route("/healthz", read_health)
    return app


@pytest.fixture
def document(app: FastAPI) -> dict[str, Any]:
    return openapi_document(app)


def test_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(document).validate()
    assert document["openapi"] == "3.1.0"
    assert document["servers"] == [{"url": "/"}]


def test_operation_id_is_the_name_of_the_function(document: dict[str, Any]) -> None:
    assert document["paths"]["/v1/rooms"]["post"]["operationId"] == "create_room"
    assert document["paths"]["/v1/rooms"]["post"]["summary"] == "Create room"


def test_two_functions_of_one_name_are_refused(app: FastAPI) -> None:
    app.add_api_route("/v1/other", read_health)
    with pytest.raises(ValueError, match="two routes are named read_health"):
        openapi_document(app)


def test_every_error_is_a_problem(document: dict[str, Any]) -> None:
    shared = document["components"]["responses"]
    for item in document["paths"].values():
        for operation in item.values():
            for status, response in operation["responses"].items():
                if status[0] != "2":
                    content = shared[response["$ref"].rsplit("/", 1)[1]] if "$ref" in response else response
                    assert content["content"] == {
                        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
                    }
    assert "ValidationError" not in json.dumps(document)


def test_errors_fit_the_operation(document: dict[str, Any]) -> None:
    paths = document["paths"]
    assert list(paths["/v1/rooms"]["post"]["responses"]) == [
        "201",
        "401",
        "403",
        "409",
        "422",
        "429",
        "default",
    ]
    assert list(paths["/v1/rooms/{room_id}"]["delete"]["responses"]) == [
        *("204", "401", "403", "404", "422", "429", "default")
    ]
    assert list(paths["/healthz"]["get"]["responses"]) == ["200", "429", "default"]
    assert paths["/v1/rooms"]["post"]["responses"]["409"]["description"] == "The title is taken."


def test_shared_errors_are_there_when_referred_to(document: dict[str, Any]) -> None:
    app = FastAPI()
    app.add_api_route("/healthz", read_health)
    assert list(document["components"]["responses"]) == [
        *("Forbidden", "Invalid", "NotFound", "OtherProblem", "RateLimited", "Unauthenticated")
    ]
    assert list(openapi_document(app)["components"]["responses"]) == ["OtherProblem", "RateLimited"]


def test_an_error_with_its_own_media_type_stays(app: FastAPI) -> None:
    outcome: dict[int | str, dict[str, Any]] = {
        "default": {"description": "An OperationOutcome.", "content": {"application/fhir+json": {}}}
    }
    app.add_api_route("/fhir/R4/metadata", count_seats, responses=outcome, name="read_metadata")
    responses = openapi_document(app)["paths"]["/fhir/R4/metadata"]["get"]["responses"]
    assert list(responses) == ["200", "default"]
    assert list(responses["default"]["content"]) == ["application/fhir+json"]


def test_only_public_routes_need_no_token(app: FastAPI) -> None:
    document = openapi_document(app)
    assert document["paths"]["/healthz"]["get"]["security"] == []
    assert document["paths"]["/v1/rooms"]["get"]["security"] == [{"bearer": []}]
    assert list(document["components"]["securitySchemes"]) == ["bearer"]
    chosen = openapi_document(app, is_public=lambda route: route.name == "list_rooms")
    assert chosen["paths"]["/healthz"]["get"]["security"] == [{"bearer": []}]
    assert chosen["paths"]["/v1/rooms"]["get"]["security"] == []


def test_bodies_have_names_that_read_well(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert list(schemas) == [
        "CountSeatsResponse",
        "DrawPlanRequest",
        "Problem",
        "ProblemError",
        "ReadHealthResponse",
        "Room",
        "RoomCreate",
        "RoomPage",
        "StreamRoomsResponse",
    ]
    assert all(schema["title"] == name for name, schema in schemas.items())
    assert "title" not in schemas["Room"]["properties"]["title"]


def test_two_schemas_of_one_readable_name_are_refused(app: FastAPI) -> None:
    class RoomPage(BaseModel):
        number: int

    async def read_page() -> RoomPage:
        raise NotImplementedError

    app.add_api_route("/v1/page", read_page)
    with pytest.raises(ValueError, match="two schemas would be named RoomPage"):
        openapi_document(app)


def test_streams_use_the_words_of_3_1(document: dict[str, Any]) -> None:
    content = document["paths"]["/v1/rooms/stream"]["get"]["responses"]["200"]["content"]
    assert content == {"text/event-stream": {"schema": {"$ref": "#/components/schemas/StreamRoomsResponse"}}}


def test_text_does_not_depend_on_the_order_of_registration() -> None:
    def make(*routers: APIRouter) -> str:
        app = FastAPI()
        for each in routers:
            app.include_router(each)
        return render(openapi_document(app))

    other = APIRouter(tags=["other"])
    other.add_api_route("/v1/other", read_health)
    assert make(router, other) == make(other, router)
    assert make(router).endswith("}\n")


def test_problem_leaves_out_what_it_does_not_have() -> None:
    required = {"type": "about:blank", "title": "Conflict", "status": 409, "detail": "Choose another slot."}
    problem = Problem(**required, code="slot_taken", request_id="r-1", alternatives=[])
    assert problem.model_dump() == {**required, "code": "slot_taken", "request_id": "r-1", "alternatives": []}
    problem.errors.append(ProblemError(pointer="/email", code="missing", detail="Give an e-mail address."))
    assert problem.model_dump()["errors"][0]["pointer"] == "/email"


def test_it_speaks_json_schema_and_not_pydantic(document: dict[str, Any]) -> None:
    """A bound on a union of numbers would be written out as pydantic's own word."""
    own = {"ge", "gt", "le", "lt", "max_length", "min_length"}
    assert [at for at in _words(document["components"]["schemas"], "") if at.rpartition("/")[2] in own] == []


def _words(node: Any, at: str) -> Iterator[str]:
    """Where each keyword stands; names of properties are none."""
    if isinstance(node, dict):
        for name, inner in node.items():
            if not at.endswith("/properties"):
                yield f"{at}/{name}"
            yield from _words(inner, f"{at}/{name}")
    elif isinstance(node, list):
        for number, inner in enumerate(node):
            yield from _words(inner, f"{at}/{number}")
