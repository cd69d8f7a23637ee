"""What surrounds every request: hosts, proxies, origins, headers."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import make_url
from tests.world import PASSWORD, World

from portal_api.core.config import Settings
from portal_api.main import create_app
from portal_api.web.middleware import RequestBoundary

ORIGIN = "https://app.portal.test"
Connect = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def connected(settings: Settings) -> Connect:
    """An application with these settings, asked from this address."""

    @asynccontextmanager
    async def connect(peer: str = "203.0.113.9", **changed: Any) -> AsyncIterator[httpx.AsyncClient]:
        app = create_app(settings.model_copy(update=changed))
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app, client=(peer, 1234))
            async with httpx.AsyncClient(transport=transport, base_url="http://portal.test") as http:
                yield http

    return connect


class TestHosts:
    """A40: links come from the configuration; another host is not served at all where hosts are named."""

    @pytest.mark.parametrize("host", ["evil.example", "", "portal.test.evil.example", "portal.test:80:80", "[::1]"])
    async def test_another_host_is_400(self, host: str, connected: Connect) -> None:
        async with connected(allowed_hosts=("portal.test",)) as http:
            response = await http.get("/healthz", headers={"Host": host})
        assert response.status_code == 400
        assert response.headers["content-type"] == "application/problem+json"
        assert response.headers["x-request-id"]
        assert "evil" not in response.text

    @pytest.mark.parametrize("host", ["portal.test", "PORTAL.TEST", "portal.test:8000", "[::1]:8000", "[::1]"])
    async def test_ours_is_served_with_any_port(self, host: str, connected: Connect) -> None:
        async with connected(allowed_hosts=("Portal.test", "[::1]")) as http:
            response = await http.get("/healthz", headers={"Host": host, "X-Forwarded-Host": "evil.example"})
        assert response.status_code == 200

    async def test_mailed_links_do_not_follow_the_host(self, world: World) -> None:
        email = world.email("owner")
        owner = {"email": email, "password": PASSWORD, "given_name": "Ada", "family_name": "Harbor"}
        body = {"name": "Harbor", "time_zone": "Europe/Berlin", "country": "DE", "owner": owner}
        headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Origin": "https://evil.example"}
        response = await world.http.post("/v1/practices", json=body, headers=headers)
        assert response.status_code == 201
        mail = await world.mail(email)
        assert "evil" not in f"{mail.text}{mail.subject}"


class TestAddresses:
    """A41: the caller's address is the socket's, or what the last trusted proxy says."""

    @pytest.mark.parametrize(
        ("peer", "forwarded", "address"),
        [
            ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
            ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
            ("10.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
            ("10.0.0.1", "6.6.6.6, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
            ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
            ("10.0.0.1", "", "10.0.0.1"),
            ("10.0.0.1", "nonsense", "10.0.0.1"),
            ("10.0.0.1", "6.6.6.6, nonsense, 10.0.0.2", "10.0.0.2"),
            ("10.0.0.1", "2001:db8::1", "2001:db8::1"),
            ("10.0.0.1", "," * 1000, "10.0.0.1"),
        ],
    )
    async def test_the_rightmost_address_that_is_not_ours_counts(self, peer: str, forwarded: str, address: str) -> None:
        seen: list[str] = []

        async def inner(scope: Any, _receive: Any, send: Any) -> None:
            seen.append(scope["state"]["origin"].ip)
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        boundary = RequestBoundary(inner, trusted_proxies=("10.0.0.0/8",), hosts=())
        transport = httpx.ASGITransport(boundary, client=(peer, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://portal.test") as http:
            await http.get("/", headers={"X-Forwarded-For": forwarded})
        assert seen == [address]

    async def test_a_changing_header_does_not_get_round_a_limit(self, connected: Connect) -> None:
        login = {"practice": "nowhere-at-all", "email": "a@b.example", "password": "x"}
        async with connected(peer="192.0.2.77", rate_limit_factor=1.0) as http:
            statuses = [
                (await http.post("/v1/auth/login", json=login, headers={"X-Forwarded-For": f"6.6.6.{n}"})).status_code
                for n in range(12)
            ]
        assert statuses[:3] == [401, 401, 401]
        assert statuses[-1] == 429

    async def test_the_audit_keeps_the_sockets_address(
        self, connected: Connect, cluster: str, settings: Settings
    ) -> None:
        owner = {"email": "a41@harbor.example", "password": PASSWORD, "given_name": "A", "family_name": "B"}
        body = {"name": "Harbor", "time_zone": "Europe/Berlin", "country": "DE", "owner": owner}
        async with connected(peer="192.0.2.78") as http:
            made = await http.post("/v1/practices", json=body, headers={"X-Forwarded-For": "6.6.6.6"})
        url = make_url(cluster).set(database=make_url(settings.database_url).database)
        with psycopg.connect(url.render_as_string(hide_password=False)) as connection:
            query = "SELECT DISTINCT ip FROM event WHERE practice_id = %s"
            assert connection.execute(query, [made.json()["practice"]["id"]]).fetchall() == [("192.0.2.78",)]


class TestOrigins:
    """A46: exactly the named origins, never a reflection."""

    @pytest.mark.parametrize(
        "origin",
        [
            "https://evil.example",
            "null",
            "http://app.portal.test",
            "https://app.portal.test.evil.example",
            "https://evil-app.portal.test",
            "https://app.portal.test:444",
            "https://APP.portal.test.",
        ],
    )
    async def test_another_origin_gets_no_permission(self, origin: str, world: World) -> None:
        simple = await world.http.get("/healthz", headers={"Origin": origin})
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        transport = httpx.ASGITransport(world.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://portal.test") as http:
            preflight = await http.options("/v1/auth/login", headers=asked)
        for response in (simple, preflight):
            assert "access-control-allow-origin" not in response.headers
        assert preflight.status_code == 400

    async def test_ours_may_send_what_the_api_reads_and_read_what_it_sends(self, world: World) -> None:
        wanted = "authorization,content-type,if-match,if-none-match,idempotency-key,x-portal-csrf,x-request-id"
        preflight = await world.http.options(
            "/v1/auth/login",
            headers={
                "Origin": ORIGIN,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": wanted,
            },
        )
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == ORIGIN
        assert preflight.headers["access-control-allow-credentials"] == "true"
        refused = await world.http.get("/v1/clients", headers={"Origin": ORIGIN})
        assert refused.headers["access-control-allow-origin"] == ORIGIN
        assert "Origin" in refused.headers["vary"]
        exposed = refused.headers["access-control-expose-headers"].lower()
        for name in ("etag", "retry-after", "ratelimit", "ratelimit-policy", "idempotency-replayed", "x-request-id"):
            assert name in exposed


class TestSecurityHeaders:
    @pytest.mark.parametrize("path", ["/healthz", "/v1/clients", "/v1/nothing", "/docs", "/v1/openapi.json"])
    async def test_every_answer_has_them(self, path: str, world: World) -> None:
        response = await world.http.get(path) if path != "/docs" else await world.http.get("/docs")
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["x-frame-options"] == "DENY"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert "max-age" in response.headers["strict-transport-security"]
        assert "default-src 'none'" in response.headers["content-security-policy"]
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-request-id"]
        assert "server" not in response.headers
