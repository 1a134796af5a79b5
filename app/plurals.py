"""Words that follow a number in the catalogues' languages; Chinese has one form and says nothing of it.

A catalogue writes `%(n)s {n:day|days} left`: the name of a value, then the word's forms in the order of the language's
own rule (`Plural-Forms`). A word that stands beside a figure by itself is written `{:day|days}`: alone it is its last
form, beside a number `beside` chooses. The source needs no mark: every sentence knows its values by name already.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

FORMS = re.compile(r"\{(\w*):([^{}|]*(?:\|[^{}|]*)+)\}")
Plural = Callable[[int], int]


class Counting(str):
    """A sentence with such words; they are chosen when its values are put in."""

    __slots__ = ("plural",)
    plural: Plural

    def __new__(cls, text: str, plural: Plural) -> Counting:
        made = super().__new__(cls, text)
        made.plural = plural
        return made

    def __str__(self) -> str:
        return self  # str() would give a plain copy, and the memory be lost on the way to the page

    def __mod__(self, values: Any) -> str:
        return chosen(self, values) % values


def chosen(text: str, values: Mapping[str, Any]) -> str:
    """The sentence with the words that these numbers ask for; its values are still to be put in."""
    if not isinstance(text, Counting):
        return text
    plural = text.plural
    return FORMS.sub(lambda found: _form(found[2].split("|"), values.get(found[1]), plural), text)


def _form(forms: list[str], value: Any, plural: Plural) -> str:
    number = _whole(value)
    return forms[-1] if number is None else forms[min(plural(abs(number)), len(forms) - 1)]


def _whole(value: Any) -> int | None:
    """A count, as an int or as it is written (1,024); None for what is no whole number."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    try:
        return int(str(value).replace(",", ""))
    except ValueError:
        return None


def prepare(catalogue: dict[Any, Any], plural: Plural) -> dict[str, list[str]]:
    """Make a language's texts ready, in place; gives the forms of its words that stand beside figures."""
    words: dict[str, list[str]] = {}
    for key, text in catalogue.items():
        if not isinstance(text, str) or "{" not in text or not FORMS.search(text):
            continue
        alone = FORMS.fullmatch(text)
        if alone and not alone[1]:
            forms = alone[2].split("|")
            words[forms[-1]] = forms
            catalogue[key] = forms[-1]
        else:
            catalogue[key] = Counting(text, plural)
    return words


def beside(word: str, number: Any, words: Mapping[str, list[str]], plural: Plural) -> str:
    """The form of a word that a figure beside it asks for; what has none stays as it is."""
    forms = words.get(word)
    return word if forms is None else _form(forms, number, plural)
