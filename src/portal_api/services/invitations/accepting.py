"""What the holder of a link does with it: look, any number of times, and accept, once (A03, A04)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, func, select

from portal_api.core import clock
from portal_api.core.access import ActorKind, Principal
from portal_api.core.db import Binding, Read, Session
from portal_api.core.errors import Fault, Invalid, NotFound, Unauthenticated, Unavailable
from portal_api.core.limits import Limit
from portal_api.core.sealing import Secret, SecretError
from portal_api.core.tools import Tools
from portal_api.core.turns import Impatient, Turns
from portal_api.models.auth import Account
from portal_api.models.clients import Client
from portal_api.models.features import FeatureSetting, Scope
from portal_api.models.guardians import Guardian
from portal_api.models.invitations import Invitation, InvitationGone, RetiredSecret, refuse_unless_open
from portal_api.models.portal import PortalSettings
from portal_api.models.practices import Practice
from portal_api.models.staff import StaffMember
from portal_api.schemas.base import masked_email
from portal_api.schemas.invitations import InvitationAccept, InvitationLookup
from portal_api.services import audit, onboarding, prospects
from portal_api.services.auth import accounts, devices, passwords, second_factor, sessions
from portal_api.services.auth.authority import PortalDisabled
from portal_api.services.auth.login import PER_ACCOUNT_AND_NETWORK, InvalidCredentials, OtpRequired, key_of
from portal_api.services.clients import logins, portal_access
from portal_api.services.guardians import joining

PER_NETWORK = Limit("invitation-token", 60, timedelta(minutes=15))
PATIENCE = 10.0
_TURNS = Turns()
"""Who comes with the same link waits without a connection, and finds it gone instead of hashing a password."""

OFFER = Read(
    select(
        Invitation.client_id,
        Invitation.staff_id,
        Invitation.guardian_id,
        Invitation.email,
        Invitation.email_norm,
        Invitation.message,
        Invitation.expires_at,
        Invitation.state_now().label("state"),
        Practice.name.label("practice_name"),
        PortalSettings.enabled.label("portal_enabled"),
        and_(Client.date_of_birth.is_not(None), Guardian.id.is_(None)).label("date_of_birth_required"),
        func.coalesce(Guardian.given_name, Client.given_name, StaffMember.given_name).label("given_name"),
        func.coalesce(Guardian.family_name, Client.family_name, StaffMember.family_name).label("family_name"),
        Account.kind.label("account_kind"),
        Account.password_hash,
    )
    .select_from(Invitation)
    .join(Practice, Practice.id == bindparam("practice_id"))
    .join(PortalSettings, PortalSettings.practice_id == Invitation.practice_id)
    .outerjoin(Client, Client.id == Invitation.client_id)
    .outerjoin(StaffMember, StaffMember.id == Invitation.staff_id)
    .outerjoin(Guardian, Guardian.id == Invitation.guardian_id)
    .outerjoin(Account, Account.email_norm == Invitation.email_norm)
    .where(Invitation.secret_hash == bindparam("secret_hash"))
)
RETIRED = Read(select(RetiredSecret.retired_at).where(RetiredSecret.secret_hash == bindparam("secret_hash")))


class OwnPasswordNeeded(Unauthenticated):
    """Rolls back, unlike a failed login: the invitation stays open."""

    code, title = InvalidCredentials.code, InvalidCredentials.title


class InvitationUnknown(NotFound):
    code, title = "invitation_unknown", "This link is not valid"


class IdentityCheckFailed(Invalid):
    code, title = "identity_check_failed", "The date of birth is not the one that the practice knows"
    keeps_effects = True


@dataclass(frozen=True, slots=True)
class Offer:
    """An open invitation as its holder sees it, read on the side."""

    secret: Secret
    row: dict[str, Any]

    @property
    def kind(self) -> str:
        """client, guardian or staff."""
        if self.row["guardian_id"] is not None:
            return "guardian"
        return "client" if self.is_client else "staff"

    @property
    def is_client(self) -> bool:
        """For the portal: as a client, or for one."""
        return self.row["client_id"] is not None

    @property
    def has_account(self) -> bool:
        """The address has a client's login with a password of its own (F3.M4)."""
        return self.is_client and self.row["account_kind"] == "client" and self.row["password_hash"] is not None


@dataclass(frozen=True, slots=True)
class Proof:
    """The outcome of the costly part, done before anything is locked: a new hash, or a compared one."""

    password_hash: str
    correct: bool


async def lookup(session: Session, visitor: Principal, data: InvitationLookup) -> dict[str, Any]:
    """What the link offers; uses nothing up. Raises InvitationUnknown, InvitationGone, PortalDisabled, TooMany."""
    offer = await offer_of(session.tools, visitor, data.token)
    row = offer.row
    return {
        "kind": offer.kind,
        "state": row["state"],
        "practice_name": row["practice_name"],
        "email": masked_email(row["email"]),
        "message": row["message"],
        "expires_at": row["expires_at"],
        "date_of_birth_required": row["date_of_birth_required"],
        "existing_account": offer.has_account,
    }


async def accept(session: Session, visitor: Principal, data: InvitationAccept) -> dict[str, Any]:
    """Use the link up and sign in. Of many at once one wins, the others find it gone.

    Raises what lookup raises, and Invalid for a weak password, IdentityCheckFailed, OwnPasswordNeeded,
    OtpRequired, EmailInUse, EmailBelongsToGuardian, NoContactWith, AlreadyLinked, Unavailable.
    """
    try:
        async with _TURNS.take(data.token, patience=PATIENCE):
            return await _accept(session, visitor, data)
    except Impatient:
        raise Unavailable("This link is being used at this moment.") from None


async def _accept(session: Session, visitor: Principal, data: InvitationAccept) -> dict[str, Any]:
    offer = await offer_of(session.tools, visitor, data.token)
    proof = await _prove(session.tools, visitor, offer, data.password)
    await session.rebind(Binding(offer.secret.practice_id, ActorKind.ANONYMOUS))
    if offer.kind == "guardian":
        account, methods = await _join_as_guardian(session, visitor, offer, proof, data.otp)
    elif offer.is_client:
        account, methods = await _join_as_client(session, visitor, offer, proof, data)
    else:
        account, methods = await _join_as_staff(session, visitor, offer, proof), ["pwd"]
    answer = await sessions.start(
        session, visitor, account, methods=methods, delivery=data.delivery, label=data.device_label or ""
    )
    return answer | {"device_token": await devices.welcome(session, visitor, account.id, None, None)}


async def offer_of(tools: Tools, visitor: Principal, text: str) -> Offer:
    await tools.limiter.hit({PER_NETWORK: visitor.origin.network})
    try:
        secret = Secret.parse(text)
    except SecretError:
        raise InvitationUnknown("Check that the whole link was copied.") from None
    async with tools.database.reader(Binding(secret.practice_id, ActorKind.ANONYMOUS)) as reader:
        row = await reader.row(OFFER, secret_hash=secret.hash)
        retired = row is None and await reader.row(RETIRED, secret_hash=secret.hash)
    if retired:
        raise _replaced()
    if row is None:
        raise InvitationUnknown("Check that the whole link was copied.")
    refuse_unless_open(row["state"])
    if row["client_id"] is not None and not row["portal_enabled"]:
        raise PortalDisabled("The practice has switched its portal off.")
    return Offer(secret, row)


async def _prove(tools: Tools, visitor: Principal, offer: Offer, password: str) -> Proof:
    """Compare the password of the account that is there, or hash the one for the account to come."""
    row = offer.row
    if offer.is_client and row["account_kind"] == "staff":
        raise logins.EmailInUse("This address signs in as staff. Ask the practice to invite another one.")
    if offer.has_account:
        key = key_of(offer.secret.practice_id, row["email_norm"])
        await tools.limiter.hit({PER_ACCOUNT_AND_NETWORK: f"{key}/{visitor.origin.network}"})
        return Proof(row["password_hash"], await passwords.verify(tools, password, row["password_hash"]))
    context = (row["practice_name"], row["given_name"], row["family_name"], row["email"])
    return Proof(await passwords.hash_new(tools, password, context, "/password"), True)


async def _join_as_client(
    session: Session, visitor: Principal, offer: Offer, proof: Proof, data: InvitationAccept
) -> tuple[Account, list[str]]:
    prospect = await prospects.locked_of(session, offer.row["email_norm"])  # before the client, as associating does
    client = await held_client(session, offer)
    invitation = await locked(session, offer.secret)
    now = await clock.now(session)
    await _check_identity(session, visitor, client, invitation, data.date_of_birth, now)
    account = await logins.find_by_email(session, invitation.email)
    if account is None:
        account = await logins.add_account(session, client, invitation.email)
    methods = await _check_account(session, account, offer, proof, data.otp)
    account.verify_email(now)
    await logins.grant_self(session, client, account, "invitation", invitation.created_by)
    if prospect is not None:
        await prospects.accept_invitation(session, visitor, prospect, client.id, invitation.id, invitation.created_by)
    await _set_features(session, client, invitation)
    await onboarding.begin(session, visitor.proven(account.kind, account.id), client.id, "invitation")
    await finish(session, visitor, invitation, account, now)
    return account, methods


async def _join_as_guardian(
    session: Session, visitor: Principal, offer: Offer, proof: Proof, otp: str | None
) -> tuple[Account, list[str]]:
    client = await held_client(session, offer)
    invitation = await locked(session, offer.secret)
    now = await clock.now(session)
    invitation.must_be_open(now)
    guardian = await joining.invited(session, offer.row["guardian_id"])
    account = await logins.find_by_email(session, invitation.email)
    if account is None:
        account = await logins.add_account(session, guardian, invitation.email)
    methods = await _check_account(session, account, offer, proof, otp)
    account.verify_email(now)
    await joining.join(session, visitor, guardian, client, account, invitation.created_by)
    await onboarding.begin(session, visitor.proven(account.kind, account.id), client.id, "guardian")
    await finish(session, visitor, invitation, account, now)
    return account, methods


async def _join_as_staff(session: Session, visitor: Principal, offer: Offer, proof: Proof) -> Account:
    held = select(StaffMember).where(StaffMember.id == offer.row["staff_id"]).with_for_update()
    staff = (await session.execute(held)).scalar_one()
    invitation = await locked(session, offer.secret)
    now = await clock.now(session)
    invitation.must_be_open(now)
    account = await accounts.locked(session, staff.account_id)
    if account.email_norm != invitation.email_norm:
        raise _replaced()
    staff.activate(now)
    account.set_password(proof.password_hash, now)
    account.verify_email(now)
    await sessions.end_all(session, account.id, "invitation_accepted")
    await finish(session, visitor, invitation, account, now)
    return account


async def held_client(session: Session, offer: Offer) -> Client:
    held = select(Client).where(Client.id == offer.row["client_id"]).with_for_update()
    return (await session.execute(held)).scalar_one()


async def locked(session: Session, secret: Secret) -> Invitation:
    """The invitation, held. Its link may have been replaced while the password was being hashed."""
    held = select(Invitation).where(Invitation.secret_hash == secret.hash).with_for_update()
    invitation = (await session.execute(held)).scalar_one_or_none()
    if invitation is None:
        raise _replaced()
    return invitation


async def _check_identity(
    session: Session, visitor: Principal, client: Client, invitation: Invitation, given: date | None, now: datetime
) -> None:
    """Under the invitation's lock, so that guesses in parallel are counted one by one (F3.M3)."""
    invitation.must_be_open(now)
    if client.date_of_birth is None or given == client.date_of_birth:
        return
    if given is None:
        missing = Fault("/date_of_birth", "missing", "Give the date of birth.")
        raise IdentityCheckFailed("The practice asks for the date of birth.", faults=(missing,))
    invitation.count_wrong_identity(now)
    if invitation.revoked_at:
        await portal_access.uninvite(session, client, by=None)
    await audit.record(
        session, visitor, "invitation.identity_check_failed", resource=("invitation", invitation.id),
        clients=[client.id], outcome="failure", details={"attempts": invitation.identity_attempts},
    )  # fmt: skip
    wrong = Fault("/date_of_birth", "wrong", "Check the date of birth.")
    raise IdentityCheckFailed("After five wrong answers the invitation ends.", faults=(wrong,))


async def _check_account(session: Session, account: Account, offer: Offer, proof: Proof, otp: str | None) -> list[str]:
    """A new account gets the password; one that was there must be opened as at every login."""
    now = await clock.now(session)
    if account.password_hash is None and not offer.has_account:
        account.set_password(proof.password_hash, now)
        return ["pwd"]
    unchanged = account.password_hash == proof.password_hash
    usable = account.kind == "client" and account.suspended_at is None and not account.starter_expired(now)
    if not (proof.correct and unchanged and usable):
        raise OwnPasswordNeeded("This address has an account here: give its password, or reset that first.")
    if account.must_change_password:
        await sessions.end_all(session, account.id, "starter_password")
    if account.second_factor_at is None:
        return ["pwd"]
    if otp is None:
        raise OtpRequired("Send `otp`: a code of your authenticator, or a recovery code.")
    method = await second_factor.check(session, account.id, otp)
    if method is None:
        raise OwnPasswordNeeded("This code is not valid (any more).")
    return ["pwd", method]


async def _set_features(session: Session, client: Client, invitation: Invitation) -> None:
    """The switches that were part of the invitation become the client's own (F3.M2)."""
    own = select(FeatureSetting).where(FeatureSetting.scope == Scope.CLIENT, FeatureSetting.subject_id == client.id)
    rows = {row.feature: row for row in await session.scalars(own)}
    for feature, enabled in invitation.features.items():
        row = rows.get(feature) or FeatureSetting(scope=Scope.CLIENT, subject_id=client.id, feature=feature)
        row.turn(enabled, invitation.created_by)
        session.add(row)


async def finish(session: Session, visitor: Principal, invitation: Invitation, account: Account, now: datetime) -> None:
    invitation.accept(now, account.id)
    await session.flush()
    actor = visitor.proven(account.kind, account.id)
    await audit.record(
        session, actor, "invitation.accepted", resource=("invitation", invitation.id),
        clients=[invitation.client_id] if invitation.client_id else [], details={"account_id": str(account.id)},
    )  # fmt: skip


def _replaced() -> InvitationGone:
    return InvitationGone("A newer invitation was sent: use the link in that mail.", state="revoked")
