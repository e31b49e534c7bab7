"""Whether a sentence is like known ones of danger or like everyday ones, where no listed words decide.

Naive Bayes over characters, neighbouring pairs and pairs with one between; each feature's weight is the logarithm of how
much more of the dangerous than of the everyday sentences have it.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

TOKEN = re.compile(r"[a-z]+|[\u4e00-\u9fff]|[\U0001f300-\U0001faff]")
LONGEST = 60  # tokens of a window; longer texts are looked at piece by piece
MOST = 500  # tokens looked at
SMOOTH = 0.3
FEWEST = 4  # tokens under which a text is like nothing


def tokens(given: str) -> list[str]:
    """Characters and Latin words of a normalised text."""
    return TOKEN.findall(given)[:MOST]


def features(words: Sequence[str]) -> set[str]:
    """What a sentence is compared by."""
    return {
        *words,
        *(a + b for a, b in pairwise(words)),
        *(f"{a}_{b}" for a, b in zip(words, words[2:], strict=False)),
    }


class Likeness:
    """What was learned of examples. All are normalised.

    Args:
        danger: Kind -> its examples. everyday: Sentences without danger.
    """

    def __init__(self, danger: Mapping[str, Sequence[str]], everyday: Iterable[str]) -> None:
        self.kinds = {kind: Counter(_each(some)) for kind, some in danger.items()}
        self.sizes = {kind: len(some) for kind, some in danger.items()}
        bad, good = [one for some in danger.values() for one in some], list(everyday)
        counts = Counter(_each(bad)), Counter(_each(good))
        sizes = len(bad) + 2 * SMOOTH, len(good) + 2 * SMOOTH
        self.weights = {
            one: math.log((counts[0][one] + SMOOTH) / sizes[0]) - math.log((counts[1][one] + SMOOTH) / sizes[1])
            for one in {*counts[0], *counts[1]}
        }

    def judge(self, given: str) -> tuple[float, list[str]]:
        """How much more a text is like danger than like everyday matters; the piece of it that is most so."""
        found = tokens(given)
        if len(found) < FEWEST:
            return 0.0, found
        pieces = [found[at : at + LONGEST] for at in range(0, len(found), LONGEST)]
        return max(((self._score(features(piece), len(piece)), piece) for piece in pieces), key=lambda one: one[0])

    def _score(self, known: set[str], length: int) -> float:
        return sum(self.weights.get(one, 0.0) for one in known) / math.sqrt(3 * length)

    def kind(self, piece: Sequence[str]) -> str:
        """The kind of danger whose examples share most with a piece of text."""
        known = features(piece)
        scores = {
            kind: sum(
                max(self.weights.get(one, 0.0), 0.0) * math.log1p(counted[one] / self.sizes[kind] * 20)
                for one in known & counted.keys()
            )
            for kind, counted in self.kinds.items()
        }
        return max(scores, key=lambda one: scores[one])

    def because(self, piece: Sequence[str], most: int = 3) -> tuple[str, ...]:
        """The neighbouring pairs that weigh most."""
        latin = all(one.isascii() for one in piece)
        pairs = dict.fromkeys(pairwise(piece))
        best = sorted(pairs, key=lambda pair: -self.weights.get(pair[0] + pair[1], 0.0))[:most]
        return tuple((" " if latin else "").join(pair) for pair in pairs if pair in best)


def _each(sentences: Iterable[str]) -> Iterable[str]:
    for one in sentences:
        yield from features(tokens(one))
