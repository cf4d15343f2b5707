"""Settings of the study: what it computes, and where its files go."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Tuple

from lst_overlay.network import QFormat

PARTS = ("fractions", "divergence", "confusion", "hidden", "comparison")


@dataclass(frozen=True)
class Settings:
    """What a study computes.

    recipe: trains the float network. epochs: replaces the recipe's. train: the directory of the checkpoint,
    None for the one where training leaves it. int_bits, frac_bits: the formats of the curves. fmt: the format
    that is examined closely. extra_formats: formats that are in the tables but not in the curves.
    """

    command: str = "python -m model study"
    recipe: Path = Path("recipes/lst1_tanh.toml")
    epochs: Optional[int] = None
    train: Optional[Path] = None
    build: Path = Path("build/study")
    page: Path = Path("docs/study.md")
    int_bits: int = 6  # Q6.n, as in the papers
    frac_bits: Tuple[int, ...] = tuple(range(1, 11))
    fmt: QFormat = QFormat(6, 7)
    extra_formats: Tuple[QFormat, ...] = (QFormat(5, 7),)
    fine_tuning_epochs: int = 3
    fine_tuning_rate: float = 1e-3
    bins: Tuple[int, int] = (32, 128)
    seed: int = 1

    @property
    def pictures(self) -> Path:
        """The folder of pictures, beside the page and of its name."""
        return self.page.with_suffix("")

    @property
    def formats(self) -> Tuple[QFormat, ...]:
        return tuple(QFormat(self.int_bits, bits) for bits in self.frac_bits)


FULL = Settings()
# The same study on the digits inside scikit-learn: checks in a minute, without MNIST, that all of it works.
QUICK = Settings(
    command="python -m model study --quick",
    recipe=Path("recipes/lst1_digits.toml"),
    epochs=20,
    train=Path("build/study/quick/train"),
    build=Path("build/study/quick"),
    page=Path("build/study/quick/study.md"),
    frac_bits=(1, 3, 4, 5, 7),
    fine_tuning_epochs=1,
)
