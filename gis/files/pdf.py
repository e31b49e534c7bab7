"""A document as PDF, with WeasyPrint: nothing is fetched, and Chinese text needs a Chinese font."""

import subprocess
from functools import cache
from typing import Any, NoReturn

from gis.errors import Unavailable

PACKAGES = "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fontconfig fonts-noto-cjk"


def html_to_pdf(html: str) -> bytes:
    """Lay a self-contained HTML document out on pages.

    Raises
    ------
    Unavailable
        `pdf.not_installed`: Pango, or a font with Chinese characters, is not on this machine.
    """
    try:
        import weasyprint  # loads Pango, which is not on every machine
    except OSError:
        raise Unavailable("pdf.not_installed", packages=PACKAGES) from None
    if not _has_chinese_font():
        raise Unavailable("pdf.not_installed", packages=PACKAGES)
    document: Any = weasyprint.HTML(string=html, url_fetcher=_refuse)
    return bytes(document.write_pdf())


def _refuse(url: str, *_: object, **__: object) -> NoReturn:
    """Fetch nothing: what a document shows is in it.

    Raises
    ------
    ValueError
        Always.
    """
    raise ValueError(f"{url[:60]} is not part of the document")


@cache
def _has_chinese_font() -> bool:
    try:
        listed = subprocess.run(
            ["fc-list", ":lang=zh-cn", "family"], capture_output=True, check=True, timeout=20
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return bool(listed.stdout.strip())
