"""Sealing: what is sealed opens in its place only, and secrets neither leak nor crash the reader."""

import hashlib
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from portal_api.core.sealing import SealError, Secret, SecretError, Vault

PRACTICE = UUID("01920abc-0000-7000-8000-000000000001")
PLACE = (PRACTICE.hex, "webhook-7", "secret")
VAULT = Vault(b"m" * 32)


def sealed() -> bytes:
    return VAULT.seal(b"whsec_value", purpose="webhooks", aad=PLACE)


def test_a_sealed_value_opens_in_its_place():
    assert VAULT.open(sealed(), purpose="webhooks", aad=PLACE) == b"whsec_value"


def test_sealing_twice_gives_different_bytes_without_the_plaintext():
    first, second = sealed(), sealed()
    assert first != second
    assert b"whsec_value" not in first


@pytest.mark.parametrize(
    "place",
    [
        (uuid4().hex, "webhook-7", "secret"),
        (PRACTICE.hex, "webhook-8", "secret"),
        (PRACTICE.hex, "webhook-7", "other"),
        (PRACTICE.hex, "webhook-7secret"),
        (PRACTICE.hex, "webhook-", "7secret"),
        (*PLACE, ""),
        (),
    ],
)
def test_a_swapped_ciphertext_does_not_open(place: tuple[str, ...]):
    with pytest.raises(SealError):
        VAULT.open(sealed(), purpose="webhooks", aad=place)


def test_another_purpose_or_another_master_key_does_not_open():
    with pytest.raises(SealError):
        VAULT.open(sealed(), purpose="totp", aad=PLACE)
    with pytest.raises(SealError):
        Vault(b"n" * 32).open(sealed(), purpose="webhooks", aad=PLACE)


def test_every_flipped_bit_is_refused():
    value = sealed()
    for position in range(len(value)):
        for bit in range(8):
            altered = bytearray(value)
            altered[position] ^= 1 << bit
            with pytest.raises(SealError):
                VAULT.open(bytes(altered), purpose="webhooks", aad=PLACE)


def test_every_truncation_and_extension_is_refused():
    value = sealed()
    for altered in [*(value[:length] for length in range(len(value))), value + b"\0"]:
        with pytest.raises(SealError):
            VAULT.open(altered, purpose="webhooks", aad=PLACE)


def test_a_short_master_key_is_refused():
    with pytest.raises(ValueError, match="32 bytes"):
        Vault(b"m" * 31)


def test_parts_are_unambiguous_and_purposes_apart():
    tags = [
        VAULT.mac("a", "bc", purpose="cursor"),
        VAULT.mac("ab", "c", purpose="cursor"),
        VAULT.mac("abc", purpose="cursor"),
        VAULT.mac("abc", "", purpose="cursor"),
        VAULT.mac("", "abc", purpose="cursor"),
        VAULT.mac(purpose="cursor"),
        VAULT.mac("a", "bc", purpose="download"),
        Vault(b"n" * 32).mac("a", "bc", purpose="cursor"),
    ]
    assert len(set(tags)) == len(tags)
    assert VAULT.mac("a", "bc", purpose="cursor") == tags[0]


@given(st.lists(st.text(st.characters(), max_size=5), max_size=4), st.lists(st.text(st.characters(), max_size=5)))
@settings(max_examples=500, deadline=None)
def test_two_lists_of_parts_share_a_mac_only_if_equal(first: list[str], second: list[str]):
    assert (VAULT.mac(*first, purpose="p") == VAULT.mac(*second, purpose="p")) == (first == second)


def test_a_derived_secret_is_the_same_on_every_worker():
    secret = VAULT.secret("refresh", PRACTICE, "family", "1")
    assert secret == Vault(b"m" * 32).secret("refresh", PRACTICE, "family", "1")
    assert Secret.parse(secret.text) == secret
    assert secret.hash == hashlib.sha256(secret.text.encode()).digest()


def test_a_derived_secret_belongs_to_its_purpose_practice_and_parts():
    secrets = [
        VAULT.secret("refresh", PRACTICE, "family", "1"),
        VAULT.secret("refresh", PRACTICE, "family1"),
        VAULT.secret("refresh", uuid4(), "family", "1"),
        VAULT.secret("reset", PRACTICE, "family", "1"),
    ]
    assert len({secret.text.split(".")[1] for secret in secrets}) == len(secrets)


def test_a_mac_that_is_shown_is_not_the_secret_of_the_same_parts():
    """A cursor's tag is public: it must not open what a secret opens."""
    tag = VAULT.mac(PRACTICE.hex, "1", purpose="refresh")
    assert Secret._of(PRACTICE, tag) != VAULT.secret("refresh", PRACTICE, "1")


def test_a_code_has_six_digits_and_follows_its_parts():
    codes = {VAULT.code("email", PRACTICE, str(attempt)) for attempt in range(300)}
    assert all(len(code) == 6 and code.isascii() and code.isdigit() for code in codes)
    assert len(codes) > 290
    assert VAULT.code("email", PRACTICE, "1") == VAULT.code("email", PRACTICE, "1")


def test_random_secrets_differ_and_read_back():
    first, second = Secret.random(PRACTICE), Secret.random(PRACTICE)
    assert first != second
    assert Secret.parse(first.text) == first
    assert first.practice_id == PRACTICE


def test_a_secret_does_not_show_itself():
    secret = Secret.random(PRACTICE)
    key = secret.text.split(".")[1]
    for shown in (repr(secret), str(secret), f"{secret}", f"{[secret]}"):
        assert key not in shown


VALID = VAULT.secret("refresh", PRACTICE).text


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        VALID + "\n",
        " " + VALID,
        VALID[:-1],
        VALID + "A",
        VALID.upper(),
        VALID.replace(".", ""),
        VALID[:-1] + "B",
        VALID.replace("0", "０", 1),
        str(PRACTICE) + VALID[32:],
        "\ud800" * 76,
        "\0" * 76,
        VALID * 100_000,
    ],
)
def test_a_malformed_secret_is_refused(text: str):
    with pytest.raises(SecretError):
        Secret.parse(text)


near_misses = st.builds(
    lambda at, character: VALID[:at] + character + VALID[at + 1 :],
    st.integers(0, len(VALID)),
    st.characters(),
)


@given(st.one_of(st.text(st.characters(), max_size=200), near_misses))
@settings(max_examples=5_000, deadline=None)
def test_parse_survives_any_text(text: str):
    try:
        secret = Secret.parse(text)
    except SecretError:
        return
    assert secret.text == text
    assert text.startswith(secret.practice_id.hex)


def test_a_signature_holds_for_its_content_and_purpose_only():
    signature = VAULT.sign(b"evidence", purpose="papers")
    assert VAULT.has_signed(b"evidence", signature, purpose="papers")
    assert not VAULT.has_signed(b"evidencE", signature, purpose="papers")
    assert not VAULT.has_signed(b"evidence", signature, purpose="other")
    assert not Vault(b"n" * 32).has_signed(b"evidence", signature, purpose="papers")
    assert not VAULT.has_signed(b"evidence", signature[:-1], purpose="papers")
    assert not VAULT.has_signed(b"evidence", b"", purpose="papers")


def test_a_signature_is_checked_with_the_public_key_alone():
    public = Ed25519PublicKey.from_public_bytes(VAULT.public_key("papers"))
    public.verify(VAULT.sign(b"evidence", purpose="papers"), b"evidence")
    assert VAULT.public_key("papers") != VAULT.public_key("other")
