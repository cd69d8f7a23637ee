"""What is kept from somebody is not there, by any route, and leaves no trace anywhere (F6.B3, F6.M3, A11, A16).

Generated from the application's own routes. A parent's whole view is taken before the thing is made and after: the two
are the same, byte for byte but for clocks, in lists, searches, counts, the home, the calendar and the history.
"""

import io
import zipfile
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from portal_api.core.access import CLIENT_PERMISSIONS, GrantPermission, Role, permissions_of
from tests.api.documents.shelf import PDF
from tests.operations import OPERATIONS, Operation, body, json_schema, without_request_id
from tests.people import colleague
from tests.record import KINDS, NOT_PERMITTED, OPEN, Kind, Record, Thing, open_record
from tests.world import Caller, World

Sql = Callable[..., list[Any]]
Seen = dict[str, Any]
OWNER = permissions_of(frozenset({Role.OWNER, Role.PRACTITIONER}))
MINE = [op for op in OPERATIONS if op.may_be_tried_by(CLIENT_PERMISSIONS)]
WITHOUT_ID = [op for op in MINE if op.method == "GET" and not op.route.param_convertors]
NEVER_ENDS = {"GET /v1/stream"}
"""Told of live: what it tells whom has tests of its own (tests/api/stream)."""
HISTORY = "GET /v1/me/access-history"
OF_THE_CALLER = {"GET /v1/me/sessions"}
"""About the account's devices alone, and they change with every request."""
OF_NO_RECORD = {
    *("location_id", "notification_id", "practice_document_id", "service_id", "session_id", "subscription_id"),
}
"""Path parameters of client routes that name nothing of a client's record: the account's own things, the practice's."""
CASES = [(kind, kept) for kind in KINDS for kept in (*kind.kept, *([NOT_PERMITTED] if kind.needs else []))]
cases = pytest.mark.parametrize(("kind", "kept"), CASES, ids=[f"{kind}-{kept}" for kind, kept in CASES])


@pytest.fixture
async def record(world: World, sql: Sql) -> Record:
    return await open_record(world, sql)


def test_every_route_with_an_id_is_tried() -> None:
    """A new kind of thing comes into tests/record.py; else nobody knows whether it can be hidden."""
    known = {"appointment_id", "request_id", "form_assignment_id", "document_id", "thread_id", "attachment_id"}
    known |= {"own_message_id", "treatment_plan_id", "policy_id"}
    missing = {name for op in MINE for name in op.ids} - known - OF_NO_RECORD
    assert not missing, f"make them in tests/record.py: {missing}"


@cases
async def test_it_is_not_there_and_leaves_no_trace(kind: Kind, kept: str, record: Record, sql: Sql) -> None:
    view = await View.of(record, record.parent)
    if kept == NOT_PERMITTED:
        await record.may(*(each for each in GrantPermission if each not in kind.needs))
    await stir(record, Thing({}, [], record.owner))
    before = await view.taken(word="Canary")
    thing = await kind.make(record, kept)
    await stir(record, thing)
    await must_be_there(kind, thing)
    for _ in range(2):
        assert changes(before, await view.taken(word="Canary")) == {}
        await record.world.seal_audit(record.practice)
    await must_be_unknown(record, thing)
    await must_not_be_nameable(record, thing)
    await must_be_there(kind, thing)


@pytest.mark.parametrize("kind", KINDS, ids=str)
async def test_what_is_open_is_there(kind: Kind, record: Record) -> None:
    """So that the test above cannot pass by looking away."""
    view = await View.of(record, record.parent)
    before = await view.taken(word="Canary")
    thing = await kind.make(record, OPEN)
    after = await view.taken(word="Canary")
    assert {name for name in changes(before, after) if not name.startswith(HISTORY)}
    told = str([after[name] for name in changes(before, after)])
    assert any(word in told for word in thing.words)


class View:
    """Everything that a caller is shown without naming an id."""

    def __init__(self, record: Record, caller: Caller, feed: str) -> None:
        self.record, self.caller, self.feed = record, caller, feed

    @classmethod
    async def of(cls, record: Record, caller: Caller) -> "View":
        made = await caller.post("/v1/me/calendar-feed", {})
        return cls(record, caller, made.json()["url"])

    async def taken(self, word: str) -> Seen:
        seen: Seen = {"the calendar": without_stamps(await self.caller.http.get(self.feed))}
        for operation in WITHOUT_ID:
            if str(operation) not in OF_THE_CALLER | NEVER_ENDS:
                for query in queries(operation, self.record, word):
                    answer = await self.caller.get(operation.route.path, params=query)
                    assert answer.status_code < 500, answer.text
                    seen[f"{operation} {query or ''}".strip()] = shown(operation, answer)
        return seen


def queries(operation: Operation, record: Record, word: str) -> list[dict[str, Any]]:
    """Each of the operation's parameters alone: every value of a choice, and the word where one searches."""
    query, always = operation.route.signature.query, needed(operation, record)
    schema = json_schema(query) if query else {"properties": {}}
    found = [always | ({"limit": 100} if "limit" in schema["properties"] else {})]
    for name, field in schema["properties"].items():
        found += [always | {name: value} for value in values(name, field, schema, record, word)]
    return found


def needed(operation: Operation, record: Record) -> dict[str, str]:
    """The parameters that the operation cannot do without."""
    query = operation.route.signature.query
    given = {
        "from": "2031-03-03",
        "ids": str(UUID(int=7)),
        "practitioner_id": record.practice.staff_id,
        "service_id": record.service_id,
        "slug": "quiet-harbor",
        "starts_at": "2031-03-03T09:00:00Z",
        "to": "2031-03-04",
    }
    return {name: given[name] for name in json_schema(query).get("required", ())} if query else {}


def values(name: str, field: Any, schema: Any, record: Record, word: str) -> list[Any]:
    if name == "client_id":
        return [record.client_id]
    if name == "q":
        return [word]
    options = [field, *field.get("anyOf", ())]
    options += [schema["$defs"][each["$ref"].rsplit("/", 1)[1]] for each in options if "$ref" in each]
    choices = [value for each in options for value in each.get("enum", ())]
    return choices or ([True] if any(each.get("type") == "boolean" for each in options) else [])


def shown(operation: Operation, answer: httpx.Response) -> Any:
    """What a caller can tell from it. Of the history it is which acts there were: the practice reads on and on."""
    if "json" not in answer.headers.get("content-type", ""):
        return answer.content
    told = without_request_id(answer)
    if str(operation) == HISTORY and answer.status_code == 200:
        return sorted({row["type"] for row in told["data"]})
    return told | {name: told[name] is not None for name in ("cursor", "next_cursor") if name in told}


def without_stamps(calendar: httpx.Response) -> str:
    if not calendar.is_success:
        return calendar.json()["code"]
    return "\n".join(line for line in calendar.text.splitlines() if not line.startswith("DTSTAMP"))


def changes(before: Seen, after: Seen) -> Seen:
    """What is told otherwise; of the history what is told anew."""
    told = {name: sorted({*new} - {*before[name]}) if name.startswith(HISTORY) else new for name, new in after.items()}
    return {name: new for name, new in told.items() if (new if name.startswith(HISTORY) else new != before[name])}


async def stir(record: Record, thing: Thing) -> None:
    """The owner opens everything there is about the client and the thing."""
    known = staffs(record, thing)
    for alert in (await record.owner.get("/v1/safety-alerts")).json()["data"]:
        known["safety_alert_id"] = alert["id"]
    for operation in OPERATIONS:
        if reads(operation, known):
            answer = await record.owner.get(filled(operation, known), params=needed(operation, record))
            assert answer.status_code < 500, answer.text
    await record.world.run_jobs()


def filled(operation: Operation, ids: dict[str, str]) -> str:
    path = operation.route.path
    for name in operation.route.param_convertors:
        path = path.replace(f"{{{name}}}", ids.get(name, "1"))
    return path


async def must_be_there(kind: Kind, thing: Thing) -> None:
    for path in kind.opens:
        answer = await thing.reader.get(path.format(**thing.ids))
        assert answer.status_code == 200, answer.text


async def must_be_unknown(record: Record, thing: Thing) -> None:
    """Each operation that names it answers as for what never was."""
    for operation in MINE:
        if not set(operation.ids) & set(thing.ids):
            continue
        invented = {name: str(uuid4()) for name in thing.ids}
        real, unknown = [await send(operation, record, ids) for ids in (thing.ids, invented)]
        assert real.status_code in {403, 404}, f"{operation}: {real.text}"
        assert (real.status_code, without_request_id(real)) == (unknown.status_code, without_request_id(unknown))
    for id in thing.ids.values():
        archive = await record.parent.get("/v1/me/documents/archive", params={"ids": id})
        assert archive.status_code in {403, 404}, archive.text


async def must_not_be_nameable(record: Record, thing: Thing) -> None:
    """A16: a body that names it is refused as one that names what never was."""
    document_id = thing.ids.get("document_id") or thing.ids.get("attachment_id")
    if document_id is None:
        return
    for operation in MINE:
        model = operation.route.signature.body
        fields = json_schema(model).get("properties", {}) if model and model.sent_as == "json" else {}
        for name in fields:
            if name.endswith(("document_id", "document_ids")):
                answers = []
                for id in (document_id, str(uuid4())):
                    content = await body(operation, record.house) | {name: [id] if name.endswith("s") else id}
                    ids = {each: str(uuid4()) for each in operation.ids}
                    answers.append(await record.parent.request(operation.method, filled(operation, ids), json=content))
                assert not answers[0].is_success, f"{operation} {name}: {answers[0].text}"
                assert without_request_id(answers[0]) == without_request_id(answers[1])


async def send(operation: Operation, record: Record, ids: dict[str, str]) -> httpx.Response:
    content = await body(operation, record.house)
    return await record.parent.request(operation.method, filled(operation, ids), json=content)


class TestLattice:
    """More of what a parent was given never shows less, and without any of what it takes nothing of it shows."""

    @given(data=st.data())
    @settings(max_examples=12, suppress_health_check=list(HealthCheck), deadline=None)
    async def test_more_permissions_never_take_anything_away(
        self, everything: "Everything", data: st.DataObject
    ) -> None:
        names = st.sets(st.sampled_from(list(GrantPermission)))
        few = data.draw(names, label="few")
        more = few | data.draw(names, label="more")
        less, both = await everything.seen(few), await everything.seen(more)
        assert less <= both
        for kind, thing in everything.things:
            if not kind.own and not more & set(kind.needs):
                assert not {where for where, word in both if word in thing.words}, str(kind)

    async def test_all_of_them_show_everything(self, everything: "Everything") -> None:
        told = {word for _, word in await everything.seen(set(GrantPermission))}
        for kind, thing in everything.things:
            assert told & set(thing.words), str(kind)


class Everything:
    """One of each kind, all open, and a parent whose permissions change."""

    def __init__(self, record: Record, view: View, things: list[tuple[Kind, Thing]]) -> None:
        self.record, self.view, self.things = record, view, things

    async def seen(self, permissions: set[GrantPermission]) -> set[tuple[str, str]]:
        """Where a word of a thing shows, and which requests are answered."""
        await self.record.may(*permissions)
        view = await self.view.taken(word="Canary")
        for kind, thing in self.things:
            for path in kind.opens:
                answer = await self.record.parent.get(path.format(**thing.ids))
                view[f"GET {path} of {kind}"] = answer.content if answer.is_success else b""
        words = [word for _, thing in self.things for word in thing.words]
        told = {where: text_of(content) for where, content in view.items()}
        return {(where, word) for where, text in told.items() for word in words if word in text}


@pytest.fixture
async def everything(record: Record) -> Everything:
    view = await View.of(record, record.parent)
    return Everything(record, view, [(kind, await kind.make(record, OPEN)) for kind in KINDS])


WITHOUT_CHARTS = (Role.BILLER, Role.SCHEDULER, Role.FORMS_ADMIN)


async def test_nothing_clinical_shows_to_staff_who_do_not_treat(record: Record) -> None:
    """By any read that staff have, whatever they name and search for."""
    things = [await kind.make(record, OPEN) for kind in KINDS if kind.clinical]
    words = {word for thing in things for word in thing.words if word.startswith("Canary")}
    assert await told_to(record.owner, record, things) & words == words
    for role in WITHOUT_CHARTS:
        member, _ = await colleague(record.world, record.practice, role)
        assert await told_to(member, record, things) & words == set(), role


async def told_to(caller: Caller, record: Record, things: list[Thing]) -> set[str]:
    """Of the things' words those that any read of staff shows this caller."""
    told = ""
    for thing in things:
        known = staffs(record, thing)
        for operation in OPERATIONS:
            if not reads(operation, known):
                continue
            always = needed(operation, record)
            searches = [always | {"q": "Canary"}] if "q" in parameters(operation) else []
            for query in (always, *searches):
                answer = await caller.get(filled(operation, known), params=query)
                assert answer.status_code < 500, answer.text
                told += text_of(answer.content) if answer.is_success else ""
    return {word for thing in things for word in thing.words if word in told}


def staffs(record: Record, thing: Thing) -> dict[str, str]:
    """What staff name a thing by."""
    known = thing.ids | {"client_id": record.client_id}
    return known | ({"message_id": known["own_message_id"]} if "own_message_id" in known else {})


def reads(operation: Operation, known: dict[str, str]) -> bool:
    """Whether staff read with it, and nothing else has to be named."""
    ours = operation.method == "GET" and operation.may_be_tried_by(OWNER) and str(operation) not in NEVER_ENDS
    return ours and set(operation.ids) <= set(known)


def parameters(operation: Operation) -> set[str]:
    query = operation.route.signature.query
    return set(json_schema(query)["properties"]) if query else set()


def text_of(content: Any) -> str:
    """What can be read in an answer, in an archive's files and in a PDF too."""
    if not isinstance(content, bytes):
        return str(content)
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return "".join(f"{name} {text_of(archive.read(name))}" for name in archive.namelist())
    if content.startswith(b"%PDF") and len(content) > len(PDF):
        return "".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
    return content.decode(errors="replace")
