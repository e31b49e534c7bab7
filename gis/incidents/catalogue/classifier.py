"""Words to category: the likeliest of the catalogue by its own words and examples, and why.

Nothing leaves the machine.

Each category is a small document of its name, words and examples, cut by jieba with the catalogue's
words added. A word counts the more, the fewer categories have it (tf-idf, Sparck Jones 1972); a
category's score is the sum over the report's words, and its share that score's square among all.
"""

import logging
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from gis.incidents.catalogue.editions import Edition
from gis.incidents.danger.reader import normal

FIELD_WEIGHTS = {"name": 3.0, "words": 4.0, "examples": 1.0}
MIN_SUGGESTED_SHARE = 0.05  # share under which a category is not worth showing
MAX_CLASSIFIED_CHARS = 500  # characters read
WORD = re.compile(r"[a-z0-9]{2,}|[\u4e00-\u9fff]+")
# what any report says, whatever it is about
STOP_WORDS = frozenset(
    [
        "有人",
        "没有",
        "一个",
        "一下",
        "我们",
        "我家",
        "你们",
        "他们",
        "这个",
        "那个",
        "什么",
        "怎么",
        "好多",
        "很多",
        "全是",
        "到处",
        "已经",
        "现在",
        "今天",
        "昨天",
        "每天",
        "几天",
        "晚上",
        "小区",
        "楼下",
        "楼上",
        "门口",
        "里面",
        "外面",
        "旁边",
        "附近",
        "居民",
        "麻烦",
        "希望",
        "尽快",
        "处理",
        "解决",
        "问题",
        "情况",
        "反映",
        "投诉",
        "不能",
        "可以",
        "非常",
        "一直",
        "真的",
        "还是",
        "就是",
        "都是",
        "一点",
        "the",
        "and",
        "is",
        "of",
        "to",
        "in",
        "on",
        "at",
    ]
)


@dataclass(frozen=True)
class Suggestion:
    """A likely category.

    share: 0 to 1, of all that fits. because: The words of the report that point to it.
    """

    code: str
    zh: str
    en: str
    share: float
    because: list[str]


@cache
def load_dictionary() -> Any:
    """Return jieba's tokenizer with its dictionary of 350,000 words, which takes 0.3 s to read."""
    import jieba

    jieba.setLogLevel(logging.CRITICAL)  # of a cache that it cannot write
    tokenizer = jieba.Tokenizer()
    # it reads its compiled dictionary, without a check, from where anybody may put a file: /tmp,
    # unless another folder is named
    tokenizer.tmp_dir = Path(jieba.__file__).parent
    tokenizer.initialize()
    return tokenizer


def _own_tokenizer() -> Any:
    """Return a tokenizer to which words can be added."""
    own = copy(load_dictionary())
    own.FREQ = own.FREQ.copy()
    return own


class TermWeights:
    """The weights of words in the categories of one edition."""

    def __init__(self, edition: Edition, cut_by: Any = None) -> None:
        self.cut_by = cut_by or _own_tokenizer()
        catalogue_terms = {
            word.lower() for row in edition.categories.values() for word in row.words
        }
        for word in (
            catalogue_terms if cut_by is None else ()
        ):  # adding a word again would change how jieba weighs the rest
            self.cut_by.add_word(word, freq=20_000)
        self.single = {word for word in catalogue_terms if len(word) == 1}
        counts: dict[str, defaultdict[str, float]] = {}
        for code, row in edition.categories.items():
            if not row.words:
                continue  # what nothing fits is not suggested
            counts[code] = defaultdict(float)
            parts = {"name": (row.zh, row.en), "words": row.words, "examples": row.examples}
            for part, texts in parts.items():
                for text in texts:
                    for word in (
                        {text.lower(), *self.cut(text)} if part == "words" else self.cut(text)
                    ):
                        counts[code][word] += FIELD_WEIGHTS[part]
        spread = Counter(word for terms in counts.values() for word in terms)
        self.weights: dict[str, dict[str, float]] = {}
        for code, counted in counts.items():
            weight_of = {
                word: (1 + math.log(n)) * math.log(1 + len(counts) / spread[word])
                for word, n in counted.items()
            }
            length = math.sqrt(sum(weight**2 for weight in weight_of.values()))
            for word, weight in weight_of.items():
                # by the square root only: a category with many words is not punished for them
                self.weights.setdefault(word, {})[code] = weight / math.sqrt(length)

    def cut(self, text: str) -> Iterator[str]:
        """Yield the words of a text that may be significant."""
        for run in WORD.findall(normal(text[:MAX_CLASSIFIED_CHARS])):
            for word in self.cut_by.cut_for_search(run):
                if word not in STOP_WORDS and (len(word) > 1 or word in self.single):
                    yield word

    def scores(self, text: str) -> dict[str, dict[str, float]]:
        """Return, for each category that has any of a text's words, what each word adds."""
        scores: dict[str, dict[str, float]] = {}
        for word in dict.fromkeys(self.cut(text)):
            for code, weight in self.weights.get(word, {}).items():
                scores.setdefault(code, {})[word] = weight
        return scores


_cache: dict[int, TermWeights] = {}


def term_weights(edition: Edition) -> TermWeights:
    """Return the weights of an edition, computed once per process."""
    if edition.id not in _cache:
        _cache[edition.id] = TermWeights(edition)
    return _cache[edition.id]


def suggest(
    edition: Edition, report: str, most: int = 3, *, public: bool = False
) -> list[Suggestion]:
    """Return the likeliest categories of a report, best first.

    Empty when none of its words is known.

    Parameters
    ----------
    most
        At most so many. public: Only those that residents may choose.
    """
    if not report.strip():
        return []
    scores = term_weights(edition).scores(report)
    totals = {
        code: sum(weight_by_word.values()) ** 2
        for code, weight_by_word in scores.items()
        if not public or edition.categories[code].public
    }
    whole = sum(totals.values())
    best = sorted(totals, key=lambda code: (-totals[code], code))[:most]
    return [
        Suggestion(
            code,
            edition.categories[code].zh,
            edition.categories[code].en,
            round(totals[code] / whole, 3),
            sorted(scores[code], key=lambda word: -scores[code][word])[:4],
        )
        for code in best
        if totals[code] / whole >= MIN_SUGGESTED_SHARE
    ]


@dataclass(frozen=True)
class Accuracy:
    """How often the right category is the first, and among the first three.

    The sentences where it is not.
    """

    tried: int
    top1: float
    top3: float
    missed: list[tuple[str, str, list[str]]]


def accuracy(edition: Edition, sentences: Iterable[tuple[str, str]]) -> Accuracy:
    """Try sentences whose category is known.

    Parameters
    ----------
    sentences
        (code, words).
    """
    top1 = top3 = tried = 0
    missed = []
    for code, sentence in sentences:
        tried += 1
        suggested = [suggestion.code for suggestion in suggest(edition, sentence)]
        top1 += suggested[:1] == [code]
        top3 += code in suggested
        if code not in suggested:
            missed.append((code, sentence, suggested))
    return Accuracy(tried, top1 / max(tried, 1), top3 / max(tried, 1), missed)


def leave_one_out(edition: Edition) -> Accuracy:
    """Try each example of the catalogue with itself left out of what is known."""
    cut_by = term_weights(edition).cut_by  # the words are the same: its dictionary is read once
    top1 = top3 = tried = 0
    missed = []
    for code, row in edition.categories.items():
        for example in row.examples:
            values = {
                **row.__dict__,
                "examples": tuple(other for other in row.examples if other != example),
            }
            without = Edition(-1, edition.name, edition.categories | {code: type(row)(**values)})
            _cache[-1] = TermWeights(without, cut_by)
            result = accuracy(without, [(code, example)])
            tried, top1, top3 = tried + 1, top1 + round(result.top1), top3 + round(result.top3)
            missed += result.missed
    _cache.pop(-1, None)
    return Accuracy(tried, top1 / max(tried, 1), top3 / max(tried, 1), missed)
