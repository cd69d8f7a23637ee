"""What video providers are handed, read by an independent decoder against what the providers document."""

import hashlib
from base64 import b64encode, urlsafe_b64decode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import jwt
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from portal_api.core.config import Settings
from portal_api.core.sealing import Vault
from portal_api.integrations.video import (
    DevelopmentVideo,
    JaaS,
    Jitsi,
    LiveKit,
    PassRefused,
    Presence,
    Seat,
    VideoNotConfigured,
    WebhookRefused,
    development_video,
    video_provider,
)
from portal_api.integrations.video.jws import JwsError, open_hs256, sign_hs256

KEY, SECRET = "APIharbor", "a secret that only the server and we know"
NOW = datetime.now(UTC).replace(microsecond=0)
VALID = timedelta(hours=12)  # longer than any run of the suite
PARTICIPANT = UUID("0190b8a0-0000-7000-8000-000000000001")
PRACTICE = UUID("0190b8a0-0000-7000-8000-00000000000a")
ROOM = f"{PRACTICE.hex}-0123456789abcdef"


def seat(**changes: Any) -> Seat:
    values: dict[str, Any] = {
        "room": ROOM,
        "participant_id": PARTICIPANT,
        "name": "Rosa \N{LATIN SMALL LETTER E WITH ACUTE}",
        "host": False,
        "waits": False,
        "issued_at": NOW - timedelta(seconds=10),
        "expires_at": NOW + VALID,
    }
    return Seat(**values | changes)


def seconds(at: datetime) -> int:
    return int(at.timestamp())


def private_key(bits: int = 2048) -> tuple[str, rsa.RSAPublicKey]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(), key.public_key()


@pytest.fixture(scope="module")
def rsa_pair() -> tuple[str, rsa.RSAPublicKey]:
    return private_key()


class TestLiveKit:
    """docs.livekit.io: Tokens & grants."""

    live = LiveKit("wss://video.example", KEY, SECRET)

    def claims(self, given: Seat) -> dict[str, Any]:
        ticket = self.live.ticket(given)
        assert ticket.url == "wss://video.example"
        read: dict[str, Any] = jwt.decode(ticket.token, SECRET, algorithms=["HS256"], issuer=KEY)
        return read

    def test_a_client_may_come_into_one_room_and_take_part(self) -> None:
        assert self.claims(seat()) == {
            "iss": KEY,
            "sub": str(PARTICIPANT),
            "name": "Rosa é",
            "nbf": seconds(NOW - timedelta(seconds=10)),
            "exp": seconds(NOW + VALID),
            "video": {
                "room": ROOM,
                "roomJoin": True,
                "roomAdmin": False,
                "canPublish": True,
                "canPublishData": True,
                "canSubscribe": True,
                "canUpdateOwnMetadata": False,
            },
        }

    def test_a_host_runs_the_room(self) -> None:
        assert self.claims(seat(host=True))["video"]["roomAdmin"] is True

    def test_who_waits_hears_nobody_and_is_heard_by_nobody(self) -> None:
        grants = self.claims(seat(waits=True))["video"]
        assert [grants[name] for name in ("canPublish", "canPublishData", "canSubscribe")] == [False] * 3

    def test_another_secret_does_not_open_it(self) -> None:
        with pytest.raises(jwt.InvalidSignatureError):
            jwt.decode(self.live.ticket(seat()).token, SECRET + "!", algorithms=["HS256"])


class TestLiveKitWebhooks:
    """docs.livekit.io: Webhooks & events."""

    live = LiveKit("wss://video.example", KEY, SECRET)

    @staticmethod
    def body(event: str = "participant_joined", **changes: Any) -> bytes:
        who = {"sid": "PA_1", "identity": str(PARTICIPANT)}
        return orjson.dumps({"event": event, "room": {"name": ROOM}, "participant": who, "id": "EV_1"} | changes)

    @staticmethod
    def signed(body: bytes, secret: str = SECRET, **changes: Any) -> str:
        digest = b64encode(hashlib.sha256(body).digest()).decode()
        claims = {"iss": KEY, "nbf": seconds(NOW), "exp": seconds(NOW + VALID), "sha256": digest}
        return jwt.encode(claims | changes, secret, algorithm="HS256")

    @pytest.mark.parametrize(
        ("event", "joined"),
        [("participant_joined", True), ("participant_left", False), ("participant_connection_aborted", False)],
    )
    def test_who_came_and_who_went(self, event: str, joined: bool) -> None:
        body = self.body(event)
        assert self.live.presence(body, self.signed(body)) == Presence(ROOM, PARTICIPANT, "PA_1", joined)

    @pytest.mark.parametrize(
        "body",
        [
            body.__func__("room_started"),
            body.__func__(participant={"identity": "EG_recorder"}),
            b'{"event": "participant_joined"}',
        ],
    )
    def test_what_is_about_no_person_of_ours_is_passed_over(self, body: bytes) -> None:
        assert self.live.presence(body, self.signed(body)) is None

    def test_only_this_server_and_only_now_is_believed(self) -> None:
        body = self.body()
        long_ago = seconds(NOW - timedelta(minutes=10))
        unsigned = jwt.encode({"iss": KEY, "exp": seconds(NOW + VALID)}, None, algorithm="none")
        refused = [
            "",
            "nonsense",
            "a.b.c",
            unsigned,
            self.signed(body, "another secret of the right length, or so"),
            self.signed(self.body("participant_left")),
            self.signed(body, iss="APIother"),
            self.signed(body, nbf=long_ago, exp=long_ago + 60),
            self.signed(body, nbf=seconds(NOW + VALID)),
            self.signed(body, exp="soon"),
            self.signed(body, sha256=None),
        ]
        for token in refused:
            with pytest.raises(WebhookRefused):
                self.live.presence(body, token)

    @pytest.mark.parametrize("body", [b"", b"[]", b"{", body.__func__(room=1), body.__func__(participant="PA_1")])
    def test_a_signed_body_that_cannot_be_read_is_refused(self, body: bytes) -> None:
        with pytest.raises(WebhookRefused):
            self.live.presence(body, self.signed(body))


class TestJitsi:
    """lib-jitsi-meet, doc/tokens.md."""

    jitsi = Jitsi("https://meet.example/", "harbor", SECRET)

    def test_a_token_is_for_one_room_of_the_domain(self) -> None:
        ticket = self.jitsi.ticket(seat())
        assert ticket.url == f"https://meet.example/{ROOM}"
        assert jwt.decode(ticket.token, SECRET, algorithms=["HS256"], audience="jitsi", issuer="harbor") == {
            "aud": "jitsi",
            "iss": "harbor",
            "sub": "meet.example",
            "room": ROOM,
            "nbf": seconds(NOW - timedelta(seconds=10)),
            "exp": seconds(NOW + VALID),
            "context": {
                "user": {"id": str(PARTICIPANT), "name": "Rosa é", "moderator": "false", "affiliation": "member"}
            },
        }

    def test_a_host_moderates(self) -> None:
        claims = jwt.decode(self.jitsi.ticket(seat(host=True)).token, options={"verify_signature": False})
        user = claims["context"]["user"]
        assert (user["moderator"], user["affiliation"]) == ("true", "owner")


class TestJaaS:
    """developer.8x8.com/jaas: The Jitsi JSON Web Token."""

    KEY_ID = "vpaas-magic-cookie-0123/4f4910"

    def test_a_token_is_signed_with_the_tenants_key(self, rsa_pair: tuple[str, rsa.RSAPublicKey]) -> None:
        pem, public = rsa_pair
        ticket = JaaS("https://8x8.vc", self.KEY_ID, pem).ticket(seat(host=True))
        assert ticket.url == f"https://8x8.vc/vpaas-magic-cookie-0123/{ROOM}"
        assert jwt.get_unverified_header(ticket.token) == {"alg": "RS256", "kid": self.KEY_ID, "typ": "JWT"}
        claims = jwt.decode(ticket.token, public, algorithms=["RS256"], audience="jitsi", issuer="chat")
        assert (claims["sub"], claims["room"]) == ("vpaas-magic-cookie-0123", ROOM)
        assert (claims["nbf"], claims["exp"]) == (seconds(NOW - timedelta(seconds=10)), seconds(NOW + VALID))
        assert claims["context"]["user"]["moderator"] == "true"
        assert set(claims["context"]["features"].values()) == {"false"}
        assert {"recording", "transcription", "livestreaming"} <= claims["context"]["features"].keys()

    def test_another_kind_of_key_is_refused(self) -> None:
        curve = ec.generate_private_key(ec.SECP256R1())
        other = curve.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        for pem in ("no key", other, private_key(1024)[0]):
            with pytest.raises(ValueError):
                JaaS("https://8x8.vc", self.KEY_ID, pem)


class TestJws:
    @given(st.dictionaries(st.text(max_size=20), st.text(max_size=50) | st.integers(-(2**53), 2**53) | st.booleans()))
    def test_what_is_signed_is_read_back_by_another_library_and_by_us(self, claims: dict[str, Any]) -> None:
        token = sign_hs256(claims, SECRET.encode())
        assert open_hs256(token, SECRET.encode()) == claims
        signed, signature = token.rsplit(".", 1)
        algorithm = jwt.get_algorithm_by_name("HS256")
        assert algorithm.verify(signed.encode(), SECRET.encode(), urlsafe_b64decode(signature + "="))

    @given(st.text(max_size=200))
    def test_nothing_else_opens(self, token: str) -> None:
        with pytest.raises(JwsError):
            open_hs256(token, SECRET.encode())

    def test_a_changed_letter_does_not_open(self) -> None:
        token = sign_hs256({"room": ROOM}, SECRET.encode())
        for place in range(len(token)):
            changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
            with pytest.raises(JwsError):
                open_hs256(changed, SECRET.encode())


class TestDevelopment:
    def test_a_ticket_becomes_a_connection_of_the_same_person(self) -> None:
        video = DevelopmentVideo("http://127.0.0.1:8000/", Vault(b"k" * 32))
        ticket = video.ticket(seat())
        assert ticket.url == f"http://127.0.0.1:8000/dev/video#token={ticket.token}"
        who, secret = video.connect(ticket.token)
        assert (who.practice_id, who.participant_id) == (PRACTICE, PARTICIPANT)
        assert video.connected(secret) == who
        assert video.connect(ticket.token)[0].connection != who.connection

    def test_a_ticket_is_good_for_its_time_and_its_connection_for_longer(self) -> None:
        now = NOW.timestamp()
        video = DevelopmentVideo("http://127.0.0.1", Vault(b"k" * 32), clock=lambda: now)
        ticket = video.ticket(seat(expires_at=NOW + timedelta(minutes=2))).token
        _, secret = video.connect(ticket)
        now += 121
        with pytest.raises(PassRefused, match="expired"):
            video.connect(ticket)
        video.connected(secret)

    def test_neither_is_taken_for_the_other_nor_opens_elsewhere(self) -> None:
        video = DevelopmentVideo("http://127.0.0.1", Vault(b"k" * 32))
        ticket = video.ticket(seat()).token
        _, secret = video.connect(ticket)
        elsewhere = DevelopmentVideo("http://127.0.0.1", Vault(b"l" * 32))
        for refused in (
            lambda: video.connect(secret),
            lambda: video.connected(ticket),
            lambda: elsewhere.connect(ticket),
        ):
            with pytest.raises(PassRefused):
                refused()

    @given(st.text(max_size=200))
    def test_nothing_else_opens(self, text: str) -> None:
        with pytest.raises(PassRefused):
            DevelopmentVideo("http://127.0.0.1", Vault(b"k" * 32)).connect(text)


PRODUCTION = {"environment": "production", "secret_key": "s" * 48}
GIVEN = {"video_key": KEY, "video_secret": SECRET}


class TestSettings:
    @pytest.fixture(autouse=True)
    def elsewhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)  # the development secret is made below it

    @pytest.mark.parametrize(
        ("name", "url", "kind"),
        [("livekit", "wss://video.example", LiveKit), ("jitsi", "https://meet.example", Jitsi)],
    )
    def test_the_provider_is_the_one_that_is_named(self, name: Any, url: str, kind: type) -> None:
        settings = Settings(_env_file=None, video_provider=name, video_url=url, **GIVEN)
        assert isinstance(video_provider(settings), kind)
        assert video_provider(settings).name == name
        assert development_video(settings) is None

    def test_a_private_key_comes_from_a_file(self, rsa_pair: tuple[str, rsa.RSAPublicKey], tmp_path: Path) -> None:
        file = tmp_path / "jaas.pem"
        file.write_text(rsa_pair[0])
        named = {"video_url": "https://8x8.vc", "video_key": "tenant/key", "video_secret_file": file}
        assert isinstance(video_provider(Settings(_env_file=None, video_provider="jaas", **named)), JaaS)

    def test_without_one_development_shows_a_page_and_production_has_none(self) -> None:
        assert isinstance(video_provider(Settings(_env_file=None)), DevelopmentVideo)
        production = Settings(_env_file=None, **PRODUCTION)
        assert development_video(production) is None
        with pytest.raises(VideoNotConfigured):
            video_provider(production)

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({"video_provider": "livekit"}, "PORTAL_VIDEO_URL"),
            ({"video_provider": "livekit", "video_url": "wss://v.example", "video_key": KEY}, "PORTAL_VIDEO_SECRET"),
            ({"video_provider": "livekit", "video_url": "https://v.example", **GIVEN}, "wss://"),
            ({"video_provider": "livekit", "video_url": "ws://v.example", **GIVEN, **PRODUCTION}, "wss://"),
            ({"video_provider": "jitsi", "video_url": "wss://v.example", **GIVEN}, "https://"),
            ({"video_provider": "jitsi", "video_url": "https://v.example", "video_secret_file": "no"}, "no file"),
            ({"video_provider": "zoom"}, "livekit"),
        ],
    )
    def test_what_cannot_work_is_said_at_the_start(self, given: dict[str, Any], words: str) -> None:
        with pytest.raises(ValidationError, match=words):
            Settings(_env_file=None, **given)

    def test_a_secret_is_in_no_text_of_the_settings(self) -> None:
        named = {"video_url": "wss://video.example", "video_key": KEY, "video_secret": SECRET}
        assert SECRET not in repr(Settings(_env_file=None, video_provider="livekit", **named))


def test_no_two_people_share_a_token() -> None:
    tickets = {TestLiveKit.live.ticket(seat(participant_id=uuid4())).token for _ in range(10)}
    assert len(tickets) == 10
