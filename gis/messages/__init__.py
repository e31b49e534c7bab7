"""Codes with parameters, and the catalogue that translates them into sentences.

`gis` raises and returns codes ("file.crs_missing"), never sentences; `render` reads the gettext
catalogue `locales/<locale>/LC_MESSAGES/messages.po`, whose msgid is the code. It works without
Flask, so that mails, the command line and spreadsheets use the same sentences as the pages.
"""

import gettext
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType

LOCALES_PATH = Path(__file__).with_name("locales")
DOMAIN = "messages"
LOCALES = {"zh": "zh_Hans_CN", "en": "en"}  # as in addresses -> as Babel names it
PARAMETER = re.compile(r"%\((\w+)\)s")
LIST_SEPARATORS = {"zh": "、", "en": ", "}

__all__ = [
    "DOMAIN",
    "LOCALES",
    "LOCALES_PATH",
    "PARAMETER",
    "Message",
    "has_label",
    "label",
    "render",
    "sentence",
    "text_of",
]


@dataclass(frozen=True)
class Message:
    """A code of the catalogue with its parameters.

    Attributes
    ----------
    params
        Text and moments are inserted as they are, whole numbers with thousands separators (write
        identifiers as text), sequences as a list, and messages in the language of the sentence.
    """

    code: str
    params: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))

    def __deepcopy__(self, memo: object) -> "Message":
        """Return itself: it does not change, and a mapping proxy cannot be copied."""
        return self


def render(message: Message, language: str = "en") -> str:
    """Return a message as a sentence.

    Parameters
    ----------
    language
        A key of LOCALES.

    Raises
    ------
    KeyError
        The catalogue has no such code, or its sentence needs a parameter that is absent.
    """
    params = {name: text_of(value, language) for name, value in message.params.items()}
    return sentence(message.code, language) % params


def sentence(code: str, language: str = "en") -> str:
    """Return the sentence of a code, with PARAMETER where a parameter goes.

    Raises
    ------
    KeyError
        The catalogue has no such code.
    """
    text = _catalogue(language).gettext(code)
    if text == code:
        raise KeyError(code)
    return text


def label(code: str, language: str = "en") -> str:
    """Return the text of a code without parameters, as of a role or a state."""
    return render(Message(code), language)


def has_label(code: str, language: str = "en") -> bool:
    """Return whether the catalogue has a text for a code."""
    return _catalogue(language).gettext(code) != code


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    return gettext.translation(DOMAIN, LOCALES_PATH, [LOCALES[language]])


def text_of(value: object, language: str) -> str:
    """Return a parameter as it stands in a sentence of a language."""
    if isinstance(value, str):  # nearly all, on the hot path of locating
        return value
    match value:
        case Message():
            return render(value, language)
        case bool():
            return str(value)
        case int():
            return f"{value:,}"
        case Sequence() | set() | frozenset():
            return LIST_SEPARATORS[language].join(text_of(item, language) for item in value)
    return str(value)
