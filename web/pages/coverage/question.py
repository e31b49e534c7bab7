"""What is measured, as it stands in the addresses of the coverage pages."""

from typing import NamedTuple

from flask import request

from web.http import params


class Question(NamedTuple):
    """Which service, within which walk, and who walks."""

    category: str
    minutes: int
    profile: str


DEFAULT = Question("clinic", 15, "elder")


def read_question() -> Question:
    """Return what the address of this request says; what it leaves out is as in `DEFAULT`.

    Raises
    ------
    InvalidInput
        The minutes are no number.
    """
    arguments = request.args
    minutes = params.parse_float(arguments.get("minutes", str(DEFAULT.minutes)), "minutes")
    return Question(
        arguments.get("category", DEFAULT.category),
        round(minutes),
        arguments.get("profile", DEFAULT.profile),
    )
