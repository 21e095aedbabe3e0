#!/usr/bin/python3
"""An adapter for `tako conformance`: spec/adapter.md.

Reads a request a line, writes an answer a line, and knows nothing of the formats: those are in the
package beside it. Run it with

    tako conformance --adapter '/usr/bin/python3 docs/adapters/python/tako_adapter.py'
"""

import base64
import json
import sys
from collections.abc import Callable
from typing import Any

from tako.config import parse_config
from tako.errors import TakoError
from tako.keys import encode_base64, parse_public_key, parse_secret_key, verify
from tako.manifest import Entry, decode, decode_history, encode, insert, is_superset, parse_entry
from tako.packed import apply_patch, cheapest_way, parse_list, unpack
from tako.patterns import parse_pattern, select
from tako.versions import NUMBER, compare, parse_version

Request = dict[str, Any]
OPERATIONS: dict[str, Callable[[Request], Any]] = {}


def operation(name: str):
    """Registers a function that takes a request and returns the value of its answer."""

    def register(function: Callable[[Request], Any]) -> None:
        OPERATIONS[name] = function

    return register


@operation("hello")
def _(request: Request):
    return {"name": "tako-python-example", "version": "1", "protocol": 1}


@operation("parse-version")
def _(request: Request):
    parts = parse_version(request["text"]).parts
    # Numbers of any size travel as text: JSON's would be rounded.
    return {"parts": [{"number": str(v)} if t == NUMBER else {"string": v} for t, v in parts]}


@operation("compare")
def _(request: Request):
    return compare(parse_version(request["a"]), parse_version(request["b"]))


@operation("parse-pattern")
def _(request: Request):
    return {"canonical": parse_pattern(request["text"]).text}


@operation("match")
def _(request: Request):
    return parse_pattern(request["pattern"]).matches(parse_version(request["version"]))


@operation("select")
def _(request: Request):
    versions = [parse_version(text) for text in request["versions"]]
    newest = select(versions, parse_pattern(request["pattern"]))
    return newest and newest.text


@operation("decode")
def _(request: Request):
    return _entries(decode(_bytes(request["manifest"]), _keys(request)))


@operation("encode")
def _(request: Request):
    entries = [_entry(item) for item in request["entries"]]
    return encode_base64(encode(entries, parse_secret_key(request["secretKey"])))


@operation("insert")
def _(request: Request):
    entries = [_entry(item) for item in request["entries"]]
    return _entries(insert(entries, _entry(request["entry"])))


@operation("superset")
def _(request: Request):
    new = decode(_bytes(request["next"]), _keys(request))
    return is_superset(new, decode_history(_bytes(request["history"])))


@operation("parse-public-key")
def _(request: Request):
    return encode_base64(parse_public_key(request["text"]).data)


@operation("parse-secret-key")
def _(request: Request):
    key = parse_secret_key(request["text"])
    return {"publicKey": key.public.text, "text": key.text}


@operation("sign")
def _(request: Request):
    key = parse_secret_key(request["secretKey"])
    return encode_base64(key.sign(_bytes(request["message"])))


@operation("verify")
def _(request: Request):
    key = parse_public_key(request["publicKey"])
    return verify(_bytes(request["signature"]), _bytes(request["message"]), key)


@operation("parse-config")
def _(request: Request):
    config = parse_config(_bytes(request["config"]))
    value = {
        "origin": config.origin.url,
        "publicKeys": [key.text for key in config.public_keys],
        "destination": config.destination,
        "pattern": config.pattern.text,
    }
    if config.origin.credentials is not None:
        user, password = config.origin.credentials
        value["credentials"] = {"user": user, "password": password}
    # What was not given has no member (ADP-17).
    for key, units in config.units.items():
        if units:
            value[key[0].lower() + key[1:]] = list(units)
    if config.slots:
        value["slots"] = config.slots
    for key, member in ("WatchSec", "watchMs"), ("MinAge", "minAgeMs"):
        if config.spans.get(key):
            value[member] = config.spans[key] * 1000
    if config.skip:
        value["skip"] = config.skip
    if config.keep is not None:
        value["keep"] = config.keep
    return value


@operation("parse-packed")
def _(request: Request):
    zst, patches = parse_list(_bytes(request["list"]))
    lines = [{"old": old, "new": new, "size": size} for (old, new), size in patches.items()]
    return {"patches": lines, **({} if zst is None else {"zst": zst})}


@operation("unpack")
def _(request: Request):
    return encode_base64(unpack(_bytes(request["frame"]), request["size"]))


@operation("apply-patch")
def _(request: Request):
    old, patch = _bytes(request["old"]), _bytes(request["patch"])
    return encode_base64(apply_patch(old, patch, request["size"]))


@operation("cheapest-way")
def _(request: Request):
    listed = request["list"] or {"patches": []}
    patches = {(line["old"], line["new"]): line["size"] for line in listed["patches"]}
    host = request["here"], request["partial"], request["parts"]
    args = request["wanted"], request["sizes"], listed.get("zst"), patches, *host
    by, missing, path = cheapest_way(*args)
    value = {"by": by, "missing": missing}
    if by == "patches":
        steps = zip(path, path[1:])
        lines = [{"old": old, "new": new, "size": patches[old, new]} for old, new in steps]
        value |= {"from": path[0], "patches": lines}
    return value


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _keys(request: Request):
    return [parse_public_key(text) for text in request["keys"]]


def _entry(item: dict[str, Any]) -> Entry:
    return parse_entry(item["version"], str(item["size"]), item["digest"])


def _entries(entries: list[Entry]):
    listed = [{"version": e.version.text, "size": e.size, "digest": e.digest} for e in entries]
    return {"entries": listed}


def answer(request: Request) -> Request:
    run = OPERATIONS.get(request["op"])
    if run is None or request.get("protocol", 1) != 1:  # (ADP-12, ADP-13)
        return {"unsupported": True}
    try:
        return {"value": run(request)}
    except TakoError as error:
        line = {} if error.line is None else {"line": error.line}
        return {"error": error.kind, **line, "message": str(error)}


def main() -> None:
    # Bytes, not text: the encoding of a Python's standard input depends on the locale. Whatever else
    # goes wrong ends the process with a traceback on standard error, which the suite shows.
    for line in sys.stdin.buffer:
        request = json.loads(line.decode("utf-8"))
        reply = {"id": request["id"], **answer(request)}
        sys.stdout.buffer.write(json.dumps(reply).encode("ascii") + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
