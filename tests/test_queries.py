"""How many round trips a request makes, counted at the driver: the numbers are part of the design.

A read is two: who is calling, and what they asked for. A write begins with its binding in one message, reads
the authority, does its work and commits. What staff saw is written after the read, together with what others
saw at that moment, and is counted apart.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from portal_api.core.access import Role
from portal_api.core.config import Settings
from portal_api.core.db import Binding
from portal_api.main import create_app
from tests.cast import House, build
from tests.world import PASSWORD, Caller

READS = 2
VIEWS = 1
"""Of a read that is audited, beside it: one append."""
NEW_CLIENT = {"given_name": "Grace", "family_name": "Client"}


@dataclass
class Counter:
    """Statements by pool."""

    reads: list[str] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
async def small(settings: Settings) -> AsyncIterator[tuple[House, Counter]]:
    """An application with one connection a pool, and a note of everything that they say."""
    app = create_app(settings.model_copy(update={"database_pool_size": 1}))
    counter = Counter()
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://portal.test") as http,
    ):
        database = app.state.tools.database
        async with database.session(Binding()) as session:
            raw = (await (await session.connection()).get_raw_connection()).driver_connection
        async with database.reader(Binding()) as reader:
            reader._connection.add_query_logger(lambda record: counter.reads.append(record.query))
        async with database._appends.one() as appender:
            appender.add_query_logger(lambda record: counter.writes.append(record.query))
        assert raw is not None
        raw.add_query_logger(lambda record: counter.writes.append(record.query))  # BEGIN, COMMIT

        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            counter.writes.append(statement)

        event.listen(Engine, "before_cursor_execute", note)
        yield await build(app, http), counter
        event.remove(Engine, "before_cursor_execute", note)


@pytest.fixture
async def owner(small: tuple[House, Counter]) -> Caller:
    return (await small[0].staff(Role.OWNER))[1]


async def counted(small: tuple[House, Counter], request: Callable[[], Awaitable[httpx.Response]]) -> tuple[int, int]:
    """Reads and writes of a request, after one that warms up what is prepared once a connection."""
    first = await request()
    assert first.status_code < 300, first.text
    _, counter = small
    counter.reads.clear()
    counter.writes.clear()
    await request()
    return len(counter.reads), len(counter.writes)


class TestReads:
    async def test_a_resource_takes_two(self, small: tuple[House, Counter], owner: Caller) -> None:
        assert await counted(small, lambda: owner.get("/v1/practice")) == (READS, 0)

    async def test_an_audited_resource_takes_two_and_the_view(
        self, small: tuple[House, Counter], owner: Caller
    ) -> None:
        client_id = await small[0].client()
        assert await counted(small, lambda: owner.get(f"/v1/clients/{client_id}")) == (READS, VIEWS)

    async def test_appointments_take_two_and_the_view(self, small: tuple[House, Counter], owner: Caller) -> None:
        await small[0].some_appointment()
        for path in ("/v1/appointments", "/v1/appointments?from=2031-01-01"):
            assert await counted(small, lambda path=path: owner.get(path)) == (READS, VIEWS)  # type: ignore[misc]

    async def test_a_list_takes_as_many_however_long_it_is(self, small: tuple[House, Counter], owner: Caller) -> None:
        for _ in range(3):
            await small[0].client()
        assert await counted(small, lambda: owner.get("/v1/clients")) == (READS, VIEWS)

    async def test_documents_take_one_more_for_their_client(self, small: tuple[House, Counter], owner: Caller) -> None:
        client_id = await small[0].client()
        for _ in range(3):
            await small[0].document(client_id)
        path = f"/v1/clients/{client_id}/documents"
        assert await counted(small, lambda: owner.get(path)) == (READS + 1, VIEWS)

    async def test_onboarding_takes_four_however_many_steps_there_are(self, small: tuple[House, Counter]) -> None:
        """Who is calling, how far they are, their steps, their chart."""
        _, client = await small[0].client_login()
        assert await counted(small, lambda: client.get("/v1/me/onboarding")) == (4, 0)

    async def test_a_clients_first_page_takes_seven(self, small: tuple[House, Counter]) -> None:
        """Who is calling, the people, the next appointment, all that waits, who may write, what is unread of both."""
        _, client = await small[0].client_login()
        assert await counted(small, lambda: client.get("/v1/me/home")) == (7, 0)

    async def test_what_clients_want_changed_takes_two_and_the_view(
        self, small: tuple[House, Counter], owner: Caller
    ) -> None:
        for _ in range(3):
            await small[0].client_change()
        assert await counted(small, lambda: owner.get("/v1/client-changes")) == (READS, VIEWS)

    async def test_forms_take_two_however_many_there_are(self, small: tuple[House, Counter], owner: Caller) -> None:
        house, _ = small
        client_id, client = await house.client_login()
        given = [await house.form_assignment(client_id) for _ in range(3)]
        for path in ("/v1/me/forms", f"/v1/me/forms/{given[0]}"):
            assert await counted(small, lambda path=path: client.get(path)) == (READS, 0)  # type: ignore[misc]
        assert await counted(small, lambda: owner.get("/v1/form-templates")) == (READS, 0)
        assert await counted(small, lambda: owner.get(f"/v1/form-assignments/{given[0]}")) == (READS, VIEWS)
        # Whether there is such a client at all is asked first: an empty list would not tell.
        listed = f"/v1/clients/{client_id}/form-assignments"
        assert await counted(small, lambda: owner.get(listed)) == (READS + 1, VIEWS)

    @pytest.mark.parametrize("practitioners", [1, 5])
    async def test_a_search_for_free_times_takes_two_however_many_are_asked(
        self, small: tuple[House, Counter], owner: Caller, practitioners: int
    ) -> None:
        house, _ = small
        asked = [str(await house.member(await house.account("staff"))) for _ in range(practitioners)]
        query = {"service_id": str(await house.service()), "from": "2031-03-01", "to": "2031-03-31"}
        query |= {"practitioner_id": asked}
        assert await counted(small, lambda: owner.get("/v1/slots", params=query)) == (READS, 0)


class TestWrites:
    """BEGIN and COMMIT included; a number that grows is a decision."""

    async def test_creating_a_client(self, small: tuple[House, Counter], owner: Caller) -> None:
        reads, writes = await counted(small, lambda: owner.post("/v1/clients", NEW_CLIENT))
        assert (reads, writes) == (0, 9)

    async def test_changing_a_client(self, small: tuple[House, Counter], owner: Caller) -> None:
        client_id = await small[0].client()
        reads, writes = await counted(small, lambda: owner.patch(f"/v1/clients/{client_id}", NEW_CLIENT))
        assert (reads, writes) == (0, 7)

    async def test_booking_an_appointment(self, small: tuple[House, Counter], owner: Caller) -> None:
        practitioner_id, service_id, client_id = await small[0].some()
        ids = {"practitioner_id": practitioner_id, "service_id": service_id, "client_id": client_id}
        body = {name: str(value) for name, value in ids.items()} | {"mode": "video"}
        days = iter(range(1, 3))

        def book() -> Awaitable[httpx.Response]:
            return owner.post("/v1/appointments", body | {"starts_at": f"2031-03-{next(days):02}T09:00Z"})

        assert await counted(small, book) == (0, 17)

    async def test_opening_a_document(self, small: tuple[House, Counter], owner: Caller) -> None:
        document_id = await small[0].document()
        assert await counted(small, lambda: owner.get(f"/v1/documents/{document_id}/content")) == (0, 8)

    @pytest.mark.parametrize("documents", [1, 10])
    async def test_opening_many_takes_no_more_than_one(
        self, small: tuple[House, Counter], owner: Caller, documents: int
    ) -> None:
        client_id = await small[0].client()
        query = {"ids": [str(await small[0].document(client_id)) for _ in range(documents)]}
        path = f"/v1/clients/{client_id}/documents/archive"
        assert await counted(small, lambda: owner.get(path, params=query)) == (0, 8)

    async def test_uploading_a_document(self, small: tuple[House, Counter], owner: Caller) -> None:
        """Before the body is read: who it is, what the practice takes, and its key."""
        path = f"/v1/clients/{await small[0].client()}/documents"
        files = {"file": ("a.pdf", b"%PDF-1.4")}
        assert await counted(small, lambda: owner.request("POST", path, files=files)) == (3, 12)

    async def test_saving_answers(self, small: tuple[House, Counter]) -> None:
        client_id, client = await small[0].client_login()
        path = f"/v1/me/forms/{await small[0].form_assignment(client_id)}"
        texts = iter(["One", "Two"])
        assert await counted(small, lambda: client.patch(path, {"answers": {"q1": next(texts)}})) == (0, 9)

    async def test_handing_in_a_form(self, small: tuple[House, Counter]) -> None:
        client_id, client = await small[0].client_login()
        given = iter([await small[0].form_assignment(client_id) for _ in range(2)])
        assert await counted(small, lambda: client.post(f"/v1/me/forms/{next(given)}/submit")) == (0, 10)

    async def test_signing_a_form(self, small: tuple[House, Counter]) -> None:
        """The first of two signatures, of which whoever is next is told; the last one writes the paper too."""
        client_id, client = await small[0].client_login()
        asked = {"signers": [{"role": "client"}, {"role": "practitioner"}], "state": "submitted"}
        given = iter([await small[0].form_assignment(client_id, **asked) for _ in range(2)])
        body = {"printed_name": "Grace", "agree": True}
        assert await counted(small, lambda: client.post(f"/v1/me/forms/{next(given)}/sign", body)) == (0, 32)

    async def test_what_is_signed_and_by_whom(self, small: tuple[House, Counter]) -> None:
        client_id, client = await small[0].client_login()
        path = f"/v1/me/forms/{await small[0].form_assignment(client_id, signers=[{'role': 'client'}])}/signing"
        assert await counted(small, lambda: client.get(path)) == (6, 0)

    async def test_changing_the_practice(self, small: tuple[House, Counter], owner: Caller) -> None:
        reads, writes = await counted(small, lambda: owner.patch("/v1/practice", {"name": "Harbor"}))
        assert (reads, writes) == (0, 6)

    async def test_signing_in(self, small: tuple[House, Counter]) -> None:
        house, _ = small
        account = await house.account("client")
        body = {"practice": str(house.id), "email": account.email, "password": PASSWORD}
        reads, writes = await counted(small, lambda: house.http.post("/v1/auth/login", json=body))
        assert (reads, writes) == (2, 11)

    async def test_a_key_adds_its_claim_and_its_answer(self, small: tuple[House, Counter], owner: Caller) -> None:
        _, without = await counted(small, lambda: owner.post("/v1/clients", NEW_CLIENT))
        numbers = iter(range(2))

        def keyed() -> Awaitable[httpx.Response]:
            return owner.post("/v1/clients", NEW_CLIENT, headers={"Idempotency-Key": f"key-{next(numbers)}"})

        _, with_key = await counted(small, keyed)
        assert with_key - without == 4
