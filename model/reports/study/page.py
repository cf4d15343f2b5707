"""docs/study.md: what its template shows of the figures. Every claim follows from the number beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

from model.reports.study.divergence import STRONG, WEAK, against_float, curves, verdict
from model.reports.study.pictures import draw_fractions
from model.reports.study.published_figures import STATEMENTS
from model.reports.study.settings import QUICK, Settings
from model.reports.study.subjects import PUBLISHED_FILE
from pages.page import Figures, Page

_TEMPLATE = Path(__file__).parents[1] / "templates" / "study.md.j2"
_ONLY_IN_PICTURES = ("subjects", "digits", "map")
_LIMIT = 97.0  # percent, the papers' threshold
_WITHIN = 0.1  # percentage points below float that count as no loss


def page_of(settings: Settings) -> Page:
    """Return the page, which draws accuracy over fraction bits; other pictures need more than its figures."""
    return Page(settings.page, _TEMPLATE, view, draw)


def draw(figures: Figures, directory: Path) -> List[Path]:
    if "fractions" not in figures:
        return []
    return draw_fractions(figures["fractions"], directory / figures["settings"]["pictures"])


def figures_of(settings: Settings, parts: Dict[str, Figures]) -> Figures:
    """Select the figures of the page; those that only pictures show stay in settings.build."""
    parts = dict(parts)
    if "divergence" in parts:
        parts["fractions"] = parts["divergence"]["fractions"]
        parts["divergence"] = parts["divergence"]["summary"]
    figures: Figures = {
        part: {key: value for key, value in shown.items() if key not in _ONLY_IN_PICTURES}
        for part, shown in parts.items()
    }
    figures["settings"] = {
        "command": settings.command,
        "recipe": settings.recipe.as_posix(),
        "build": settings.build.as_posix(),
        "pictures": settings.pictures.name,
        "formats": [str(fmt) for fmt in (settings.fmt, *settings.extra_formats)],
    }
    return figures


def view(figures: Figures) -> Dict[str, Any]:
    shown = {
        **figures,
        "is_quick": figures["settings"]["command"] == QUICK.command,
        "published_file": PUBLISHED_FILE.as_posix(),
        "statements": STATEMENTS,
        "limit": _LIMIT,
        "within": _WITHIN,
        "strong": STRONG,
        "weak": WEAK,
    }
    if "fractions" in figures:
        shown |= _fractions(figures["fractions"], figures["settings"]["formats"])
    if "divergence" in figures:
        shown["divergence"] = _divergence(figures["fractions"], figures["divergence"])
    if "comparison" in figures:
        shown["comparison"] = [_compared(row) for row in figures["comparison"]["rows"]]
    return shown


def _named(point: Figures, networks: Figures) -> Dict[str, Any]:
    """Add to a point or a curve the title of its network and the name of its method."""
    title = networks[point["network"]]["title"]
    return {**point, "title": title, "name": f"{point['method']}, {point['rounding']}"}


def _fractions(fractions: Figures, formats: List[str]) -> Dict[str, Any]:
    networks, frac_bits = fractions["networks"], fractions["frac_bits"]
    drawn, thresholds = {}, []
    for curve in [_named(curve, networks) for curve in curves(fractions)]:
        network, name, points = networks[curve["network"]], curve["name"], curve["points"]
        at = {str(point["frac_bits"]): point["accuracy"] for point in points}
        bits_needed = {
            "limit": _bits_needed(points, _LIMIT),
            "float": _bits_needed(points, network["accuracy"] - _WITHIN),
        }
        thresholds.append({**curve, "at": at, **bits_needed})
        rows = [{"frac_bits": bits} for bits in frac_bits]
        subject = drawn.setdefault(curve["network"], {**network, "columns": {}, "rows": rows})
        subject["columns"][name] = f"{{{name}:.2f}}"
        for row in subject["rows"]:
            row[name] = at.get(str(row["frac_bits"]))
    return {
        "networks": list(drawn.values()),
        "thresholds": thresholds,
        "thresholds_at": {f"{bits} bits": f"{{at[{bits}]:.2f}}" for bits in (5, 4) if bits in frac_bits},
        "papers_formats": [
            {**_named(point, networks), "difference": against_float(point, fractions)}
            for point in fractions["points"]
            if point["rounding"] == "nearest" and point["format"] in formats
        ],
    }


def _bits_needed(points: List[Figures], limit: float) -> str:
    """Say from how many fraction bits on all points of a curve reach the limit."""
    least = None
    for point in reversed(points):
        if point["accuracy"] < round(limit, 4):
            break
        least = point["frac_bits"]
    return "never" if least is None else f"from {least} bit{'s' if least != 1 else ''} on"


def _divergence(fractions: Figures, summary: Figures) -> Dict[str, Any]:
    networks, bins = fractions["networks"], summary["bins"]
    nearest = [
        _named(curve, networks)
        for curve in curves(fractions)
        if (curve["method"], curve["rounding"]) == ("post-training", "nearest")
    ]
    layers = list(enumerate(networks[nearest[0]["network"]]["layers"]))
    groups = [
        (count, name, summary["correlations"][count][name]) for count in bins for name in summary["groups"]
    ]
    pairs = {count: summary["counterexamples"][count] or {} for count in bins}
    places = [[jump["divergence_from"] for jump in summary["jumps"][count]] for count in bins]
    return {
        **summary,
        "nearest": nearest,
        "layers": {
            f"layer {layer} ({axis}), {count} bins": f"{{divergence[{count}][{layer}]:.3f}}"
            for count in bins
            for layer, axis in layers
        },
        "layers_alone": {f"layer {layer} alone": f"{{layers[{layer}]:.2f}}" for layer, _ in layers},
        "correlations": [
            {**group, "bins": count, "group": name, "verdict": verdict(group["total"])}
            for count, name, group in groups
        ],
        "jumps": [
            {**_named(jump, networks), "bins": count, "same_place": "yes" if jump["same"] else "no"}
            for count in bins
            for jump in summary["jumps"][count]
        ],
        "agreements": {count: sum(jump["same"] for jump in summary["jumps"][count]) for count in bins},
        "curves": len(places[0]),
        "moved": sum(len(set(curve)) > 1 for curve in zip(*places)),
        "counterexamples": {
            count: [_named(pair[which], networks) for which in ("lower", "higher") if pair]
            for count, pair in pairs.items()
        },
    }


def _compared(row: Figures) -> Dict[str, Any]:
    network = f"**{row['network']}** (ours)" if row["ours"] else row["network"]
    learned = f" + {row['functions']}" if row.get("functions") else ""
    parameters = f"{row['parameters']:,}{learned}"
    return {**row, "network": network, "parameters": parameters, "of_others": not row["ours"]}
