"""Sending: what arrives, what is refused before it leaves, and what a server's answer means."""

import socket
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import cast

import pytest
from aiosmtpd.smtp import AuthResult

from portal_api.integrations.mail import DevelopmentMailbox, Mail, MailRefused, SmtpMailer, UnsafeHeader
from tests.mail.conftest import Replies, serving

SENDER = "no-reply@portal.example"


def a_mail(**changes: str) -> Mail:
    values = {"to": "jane@client.example", "subject": "Hello", "text": "Good day\n", **changes}
    return Mail(**values)


async def delivered(mail: Mail) -> tuple[EmailMessage, Replies]:
    replies = Replies()
    async with serving(replies) as url:
        await SmtpMailer(url, SENDER).send(mail)
    [envelope] = replies.envelopes
    return cast(EmailMessage, message_from_bytes(envelope.content, policy=default)), replies


async def test_text_and_html_arrive_as_alternatives() -> None:
    message, replies = await delivered(a_mail(html="<p>Good day</p>", reference="delivery-1"))
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    text = message.get_body(("plain",))
    assert text is not None
    assert text.get_content() == "Good day\r\n"
    assert replies.envelopes[0].rcpt_tos == ["jane@client.example"]
    assert replies.envelopes[0].mail_from == SENDER
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime.tzinfo is not None


async def test_message_id_is_the_same_for_a_repetition_and_for_nothing_else() -> None:
    ids = [
        (await delivered(a_mail(reference=reference, text=text)))[0]["Message-ID"]
        for reference, text in [("delivery-1", "a"), ("delivery-1", "b"), ("delivery-2", "a")]
    ]
    assert ids[0] == ids[1] != ids[2]
    assert ids[0].endswith("@portal.example>")
    assert "delivery" not in ids[0]


@pytest.mark.parametrize("name", ["Praxis für Ängste & Co", "心理診所", 'O\'Neill, "Harbor" <x@y>', "a" * 64])
async def test_practice_name_arrives_as_it_is_written(name: str) -> None:
    message, replies = await delivered(a_mail(sender_name=name, subject=f"Hello from {name}"))
    [sender] = message["From"].addresses
    assert (sender.display_name, sender.addr_spec) == (name, SENDER)
    assert message["Subject"].strip() == f"Hello from {name}"
    assert replies.envelopes[0].rcpt_tos == ["jane@client.example"]


async def test_long_or_deceiving_practice_name_is_cut() -> None:
    """A42: length caps, and no characters that reverse what is read."""
    message, _ = await delivered(a_mail(sender_name="\u202eknab" + "x" * 500))
    [sender] = message["From"].addresses
    assert sender.display_name == "knab" + "x" * 60


@pytest.mark.parametrize("break_", ["\r\n", "\n", "\r", "\x00", "\u2028", "\x85"])
@pytest.mark.parametrize("field", ["to", "subject", "sender_name"])
def test_line_break_in_a_header_is_refused_before_anything_is_sent(field: str, break_: str) -> None:
    """A42."""
    with pytest.raises(UnsafeHeader) as refusal:
        a_mail(**{field: f"jane@client.example{break_}Bcc: eve@evil.example"})
    assert refusal.value.permanent


def test_line_break_in_another_header_is_refused() -> None:
    for headers in ({"List-Id": "x\r\nBcc: eve@evil.example"}, {"X\r\nBcc": "eve@evil.example"}):
        with pytest.raises(UnsafeHeader):
            Mail("jane@client.example", "Hello", "Good day", headers=headers)


@pytest.mark.parametrize(
    "to",
    [
        "jane@client.example,eve@evil.example",
        "jane@client.example, eve@evil.example",
        "Jane <jane@client.example>",
        "jane@client.example eve@evil.example",
        "<jane@client.example>",
        "jane",
        "@client.example",
        "jane@",
        "",
        "group: jane@client.example;",
    ],
)
def test_anything_but_one_address_is_refused(to: str) -> None:
    """A42: exactly one recipient."""
    with pytest.raises(UnsafeHeader):
        a_mail(to=to)


@pytest.mark.parametrize(
    ("replies", "permanent", "reason"),
    [
        (Replies(rcpt="550 5.1.1 <jane@client.example> unknown"), True, "550 5.1.1"),
        (Replies(rcpt="451 4.7.1 greylisted, jane@client.example"), False, "451 4.7.1"),
        (Replies(rcpt="550 no jane here"), True, "550 SMTPRecipientRefused"),
        (Replies(data="554 5.7.1 spam"), True, "554 5.7.1"),
        (Replies(data="452 4.3.1 full"), False, "452 4.3.1"),
    ],
    ids=lambda value: str(getattr(value, "rcpt", "")),
)
async def test_refusal_says_whether_to_try_again_and_quotes_nobody(
    replies: Replies, permanent: bool, reason: str
) -> None:
    async with serving(replies) as url:
        with pytest.raises(MailRefused) as refusal:
            await SmtpMailer(url, SENDER).send(a_mail())
    assert refusal.value.permanent is permanent
    assert refusal.value.reason == reason
    assert refusal.value.code == int(reason[:3])


async def test_wrong_password_of_ours_is_no_bounce() -> None:
    """535 is a 5xx, yet says nothing about the recipient."""
    refuse = AuthResult(success=False, handled=False)
    async with serving(Replies(), authenticator=lambda *_: refuse, auth_require_tls=False) as url:
        with pytest.raises(MailRefused) as refusal:
            await SmtpMailer(url.replace("smtp://", "smtp://user:wrong%21@"), SENDER).send(a_mail())
    assert (refusal.value.permanent, refusal.value.code) == (False, 535)


async def test_server_that_is_away_is_tried_again() -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        mailer = SmtpMailer(f"smtp://127.0.0.1:{unheard.getsockname()[1]}", SENDER)
        with pytest.raises(MailRefused) as refusal:
            await mailer.send(a_mail())
    assert (refusal.value.permanent, refusal.value.code) == (False, 0)


async def test_silent_server_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mailer = SmtpMailer(f"smtp://127.0.0.1:{silent.getsockname()[1]}", SENDER, timeout=0.1)
        with pytest.raises(MailRefused) as refusal:
            await mailer.send(a_mail())
    assert not refusal.value.permanent


async def test_starttls_is_demanded_where_the_url_says_so() -> None:
    replies = Replies()
    async with serving(replies) as url:
        with pytest.raises(MailRefused) as refusal:
            await SmtpMailer(url.replace("smtp://", "smtp+tls://"), SENDER).send(a_mail())
    assert not refusal.value.permanent
    assert replies.envelopes == []


async def test_address_that_the_server_cannot_write_is_permanent() -> None:
    async with serving(Replies(), enable_SMTPUTF8=False) as url:
        with pytest.raises(MailRefused) as refusal:
            await SmtpMailer(url, SENDER).send(a_mail(to="jäne@client.example"))
    assert refusal.value.permanent


@pytest.mark.parametrize("url", ["http://x", "smtp://", "", "smtp://user:secret@mail.example:25"])
def test_url_that_cannot_be_meant_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="smtp"):
        SmtpMailer(url, SENDER)


@pytest.mark.parametrize(("url", "port"), [("smtp://h", 25), ("smtps://u:p@h", 465), ("smtp+tls://h:26", 26)])
def test_port_follows_from_the_scheme(url: str, port: int) -> None:
    assert SmtpMailer(url, SENDER).server.port == port


async def test_mailbox_keeps_the_newest(mailbox: DevelopmentMailbox) -> None:
    mailer = SmtpMailer(mailbox.url, SENDER)
    for number in range(5):
        await mailer.send(a_mail(subject=f"Grüße {number}", html=f"<b>{number}</b>"))
    kept = mailbox.list()
    assert [mail.subject for mail in kept] == ["Grüße 4", "Grüße 3", "Grüße 2"]
    assert kept[0].html is not None
    assert kept[0].html.strip() == "<b>4</b>"
    assert mailbox.get(kept[0].id) == kept[0]
    assert DevelopmentMailbox(mailbox.directory).list() == kept
    assert {path.stat().st_mode & 0o777 for path in mailbox.directory.iterdir()} == {0o600}


@pytest.mark.parametrize("id", ["../../etc/passwd", "x", "", "0" * 20 + "-00000000"])
async def test_mailbox_gives_only_its_own_messages(mailbox: DevelopmentMailbox, id: str) -> None:
    assert mailbox.get(id) is None
