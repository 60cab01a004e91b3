"""Records: frozen dataclasses that cost little to declare, since every start declares all of them.

The standard library writes six methods for each class as text and compiles them, half a millisecond a class; here
all classes share five of them, and the constructor is made when the first instance is.
"""

from __future__ import annotations

import dataclasses
from dataclasses import MISSING, FrozenInstanceError
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
def record(cls: type[T]) -> type[T]:
    """Make a class a dataclass as `dataclass(frozen=True, slots=True)` does; there is no `__post_init__`.

    >>> @record
    ... class Point:
    ...     "A point."
    ...
    ...     x: int
    ...     y: int = 0
    >>> Point(1), dataclasses.replace(Point(1), y=2) == Point(1, 2)
    (Point(x=1, y=0), True)
    """
    own = vars(cls)
    made: Any = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)(cls)
    names = tuple(field.name for field in dataclasses.fields(made))
    values: Callable[[Any], Any] = attrgetter(*names) if names else lambda _: ()

    def __init__(self: Any, *given: Any, **named: Any) -> None:  # noqa: N807
        made.__init__ = _constructor(made)
        made.__init__(self, *given, **named)

    def __eq__(self: Any, other: object) -> Any:  # noqa: N807
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    def __hash__(self: Any) -> int:  # noqa: N807
        return hash(values(self))

    for name, method in {**_SHARED, "__init__": __init__, "__eq__": __eq__, "__hash__": __hash__}.items():
        if name not in own:
            setattr(made, name, method)
    return made  # type: ignore[no-any-return]


def _constructor(made: Any) -> Callable[..., None]:
    fields = dataclasses.fields(made)
    known: dict[str, Any] = {"_set": object.__setattr__, "_missing": MISSING}
    wanted, body = [], []
    for name, field in ((field.name, field) for field in fields):
        value = name
        if field.default is not MISSING:
            known[f"_default_{name}"] = field.default
            wanted.append(f"{name}=_default_{name}")
        elif field.default_factory is not MISSING:
            known[f"_make_{name}"] = field.default_factory
            wanted.append(f"{name}=_missing")
            value = f"_make_{name}() if {name} is _missing else {name}"
        else:
            wanted.append(name)
        body.append(f"    _set(self, {name!r}, {value})")
    text = "\n".join([f"def __init__({', '.join(['self', *wanted])}):", *body, "    return None"])
    exec(text, known)  # noqa: S102  # names of fields and nothing else
    constructor: Callable[..., None] = known["__init__"]
    constructor.__qualname__ = f"{made.__qualname__}.__init__"
    return constructor


class _Shared:
    """What all records have in common."""

    def __repr__(self) -> str:
        said = ", ".join(f"{name}={getattr(self, name)!r}" for name in _names(self))
        return f"{type(self).__qualname__}({said})"

    def __setattr__(self, name: str, value: object) -> None:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def __getstate__(self) -> list[Any]:
        return [getattr(self, name) for name in _names(self)]

    def __setstate__(self, state: list[Any]) -> None:
        for name, value in zip(_names(self), state, strict=True):
            object.__setattr__(self, name, value)


_SHARED = {name: method for name, method in vars(_Shared).items() if callable(method)}


def _names(one: Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(one))
