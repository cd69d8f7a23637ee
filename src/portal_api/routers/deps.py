"""Who may call, as types: what a handler's signature is made of."""

from typing import Annotated

from portal_api.core.access import Feature, Permission, Principal
from portal_api.core.db import Reader, Session
from portal_api.web.access import provided, public, requires

SessionDep = Annotated[Session, provided("the transaction")]
ReaderDep = Annotated[Reader, provided("the reader")]
IfMatch = Annotated[int | None, provided("If-Match")]
LastEventId = Annotated[str | None, provided("Last-Event-ID")]

Anyone = Annotated[Principal, public()]
AnyPerson = Annotated[Principal, public(screened=True)]
"""No program, where the installation has a bot check."""
SignedIn = Annotated[Principal, requires(Permission.ACCOUNT_SELF)]
SignedInRestricted = Annotated[Principal, requires(Permission.ACCOUNT_SELF, restricted=True)]
"""Also an account that must first change its password or set up a second factor."""
SignedInEnrolling = Annotated[Principal, requires(Permission.ACCOUNT_SELF, enrolling=True)]
"""Also an account that must first set up a second factor."""

CanReadAccessHistory = Annotated[Principal, requires(Permission.ACCESS_HISTORY_READ)]
CanReadAudit = Annotated[Principal, requires(Permission.AUDIT_READ)]
CanReadPractice = Annotated[Principal, requires(Permission.PRACTICE_READ)]
CanWritePractice = Annotated[Principal, requires(Permission.PRACTICE_WRITE)]
CanReadPortal = Annotated[Principal, requires(Permission.PORTAL_READ)]
CanWritePortal = Annotated[Principal, requires(Permission.PORTAL_WRITE)]
CanReadFeatures = Annotated[Principal, requires(Permission.FEATURES_READ)]
CanWriteFeatures = Annotated[Principal, requires(Permission.FEATURES_WRITE)]
CanManageFeatures = Annotated[Principal, requires(Permission.FEATURES_MANAGE)]
CanReadStaff = Annotated[Principal, requires(Permission.STAFF_READ)]
CanManageStaff = Annotated[Principal, requires(Permission.STAFF_MANAGE)]
CanReadPractitioners = Annotated[Principal, requires(Permission.PRACTITIONERS_READ)]
CanReadClients = Annotated[Principal, requires(Permission.CLIENTS_READ)]
CanCreateClients = Annotated[Principal, requires(Permission.CLIENTS_CREATE)]
CanWriteClients = Annotated[Principal, requires(Permission.CLIENTS_WRITE)]
CanReadGuardians = Annotated[Principal, requires(Permission.GUARDIANS_READ)]
CanWriteGuardians = Annotated[Principal, requires(Permission.GUARDIANS_WRITE)]
HasInvitations = Annotated[Principal, requires(Permission.INVITATIONS_SELF)]
CanReadInvitations = Annotated[Principal, requires(Permission.INVITATIONS_READ)]
CanWriteInvitations = Annotated[Principal, requires(Permission.INVITATIONS_WRITE)]
CanWriteCredentials = Annotated[Principal, requires(Permission.CREDENTIALS_WRITE)]
CanWritePortalAccess = Annotated[Principal, requires(Permission.PORTAL_ACCESS_WRITE)]
CanReadDocuments = Annotated[Principal, requires(Permission.DOCUMENTS_READ)]
CanWriteDocuments = Annotated[Principal, requires(Permission.DOCUMENTS_WRITE)]
HasDocuments = Annotated[Principal, requires(Permission.DOCUMENTS_SELF)]
CanUploadDocuments = Annotated[Principal, requires(Permission.DOCUMENTS_SELF, feature=Feature.CLIENT_UPLOADS)]
CanWritePracticeDocuments = Annotated[Principal, requires(Permission.PRACTICE_DOCUMENTS_WRITE)]
CanReadLocations = Annotated[Principal, requires(Permission.LOCATIONS_READ)]
CanWriteLocations = Annotated[Principal, requires(Permission.LOCATIONS_WRITE)]
CanReadServices = Annotated[Principal, requires(Permission.SERVICES_READ)]
CanWriteServices = Annotated[Principal, requires(Permission.SERVICES_WRITE)]
CanReadAvailability = Annotated[Principal, requires(Permission.AVAILABILITY_READ)]
CanWriteAvailability = Annotated[Principal, requires(Permission.AVAILABILITY_WRITE)]
CanReadAppointments = Annotated[Principal, requires(Permission.APPOINTMENTS_READ)]
CanWriteAppointments = Annotated[Principal, requires(Permission.APPOINTMENTS_WRITE)]
HasAppointments = Annotated[Principal, requires(Permission.APPOINTMENTS_SELF)]
CanCancelAppointments = Annotated[
    Principal, requires(Permission.APPOINTMENTS_SELF, feature=Feature.APPOINTMENT_CANCELLATION)
]
CanRequestAppointments = Annotated[
    Principal, requires(Permission.APPOINTMENTS_SELF, feature=Feature.APPOINTMENT_REQUESTS)
]
CanDecideAppointmentRequests = Annotated[Principal, requires(Permission.APPOINTMENT_REQUESTS_DECIDE)]
CanReadSlots = Annotated[Principal, requires(Permission.SLOTS_READ)]
CanManageProspects = Annotated[Principal, requires(Permission.PROSPECTS_MANAGE)]
CanJoinVideo = Annotated[Principal, requires(Permission.APPOINTMENTS_SELF, feature=Feature.VIDEO)]
CanHostVideo = Annotated[Principal, requires(Permission.VIDEO_HOST)]
