"""Hidden layers: codes after the row layer and after the column layer, and t-SNE of the latter."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from lst_overlay.network import QFormat, outputs
from model.reports.study.confusion import integer_network
from model.reports.study.settings import Settings
from model.reports.study.subjects import Subject, recipe_for
from model.reports.study.sweep import Point
from model.training.data import load_test

COMPONENTS = 50  # principal components of the hidden layer that t-SNE works on
PERPLEXITY = 30
_DIGITS, _TSNE = "hidden", "tsne"


def points(settings: Settings, subjects: Sequence[Subject]) -> List[Point]:
    arguments = {"subject": subjects[0], "dataset": recipe_for(settings).dataset, "fmt": settings.fmt}
    return [
        Point(_TSNE, tsne_point, {**arguments, "seed": settings.seed}),
        Point(_DIGITS, digits_point, arguments),
    ]


def assemble(settings: Settings, subjects: Sequence[Subject], results: Dict[str, Dict]) -> Dict[str, Any]:
    return {
        "network": subjects[0].name,
        "format": str(settings.fmt),
        "outputs": int(np.size(results[_DIGITS]["columns"][0])),
        "digits": results[_DIGITS],
        "tsne": {key: value for key, value in results[_TSNE].items() if key not in ("points", "labels")},
        "map": {key: results[_TSNE][key] for key in ("points", "labels")},
    }


def digits_point(subject: Subject, dataset: str, fmt: QFormat) -> Dict[str, Any]:
    """Return the first test image of each class, and its codes after the first two layers."""
    part, network = load_test(dataset), integer_network(subject, fmt)
    chosen = [int(np.flatnonzero(part.labels.numpy() == digit)[0]) for digit in range(10)]
    images = part.images.numpy()[chosen]
    rows, columns = outputs(network, images)[:2]
    return {
        "image_numbers": chosen,
        "one": round(1 / network.layers[0].activation.step),
        "images": images.tolist(),
        "rows": rows.tolist(),
        "columns": columns.tolist(),
    }


def tsne_point(subject: Subject, dataset: str, fmt: QFormat, seed: int) -> Dict[str, Any]:
    """Map the whole test set's codes after the column layer into the plane, by PCA and t-SNE."""
    part, network = load_test(dataset), integer_network(subject, fmt)
    columns = outputs(network, part.images.numpy())[1]
    codes = columns.reshape(len(columns), -1) * network.layers[1].activation.step
    components = PCA(COMPONENTS, svd_solver="full").fit_transform(codes)
    plane = TSNE(perplexity=PERPLEXITY, init="pca", random_state=seed, n_jobs=1).fit_transform(components)
    return {
        "images": len(codes),
        "components": COMPONENTS,
        "perplexity": PERPLEXITY,
        "seed": seed,
        "points": np.round(plane.astype(np.float64), 2).tolist(),
        "labels": part.labels.tolist(),
    }
