"""The words of the API description that belong to no single route."""

from collections.abc import Iterable

TITLE = "Portal API"
DESCRIPTION = """\
The back end of a client portal for health and therapy practices.

Every error is `application/problem+json` (RFC 9457) with a stable `code`. Lists are `{data, next_cursor}`;
pass `next_cursor` as `cursor` for the next page. `Idempotency-Key` makes a POST safe to repeat, `If-Match`
keeps a PATCH from overwriting what somebody else changed. Instants are RFC 3339 in UTC, money is in minor
units."""
CONTACT = {"name": "The maintainers of Portal API"}
LICENSE = {"name": "Apache License 2.0", "identifier": "Apache-2.0"}
SECURITY_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The access token from `POST /v1/auth/login` or `POST /v1/oauth/token`.",
    }
}
DEFAULT_TAG = "system"

_TAGS = {
    "practices": "The practice itself: its name, address, time zone and branding.",
    "staff": "Who works at the practice, in which roles.",
    "auth": "Signing in and out, tokens, passwords, verified addresses and second factors.",
    "me": "The signed-in account: its profiles, sessions and capabilities.",
    "portal": "The practice's portal: on or off, its link, what it allows.",
    "features": "What clients may do: the practice's choice, each practitioner's, and each client's.",
    "invitations": "Inviting a client, a guardian or a colleague, and accepting.",
    "signup": "People who sign up by themselves.",
    "prospects": "Those who signed up and are not clients yet.",
    "clients": "The practice's clients and their access to the portal.",
    "guardians": "Who may act for a client, and in what.",
    "client_information": "What clients say of themselves, and what staff make of it.",
    "insurance": "Insurance policies, entered by clients and reviewed by staff.",
    "onboarding": "What a new client is asked to do first.",
    "forms": "Form templates, assignments, answers and scores.",
    "signatures": "Signing forms, and whether a signed paper is genuine.",
    "treatment_plans": "Plans of treatment, which clients, guardians and supervisors sign.",
    "documents": "Files that the practice and its clients share.",
    "scheduling": "Services, availability, open slots, requests and appointments.",
    "video": "Joining an appointment by video.",
    "messages": "Conversations between clients and the practice.",
    "live": "What happens, as it happens, and copies for devices that are not always connected.",
    "billing": "Invoices, payments and receipts.",
    "notifications": "What was sent to whom, and who wants what.",
    "webhooks": "Events delivered to another system.",
    "api_clients": "Credentials of other systems.",
    "fhir": "The same records as FHIR R4 resources.",
    "privacy": "Exports, archives and releases of records.",
    "audit": "Who did what, for whom, when and with what result.",
    DEFAULT_TAG: "Health, keys and metadata of the installation.",
}


def tags(used: Iterable[str]) -> list[dict[str, str]]:
    """The tags in use, in the order of the list above and then by name."""
    order = list(_TAGS)
    ordered = sorted(used, key=lambda tag: (order.index(tag) if tag in _TAGS else len(order), tag))
    return [{"name": tag, "description": _TAGS.get(tag, f"{tag.replace('_', ' ').capitalize()}.")} for tag in ordered]
