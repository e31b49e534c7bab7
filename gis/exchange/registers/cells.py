"""Cells of registers as offices fill them: 28户, a name with its telephone, an identity number."""

import re
import unicodedata
from datetime import date
from typing import NamedTuple

from gis.exchange.people import VACANT_PATTERN
from gis.files.cells import CellError, Guess, clean_text, parse_integer, parse_text
from gis.files.dates import parse_first_day
from gis.files.person_names import parse_person_name
from gis.files.telephones import parse_telephone

ELDERLY_FROM, CHILD_TO, MAX_AGE = 60, 6, 120  # years, all inclusive

# who is on the list but does not live there any more, or never did
OUT_PATTERN = re.compile(
    "死亡|已故|去世|亡故|病故|销户|注销|迁出|迁移|搬走|搬离|已搬|退租|已离开|不在此居住|未居住|空挂|户在人不在"
)
AWAY_PATTERN = re.compile("人户分离")  # lives elsewhere, or here and is registered elsewhere

# words before the one that counts: 2024年3月已迁出; after others it is of somebody else: 父亲已故.
# Digits are taken all at once: shared out in every way, those of one telephone took minutes.
_BEFORE_STATE_PATTERN = (
    r"(?:\d+(?!\d)(?:[月日./-]|(?<=\d\d)年)?|于|已经?|现|均|全家|全户|整户|本人|该户|该人|此人"
    r"|人员?|户口|户籍|组织关系|关系|实际|长期|常年|目前|因[病故]|[系属为])*"
)
# words after it that take it back: 退休后返聘, 死亡证明待办
_TAKEN_BACK_PATTERN = re.compile(
    r"返聘|返岗|复岗|证明|手续|[\d一二两三四五六七八九]人|部分|待|未|又|[迁搬]回|回迁|恢复|重新|重建|现"
)
_NOT_PATTERN = "[未没非无]有?"

HEAD_PATTERN = re.compile(r"(?:户主|本人|之户主|0?1户主)(?:[(（].*[)）])?")
# who is on a list of staff but no longer works there
LEFT_PATTERN = re.compile(
    "离职|离任|调离|调出|辞职|辞退|退休|去世|已故|死亡|病故|亡故|不在岗|退出|转出|除名|开除|退党|免职|撤职|解聘"
    "|不再担任|借调[至到]|抽调[至到]"
)
# a facility that serves nobody, or not yet
CLOSED_PATTERN = re.compile(
    "关闭|停业|停止营业|暂停营业|关停|停办|停用|撤销|拆除|倒闭|歇业|在建|未建|筹建|拟建|规划中"
)
# a building that does not stand any more, or not yet
GONE_PATTERN = re.compile("拆除|拆完|灭失|在建|未建|拟建|规划中")
# what stands beside a name and is not kept
_BESIDE_NAME_PATTERN = re.compile(
    r"\((?:男|女|党员|中共党员|预备党员|群众|团员|.{1,3}族)\)|\s(?:男|女|党员|群众|团员)$|[*★☆#※]+$"
)
_UNIT_WORDS = "户|层|楼|个|个?单元|栋|幢|人|口|间|套|座|梯|家|张|名"
_AMOUNT_PATTERN = re.compile(rf"(共|计|约)?(\d{{1,6}})(?:{_UNIT_WORDS})?")
_STAIRWELL_NUMBER_PATTERN = re.compile(r"(\d{1,2})单元")
_ANY_PHONE_PATTERN = re.compile(
    r"(?:\+?86[-\s]?)?1[3-9]\d[-\s]?\d{4}[-\s]?\d{4}|0\d{2,3}[-\s]?\d{7,8}|(?<!\d)\d{7,8}(?!\d)"
)
_BETWEEN_PATTERN = re.compile(
    r"(?:电话|手机|联系方式)?[\s:：,，、;；/()（）]+(?:电话|手机|联系方式)?"
)
# what tells two people apart, also of a passport; not 无, nor a number of which a part is hidden
_TELLING_PATTERN = re.compile(r"(?=(?:.*\d){6})(?!(.)\1+$)[\dA-Z()]{8,20}")
_IDENTITY_PATTERN = re.compile(
    r"\d{6}(\d{4})(\d{2})(\d{2})\d{3}[\dX]|\d{6}(\d{2})(\d{2})(\d{2})\d{3}"
)


class Contact(NamedTuple):
    """A person of a post as a cell has it; empty texts where it says nothing."""

    name: str
    phone: str


class Identity(NamedTuple):
    """What an identity number is read for; the number itself is not kept.

    born: None where the number holds no day. same: Equal for equal numbers, in this process only.
    """

    born: date | None
    same: int


def parse_amount(value: object) -> int | Guess:
    """Return a whole number, also with its unit: 28户, 7层, 2个; 约28户 is a guess.

    Raises
    ------
    CellError
        The cell is no whole number.
    """
    text = _plain(clean_text(value))
    match = _AMOUNT_PATTERN.fullmatch(text)
    if match and match[1] == "约":
        return Guess(int(match[2]), "register_cell.about", text)
    return int(match[2]) if match else parse_integer(value)


def parse_stairwells(value: object) -> int | Guess:
    """Return how many stairwells a cell says; 3单元 may be the third of them, so it is a guess.

    Raises
    ------
    CellError
        The cell is no whole number.
    """
    text = _plain(clean_text(value))
    if match := _STAIRWELL_NUMBER_PATTERN.fullmatch(text):
        return Guess(int(match[1]), "register_cell.stairwell_or_number", text)
    return parse_amount(value)


def parse_contact(value: object) -> Contact:
    """Return a name with the telephone that may stand beside it; no name for a vacant post.

    Raises
    ------
    CellError
        It holds several telephones, or Excel has made a date of it.
    """
    text = _BESIDE_NAME_PATTERN.sub("", unicodedata.normalize("NFKC", parse_text(value))).strip()
    if VACANT_PATTERN.fullmatch(text):
        return Contact("", "")
    phones = _ANY_PHONE_PATTERN.findall(text)
    if len(phones) > 1:
        raise CellError("register_cell.several_people")
    if not phones:
        if re.search(r"\d", text):
            raise CellError("register_cell.not_name")
        if re.search("[、,;/]", text):
            raise CellError("register_cell.several_people")
        return Contact(str(parse_person_name(text)), "")
    around = [_BETWEEN_PATTERN.sub(" ", part).strip() for part in text.split(phones[0])]
    name = _BESIDE_NAME_PATTERN.sub("", " ".join(filter(None, around)))
    if not name or re.search(r"\d", name):
        raise CellError("register_cell.not_name")
    return Contact(str(parse_person_name(name)), str(phone_of(phones[0])))


def phone_of(value: object) -> str:
    """Return a telephone without blanks and dashes; empty where the cell says there is none."""
    phone = parse_telephone(value)
    text = phone.value if isinstance(phone, Guess) else phone
    return re.sub(r"[\s-]", "", text or "")


def parse_phone(value: object) -> str | Guess:
    """Return a telephone, of several the first mobile one; blanks and dashes do not count.

    Raises
    ------
    CellError
        Digits are lost.
    """
    text = unicodedata.normalize("NFKC", clean_text(value))
    several = [phone_of(phone) for phone in _ANY_PHONE_PATTERN.findall(text)]
    if len(several) > 1:
        first = next((phone for phone in several if not phone.startswith("0")), several[0])
        return Guess(first, "register_cell.first_phone", first)
    phone = parse_telephone(value)
    if isinstance(phone, Guess):
        return phone
    return re.sub(r"[\s-]", "", phone)


def parse_presence(value: object) -> bool:
    """Return that a cell is filled; what stands in it is not kept."""
    return bool(clean_text(value))


def parse_sameness(value: object) -> int | None:
    """Return a number that is equal for equal names, in this process only; the name is not kept."""
    name = re.sub(r"\s", "", clean_text(value))
    return hash(name) if name else None


def parse_relation(value: object) -> str:
    """Return "head" or "member"."""
    return "head" if HEAD_PATTERN.fullmatch(clean_text(value)) else "member"


def parse_status(value: object) -> str | Guess | None:
    """Return the word that says that somebody is not living there; None for other words."""
    text = clean_text(value)
    if state := _state(OUT_PATTERN, text):
        return state
    away = AWAY_PATTERN.search(text)
    return Guess(None, "register_cell.registered_elsewhere", away[0]) if away else None


def parse_left_day(value: object) -> date | None:
    """Return the day on which somebody left, of a month its first; None for other words."""
    try:
        day = parse_first_day(value)
    except CellError:
        return None
    return (day.value if isinstance(day, Guess) else day).date()


def parse_closed(value: object) -> str | Guess | None:
    """Return the word that says that a facility is not open; None for other words."""
    return _state(CLOSED_PATTERN, clean_text(value))


def parse_gone(value: object) -> str | Guess | None:
    """Return the word that says that a building does not stand; None for other words."""
    return _state(GONE_PATTERN, clean_text(value))


def parse_left(value: object) -> str | Guess | None:
    """Return the word that says that somebody no longer works there; None for other words."""
    return _state(LEFT_PATTERN, clean_text(value))


def _plain(text: str) -> str:
    """Return a text without blanks, its signs and digits of half width."""
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", text))


def _state(words: re.Pattern[str], text: str) -> str | Guess | None:
    """Return the word of a state that a part of a remark begins with; None where none is said.

    Where it stands otherwise it may be said of somebody else, or taken back: a guess of None.
    """
    plain = _plain(text)
    for part in re.split("[,，、;；。()（）]", plain):
        match = re.match(f"{_BEFORE_STATE_PATTERN}({words.pattern})", part)
        if match and not _TAKEN_BACK_PATTERN.search(part, match.end()):
            return match[1]
    said = words.search(re.sub(f"{_NOT_PATTERN}(?:{words.pattern})", "", plain))
    return Guess(None, "register_cell.state_unclear", said[0]) if said else None


def parse_identity(value: object) -> Identity | None:
    """Return the birthday in an identity number, without the number.

    None where the cell holds none: a damaged number counts nobody's age.
    """
    text = re.sub(r"\s", "", clean_text(value)).upper()
    if isinstance(value, float | int) or not _TELLING_PATTERN.fullmatch(text):
        return None  # Excel has lost its last digits, or it is none
    return Identity(_born(_IDENTITY_PATTERN.fullmatch(text)), hash(text))


def parse_birth(value: object) -> date | None:
    """Return a birthday; None for a cell that holds none, which counts nobody's age."""
    try:
        day = parse_first_day(value)
    except CellError:
        return None
    return None if isinstance(day, Guess) else day.date()  # of a month alone the day is missing


def parse_age(value: object) -> int | None:
    """Return an age in years; None for a cell that holds none."""
    text = clean_text(value)
    if match := re.fullmatch(r"(\d{1,2})个?月", text):
        return int(match[1]) // 12
    match = re.fullmatch(r"(\d{1,3})(?:周?岁)?", text)
    return int(match[1]) if match and int(match[1]) <= MAX_AGE else None


def _born(match: re.Match[str] | None) -> date | None:
    if match is None:
        return None
    year, month, day = match.groups()[:3] if match[1] else match.groups()[3:]
    try:
        return date(int(year) if match[1] else 1900 + int(year), int(month), int(day))
    except ValueError:
        return None


def years_between(born: date, today: date) -> int | None:
    """Return an age in whole years; None for one that cannot be."""
    age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    return age if 0 <= age <= MAX_AGE else None
