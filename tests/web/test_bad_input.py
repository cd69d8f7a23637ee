"""What the program answers to input that no honest client sends: always a problem, never a failure, never an echo."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
import structlog
from fastapi import FastAPI
from prometheus_client import generate_latest
from tests.cast import build
from tests.responses import check_response
from tests.world import PASSWORD, Caller, World

from portal_api.core.access import Role
from portal_api.web.route import PortalRoute

NOBODY = "0190f3a0-0000-7000-8000-000000000000"
NO_ID = f"{NOBODY}x"
CANARY = "canary7c0ffee"
PROBLEM = "application/problem+json"
CLIENTS = "/v1/clients"
VALID = {"given_name": "Grace", "family_name": "Client"}
LOGIN = {"practice": "x", "email": "a@b.example", "password": "x"}
DEEP = 100_000
NOWHERE = [
    *("/", "/v1", "/v1/", "/v2/clients", "/v1/clients/", "/v1//clients", "/V1/clients", "/.env", "/v1/%00"),
    *("/v1/" + "a/" * 5000, "/docs/assets/../../../etc/passwd", "/docs/assets/%2e%2e/%2e%2e/main.py"),
]


@pytest.fixture(scope="module")
async def owner(app: FastAPI) -> AsyncIterator[Caller]:
    """One owner for all of it: what is refused changes nothing."""

    async def check(response: httpx.Response) -> None:
        await response.aread()
        check_response(app, response)

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://portal.test", event_hooks={"response": [check]}
    ) as http:
        house = await build(app, http)
        yield (await house.staff(Role.OWNER))[1]


async def raw(caller: Caller, content: bytes, path: str = CLIENTS, **headers: str) -> httpx.Response:
    """A body exactly as given."""
    return await caller.request("POST", path, content=content, headers={"Content-Type": "application/json"} | headers)


def pointers(response: httpx.Response) -> list[str]:
    return [error["pointer"] for error in response.json()["errors"]]


class TestBody:
    @pytest.mark.parametrize(
        "content",
        [
            b"{",
            b"nonsense " + CANARY.encode(),
            b'{"given_name": "Grace",}',
            b'{"given_name": "\xff\xfe"}',
            b'{"given_name": "\xed\xa0\x80"}',
            b'{"given_name": "\\ud800"}',
            b'{"given_name": "\\udfff\\ud800"}',
            b"\xef\xbb\xbf\xff",
            b"[" * DEEP + b"]" * DEEP,
            b'{"a":' * DEEP + b"1" + b"}" * DEEP,
            b'{"given_name": "Grace"} {"given_name": "Grace"}',
        ],
        ids=lambda content: repr(content[:24]),
    )
    async def test_what_is_no_json_is_400_malformed_json(self, content: bytes, owner: Caller) -> None:
        response = await raw(owner, content)
        assert response.status_code == 400, response.text
        assert response.json()["errors"][0]["code"] == "malformed_json"
        assert CANARY not in response.text

    @pytest.mark.parametrize(
        "content", [b"null", b"[]", b"7", b'"text"', b"true", b"NaN", b"1e999", b"9" * 5000], ids=lambda c: repr(c[:9])
    )
    async def test_what_is_no_object_is_refused(self, content: bytes, owner: Caller) -> None:
        response = await raw(owner, content)
        assert response.status_code in (400, 422), response.text

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("surprise", CANARY),
            ("practice_id", NOBODY),
            ("id", NOBODY),
            ("version", 7),
            ("given_name", CANARY + "\u0000"),
            ("given_name", CANARY + "\r\nBcc: x@y.example"),
            ("given_name", CANARY + "\u2028x"),
            ("given_name", CANARY * 100),
            ("given_name", ""),
            ("given_name", "   "),
            ("given_name", 7),
            ("given_name", None),
            ("given_name", ["Grace"]),
            ("given_name", {"a": CANARY}),
            ("email", CANARY + "@"),
            ("email", CANARY + " <a@b.example>"),
            ("email", "a@" + CANARY + ".example\u0000"),
            ("email", "a@" + "b." * 200 + "example"),
            ("phone", CANARY),
            ("phone", "+" + "9" * 39),
            ("date_of_birth", CANARY),
            ("date_of_birth", "1990-02-30"),
            ("date_of_birth", "9999-12-31"),
            ("date_of_birth", "0001-01-01"),
            ("date_of_birth", 10**30),
            ("time_zone", "../../" + CANARY),
            ("time_zone", "/etc/passwd"),
            ("time_zone", "Mars/" + CANARY + "\u0000"),
            ("practitioner_ids", [CANARY]),
            ("practitioner_ids", [NOBODY]),
            ("practitioner_ids", [NOBODY] * 51),
            ("practitioner_ids", "all"),
            ("is_test", "yes"),
            ("is_test", 10**400),
            ("external_ids", {"\u0000": "x"}),
            ("external_ids", {"ehr": "\u0000" + CANARY}),
            ("external_ids", {"ehr": 1}),
            ("external_ids", {f"s{n}": "x" for n in range(30)}),
        ],
        ids=lambda part: repr(part)[:40],
    )
    async def test_a_field_that_cannot_be_is_422_with_its_pointer(self, name: str, value: Any, owner: Caller) -> None:
        response = await raw(owner, json.dumps(VALID | {name: value}).encode())
        assert response.status_code == 422, response.text
        assert all(pointer.startswith(f"/{name}") for pointer in pointers(response))
        assert CANARY not in response.text

    async def test_a_thousand_mistakes_get_a_short_answer(self, owner: Caller) -> None:
        mistakes = {f"field{n}": CANARY for n in range(20_000)} | {"x" * 50_000: 1}
        response = await raw(owner, json.dumps(mistakes).encode())
        assert response.status_code == 422
        assert len(response.content) < 50_000
        assert CANARY not in response.text

    async def test_keys_with_slashes_are_escaped_in_pointers(self, owner: Caller) -> None:
        response = await raw(owner, json.dumps(VALID | {"a/b~c": 1}).encode())
        assert pointers(response) == ["/a~1b~0c"]

    async def test_of_two_equal_keys_the_last_counts(self, owner: Caller) -> None:
        response = await raw(owner, b'{"given_name": "A", "given_name": "B", "family_name": "C"}')
        assert response.json()["given_name"] == "B"

    @pytest.mark.parametrize(
        "media_type", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/xml"]
    )
    async def test_another_media_type_is_415(self, media_type: str, owner: Caller) -> None:
        """A45: no form can be made to post here."""
        response = await raw(owner, json.dumps(VALID).encode(), **{"Content-Type": media_type})
        assert response.status_code == 415

    async def test_a_body_over_the_limit_is_413_whether_it_says_so_or_not(self, owner: Caller) -> None:
        """R11, A30."""
        large = json.dumps(VALID | {"given_name": "x" * 1_100_000}).encode()
        declared = await raw(owner, large)

        async def chunks() -> AsyncIterator[bytes]:
            for start in range(0, len(large), 65_536):
                yield large[start : start + 65_536]

        chunked = await owner.request("POST", CLIENTS, content=chunks(), headers={"Content-Type": "application/json"})
        lying = await raw(owner, b"{}", **{"Content-Length": "99999999999999999999"})
        for response in (declared, chunked, lying):
            assert response.status_code == 413
            assert response.json()["code"] == "too_large"
            assert response.headers["connection"] == "close"

    @pytest.mark.parametrize(
        ("path", "body", "pointer"),
        [
            ("/v1/auth/login", LOGIN | {"device_label": "\u0000"}, "/device_label"),
            ("/v1/auth/login", LOGIN | {"practice": "\u0000"}, "/practice"),
            ("/v1/auth/login", LOGIN | {"password": "\u0000"}, "/password"),
            ("/v1/auth/refresh", {"refresh_token": "\u0000"}, "/refresh_token"),
        ],
        ids=lambda part: repr(part)[:30],
    )
    async def test_a_nul_is_refused_by_name_at_the_front_door(
        self, path: str, body: dict[str, Any], pointer: str, world: World
    ) -> None:
        response = await world.http.post(path, json=body)
        assert response.status_code == 422
        assert pointers(response) == [pointer]

    async def test_a_nul_deep_in_an_address_is_refused_by_name(self, owner: Caller) -> None:
        address = {"line1": "1 Quay", "city": "Harbor", "postal_code": "\u0000", "country": "US"}
        response = await owner.patch("/v1/practice", {"address": address})
        assert pointers(response) == ["/address/postal_code"]


class TestPathAndQuery:
    @pytest.mark.parametrize(
        "query",
        [
            f"q={CANARY}%00",
            "q=%00%00",
            "q=x",
            f"q={CANARY * 20}",
            "limit=0",
            "limit=101",
            "limit=-1",
            "limit=" + "9" * 4000,
            "limit=1e2",
            "limit=NaN",
            f"limit={CANARY}",
            "limit=",
            f"practitioner_id={CANARY}",
            "archived=perhaps",
            "updated_since=2026-01-01T00:00:00",
            "updated_since=2026-13-01T00:00:00Z",
            "updated_since=99999999999999999999",
            f"{CANARY}=1",
            "limit=1&limit=2",
            f"q={CANARY}&q={CANARY}",
            "limit[]=1",
        ],
        ids=lambda query: query[:30],
    )
    async def test_a_bad_parameter_is_422_with_its_pointer(self, query: str, owner: Caller) -> None:
        response = await owner.get(f"{CLIENTS}?{query}")
        assert response.status_code == 422, response.text
        name = query.partition("=")[0]
        assert pointers(response) == [f"/query/{name}"]
        assert CANARY not in response.text.replace(f"/query/{CANARY}", "")

    @pytest.mark.parametrize("cursor", ["x", "=", "%00", "A" * 900, "AAAA.BBBB", "é", "../..", "null"])
    async def test_a_made_up_cursor_is_400(self, cursor: str, owner: Caller) -> None:
        """A19."""
        response = await owner.get(CLIENTS, params={"cursor": cursor})
        assert response.status_code == 400
        assert response.json()["code"] == "invalid_cursor"

    async def test_a_cursor_works_for_its_caller_and_list_alone(self, world: World, owner: Caller) -> None:
        """A19."""
        for _ in range(2):
            await world.client(owner)
        cursor = (await owner.get(f"{CLIENTS}?limit=1")).json()["next_cursor"]
        other = (await world.practice()).owner
        assert (await owner.get(CLIENTS, params={"cursor": cursor, "limit": 1})).status_code == 200
        assert (await other.get(CLIENTS, params={"cursor": cursor, "limit": 1})).status_code == 400
        assert (await owner.get(CLIENTS, params={"cursor": cursor, "q": "grace"})).status_code == 400
        assert (await owner.get(CLIENTS, params={"cursor": cursor[:-1] + "A"})).status_code == 400

    @pytest.mark.parametrize(
        "path",
        [f"{CLIENTS}/{CANARY}", f"{CLIENTS}/%00", f"{CLIENTS}/{NO_ID}", f"{CLIENTS}/" + "9" * 5000],
        ids=["word", "nul", "one character more", "long"],
    )
    async def test_what_is_no_id_is_422_with_its_pointer(self, path: str, owner: Caller) -> None:
        response = await owner.get(path)
        assert response.status_code == 422
        assert pointers(response) == ["/path/client_id"]
        assert CANARY not in response.text

    @pytest.mark.parametrize(
        "path",
        NOWHERE,
        ids=lambda path: path[:24],
    )
    async def test_what_is_not_there_is_404(self, path: str, owner: Caller) -> None:
        response = await owner.get(path)
        assert response.status_code == 404
        assert response.headers["content-type"] == PROBLEM

    async def test_a_very_long_query_is_no_trouble(self, owner: Caller) -> None:
        response = await owner.get(f"{CLIENTS}?" + "&".join(f"p{n}=1" for n in range(5000)))
        assert response.status_code == 422
        assert len(response.content) < 50_000


class TestMethods:
    @pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "OPTIONS", "X" * 100])
    async def test_a_method_that_is_not_there_is_405_and_names_those_that_are(self, method: str, owner: Caller) -> None:
        response = await owner.request(method, f"{CLIENTS}/{uuid4()}")
        assert response.status_code == 405
        assert response.headers["allow"] == "GET, HEAD, PATCH"
        assert response.json()["code"] == "method_not_allowed"

    async def test_every_path_names_all_of_its_methods(self, app: FastAPI, owner: Caller) -> None:
        paths: dict[str, set[str]] = {}
        for route in app.router.routes:
            if isinstance(route, PortalRoute):
                paths.setdefault(route.path, set()).update(route.methods or ())
        for path, methods in paths.items():
            for name in ("{client_id}", "{slug}"):
                path = path.replace(name, str(uuid4()))
            response = await owner.request("TRACE", path)
            assert response.status_code == 405
            assert {*response.headers["allow"].split(", ")} == methods | ({"HEAD"} if "GET" in methods else set())

    async def test_head_is_get_without_the_body(self, owner: Caller) -> None:
        got = await owner.get("/v1/practice")
        head = await owner.request("HEAD", "/v1/practice")
        assert head.status_code == 200
        assert head.content == b""
        for name in ("etag", "content-length", "content-type"):
            assert head.headers[name] == got.headers[name]
        assert (await owner.http.head("/v1/practice")).status_code == 401
        assert (await owner.request("HEAD", "/v1/practices")).status_code == 405


class TestHeaders:
    @pytest.mark.parametrize("value", ["", "v", '"', "7x", '"v1", "v2"', '"vé"', CANARY, "-1"])
    async def test_a_bad_if_match_is_400(self, value: str, owner: Caller) -> None:
        response = await owner.patch("/v1/practice", {"name": "X"}, headers={"If-Match": value.encode("latin-1")})
        assert response.status_code == 400, response.text
        assert CANARY not in response.text

    @pytest.mark.parametrize("tag", ['"v99999999999"', '"stale"', '"v"', '""', 'W/"5d41402a"'])
    async def test_an_etag_that_no_copy_ever_had_holds_no_more(self, tag: str, owner: Caller) -> None:
        """RFC 9110 section 13.1.1: a tag is opaque, and one that does not match is 412."""
        response = await owner.patch("/v1/practice", {"name": "X"}, headers={"If-Match": tag})
        assert (response.status_code, response.json()["code"]) == (412, "precondition_failed")
        assert response.json()["current"] == (await owner.get("/v1/practice")).json()

    @pytest.mark.parametrize("key", ["", "x" * 256, "é", "\x7f", "a\tb"])
    async def test_a_bad_idempotency_key_is_400(self, key: str, owner: Caller) -> None:
        response = await owner.post(CLIENTS, VALID, headers={"Idempotency-Key": key.encode("latin-1")})
        assert response.status_code == 400

    @pytest.mark.parametrize(
        "value",
        ["", "Bearer", "Bearer ", "Basic eDp5", "Bearer a.b.c", f"Bearer {'x' * 9000}", "Bearer é", "bearer\tx"],
    )
    async def test_bad_credentials_are_401(self, value: str, world: World) -> None:
        response = await world.http.get(CLIENTS, headers={"Authorization": value.encode("latin-1")})
        assert response.status_code == 401
        assert response.headers["www-authenticate"].startswith("Bearer")

    async def test_a_request_names_itself_only_in_a_safe_way(self, world: World) -> None:
        kept = await world.http.get("/healthz", headers={"X-Request-ID": "abc-123.DEF_456"})
        assert kept.headers["x-request-id"] == "abc-123.DEF_456"
        for bad in ("short", "x" * 65, "has space in it", "<script>alert</script>"):
            made = await world.http.get("/healthz", headers={"X-Request-ID": bad})
            assert made.headers["x-request-id"] != bad
        refused = await world.http.get("/v1/nothing", headers={"X-Request-ID": "abc-123.DEF_456"})
        assert refused.json()["request_id"] == "abc-123.DEF_456"


class TestSilence:
    """A44: names, addresses, passwords and tokens are in no log line, metric or error."""

    @pytest.fixture
    def lines(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
        with structlog.testing.capture_logs() as captured:
            for module in ("middleware", "problems"):
                monkeypatch.setattr(f"portal_api.web.{module}._log", structlog.get_logger())
            yield captured

    async def test_nothing_personal_is_written_down(
        self, world: World, lines: list[dict[str, Any]], capfd: pytest.CaptureFixture[str]
    ) -> None:
        email = world.email(CANARY)
        owner = {"email": email, "password": PASSWORD + CANARY, "given_name": CANARY, "family_name": CANARY}
        body = {"name": CANARY, "time_zone": "Europe/Berlin", "country": "DE", "owner": owner}
        registered = await world.http.post("/v1/practices", json=body, headers={"User-Agent": CANARY})
        practice = registered.json()["practice"]["id"]
        caller = await world.sign_in(practice, email, PASSWORD + CANARY)
        client = await world.client(caller, given_name=CANARY, external_ids={"ehr": CANARY})
        answers = [
            await caller.get(f"{CLIENTS}?q={CANARY}&limit=0"),
            await caller.get(f"/v1/{CANARY}"),
            await caller.get(f"{CLIENTS}/{CANARY}"),
            await caller.post(CLIENTS, {"given_name": CANARY, "family_name": 7}),
            await caller.post(CLIENTS, VALID | {"external_ids": {"ehr": CANARY}}),
            await caller.patch(f"{CLIENTS}/{client['id']}", {"email": CANARY}),
            await world.http.post("/v1/auth/login", json={"practice": practice, "email": email, "password": CANARY}),
            await world.http.post("/v1/auth/refresh", json={"refresh_token": CANARY}),
            await world.http.get(CLIENTS, headers={"Authorization": f"Bearer {CANARY}"}),
        ]
        assert [answer.status_code for answer in answers] == [422, 404, 422, 422, 409, 422, 401, 401, 401]
        assert all(CANARY not in answer.text for answer in answers)
        assert len(lines) > len(answers)
        assert CANARY not in repr(lines) + "".join(capfd.readouterr())
        assert email not in repr(lines)
        assert client["id"] not in repr(lines), "ids of charts are no words of a log either"
        assert CANARY.encode() not in generate_latest()

    async def test_our_own_mistake_is_500_with_the_headers_of_every_answer_and_no_words_of_it(
        self, app: FastAPI, owner: Caller, lines: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_: object) -> None:
            raise RuntimeError(CANARY)

        monkeypatch.setattr(app.state.gatekeeper, "admit", broken)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://portal.test") as http:
            headers = {"Authorization": f"Bearer {owner.access_token}", "Origin": "https://app.portal.test"}
            response = await http.get(CLIENTS, headers=headers)
        assert response.status_code == 500
        assert response.headers["content-type"] == PROBLEM
        assert response.headers["x-request-id"] == response.json()["request_id"]
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["access-control-allow-origin"] == "https://app.portal.test"
        assert [line["error"] for line in lines if line["event"] == "unhandled"] == ["RuntimeError"]
        assert CANARY not in response.text + repr(lines)
