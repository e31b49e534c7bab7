"""The table of roles: each row is complete, has its labels, and stands where escalation
expects it.
"""

from itertools import pairwise

import pytest

from gis.messages import LOCALES, has_label
from gis.rights.actions import ACCESS_ROLES
from gis.rights.roles import FIRST_CONTACT_ROLES, ROLE_BY_KEY, ROLES, role_label

LEVELS = ("unit", "grid", "community", "street", "county")


def test_escalation_climbs_by_level() -> None:
    ladder = [ROLE_BY_KEY[key] for key in FIRST_CONTACT_ROLES]
    assert {role.level for role in ladder} == set(LEVELS)
    for lower, higher in pairwise(ladder):
        assert LEVELS.index(lower.level) <= LEVELS.index(higher.level), (lower.key, higher.key)
        assert lower.rank < higher.rank, (lower.key, higher.key)


def test_every_step_of_escalation_may_handle_incidents_there() -> None:
    for key in FIRST_CONTACT_ROLES:
        assert ROLE_BY_KEY[key].access_role in ACCESS_ROLES


def test_no_two_roles_share_a_place() -> None:
    for values in (
        [role.key for role in ROLES],
        [role.rank for role in ROLES],
        [role.first_contact_order for role in ROLES if role.first_contact_order is not None],
        [word for role in ROLES for word in (role.key, role.zh, role.en, *role.aliases_zh)],
    ):
        assert len(values) == len(set(values))


@pytest.mark.parametrize("key", [*ROLE_BY_KEY, *ACCESS_ROLES])
@pytest.mark.parametrize("language", LOCALES)
def test_every_role_has_a_label(key: str, language: str) -> None:
    assert has_label(f"role.{key}", language)
    assert role_label(key, language) != ""
