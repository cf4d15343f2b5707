"""What pydantic finds wrong with a recipe, as one line that names the key, the rule and the value."""

from __future__ import annotations

import dataclasses
import difflib
import typing
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple, Type

from pydantic import ValidationError

ONE, EACH = "one for all", "one for each"  # the two forms of a key that may be a list: pydantic's, no keys
_BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
}
# Keys of earlier versions, and their defaults.
_RETIRED = {("distillation", "transfer_epochs"): 0, ("int8",): False}
_UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")
Path = Tuple[str, ...]


class RecipeError(ValueError):
    """A recipe names an unknown key or an impossible value."""


def keys_of(kind: Type, path: Path = ()) -> Iterator[Tuple[Path, Any]]:
    """Every key of a recipe's class and of its tables, with its default, PydanticUndefined if it has none."""
    for name, field in kind.__pydantic_fields__.items():
        yield (*path, name), field.get_default(call_default_factory=True)
        table = _table(field.annotation)
        if table is not None:
            yield from keys_of(table, (*path, name))


def without_others_defaults(settings: Dict[str, Any], family: Type, families: Sequence[Type]) -> Dict:
    """Leave out keys of other families and of earlier versions that have their defaults.

    Earlier checkpoints and network files name them all.
    """
    own = dict(keys_of(family))
    others = _RETIRED | {
        path: default for kind in families for path, default in keys_of(kind) if path not in own
    }

    def kept(table: Dict[str, Any], path: Path) -> Dict[str, Any]:
        return {
            key: kept(value, (*path, key)) if isinstance(value, dict) else value
            for key, value in table.items()
            if (*path, key) not in others or value != others[(*path, key)]
        }

    return kept(settings, ())


def one_line(error: ValidationError, family: Optional[Type], families: Sequence[Type]) -> str:
    """The first fault; unknown keys come first, for they may explain others.

    family: the class of the recipe, None if no family has its network.
    """
    faults = error.errors(include_url=False)
    fault = min(
        faults, key=lambda fault: 0 if fault["type"] in _UNKNOWN else 1 + (fault["type"] == "missing")
    )
    if family is None:
        known = ", ".join(network for kind in families for network in networks_of(kind))
        return f"network must be one of {known}, not {fault['input']['network']!r}"
    path, index = _place(fault["loc"])
    if fault["type"] in _UNKNOWN:
        return unknown_key(path, fault["loc"][0], families)
    if fault["type"] == "missing":
        places = [_place(other["loc"])[0] for other in faults if other["type"] == "missing"]
        missing = " and ".join(place[-1] for place in places if place[:-1] == path[:-1])
        return f"{_table_name(path) or _network(fault)} needs {missing}"
    where = f"{_table_name(path)} " if len(path) > 1 else ""
    if fault["type"] == "value_error":  # a rule of ours, whose message names key and value
        return f"{where}{fault['ctx']['error']}"
    return f"{where}{path[-1]}{index} {_rule(fault, path, families)}"


def unknown_key(path: Path, network: str, families: Sequence[Type]) -> str:
    """The message for a key that the network lacks: which networks have it, or what was probably meant."""
    owners = [name for kind in families if path in dict(keys_of(kind)) for name in networks_of(kind)]
    where = f"{_table_name(path)} " if len(path) > 1 else ""
    if owners and path != ("name",):
        return f"{where}{path[-1]} belongs to network {_or(owners)}, not to {network}"
    family = family_of(network, families)
    there = [known[-1] for known, _ in keys_of(family) if known[:-1] == path[:-1] and known != ("name",)]
    near = difflib.get_close_matches(path[-1], there, 1)
    what = f"{where}has no key {path[-1]!r}" if where else f"unknown key {path[-1]!r}"
    return f"{what}{f', did you mean {near[0]!r}' if near else ''}; there are {', '.join(there)}"


def family_of(network: Any, families: Sequence[Type]) -> Optional[Type]:
    """The family that has a network of this name, None if none has."""
    return next((kind for kind in families if network in networks_of(kind)), None)


def networks_of(family: Type) -> Tuple[str, ...]:
    """The names of the family's networks: the values that its key `network` may have."""
    return typing.get_args(typing.get_type_hints(family)["network"])


def _rule(fault: Dict[str, Any], path: Path, families: Sequence[Type]) -> str:
    """What a value must be and what it is."""
    kind, value = fault["type"], fault["input"]
    if kind == "dataclass_type":
        return f"must be a table, not {value!r}"
    if kind in _BOUNDS:
        words, key = _BOUNDS[kind]
        bound = fault["ctx"][key]
        return f"must be {words} {f'{bound:g}' if isinstance(bound, float) else bound}, not {value!r}"
    if kind == "literal_error":
        expected = fault["ctx"]["expected"].replace("'", "").replace(" or ", ", ")
        elsewhere = [typing.get_type_hints(family).get(path[-1]) for family in families]
        of = f" for {_network(fault)}" if any(value in typing.get_args(hint) for hint in elsewhere) else ""
        return f"must be {'one of ' if ',' in expected else ''}{expected}{of}, not {value!r}"
    return f"{fault['msg'].replace('Input should be', 'must be')}, not {value!r}"


def _place(location: Sequence) -> Tuple[Path, str]:
    """pydantic's location -> the keys from the file's top, and the index into a list, such as "[1]"."""
    keys = tuple(part for part in location[1:] if isinstance(part, str) and part not in (ONE, EACH))
    return keys, "".join(f"[{part}]" for part in location[1:] if isinstance(part, int))


def _table_name(path: Path) -> str:
    return f"[{path[0]}]" if len(path) > 1 else ""


def _network(fault: Dict[str, Any]) -> str:
    return f"network {fault['loc'][0]}"


def _or(names: List[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _table(annotation: Any) -> Optional[Type]:
    """The class of a table, from a key's type, such as Optional[Widths]; None for other keys."""
    kinds = [annotation, *typing.get_args(annotation)]
    return next((kind for kind in kinds if dataclasses.is_dataclass(kind)), None)
