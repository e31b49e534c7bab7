"""Opening hours: whether a facility is open at a moment, from OSM syntax or Chinese words.

Hours are kept as they were written. OSM's `opening_hours` are read by the package
opening-hours-py; its public holidays (PH) are those of `gis.office_calendar`. Chinese words
(每天9:00-17:00, 周一至周五 8:30-12:00,14:00-17:30, 24小时) are turned into OSM syntax where
every one of them is understood. Whatever is unclear is unknown, never closed.
"""

import re
import unicodedata
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache

from opening_hours import OpeningHours, ParserError  # type: ignore[attr-defined]

from gis import office_calendar

MAX_HOURS_CHARS = 400  # longer texts are not read
WEEKDAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
CJK_PATTERN = re.compile(r"[\u4e00-\u9fff]")
COMMENT_PATTERN = re.compile(r'"[^"]*"')
SPAN_PATTERN = re.compile(r"(\d\d:\d\d) *- *(\d\d:\d\d)")
PH_PATTERN = re.compile(r"\bPH\b")
# moved holidays, school holidays, and the sun, whose times depend on the place
UNSURE_PATTERN = re.compile(r"PH *[+-] *\d|\bSH\b|sun(rise|set)|dawn|dusk", re.IGNORECASE)

DAY_NUMBERS = {"一": 0, "二": 1, "三": 2, "四": 3, "五": 4, "六": 5, "日": 6, "天": 6, "末": 5}
# words in the order in which they are tried; what no pattern meets makes the text unknown
TOKENS = (
    ("all_day", r"(全天)?24小时|全天候|全天"),
    ("every", r"每天|每日|天天|一周七天"),
    ("workday", r"(法定)?工作日"),
    ("holiday", r"(国家)?法定节假日|法定假日|国定假日|公众假期|节假日"),
    ("weekend", r"(周|星期)六(周|星期)?[日天]|周末|双休日"),
    ("weekday", r"(?:周|星期|礼拜)([一二三四五六日天])"),
    (
        "time",
        r"(上午|早上|早晨|清晨|早|中午|下午|傍晚|晚上|晚|凌晨)?(\d{1,2})"
        r"(?::(\d{2})|[点时](?:(\d{1,2})分?|(半)|整)?)(?!\d)",
    ),
    ("off", r"休息|关门|闭馆|闭园|不营业|不开放|不上班|停诊|除外|休"),
    ("to", r"-+|至|到"),
    ("and", r"[、,和及与/]"),
    ("group", r"[;。]"),
    (
        "noise",
        r"((营业|开放|服务|门诊|办公|上班|接待|工作|受理)时间)?:|(营业|开放|服务|门诊|办公|上班|接待|受理)时间"
        r"|对外|营业|开放|开门|接诊|服务|上班|办公|门诊",
    ),
)
TOKEN_PATTERN = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in TOKENS))
BARE_DAY_PATTERN = re.compile(r"([一二三四五六日天])")
MORNING, AFTERNOON = ("上午", "早上", "早晨", "清晨", "早", "凌晨"), ("下午", "傍晚", "晚上", "晚")
TIME_PATTERN = re.compile(dict(TOKENS)["time"])


def is_open(text: str, at: datetime, timezone: tzinfo) -> bool | None:
    """Return whether opening hours are open at a moment; None if that cannot be said.

    Parameters
    ----------
    text
        OSM `opening_hours`, or Chinese words.
    at
        The moment, with its offset.
    timezone
        Where the facility stands.

    Notes
    -----
    Unknown are: no hours, hours that cannot be read, a comment alone ("by appointment"), hours with
    school holidays or the sun, the time after an open end (20:00+), the small hours where nights
    and closed days meet, public holidays of years
    without a calendar, and 工作日 on a weekend that is worked for a holiday (调休).
    """
    text = text.strip()
    if not text or len(text) > MAX_HOURS_CHARS:
        return None
    local = at.astimezone(timezone).replace(tzinfo=None)
    syntax = text
    if CJK_PATTERN.search(COMMENT_PATTERN.sub("", text)):
        translated = to_osm(text)
        if translated is None:
            return None
        if "工作日" in text and _is_worked_weekend(local.date()):
            return None
        syntax = translated
    rules = COMMENT_PATTERN.sub("", syntax)
    if not rules.strip(" ;,|") or UNSURE_PATTERN.search(rules):
        return None
    if PH_PATTERN.search(rules):
        days = _public_holidays(local.date())
        if days is None:
            return None
        if days:  # only rules of this day and of the night before bear on the moment
            syntax = PH_PATTERN.sub(",".join(days), syntax)
    hours = _parse(syntax)
    if hours is None or hours.is_unknown(local):
        return None
    opened = bool(hours.is_open(local))
    if opened and "off" in rules and _is_after_midnight(rules, local):
        return None
    return None if "+" in rules and not opened else opened


def _is_after_midnight(rules: str, local: datetime) -> bool:
    """Return whether a moment may belong to hours that began on the day before.

    Whether these fell away with that day ("PH off") the package does not tell.
    """
    clock = f"{local:%H:%M}"
    return any(clock < end <= start for start, end in SPAN_PATTERN.findall(rules))


@lru_cache(maxsize=4096)
def _parse(syntax: str) -> OpeningHours | None:
    """Return OSM opening hours, parsed; None if they cannot be."""
    try:
        return OpeningHours(syntax)
    except (ParserError, ValueError):
        return None


def _public_holidays(day: date) -> list[str] | None:
    """Return the weekdays of a day and the one before it that are public holidays.

    None if the holidays of their year are not known.
    """
    calendar = office_calendar.current()
    days = [day - timedelta(days=1), day]
    holidays = [calendar.is_holiday(other) for other in days]
    if None in holidays:
        return None
    return [WEEKDAYS[other.weekday()] for other, off in zip(days, holidays, strict=True) if off]


def _is_worked_weekend(day: date) -> bool:
    """Return whether a day or the one before it is a weekend worked for a holiday, or may be."""
    calendar = office_calendar.current()
    return any(
        other.weekday() >= 5 and (calendar.works(other) or not calendar.knows(other.year))
        for other in (day - timedelta(days=1), day)
    )


def read_hours(text: str) -> str | None:
    """Return opening hours in OSM syntax: the text itself, or its Chinese words; None for others.

    Hours of the longest length that `is_open` reads.
    """
    if len(text) > MAX_HOURS_CHARS:
        return None
    return text if _parse(text) is not None else to_osm(text)


@lru_cache(maxsize=4096)
def to_osm(text: str) -> str | None:
    """Return Chinese words for opening hours in OSM syntax; None unless all are understood.

    每天9:00-17:00 is Mo-Su 09:00-17:00, 周一至周五上午8点半到12点 is Mo-Fr 08:30-12:00, 24小时 is
    24/7, 工作日9:00-17:00 is Mo-Fr 09:00-17:00; PH off, 周一闭馆 is Mo off.
    """
    tokens = _tokens(text)
    if tokens is None:
        return None
    rules: list[str] = []
    exceptions: list[str] = []  # exceptions come last, as OSM lets later rules win
    position = 0
    while position < len(tokens):
        if tokens[position][0] in ("and", "group"):
            position += 1
            continue
        days, position = _read_days(tokens, position)
        if days is None:
            return None
        spans, position = _read_spans(tokens, position)
        if not spans:
            return None
        selector = ",".join("Mo-Fr" if day == "workday" else day for day in days)
        if spans == ["off"]:
            if not days:
                return None
            exceptions.append(f"{selector} off")
            continue
        if not days and rules:
            return None  # two lists of hours, and no word which days each means
        if spans == ["24/7"]:
            rules.append(f"{selector} 00:00-24:00" if days else "24/7")
        else:
            rules.append(f"{selector or 'Mo-Su'} {','.join(spans)}")
        if "workday" in days and "PH" not in days:
            exceptions.insert(0, "PH off")
    if not rules:
        return None
    stated = [rule for rule in rules if rule.startswith("PH ")]  # 节假日10:00-16:00
    if stated:
        exceptions = [rule for rule in exceptions if rule != "PH off"]
    return "; ".join([*(rule for rule in rules if rule not in stated), *exceptions, *stated])


Token = tuple[str, str]


def _tokens(text: str) -> list[Token] | None:
    """Return the words of a text with what each is; None if one is not understood."""
    plain = re.sub(r"[~—–―─‐−]+", "-", unicodedata.normalize("NFKC", text))
    plain = re.sub(r"[\n\r]+", ";", plain.strip())
    plain = re.sub(r"\s+", "", plain).replace("(", "").replace(")", "")
    tokens: list[Token] = []
    position = 0
    while position < len(plain):
        match = TOKEN_PATTERN.match(plain, position)
        if match is None and tokens and tokens[-1][0] in ("to", "and") and _is_after_day(tokens):
            match = BARE_DAY_PATTERN.match(plain, position)  # 周一至五, 周一、三
            if match:
                tokens.append(("weekday", match[0]))
        elif match is not None and match.lastgroup is not None:
            kind = next(name for name, _ in TOKENS if match[name] is not None)
            if kind != "noise":
                tokens.append((kind, match[0]))
        if match is None:
            return None
        position = match.end()
    return tokens


def _is_after_day(tokens: list[Token]) -> bool:
    return len(tokens) > 1 and tokens[-2][0] == "weekday"


def _read_days(tokens: list[Token], position: int) -> tuple[list[str] | None, int]:
    """Return the days at a position as OSM selectors, and the position after them."""
    days: list[str] = []
    while position < len(tokens):
        kind, word = tokens[position]
        if (
            kind == "and"
            and days
            and _kind(tokens, position + 1)
            in (
                "weekday",
                "weekend",
                "holiday",
                "workday",
            )
        ):
            position += 1
            continue
        if kind == "weekday":
            day = WEEKDAYS[DAY_NUMBERS[word[-1]]]
            if _kind(tokens, position + 1) == "to":
                if _kind(tokens, position + 2) != "weekday":
                    return None, position
                last = WEEKDAYS[DAY_NUMBERS[tokens[position + 2][1][-1]]]
                day, position = f"{day}-{last}", position + 2
            days.append(day)
        elif kind == "every":
            days.append("Mo-Su")
        elif kind == "weekend":
            days.append("Sa,Su")
        elif kind == "workday":
            days.append("workday")
        elif kind == "holiday":
            days.append("PH")
        else:
            break
        position += 1
    return days, position


def _read_spans(tokens: list[Token], position: int) -> tuple[list[str], int]:
    """Return the hours at a position as OSM spans, 24/7 or off; empty if they are none."""
    kind = _kind(tokens, position)
    if kind == "off":
        return ["off"], position + 1
    if kind == "all_day":
        return ["24/7"], position + 1
    spans: list[str] = []
    while (
        _kind(tokens, position) == "time"
        and _kind(tokens, position + 1) == "to"
        and _kind(tokens, position + 2) == "time"
    ):
        start = _minutes(tokens[position][1], None)
        end = _minutes(tokens[position + 2][1], start)
        if start is None or end is None or start == end:
            return [], position
        spans.append(f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}")
        position += 3
        if _kind(tokens, position) == "and" and _kind(tokens, position + 1) == "time":
            position += 1
    return spans, position


def _kind(tokens: list[Token], position: int) -> str:
    return tokens[position][0] if position < len(tokens) else ""


def _minutes(word: str, start: int | None) -> int | None:
    """Return a time in minutes after midnight; None if it is none.

    After a start in the afternoon an end up to 12 without a word for the part of the day is in the
    afternoon too: 下午2:30-5:30.
    """
    match = TIME_PATTERN.fullmatch(word)
    if match is None:
        return None
    part, hour = match[1], int(match[2])
    minute = int(match[3] or match[4] or (30 if match[5] else 0))
    if part in AFTERNOON and 1 <= hour < 12:
        hour += 12
    elif part in MORNING and hour > 12:
        return None
    elif part is None and start is not None and start >= 13 * 60 and 60 * (hour + 12) > start:
        hour += 12 if hour < 12 else 0
    value = 60 * hour + minute
    return value if minute < 60 and value <= 24 * 60 else None
