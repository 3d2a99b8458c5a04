"""Converts frozen dataclasses to JSON values and back, exactly: fractions travel as "24000/1001".

Fields with a default may be missing in the JSON: an older version of the program wrote it.
"""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from fractions import Fraction
from functools import cache
from types import UnionType
from typing import Any, cast, get_args, get_origin, get_type_hints

type Json = dict[str, Any]


def dump(value: object) -> Json:
    """A dataclass instance as a JSON object (dicts, lists, strings, numbers, None)."""
    return cast(Json, _encoded(value))


def load[T](kind: type[T], data: Mapping[str, Any]) -> T:
    """The instance that `dump` was given; fields that were added since then get their defaults.

    Raises TypeError or ValueError for anything else.
    """
    return cast(T, _decoded(kind, data))


@cache
def _hints(kind: Any) -> dict[str, Any]:
    """The types of a dataclass's fields; cached, because finding them takes longer than everything else here."""
    return get_type_hints(kind)


def _encoded(value: object) -> object:
    if is_dataclass(value):
        return {field.name: _encoded(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    if isinstance(value, tuple):
        return [_encoded(item) for item in value]
    return value


def _decoded(kind: Any, data: Any) -> object:
    if isinstance(kind, UnionType):  # only "X | None" is in use
        return None if data is None else _decoded(get_args(kind)[0], data)
    if get_origin(kind) is tuple:
        return tuple(_decoded(get_args(kind)[0], item) for item in data)
    if is_dataclass(kind):
        hints = _hints(cast(Any, kind))
        read = [field for field in fields(kind) if field.name in data or field.default is MISSING]
        return cast(Any, kind)(**{field.name: _decoded(hints[field.name], data[field.name]) for field in read})
    if kind is Fraction:
        return Fraction(data)
    if not isinstance(data, kind if kind is not float else (int, float)):
        raise TypeError(f"expected {kind.__name__}, got {type(data).__name__}")
    return data
