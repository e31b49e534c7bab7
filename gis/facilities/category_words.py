"""The category that a word of a table means."""

import re
import unicodedata

from gis.facilities.categories import CATEGORIES

_KEY_BY_NAME = {
    name.lower(): category.key
    for category in CATEGORIES
    for name in (category.key, category.zh, category.en)
}


_KEY_BY_PART = {part: category.key for category in CATEGORIES for part in category.zh.split("/")}


_KEY_BY_ALIAS = {
    alias: category.key for category in CATEGORIES for alias in category.aliases.split()
}


_ENDINGS = {
    category.key: re.compile(f"(?:{category.endings})$")
    for category in CATEGORIES
    if category.endings
}


def is_own_name(word: str) -> bool:
    """Return whether a word is the key or a name of a category."""
    return word.lower() in _KEY_BY_NAME


def key_of_word(word: str) -> str | None:
    """Return the key of the category that a word means; None if it means none, or several."""
    text = unicodedata.normalize("NFKC", word).lower().strip()
    if key := _KEY_BY_NAME.get(text):
        return key
    text = re.sub(r"\(.*?\)|\s", "", text)
    if key := _KEY_BY_PART.get(text) or _KEY_BY_ALIAS.get(text):
        return key
    keys = {key for part in re.split(r"[/、,;]|和|及", text) if part for key in _keys(part)}
    return keys.pop() if len(keys) == 1 else None


def _keys(word: str) -> set[str]:
    """Return the keys of all categories that a word may mean, by itself or by its ending."""
    exact = _KEY_BY_NAME.get(word) or _KEY_BY_PART.get(word) or _KEY_BY_ALIAS.get(word)
    return {exact} if exact else {key for key, ending in _ENDINGS.items() if ending.search(word)}
