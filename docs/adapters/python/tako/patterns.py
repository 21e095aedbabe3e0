"""Which versions a host allows: spec/patterns.md."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .errors import TakoError
from .versions import ZERO, Part, Version, compare, parse_version


@dataclass(frozen=True)
class Pattern:
    text: str  # the canonical form (PAT-13)
    matches: Callable[[Version], bool]


def parse_pattern(text: str) -> Pattern:
    if text == "*":
        return Pattern(text, lambda version: True)
    if text.endswith((".*", "-*", "_*")):
        return _family(text)
    if words := re.fullmatch(r"([^ ]+) +<= +v +< +([^ ]+)", text):
        return _range(_bound(words[1]), _bound(words[2]))
    exact = _bound(text)
    return Pattern(text, lambda version: compare(version, exact) == 0)


def select(versions: Iterable[Version], pattern: Pattern) -> Version | None:
    """The newest of the versions, which ascend as in a manifest, that the pattern matches (FET-40)."""
    return next((v for v in reversed(list(versions)) if pattern.matches(v)), None)


def _family(text: str) -> Pattern:
    start = _bound(text[:-2]).parts
    return Pattern(text, lambda version: version.first(len(start)) == start)


def _range(low: Version, high: Version) -> Pattern:
    end = _without_trailing_zeros(high.parts)

    def below(version: Version) -> bool:
        """PAT-8. The shortened tuples have the same length, so their `<` is the order of versions."""
        return version.first(len(end)) < end

    if not below(low):
        raise TakoError("pattern", "PAT-9", "no version can be within these bounds")
    return Pattern(
        f"{low.text} <= v < {high.text}",
        lambda version: compare(low, version) <= 0 and below(version),
    )


def _without_trailing_zeros(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    n = len(parts)
    while n and parts[n - 1] == ZERO:
        n -= 1
    return parts[:n]


def _bound(text: str) -> Version:
    """A version within a pattern. That it is none is an error of the pattern (PAT-10, PAT-12)."""
    try:
        return parse_version(text)
    except TakoError as error:
        raise error.within("pattern") from error
