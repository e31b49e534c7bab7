"""What is measured, as it stands in the addresses of the coverage pages."""

from typing import NamedTuple

from flask import request

from web.http import params


class Question(NamedTuple):
    """Which service, within which walk, and who walks."""

    category: str
    minutes: int
    profile: str


NO_COMMUNITY = "-"  # no community, as in static/cross.js
DEFAULT_QUESTION = Question("clinic", 15, "elder")


def read_question() -> Question:
    """Return what the address of this request says; what it leaves out is as in `DEFAULT_QUESTION`.

    Raises
    ------
    InvalidInput
        The minutes are no number.
    """
    arguments = request.args
    minutes = params.parse_float(arguments.get("minutes", str(DEFAULT_QUESTION.minutes)), "minutes")
    return Question(
        arguments.get("category", DEFAULT_QUESTION.category),
        round(minutes),
        arguments.get("profile", DEFAULT_QUESTION.profile),
    )


class Choice(NamedTuple):
    """Which classes of minutes and communities are chosen; an empty choice is all of them."""

    classes: frozenset[str]
    communities: frozenset[str]

    def passes(self, access_class: str, community: str) -> bool:
        """Return whether something of a class, in a community or in none (""), is chosen."""
        return (not self.classes or access_class in self.classes) and (
            not self.communities or (community or NO_COMMUNITY) in self.communities
        )


def read_choice() -> Choice:
    """Return what the address of this request chooses."""
    return Choice(*(_listed(request.args.get(name)) for name in ("class", "community")))


def _listed(text: str | None) -> frozenset[str]:
    return frozenset(text.split(",")) if text else frozenset()
