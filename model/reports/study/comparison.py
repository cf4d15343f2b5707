"""The papers' comparison of accuracy and parameters, with the shipped networks' rows read from their files."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

from lst_overlay.network import load_network
from lst_overlay.samples.shipped_networks import find, names
from model.reports.study.published_figures import FIGURES
from model.reports.study.settings import Settings
from model.reports.study.subjects import Subject
from model.reports.study.sweep import Point

DATASET = "mnist"  # what the published figures are of


def points(settings: Settings, subjects: Sequence[Subject]) -> List[Point]:
    """None: all of it is written down already."""
    return []


def assemble(settings: Settings, subjects: Sequence[Subject], results: Dict[str, Dict]) -> Dict[str, Any]:
    """Rows by falling accuracy, of equals the smaller network first."""
    rows = [{**figure._asdict(), "ours": False} for figure in FIGURES] + _shipped()
    return {"rows": sorted(rows, key=lambda row: (-row["accuracy"], row["parameters"], row["network"]))}


def _shipped() -> List[Dict[str, Any]]:
    found = []
    for name in names():
        network = load_network(find(name))
        provenance = network.provenance
        if provenance.get("dataset") == DATASET and "accuracy_integer" in provenance:
            found.append(
                {
                    "network": name,
                    "accuracy": provenance["accuracy_integer"],
                    "parameters": network.parameters,
                    "functions": sum(len(values) for values in provenance.get("functions", [])),
                    "source": f"{name}.npz, {provenance['quantization']}",
                    "ours": True,
                }
            )
    return found
