"""Names by their pinyin, as people type them: the first letters, or whole syllables."""

import re
from collections.abc import Iterable
from functools import lru_cache

TYPED_PATTERN = re.compile(r"[a-z][a-z0-9]+")  # at least two: one letter begins too many names


def is_typed_pinyin(text: str) -> bool:
    """Return whether a text, in lower case and without blanks, may be pinyin or its initials."""
    return TYPED_PATTERN.fullmatch(text) is not None


@lru_cache(maxsize=1 << 17)
def spell(name: str) -> tuple[str, str]:
    """Return the initials of a name and its whole syllables: xxsq and xixingshequ for 西兴社区.

    What is no Chinese character stays, in lower case and without blanks. Characters of several
    readings have that of the word they stand in: 重庆 is chongqing.
    """
    from pypinyin import lazy_pinyin  # its tables take a second to load

    syllables = [part for part in lazy_pinyin("".join(name.lower().split())) if part]
    initials = "".join(part if not part[0].isalpha() else part[0] for part in syllables)
    return initials, "".join(syllables)


def match_pinyin(names: Iterable[str], typed: str) -> list[str]:
    """Return the names whose initials or syllables contain what was typed."""
    return [name for name in names if any(typed in spelled for spelled in spell(name))]
