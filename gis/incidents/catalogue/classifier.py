"""Words to category: the likeliest of the catalogue by its own words and examples, and why. Nothing leaves the machine.

Each category is a small document of its name, words and examples, cut by jieba with the catalogue's words added. A
word counts the more, the fewer categories have it (tf-idf, Sparck Jones 1972); a category's score is the sum over the
report's words, and its share that score's square among all.
"""

import logging
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from gis.incidents.catalogue.editions import Edition
from gis.incidents.danger.reader import normal

WEIGHTS = {"name": 3.0, "words": 4.0, "examples": 1.0}
MIN_SHARE = 0.05  # share under which a category is not worth showing
MAX_TEXT_CHARS = 500  # characters read
WORD = re.compile(r"[a-z0-9]{2,}|[\u4e00-\u9fff]+")
# what any report says, whatever it is about
STOP_WORDS = frozenset(
    ["有人", "没有", "一个", "一下", "我们", "我家", "你们", "他们", "这个", "那个", "什么", "怎么", "好多", "很多", "全是", "到处", "已经", "现在", "今天", "昨天", "每天", "几天", "晚上", "小区", "楼下", "楼上", "门口", "里面", "外面", "旁边", "附近", "居民", "麻烦", "希望", "尽快", "处理", "解决", "问题", "情况", "反映", "投诉", "不能", "可以", "非常", "一直", "真的", "还是", "就是", "都是", "一点", "the", "and", "is", "of", "to", "in", "on", "at"]
)  # fmt: skip


@dataclass(frozen=True)
class Suggestion:
    """A likely category. share: 0 to 1, of all that fits. because: The words of the report that point to it."""

    code: str
    zh: str
    en: str
    share: float
    because: list[str]


class TermWeights:
    """The weights of words in the categories of one edition."""

    def __init__(self, edition: Edition, cut_by: Any = None) -> None:
        import jieba  # 0.7 s for its dictionary: only who asks for suggestions waits

        jieba.setLogLevel(logging.WARNING)
        self.cut_by = cut_by or jieba.Tokenizer()
        own = {word.lower() for one in edition.categories.values() for word in one.words}
        for word in own if cut_by is None else ():  # adding a word again would change how jieba weighs the rest
            self.cut_by.add_word(word, freq=20_000)
        self.single = {word for word in own if len(word) == 1}
        counts: dict[str, defaultdict[str, float]] = {}
        for code, one in edition.categories.items():
            if not one.words:
                continue  # what nothing fits is not suggested
            counts[code] = defaultdict(float)
            parts = {"name": (one.zh, one.en), "words": one.words, "examples": one.examples}
            for part, texts in parts.items():
                for text in texts:
                    for word in {text.lower(), *self.cut(text)} if part == "words" else self.cut(text):
                        counts[code][word] += WEIGHTS[part]
        spread = Counter(word for words in counts.values() for word in words)
        self.weights: dict[str, dict[str, float]] = {}
        for code, counted in counts.items():
            weight_of = {
                word: (1 + math.log(n)) * math.log(1 + len(counts) / spread[word]) for word, n in counted.items()
            }
            length = math.sqrt(sum(weight**2 for weight in weight_of.values()))
            for word, weight in weight_of.items():
                # by the square root only: a category with many words is not punished for them
                self.weights.setdefault(word, {})[code] = weight / math.sqrt(length)

    def cut(self, text: str) -> Iterator[str]:
        """The words of a text that may tell something."""
        for run in WORD.findall(normal(text[:MAX_TEXT_CHARS])):
            for word in self.cut_by.cut_for_search(run):
                if word not in STOP_WORDS and (len(word) > 1 or word in self.single):
                    yield word

    def scores(self, text: str) -> dict[str, dict[str, float]]:
        """For each category that has any of a text's words, what each word adds."""
        found: dict[str, dict[str, float]] = {}
        for word in dict.fromkeys(self.cut(text)):
            for code, weight in self.weights.get(word, {}).items():
                found.setdefault(code, {})[word] = weight
        return found


_kept: dict[int, TermWeights] = {}


def term_weights(edition: Edition) -> TermWeights:
    """The weights of an edition, made once a process."""
    if edition.id not in _kept:
        _kept[edition.id] = TermWeights(edition)
    return _kept[edition.id]


def suggest(edition: Edition, words: str, most: int = 3, *, public: bool = False) -> list[Suggestion]:
    """The likeliest categories of a report in words, best first; empty when none of its words is known.

    Args:
        most: At most so many. public: Only those that residents may choose.
    """
    if not words.strip():
        return []
    scores = term_weights(edition).scores(words)
    totals = {code: sum(why.values()) ** 2 for code, why in scores.items()
              if not public or edition.categories[code].public}  # fmt: skip
    whole = sum(totals.values())
    best = sorted(totals, key=lambda code: (-totals[code], code))[:most]
    return [
        Suggestion(
            code, edition.categories[code].zh, edition.categories[code].en, round(totals[code] / whole, 3),
            sorted(scores[code], key=lambda word: -scores[code][word])[:4],
        )
        for code in best
        if totals[code] / whole >= MIN_SHARE
    ]  # fmt: skip


@dataclass(frozen=True)
class Accuracy:
    """How often the right category is the first, and among the first three; the sentences where it is not."""

    tried: int
    first: float
    three: float
    missed: list[tuple[str, str, list[str]]]


def accuracy(edition: Edition, sentences: Iterable[tuple[str, str]]) -> Accuracy:
    """Try sentences whose category is known.

    Args:
        sentences: (code, words).
    """
    first = three = tried = 0
    missed = []
    for code, words in sentences:
        tried += 1
        found = [one.code for one in suggest(edition, words)]
        first += found[:1] == [code]
        three += code in found
        if code not in found:
            missed.append((code, words, found))
    return Accuracy(tried, first / max(tried, 1), three / max(tried, 1), missed)


def leave_one_out(edition: Edition) -> Accuracy:
    """Each example of the catalogue tried with itself left out of what is known."""
    cut_by = term_weights(edition).cut_by  # the words are the same: its dictionary is read once
    first = three = tried = 0
    missed = []
    for code, one in edition.categories.items():
        for example in one.examples:
            kept = {**one.__dict__, "examples": tuple(other for other in one.examples if other != example)}
            without = Edition(-1, edition.name, edition.categories | {code: type(one)(**kept)})
            _kept[-1] = TermWeights(without, cut_by)
            found = accuracy(without, [(code, example)])
            tried, first, three = tried + 1, first + round(found.first), three + round(found.three)
            missed += found.missed
    _kept.pop(-1, None)
    return Accuracy(tried, first / max(tried, 1), three / max(tried, 1), missed)
