"""Applies a patch as spec/packed.md says it, from the page alone: apply_patch.py OLD PATCH SIZE > NEW

Nothing here is streamed: it is for images that fit into memory. `zstd` decodes the frame.
"""

import subprocess
import sys


def refuse_unless(condition, rule):
    if not condition:
        sys.exit(f"{rule}: refused")


def numbers(part):
    """The numbers of a part (PCK-27)."""
    found, start = [], 0
    while start < len(part):
        value = shift = 0
        while True:
            refuse_unless(start < len(part) and shift < 49, "PCK-27")
            byte = part[start]
            start += 1
            value |= (byte & 127) << shift
            if byte < 128:
                break
            shift += 7
        refuse_unless(byte or not shift, "PCK-27")
        found.append(value)
    return found


def segment(parts, start, size, old):
    copies, runs, (differences, literals) = numbers(parts[0]), iter(numbers(parts[1])), map(bytearray, parts[2:])
    refuse_unless(len(copies) % 4 == 0 and len(copies) <= 4 * 16384, "PCK-28")
    new, end = bytearray(), start
    for at in range(0, len(copies), 4):
        before, length, move, count = copies[at:at + 4]
        refuse_unless(before <= len(literals), "PCK-30")
        new += literals[:before]
        del literals[:before]
        begin = end + (-(move + 1) // 2 if move % 2 else move // 2)
        end = begin + length
        refuse_unless(length > 0, "PCK-28")
        refuse_unless(0 <= begin and end <= len(old), "PCK-29")
        copied, place = bytearray(old[begin:end]), 0
        for _ in range(count):
            skip, run = next(runs, None), next(runs, None)
            refuse_unless(run is not None and place + skip + run <= length and run <= len(differences), "PCK-31")
            place += skip
            for index in range(run):
                copied[place + index] = (copied[place + index] + differences[index]) % 256
            del differences[:run]
            place += run
        new += copied
    new += literals
    refuse_unless(len(new) == size, "PCK-30")
    refuse_unless(next(runs, None) is None and not differences, "PCK-31")
    return new


def main(old_path, patch_path, new_size):
    old, patch, new_size = open(old_path, "rb").read(), open(patch_path, "rb").read(), int(new_size)
    refuse_unless(patch[:12] == b"Tako Patch 1" and len(patch) >= 32, "PCK-20")
    segment_size, old_size, size = (int.from_bytes(patch[a:b], "little") for a, b in ((12, 16), (16, 24), (24, 32)))
    refuse_unless(4096 <= segment_size <= 1048576, "PCK-22")
    refuse_unless((old_size, size) == (len(old), new_size), "PCK-23")
    frame = subprocess.run(["zstd", "-d", "-c", "--memory=8MB"], input=patch[32:], stdout=subprocess.PIPE, check=True).stdout
    at = 0
    for start in range(0, size, segment_size):
        here = min(segment_size, size - start)
        refuse_unless(at + 16 <= len(frame), "PCK-32")
        lengths = [int.from_bytes(frame[at + 4 * each:at + 4 * each + 4], "little") for each in range(4)]
        at += 16
        refuse_unless(sum(lengths) <= 2 * here + 64, "PCK-26")
        refuse_unless(at + sum(lengths) <= len(frame), "PCK-32")
        parts = []
        for length in lengths:
            parts.append(frame[at:at + length])
            at += length
        sys.stdout.buffer.write(segment(parts, start, here, old))
    refuse_unless(at == len(frame), "PCK-32")


main(*sys.argv[1:])
