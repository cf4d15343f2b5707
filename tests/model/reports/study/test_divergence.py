import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy

from model.reports.study.divergence import (
    PSEUDO_COUNT,
    bin_bits,
    curves,
    kl_divergence,
    rank_correlation,
    summarise,
    total,
    verdict,
)


def test_a_divergence_by_hand():
    """Four weights in two bins: 2 and 2 before, 1 and 3 after.

    With half a count more in each bin, p = 1/2, 1/2 and q = 0.3, 0.7.
    """
    before, after = np.array([0.0, 0.1, 0.9, 1.0]), np.array([0.0, 0.9, 0.9, 1.0])
    expected = 0.5 * math.log(0.5 / 0.3) + 0.5 * math.log(0.5 / 0.7)
    assert PSEUDO_COUNT == 0.5 and kl_divergence(before, after, 2) == pytest.approx(expected, abs=1e-12)


@given(st.integers(0, 10**6), st.integers(2, 200), st.integers(0, 8))
@settings(max_examples=25, deadline=None)
def test_the_divergence_is_scipys(seed, bins, frac_bits):
    before = np.random.default_rng(seed).normal(0, 0.3, (28, 28))
    after = np.floor(before * 2**frac_bits + 0.5) / 2**frac_bits
    limits = min(before.min(), after.min()), max(before.max(), after.max())
    p, q = (np.histogram(values, bins, limits)[0] + PSEUDO_COUNT for values in (before, after))
    assert kl_divergence(before, after, bins) == pytest.approx(entropy(p, q), abs=1e-12)


def test_what_is_not_quantised_does_not_diverge():
    weights = np.random.default_rng(1).normal(size=784)
    assert kl_divergence(weights, weights, 32) == 0


def test_the_width_of_a_bin_in_fraction_bits():
    assert bin_bits([np.array([-1.0, 1.0])], [32]) == {"32": [4.0]}  # 2 / 32 = 2^-4


def test_rank_correlation():
    assert rank_correlation([1, 2, 3, 4], [9, 7, 5, 1]) == pytest.approx(-1)
    assert rank_correlation([1, 2], [2, 1]) is None and rank_correlation([1, 1, 1], [1, 2, 3]) is None


@pytest.mark.parametrize(
    "correlation, word",
    [
        (-1.0, "supported"),
        (-0.8, "supported"),
        (-0.79, "weakly supported"),
        (-0.5, "weakly supported"),
        (-0.49, "not supported"),
        (0.0, "not supported"),
        (0.49, "not supported"),
        (0.5, "contradicted"),
        (None, "not defined"),
    ],
)
def test_the_verdict_follows_from_the_number(correlation, word):
    assert verdict(correlation) == word


def point(frac_bits, accuracy, divergence, method="post-training", network="n", int_bits=6):
    return {
        "network": network,
        "method": method,
        "rounding": "nearest",
        "format": f"Q{int_bits}.{frac_bits}",
        "int_bits": int_bits,
        "frac_bits": frac_bits,
        "accuracy": accuracy,
        "divergence": {"32": [divergence / 2, divergence / 2]},
    }


def fractions(*points):
    return {
        "int_bits": 6,
        "points": list(points),
        "networks": {name: {"title": name, "accuracy": 99.0} for name in "nm"},
    }


def test_a_summary_finds_where_accuracy_falls_and_divergence_rises():
    summary = summarise(
        fractions(
            point(5, 98.0, 0.1), point(3, 20.0, 5.0), point(4, 90.0, 4.0), point(7, 1.0, 0.0, int_bits=5)
        )
    )
    (jump,) = summary["jumps"]["32"]
    assert (jump["accuracy_from"], jump["accuracy_to"], jump["accuracy_fall"]) == (4, 3, 70.0)
    assert (jump["divergence_from"], jump["divergence_to"], jump["same"]) == (5, 4, False)


def test_points_of_all_networks_are_pooled_against_their_float_accuracy():
    found = fractions(
        *[point(bits, 99.0 - kl, kl) for bits, kl in ((1, 3), (2, 2), (3, 1))],
        *[point(bits, 59.0 - kl, kl, network="m") for bits, kl in ((1, 3.5), (2, 2.5), (3, 1.5))],
    )
    found["networks"]["m"]["accuracy"] = 59.0
    assert summarise(found)["correlations"]["32"]["all"]["total"] == pytest.approx(-1)


def test_the_worst_counterexample_is_found():
    pair = summarise(
        fractions(point(1, 50.0, 3.0), point(2, 80.0, 4.0), point(3, 98.0, 5.0, method="fine-tuned"))
    )["counterexamples"]["32"]
    assert (pair["lower"]["format"], pair["higher"]["format"], pair["gap"]) == (
        "Q6.1",
        "Q6.3",
        pytest.approx(48),
    )
    assert summarise(fractions(point(1, 50.0, 3.0), point(2, 80.0, 2.0)))["counterexamples"]["32"] is None


def test_curves_ascend_and_leave_other_formats_out():
    (curve,) = curves(fractions(point(5, 98.0, 0.1), point(3, 20.0, 5.0), point(7, 1.0, 0.0, int_bits=5)))
    assert [each["frac_bits"] for each in curve["points"]] == [3, 5]
    assert total(curve["points"][0], "32") == 5.0
