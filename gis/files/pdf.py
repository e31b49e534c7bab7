"""A document as PDF, with WeasyPrint: nothing is fetched, and Chinese text needs a Chinese font.

It takes half a second of CPU a page with a map, so a child process does it, and few do at once:
the threads of a web worker go on serving.
"""

import subprocess
from functools import cache
from typing import Any, NoReturn

from gis.errors import InvalidInput, TooLarge, Unavailable
from gis.files import sandbox
from gis.files.sandbox import MEGABYTE, Limits

PACKAGES = "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fontconfig fonts-noto-cjk"
# several times what the sheets of a community of 100 grids take
PDF_LIMITS = Limits(cpu_s=180.0, wall_s=240.0, memory_bytes=3_000 * MEGABYTE)


def html_to_pdf(html: str) -> bytes:
    """Lay a self-contained HTML document out on pages.

    Raises
    ------
    Unavailable
        `pdf.not_installed`: Pango, or a font with Chinese characters, is not on this machine.
        `pdf.busy`: other documents are being written just now.
    TooLarge
        `pdf.too_large`: it takes more time or memory than `PDF_LIMITS`.
    """
    with sandbox.within_request(PDF_LIMITS.wall_s, busy="pdf.busy"):
        try:
            return bytes(sandbox.run(write_pdf, html, limits=PDF_LIMITS, name="PDF"))
        except InvalidInput:
            raise TooLarge("pdf.too_large") from None


def write_pdf(html: str) -> bytes:
    """Do the work of `html_to_pdf`, in the child process.

    Raises
    ------
    Unavailable
        `pdf.not_installed`.
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
