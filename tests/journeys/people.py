"""The people of a journey. They have nothing but an HTTP client and their mail."""

from dataclasses import dataclass
from secrets import token_hex
from typing import Any

import httpx

from tests.journeys.postbox import Postbox
from tests.world import PASSWORD, Caller


@dataclass
class People:
    http: httpx.AsyncClient
    postbox: Postbox

    @staticmethod
    def address(who: str) -> str:
        return f"{who}-{token_hex(5)}@harbor.example"

    async def send(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        """Nobody's request, answered as expected."""
        return expect(await self.http.request(method, path, json=body), status)

    async def sign_in(self, practice: str, email: str, password: str = PASSWORD) -> Caller:
        body = {"practice": practice, "email": email, "password": password}
        answer = await self.send("POST", "/v1/auth/login", body)
        return Caller(self.http, answer["access_token"], answer["refresh_token"], answer["account"])

    async def open_practice(self, **portal: Any) -> tuple[Caller, str]:
        """An owner who registered, verified the address by mail and turned the portal on; and the link."""
        email = self.address("owner")
        owner = {"email": email, "password": PASSWORD, "given_name": "Ada", "family_name": "Harbor"}
        body = {"name": "Harbor Therapy", "time_zone": "America/New_York", "country": "US", "owner": owner}
        registered = await self.send("POST", "/v1/practices", body, status=201)
        await self.send("POST", "/v1/auth/email-verification", {"token": await self.postbox.token(email)}, status=204)
        caller = await self.sign_in(registered["practice"]["id"], email)
        slug = f"harbor-{token_hex(5)}"
        expect(await caller.post("/v1/practice/portal/enable", {"slug": slug}))
        if portal:
            expect(await caller.patch("/v1/practice/portal", portal))
        return caller, slug

    async def add_client(self, by: Caller, **fields: Any) -> dict[str, Any]:
        body = {"given_name": "Rosa", "family_name": "Client", **fields}
        created: dict[str, Any] = expect(await by.post("/v1/clients", body), 201)
        return created


def expect(response: httpx.Response, status: int = 200) -> Any:
    """The body of an answer with this status."""
    assert response.status_code == status, f"{response.request.method} {response.request.url}: {response.text}"
    return response.json() if response.content else None
