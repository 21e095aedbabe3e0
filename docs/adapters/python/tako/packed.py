"""Packed files, from which an image is made with fewer bytes of download: spec/packed.md.

Images are in memory here. A frame is decoded no further than it may go, by Debian's python3-zstandard.
"""

import io
import re

import zstandard

from .errors import TakoError

MAX_LIST = 65_536  # (PCK-2)
WINDOW = 8 * 1024 * 1024  # (PCK-11)
MAX_SIZE = 2**53 - 1
MAGIC = bytes.fromhex("28b52ffd")
HEADER = b"Tako Patch 1"
MOST_PATCHES = 8  # (PCK-45)


def refuse_unless(condition: bool, rule: str, reason: str, line: int | None = None) -> None:
    if not condition:
        raise TakoError("origin", rule, reason, line)


def parse_list(data: bytes) -> tuple[int | None, dict[tuple[str, str], int]]:
    """The size of the frame, and those of the patches by their old and new images."""
    refuse_unless(len(data) <= MAX_LIST, "PCK-2", "a list has at most 64 KiB")
    first, *lines = data.decode("latin-1").split("\n")
    refuse_unless(first == "Tako Packed 1", "PCK-1", "this is no list of packed files", 1)
    refuse_unless(lines[-1:] == [""], "PCK-3", "the last line does not end", len(lines) + 1)
    zst, patches = None, {}
    for number, line in enumerate(lines[:-1], start=2):
        refuse_unless(bool(re.fullmatch("[ -~]{1,160}", line)), "PCK-3", "no line of a list", number)
        word, *values = line.split(" ")
        if word == "zst":
            refuse_unless(len(values) == 1, "PCK-4", "a frame has a size", number)
            refuse_unless(zst is None, "PCK-6", "a second frame", number)
            zst = _size(values[0], "PCK-4", number)
        elif word == "patch":
            refuse_unless(len(values) == 3, "PCK-5", "a patch has two images and a size", number)
            old, new, size = values
            digests = all(re.fullmatch("[0-9a-f]{64}", each) for each in (old, new))
            refuse_unless(digests and old != new, "PCK-5", "no two images", number)
            refuse_unless((old, new) not in patches, "PCK-6", "the same patch again", number)
            patches[old, new] = _size(size, "PCK-5", number)
    return zst, patches


def _size(text: str, rule: str, line: int) -> int:
    # By form first: a number of a hundred digits is refused before it is one.
    is_size = re.fullmatch("[1-9][0-9]{0,15}", text) and int(text) <= MAX_SIZE
    refuse_unless(bool(is_size), rule, "a size is from 1 to 2^53 - 1", line)
    return int(text)


def _frame(data: bytes):
    """What reads the content of a frame whose header is as it should be, and the size that it says."""
    refuse_unless(data.startswith(MAGIC), "PCK-10", "no frame of zstd")
    try:
        header = zstandard.get_frame_parameters(data)
    except zstandard.ZstdError as error:
        raise TakoError("origin", "PCK-10", "no header of a frame") from error
    refuse_unless(not header.dict_id, "PCK-10", "it needs a dictionary")
    refuse_unless(header.window_size <= WINDOW, "PCK-11", "a window of more than 8 MiB")
    decoder = zstandard.ZstdDecompressor(max_window_size=WINDOW)
    size = None if header.content_size == zstandard.CONTENTSIZE_UNKNOWN else header.content_size
    return decoder.stream_reader(io.BytesIO(data)), size


def _read(reader, most: int) -> bytes:
    """So many bytes, or all that there are if they are fewer."""
    pieces, left = [], most
    try:
        while left > 0 and (piece := reader.read(min(left, 1 << 20))):
            pieces.append(piece)
            left -= len(piece)
    except zstandard.ZstdError as error:
        raise TakoError("origin", "PCK-13", "the frame is damaged") from error
    return b"".join(pieces)


def unpack(data: bytes, size: int) -> bytes:
    """The image of a frame."""
    reader, content_size = _frame(data)
    refuse_unless(content_size == size, "PCK-12", "the frame is not of an image of this size")
    image = _read(reader, size + 1)
    refuse_unless(len(image) == size, "PCK-13", "more or fewer bytes than the image has")
    return image


def apply_patch(old: bytes, patch: bytes, size: int) -> bytes:
    """The new image."""
    refuse_unless(len(patch) >= 32 and patch.startswith(HEADER), "PCK-20", "this is no patch")
    segment_size = int.from_bytes(patch[12:16], "little")
    sizes = [int.from_bytes(patch[at : at + 8], "little") for at in (16, 24)]
    refuse_unless(4096 <= segment_size <= 1_048_576, "PCK-22", "a segment size out of bounds")
    refuse_unless(sizes == [len(old), size], "PCK-23", "a patch of other images")
    reader, _ = _frame(patch[32:])
    new = bytearray()
    while len(new) < size:
        new += _segment(reader, old, len(new), min(segment_size, size - len(new)), segment_size // 64)
    refuse_unless(not _read(reader, 1), "PCK-32", "it goes on after the last segment")
    return bytes(new)


def _segment(reader, old: bytes, start: int, size: int, most_copies: int) -> bytearray:
    head = _read(reader, 16)
    refuse_unless(len(head) == 16, "PCK-32", "it is cut off")
    lengths = [int.from_bytes(head[at : at + 4], "little") for at in (0, 4, 8, 12)]
    refuse_unless(sum(lengths) <= 2 * size + 64, "PCK-26", "the parts are too large")
    parts = [io.BytesIO(_read(reader, length)) for length in lengths]
    for part, length in zip(parts, lengths):
        refuse_unless(len(part.getbuffer()) == length, "PCK-32", "it is cut off")
    copies, runs, differences, literals = parts
    new, end, count = bytearray(), start, 0
    while not _is_at_end(copies):
        count += 1
        refuse_unless(count <= most_copies, "PCK-28", "too many copies")
        before, length, move, run_count = (_number(copies) for _ in range(4))
        refuse_unless(length > 0, "PCK-28", "a copy of nothing")
        refuse_unless(len(new) + before + length <= size, "PCK-30", "more than the segment has")
        new += _take(literals, before, "PCK-30")
        begin = end + (-(move + 1) // 2 if move % 2 else move // 2)
        end = begin + length
        refuse_unless(0 <= begin and end <= len(old), "PCK-29", "a copy from outside")
        new += _changed(bytearray(old[begin:end]), run_count, runs, differences)
    new += literals.read()
    refuse_unless(len(new) == size, "PCK-30", "more or fewer bytes than the segment has")
    left = [part for part in (runs, differences) if not _is_at_end(part)]
    refuse_unless(not left, "PCK-31", "runs or differences are left over")
    return new


def _changed(copied: bytearray, count: int, runs: io.BytesIO, differences: io.BytesIO) -> bytearray:
    at = 0
    for _ in range(count):
        refuse_unless(not _is_at_end(runs), "PCK-31", "too few runs")
        equal, length = _number(runs), _number(runs)
        at += equal
        refuse_unless(at + length <= len(copied), "PCK-31", "a run beyond its copy")
        for added in _take(differences, length, "PCK-31"):
            copied[at] = (copied[at] + added) % 256
            at += 1
    return copied


def _take(part: io.BytesIO, length: int, rule: str) -> bytes:
    taken = part.read(length)
    refuse_unless(len(taken) == length, rule, "fewer bytes than are needed")
    return taken


def _is_at_end(part: io.BytesIO) -> bool:
    return part.tell() == len(part.getbuffer())


def _number(part: io.BytesIO) -> int:
    """The next number (PCK-27)."""
    value = 0
    for place in range(7):
        byte = _take(part, 1, "PCK-27")[0]
        value |= (byte & 127) << 7 * place
        if byte < 128:
            refuse_unless(byte > 0 or place == 0, "PCK-27", "a number in more bytes than it needs")
            return value
    raise TakoError("origin", "PCK-27", "a number of more than 7 bytes")


def cheapest_way(wanted: str, sizes: dict, zst, patches: dict, here: list, partial: int, parts: dict):
    """Which way it is, how many bytes are missing of it, and the images that it leads over."""

    def missing(name: str, size: int) -> int:
        part = parts.get(name, 0)
        return size - part if part <= size else size

    # Ways compare by their bytes, then by their kind and their patches (PCK-44).
    ways = [(max(0, sizes[wanted] - partial), 0, 0, "plain", [])]
    if zst is not None and zst <= sizes[wanted]:  # (PCK-46)
        ways.append((missing(f"{wanted}.zst", zst), 1, 0, "zst", []))
    chains = {wanted: (0, [wanted])}
    for round_number in range(1, MOST_PATCHES + 1):
        longer = {}
        for (old, new), size in patches.items():
            if new not in chains or size > sizes.get(new, -1):
                continue
            rest, path = chains[new]
            bytes_missing = rest + missing(f"{new}.from-{old}.patch", size)
            if bytes_missing < longer.get(old, (float("inf"),))[0]:
                longer[old] = (bytes_missing, [old, *path])
        # Chains of exactly so many patches: a longer one may have fewer bytes.
        chains = longer
        for image, (bytes_missing, path) in chains.items():
            if image in here:
                ways.append((bytes_missing, 2, round_number, "patches", path))
    bytes_missing, _, _, by, path = min(ways)
    return by, bytes_missing, path
