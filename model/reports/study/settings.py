"""What the study computes and where its files go."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Tuple

from lst_overlay.network import QFormat

PARTS = ("fractions", "divergence", "confusion", "hidden", "comparison")


@dataclass(frozen=True)
class Settings:
    """recipe: of the float network; epochs: instead of the recipe's; train: where its checkpoint is, None for where training leaves it.

    frac_bits and int_bits span the formats of the curves; fmt is the one looked at closely, and extra_formats are in the tables alone.
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
        """Beside the page, in a folder of its name."""
        return self.page.with_suffix("")

    @property
    def formats(self) -> Tuple[QFormat, ...]:
        return tuple(QFormat(self.int_bits, bits) for bits in self.frac_bits)


FULL = Settings()
# The same course on the digits inside scikit-learn: a check that all of it works, in a minute, without MNIST.
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
