"""Danger in the words of a report: told from an editable table before anything else is decided.

A row of danger has acts (着火) and may have words that one of them must stand near (电梯 … 出不来).
What is denied, past, feared, drilled or over does not count; those words are rows of the same
table. Where no listed words decide, the table's examples do: a text that is much more like those of
danger than like everyday ones counts. Everything is found in one pass over the text, so the time
grows with its length only.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from gis.incidents.danger.similarity import Likeness
from gis.incidents.danger.spans import NONE, Hit, Spans, around
from gis.incidents.danger.table import EXAMPLE_USES, Row

MAX_READ_CHARS = 4000  # characters read
BESIDE_CHARS = (
    12  # characters beside danger in which a word of `unless` counts, to the clause's end
)
LATIN_CHARS_PER_CHINESE = 3  # as many letters take the place of one Chinese character
MAX_TRIED_ACTS = 30  # words of one row that are looked at; were all taken back, the next one counts
# how like danger a text must be; in Latin letters; when taken back
LIKE, LIKE_LATIN, LIKE_AGAIN = 1.1, 1.5, 2.3
# how unlike danger a text with words of danger must be to describe none: figures of speech, news
EVERYDAY = -2.0
REACH = {"doubt": 15, "past": 14, "over": 25}  # characters over which such words reach the danger
CLAUSE, SENTENCE = (
    re.compile(r"[,，。！!？?；;：:\n…~～]|(?<=[\u4e00-\u9fff])\s|\s(?=[\u4e00-\u9fff])"),
    re.compile(r"[。！!？?；;\n]"),
)
UNSEEN = re.compile("[\u200b-\u200f\u2060\ufeff\ufe0f]")
NOT_OVER = frozenset("没未不难")  # before a word of `over`: it is not over


@dataclass(frozen=True)
class Danger:
    """What a text tells of danger.

    kinds: Keys, the first decides. call: Numbers to call. because: The words.

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


def normal(report: str) -> str:
    """Return a text half-width, in lower case, simplified, without invisible marks."""
    folded = UNSEEN.sub("", unicodedata.normalize("NFKC", report[:MAX_READ_CHARS]).lower())
    return str(_simplified().convert(folded))[:MAX_READ_CHARS]


class Reader:
    """A table of danger made ready to read texts with.

    Parameters
    ----------
    everyday
        More sentences without danger, as the catalogue's examples; those that the words call
        dangerous are left out.
    """

    def __init__(self, rows: Sequence[Row], everyday: Iterable[str] = ()) -> None:
        self.source = tuple(rows)
        self.rows = [row for row in rows if row.use == "danger"]
        # use -> its words; what stands behind the danger: "use after"
        self.other: dict[str, frozenset[str]] = {}
        self.right: dict[str, str] = {}
        fillers: list[str] = []
        for row in rows:
            if row.use == "spelling":
                self.right |= dict(pair.split("=", 1) for pair in row.acts)
            elif row.use not in ("danger", *EXAMPLE_USES):
                self.other[row.use] = self.other.get(row.use, frozenset()) | {
                    *(row.words or row.acts)
                }
            if row.use == "negation":
                fillers += row.acts
            elif row.use in ("doubt", "past") and row.words:
                self.other[f"{row.use} after"] = self.other.get(f"{row.use} after", frozenset()) | {
                    *row.acts
                }
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
        self.first_characters = re.compile(
            f"[{re.escape(''.join(sorted({word[0] for word in self.vocabulary})))}]"
        )
        self.wrong = re.compile(
            "|".join(map(re.escape, sorted(self.right, key=len, reverse=True))) or "(?!)"
        )
        self.filler = re.compile(
            f"(?:{'|'.join(map(re.escape, sorted({*fillers, ' '}, key=len, reverse=True)))})*"
        )

        self.like: Likeness | None = None
        examples: dict[str, list[str]] = {}
        for row in rows:
            if row.use == "example":
                examples.setdefault(row.kind, []).extend(map(self.normal, row.acts))
        if examples:
            ordinary = [example for row in rows if row.use == "everyday" for example in row.acts]
            ordinary += [example for example in everyday if self.read(example) is None]
            self.like = Likeness(examples, map(self.normal, ordinary))

    def normal(self, report: str) -> str:
        """Return a text normalised, with the misspellings of the table corrected."""
        return str(self.wrong.sub(lambda match: self.right[match[0]], normal(report)))

    def hits(self, normalised: str) -> dict[str, list[Hit]]:
        """Return the words of the table in a text, in the order of the text."""
        hits: dict[str, list[Hit]] = {}
        lengths, vocabulary = self.lengths, self.vocabulary
        for match in self.first_characters.finditer(normalised):
            start = match.start()
            for length in (
                *lengths.get(match[0], ()),
                *lengths.get(normalised[start : start + 2], ()),
            ):
                word = normalised[start : start + length]
                if word in vocabulary and (
                    not word.isascii() or _whole(normalised, start, start + len(word))
                ):
                    hits.setdefault(word, []).append(Hit(start, start + len(word), word))
        return hits

    def read(self, report: str) -> Danger | None:
        """Return the danger that a report describes; None when it describes none."""
        normalised = self.normal(report)
        hits = self.hits(normalised)
        numbers = sorted({number for word in hits for number in self.acts.get(word, ())})
        text = _Text(normalised, hits, self)
        evidence = {
            number: quote
            for number in numbers
            if (quote := text.evidence(self.rows[number])) is not None
        }
        if not evidence:
            return self._alike(normalised, LIKE_AGAIN if text.taken_back else LIKE)
        if self.like is not None and self.like.judge(normalised)[0] < EVERYDAY:
            return None
        rows = [self.rows[number] for number in evidence]
        kinds = tuple(dict.fromkeys(row.kind for row in rows))
        calls = tuple(dict.fromkeys(number for row in rows for number in row.call))
        category = next((row.category for row in rows if row.kind == kinds[0] and row.category), "")
        return Danger(
            kinds, rows[0].zh, rows[0].en, calls, category, tuple(dict.fromkeys(evidence.values()))
        )

    def _alike(self, normalised: str, least: float) -> Danger | None:
        if self.like is None:
            return None
        score, piece = self.like.judge(normalised)
        if score < (max(least, LIKE_LATIN) if piece and piece[0].isascii() else least):
            return None
        kind = self.like.kind(piece)
        rows = [row for row in self.rows if row.kind == kind]
        category = rows[0].category
        return Danger(
            (rows[0].kind,),
            rows[0].zh,
            rows[0].en,
            rows[0].call,
            category,
            self.like.because(piece),
        )


def _whole(normalised: str, start: int, end: int) -> bool:
    """Return whether a Latin word is not a part of a longer one."""
    previous_character, next_character = (
        normalised[max(start - 1, 0) : start],
        normalised[end : end + 1],
    )
    return not (
        (_latin(normalised[start]) and _latin(previous_character))
        or (_latin(normalised[end - 1]) and _latin(next_character))
    )


def _latin(character: str) -> bool:
    return character.isascii() and character.isalpha()


class _Text:
    """One text with the words of the table found in it."""

    def __init__(self, normalised: str, hits: dict[str, list[Hit]], reader: Reader) -> None:
        self.normalised, self.hits, self.filler = normalised, hits, reader.filler
        self.taken_back = False
        self.clauses = [
            0,
            *(match.end() for match in CLAUSE.finditer(normalised)),
            len(normalised) + 1,
        ]
        self.sentences = [
            0,
            *(match.end() for match in SENTENCE.finditer(normalised)),
            len(normalised) + 1,
        ]
        asking = self.of(reader.other.get("asking", ()))
        self.other = {
            use: Spans(
                [
                    match
                    for match in self.of(terms).hits
                    if use == "harmless" or not asking.over(match)
                ]
            )
            for use, terms in reader.other.items()
        }
        self.harmless = self.other.get("harmless", NONE)

    def of(self, terms: Iterable[str]) -> "Spans":
        """Return the hits of some terms, in the order of the text."""
        return Spans(
            sorted(hit for word in self.hits.keys() & set(terms) for hit in self.hits[word])
        )

    def evidence(self, row: Row) -> str | None:
        """Return the words that show a row's danger and that nothing takes back.

        Of many doubtful ones, the first.
        """
        acts = [hit for hit in self.of(row.acts).hits if not self.harmless.over(hit)]
        if not acts:
            return None
        unless = self.of(row.unless)
        objects = Spans([hit for hit in self.of(row.words).hits if not self.harmless.over(hit)])
        for tried, act in enumerate(acts):
            if tried == MAX_TRIED_ACTS:
                return act.word
            times = LATIN_CHARS_PER_CHINESE if act.word.isascii() else 1
            within, beside = row.within * times, BESIDE_CHARS * times
            for word in objects.beside(act, within) if row.words else (act,):
                left, right = sorted((act, word))
                span = Hit(left.start, max(left.end, right.end), act.word)
                # the clause behind tells of something else: 奶奶走丢了，手机也没带
                start, end = around(self.sentences, span)[0], around(self.clauses, span)[1]
                if not (
                    unless.within(max(start, span.start - beside), min(end, span.end + beside))
                    or self._taken_back(row, act, span)
                ):
                    return act.word if word is act else f"{left.word}…{right.word}"
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
            self.filler.fullmatch(self.normalised, hit.end, denied.start) is not None
            for denied in (act, span)
            for hit in self.of_use("negation").ending_before(
                denied.start, max(around(self.clauses, denied)[0], denied.start - 24)
            )
        )

    def _feared(self, act: Hit, span: Hit) -> bool:
        clause, _ = around(self.clauses, span)
        reach = REACH["doubt"] * (LATIN_CHARS_PER_CHINESE if act.word.isascii() else 1)
        preceding = self.of_use("doubt").ending_before(span.start, max(clause, span.start - reach))
        return any(not self._now(hit.end, span.start) for hit in preceding) or self.of_use(
            "doubt after"
        ).at(span.end)

    def _past(self, act: Hit, span: Hit) -> bool:
        sentence, _ = around(self.sentences, span)
        clause_end = around(self.clauses, span)[1]
        reach = REACH["past"] * (LATIN_CHARS_PER_CHINESE if act.word.isascii() else 1)
        preceding = self.of_use("past").ending_before(span.start, max(sentence, span.start - reach))
        followed = self.of_use("past after").within(span.end, min(clause_end, span.end + reach))
        return any(not self._now(hit.end, span.end) for hit in preceding) or followed

    def _drilled(self, act: Hit, span: Hit) -> bool:
        start, end = around(self.sentences, span)
        for hit in self.of_use("drill").inside(start, end):
            if not self._now(min(hit.end, span.end), max(hit.start, span.start)):
                return True
        return False

    def _over(self, act: Hit, span: Hit) -> bool:
        clause = around(self.clauses, span)[0]
        reach = REACH["over"] * (LATIN_CHARS_PER_CHINESE if act.word.isascii() else 1)
        hits = [
            *self.of_use("over").inside(span.end, span.end + reach),
            *self.of_use("over").ending_before(span.start, max(clause, span.start - reach)),
        ]
        return any(
            NOT_OVER.isdisjoint(self.normalised[max(hit.start - 2, 0) : hit.start]) for hit in hits
        )

    def of_use(self, use: str) -> "Spans":
        return self.other.get(use, NONE)

    def _now(self, start: int, end: int) -> bool:
        return self.of_use("now").within(start, end)
