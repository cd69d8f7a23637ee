"""Who may do what: permissions are verbs on nouns, roles are a table, a principal is who is asking."""

import ipaddress
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cache
from uuid import UUID

from portal_api.core.errors import FeatureDisabled, Forbidden, NotFound, invalid

SELF = "self"
"""The relationship of a client's own login to its client."""


class ActorKind(StrEnum):
    ANONYMOUS = "anonymous"
    STAFF = "staff"
    CLIENT = "client"
    API_CLIENT = "api_client"
    SYSTEM = "system"


class Role(StrEnum):
    OWNER = "owner"
    ADMIN = "admin"
    PRACTITIONER = "practitioner"
    SUPERVISOR = "supervisor"
    INTERN = "intern"
    BILLER = "biller"
    SCHEDULER = "scheduler"
    FORMS_ADMIN = "forms_admin"


class Permission(StrEnum):
    """What a kind of caller may try. Whether this very object may be touched is the service's question."""

    ACCESS_HISTORY_READ = "access_history:read"
    ACCOUNT_SELF = "account:self"
    APPOINTMENT_REQUESTS_DECIDE = "appointment_requests:decide"
    APPOINTMENTS_READ = "appointments:read"
    APPOINTMENTS_READ_ALL = "appointments:read_all"
    APPOINTMENTS_SELF = "appointments:self"
    APPOINTMENTS_WRITE = "appointments:write"
    APPOINTMENTS_WRITE_ALL = "appointments:write_all"
    AUDIT_READ = "audit:read"
    AVAILABILITY_MANAGE = "availability:manage"
    AVAILABILITY_READ = "availability:read"
    AVAILABILITY_WRITE = "availability:write"
    CLIENTS_CREATE = "clients:create"
    CLIENTS_READ = "clients:read"
    CLIENTS_READ_ALL = "clients:read_all"
    CLIENTS_VIEW_AS = "clients:view_as"
    CLIENTS_WRITE = "clients:write"
    CREDENTIALS_WRITE = "credentials:write"
    DOCUMENTS_READ = "documents:read"
    DOCUMENTS_SELF = "documents:self"
    DOCUMENTS_WRITE = "documents:write"
    FEATURES_MANAGE = "features:manage"
    FEATURES_READ = "features:read"
    FEATURES_WRITE = "features:write"
    FORM_TEMPLATES_READ = "form_templates:read"
    FORM_TEMPLATES_WRITE = "form_templates:write"
    FORMS_READ = "forms:read"
    FORMS_SELF = "forms:self"
    FORMS_WRITE = "forms:write"
    GUARDIANS_READ = "guardians:read"
    GUARDIANS_WRITE = "guardians:write"
    INSURANCE_READ = "insurance:read"
    INSURANCE_SELF = "insurance:self"
    INSURANCE_WRITE = "insurance:write"
    INVITATIONS_READ = "invitations:read"
    INVITATIONS_SELF = "invitations:self"
    INVITATIONS_WRITE = "invitations:write"
    LOCATIONS_READ = "locations:read"
    LOCATIONS_WRITE = "locations:write"
    MESSAGES_READ = "messages:read"
    MESSAGES_SELF = "messages:self"
    MESSAGES_WRITE = "messages:write"
    NOTIFICATION_LOG_READ = "notification_log:read"
    ONBOARDING_MANAGE = "onboarding:manage"
    ONBOARDING_READ = "onboarding:read"
    ONBOARDING_SELF = "onboarding:self"
    ONBOARDING_WRITE = "onboarding:write"
    PORTAL_ACCESS_WRITE = "portal_access:write"
    PORTAL_READ = "portal:read"
    PORTAL_WRITE = "portal:write"
    PRACTICE_DOCUMENTS_WRITE = "practice_documents:write"
    PRACTICE_READ = "practice:read"
    PRACTICE_WRITE = "practice:write"
    PRACTITIONERS_READ = "practitioners:read"
    PROFILE_SELF = "profile:self"
    PROSPECTS_MANAGE = "prospects:manage"
    SAFETY_ALERTS_ACKNOWLEDGE = "safety_alerts:acknowledge"
    SAFETY_ALERTS_READ = "safety_alerts:read"
    SERVICES_READ = "services:read"
    SERVICES_WRITE = "services:write"
    SIGNATURES_WRITE = "signatures:write"
    SLOTS_READ = "slots:read"
    STAFF_MANAGE = "staff:manage"
    STAFF_READ = "staff:read"
    TREATMENT_PLANS_READ = "treatment_plans:read"
    TREATMENT_PLANS_SELF = "treatment_plans:self"
    TREATMENT_PLANS_WRITE = "treatment_plans:write"
    VIDEO_HOST = "video:host"


P = Permission
_EVERY_STAFF = frozenset(
    {
        P.ACCOUNT_SELF,
        P.AVAILABILITY_READ,
        P.FEATURES_READ,
        P.FORM_TEMPLATES_READ,
        P.LOCATIONS_READ,
        P.PORTAL_READ,
        P.PRACTICE_READ,
        P.PRACTITIONERS_READ,
        P.SERVICES_READ,
    }
)
_CASELOAD = frozenset(
    {
        P.CLIENTS_CREATE,
        P.CLIENTS_READ,
        P.CLIENTS_VIEW_AS,
        P.CLIENTS_WRITE,
        P.GUARDIANS_READ,
        P.GUARDIANS_WRITE,
        P.INSURANCE_READ,
        P.INSURANCE_WRITE,
        P.INVITATIONS_READ,
        P.INVITATIONS_WRITE,
        P.ONBOARDING_READ,
        P.ONBOARDING_WRITE,
        P.CREDENTIALS_WRITE,
        P.DOCUMENTS_READ,
        P.DOCUMENTS_WRITE,
        P.MESSAGES_READ,
        P.MESSAGES_WRITE,
        P.PORTAL_ACCESS_WRITE,
        P.FEATURES_WRITE,
    }
)
_OWN_CALENDAR = frozenset(
    {
        P.APPOINTMENT_REQUESTS_DECIDE,
        P.APPOINTMENTS_READ,
        P.APPOINTMENTS_WRITE,
        P.AVAILABILITY_WRITE,
        P.SLOTS_READ,
    }
)
_FORMS = frozenset({P.FORMS_READ, P.FORMS_WRITE})
_SAFETY = frozenset({P.SAFETY_ALERTS_ACKNOWLEDGE, P.SAFETY_ALERTS_READ})
"""Whoever may have to act on what a client has answered, on any level: an alert must never wait for one person."""
_TREATMENT = frozenset({P.SIGNATURES_WRITE, P.TREATMENT_PLANS_READ, P.TREATMENT_PLANS_WRITE})
"""Of who treats: plans are written and signed by them alone."""
_SESSIONS = frozenset({P.VIDEO_HOST})
"""What happens in a session is between the clients and those who treat them: administration does not open it."""
_EVERY_CALENDAR = _OWN_CALENDAR | {P.APPOINTMENTS_READ_ALL, P.APPOINTMENTS_WRITE_ALL, P.AVAILABILITY_MANAGE}
_ADMINISTRATION = (
    _CASELOAD
    | _EVERY_CALENDAR
    | _FORMS
    | _SAFETY
    | {
        P.AUDIT_READ,
        P.CLIENTS_READ_ALL,
        P.FEATURES_MANAGE,
        P.FORM_TEMPLATES_WRITE,
        P.LOCATIONS_WRITE,
        P.NOTIFICATION_LOG_READ,
        P.ONBOARDING_MANAGE,
        P.PORTAL_WRITE,
        P.PRACTICE_DOCUMENTS_WRITE,
        P.PRACTICE_WRITE,
        P.PROSPECTS_MANAGE,
        P.SERVICES_WRITE,
        P.STAFF_MANAGE,
        P.STAFF_READ,
        P.TREATMENT_PLANS_READ,
    }
)
_READING = frozenset({P.CLIENTS_READ, P.CLIENTS_READ_ALL, P.INSURANCE_READ, P.MESSAGES_READ, P.MESSAGES_WRITE})
_CHARTS = frozenset(
    {
        P.CLIENTS_READ,
        P.DOCUMENTS_READ,
        P.FORMS_READ,
        P.GUARDIANS_READ,
        P.INVITATIONS_READ,
        P.MESSAGES_READ,
        P.INSURANCE_READ,
        P.ONBOARDING_READ,
        P.TREATMENT_PLANS_READ,
    }
)
"""What who treats a client reads. Documents and answers are clinical: billing and scheduling see none."""
_CLINICIANS = _EVERY_STAFF | _CHARTS | _SAFETY | _SESSIONS
ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.OWNER: _EVERY_STAFF | _ADMINISTRATION,
    Role.ADMIN: _EVERY_STAFF | _ADMINISTRATION,
    Role.PRACTITIONER: _EVERY_STAFF | _CASELOAD | _FORMS | _OWN_CALENDAR | _SAFETY | _SESSIONS | _TREATMENT,
    Role.SUPERVISOR: _CLINICIANS | {P.APPOINTMENTS_READ, P.SIGNATURES_WRITE, P.SLOTS_READ},
    Role.INTERN: _CLINICIANS | _FORMS | _OWN_CALENDAR | _TREATMENT | {P.MESSAGES_WRITE},
    Role.BILLER: _EVERY_STAFF | _READING | {P.APPOINTMENTS_READ, P.APPOINTMENTS_READ_ALL, P.INSURANCE_WRITE},
    Role.SCHEDULER: _EVERY_STAFF | _READING | _EVERY_CALENDAR | {P.GUARDIANS_READ},
    Role.FORMS_ADMIN: _EVERY_STAFF | {P.FORM_TEMPLATES_WRITE, P.ONBOARDING_MANAGE, P.ONBOARDING_READ},
}
CLIENT_PERMISSIONS = frozenset(
    {
        P.ACCESS_HISTORY_READ,
        P.ACCOUNT_SELF,
        P.APPOINTMENTS_SELF,
        P.DOCUMENTS_SELF,
        P.FORMS_SELF,
        P.INSURANCE_SELF,
        P.INVITATIONS_SELF,
        P.LOCATIONS_READ,
        P.MESSAGES_SELF,
        P.ONBOARDING_SELF,
        P.PRACTITIONERS_READ,
        P.PROFILE_SELF,
        P.SERVICES_READ,
        P.TREATMENT_PLANS_SELF,
    }
)
BOOKABLE_ROLES = frozenset({Role.PRACTITIONER, Role.SUPERVISOR, Role.INTERN})
"""Whose time can be booked."""


@cache
def permissions_of(roles: frozenset[Role]) -> frozenset[Permission]:
    """The union of what the roles may do."""
    return frozenset[Permission]().union(*(ROLE_PERMISSIONS[role] for role in roles))


class Feature(StrEnum):
    """What a practice lets its clients do in the portal (F2)."""

    APPOINTMENT_REQUESTS = "appointment_requests"
    APPOINTMENT_CANCELLATION = "appointment_cancellation"
    SECURE_MESSAGING = "secure_messaging"
    CLIENT_UPLOADS = "client_uploads"
    ONLINE_PAYMENTS = "online_payments"
    VIDEO = "video"


class GrantPermission(StrEnum):
    """What an account may do for a client (F6.M1). The client's own login may do all of it."""

    APPOINTMENTS_VIEW = "appointments.view"
    APPOINTMENTS_BOOK = "appointments.book"
    APPOINTMENTS_CANCEL = "appointments.cancel"
    DEMOGRAPHICS_EDIT = "demographics.edit"
    INSURANCE_ADD = "insurance.add"
    FORMS_COMPLETE = "forms.complete"
    FORMS_SIGN = "forms.sign"
    DOCUMENTS_VIEW = "documents.view"
    DOCUMENTS_UPLOAD = "documents.upload"
    MESSAGES = "messages"
    BILLING_VIEW = "billing.view"
    BILLING_PAY = "billing.pay"
    VIDEO_JOIN = "video.join"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from, for audit and limits."""

    request_id: str
    ip: str
    user_agent: str = ""

    @property
    def network(self) -> str:
        """The /24 or /56 that limits count by: an attacker owns the whole of it."""
        try:
            address = ipaddress.ip_address(self.ip)
        except ValueError:
            return self.ip
        bits = 24 if address.version == 4 else 56
        return str(ipaddress.ip_network(f"{address}/{bits}", strict=False))


NOWHERE = Origin(request_id="", ip="")
"""Of what the program does by itself."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One client that an account may act for, and how far."""

    client_id: UUID
    relationship: str
    permissions: frozenset[str]

    @property
    def is_own(self) -> bool:
        """Whether the account is the client's own login."""
        return self.relationship == SELF

    def may(self, permission: GrantPermission) -> bool:
        return permission in self.permissions


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of one request, as the database knows them at this moment."""

    practice_id: UUID
    kind: ActorKind
    origin: Origin
    account_id: UUID | None = None
    session_id: UUID | None = None
    staff_id: UUID | None = None
    roles: frozenset[Role] = frozenset()
    permissions: frozenset[Permission] = frozenset()
    profiles: tuple[Profile, ...] = ()
    """The clients that the caller may act for; on a route with a feature, those who have the feature."""
    withheld: tuple[Profile, ...] = ()
    """Clients that the caller may act for, but not with `feature`."""
    viewer_id: UUID | None = None
    """The account of the staff member who looks through the eyes of this client; it reads, and nothing else."""
    viewer_roles: frozenset[Role] = frozenset()
    feature: Feature | None = None
    """What the route needs, where it has narrowed the profiles."""
    shut_out: bool = False
    """A client's account that acted for somebody, and acts for nobody any more."""
    must_change_password: bool = False
    must_enrol_second_factor: bool = False
    authenticated_at: datetime | None = None
    recently_authenticated: bool = False
    """Within the time that sensitive acts ask for."""

    @classmethod
    def program(cls, practice_id: UUID, origin: Origin = NOWHERE) -> "Principal":
        """The program itself, which acts by a rule. origin: of the request that it answers, where there is one."""
        return cls(practice_id, ActorKind.SYSTEM, origin)

    @property
    def is_in_training(self) -> bool:
        """An intern without a role that acts alone: what they accept, a supervisor accepts too (F20.M6)."""
        return Role.INTERN in self.roles and not self.roles & {Role.PRACTITIONER, Role.SUPERVISOR}

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions

    def proven(self, kind: str, account_id: UUID) -> "Principal":
        """A visitor who has just shown whose account is theirs, for the records: it gives no permission."""
        return replace(self, kind=ActorKind(kind), account_id=account_id)

    def profile(self, client_id: UUID | None, permission: GrantPermission | None = None) -> Profile:
        """The client to act for; an account with a single one need not name it.

        permission: what the caller must be allowed to do for this client. Raises NotFound for one that is not theirs,
        FeatureDisabled, Forbidden without the permission, Invalid where several would fit.
        """
        if any(profile.client_id == client_id for profile in self.withheld):
            raise FeatureDisabled(feature=self.feature)
        if client_id is None and len(self.profiles) + len(self.withheld) > 1:
            raise invalid("/client_id", "client_id_required", "You act for several clients: say for whom.")
        found = (profile for profile in self.profiles if client_id in (None, profile.client_id))
        profile = next(found, None)
        if profile is None:
            raise NotFound
        if permission is not None and not profile.may(permission):
            raise Forbidden("This is not among what you may do for this client.")
        return profile

    def permitted(self, permission: GrantPermission) -> tuple[Profile, ...]:
        """Those for whom the caller may do this: to look for one object, which is not there for anybody else."""
        return tuple(profile for profile in self.profiles if profile.may(permission))

    def must_be_permitted(self, permission: GrantPermission, client_id: UUID | None) -> tuple[Profile, ...]:
        """The same for a list, which is of one client where it is named, and empty for who acts for nobody.

        Raises Forbidden for who may do it for none of theirs, and as `profile` does for the one that is named.
        """
        if client_id is not None:
            return (self.profile(client_id, permission),)
        permitted = self.permitted(permission)
        if self.profiles and not permitted:
            raise Forbidden("This is not among what you may do for others.")
        return permitted

    @property
    def client_ids(self) -> tuple[UUID, ...]:
        return tuple(profile.client_id for profile in self.profiles)

    @property
    def own_client_ids(self) -> tuple[UUID, ...]:
        """The clients that the caller is: what is confidential from guardians is theirs to see (F6.B3)."""
        return tuple(profile.client_id for profile in self.profiles if profile.is_own)

    @property
    def actor(self) -> tuple[ActorKind, UUID | None]:
        """Who really acts, for the records."""
        return (self.kind, self.account_id) if self.viewer_id is None else (ActorKind.STAFF, self.viewer_id)

    @property
    def is_client(self) -> bool:
        return self.kind is ActorKind.CLIENT
