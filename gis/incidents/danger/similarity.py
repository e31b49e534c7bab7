"""How much a sentence is like known ones of danger, where no listed words decide.

Naive Bayes over characters, neighbouring pairs and pairs with one between; each feature's weight is
the logarithm of how much more of the dangerous than of the everyday sentences have it.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

WORD_PATTERN = re.compile(r"[a-z]+|[\u4e00-\u9fff]|[\U0001f300-\U0001faff]")
PIECE_TOKENS = 60  # tokens of a window; longer texts are looked at piece by piece
MAX_READ_TOKENS = 500  # tokens looked at
SMOOTH = 0.3
MIN_TOKENS = 4  # tokens under which a text is like nothing


def tokens(report: str) -> list[str]:
    """Return the characters and Latin words of a normalised text."""
    return WORD_PATTERN.findall(report)[:MAX_READ_TOKENS]


def features(piece: Sequence[str]) -> set[str]:
    """Return what a sentence is compared by."""
    return {
        *piece,
        *(a + b for a, b in pairwise(piece)),
        *(f"{a}_{b}" for a, b in zip(piece, piece[2:], strict=False)),
    }


class Likeness:
    """What was learned of examples. All are normalised.

    Parameters
    ----------
    danger
        Kind -> its examples. everyday: Sentences without danger.
    """

    def __init__(self, danger: Mapping[str, Sequence[str]], everyday: Iterable[str]) -> None:
        self.kinds = {kind: Counter(_each(some)) for kind, some in danger.items()}
        self.sizes = {kind: len(some) for kind, some in danger.items()}
        good, of_danger = list(everyday), Counter[str]()
        for counted in self.kinds.values():
            of_danger.update(counted)
        counts = of_danger, Counter(_each(good))
        sizes = sum(self.sizes.values()) + 2 * SMOOTH, len(good) + 2 * SMOOTH
        self.weights = {
            sentence: math.log((counts[0][sentence] + SMOOTH) / sizes[0])
            - math.log((counts[1][sentence] + SMOOTH) / sizes[1])
            for sentence in {*counts[0], *counts[1]}
        }

    def judge(self, report: str) -> tuple[float, list[str]]:
        """Return how much more a text is like danger than like everyday matters.

        With the piece of it that is most so.
        """
        text_tokens = tokens(report)
        if len(text_tokens) < MIN_TOKENS:
            return 0.0, text_tokens
        pieces = [
            text_tokens[at : at + PIECE_TOKENS] for at in range(0, len(text_tokens), PIECE_TOKENS)
        ]
        return max(
            ((self._score(features(piece), len(piece)), piece) for piece in pieces),
            key=lambda scored: scored[0],
        )

    def _score(self, piece_features: set[str], length: int) -> float:
        return sum(self.weights.get(feature, 0.0) for feature in piece_features) / math.sqrt(
            3 * length
        )

    def kind(self, piece: Sequence[str]) -> str:
        """Return the kind of danger whose examples share most with a piece of text."""
        piece_features = features(piece)
        scores = {
            kind: sum(
                max(self.weights.get(feature, 0.0), 0.0)
                * math.log1p(counted[feature] / self.sizes[kind] * 20)
                for feature in piece_features & counted.keys()
            )
            for kind, counted in self.kinds.items()
        }
        return max(scores, key=lambda feature: scores[feature])

    def because(self, piece: Sequence[str], most: int = 3) -> tuple[str, ...]:
        """Return the neighbouring pairs that weigh most."""
        latin = all(token.isascii() for token in piece)
        pairs = dict.fromkeys(pairwise(piece))
        best = sorted(pairs, key=lambda pair: -self.weights.get(pair[0] + pair[1], 0.0))[:most]
        return tuple((" " if latin else "").join(pair) for pair in pairs if pair in best)


def _each(sentences: Iterable[str]) -> Iterable[str]:
    for sentence in sentences:
        yield from features(tokens(sentence))
