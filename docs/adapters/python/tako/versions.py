"""Versions and their order: spec/versions.md."""

import re
from dataclasses import dataclass

from .errors import TakoError

# A part is (NUMBER, value) or (STRING, text). Python compares tuples from the left, its integers
# have any size (VER-8), and its strings compare by code point, which for ASCII is by byte (VER-15).
# So the built-in `<` on parts is VER-13 to VER-15.
STRING, NUMBER = 0, 1
Part = tuple[int, str] | tuple[int, int]
ZERO: Part = (NUMBER, 0)


@dataclass(frozen=True)
class Version:
    text: str  # as it was spelled (VER-9)
    parts: tuple[Part, ...]

    def first(self, n: int) -> tuple[Part, ...]:
        """The first n parts, padded with numeric zeros (VER-12)."""
        return (self.parts + (ZERO,) * n)[:n]


def parse_version(text: str) -> Version:
    # fullmatch, and never `$`, which would let a line feed at the end pass.
    if not re.fullmatch(r"[!-~]+", text) or re.search(r"[*<=>]", text):
        raise TakoError("version", "VER-1", "a version is printable ASCII without * < = >")
    if len(text) > 255:
        raise TakoError("version", "VER-2", "a version has at most 255 bytes")
    parts = tuple(_part(word) for word in re.split(r"[._-]", text) if word)
    if not parts:
        raise TakoError("version", "VER-5", "a version has at least one part")
    return Version(text, parts)


def compare(a: Version, b: Version) -> int:
    """-1, 0 or 1; 0 for equivalent versions (VER-17)."""
    n = max(len(a.parts), len(b.parts))
    x, y = a.first(n), b.first(n)
    return (x > y) - (x < y)


def _part(word: str) -> Part:
    return (NUMBER, int(word)) if re.fullmatch(r"[0-9]+", word) else (STRING, word)
