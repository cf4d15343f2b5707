"""docs/study.md: the page, written from the figures alone. What a sentence claims follows from the number beside it."""

from __future__ import annotations

import textwrap
from typing import Any, Callable, Dict, List, Optional, Sequence

from model.reports.study.divergence import STRONG, WEAK, against_float, curves, verdict
from model.reports.study.published_figures import STATEMENTS
from model.reports.study.settings import PARTS, QUICK, Settings
from model.reports.study.subjects import PUBLISHED_FILE

Found = Dict[str, Any]
_TITLES = {
    "fractions": "Accuracy over the number of fraction bits",
    "divergence": "Divergence of the weights' histograms",
    "confusion": "Confusion",
    "hidden": "What the layers make of a digit",
    "comparison": "Comparison",
}
_ABOVE = 97.0  # percent; the papers' limit
_WITHIN = 0.1  # percent points below float that count as no loss
_WIDTH = 140


def page(settings: Settings, parts: Dict[str, Found]) -> str:
    """parts: the figures of those that are computed, by name."""
    lines = [
        "# Quantisation study of LST-1",
        "",
        *_text(f"""
        Written by `{settings.command}`, which computes all of it again; the figures with all their digits are in
        `{settings.build.as_posix()}/*.json`. Ours is the float network of `{settings.recipe.as_posix()}`.
        Accuracies are percent of the test set; nothing was chosen by it."""),
    ]
    if settings.command == QUICK.command:
        lines += _text(
            "A short run on the digits inside scikit-learn: it shows that all of it works, its figures mean nothing."
        )
    for part in PARTS:
        lines += [f"## {_TITLES[part]}", ""]
        lines += (
            _WRITE[part](settings, parts[part])
            if part in parts
            else _text(f"Not computed: `{settings.command} --only {part}`.")
        )
    return "\n".join(lines)


def _fractions(settings: Settings, found: Found) -> List[str]:
    tuned, networks = found["fine_tuning"], found["networks"]
    lines = _picture(settings, "Accuracy over fraction bits", "fractions.svg")
    lines += _text(f"The format is Q{found['int_bits']}.n, the sign bit included, as in the papers.")
    lines += _bullets(
        [
            """**post-training**: weights and activations in the format, pixels whole (8 bits), biases in the accumulator's unit. The
        activation is a table of 1,024 entries whose index reaches at least -4 .. 4, so its step is never below 2^-7, however many bits
        the entries have.""",
            "**weights only**: the weights in the format; biases, activations and pixels real.",
            "**nearest**: ties up, as the hardware's files are made. **floor**: weights and table entries truncated.",
            f"""**fine-tuned**: ours after {_count(tuned["epochs"], "epoch")} more in the format (nearest; the steps stay 2^-n), trained
        as in the last of its epochs before, one-cycle rate up to {tuned["rate"]:g}, seed {tuned["seed"]}; the epoch that validation
        selects.""",
        ]
    )
    if "published" not in networks:
        lines += _text(
            f"The published checkpoint ($LST_DATA_DIR/{PUBLISHED_FILE.as_posix()}) was not there: its curves are left out."
        )
    for name, network in networks.items():
        lines += _text(f"""**{network["title"]}**, float: {network["accuracy"]:.2f} % of {network["images"]:,} images
                       ({network["dataset"]}), {network["parameters"]:,} parameters, largest weight {network["largest_weight"]:.2f}.""")
        drawn = [curve for curve in curves(found) if curve["network"] == name]
        lines += _table(
            ["fraction bits", *map(_method, drawn)],
            [
                [str(bits), *[_percent(_accuracy_at(curve["points"], bits)) for curve in drawn]]
                for bits in found["frac_bits"]
            ],
        )
    lines += (
        _text("The papers say of LST-1:")
        + _bullets(STATEMENTS)
        + _text(f"Here, with Q{found['int_bits']}.n:")
    )
    return (
        lines
        + _thresholds(found)
        + _text("The papers' formats:")
        + _table(
            ["network", "method", "format", "accuracy", "points against float"],
            [
                [
                    networks[point["network"]]["title"],
                    _method(point),
                    point["format"],
                    _percent(point["accuracy"]),
                    f"{against_float(point, found):+.2f}",
                ]
                for point in found["points"]
                if point["rounding"] == "nearest"
                and point["format"] in [str(settings.fmt), *map(str, settings.extra_formats)]
            ],
        )
    )


def _thresholds(found: Found) -> List[str]:
    """What the papers say of 5 and 4 bits, of these curves."""
    at = [bits for bits in (5, 4) if bits in found["frac_bits"]]
    rows = []
    for curve in curves(found):
        network, points = found["networks"][curve["network"]], curve["points"]
        rows.append(
            [
                network["title"],
                _method(curve),
                *[_percent(_accuracy_at(points, bits)) for bits in at],
                _bits(points, _ABOVE),
                _bits(points, network["accuracy"] - _WITHIN),
            ]
        )
    return _table(
        [
            "network",
            "method",
            *[f"{bits} bits" for bits in at],
            f"{_ABOVE:g} % or more",
            f"{_WITHIN:g} points below float or better",
        ],
        rows,
    )


def _divergence(settings: Settings, found: Found) -> List[str]:
    fractions, summary = found["fractions"], found["summary"]
    bins = summary["bins"]
    lines = _picture(settings, "Divergence over fraction bits", "divergence.svg")
    lines += _text(f"""KL(p, q) = sum p log(p / q) in nats; p is the histogram of a layer's weights before, q after quantisation, both
                   over the range of both together, in {" and in ".join(bins)} bins of equal width, {summary["pseudo_count"]:g} added to
                   every bin's count. Dotted lines: with fewer fraction bits the step is wider than a bin. Post-training, nearest, layer
                   by layer:""")
    for name, network in fractions["networks"].items():
        curve = next(
            curve for curve in curves(fractions) if (curve["network"], curve["rounding"]) == (name, "nearest")
        )
        head = [
            f"layer {layer} ({axis}), {count} bins"
            for count in bins
            for layer, axis in enumerate(network["layers"])
        ]
        lines += _table(
            [f"{network['title']}: fraction bits", *head],
            [
                [
                    str(point["frac_bits"]),
                    *[f"{value:.3f}" for count in bins for value in point["divergence"][count]],
                ]
                for point in curve["points"]
            ],
        )
    lines += _picture(settings, "Accuracy over divergence", "accuracy_over_divergence.svg")
    lines += _text(f"""Every point of the section above, its divergence summed over the layers. Spearman's rank correlation of the
                   divergence and the accuracy against float is -1 if accuracy always falls where the divergence rises, which is the papers'
                   conclusion. Here {-STRONG:g} or less counts as support, {-WEAK:g} or less as weak support:""")
    lines += _bullets(
        [
            f"{count} bins, all {groups['all']['points']} points: {_number(groups['all']['total'])}; the papers' conclusion is "
            f"{verdict(groups['all']['total'])}."
            for count, groups in summary["correlations"].items()
        ]
    )
    layers = range(len(summary["correlations"][bins[0]]["all"]["layers"]))
    lines += _table(
        [
            "bins",
            "points",
            "number",
            "summed",
            "the papers' conclusion",
            *[f"layer {layer} alone" for layer in layers],
        ],
        [
            [
                count,
                group,
                str(found["points"]),
                _number(found["total"]),
                verdict(found["total"]),
                *map(_number, found["layers"]),
            ]
            for count, groups in summary["correlations"].items()
            for group, found in groups.items()
        ],
    )
    return lines + _jumps(fractions, summary) + _counterexamples(fractions, summary)


def _jumps(fractions: Found, summary: Found) -> List[str]:
    """Whether the divergence jumps where accuracy falls, in words that the counts choose."""
    lines = _text(
        "Where, on the way to fewer fraction bits, accuracy falls the most and the summed divergence rises the most:"
    )
    lines += _table(
        ["bins", "network", "method", "accuracy falls", "divergence rises", "same place"],
        [
            [
                count,
                fractions["networks"][jump["network"]]["title"],
                _method(jump),
                f"{jump['accuracy_from']} to {jump['accuracy_to']} bits, {jump['accuracy_fall']:.2f} points",
                f"{jump['divergence_from']} to {jump['divergence_to']} bits, {jump['divergence_rise']:.2f} nats",
                "yes" if jump["same"] else "no",
            ]
            for count, jumps in summary["jumps"].items()
            for jump in jumps
        ],
    )
    said = []
    for count, jumps in summary["jumps"].items():
        same = sum(jump["same"] for jump in jumps)
        judged = (
            "against what the papers say"
            if not same
            else "as the papers say" + " of all" * (same < len(jumps))
        )
        said.append(f"{count} bins: the same place in {same} of {_count(len(jumps), 'curve')}, {judged}.")
    places = [[jump["divergence_from"] for jump in jumps] for jumps in summary["jumps"].values()]
    moved = sum(len(set(curve)) > 1 for curve in zip(*places))
    if moved:
        said.append(f"""In {moved} of {_count(len(places[0]), "curve")} the place of the divergence's greatest rise depends on the number of
                    bins, which that of accuracy's fall cannot.""")
    return lines + _bullets(said)


def _counterexamples(fractions: Found, summary: Found) -> List[str]:
    said = []
    for count, pair in summary["counterexamples"].items():
        points = [] if pair is None else [pair["lower"], pair["higher"]]
        said += [
            f"{count} bins: "
            + (
                "; ".join(
                    f"{fractions['networks'][point['network']]['title']}, {_method(point)}, {point['format']}: {point['divergence']:.3f} nats and "
                    f"{point['accuracy']:.2f} %"
                    for point in points
                )
                or "no two points contradict it"
            )
            + "."
        ]
    return _text(
        "The two points that contradict it most: the second has no less divergence, and loses less."
    ) + _bullets(said)


def _confusion(settings: Settings, found: Found) -> List[str]:
    real, integer = found["float"], found["integer"]
    rest = found["differing"] - found["differing_float_right"] - found["differing_integer_right"]
    return _picture(settings, "Confusion matrices", "confusion.svg") + _text(
        f"""Ours in float ({real["accuracy"]:.2f} %, {real["correct"]:,} of {_count(found["images"], "image")}) and post-training in
        {found["format"]} by the integer reference ({integer["accuracy"]:.2f} %, {integer["correct"]:,}), which is what the hardware
        computes, to the bit. They differ on **{_count(found["differing"], "image")}**: of these float is right on
        {found["differing_float_right"]:,}, the integers on {found["differing_integer_right"]:,}, neither on {rest:,}."""
    )


def _hidden(settings: Settings, found: Found) -> List[str]:
    digits, tsne = found["digits"], found["tsne"]
    outputs = len(digits["columns"][0]) * len(digits["columns"][0][0])
    return (
        _picture(settings, "Hidden representation of ten digits", "hidden.png")
        + _text(
            f"""The first image of each class in the test set, and the codes after the row layer and after the column layer
        ({found["format"]}, integer reference; black is -1, white is 1)."""
        )
        + _picture(settings, "t-SNE of the hidden representation", "tsne.png")
        + _text(
            f"""t-SNE of the {outputs} outputs of the column layer, which the classifier sees, for the whole test set,
        {_count(tsne["images"], "image")}, coloured by class: scikit-learn, {tsne["components"]} principal components, perplexity
        {tsne["perplexity"]}, seed {tsne["seed"]}."""
        )
    )


def _comparison(settings: Settings, found: Found) -> List[str]:
    return _text(
        """MNIST test set. Ours are the shipped integer networks, as their files have it; the others are quoted from the source named.
        Parameters are weights and biases, + the numbers of learned functions."""
    ) + _table(
        ["network", "accuracy", "parameters", "source"],
        [
            [
                f"**{row['network']}** (ours)" if row["ours"] else row["network"],
                f"{row['accuracy']:.2f}",
                f"{row['parameters']:,}" + (f" + {row['functions']}" if row.get("functions") else ""),
                row["source"],
            ]
            for row in found["rows"]
        ],
    )


def _accuracy_at(points: List[Found], bits: int) -> Optional[float]:
    return next((point["accuracy"] for point in points if point["frac_bits"] == bits), None)


def _bits(points: List[Found], limit: float) -> str:
    """From how many fraction bits on all points of a curve reach the limit."""
    least = None
    for point in reversed(points):
        if point["accuracy"] < round(limit, 4):
            break
        least = point["frac_bits"]
    return "never" if least is None else f"from {_count(least, 'bit')} on"


def _method(point: Found) -> str:
    return f"{point['method']}, {point['rounding']}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + "s" * (number != 1)


def _percent(value: Optional[float]) -> str:
    return "-" if value is None else f"{value:.2f}"


def _number(value: Optional[float]) -> str:
    return "-" if value is None else f"{value:.2f}"


def _picture(settings: Settings, text: str, name: str) -> List[str]:
    return [f"![{text}]({settings.pictures.name}/{name})", ""]


def _text(paragraph: str) -> List[str]:
    return [*_wrapped(paragraph), ""]


def _bullets(items: Sequence[str]) -> List[str]:
    return [line for item in items for line in _wrapped(f"- {item}", subsequent_indent="  ")] + [""]


def _wrapped(text: str, **options: Any) -> List[str]:
    return textwrap.wrap(
        " ".join(text.split()), _WIDTH, break_long_words=False, break_on_hyphens=False, **options
    )


def _table(head: List[str], rows: List[List[str]]) -> List[str]:
    return ["| " + " | ".join(cells) + " |" for cells in [head, ["---"] * len(head), *rows]] + [""]


_WRITE: Dict[str, Callable[[Settings, Found], List[str]]] = {
    "fractions": _fractions,
    "divergence": _divergence,
    "confusion": _confusion,
    "hidden": _hidden,
    "comparison": _comparison,
}
