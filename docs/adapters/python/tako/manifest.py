"""The manifest, format 1, and its append-only history: spec/manifest.md.

A manifest is bytes, not text: everything here works on bytes and splits at LF alone.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .errors import TakoError
from .keys import PublicKey, SecretKey, decode_base64, encode_base64, verify
from .versions import Version, compare, parse_version

HEADER = b"Tako Manifest 1\n"
NEWER = re.compile(rb"Tako Manifest [^\n]+\n")
MAX_BYTES = 64 * 1024 * 1024  # (MAN-17)
MAX_SIZE = 2**53 - 1  # (MAN-6)


@dataclass(frozen=True)
class Entry:
    version: Version
    size: int
    digest: str

    def __str__(self) -> str:
        return f"{self.version.text} {self.size} {self.digest}"


def parse_entry(version: str, size: str, digest: str) -> Entry:
    # By form first: a number of a million digits is refused before it is one.
    if not re.fullmatch(r"0|[1-9][0-9]{0,15}", size) or int(size) > MAX_SIZE:
        raise TakoError("manifest", "MAN-6", "a size is a decimal number, at most 2^53 - 1")
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise TakoError("manifest", "MAN-7", "a digest is 64 hexadecimal digits in lower case")
    return Entry(parse_version(version), int(size), digest)


def decode(data: bytes, keys: Sequence[PublicKey]) -> list[Entry]:
    """The entries of a manifest that one of the keys signed, in the order of MAN-13."""
    signed, signature, last_line = _split_signature(data)
    if not any(verify(signature, signed, key) for key in keys):
        raise TakoError("signature", "MAN-12", "none of the keys signed this", last_line)
    return _decode_entries(signed)


def decode_history(data: bytes) -> list[Entry]:
    """The entries of a local manifest, whoever signed it (MAN-23)."""
    signed, _, _ = _split_signature(data)
    return _decode_entries(signed)


def encode(entries: Sequence[Entry], key: SecretKey) -> bytes:
    lines = "".join(f"{entry}\n" for entry in entries).encode("ascii")
    signed = HEADER + b"\n" + lines + b"\n"
    _decode_entries(signed)  # never sign what nobody can read
    return signed + encode_base64(key.sign(signed)).encode("ascii") + b"\n"


def insert(entries: Sequence[Entry], new: Entry) -> list[Entry]:
    """The entries with the new one at its place (MAN-19), or as they were if it is there (MAN-20)."""
    older = [entry for entry in entries if compare(entry.version, new.version) < 0]
    rest = list(entries[len(older) :])
    if rest and compare(rest[0].version, new.version) == 0:
        if rest[0] == new:
            return list(entries)
        raise TakoError("failed", "MAN-20", f"there is an entry {rest[0]}")
    return [*older, new, *rest]


def is_superset(new: Sequence[Entry], history: Sequence[Entry]) -> bool:
    """Whether every entry of the history is in the new manifest, byte for byte (MAN-21)."""
    return {str(entry) for entry in history} <= {str(entry) for entry in new}


def _split_signature(data: bytes) -> tuple[bytes, bytes, int]:
    """What is signed, the signature, and the number of its line: all that may be looked at before
    the signature is known to be good."""
    if len(data) > MAX_BYTES:
        raise TakoError("manifest", "MAN-17", "a manifest has at most 64 MiB")
    if not data.startswith(HEADER):
        newer = NEWER.match(data)
        if newer and len(newer[0]) <= 256:
            raise TakoError("newer-format", "MAN-3", "the manifest has a newer format", 1)
        raise TakoError("manifest", "MAN-2", "this is no manifest of Tako", 1)

    # The last line starts after the LF before the last byte, which should be the LF that ends it.
    start = data.rfind(b"\n", 0, len(data) - 1) + 1
    number = data.count(b"\n", 0, start) + 1
    line = data[start:]
    signature = decode_base64(line[:-1].decode("latin-1")) if line.endswith(b"\n") else None
    if signature is None or len(signature) != 64:
        raise TakoError("manifest", "MAN-11", "the last line is not a signature", number)
    if not data.endswith(b"\n\n", 0, start):
        raise TakoError("manifest", "MAN-10", "no empty line before the signature", number)
    return data[:start], signature, number


def _decode_entries(signed: bytes) -> list[Entry]:
    # The last of the lines is empty: _split_signature has seen to it.
    _, second, *lines = signed.removesuffix(b"\n").split(b"\n")
    if second:
        raise TakoError("manifest", "MAN-4", "the second line is not empty", 2)
    if not lines:
        raise TakoError("manifest", "MAN-10", "the second line does not end the entries", 3)
    entries: list[Entry] = []
    for number, line in enumerate(lines[:-1], start=3):
        if not line:  # it ends the entries, so the next one is wrong: it is not the last
            raise TakoError("manifest", "MAN-10", "the signature should be here", number + 1)
        entry = _decode_entry(line, number)
        if entries and compare(entries[-1].version, entry.version) >= 0:
            raise TakoError("manifest", "MAN-8", "not newer than the version before it", number)
        entries.append(entry)
    return entries


def _decode_entry(line: bytes, number: int) -> Entry:
    # Latin-1 has a character for every byte; those beyond ASCII are then refused as characters.
    fields = line.decode("latin-1").split(" ")
    if len(fields) != 3:
        raise TakoError("manifest", "MAN-5", "an entry is version, size and digest", number)
    try:
        return parse_entry(*fields)
    except TakoError as error:
        raise error.within("manifest", number) from error
