"""Who may do what, as a table that a reviewer sees change (F20.M1, F20.M2, F20.B6)."""

import pytest

from portal_api.core.access import CLIENT_PERMISSIONS, ROLE_PERMISSIONS, Permission, Role, permissions_of
from tests.documents import assert_checked_in


def test_the_document_is_the_matrix() -> None:
    columns = {**{role.value: ROLE_PERMISSIONS[role] for role in Role}, "client": CLIENT_PERMISSIONS}
    lines = [
        "# Roles and permissions",
        "",
        "What a role lets its holder try; a person with several roles has the union. Whether this very client may be",
        "touched is decided by assignment and supervision as well. Written from `core/access.py`.",
        "",
        f"| permission | {' | '.join(columns)} |",
        f"| --- |{' --- |' * len(columns)}",
    ]
    for permission in sorted(Permission):
        marks = " | ".join("x" if permission in held else " " for held in columns.values())
        lines.append(f"| `{permission.value}` | {marks} |")
    assert_checked_in("roles.md", "\n".join(lines) + "\n")


def test_every_role_has_its_permissions() -> None:
    assert ROLE_PERMISSIONS.keys() == set(Role)


def test_every_permission_is_held_by_somebody() -> None:
    held = frozenset[Permission]().union(*ROLE_PERMISSIONS.values()) | CLIENT_PERMISSIONS
    assert set(Permission) - held == set()


def test_several_roles_are_their_union() -> None:
    both = permissions_of(frozenset({Role.BILLER, Role.PRACTITIONER}))
    assert both == ROLE_PERMISSIONS[Role.BILLER] | ROLE_PERMISSIONS[Role.PRACTITIONER]


def test_no_role_is_no_permission() -> None:
    assert permissions_of(frozenset()) == frozenset()


@pytest.mark.parametrize("permission", [Permission.AUDIT_READ, Permission.STAFF_MANAGE, Permission.PROSPECTS_MANAGE])
def test_only_owners_and_admins_administer(permission: Permission) -> None:
    assert {role for role in Role if permission in ROLE_PERMISSIONS[role]} == {Role.OWNER, Role.ADMIN}
