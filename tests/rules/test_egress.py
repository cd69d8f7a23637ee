"""A32: whatever address somebody gives us, nothing private is reached. Every case runs against a real listener."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import ValidationError

from portal_api.core.config import Settings
from portal_api.integrations.egress import Egress, EgressError, Target, is_public
from tests.outside import Outside, outside


@pytest.fixture
async def server() -> AsyncIterator[Outside]:
    async with outside() as running:
        running.answer("hello")
        yield running


class Names:
    """A resolver that says what it is told, one answer a time, the last one for good; and counts."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def refusal(egress: Egress, url: str) -> str:
    with pytest.raises(EgressError) as refused:
        await egress.get(url)
    return refused.value.code


PRIVATE = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",  # noqa: S104
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.0.8",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::7f00:1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "fe80::1",
    "fec0::1",
    "fc00::1",
    "ff02::1",
    "2001:db8::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_is_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "64:ff9b::808:808"])
def test_an_address_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_name_that_leads_to_it_is_refused(address: str, server: Outside) -> None:
    egress = Egress(resolver=Names([address]))
    assert await refusal(egress, f"http://calendar.example:{server.port}/") == "private_address"
    assert server.connections == 0


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "0x7f000001",
        "017700000001",
        "127.1",
        "127.0.0.1.",
        "0",
    ],
)
async def test_a_host_that_means_this_machine_is_refused(host: str, server: Outside) -> None:
    """By the system's own resolver, which reads numbers in many ways."""
    assert await refusal(Egress(), f"http://{host}:{server.port}/") in (
        "private_address",
        "invalid_url",
        "unknown_host",
    )
    assert server.connections == 0


async def test_one_private_address_among_public_ones_is_enough(server: Outside) -> None:
    egress = Egress(resolver=Names(["93.184.216.34", "127.0.0.1"]))
    assert await refusal(egress, f"http://calendar.example:{server.port}/") == "private_address"


async def test_the_name_is_asked_for_once_and_the_connection_goes_where_that_said(server: Outside) -> None:
    """Rebinding: what the name leads to later is not asked."""
    names = Names(["127.0.0.1"], ["169.254.169.254"])
    egress = Egress(resolver=names, allow=[f"calendar.example:{server.port}"])
    answer = await egress.get(f"http://calendar.example:{server.port}/own.ics?key=1", {"Accept": "text/calendar"})
    assert (answer.status, answer.body) == (200, b"hello")
    assert names.asked == 1
    line, headers = server.asked[0]
    assert line == "GET /own.ics?key=1 HTTP/1.1"
    assert headers["host"] == f"calendar.example:{server.port}"
    assert headers["accept"] == "text/calendar"


async def test_the_next_address_is_tried_where_one_does_not_answer(server: Outside) -> None:
    egress = Egress(resolver=Names(["::1", "127.0.0.1"]), allow=[f"calendar.example:{server.port}"])
    assert (await egress.get(f"http://calendar.example:{server.port}/")).status == 200


async def test_a_redirect_is_an_answer_and_is_not_followed(server: Outside) -> None:
    async with outside() as inner:
        server.answer("", "302 Found", Location=f"{inner.url}/latest/meta-data/")
        answer = await Egress(allow=["127.0.0.1"]).get(f"{server.url}/")
        assert (answer.status, inner.connections) == (302, 0)


@pytest.mark.parametrize("port", [1, 22, 25, 8080, 65535])
async def test_other_ports_of_public_machines_are_refused(port: int) -> None:
    assert await refusal(Egress(resolver=Names(["93.184.216.34"])), f"https://calendar.example:{port}/") == (
        "port_not_allowed"
    )


@pytest.mark.parametrize(
    "url",
    [
        "",
        "calendar.example/own.ics",
        "ftp://calendar.example/",
        "file:///etc/passwd",
        "gopher://calendar.example/",
        "https:///own.ics",
        "https://user@calendar.example/",
        "https://user:secret@calendar.example/",
        "https://calendar.example:0x50/",
        "https://calendar.example:99999/",
        "https://calendar.example\\@127.0.0.1/",
        "https://calendar.example/\r\nHost: other",
        "https://calendar.example/ own.ics",
        "https://[fe80::1%25eth0]/",
        "https://cal_endar..example/x" + "x" * 2000,
        "https://ⓁⓄⒸⒶⓁhost/",
        "https://-/",
    ],
)
async def test_what_is_no_web_address_is_refused(url: str) -> None:
    names = Names(["93.184.216.34"])
    assert await refusal(Egress(resolver=names), url) == "invalid_url"
    assert names.asked == 0


async def test_a_body_over_the_limit_is_not_read_to_its_end(server: Outside) -> None:
    server.chunks = [b"x" * 1000] * 100
    egress = Egress(allow=["127.0.0.1"], max_bytes=5_000)
    assert await refusal(egress, f"{server.url}/") == "too_large"


async def test_a_compressed_body_is_refused(server: Outside) -> None:
    """It could unpack to anything."""
    server.answer(b"\x1f\x8b", Content_Encoding="gzip")
    assert await refusal(Egress(allow=["127.0.0.1"]), f"{server.url}/") == "unreadable"
    assert server.asked[0][1]["accept-encoding"] == "identity"


async def test_a_server_that_does_not_come_to_an_end_is_left(server: Outside) -> None:
    server.stall = True
    assert await refusal(Egress(allow=["127.0.0.1"], timeout=0.3), f"{server.url}/") == "timeout"


async def test_a_resolver_that_does_not_come_to_an_end_is_left() -> None:
    async def never(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    assert await refusal(Egress(resolver=never, timeout=0.1), "https://calendar.example/") == "timeout"


@pytest.mark.parametrize("reply", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort"])
async def test_a_broken_answer_is_told_by_its_code_alone(reply: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as broken:
        port = broken.sockets[0].getsockname()[1]
        with pytest.raises(EgressError) as refused:
            await Egress(allow=["127.0.0.1"]).get(f"http://127.0.0.1:{port}/secret-path")
    assert (refused.value.code, str(refused.value)) == ("unreachable", "unreachable")
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


async def test_proxies_of_the_environment_are_not_asked(server: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert (await Egress(allow=["127.0.0.1"]).get(f"{server.url}/")).status == 200


async def test_the_certificate_must_be_the_names(tmp_path: Path) -> None:
    """The connection goes to an address, the handshake is about the name."""
    asked: list[str | None] = []
    tls = self_signed(tmp_path, "other.example")
    tls.sni_callback = lambda _socket, name, _context: asked.append(name)
    async with outside(tls) as server:
        egress = Egress(resolver=Names(["127.0.0.1"]), allow=["calendar.example"])
        assert await refusal(egress, f"https://calendar.example:{server.port}/") == "unreachable"
    assert asked == ["calendar.example"]
    assert server.asked == []


def test_what_can_be_told_without_asking_is_refused_at_once() -> None:
    egress = Egress()
    assert egress.check("https://calendar.example/own.ics") == Target("https", "calendar.example", 443, "/own.ics")
    for url in ("https://127.0.0.1/", "https://[::1]/", "http://169.254.169.254/latest/"):
        with pytest.raises(EgressError, match="private_address"):
            egress.check(url)


def test_production_opens_no_private_network() -> None:
    with pytest.raises(ValidationError, match="PORTAL_EGRESS_ALLOW"):
        Settings(_env_file=None, environment="production", secret_key="s" * 48, egress_allow=("127.0.0.1",))


def self_signed(directory: Path, name: str) -> ssl.SSLContext:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(serialization.Encoding.PEM)
    (directory / "server.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "server.pem")
    return context
