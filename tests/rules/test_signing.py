"""Signing: only tokens that our keys wrote, for this audience, now, are accepted."""

import json
import random
import stat
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from time import time
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from portal_api.core.signing import AUDIENCES, LEEWAY, MAX_LIFETIME, Claims, Keyring, TokenError
from tests.rules.forging import MISSING, Forge, encode, new_key, pem

ISSUER = "https://portal.example"
KEY = new_key()
RING = Keyring.from_pems([pem(KEY)])
KINDS = ("staff", "client", "api_client")


def claims(kind: str = "staff", **changes: object) -> Claims:
    now = int(time())
    made = Claims(
        sub=uuid4(),
        sid=uuid4(),
        practice_id=uuid4(),
        kind=kind,
        audience=AUDIENCES.get(kind, "portal-api"),
        scope="portal",
        issued_at=now,
        expires_at=now + 600,
        jti=uuid4().hex,
    )
    return replace(made, **changes)


def forge(kind: str) -> Forge:
    """The parts of a token that is accepted as it is: see `test_the_unchanged_forgery_is_accepted`."""
    good = claims(kind)
    payload = {
        "iss": ISSUER,
        "aud": good.audience,
        "sub": str(good.sub),
        "sid": str(good.sid),
        "practice_id": str(good.practice_id),
        "kind": kind,
        "scope": good.scope,
        "iat": good.issued_at,
        "exp": good.expires_at,
        "jti": good.jti,
    }
    return Forge(KEY, {"alg": "ES256", "typ": "at+jwt", "kid": RING.jwks()["keys"][0]["kid"]}, payload)


def other_audience(good: Forge) -> str:
    return next(audience for audience in AUDIENCES.values() if audience != good.payload["aud"])


def other_kind(good: Forge) -> str:
    return next(kind for kind, audience in AUDIENCES.items() if audience != good.payload["aud"])


FORGERIES: dict[str, Callable[[Forge], str]] = {
    # the algorithm
    "alg none, no signature": lambda good: good.token(header={**good.header, "alg": "none"}, sign=lambda _: b""),
    "alg None with the true signature": lambda good: good.head(alg="None"),
    "no alg": lambda good: good.head(alg=MISSING),
    "HS256 keyed with our public PEM": lambda good: good.hmac(good.public(Encoding.PEM)),
    "HS256 keyed with our public DER": lambda good: good.hmac(good.public(Encoding.DER)),
    "HS256 keyed with nothing": lambda good: good.hmac(b""),
    "HS256 keyed with the kid": lambda good: good.hmac(good.header["kid"].encode()),
    "ES384 of a stranger under our kid": Forge.other_curve,
    "RS256 of a stranger under our kid": Forge.rsa,
    "alg as a list": lambda good: good.head(alg=["ES256"]),
    # the key
    "a stranger's key under our kid": Forge.stranger,
    "a stranger's key under its own kid": lambda good: good.stranger(kid="mine"),
    "kid unknown": lambda good: good.head(kid="mine"),
    "no kid": lambda good: good.head(kid=MISSING),
    "kid a path": lambda good: good.head(kid="../../dev/null"),
    "kid a statement": lambda good: good.head(kid="' UNION SELECT 'key"),
    "kid a list": lambda good: good.head(kid=[good.header["kid"]]),
    "jwk in the header": Forge.own_jwk,
    "jku in the header": lambda good: good.head(jku="https://attacker.example/jwks.json"),
    "x5u in the header": lambda good: good.head(x5u="https://attacker.example/chain.pem"),
    "x5c in the header": lambda good: good.head(x5c=["AAAA"]),
    "crit unknown": lambda good: good.head(crit=["exp"]),
    "b64 false": lambda good: good.head(b64=False),
    "zip in the header": lambda good: good.head(zip="DEF"),
    "an unknown header": lambda good: good.head(cty="JWT"),
    # the kind of token
    "typ JWT": lambda good: good.head(typ="JWT"),
    "typ of an id token": lambda good: good.head(typ="id+jwt"),
    "no typ": lambda good: good.head(typ=MISSING),
    "an opaque refresh token": lambda good: f"{good.payload['sub'].replace('-', '')}.{'A' * 43}",
    "five parts": lambda good: f"{good.token()}.AAAA.AAAA",
    "two parts": lambda good: good.token().rpartition(".")[0],
    "empty signature": lambda good: good.token(sign=lambda _: b""),
    "signature of zeros": lambda good: good.token(sign=lambda _: bytes(64)),
    "signature in DER": Forge.der_signature,
    "signature of another payload": Forge.swapped_payload,
    "signature padded": lambda good: good.token() + "==",
    "line break at the end": lambda good: good.token() + "\n",
    "over 4 KB": lambda good: good.claims(scope="x" * 4096),
    "payload a list": lambda good: good.token(payload=[good.payload]),
    "payload nested deeply": lambda good: good.token(payload=json.loads("[" * 500 + "]" * 500)),
    # the claims, signed by the true key
    "aud of the other kind": lambda good: good.claims(aud=other_audience(good)),
    "aud a list with ours": lambda good: good.claims(aud=[good.payload["aud"]]),
    "aud a list with others": lambda good: good.claims(aud=[good.payload["aud"], "other"]),
    "no aud": lambda good: good.claims(aud=MISSING),
    "iss of another environment": lambda good: good.claims(iss="https://staging.portal.example"),
    "iss with a slash more": lambda good: good.claims(iss=f"{ISSUER}/"),
    "iss a list": lambda good: good.claims(iss=[ISSUER]),
    "no iss": lambda good: good.claims(iss=MISSING),
    "expired": lambda good: good.claims(iat=good.payload["iat"] - 700, exp=good.payload["iat"] - LEEWAY - 5),
    "no exp": lambda good: good.claims(exp=MISSING),
    "exp null": lambda good: good.claims(exp=None),
    "exp text": lambda good: good.claims(exp=str(good.payload["iat"] + 600)),
    "exp a fraction": lambda good: good.claims(exp=good.payload["iat"] + 600.0),
    "exp infinite": lambda good: good.claims(exp=float("inf")),
    "exp not a number": lambda good: good.claims(exp=float("nan")),
    "exp a list": lambda good: good.claims(exp=[good.payload["iat"] + 600]),
    "exp true": lambda good: good.claims(exp=True),
    "exp before iat": lambda good: good.claims(iat=good.payload["iat"] + 20, exp=good.payload["iat"] + 10),
    "a life of more than 15 minutes": lambda good: good.claims(exp=good.payload["iat"] + MAX_LIFETIME + 1),
    "no iat": lambda good: good.claims(iat=MISSING),
    "iat in the future": lambda good: good.claims(iat=good.payload["iat"] + 3600, exp=good.payload["iat"] + 3700),
    "nbf in the future": lambda good: good.claims(nbf=good.payload["iat"] + 3600),
    "no sub": lambda good: good.claims(sub=MISSING),
    "sub a number": lambda good: good.claims(sub=1),
    "sub no UUID": lambda good: good.claims(sub="admin"),
    "sub in capitals": lambda good: good.claims(sub="ABCDEF00-0000-7000-8000-000000000000"),
    "no sid": lambda good: good.claims(sid=MISSING),
    "no practice": lambda good: good.claims(practice_id=MISSING),
    "practice null": lambda good: good.claims(practice_id=None),
    "no jti": lambda good: good.claims(jti=MISSING),
    "jti empty": lambda good: good.claims(jti=""),
    "jti of 1 KB": lambda good: good.claims(jti="x" * 1024),
    "kind of the other audience": lambda good: good.claims(kind=other_kind(good)),
    "kind unknown": lambda good: good.claims(kind="operator"),
    "kind a list": lambda good: good.claims(kind=[good.payload["kind"]]),
    "scope a list": lambda good: good.claims(scope=["portal"]),
    "act a plain text": lambda good: good.claims(act=good.payload["sub"]),
    "roles as a claim": lambda good: good.claims(roles=["owner"]),
    "bound to a key we would not check": lambda good: good.claims(cnf={"jkt": "x"}),
}


def refused(token: str, audience: str, ring: Keyring = RING) -> bool:
    try:
        ring.verify(token, issuer=ISSUER, audience=audience)
    except TokenError:
        return True
    return False


@pytest.mark.parametrize("kind", KINDS)
def test_the_unchanged_forgery_is_accepted(kind: str):
    """Without this the vectors below could be refused for a reason that has nothing to do with them."""
    good = forge(kind)
    read = RING.verify(good.token(), issuer=ISSUER, audience=AUDIENCES[kind])
    assert (str(read.sub), read.kind, read.act) == (good.payload["sub"], kind, None)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("make", FORGERIES.values(), ids=FORGERIES)
def test_a_forged_token_is_refused(make: Callable[[Forge], str], kind: str):
    """A34."""
    assert refused(make(forge(kind)), AUDIENCES[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_is_for_its_own_audience_and_issuer(kind: str):
    token = RING.sign(claims(kind), issuer=ISSUER)
    assert not refused(token, AUDIENCES[kind])
    for audience in {*AUDIENCES.values(), "", "portal"} - {AUDIENCES[kind]}:
        assert refused(token, audience)
    with pytest.raises(TokenError):
        RING.verify(token, issuer="https://other.example", audience=AUDIENCES[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_signed_is_read_back(kind: str):
    for signed in (claims(kind), claims(kind, act=uuid4(), scope="")):
        assert RING.verify(RING.sign(signed, issuer=ISSUER), issuer=ISSUER, audience=AUDIENCES[kind]) == signed


def test_the_header_says_exactly_alg_typ_and_kid():
    header = RING.sign(claims(), issuer=ISSUER).partition(".")[0]
    assert json.loads(urlsafe_b64decode(header + "==")) == forge("staff").header


@pytest.mark.parametrize(
    "changes",
    [
        {"issued_at": 1_000, "expires_at": 1_000 + MAX_LIFETIME + 1},
        {"issued_at": 1_000, "expires_at": 1_000},
        {"kind": "operator"},
        {"audience": "ehr-api"},
        {"jti": ""},
    ],
    ids=["too long", "no time", "kind", "audience", "jti"],
)
def test_what_would_not_be_accepted_is_not_signed(changes: dict[str, object]):
    with pytest.raises(ValueError, match="refused to sign"):
        RING.sign(claims(**changes), issuer=ISSUER)


def test_ten_thousand_mutated_tokens_are_refused():
    """A34: the seed makes a failure repeatable."""
    rng = random.Random(20_26)
    tokens = [RING.sign(claims(kind), issuer=ISSUER) for kind in KINDS]
    for _ in range(10_000):
        mutated = mutate(rng, tokens)
        for audience in set(AUDIENCES.values()):
            assert mutated in tokens or refused(mutated, audience), mutated


def mutate(rng: random.Random, tokens: list[str]) -> str:
    token = rng.choice(tokens)
    place = rng.randrange(len(token))
    first, second = token.split("."), rng.choice(tokens).split(".")
    swapped = rng.randrange(3)
    return rng.choice(
        [
            lambda: token[:place] + chr(ord(token[place]) ^ 1 << rng.randrange(7)) + token[place + 1 :],
            lambda: token[:place] + chr(rng.randrange(0x110000)) + token[place + 1 :],
            lambda: token[:-1] + rng.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
            lambda: token[:place],
            lambda: token[place:],
            lambda: token[:place] + token[place + rng.randrange(1, 9) :],
            lambda: token[:place] + rng.choice([".", "=", "\n", "\0", token]) + token[place:],
            lambda: ".".join([*first[:swapped], second[swapped], *first[swapped + 1 :]]),
            lambda: ".".join(rng.sample(first, 3)),
        ]
    )()


@given(st.text(st.characters(), max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_text_is_refused_and_nothing_else_happens(text: str):
    assert refused(text, "portal-api")
    assert refused(f"{forge('staff').token().partition('.')[0]}.{text}", "portal-api")


def test_a_remembered_token_still_expires_and_keeps_its_audience():
    signed = claims()
    clock = [float(signed.issued_at)]
    ring = Keyring.from_pems([pem(KEY)], clock=lambda: clock[0])
    token = ring.sign(signed, issuer=ISSUER)
    assert not refused(token, "portal-api", ring)
    assert refused(token, "ehr-api", ring)
    clock[0] = signed.expires_at + LEEWAY
    assert not refused(token, "portal-api", ring)
    clock[0] += 1
    assert refused(token, "portal-api", ring)
    clock[0] = signed.issued_at - LEEWAY - 1
    assert refused(token, "portal-api", ring)


def test_the_signature_of_a_token_is_computed_once(monkeypatch: pytest.MonkeyPatch):
    ring = Keyring.from_pems([pem(KEY)])
    token = ring.sign(claims(), issuer=ISSUER)
    first = ring.verify(token, issuer=ISSUER, audience="portal-api")
    monkeypatch.setattr("portal_api.core.signing.jwt.decode", None)
    assert ring.verify(token, issuer=ISSUER, audience="portal-api") is first
    assert refused(ring.sign(claims(), issuer=ISSUER), "portal-api", ring)


def test_old_tokens_verify_until_their_key_is_dropped():
    ring = Keyring.from_pems([pem(KEY)])
    old = ring.sign(claims(), issuer=ISSUER)
    once = ring.rotate()
    new = once.sign(claims(), issuer=ISSUER)
    assert old.partition(".")[0] != new.partition(".")[0]
    assert not refused(old, "portal-api", once)
    assert refused(new, "portal-api", ring)
    twice = once.rotate()
    assert refused(old, "portal-api", twice)
    assert not refused(new, "portal-api", twice)


def test_the_next_key_is_published_before_it_signs():
    """A worker that has not heard of the rotation accepts what the others sign already."""
    ring = Keyring.from_pems([pem(KEY)]).rotate()
    assert not refused(ring.rotate().sign(claims(), issuer=ISSUER), "portal-api", ring)


def test_the_key_set_has_no_private_part():
    keys = RING.rotate().jwks()["keys"]
    assert len({key["kid"] for key in keys}) == 3
    for key in keys:
        assert key.keys() == {"kty", "crv", "x", "y", "alg", "use", "kid"}
        assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("EC", "P-256", "ES256", "sig")


def test_the_kid_is_the_thumbprint_of_the_key():
    """RFC 7638 section 3."""
    key = RING.jwks()["keys"][0]
    text = f'{{"crv":"P-256","kty":"EC","x":"{key["x"]}","y":"{key["y"]}"}}'
    assert key["kid"] == encode(sha256(text.encode()).digest())


@pytest.mark.parametrize(
    "key",
    [ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(public_exponent=65537, key_size=2048)],
    ids=["P-384", "RSA"],
)
def test_keys_of_other_kinds_are_refused(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
    with pytest.raises(ValueError, match="P-256"):
        Keyring.from_pems([pem(key)])
    with pytest.raises(ValueError, match="at least one"):
        Keyring.from_pems([])


def test_keys_are_kept_in_the_directory_for_their_owner_only(tmp_path: Path):
    directory = tmp_path / "keys"
    ring = Keyring.load_or_create(directory)
    files = list(directory.iterdir())
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600]
    assert Keyring.load_or_create(directory).jwks() == ring.jwks()


def test_a_saved_rotation_is_what_the_next_start_reads(tmp_path: Path):
    ring = Keyring.load_or_create(tmp_path)
    token = ring.sign(claims(), issuer=ISSUER)
    rotated = ring.rotate()
    rotated.save(tmp_path)
    loaded = Keyring.load_or_create(tmp_path)
    assert loaded.jwks() == rotated.jwks()
    assert not refused(token, "portal-api", loaded)
    assert len(list(tmp_path.iterdir())) == 1


def test_workers_that_start_together_share_the_first_one_s_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    first = Keyring.load_or_create(tmp_path)
    seen = iter([False])
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda path: next(seen, exists(path)))
    assert Keyring.load_or_create(tmp_path).jwks() == first.jwks()
    assert len(list(tmp_path.iterdir())) == 1


def test_keys_that_others_may_read_are_not_used(tmp_path: Path):
    Keyring.load_or_create(tmp_path)
    next(tmp_path.iterdir()).chmod(0o644)
    with pytest.raises(PermissionError, match="chmod 600"):
        Keyring.load_or_create(tmp_path)
