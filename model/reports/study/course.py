"""The study from its points to its page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import torch

from model.reports.study import comparison, confusion, divergence, fractions, hidden
from model.reports.study.page import page
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
    """Compute the parts, keep their figures in settings.build, write their pictures and the page. Returns the files written."""
    torch.set_num_threads(1)  # one is fastest for networks this small, and the same everywhere
    load_test(recipe_for(settings).dataset)  # if it is missing, say so at once
    subjects = find_subjects(settings)
    points = _points(settings, subjects, only)
    results = run(points, settings.build / "points", jobs, scheduler, restart)
    mark, written = [subject.sha256 for subject in subjects], []
    for part in [
        part for part in PARTS if part in only or part == "comparison"
    ]:  # which costs nothing and has the shipped files' rows
        found = _assemble(part, settings, subjects, results)
        path = settings.build / f"{part}.json"
        write_whole(path, json.dumps({"subjects": mark, **found}, indent=1) + "\n")
        written += [path, *draw(part, found, settings.pictures)]
    write_whole(settings.page, page(settings, _computed(settings, mark)))
    return [*written, settings.page]


def _points(settings: Settings, subjects: Sequence[Subject], only: Sequence[str]) -> List[Point]:
    """Of all wanted parts, each once; t-SNE, the longest, begins first."""
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
    found = _SOURCE[part].assemble(settings, subjects, results)
    return {"fractions": found, "summary": divergence.summarise(found)} if part == "divergence" else found


def _computed(settings: Settings, mark: List[str]) -> Dict[str, Dict[str, Any]]:
    """The parts that are there, now or from an earlier run on the same networks."""
    found = {}
    for part in PARTS:
        path = settings.build / f"{part}.json"
        figures = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        if figures.get("subjects") == mark:
            found[part] = figures
    return found
