"""`portal-api demo`: what a visitor finds, and that a start that was interrupted plants nothing twice."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.journeys.people import expect
from tests.journeys.server import Server
from tests.patience import PATIENCE
from tests.world import Caller

CLIENT, OWNER, PARENT = "client@harbor.example", "owner@harbor.example", "parent@harbor.example"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


def kept(home: Path) -> dict[str, Any]:
    return dict(json.loads((home / "data" / "demo.json").read_text()))


async def sign_in(http: httpx.AsyncClient, home: Path, email: str) -> Caller:
    body = {"practice": "harbor", "email": email, "password": kept(home)["passwords"][email]}
    answer = expect(await http.post("/v1/auth/login", json=body))
    return Caller(http, answer["access_token"], answer["refresh_token"], answer["account"])


async def what_there_is(home: Path) -> dict[str, Any]:
    """What waits for the demo's people and what they read, by its titles."""
    with Server(home, "demo") as server:
        async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE) as http:
            client, parent = await sign_in(http, home, CLIENT), await sign_in(http, home, PARENT)
            owner = await sign_in(http, home, OWNER)
            waiting = expect(await client.get("/v1/me/home"))["waiting"]
            (profile,) = expect(await parent.get("/v1/me"))["profiles"]
            return {
                "forms": sorted(item["title"] for item in waiting if item["kind"] == "form"),
                "documents": [each["title"] for each in expect(await client.get("/v1/me/documents"))["data"]],
                "threads": [each["subject"] for each in expect(await client.get("/v1/me/threads"))["data"]],
                "relationship": profile["relationship"],
                "clients": sorted(each["given_name"] for each in expect(await owner.get("/v1/clients"))["data"]),
                "said": "".join(server.said),
                "warned": "not complete" in server.log,
            }


async def test_a_visitor_finds_what_to_fill_in_read_and_answer(home: Path) -> None:
    first = await what_there_is(home)
    assert {"Consent to telehealth", "Patient Health Questionnaire (PHQ-9)"} <= set(first["forms"]), first["forms"]
    assert (first["documents"], first["threads"]) == (["How to find us"], ["Welcome"])
    assert (first["relationship"], first["clients"]) == ("mother", ["Nell", "Rosa"])
    assert "GET /v1/me/home" in first["said"]
    assert not first["warned"]
    assert kept(home)["planted"] == ["practice", "record"]
    (home / "data" / "demo.json").write_text(json.dumps(kept(home) | {"planted": True}))  # of an earlier version
    again = await what_there_is(home)
    assert not again["warned"]
    assert {name: again[name] for name in first if name != "said"} == {n: v for n, v in first.items() if n != "said"}
    assert kept(home)["planted"] == ["practice", "record"]
