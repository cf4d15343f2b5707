"""Functions for the points of test sweeps: workers import them by name."""

import os
import signal
import time
from pathlib import Path


def square(x, log=None):
    """With a log, a line for each time it was computed."""
    if log is not None:
        with open(log, "a") as lines:
            lines.write(f"{x}\n")
    return {"square": x * x, "pair": (x, x)}


def fail(x):
    raise ValueError(f"x is {x}\nand that is wrong")


class Unpicklable(Exception):
    def __init__(self, first, second):
        super().__init__(f"{first} {second}")


def fail_unpicklable():
    raise Unpicklable("no", "way")


def not_json():
    return {"what": {1, 2}}


def not_finite():
    return {"what": float("nan")}


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def threads():
    import torch

    return {"torch": torch.get_num_threads(), "omp": os.environ.get("OMP_NUM_THREADS")}


def meet(mine, other, directory):
    """Two of these end only if they run at the same time."""
    (Path(directory) / mine).touch()
    end = time.monotonic() + 60
    while not (Path(directory) / other).exists():
        if time.monotonic() > end:
            raise TimeoutError(f"{other} never ran beside {mine}")
        time.sleep(0.01)
    return {"met": other}
