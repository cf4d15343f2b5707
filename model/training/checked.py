"""Types for the classes that a recipe is made of.

They are pydantic dataclasses: made from a TOML file, by hand or by `dataclasses.replace`, an object is always
checked. Nothing is converted, so that `per_channel = "no"` is an error and not true; infinity and NaN are
errors everywhere.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, StrictFloat, StrictInt

CHECKED = ConfigDict(extra="forbid", allow_inf_nan=False)

MAX_COUNT = 1_000_000_000  # products of two counts fit the 64 bits of torch's sizes
Count = Annotated[StrictInt, Field(ge=0, le=MAX_COUNT)]
PositiveCount = Annotated[StrictInt, Field(ge=1, le=MAX_COUNT)]
NonNegative = Annotated[StrictFloat, Field(ge=0)]
Positive = Annotated[StrictFloat, Field(gt=0)]
