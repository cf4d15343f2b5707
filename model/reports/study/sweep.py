"""Sweeps: many independent computations in parallel, which can be resumed when they were interrupted.

A point is a name, a function and its arguments. Its result is stored in <directory>/<name>.json with a
fingerprint of function and arguments; a point whose fingerprint changed is computed anew. The fingerprint
does not cover the program itself: after a change of the program, `restart` computes everything anew.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import multiprocessing
import os
import re
import signal
import sys
import traceback
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from tqdm import tqdm

# Workers have one thread each, and show no progress bar beside ours.
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"}
_CONNECT_SECONDS = 10


class SweepError(RuntimeError):
    """The description of a sweep is wrong, or some of its points failed."""


@dataclass(frozen=True)
class Point:
    """One computation: function(**arguments) returns a dictionary that JSON can hold.

    The function must be importable by its name. arguments: plain values, lists and dictionaries of them,
    paths and dataclasses, because only these have a fingerprint.
    """

    name: str
    function: Callable[..., Dict[str, Any]]
    arguments: Dict[str, Any]

    def __post_init__(self):
        if not re.fullmatch(r"[\w+-][\w.+-]*", self.name):
            raise SweepError(
                f"a point's name becomes a file's, letters, digits and . _ + - only, not {self.name!r}"
            )

    @property
    def fingerprint(self) -> str:
        content = {
            "function": f"{self.function.__module__}.{self.function.__qualname__}",
            "arguments": self.arguments,
        }
        try:
            return hashlib.sha256(json.dumps(content, sort_keys=True, default=_plain).encode()).hexdigest()
        except TypeError as error:
            raise SweepError(f"point {self.name}: {error}") from None


class Outcome(NamedTuple):
    """The outcome of a point: a result, or an error with its traceback."""

    result: Optional[Dict[str, Any]]
    error: str = ""
    trace: str = ""


def run(
    points: Sequence[Point],
    directory,
    jobs: Optional[int] = None,
    scheduler: Optional[str] = None,
    restart: bool = False,
) -> Dict[str, Dict[str, Any]]:
    """Compute the points and return their results by name, in the order of the points.

    If points fail, the others are still computed; then SweepError is raised. jobs: number of processes, by
    default the number of cores. scheduler: address of a Dask scheduler whose workers compute instead; they
    need this program and its files under the same paths. restart: compute finished points again.
    """
    directory = Path(directory)
    names = [point.name for point in points]
    if len(set(names)) < len(names):
        raise SweepError(f"two points are named {next(name for name in names if names.count(name) > 1)}")
    kept = (
        {}
        if restart
        else {point.name: result for point in points if (result := _kept(directory, point)) is not None}
    )
    missing = [point for point in points if point.name not in kept]
    results, failed = dict(kept), []
    with tqdm(total=len(points), initial=len(kept), desc="points", unit="point") as progress:
        for point, outcome in _outcomes(missing, jobs, scheduler):
            outcome = _keep(directory, point, outcome)
            if outcome.error:
                failed.append(f"{point.name} ({outcome.error})")
            else:
                results[point.name] = outcome.result
            progress.set_postfix_str(point.name, refresh=False)
            progress.update()
    if failed:
        more = f" and {len(failed) - 3} more" if len(failed) > 3 else ""
        raise SweepError(
            f"{len(failed)} of {len(points)} points failed, the rest is kept in {directory}; "
            f"traces in *.error.txt there: {'; '.join(failed[:3])}{more}"
        )
    return {name: results[name] for name in names}


def file_of(directory, name: str) -> Path:
    return Path(directory) / f"{name}.json"


def write_whole(path: Path, text: str) -> None:
    """Write the file completely or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def _kept(directory: Path, point: Point) -> Optional[Dict[str, Any]]:
    try:
        kept = json.loads(file_of(directory, point.name).read_text(encoding="utf-8"))
        return kept["result"] if kept["fingerprint"] == point.fingerprint else None
    except (FileNotFoundError, ValueError, KeyError, TypeError):  # missing, or not a result: it is computed
        return None


def _keep(directory: Path, point: Point, outcome: Outcome) -> Outcome:
    """Write the outcome of the point; a result that JSON cannot hold is a failure."""
    trace = file_of(directory, point.name).with_suffix(".error.txt")
    if not outcome.error:
        try:
            text = json.dumps({"fingerprint": point.fingerprint, "result": outcome.result}, allow_nan=False)
        except (TypeError, ValueError) as error:
            outcome = Outcome(None, f"its result is not JSON: {error}", f"{error}\n")
        else:
            write_whole(file_of(directory, point.name), text + "\n")
            trace.unlink(missing_ok=True)
            return Outcome(json.loads(text)["result"])  # as a later run will read it
    write_whole(trace, outcome.trace)
    return outcome


def _outcomes(
    points: Sequence[Point], jobs: Optional[int], scheduler: Optional[str]
) -> Iterator[Tuple[Point, Outcome]]:
    if not points:
        return
    with (
        _processes(min(jobs or os.cpu_count() or 1, len(points))) if scheduler is None else _dask(scheduler)
    ) as executor:
        futures = {executor.submit(_call, point.function, point.arguments): point for point in points}
        try:
            for future in as_completed(futures):
                yield futures[future], _outcome(future)
        finally:
            for future in futures:  # after an interrupt; cancelling a finished one has no effect
                future.cancel()


def _outcome(future) -> Outcome:
    try:
        return future.result()
    except BrokenExecutor:
        return Outcome(None, "a worker process died", "A worker process died: killed, or out of memory.\n")
    except Exception as error:  # such as an argument that cannot be pickled
        return Outcome(None, _line(error), traceback.format_exc())


def _call(function: Callable[..., Dict[str, Any]], arguments: Dict[str, Any]) -> Outcome:
    """Run the function in the worker. Errors return as text because not every exception can be pickled."""
    if "torch" in sys.modules:  # if the function needs it
        sys.modules["torch"].set_num_threads(1)
    try:
        return Outcome(function(**arguments))
    except Exception as error:
        return Outcome(None, _line(error), traceback.format_exc())


def _line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


@contextlib.contextmanager
def _processes(jobs: int) -> Iterator[Executor]:
    """Spawn processes; forked ones would not work, as torch's threads do not survive a fork."""
    before = {key: os.environ.get(key) for key in _ENVIRONMENT}
    os.environ.update(_ENVIRONMENT)
    try:
        with ProcessPoolExecutor(
            jobs, multiprocessing.get_context("spawn"), initializer=_die_quietly
        ) as executor:
            yield executor
    finally:
        for key, value in before.items():
            os.environ.pop(key) if value is None else os.environ.update({key: value})


def _die_quietly() -> None:
    """Let Ctrl-C, which reaches workers too, end them without a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextlib.contextmanager
def _dask(address: str) -> Iterator[Executor]:
    try:
        from distributed import Client
    except ImportError:
        raise SweepError("a scheduler needs Dask: pip install -e '.[study]'") from None
    try:
        client = Client(address, timeout=_CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise SweepError(f"no Dask scheduler answers at {address} ({_line(error)})") from None
    with client, client.get_executor(pure=False) as executor:
        yield executor


def _plain(value: Any) -> Any:
    """Convert dataclasses and paths, which json.dumps cannot write, for a fingerprint."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields: List[dataclasses.Field] = list(dataclasses.fields(value))
        return {"": type(value).__qualname__, **{field.name: getattr(value, field.name) for field in fields}}
    if isinstance(value, os.PathLike):
        return Path(value).as_posix()
    raise TypeError(f"an argument of type {type(value).__qualname__} has no fingerprint")
