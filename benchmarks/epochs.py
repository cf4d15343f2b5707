"""Epochs of CIFAR-10 in an hour on one thread: ResMLP and its teacher, with and without bfloat16.

    python -m benchmarks.epochs

An epoch is 45,000 images; its time is taken over a few steps, the best of some rounds in which the runs
alternate. The baseline is how ResMLP was trained before: batches of 128 images, augmented anew in each epoch,
float32. The teacher's logits are computed before a run and are not counted, and neither is validation.
"""

from __future__ import annotations

import math
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

import torch
from tqdm import tqdm

import model.networks.resmlp
import model.training.batches
from model.kernels import products
from model.training.copies import augmented_copies
from model.training.data import Part, Split
from model.training.picture_augment import PictureAugmentation
from model.training.recipe import Recipe
from model.training.train import Training

IMAGES, EPOCH = 2048, 45_000
ROUNDS = 3
BASELINE = "before: float32, batches of 128"


def runs(split: Split) -> dict:
    """Return (training run, whether it may use bfloat16) by name."""
    student, w5a6, teacher = (
        Recipe.named(name).changed(distillation=None) for name in ("resmlp", "resmlp_w5a6", "cifar10_teacher")
    )
    before = student.changed(batch=128, average=0.0, picture_augmentation=PictureAugmentation())
    integers = w5a6.changed(init_from="unused")
    recipes = {
        BASELINE: (before, False),
        "resmlp, float32": (student, False),
        "resmlp": (student, True),
        "resmlp_w5a6": (integers, True),
        "cifar10_teacher, float32": (teacher, False),
        "cifar10_teacher": (teacher, True),
    }
    with patch("model.training.train.load_ancestors", lambda recipe: {}):
        made = {name: (Training(recipe, split), narrow) for name, (recipe, narrow) in recipes.items()}
    made["resmlp_w5a6"][0].network.calibrate(split.train.images[:64])
    return made


def main() -> None:
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (IMAGES, 32, 32, 3), dtype=torch.uint8, generator=generator)
    part = Part(images, torch.randint(10, (IMAGES,), generator=generator))
    with tempfile.TemporaryDirectory() as directory:

        def few_copies(part, augmentation):
            return augmented_copies(part, PictureAugmentation(copies=2), Path(directory))

        with patch.object(model.training.batches, "augmented_copies", few_copies):
            all_ = runs(Split(part, part))
        best = {name: math.inf for name in all_}
        for _ in tqdm(range(1 + ROUNDS), desc="rounds"):  # the first compiles and warms up
            for name, (run, narrow) in all_.items():
                with patch.object(
                    model.networks.resmlp, "has_bfloat16", lambda device, narrow=narrow: narrow
                ), patch.object(products, "has_bfloat16", lambda device, narrow=narrow: narrow):
                    begun = time.perf_counter()
                    run.run_epoch()
                    best[name] = min(best[name], time.perf_counter() - begun)
    print(f"one thread, torch {torch.__version__}, {EPOCH:,} images an epoch; best of {ROUNDS} rounds")
    for name, seconds in best.items():
        per_hour = 3600 / (seconds * EPOCH / IMAGES)
        print(
            f"{name:>32}: {per_hour:6.1f} epochs an hour, {best[BASELINE] / seconds:5.2f} times the baseline"
        )


if __name__ == "__main__":
    main()
