"""A constant matrix times a vector, computed by few additions, which a greedy search finds.

Every weight is written as a sum of signed powers of two with the fewest digits (canonical signed digits), so
an output is a sum of terms +-2**s x. A pair of terms that occurs in several outputs, up to a common shift and
sign, is added only once and becomes a signal of its own. The search takes the most frequent pair first and
ends when no pair occurs twice. Sharing digit patterns is Hartley's method (IEEE TCAS-II 43(10), 1996).

An adder of three terms takes the same carry chain as one of two, since the LUT6 before each bit of a chain
also add three bits to two. So a pair that is used once, because later pairs contain its other uses, joins
the addition that uses it, and the remaining terms of each output are summed by a tree of threes.
"""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Dict, List, NamedTuple, Optional, Set, Tuple

import numpy as np

from gateware.cores.signed_digits import signed_digits


class Term(NamedTuple):
    """The value sign * signal * 2**shift."""

    signal: int
    shift: int
    sign: int

    def scaled(self, shift: int, sign: int) -> Term:
        return Term(self.signal, self.shift + shift, self.sign * sign)


Addition = Tuple[Term, ...]  # two or three terms whose sum is a signal, at least one of them positive
Pattern = Tuple[int, int, int, int]  # signals a and b, shift of b against a, sign of b against a


@dataclass(frozen=True)
class AdderGraph:
    """The additions that compute a constant matrix times a vector.

    Signals 0 .. inputs - 1 are the elements of the vector; signal inputs + n is additions[n]. An output is
    the sum of at most two terms, so that a last addition has room for a constant.
    """

    inputs: int
    additions: Tuple[Addition, ...]
    outputs: Tuple[Tuple[Term, ...], ...]

    @classmethod
    def of(cls, matrix: np.ndarray) -> AdderGraph:
        """Search the additions for a matrix of integers, (outputs, inputs)."""
        search = _Search(np.asarray(matrix))
        search.share()
        return cls(matrix.shape[1], *search.finish())

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        """(N, inputs) integers -> (N, outputs), computed by the additions as the hardware does; for tests."""
        signals = list(np.asarray(x, np.int64).T)
        for addition in self.additions:
            signals.append(sum(_value(term, signals) for term in addition))
        zero = np.zeros(len(x), np.int64)
        return np.stack(
            [sum((_value(term, signals) for term in terms), zero) for terms in self.outputs], axis=1
        )

    def ranges(self, low: int, high: int) -> List[Tuple[int, int]]:
        """The least and greatest value of every signal, for independent inputs in low .. high. Exact."""
        weights = np.zeros((self.inputs + len(self.additions), self.inputs), np.int64)
        weights[: self.inputs] = np.eye(self.inputs, dtype=np.int64)
        for number, addition in enumerate(self.additions, self.inputs):
            weights[number] = sum(term.sign * (weights[term.signal] << term.shift) for term in addition)
        positive, negative = np.maximum(weights, 0).sum(1), np.minimum(weights, 0).sum(1)
        return list(
            zip((positive * low + negative * high).tolist(), (positive * high + negative * low).tolist())
        )

    @cached_property
    def depths(self) -> List[int]:
        """For each signal the greatest number of additions on a path from the vector."""
        depths = [0] * self.inputs
        for addition in self.additions:
            depths.append(1 + max(depths[term.signal] for term in addition))
        return depths


class _Search:
    """The greedy search: the terms of every output, of which pairs are replaced by shared signals."""

    def __init__(self, matrix: np.ndarray):
        self.inputs = matrix.shape[1]
        self.terms: List[Set[Term]] = [
            {
                Term(column, shift, sign)
                for column, weight in enumerate(row.tolist())
                for shift, sign in signed_digits(weight)
            }
            for row in matrix
        ]
        self.additions: List[Addition] = []
        self.counts: Counter = Counter()
        for terms in self.terms:
            ordered = sorted(terms)
            self.counts.update(
                _pattern(one, other) for place, one in enumerate(ordered) for other in ordered[:place]
            )

    def share(self) -> None:
        queue = [self._entry(pattern) for pattern, count in self.counts.items() if count > 1]
        heapq.heapify(queue)
        while queue:
            count, *_, pattern = heapq.heappop(queue)
            if -count != self.counts[pattern]:  # the count has changed; an entry was pushed whenever it grew
                if self.counts[pattern] > 1:
                    heapq.heappush(queue, self._entry(pattern))
                continue
            occurrences = [
                (number, *pair)
                for number, terms in enumerate(self.terms)
                for pair in _occurrences(terms, pattern)
            ]
            # Occurrences may overlap: x + 2x + 4x contains its pattern twice, but only one can be replaced.
            if len(occurrences) < 2:
                self.counts[pattern] = 0
                continue
            a, b, shift, sign = pattern
            signal = self.inputs + len(self.additions)
            self.additions.append((Term(a, 0, 1), Term(b, shift, sign)))
            for number, one, other in occurrences:
                for pushed in self._replace(number, one, other, Term(signal, one.shift, one.sign)):
                    heapq.heappush(queue, self._entry(pushed))

    def _entry(self, pattern: Pattern) -> tuple:
        """The heap's entry for a pattern: the most frequent one comes first.

        On a tie the pattern with the narrowest sum comes first, then the one of the latest signals, which
        costs 2 % fewer bits than the earliest.
        """
        a, b, shift, _ = pattern
        return -self.counts[pattern], shift, -a, -b, pattern

    def _replace(self, number: int, one: Term, other: Term, new: Term) -> List[Pattern]:
        """Replace two terms by a new one. Returns the patterns that have become more frequent."""
        terms = self.terms[number]
        for old in (one, other):
            terms.discard(old)
            self.counts.subtract(_pattern(old, rest) for rest in terms)
        grown = [_pattern(new, rest) for rest in terms]
        self.counts.update(grown)
        terms.add(new)
        return [pattern for pattern in grown if self.counts[pattern] > 1]

    def finish(self) -> Tuple[Tuple[Addition, ...], Tuple[Tuple[Term, ...], ...]]:
        """Sum the remaining terms of every output. Returns all additions and the outputs."""
        additions, outputs = _joined(self.inputs, self.additions, self.terms)
        depths = AdderGraph(self.inputs, tuple(additions), ()).depths
        for terms in outputs:
            # The terms of least depth come first, and of these the narrowest ones.
            queue = [(depths[term.signal], term.shift, term) for term in terms]
            heapq.heapify(queue)
            while len(queue) > 2:
                parts = [heapq.heappop(queue) for _ in range(2 if len(queue) % 2 else 3)]
                _, low, lowest = min(parts, key=lambda part: part[1])
                sign = lowest.sign
                new = Term(self.inputs + len(additions), low, sign)
                additions.append(tuple(term.scaled(-low, sign) for *_, term in parts))
                depths.append(1 + max(depth for depth, *_ in parts))
                heapq.heappush(queue, (depths[-1], low, new))
            terms[:] = [term for *_, term in queue]
        return tuple(additions), tuple(map(tuple, outputs))


def _joined(
    inputs: int, additions: List[Addition], outputs: List[Set[Term]]
) -> Tuple[List[Addition], List[List[Term]]]:
    """Put the terms of each addition that is used only once in the place of its use.

    An addition that would have more than three terms keeps it as it is.
    """
    uses = Counter(term.signal for terms in (*additions, *outputs) for term in terms)
    kept: Dict[int, Addition] = dict(enumerate(additions, inputs))

    def join(terms, most: Optional[int]) -> List[Term]:
        joined, rest = [], sorted(terms)
        while rest:
            term = rest.pop()
            parts = kept.get(term.signal, ())
            fits = most is None or len(joined) + len(rest) + len(parts) <= most
            if parts and uses[term.signal] == 1 and fits:
                del kept[term.signal]
                rest += [part.scaled(term.shift, term.sign) for part in parts]
            else:
                joined.append(term)
        return joined

    for signal in range(inputs, inputs + len(additions)):
        kept[signal] = tuple(join(kept[signal], 3))
    joined_outputs = [join(terms, None) for terms in outputs]
    number = {signal: signal for signal in range(inputs)}
    number.update({signal: place for place, signal in enumerate(kept, inputs)})

    def renumbered(terms) -> List[Term]:
        return [term._replace(signal=number[term.signal]) for term in terms]

    return [tuple(renumbered(terms)) for terms in kept.values()], list(map(renumbered, joined_outputs))


def _pattern(one: Term, other: Term) -> Pattern:
    first, second = sorted((one, other), key=lambda term: (term.shift, term.signal, term.sign))
    return first.signal, second.signal, second.shift - first.shift, first.sign * second.sign


def _occurrences(terms: Set[Term], pattern: Pattern) -> List[Tuple[Term, Term]]:
    """Occurrences of the pattern, as pairs of terms. No term is in two of them."""
    a, b, shift, sign = pattern
    free, pairs = set(terms), []
    for one in sorted(term for term in terms if term.signal == a):
        other = Term(b, one.shift + shift, one.sign * sign)
        if one in free and other in free and one != other:
            free -= {one, other}
            pairs.append((one, other))
    return pairs


def _value(term: Term, signals: List[np.ndarray]) -> np.ndarray:
    return term.sign * (signals[term.signal] << term.shift)
