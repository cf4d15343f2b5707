"""Runs the study, from its points to its page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import torch

from model.reports.study import comparison, confusion, divergence, fractions, hidden
from model.reports.study.page import figures_of, page_of
from model.reports.study.pictures import draw
from model.reports.study.settings import PARTS, Settings
from model.reports.study.subjects import Subject, find_subjects, recipe_for
from model.reports.study.sweep import Point, run, write_whole
from model.training.data import load_test

# What computes a part; divergence has the points of fractions.
_SOURCE = {
    "hidden": hidden,
    "confusion": confusion,
    "fractions": fractions,
    "divergence": fractions,
    "comparison": comparison,
}


def study(
    settings: Settings,
    only: Sequence[str] = PARTS,
    jobs: Optional[int] = None,
    scheduler: Optional[str] = None,
    restart: bool = False,
) -> List[Path]:
    """Compute the parts, keep their figures in settings.build, write pictures and page.

    Returns the files written.
    """
    torch.set_num_threads(1)  # one is fastest for networks this small, and the same everywhere
    load_test(recipe_for(settings).dataset)  # if it is missing, say so at once
    subjects = find_subjects(settings)
    points = _points(settings, subjects, only)
    results = run(points, settings.build / "points", jobs, scheduler, restart)
    mark, written = [subject.sha256 for subject in subjects], []
    # The comparison costs nothing, and shows what is shipped now.
    for part in [part for part in PARTS if part in only or part == "comparison"]:
        figures = _assemble(part, settings, subjects, results)
        path = settings.build / f"{part}.json"
        write_whole(path, json.dumps({"subjects": mark, **figures}, indent=1) + "\n")
        written += [path, *draw(part, figures, settings.pictures)]
    return [*written, *page_of(settings).write(figures_of(settings, _computed(settings, mark)))]


def _points(settings: Settings, subjects: Sequence[Subject], only: Sequence[str]) -> List[Point]:
    """Return the points of the parts, each once; t-SNE, the longest, begins first."""
    points = {
        point.name: point
        for part, source in _SOURCE.items()
        if part in only
        for point in source.points(settings, subjects)
    }
    return list(points.values())


def _assemble(
    part: str, settings: Settings, subjects: Sequence[Subject], results: Dict[str, Dict]
) -> Dict[str, Any]:
    figures = _SOURCE[part].assemble(settings, subjects, results)
    return (
        {"fractions": figures, "summary": divergence.summarise(figures)} if part == "divergence" else figures
    )


def _computed(settings: Settings, mark: List[str]) -> Dict[str, Dict[str, Any]]:
    """Return the parts that this run or an earlier one computed from the same networks."""
    parts = {}
    for part in PARTS:
        path = settings.build / f"{part}.json"
        figures = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        if figures.get("subjects") == mark:
            parts[part] = figures
    return parts
