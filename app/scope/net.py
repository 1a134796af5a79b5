"""The net of scope as one option of a statement, whose part of the statement's cache key is worked out once.

SQLAlchemy finds a compiled statement by a key of all that it is made of. The criteria of a hundred models are most of
it, are the same in each statement of an account, and took a tenth of a page to be walked through again and again.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy.orm.interfaces import CriteriaOption
from sqlalchemy.sql.cache_key import NO_CACHE
from sqlalchemy.sql.visitors import anon_map


class Net(CriteriaOption):
    """Several `with_loader_criteria` in one."""

    __slots__ = ("_key", "_parameters", "criteria")

    def __init__(self, criteria: Sequence[CriteriaOption]) -> None:
        self.criteria = tuple(criteria)
        self._parameters: list[Any] = []
        there = anon_map()
        key = tuple(one._gen_cache_key(there, self._parameters) for one in self.criteria)
        if NO_CACHE in there:
            raise ValueError("a criterion that can not be kept")
        self._key = _name_of(key)

    def _gen_cache_key(self, there: Any, parameters: list[Any]) -> Any:
        """The same name for criteria that are made alike, whatever the values in them.

        A parameter that the statement holds itself, too, is told: one name for two places is right only where both
        always have one value.
        """
        shared = []
        for place, parameter in enumerate(self._parameters):
            number, found = there.get_anon(parameter)
            if found:
                shared.append((place, number))
            else:
                parameters.append(parameter)
        return (Net, self._key, tuple(shared))

    def process_compile_state(self, state: Any) -> None:
        for one in self.criteria:
            one.process_compile_state(state)

    def process_compile_state_replaced_entities(self, state: Any, entities: Any) -> None:
        for one in self.criteria:
            one.process_compile_state_replaced_entities(state, entities)

    def get_global_criteria(self, attributes: dict[Any, Any]) -> None:
        for one in self.criteria:
            one.get_global_criteria(attributes)


class _Name:
    """Stands for a key, in its place."""


@lru_cache(maxsize=512)
def _name_of(_key: Any) -> _Name:
    return _Name()
