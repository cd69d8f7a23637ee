"""The people of a test, made through the API like anybody else."""

import asyncio
import re
from dataclasses import dataclass
from functools import cached_property
from secrets import token_hex
from typing import Any
from uuid import UUID

import httpx
from fastapi import FastAPI
from sqlalchemy import select

from portal_api.core.access import ActorKind, Origin, Principal
from portal_api.core.db import Binding
from portal_api.core.tools import Tools
from portal_api.integrations.mail import DevelopmentMailbox, SmtpMailer, StoredMail
from portal_api.jobs import JobContext
from portal_api.models.auth import Account
from portal_api.services import audit
from portal_api.services.auth import sessions

PASSWORD = "a quiet boat on lake 7"
HASH_COST = {"memory_kib": 64, "rounds": 1}
"""What a password's hash costs in the tests' own process."""
_hashes: list[str] = []
_TOKEN = re.compile(r"#token=([A-Za-z0-9._-]+)")
_CODE = re.compile(r"\b(\d{6})\b")


async def hash_of_password(tools: Tools) -> str:
    """The hash of PASSWORD, made once: for accounts that are put into the database."""
    if not _hashes:
        _hashes.append(await tools.hasher.hash(PASSWORD))
    return _hashes[0]


@dataclass
class Caller:
    """Someone signed in: an HTTP client with a token."""

    http: httpx.AsyncClient
    access_token: str
    refresh_token: str | None
    account: dict[str, Any]

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.access_token}"} | options.pop("headers", {})
        return await self.http.request(method, path, headers=headers, **options)

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.request("GET", path, **options)

    async def post(self, path: str, json: Any = None, **options: Any) -> httpx.Response:
        return await self.request("POST", path, json=json, **options)

    async def put(self, path: str, json: Any = None, **options: Any) -> httpx.Response:
        return await self.request("PUT", path, json=json, **options)

    async def patch(self, path: str, json: Any = None, **options: Any) -> httpx.Response:
        return await self.request("PATCH", path, json=json, **options)

    async def delete(self, path: str, **options: Any) -> httpx.Response:
        return await self.request("DELETE", path, **options)


async def let_in(app: FastAPI, http: httpx.AsyncClient, practice_id: UUID | str, account_id: UUID | str) -> Caller:
    """Someone who is signed in already: to check a password costs more than the rest of most tests."""
    practice = UUID(str(practice_id))
    visitor = Principal(practice, ActorKind.ANONYMOUS, Origin("test", "127.0.0.1"))
    async with app.state.tools.database.session(Binding.system(practice)) as session:
        account = (await session.scalars(select(Account).where(Account.id == UUID(str(account_id))))).one()
        opened = await sessions.start(session, visitor, account, methods=["pwd"], delivery="body", label="")
    view = opened["account"] | {"id": str(account_id)}
    return Caller(http, opened["access_token"], opened["refresh_token"], view)


@dataclass
class Practice:
    """A registered practice and its owner, signed in."""

    id: str
    owner: Caller
    owner_email: str
    staff_id: str


class World:
    """Arranges. Each call makes something new, under names that no other test uses."""

    by_password = False
    """Whether the owners of new practices sign in like anybody else."""

    def __init__(self, app: FastAPI, http: httpx.AsyncClient, mailbox: DevelopmentMailbox) -> None:
        self.app = app
        self.http = http
        self.mailbox = mailbox

    @property
    def tools(self) -> Tools:
        return self.app.state.tools

    @cached_property
    def jobs(self) -> JobContext:
        settings = self.tools.settings
        return JobContext(self.tools, SmtpMailer(settings.smtp_url, settings.mail_from))

    @staticmethod
    def email(who: str = "someone") -> str:
        return f"{who}-{token_hex(6)}@harbor.example"

    async def practice(self, **fields: Any) -> Practice:
        """A practice whose owner (also a practitioner) is signed in; its portal is off."""
        email = self.email("owner")
        owner = {"email": email, "password": PASSWORD, "given_name": "Ada", "family_name": "Harbor"}
        body = {"name": "Harbor Therapy", "time_zone": "America/New_York", "country": "US", "owner": owner}
        response = await self.http.post("/v1/practices", json=body | fields)
        assert response.status_code == 201, response.text
        registered = response.json()
        practice_id = registered["practice"]["id"]
        owner = registered["owner"]
        if self.by_password:
            caller = await self.sign_in(practice_id, email)
        else:
            caller = await let_in(self.app, self.http, practice_id, owner["account_id"])
        return Practice(practice_id, caller, email, owner["id"])

    async def sign_in(self, practice: str, email: str, password: str = PASSWORD, **fields: Any) -> Caller:
        response = await self.http.post(
            "/v1/auth/login", json={"practice": practice, "email": email, "password": password, **fields}
        )
        assert response.status_code == 200, response.text
        answer = response.json()
        return Caller(self.http, answer["access_token"], answer["refresh_token"], answer["account"])

    async def client(self, by: Caller, **fields: Any) -> dict[str, Any]:
        """A client record."""
        response = await by.post("/v1/clients", {"given_name": "Grace", "family_name": "Client", **fields})
        assert response.status_code == 201, response.text
        created: dict[str, Any] = response.json()
        return created

    async def run_jobs(self) -> None:
        """Do what workers would do now, one job after the other, so that the newest mail is about what was last."""
        await self.tools.queue.run_worker(self.worker_dsn, self.jobs, concurrency=1, stop=asyncio.Event(), wait=False)

    @property
    def worker_dsn(self) -> str:
        return self.tools.settings.worker_dsn

    async def mail(self, to: str, containing: str = "") -> StoredMail:
        """The newest mail to this address whose subject or text contains the words."""
        for mail in await self.mails(to):
            if containing.lower() in f"{mail.subject} {mail.text}".lower():
                return mail
        raise AssertionError(f"no mail to {to} about {containing!r}")

    async def mails(self, to: str) -> list[StoredMail]:
        await self.run_jobs()
        return [mail for mail in self.mailbox.list() if to in mail.to]

    async def mailed_token(self, to: str, containing: str = "") -> str:
        """The secret in the newest mailed link."""
        mail = await self.mail(to, containing)
        return _TOKEN.findall(mail.text or "")[0]

    async def mailed_code(self, to: str) -> str:
        mail = await self.mail(to)
        return _CODE.findall(mail.text or "")[0]

    async def seal_audit(self, practice: Practice) -> int:
        """What the sealer does each minute, for one practice; returns how many events it sealed."""
        return await audit.seal(self.tools.database, UUID(practice.id))
