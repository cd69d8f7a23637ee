"""Mails about signing in: links that were asked for."""

from datetime import timedelta

from portal_api.core.db import Session
from portal_api.integrations.mail_templates import Template
from portal_api.models.audit import Event
from portal_api.models.auth import Account, OneTimeSecret
from portal_api.services.auth import asking, email_change, secrets
from portal_api.services.notifications.letters import Letter, app_link, letter, open_secret, verification_letter


@letter("password_reset.asked")
async def reset_password(session: Session, event: Event) -> Letter | None:
    secret = await asking.answer(session, event, "password_reset", lambda account: account.recovers_by_mail)
    return await _link(session, secret, "password_reset", "/reset-password") if secret else None


@letter("email_verification.asked")
async def verify_again(session: Session, event: Event) -> Letter | None:
    secret = await asking.answer(session, event, "email_verification", _may_verify)
    return await verification_letter(session, secret) if secret else None


@letter("email_change.requested")
async def confirm_new_address(session: Session, event: Event) -> Letter | None:
    secret = await open_secret(session, event)
    if secret is None or await email_change.taken(session, secret.account_id, secret.email):
        return None
    return await _link(session, secret, "email_change_confirm", "/confirm-email")


@letter("email_revert.requested")
async def tell_old_address(session: Session, event: Event) -> Letter | None:
    secret = await open_secret(session, event)
    return await _link(session, secret, "email_change_notice", "/keep-email", "revert_link") if secret else None


def _may_verify(account: Account) -> bool:
    return not account.self_verified and account.suspended_at is None


async def _link(session: Session, secret: OneTimeSecret, template: Template, path: str, name: str = "link") -> Letter:
    token = secrets.text_of(session.tools, secret).text
    values: dict[str, str | timedelta] = {
        name: await app_link(session, f"{path}#token={token}"),
        "valid_for": secrets.LIFETIMES[secret.purpose],
    }
    return Letter(template, secret.email, secret.id, secret.account_id, values)
