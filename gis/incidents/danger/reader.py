"""Danger in the words of a report: told from an editable table before anything else is decided.

A row of danger has acts (着火) and may have words that one of them must stand near (电梯 … 出不来). What is denied, past,
feared, drilled or over does not count; those words are rows of the same table. Where no listed words decide, the table's
examples do: a text that is much more like those of danger than like everyday ones counts. Everything is found in one pass over the
text, so the time grows with its length only.
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from gis.incidents.danger.similarity import Likeness
from gis.incidents.danger.table import EXAMPLES, Row

LONGEST = 4000  # characters read
BESIDE = 12  # characters beside danger in which a word of `unless` counts
LATIN = 3  # as many letters take the place of one Chinese character
MOST = 30  # words of one row that are looked at; were all taken back, the next one counts
LIKE, LIKE_LATIN, LIKE_AGAIN = 1.1, 1.5, 2.3  # how like danger a text must be; in Latin letters; when taken back
REACH = {"doubt": 15, "past": 14, "over": 25}  # characters over which such words reach the danger
CLAUSE, SENTENCE = (
    re.compile(r"[,，。！!？?；;：:\n…~～]|(?<=[\u4e00-\u9fff])\s|\s(?=[\u4e00-\u9fff])"),
    re.compile(r"[。！!？?；;\n]"),
)
UNSEEN = re.compile("[\u200b-\u200f\u2060\ufeff\ufe0f]")
NOT_OVER = frozenset("没未不难")  # before a word of `over`: it is not over


class Hit(NamedTuple):
    """A word of the table found in a text."""

    start: int
    end: int
    word: str


@dataclass(frozen=True)
class Danger:
    """What a text tells of danger. kinds: Keys, the first decides. call: Numbers to call. because: The words.

    category: Code of the catalogue where the table names one.
    """

    kinds: tuple[str, ...]
    zh: str
    en: str
    call: tuple[str, ...]
    category: str
    because: tuple[str, ...]


@cache
def _simplified() -> Any:
    from opencc import OpenCC  # its dictionaries are read by who needs them

    return OpenCC("t2s")


def normal(given: str) -> str:
    """A text with full-width forms, capitals, traditional characters and invisible marks evened out."""
    folded = UNSEEN.sub("", unicodedata.normalize("NFKC", given[:LONGEST]).lower())
    return str(_simplified().convert(folded))[:LONGEST]


class Reader:
    """A table of danger made ready to read texts with.

    Args:
        everyday: More sentences without danger, as the catalogue's examples; those that the words call dangerous are left
            out.
    """

    def __init__(self, rows: Sequence[Row], everyday: Iterable[str] = ()) -> None:
        self.source = tuple(rows)
        self.rows = [row for row in rows if row.use == "danger"]
        self.other: dict[str, frozenset[str]] = {}  # use -> its words; what stands behind the danger: "use after"
        self.right: dict[str, str] = {}
        fillers: list[str] = []
        for row in rows:
            if row.use == "spelling":
                self.right |= dict(pair.split("=", 1) for pair in row.acts)
            elif row.use not in ("danger", *EXAMPLES):
                self.other[row.use] = self.other.get(row.use, frozenset()) | {*(row.words or row.acts)}
            if row.use == "negation":
                fillers += row.acts
            elif row.use in ("doubt", "past") and row.words:
                self.other[f"{row.use} after"] = self.other.get(f"{row.use} after", frozenset()) | {*row.acts}
        self.acts: dict[str, list[int]] = {}
        for number, row in enumerate(self.rows):
            for word in row.acts:
                self.acts.setdefault(word, []).append(number)
        named = {word for row in self.rows for word in (*row.words, *row.acts, *row.unless)}
        self.vocabulary = frozenset(named.union(*self.other.values()))
        self.lengths: dict[str, list[int]] = {}
        for word in self.vocabulary:
            lengths = self.lengths.setdefault(word[:2], [])
            if len(word) not in lengths:
                lengths.append(len(word))
        self.first = re.compile(f"[{re.escape(''.join(sorted({word[0] for word in self.vocabulary})))}]")
        self.wrong = re.compile("|".join(map(re.escape, sorted(self.right, key=len, reverse=True))) or "(?!)")
        self.filler = re.compile(f"(?:{'|'.join(map(re.escape, sorted({*fillers, ' '}, key=len, reverse=True)))})*")

        self.like: Likeness | None = None
        examples: dict[str, list[str]] = {}
        for row in rows:
            if row.use == "example":
                examples.setdefault(row.kind, []).extend(map(self.normal, row.acts))
        if examples:
            ordinary = [one for row in rows if row.use == "everyday" for one in row.acts]
            ordinary += [one for one in everyday if self.read(one) is None]
            self.like = Likeness(examples, map(self.normal, ordinary))

    def normal(self, given: str) -> str:
        """A text evened out, with the table's misspellings put right."""
        return str(self.wrong.sub(lambda one: self.right[one[0]], normal(given)))

    def hits(self, given: str) -> dict[str, list[Hit]]:
        """Every word of the table in a text, in the order of the text."""
        found: dict[str, list[Hit]] = {}
        lengths, vocabulary = self.lengths, self.vocabulary
        for one in self.first.finditer(given):
            start = one.start()
            for length in (*lengths.get(one[0], ()), *lengths.get(given[start : start + 2], ())):
                word = given[start : start + length]
                if word in vocabulary and (not word.isascii() or _whole(given, start, start + len(word))):
                    found.setdefault(word, []).append(Hit(start, start + len(word), word))
        return found

    def read(self, given: str) -> Danger | None:
        """The danger that a text tells; None when it tells of none."""
        normalised = self.normal(given)
        hits = self.hits(normalised)
        numbers = sorted({number for word in hits for number in self.acts.get(word, ())})
        text = _Text(normalised, hits, self)
        found = {number: told for number in numbers if (told := text.evidence(self.rows[number])) is not None}
        if not found:
            return self._alike(normalised, LIKE_AGAIN if text.taken_back else LIKE)
        rows = [self.rows[number] for number in found]
        kinds = tuple(dict.fromkeys(row.kind for row in rows))
        calls = tuple(dict.fromkeys(number for row in rows for number in row.call))
        category = next((row.category for row in rows if row.kind == kinds[0] and row.category), "")
        return Danger(kinds, rows[0].zh, rows[0].en, calls, category, tuple(dict.fromkeys(found.values())))

    def _alike(self, normalised: str, least: float) -> Danger | None:
        if self.like is None:
            return None
        score, piece = self.like.judge(normalised)
        if score < (max(least, LIKE_LATIN) if piece and piece[0].isascii() else least):
            return None
        rows = [row for row in self.rows if row.kind == self.like.kind(piece)]
        category = rows[0].category
        return Danger((rows[0].kind,), rows[0].zh, rows[0].en, rows[0].call, category, self.like.because(piece))


def _whole(given: str, start: int, end: int) -> bool:
    """Whether a Latin word is not a part of a longer one."""
    before, after = given[max(start - 1, 0) : start], given[end : end + 1]
    return not ((_latin(given[start]) and _latin(before)) or (_latin(given[end - 1]) and _latin(after)))


def _latin(one: str) -> bool:
    return one.isascii() and one.isalpha()


class _Text:
    """One text with the words of the table found in it."""

    def __init__(self, given: str, hits: dict[str, list[Hit]], reader: Reader) -> None:
        self.given, self.hits, self.filler = given, hits, reader.filler
        self.taken_back = False
        self.clauses = [0, *(one.end() for one in CLAUSE.finditer(given)), len(given) + 1]
        self.sentences = [0, *(one.end() for one in SENTENCE.finditer(given)), len(given) + 1]
        asking = self.of(reader.other.get("asking", ()))
        self.other = {
            use: _Spans([one for one in self.of(words).hits if use == "harmless" or not asking.over(one)])
            for use, words in reader.other.items()
        }
        self.harmless = self.other.get("harmless", NONE)

    def of(self, words: Iterable[str]) -> "_Spans":
        """The hits of some words, in the order of the text."""
        return _Spans(sorted(one for word in self.hits.keys() & set(words) for one in self.hits[word]))

    def evidence(self, row: Row) -> str | None:
        """The words that tell of a row's danger and that nothing takes back; of too many doubtful ones, the first."""
        acts = [one for one in self.of(row.acts).hits if not self.harmless.over(one)]
        if not acts:
            return None
        unless = self.of(row.unless)
        words = _Spans([one for one in self.of(row.words).hits if not self.harmless.over(one)])
        for tried, act in enumerate(acts):
            if tried == MOST:
                return act.word
            times = LATIN if act.word.isascii() else 1
            within, beside = row.within * times, BESIDE * times
            for word in words.beside(act, within) if row.words else (act,):
                first, last = sorted((act, word))
                span = Hit(first.start, max(first.end, last.end), act.word)
                start, end = _around(self.sentences, span)
                if not (
                    unless.within(max(start, span.start - beside), min(end, span.end + beside))
                    or self._taken_back(row, act, span)
                ):
                    return act.word if word is act else f"{first.word}…{last.word}"
                self.taken_back = True
        return None

    def _taken_back(self, row: Row, act: Hit, span: Hit) -> bool:
        tests = {
            "negation": self._denied,
            "doubt": self._feared,
            "past": self._past,
            "drill": self._drilled,
            "over": self._over,
        }
        return any(test(act, span) for use, test in tests.items() if use not in row.despite)

    def _denied(self, act: Hit, span: Hit) -> bool:
        return any(
            self.filler.fullmatch(self.given, one.end, first.start) is not None
            for first in (act, span)
            for one in self.of_use("negation").before(
                first.start, max(_around(self.clauses, first)[0], first.start - 24)
            )
        )

    def _feared(self, act: Hit, span: Hit) -> bool:
        clause, _ = _around(self.clauses, span)
        reach = REACH["doubt"] * (LATIN if act.word.isascii() else 1)
        before = self.of_use("doubt").before(span.start, max(clause, span.start - reach))
        return any(not self._now(one.end, span.start) for one in before) or self.of_use("doubt after").at(span.end)

    def _past(self, act: Hit, span: Hit) -> bool:
        sentence, _ = _around(self.sentences, span)
        clause_end = _around(self.clauses, span)[1]
        reach = REACH["past"] * (LATIN if act.word.isascii() else 1)
        before = self.of_use("past").before(span.start, max(sentence, span.start - reach))
        after = self.of_use("past after").within(span.end, min(clause_end, span.end + reach))
        return any(not self._now(one.end, span.end) for one in before) or after

    def _drilled(self, act: Hit, span: Hit) -> bool:
        start, end = _around(self.sentences, span)
        for one in self.of_use("drill").inside(start, end):
            if not self._now(min(one.end, span.end), max(one.start, span.start)):
                return True
        return False

    def _over(self, act: Hit, span: Hit) -> bool:
        clause = _around(self.clauses, span)[0]
        reach = REACH["over"] * (LATIN if act.word.isascii() else 1)
        words = [
            *self.of_use("over").inside(span.end, span.end + reach),
            *self.of_use("over").before(span.start, max(clause, span.start - reach)),
        ]
        return any(NOT_OVER.isdisjoint(self.given[max(one.start - 2, 0) : one.start]) for one in words)

    def of_use(self, use: str) -> "_Spans":
        return self.other.get(use, NONE)

    def _now(self, start: int, end: int) -> bool:
        return self.of_use("now").within(start, end)


class _Spans:
    """Hits in the order of the text, asked by place. Looks at a few of them only, wherever it is asked."""

    FEW = 8

    def __init__(self, hits: Sequence[Hit]) -> None:
        self.hits = hits
        self.starts = [one.start for one in hits]

    def over(self, one: Hit) -> bool:
        """Whether a hit shares a character with one of these; a longer one that holds it whole says more, and counts."""
        at = bisect_left(self.starts, one.end)
        return any(
            other.end > one.start and not (one.start <= other.start and other.end <= one.end and other.word != one.word)
            for other in self.hits[max(at - self.FEW, 0) : at]
        )

    def inside(self, start: int, end: int) -> Sequence[Hit]:
        """Those that begin in a range and end in it, some of the first."""
        at = bisect_left(self.starts, start)
        return [one for one in self.hits[at : at + self.FEW] if one.end <= end]

    def within(self, start: int, end: int) -> bool:
        return bool(self.inside(start, end))

    def at(self, start: int) -> bool:
        """Whether one begins exactly there."""
        at = bisect_left(self.starts, start)
        return self.starts[at : at + 1] == [start]

    def before(self, end: int, start: int) -> Sequence[Hit]:
        """Those that lie before a place and not before another, some of the last."""
        at = bisect_right(self.starts, end)
        return [one for one in self.hits[max(at - self.FEW, 0) : at] if one.start >= start and one.end <= end]

    def beside(self, act: Hit, within: int) -> Iterator[Hit]:
        """The nearest before and after an act, not further than so many characters."""
        before = self.before(act.start, act.start - within - 12)
        nearest = max(before, key=lambda one: one.end, default=None)
        if nearest is not None and act.start - nearest.end <= within:
            yield nearest
        after = self.inside(act.end, act.end + within + 12)
        if after and after[0].start - act.end <= within:
            yield after[0]


NONE = _Spans(())


def _around(borders: Sequence[int], span: Hit) -> tuple[int, int]:
    """The clause or sentence in which a span begins, to where the one it ends in ends."""
    at = bisect_right(borders, span.start) - 1
    return borders[at], borders[bisect_left(borders, span.end)]
