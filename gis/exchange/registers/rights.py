"""Who may load which register where: planners places and homes, administrators people as well."""

from collections.abc import Mapping, Sequence

from gis.exchange.registers.fields import REGISTER_KINDS
from gis.rights.actions import KEEPING, Action
from gis.rights.principal import Principal

# A list of staff gives posts, and with them rights; so it is for who may give rights.
PEOPLE_KINDS = ("roster", "members", "volunteers")
KIND_ACTIONS: Mapping[str, Sequence[Action]] = {
    kind: (Action.ACCOUNTS,) if kind in PEOPLE_KINDS else KEEPING for kind in REGISTER_KINDS
}


def areas_of(principal: Principal, kind: str) -> frozenset[int] | None:
    """Return the areas where somebody may load a register of a kind; None: everywhere.

    Raises
    ------
    Forbidden
        Nowhere.
    """
    principal.require_any(KIND_ACTIONS[kind])
    return principal.areas_of(KIND_ACTIONS[kind])


def recipe_areas(principal: Principal) -> frozenset[int] | None:
    """Return the areas whose recipes somebody may use; None: everywhere.

    Raises
    ------
    Forbidden
        Nowhere.
    """
    principal.require_any(KEEPING)
    return principal.areas_of(KEEPING)


def recipe_owner(principal: Principal) -> int | None:
    """Return the area for which somebody saves recipes; None: for everybody."""
    areas = recipe_areas(principal)
    return None if areas is None else min(areas)
