"""使用帮助: how each thing is done, told to whoever may do it, in the words that stand on the screens.

`CHAPTERS` is all of it; `chapters_for` what an account can do, `about` what explains one page, `matching` a search.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from app.handbook.accounts import ACCOUNTS
from app.handbook.emergency import EMERGENCY
from app.handbook.figures import FIGURES
from app.handbook.filing import FILING
from app.handbook.oversight import OVERSIGHT
from app.handbook.service import SERVICE
from app.handbook.topics import LABEL, Chapter, Step, Topic, parts_of
from app.verbs import Verb

__all__ = [
    "CHAPTERS", "LABEL", "Chapter", "Step", "Topic", "about", "all_topics", "chapters_for", "matching", "parts_of",
]  # fmt: skip

CHAPTERS: tuple[Chapter, ...] = (ACCOUNTS, FILING, SERVICE, EMERGENCY, OVERSIGHT, FIGURES)

May = Callable[[Verb], bool]


def all_topics(chapters: Iterable[Chapter] = CHAPTERS) -> Iterator[Topic]:
    return (topic for chapter in chapters for topic in chapter.topics)


def chapters_for(may: May, phone: bool = False) -> list[Chapter]:
    """What those can do of whom `may` tells each verb; on the phone what is done on site stands first."""
    held = [
        Chapter(chapter.title, tuple(one for one in chapter.topics if one.meant_for(may)))
        for chapter in CHAPTERS
    ]
    found = [chapter for chapter in held if chapter.topics]
    return sorted(found, key=lambda one: not any(topic.phone for topic in one.topics)) if phone else found


def about(chapters: Iterable[Chapter], path: str) -> list[Topic]:
    """The topics that explain the page at this path, those that name it most closely first; at most three."""
    fits = [(max(map(len, hits)), topic) for topic in all_topics(chapters) if (hits := _hits(topic, path))]
    return [topic for _length, topic in sorted(fits, key=lambda one: -one[0])][:3]


def matching(chapters: Iterable[Chapter], words: str) -> list[Topic]:
    """The topics in which each of the words stands, in the reader's language; those with it in their titles first."""
    sought = words.casefold().split()
    found = [topic for topic in all_topics(chapters) if all(word in _text(topic) for word in sought)]
    return sorted(found, key=lambda topic: not all(word in str(topic.title).casefold() for word in sought))


def _hits(topic: Topic, path: str) -> list[str]:
    return [page for page in topic.pages if path == page or path.startswith(page.rstrip("/") + "/")]


def _text(topic: Topic) -> str:
    told = (topic.title, *(step.text for step in topic.steps), *topic.notes)
    return "\n".join(map(str, told)).casefold()
