"""Kullback-Leibler divergence of weights before and after quantisation, and how accuracy depends on it."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence

import numpy as np
from scipy.stats import spearmanr

PSEUDO_COUNT = 0.5  # added to every bin: no bin is empty, and the divergence stays finite
STRONG, WEAK = 0.8, 0.5  # absolute rank correlations by which the page words its verdict


def kl_divergence(before: np.ndarray, after: np.ndarray, bins: int) -> float:
    """Return KL(p, q) = sum p log(p / q) in nats.

    p and q are the histograms of ``before`` and ``after`` over their common range, with half a count added to
    each bin.
    """
    before, after = np.ravel(before), np.ravel(after)
    limits = min(before.min(), after.min()), max(before.max(), after.max())
    p, q = (np.histogram(values, bins, limits)[0] + PSEUDO_COUNT for values in (before, after))
    p, q = p / p.sum(), q / q.sum()
    return float((p * np.log(p / q)).sum())


def layer_divergences(
    before: Sequence[np.ndarray], after: Sequence[np.ndarray], bins: Sequence[int]
) -> Dict[str, List[float]]:
    """Return the divergence of each layer, by number of bins."""
    return {str(count): [kl_divergence(*pair, count) for pair in zip(before, after)] for count in bins}


def bin_bits(weights: Sequence[np.ndarray], bins: Sequence[int]) -> Dict[str, List[float]]:
    """Return the width of a bin as fraction bits, -log2(width), by layer.

    The step of a format with fewer fraction bits is wider than a bin.
    """
    return {str(count): [float(-np.log2(np.ptp(layer) / count)) for layer in weights] for count in bins}


def rank_correlation(x: Sequence[float], y: Sequence[float]) -> Optional[float]:
    """Return Spearman's rank correlation; None with fewer than three points or if all of them are equal."""
    if len(x) < 3 or len(set(x)) == 1 or len(set(y)) == 1:
        return None
    return float(spearmanr(x, y).statistic)


def summarise(fractions: Dict[str, Any]) -> Dict[str, Any]:
    """Compare the divergences of the fraction study with the loss of accuracy.

    Returns correlations, where divergence and accuracy change most, and the points that contradict the papers
    most.
    """
    points = fractions["points"]
    groups = {
        "all": points,
        **{
            f"post-training, {network['title']}": [
                point for point in points if point["network"] == name and point["method"] != "fine-tuned"
            ]
            for name, network in fractions["networks"].items()
        },
        "fine-tuned": [point for point in points if point["method"] == "fine-tuned"],
    }
    bins = list(points[0]["divergence"])
    return {
        "bins": bins,
        "groups": list(groups),
        "pseudo_count": PSEUDO_COUNT,
        "correlations": {
            count: {name: _correlations(group, count, fractions) for name, group in groups.items()}
            for count in bins
        },
        "jumps": {count: _jumps(fractions, count) for count in bins},
        "counterexamples": {count: _counterexample(fractions, count) for count in bins},
    }


def against_float(point: Dict[str, Any], fractions: Dict[str, Any]) -> float:
    """Return the change against float in percentage points, negative for a loss.

    Unlike accuracies, changes can be pooled over networks of different float accuracy.
    """
    return round(point["accuracy"] - fractions["networks"][point["network"]]["accuracy"], 4)


def total(point: Dict[str, Any], count: str) -> float:
    """Return the divergence summed over the layers, which is what accuracy is compared with."""
    return sum(point["divergence"][count])


def verdict(correlation: Optional[float]) -> str:
    """Judge by the correlation whether accuracy falls where the divergence rises, as the papers conclude."""
    if correlation is None:
        return "not defined"
    if correlation <= -STRONG:
        return "supported"
    if correlation <= -WEAK:
        return "weakly supported"
    return "contradicted" if correlation >= WEAK else "not supported"


def _correlations(points: List[Dict], count: str, fractions: Dict[str, Any]) -> Dict[str, Any]:
    accuracy = [against_float(point, fractions) for point in points]
    layers = zip(*[point["divergence"][count] for point in points])
    return {
        "points": len(points),
        "total": rank_correlation([total(point, count) for point in points], accuracy),
        "layers": [rank_correlation(layer, accuracy) for layer in layers],
    }


def _jumps(fractions: Dict[str, Any], count: str) -> List[Dict[str, Any]]:
    """Find where, towards fewer fraction bits, each curve's accuracy falls and its divergence rises most."""
    jumps = []
    for curve in curves(fractions):
        points = curve["points"]
        if len(points) < 2:
            continue
        falls = [
            (high["accuracy"] - low["accuracy"], high["frac_bits"], low["frac_bits"])
            for low, high in zip(points, points[1:])
        ]
        rises = [
            (total(low, count) - total(high, count), high["frac_bits"], low["frac_bits"])
            for low, high in zip(points, points[1:])
        ]
        fall, rise = max(falls), max(rises)
        jumps.append(
            {
                "network": curve["network"],
                "method": curve["method"],
                "rounding": curve["rounding"],
                "accuracy_fall": fall[0],
                "accuracy_from": fall[1],
                "accuracy_to": fall[2],
                "divergence_rise": rise[0],
                "divergence_from": rise[1],
                "divergence_to": rise[2],
                "same": fall[1:] == rise[1:],
            }
        )
    return jumps


def _counterexample(fractions: Dict[str, Any], count: str) -> Optional[Dict[str, Any]]:
    """Find the pair of points that contradicts the papers most.

    The second point has at least the divergence of the first, and its loss of accuracy is smaller by the
    largest gap.
    """
    points = fractions["points"]
    measured = [(total(point, count), against_float(point, fractions)) for point in points]
    pairs = [
        (b[1] - a[1], -number_a, -number_b)
        for number_a, a in enumerate(measured)
        for number_b, b in enumerate(measured)
        if b[0] >= a[0] and b[1] > a[1]
    ]
    if not pairs:
        return None
    gap, lower, higher = max(pairs)  # on a tie the pair that comes first
    return {
        "gap": gap,
        "lower": _describe(points[-lower], count),
        "higher": _describe(points[-higher], count),
    }


def _describe(point: Dict[str, Any], count: str) -> Dict[str, Any]:
    return {
        **{name: point[name] for name in ("network", "method", "rounding", "format", "accuracy")},
        "divergence": total(point, count),
    }


def curves(fractions: Dict[str, Any]) -> List[Dict[str, Any]]:
    """Return the points as curves that ascend in fraction bits, without the extra formats."""
    grouped: Dict[tuple, List[Dict]] = {}
    for point in fractions["points"]:
        if point["int_bits"] == fractions["int_bits"]:
            grouped.setdefault((point["network"], point["method"], point["rounding"]), []).append(point)
    return [
        {
            "network": network,
            "method": method,
            "rounding": rounding,
            "points": sorted(points, key=lambda point: point["frac_bits"]),
        }
        for (network, method, rounding), points in grouped.items()
    ]
