"""The colours of gis/palette.py as variables of the stylesheets."""

from functools import cache
from hashlib import sha256

from flask import url_for

from gis.palette import OKABE_ITO, PAGE_COLOURS


@cache
def tokens_css() -> str:
    """Return a stylesheet with every colour as a variable: `--field-line`, `--okabe-ito-blue`."""
    colours = PAGE_COLOURS | {f"okabe-ito-{name}": value for name, value in OKABE_ITO.items()}
    return (
        ":root {\n" + "".join(f"  --{name}: {value};\n" for name, value in colours.items()) + "}\n"
    )


def tokens_url() -> str:
    """Return the address of the stylesheet, which changes with it."""
    return url_for("shell.colour_tokens", v=sha256(tokens_css().encode()).hexdigest()[:10])
