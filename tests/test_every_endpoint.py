"""Every operation, generated from the application's routes: who may not, may not; what is not theirs is not there.

Only `tests/examples.py` is written by hand: what a path id names and what a body looks like.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from secrets import token_hex
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select, update

from portal_api.core.access import CLIENT_PERMISSIONS, ROLE_PERMISSIONS, Role, permissions_of
from portal_api.core.config import Settings
from portal_api.core.db import Base
from portal_api.main import create_app
from portal_api.models.audit import Event
from portal_api.models.auth import Account
from portal_api.models.clients import Client
from portal_api.models.guardians import Guardian
from portal_api.models.staff import StaffMember
from portal_api.routers.deps import Anyone
from portal_api.web.route import PortalRoute, PortalRouter
from tests.cast import House, build
from tests.examples import BODIES, FILE, MAKERS, NEEDS_A_CODE, VALUES
from tests.naming import NAMED, OF_A_CHART, Path, field_of, names_in, naming
from tests.operations import OPERATIONS, Operation, body, from_schema, json_schema, query_of, without_request_id
from tests.world import Caller

OWNER_WHO_PRACTISES = permissions_of(frozenset({Role.OWNER, Role.PRACTITIONER}))
REFUSALS_OF_A_VALID_EXAMPLE = {400, 401, 403, 404, 405, 413, 415, 422}


CLOSED = [op for op in OPERATIONS if op.permission is not None]
WITH_IDS = [op for op in CLOSED if op.ids]
FILTERED = [
    op
    for op in CLOSED
    if op.method == "GET" and op.route.signature.query and op.may_be_tried_by(ROLE_PERMISSIONS[Role.OWNER])
]
FAULTS_IN_AN_ANSWER = 100
SQL_TEXTS = (
    "' OR '1'='1",
    "'; SELECT pg_sleep(30)--",
    "x' UNION SELECT password_hash FROM account--",
    "(SELECT pg_sleep(30))",
    "$1::text || pg_sleep(30)::text",
    "%' AND pg_sleep(30) IS NULL AND '%'='",
)


@pytest.fixture(scope="module")
async def plain_http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://portal.test") as client:
        yield client


@dataclass
class Cast:
    """Two practices and, in the first, one of each kind of caller."""

    ours: House
    theirs: House
    owner: Caller
    stranger: Caller
    """A practitioner who is assigned to nobody."""
    nobody: Caller
    """Staff whose one role may do next to nothing."""
    client: Caller
    client_ids: list[UUID]
    """Whom the client acts for."""
    guardian: Caller
    """The parent of a child, who may do everything for that child, and of whose sibling he is not."""
    sibling: UUID
    looking: Caller
    """The owner, through the eyes of the client."""


@pytest.fixture(scope="module")
async def cast(app: FastAPI, plain_http: httpx.AsyncClient) -> Cast:
    ours, theirs = await build(app, plain_http), await build(app, plain_http)
    _, owner = await ours.staff(Role.OWNER, Role.PRACTITIONER)
    _, stranger = await ours.staff(Role.PRACTITIONER)
    _, nobody = await ours.staff(Role.FORMS_ADMIN)
    client_id, client = await ours.client_login()
    _, guardian = await ours.guardian()
    begun = (await owner.post(f"/v1/clients/{client_id}/view-as")).json()
    looking = Caller(plain_http, begun["access_token"], None, client.account)
    return Cast(ours, theirs, owner, stranger, nobody, client, [client_id], guardian, await ours.client(), looking)


def every(operations: list[Operation]) -> Any:
    return pytest.mark.parametrize("operation", operations, ids=str)


async def objects(operation: Operation, house: House, caller: Caller) -> dict[str, UUID]:
    """A new object for each path parameter, in this house."""
    ids: dict[str, UUID] = {}
    for name in operation.ids:
        ids[name] = await made(name, house, caller, list(ids.values()))
    return ids


async def made(name: str, house: House, caller: Caller, above: list[UUID]) -> UUID:
    """A personal one belongs to the caller's account, one below another to the id before it."""
    maker = MAKERS[name]
    if maker.below is not None and (above or maker.make is None):
        return await maker.below(house, above[-1])
    if maker.personal is not None:
        return await maker.personal(house, UUID(caller.account["id"]))
    assert maker.make is not None
    return await maker.make(house)


async def someone_elses(name: str, house: House) -> UUID:
    maker = MAKERS[name]
    if maker.below is not None:
        return await maker.below(house, await house.client())
    if maker.personal is not None:
        return await maker.personal(house, (await house.account("staff")).id)
    assert maker.make is not None
    return await maker.make(house)


async def send(
    operation: Operation,
    http: httpx.AsyncClient,
    house: House,
    caller: Caller | None,
    ids: dict[str, UUID],
    *,
    client_id: UUID | None = None,
    content: Any = None,
) -> httpx.Response:
    """client_id: another one than the example's, in the query or the body, wherever the operation takes it.

    content: another body than the example.
    """
    path = operation.route.path
    for name in operation.route.param_convertors:
        path = path.replace(f"{{{name}}}", str(ids.get(name, VALUES.get(name, uuid4()))))
    headers = {"Authorization": f"Bearer {caller.access_token}"} if caller else {}
    params = await query_of(operation, house)
    content = await body(operation, house) if content is None else content
    if client_id is not None:
        named = {"client_id": str(client_id)}
        params, content = (params, content | named) if operation.body_names_a_client else (params | named, content)
    model = operation.route.signature.body
    sent = (
        {"files": {"file": FILE}, "data": content}
        if model is not None and model.sent_as == "form"
        else {"json": content}
    )
    return await http.request(operation.method, path, headers=headers, params=params, **sent)


@every(OPERATIONS)
def test_there_is_an_example_for_it(operation: Operation) -> None:
    missing = [name for name in operation.route.param_convertors if name not in MAKERS and name not in VALUES]
    assert not missing, f"{operation}: add {missing} to MAKERS (or VALUES) in tests/examples.py"
    model = operation.route.signature.body
    if model is not None and operation.key not in BODIES:
        try:
            model.adapter.validate_python(from_schema(operation), strict=False)
        except ValueError as error:
            pytest.fail(f"{operation}: add a body for {operation.key!r} to BODIES in tests/examples.py ({error})")


@every([op for op in CLOSED if op.may_be_tried_by(ROLE_PERMISSIONS[Role.OWNER])])
async def test_its_example_is_accepted_from_the_owner(
    operation: Operation, app: FastAPI, plain_http: httpx.AsyncClient
) -> None:
    """So that the refusals below are about the caller and the object, not about the example."""
    house = await build(app, plain_http)
    _, owner = await house.staff(Role.OWNER, Role.PRACTITIONER)
    ids = await objects(operation, house, owner)
    response = await send(operation, plain_http, house, owner, ids)
    assert response.status_code < 500, response.text
    if operation.key in NEEDS_A_CODE:
        assert [fault["pointer"] for fault in response.json()["errors"]] == ["/otp"]
    else:
        assert response.status_code not in REFUSALS_OF_A_VALID_EXAMPLE, response.text


@every([op for op in OPERATIONS if op.permission is None])
async def test_a_public_one_never_fails_on_its_example(
    operation: Operation, cast: Cast, plain_http: httpx.AsyncClient
) -> None:
    response = await send(operation, plain_http, cast.ours, None, {})
    assert response.status_code < 500, response.text
    assert response.status_code not in {400, 415, 422}, response.text


@every(CLOSED)
async def test_nobody_gets_401(operation: Operation, cast: Cast, plain_http: httpx.AsyncClient) -> None:
    """A12: without credentials, and before anything else is looked at."""
    response = await send(operation, plain_http, cast.ours, None, {})
    assert response.status_code == 401, response.text
    assert response.headers["www-authenticate"].startswith("Bearer")
    forged = await plain_http.request(
        operation.method, response.request.url.path, headers={"Authorization": "Bearer nonsense"}
    )
    assert forged.status_code == 401, forged.text


@every(CLOSED)
async def test_a_role_that_does_not_hold_the_permission_gets_403(
    operation: Operation, cast: Cast, plain_http: httpx.AsyncClient
) -> None:
    """A12: staff of a role without it, and a client's account."""
    tried = 0
    for caller, held in ((cast.nobody, ROLE_PERMISSIONS[Role.FORMS_ADMIN]), (cast.client, CLIENT_PERMISSIONS)):
        if operation.may_be_tried_by(held):
            continue
        ids = await objects(operation, cast.ours, caller)
        response = await send(operation, plain_http, cast.ours, caller, ids)
        assert response.status_code == 403, response.text
        tried += 1
    if not tried:
        pytest.skip("every account holds the permission")


@every(CLOSED)
async def test_who_looks_through_a_clients_eyes_changes_nothing(
    operation: Operation, cast: Cast, plain_http: httpx.AsyncClient
) -> None:
    """F16.M2: whatever leaves a mark is refused before its body is looked at, a receipt for a file as well."""
    ids = await objects(operation, cast.ours, cast.client)
    response = await send(operation, plain_http, cast.ours, cast.looking, ids)
    if operation.leaves_a_mark:
        path, no_body = response.request.url.path, {"content": b"?", "headers": {"Content-Type": "text/csv"}}
        for answer in (response, await cast.looking.request(operation.method, path, **no_body)):
            assert (answer.status_code, answer.json()["code"]) == (403, "preview_reads_only"), answer.text
    elif operation.may_be_tried_by(CLIENT_PERMISSIONS) and operation.route.path != "/v1/stream":
        assert response.status_code in {200, 404}, response.text
    else:
        assert response.status_code == 403, response.text


@every(WITH_IDS)
async def test_another_practices_object_is_not_there(
    operation: Operation, cast: Cast, plain_http: httpx.AsyncClient
) -> None:
    """A14: the same 404 as for an id that nobody ever made, but for the request's id."""
    caller = cast.owner if operation.may_be_tried_by(OWNER_WHO_PRACTISES) else cast.client
    await must_not_be_there(operation, cast, plain_http, caller, cast.theirs)


@every([op for op in WITH_IDS if op.may_be_tried_by(CLIENT_PERMISSIONS)])
async def test_another_clients_object_is_not_there(
    operation: Operation, cast: Cast, plain_http: httpx.AsyncClient
) -> None:
    """A15: of the same practice, asked for by a client."""
    if not any(MAKERS[name].of_client or MAKERS[name].personal for name in operation.ids):
        pytest.skip("it does not belong to a client")
    await must_not_be_there(operation, cast, plain_http, cast.client, cast.ours)


@every([op for op in WITH_IDS if op.may_be_tried_by(CLIENT_PERMISSIONS)])
async def test_another_childs_object_is_not_there_for_a_guardian(
    operation: Operation, cast: Cast, plain_http: httpx.AsyncClient
) -> None:
    """A11: not by the permissions that hold for a sibling."""
    if not any(MAKERS[name].of_client or MAKERS[name].personal for name in operation.ids):
        pytest.skip("it does not belong to a client")
    await must_not_be_there(operation, cast, plain_http, cast.guardian, cast.ours)


@every([op for op in CLOSED if op.may_be_tried_by(CLIENT_PERMISSIONS) and op.names_a_client])
async def test_a_guardian_acts_for_no_other_child(
    operation: Operation, cast: Cast, plain_http: httpx.AsyncClient
) -> None:
    """A11, A16: wherever a client is named, a sibling is as unknown as somebody who never was."""
    ids = await objects(operation, cast.ours, cast.guardian)
    answers = [
        await send(operation, plain_http, cast.ours, cast.guardian, ids, client_id=client_id)
        for client_id in (cast.sibling, uuid4())
    ]
    assert [answer.status_code for answer in answers] == [404, 404], answers[0].text
    assert without_request_id(answers[0]) == without_request_id(answers[1])


NAMES = [(op, path) for op in CLOSED for path in names_in(op)]


def test_what_a_body_names_is_known() -> None:
    missing = {field_of(path) for _, path in NAMES if NAMED.get(field_of(path)) is None}
    assert not missing, f"add {missing} to NAMED in tests/naming.py"


@pytest.mark.parametrize(("operation", "path"), NAMES, ids=[f"{op} {'.'.join(path)}" for op, path in NAMES])
async def test_what_a_body_names_is_not_somebody_elses(
    operation: Operation, path: Path, cast: Cast, plain_http: httpx.AsyncClient
) -> None:
    """A16: another practice's, or another client's, is refused as what never was, and nothing is written."""
    caller, make = caller_of(operation, cast), NAMED[field_of(path)]
    assert make is not None
    whose = [cast.theirs, *([cast.ours] if field_of(path) in OF_A_CHART or is_clients(operation, path) else [])]
    ids = await objects(operation, cast.ours, caller)
    content = await body(operation, cast.ours)
    unknown = [uuid4(), *[await make(house) for house in whose]]
    answers = []
    before = await written(cast.ours)
    for id in unknown:
        named = naming(content, path, id)
        answers.append(await send(operation, plain_http, cast.ours, caller, ids, content=named))
        assert answers[-1].status_code in {404, 422}, answers[-1].text
        assert without_request_id(answers[-1]) == without_request_id(answers[0])
    told = answers[0].json().get("errors", ())
    assert not {fault["code"] for fault in told} & {"extra_forbidden", "missing"}, told
    assert await written(cast.ours) == before


def caller_of(operation: Operation, cast: Cast) -> Caller:
    return cast.owner if operation.may_be_tried_by(OWNER_WHO_PRACTISES) else cast.client


def is_clients(operation: Operation, path: Path) -> bool:
    """Whether it is a client whom a client names: there are no others for them."""
    return field_of(path) == "client_id" and not operation.may_be_tried_by(OWNER_WHO_PRACTISES)


async def written(house: House) -> int:
    """How much has been done in the practice, refusals aside."""
    done = select(func.count()).select_from(Event).where(Event.type != "access.denied")
    async with house.session() as session:
        count: int = (await session.execute(done)).scalar_one()
        return count


@every([op for op in WITH_IDS if op.may_be_tried_by(ROLE_PERMISSIONS[Role.PRACTITIONER])])
async def test_a_chart_is_not_there_for_a_practitioner_who_is_not_assigned(
    operation: Operation, cast: Cast, plain_http: httpx.AsyncClient
) -> None:
    """A16."""
    if not any(MAKERS[name].of_client or MAKERS[name].personal for name in operation.ids):
        pytest.skip("it is no part of a chart")
    await must_not_be_there(operation, cast, plain_http, cast.stranger, cast.ours)


async def must_not_be_there(
    operation: Operation, cast: Cast, http: httpx.AsyncClient, caller: Caller, house: House
) -> None:
    """Each id in turn is foreign, the others are as good as they get; the answer tells nothing."""
    for foreign in operation.ids:
        if house is cast.ours and not (MAKERS[foreign].of_client or MAKERS[foreign].personal):
            continue
        ids = await objects(operation, cast.ours, caller)
        real = await send(operation, http, cast.ours, caller, ids | {foreign: await someone_elses(foreign, house)})
        invented = await send(operation, http, cast.ours, caller, ids | {foreign: uuid4()})
        assert real.status_code == 404, f"{foreign}: {real.text}"
        assert without_request_id(real) == without_request_id(invented)
        telling = {"x-request-id", "content-length"}
        assert {k: v for k, v in real.headers.items() if k not in telling} == {
            k: v for k, v in invented.headers.items() if k not in telling
        }
        assert len(real.content) == len(invented.content)


@every(FILTERED)
async def test_no_list_is_sorted_or_filtered_by_what_it_does_not_show(
    operation: Operation, cast: Cast, plain_http: httpx.AsyncClient
) -> None:
    """A20: no column of any table is a parameter unless the route declares it; nor is a direction or an expansion."""
    query = operation.route.signature.query
    assert query is not None
    declared = set(json_schema(query)["properties"])
    columns = {column.name for table in Base.metadata.tables.values() for column in table.columns}
    path = await own_path(operation, cast.ours, cast.owner)
    foreign = (columns | {"sort", "order", "order_by", "fields", "include", "filter"}) - declared
    told: set[str] = set()
    for names in batches(sorted(foreign), FAULTS_IN_AN_ANSWER // 2):  # the rest: what it cannot do without
        refused = await cast.owner.get(path, params=dict.fromkeys(names, "1"))
        assert refused.status_code == 422, refused.text
        told |= {fault["pointer"] for fault in refused.json()["errors"]}
    assert {name for name in foreign if f"/query/{name}" not in told} == set()


@every(FILTERED)
async def test_sql_in_a_parameter_is_text(operation: Operation, cast: Cast, plain_http: httpx.AsyncClient) -> None:
    """A21: one that ran would sleep longer than a statement may, and that is a 503."""
    query = operation.route.signature.query
    assert query is not None
    path = await own_path(operation, cast.ours, cast.owner)
    for name in json_schema(query)["properties"]:
        for text in SQL_TEXTS:
            response = await cast.owner.get(path, params=await query_of(operation, cast.ours) | {name: text})
            assert response.status_code in {200, 400, 422}, f"{name}={text}: {response.text}"
            if response.status_code == 200 and "data" in response.json():
                assert response.json()["data"] == []


@every([op for op in OPERATIONS if op.method == "GET" and op.may_be_seen_by(CLIENT_PERMISSIONS)])
async def test_nothing_private_is_in_what_a_client_reads(
    operation: Operation, cast: Cast, plain_http: httpx.AsyncClient
) -> None:
    """A18: what is kept of staff, of others and of secrets shows up in no answer to a client or to nobody."""
    canary, house = token_hex(8), cast.ours
    async with house.session() as session:
        email, names = f"{canary}@harbor.example", {"given_name": canary, "family_name": canary}
        others = Client.id.not_in(cast.client_ids)
        for planted in (
            update(StaffMember).values(email=email),
            update(Guardian).values(**names, relationship=canary, email=email),
            update(Client).where(others).values(**names, preferred_name=canary, email=email, search_text=canary),
        ):
            await session.execute(planted.execution_options(synchronize_session=False))
        hashes = (await session.scalars(select(Account.password_hash).distinct())).all()
    ids = await objects(operation, house, cast.client)
    response = await send(operation, plain_http, house, cast.client, ids)
    assert response.status_code in {200, 404}, response.text
    assert canary not in response.text
    assert not [stored for stored in hashes if stored and stored in response.text]


def batches(names: list[str], size: int) -> Iterator[list[str]]:
    return (names[start : start + size] for start in range(0, len(names), size))


async def own_path(operation: Operation, house: House, caller: Caller) -> str:
    """The operation's path, with objects that are the caller's to see."""
    path = operation.route.path
    for name, identity in (await objects(operation, house, caller)).items():
        path = path.replace(f"{{{name}}}", str(identity))
    for name, value in VALUES.items():
        path = path.replace(f"{{{name}}}", value)
    return path


def test_a_route_that_declares_nothing_does_not_start() -> None:
    router = PortalRouter(prefix="/v1", tag="practices")

    async def open_to_all() -> dict[str, str]:
        raise NotImplementedError

    with pytest.raises(TypeError, match="open_to_all does not declare who may call it"):
        router.get("/open")(open_to_all)


def test_an_argument_from_nowhere_does_not_start() -> None:
    router = PortalRouter(prefix="/v1", tag="practices")

    async def odd(visitor: Anyone, colour: str) -> dict[str, str]:
        raise NotImplementedError

    with pytest.raises(TypeError, match="where does 'colour' come from"):
        router.get("/odd")(odd)


def test_every_route_under_v1_is_closed() -> None:
    """Nothing of the API goes round PortalRoute but the document itself."""
    app = create_app(Settings(_env_file=None))
    others = {getattr(route, "path", "") for route in app.router.routes if not isinstance(route, PortalRoute)}
    assert {path for path in others if path.startswith("/v1")} == {"/v1/openapi.json"}
