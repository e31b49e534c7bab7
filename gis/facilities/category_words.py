"""The category that a word of a table or of a search means."""

import re
import unicodedata
from collections.abc import Iterator

from gis.facilities.categories import CATEGORIES, Category
from gis.pinyin import is_typed_pinyin, spell

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


def find_categories(words: str) -> list[str]:
    """Return the keys of the categories that a search means, by any part of a word for them.

    诊所 means clinics, as do "clinic", "ws" and "weisheng" of 卫生服务; one letter means nothing.
    """
    text = "".join(unicodedata.normalize("NFKC", words).lower().split())
    if len(text) < 2:
        return []
    is_pinyin = is_typed_pinyin(text)
    return [
        category.key
        for category in sorted(CATEGORIES, key=lambda category: category.rank)
        if any(text in word for word in _words(category))
        or (category.key in _ENDINGS and _ENDINGS[category.key].fullmatch(text))
        or (is_pinyin and any(spelled.startswith(text) for spelled in spell(category.zh)))
    ]


def _words(category: Category) -> Iterator[str]:
    """Yield the words for a category, in lower case and without blanks."""
    for word in (category.key, category.zh, category.en, *category.aliases.split()):
        yield word.lower().replace(" ", "")


def _keys(word: str) -> set[str]:
    """Return the keys of all categories that a word may mean, by itself or by its ending."""
    exact = _KEY_BY_NAME.get(word) or _KEY_BY_PART.get(word) or _KEY_BY_ALIAS.get(word)
    return {exact} if exact else {key for key, ending in _ENDINGS.items() if ending.search(word)}
