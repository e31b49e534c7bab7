"""Keep the catalogue of messages in step with the code.

Adds new messages, names those without a text, and compiles.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from gis.errors import CODE_PATTERN
from gis.messages import LOCALES, LOCALES_PATH
from gis.settings import ROOT

# the calls that name a code, and its place among their arguments
CODE_POSITIONS = dict.fromkeys(
    (
        "WanggeError",
        "InvalidInput",
        "NotFound",
        "OutsideGrids",
        "Conflict",
        "AuthenticationRequired",
        "Forbidden",
        "RateLimited",
        "Unavailable",
        "TooLarge",
        "Message",
        "DiskFull",
        "CellError",
        "note",
        "note_row",
    ),
    0,
) | {"invalid_field": 1, "FieldError": 1, "Guess": 1, "refuse": 2}
KEYWORDS = (
    DEFAULT_KEYWORDS
    | {"lazy_gettext": None}
    | {name: (position + 1,) for name, position in CODE_POSITIONS.items()}
)
FOLDERS = tuple(ROOT / name for name in ("gis", "layers", "web"))


def is_ours(folder: str) -> bool:
    """Return whether a folder holds code of ours; vendored assets and environments do not."""
    path = Path(folder)
    return path.name not in ("vendor", "__pycache__") and any(
        path.is_relative_to(ours) for ours in FOLDERS
    )


def extract() -> Iterator[str]:
    """Yield the msgids that babel.cfg finds: codes of `gis`, English text of pages and scripts."""
    with (ROOT / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)
    messages = extract_from_dir(
        str(ROOT), methods, options, keywords=KEYWORDS, directory_filter=is_ours
    )
    for filename, _, msgid, _, _ in messages:
        text = msgid if isinstance(msgid, str) else msgid[0]
        # a sentence in gis has no code yet; nothing translates it
        if text and (CODE_PATTERN.fullmatch(text) or not filename.startswith("gis/")):
            yield text


def path_of(language: str) -> Path:
    """Return the .po of a language (a key of LOCALES)."""
    return LOCALES_PATH / LOCALES[language] / "LC_MESSAGES" / "messages.po"


def read(language: str) -> Catalog:
    """Return the catalogue of a language."""
    with path_of(language).open("rb") as file:
        return read_po(file, locale=LOCALES[language], abort_invalid=True)


def missing(language: str, msgids: set[str]) -> list[str]:
    """Return the msgids without an entry; English text is its own translation."""
    catalogue = read(language)
    return sorted(
        msgid
        for msgid in msgids
        if catalogue.get(msgid) is None and (language != "en" or CODE_PATTERN.fullmatch(msgid))
    )


def entry(msgid: str) -> str:
    """Return an empty entry for a .po."""
    quoted = msgid.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    flag = "#, python-format\n" if "%(" in msgid else ""
    return f'\n{flag}msgid "{quoted}"\nmsgstr ""\n'


def update() -> dict[str, list[str]]:
    """Add an empty entry for every msgid that a language lacks.

    Return what has no text yet, by language.
    """
    msgids, untranslated = set(extract()), {}
    for language in LOCALES:
        with path_of(language).open("a", encoding="utf-8") as file:
            file.writelines(entry(msgid) for msgid in missing(language, msgids))
        untranslated[language] = [
            str(message.id) for message in read(language) if message.id and not message.string
        ]
    return untranslated


def compile_all() -> None:
    """Write the .mo beside every .po."""
    for language in LOCALES:
        with path_of(language).with_suffix(".mo").open("wb") as file:
            write_mo(file, read(language))


def main() -> int:
    """Update and compile; return 1 where a text is missing."""
    untranslated = update()
    compile_all()
    for language, msgids in untranslated.items():
        for msgid in msgids:
            print(f"{path_of(language).relative_to(ROOT)}: no text for {msgid!r}", file=sys.stderr)
    changed = subprocess.run(
        ["git", "status", "--short", str(LOCALES_PATH)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    print(changed.stdout, end="")
    return 1 if any(untranslated.values()) else 0
