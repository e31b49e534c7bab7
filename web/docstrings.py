"""Docstrings of views and commands as the API's description and --help show them."""

import re

RAISES = re.compile(r"^\s*Raises\n\s*------\n.*", re.DOTALL | re.MULTILINE)


def without_raises(docstring: str) -> str:
    """Return a docstring up to its section Raises, which is for who calls it in Python."""
    return RAISES.sub("", docstring).rstrip()
