"""Named plug-ins: built-in ones by module, other people's by entry point."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from typing import Generic, TypeVar, cast

from mixsweep.errors import MixsweepError, nearest

__all__ = ["Registry"]

T = TypeVar("T")


class Registry(Generic[T]):
    """A table of named classes or functions, loaded when first asked for.

    Parameters
    ----------
    kind : str
        What the entries are, for messages (``"method"``).
    builtin : dict of str to str
        Name to ``"module:attribute"``; a line here makes a new file known.
    group : str
        Entry-point group in which other distributions offer more.
    """

    def __init__(self, kind: str, builtin: dict[str, str], group: str) -> None:
        self.kind = kind
        self.group = group
        self._builtin = builtin
        self._loaded: dict[str, T] = {}

    def names(self) -> list[str]:
        """Return all known names, sorted."""
        return sorted(
            {*self._builtin, *self._loaded, *(point.name for point in entry_points(group=self.group))}
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that enters an object under a name for this process."""

        def enter(item: T) -> T:
            self._loaded[name] = item
            return item

        return enter

    def __getitem__(self, name: str) -> T:
        """Return the entry of that name.

        Raises
        ------
        MixsweepError
            If no entry has that name; the message suggests the nearest.
        """
        if name not in self._loaded:
            if name in self._builtin:
                module, _, attribute = self._builtin[name].partition(":")
                self._loaded[name] = cast(T, getattr(importlib.import_module(module), attribute))
            else:
                found = entry_points(group=self.group, name=name)
                if not found:
                    raise MixsweepError(f"unknown {self.kind} {name!r}{nearest(name, self.names())}")
                self._loaded[name] = cast(T, next(iter(found)).load())
        return self._loaded[name]
