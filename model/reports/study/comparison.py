"""The papers' comparison of accuracy and parameters, extended by the shipped networks."""

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
    """Return no points: nothing has to be computed."""
    return []


def assemble(settings: Settings, subjects: Sequence[Subject], results: Dict[str, Dict]) -> Dict[str, Any]:
    """Return the rows by falling accuracy, the smaller network first on a tie."""
    rows = [{**figure._asdict(), "ours": False} for figure in FIGURES] + _shipped()
    return {"rows": sorted(rows, key=lambda row: (-row["accuracy"], row["parameters"], row["network"]))}


def _shipped() -> List[Dict[str, Any]]:
    rows = []
    for name in names("lst"):
        network = load_network(find(name))
        provenance = network.provenance
        if provenance.get("dataset") == DATASET and "accuracy_integer" in provenance:
            rows.append(
                {
                    "network": name,
                    "accuracy": provenance["accuracy_integer"],
                    "parameters": network.parameters,
                    "functions": sum(len(values) for values in provenance.get("functions", [])),
                    "source": f"{name}.npz, {provenance['quantization']}",
                    "ours": True,
                }
            )
    return rows
