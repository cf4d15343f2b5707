"""Photographs of handwritten digits: how many are answered, and how many of the answers are right.

python -m benchmarks.photographs [--pictures N] [--seed N] [CONDITION ...]

The photographs are made by tests/photographs.py, and classified by the default network through the integer
reference. `digit_of` was tuned on the conditions of the first table, and not on those of the second. Of the
third, no answer is right.
"""

import argparse
import time
from typing import NamedTuple

import numpy as np

from datasets.mnist import mnist_is_here
from lst_overlay.network import classify, load_network, logits
from lst_overlay.samples.photo import digit_of
from lst_overlay.samples.shipped_networks import DEFAULT, find
from tests.photographs import CONDITIONS, HELD_OUT, UNANSWERABLE, photographs

TABLES = {
    "tuned on": CONDITIONS,
    "not tuned on": HELD_OUT,
    "without one whole digit": UNANSWERABLE,
}


class Result(NamedTuple):
    """Counts of photographs; ``seconds`` is the time that digit_of took for all of them."""

    answered: int
    right: int
    refused: int
    seconds: float

    def __add__(self, other):
        return Result(*(mine + others for mine, others in zip(self, other)))


def measured(condition, pictures, seed=0) -> Result:
    """Return what became of so many photographs under one condition."""
    network = load_network(find(DEFAULT if mnist_is_here() else "lst1_digits"))
    images, labels, seconds = [], [], 0.0
    for picture, label in zip(*photographs(condition, pictures, seed)):
        start = time.perf_counter()
        try:
            images.append(digit_of(picture).image)
            labels.append(label)
        except ValueError:
            pass
        seconds += time.perf_counter() - start
    right = int((classify(logits(network, np.stack(images))) == labels).sum()) if images else 0
    if condition in UNANSWERABLE:
        right = 0
    return Result(len(images), right, pictures - len(images), seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("conditions", nargs="*", metavar="CONDITION", help="without them all")
    parser.add_argument("--pictures", type=int, default=40, help="of each condition")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    for title, conditions in TABLES.items():
        chosen = [name for name in conditions if name in (arguments.conditions or conditions)]
        if not chosen:
            continue
        print(f"\n{title:<26}{'answered':>10}{'right':>8}{'refused':>10}{'ms':>8}")
        total = Result(0, 0, 0, 0.0)
        for name in chosen:
            result = measured(name, arguments.pictures, arguments.seed)
            total += result
            print(line(name.replace("_", " "), result), flush=True)
        print(line("together", total))


def line(name, result):
    """Return a line of the table, with the time of one photograph."""
    pictures = result.answered + result.refused
    return (
        f"{name:<26}{result.answered:>10}{result.right:>8}{result.refused:>10}"
        f"{1e3 * result.seconds / pictures:>8.1f}"
    )


if __name__ == "__main__":
    main()
