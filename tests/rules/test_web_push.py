"""Web Push: only the device reads it, its length tells nothing, and the push service knows who asks."""

import os

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from portal_api.core.config import Settings
from portal_api.core.sealing import Vault
from portal_api.integrations.egress import Egress
from portal_api.integrations.push import ApplicationServer, PushRefused, WebPush, encrypt
from portal_api.integrations.push import Device as Target
from tests.push_service import Device, push_service, to_bytes, to_text

VAULT = Vault(b"0" * 32)
SETTINGS = Settings(_env_file=None, mail_from="portal@harbor.example")


def device_of_the_rfc() -> Device:
    secret = int.from_bytes(to_bytes("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"))
    return Device(ec.derive_private_key(secret, ec.SECP256R1()), to_bytes("BTBZMqHH6r4Tts7J_aSIgg"))


def test_the_receiver_of_these_tests_reads_the_rfcs_own_example() -> None:
    """RFC 8291 section 5."""
    body = to_bytes(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBr"
        "u3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )
    assert device_of_the_rfc().read(body) == b"When I grow up, I want to be a watermelon"


@given(st.binary(min_size=1, max_size=511).filter(lambda message: not message.endswith((b"\x00", b"\x02"))))
def test_the_device_reads_what_was_sent_and_nobody_else_does(message: bytes) -> None:
    device, other = Device(), Device()
    body = encrypt(message, device.keys["p256dh"], device.keys["auth"])
    assert device.read(body) == message
    with pytest.raises(InvalidTag):
        other.read(body)


def test_every_message_is_as_long_as_any_other() -> None:
    keys = Device().keys
    sizes = {len(encrypt(b"x" * length, keys["p256dh"], keys["auth"])) for length in (1, 100, 511)}
    assert len(sizes) == 1


@pytest.mark.parametrize("p256dh", ["AAAA", to_text(b"\x04" + bytes(64)), to_text(b"\x02" + bytes(64))])
def test_a_key_that_is_no_point_of_the_curve_is_refused(p256dh: str) -> None:
    with pytest.raises(ValueError):
        encrypt(b"hello", p256dh, "A" * 22)


def test_one_installation_has_one_key_however_often_it_starts() -> None:
    """A browser that subscribed would take pushes of no other."""
    first, second = (ApplicationServer.of(SETTINGS, VAULT).public_key for _ in range(2))
    assert first == second
    assert len(to_bytes(first)) == 65
    assert ApplicationServer.of(SETTINGS, Vault(b"1" * 32)).public_key != first


def test_a_key_that_is_given_is_used() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    number = key.private_numbers().private_value
    given_key = to_text(number.to_bytes(32))
    settings = Settings(_env_file=None, push_key=given_key, push_contact="https://harbor.example")  # type: ignore[arg-type]
    assert to_bytes(ApplicationServer.of(settings, VAULT).public_key) == Device(key).public


@pytest.mark.parametrize("values", [{"push_key": "short"}, {"push_contact": "nobody"}])
def test_settings_that_make_no_sense_are_refused(values: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"PORTAL_PUSH_KEY|push_contact"):
        Settings(_env_file=None, **values)  # type: ignore[arg-type]


async def test_the_push_service_learns_who_asks_and_nothing_else() -> None:
    """RFC 8030, RFC 8292."""
    server = ApplicationServer.of(SETTINGS, VAULT)
    device = Device()
    async with push_service() as service:
        await web_push(server).push(target(service.origin, device), b"hello", urgent=True)
        (push,) = service.got
        key, claims = push.signed_by(service.origin)
    assert key == server.public_key
    assert claims["sub"] == "mailto:portal@harbor.example"
    assert device.read(push.body) == b"hello"
    sent = {name: push.headers[name] for name in ("content-encoding", "ttl", "topic", "urgency")}
    assert sent == {"content-encoding": "aes128gcm", "ttl": "86400", "topic": "inbox", "urgency": "high"}


@pytest.mark.parametrize(
    ("status", "permanent", "gone"),
    [
        ("404 Not Found", True, True),
        ("410 Gone", True, True),
        ("401 Unauthorized", True, False),
        ("413 Too Large", True, False),
        ("301 Moved Permanently", True, False),
        ("429 Too Many Requests", False, False),
        ("500 Oops", False, False),
    ],
)
async def test_what_it_answers_says_whether_to_try_again(status: str, permanent: bool, gone: bool) -> None:
    async with push_service() as service:
        service.status, service.headers = status, {"Retry-After": "7"}
        with pytest.raises(PushRefused) as refused:
            await web_push(ApplicationServer.of(SETTINGS, VAULT)).push(target(service.origin, Device()), b"hello")
    assert (refused.value.permanent, refused.value.gone) == (permanent, gone)
    assert refused.value.retry_in is not None
    assert refused.value.retry_in.total_seconds() == 7
    assert service.origin not in str(refused.value)


async def test_a_private_address_is_never_asked() -> None:
    """A32"""
    async with push_service() as service:
        closed = WebPush(ApplicationServer.of(SETTINGS, VAULT), Egress())
        with pytest.raises(PushRefused, match="private_address"):
            await closed.push(target(service.origin, Device()), b"hello")
        assert service.got == []


async def test_a_service_that_is_away_is_tried_again() -> None:
    with pytest.raises(PushRefused) as refused:
        await web_push(ApplicationServer.of(SETTINGS, VAULT)).push(target("http://127.0.0.1:1", Device()), b"hello")
    assert not refused.value.permanent


def target(origin: str, device: Device) -> Target:
    return Target(f"{origin}/{os.urandom(8).hex()}", device.keys["p256dh"], device.keys["auth"])


def web_push(server: ApplicationServer) -> WebPush:
    return WebPush(server, Egress(allow=["127.0.0.1"], timeout=10))
