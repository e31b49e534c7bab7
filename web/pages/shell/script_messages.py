"""The texts of scripts, extracted from calls of `t("English text")` and translated."""

import json
import re
from collections.abc import Collection, Iterator
from functools import cache
from hashlib import sha256
from typing import BinaryIO

from flask_babel import force_locale, gettext

from gis.messages import LOCALES
from web.pages.shell.assets import list_assets

# t('…') or t("…"); a computed text is never one of the catalogue
CALL_PATTERN = re.compile(r"""(?<![\w.$])t\(\s*(['"])((?:\\.|(?!\1).)*)\1""")
ESCAPE_PATTERN = re.compile(r"\\(.)")


def extract_script(
    file: BinaryIO, keywords: Collection[str], comment_tags: Collection[str], options: object
) -> Iterator[tuple[int, str, str, list[str]]]:
    """Yield line, function, English text and comments of every text of a script, for Babel."""
    script = file.read().decode("utf-8")
    for match in CALL_PATTERN.finditer(script):
        yield (
            script.count("\n", 0, match.start()) + 1,
            "gettext",
            ESCAPE_PATTERN.sub(r"\1", match[2]),
            [],
        )


@cache
def script_msgids() -> tuple[str, ...]:
    """Return the English texts of all scripts."""
    msgids: set[str] = set()
    for path in list_assets():
        if path.suffix == ".js":
            with path.open("rb") as file:
                msgids.update(text for _, _, text, _ in extract_script(file, (), (), None))
    return tuple(sorted(msgids))


@cache
def messages_json(language: str) -> str:
    """Return the texts of a language by English text, as JSON."""
    with force_locale(LOCALES[language]):
        texts = {msgid: gettext(msgid) for msgid in script_msgids()}
    return json.dumps(texts, ensure_ascii=False, separators=(",", ":"))


@cache
def messages_digest(language: str) -> str:
    """Return a digest of the texts of a language, for their address."""
    return sha256(messages_json(language).encode()).hexdigest()[:10]
