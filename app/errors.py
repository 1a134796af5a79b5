"""What goes wrong on purpose: a refusal says rule, finding and remedy, all failing ones at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from app.wording import say, speak, together


@dataclass(frozen=True, slots=True)
class Finding:
    """One condition that was checked: which rule, whether it holds, what was found, what to do.

    `field` and `value` name the input where one caused it; `link` leads to the remedy, and `way` is what that is called
    where it is nothing to do.
    A finding with `ok=False, level="warn"` is shown but stops nothing. Its texts are Chinese, and told in the reader's
    language wherever they are shown: see app/wording.py.
    """

    rule: str
    ok: bool
    found: str
    remedy: str = ""
    field: str | None = None
    value: str | None = None
    link: str | None = None
    level: Literal["fail", "warn"] = "fail"
    way: str = ""

    def __post_init__(self) -> None:
        speak(self, "rule", "found", "remedy", "way")

    @property
    def stops(self) -> bool:
        return not self.ok and self.level == "fail"

    def as_dict(self) -> dict[str, Any]:
        names = ("rule", "ok", "found", "remedy", "field", "value", "link", "level")
        return {name: getattr(self, name) for name in names}

    @property
    def line(self) -> str:
        """All of it as parts of one sentence."""
        return say("%(rule)s：%(found)s，%(remedy)s", rule=self.rule, found=self.found, remedy=self.remedy)

    @property
    def words(self) -> str:
        """Without the rule: where a heading or the field names it."""
        return say("%(found)s。%(remedy)s", found=self.found, remedy=self.remedy) if self.remedy else self.found

    def __str__(self) -> str:
        return say(
            "%(rule)s：%(found)s%(more)s",
            rule=self.rule,
            found=self.found,
            more=say("。%(remedy)s", remedy=self.remedy) if self.remedy else "",
        )


class TianError(Exception):
    """Base of every error that is ours."""


class Refusal(TianError):
    """The rules say no. Carries every failing finding; nothing was changed."""

    status_code = 422

    def __init__(self, findings: Finding | Iterable[Finding]) -> None:
        self.findings = [findings] if isinstance(findings, Finding) else list(findings)
        super().__init__(together((str(f) for f in self.findings if not f.ok), "；") or "不符合规则")


class NotAllowed(Refusal):
    """The actor lacks the right for this verb or row."""

    status_code = 403


class NotFound(Refusal):
    """No such row within the actor's scope (a foreign row and a missing one look alike)."""

    status_code = 404


class Stale(Refusal):
    """The row moved since the person looked at it; `current` is the version now in force."""

    status_code = 409

    def __init__(self, findings: Finding | Iterable[Finding], current: int | None = None) -> None:
        super().__init__(findings)
        self.current = current


def refuse(
    rule: str,
    found: str,
    remedy: str = "",
    *,
    field: str | None = None,
    value: object = None,
    link: str | None = None,
) -> Refusal:
    """Build the refusal for one failing rule; the caller raises it."""
    return Refusal(
        Finding(rule, False, found, remedy, field=field, value=None if value is None else str(value), link=link)
    )


def raise_failing(findings: Iterable[Finding]) -> None:
    """Raise one Refusal with every stopping finding, or return when none stops."""
    failing = [f for f in findings if f.stops]
    if failing:
        raise Refusal(failing)
