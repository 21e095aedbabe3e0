"""Config files: spec/config.md."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from .errors import TakoError
from .keys import PublicKey, parse_public_key
from .origin import Origin, parse_origin
from .patterns import Pattern, parse_pattern
from .versions import parse_version

MAX_BYTES = 1024 * 1024  # (CFG-34)
WHITE_SPACE = " \t\r"  # (CFG-4)
REQUIRED = ("Origin", "PublicKey", "Destination", "Version")
LISTS = ("Restart", "Reload", "Check", "OnUpdate", "OnRollback")
# The rest are time spans: the requirement, and the limits in seconds.
SPANS = {
    "WatchSec": ("CFG-54", 1, 3600),
    "MinAge": ("CFG-55", 0, 31557600),
    "TimeoutSec": ("CFG-38", 0.001, 86400),
}
ONCE = ("Origin", "Destination", "Version", "Slots", "Keep", "Packed", *SPANS)
KNOWN = (*REQUIRED, *LISTS, "Slots", "Skip", "Keep", "Packed", *SPANS)
MOST_KEPT = 1000000  # (CFG-68)

# Units of time spans in seconds (CFG-37), by systemd.time.
SECONDS = {
    **dict.fromkeys(("us", "usec", "\u00b5s", "\u03bcs"), 0.000001),
    **dict.fromkeys(("ms", "msec"), 0.001),
    **dict.fromkeys(("", "s", "sec", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86400),
    **dict.fromkeys(("w", "week", "weeks"), 604800),
    **dict.fromkeys(("M", "month", "months"), 2629800),
    **dict.fromkeys(("y", "year", "years"), 31557600),
}
SPAN = re.compile(r"([0-9]*\.[0-9]+|[0-9]+)(?!\.)[ \t\r]*([A-Za-z\u00b5\u03bc]*)[ \t\r]*")

# Notations of other tools: an operator or a bracket first, and x or + for any part (CFG-50).
NOTATION = re.compile(r"[~^!=\[(]|(.*[ ._-])?[xX+]([ ._-]|$)")

# A name, possibly an instance, and a type (CFG-15).
UNIT = re.compile(
    r"[A-Za-z0-9:_.\\-]+(@[A-Za-z0-9:_.\\@-]+)?"
    r"\.(service|socket|device|mount|automount|swap|target|path|timer|slice|scope)"
)

# A service with instances only, and the name of one (CFG-61, CFG-62).
TEMPLATE = re.compile(r"[A-Za-z0-9:_.\\-]+@\.service")
SLOT = re.compile(r"\w([\w.-]{0,62}\w)?", re.ASCII)

# What systemd's own key of this name takes (CFG-40).
SERVICE_RESTART = "no always on-success on-failure on-abnormal on-abort on-watchdog".split()


@dataclass
class Config:
    origin: Origin | None = None
    public_keys: list[PublicKey] = field(default_factory=list)
    destination: str = ""
    pattern: Pattern | None = None
    # The units of each list, with the line that names them first.
    units: dict[str, dict[str, int]] = field(default_factory=lambda: {key: {} for key in LISTS})
    slots: list[str] = field(default_factory=list)
    skip: list[str] = field(default_factory=list)
    keep: int | None = None
    packed: bool = True
    # Seconds, of the keys that were given.
    spans: dict[str, float] = field(default_factory=dict)


class ConfigError(TakoError):
    """All problems of a file, those without a line last (CFG-16)."""

    def __init__(self, problems: list[TakoError]):
        first = problems[0]
        super().__init__("config", first.rule, first.reason, first.line)
        self.problems = problems


def parse_config(data: bytes) -> Config:
    config, seen, problems = Config(), set[str](), list[TakoError]()
    lines = list(_logical_lines(_text(data)))
    # Only with slots is a template no wrong unit (CFG-62).
    slotted = [number for number, line in lines if re.match(r"Slots[ \t\r]*=", line)]
    for number, line in lines:
        try:
            _read_line(number, line, config, seen, bool(slotted))
        except TakoError as error:
            problems.append(error.within("config", number))
    for key in REQUIRED:
        # CFG-35 would spare a key that was only misspelt. It changes no line and no kind, and this
        # example suggests no keys.
        if key not in seen:
            problems.append(TakoError("config", "CFG-10", f"{key} is missing"))
    wrong = {error.line for error in problems}
    units = config.units
    if config.slots and slotted[0] not in wrong:
        bad_restart = any(
            number in wrong and re.match(r"Restart[ \t\r]*=", line) for number, line in lines
        )
        problems += _slot_conflicts(config, slotted[0], bad_restart, "WatchSec" in seen)
        units = _instances(config)
    problems += _conflicts(units, "WatchSec" in seen)
    if problems:
        raise ConfigError(sorted(problems, key=lambda each: each.line or float("inf")))
    return config


def _conflicts(lists: dict[str, dict[str, int]], watched: bool) -> Iterator[TakoError]:
    """Units that are right one by one, and not together (CFG-56 to CFG-60)."""
    restart, reload, check = lists["Restart"], lists["Reload"], lists["Check"]

    def problem(rule: str, line: int, reason: str) -> TakoError:
        return TakoError("config", rule, reason, line)

    for unit in reload.keys() & restart.keys():
        yield problem("CFG-56", reload[unit], "a unit is restarted or reloaded, not both")
    for unit, line in [*restart.items(), *reload.items()]:
        name, _, kind = unit.rpartition(".")
        service = f"{name}.service"
        if kind == "socket" and (service in restart or service in reload):
            yield problem("CFG-57", line, "keep the service, and leave out its socket")
    for unit in check.keys() & (restart.keys() | reload.keys()):
        yield problem("CFG-59", check[unit], "a unit does not check itself")
    if check and not watched:
        yield problem("CFG-58", min(check.values()), "Check needs WatchSec")


def _slot_conflicts(
    config: Config, line: int, bad_restart: bool, watched: bool
) -> Iterator[TakoError]:
    """What a config with slots has, and has not (CFG-63 to CFG-65)."""
    templates = [unit for unit in config.units["Restart"] if TEMPLATE.fullmatch(unit)]
    for unit, at in config.units["Restart"].items():
        if unit not in templates[:1]:
            yield TakoError("config", "CFG-63", "slots have one template, and nothing else", at)
        elif any(len(unit) + len(slot) > 255 for slot in config.slots):
            yield TakoError("config", "CFG-63", "the instances have names that are too long", at)
    for at in config.units["Reload"].values():
        yield TakoError("config", "CFG-64", "slots have one template, and nothing else", at)
    if not config.units["Restart"] and not bad_restart:
        yield TakoError("config", "CFG-63", "slots need a template in Restart", line)
    if not watched:
        yield TakoError("config", "CFG-65", "slots need WatchSec", line)


def _instances(config: Config) -> dict[str, dict[str, int]]:
    """It is the instances of the template that a check could be (CFG-66)."""
    instances = {
        unit.replace("@.", f"@{slot}."): line
        for unit, line in config.units["Restart"].items()
        for slot in config.slots
        if TEMPLATE.fullmatch(unit)
    }
    return {**config.units, "Restart": instances, "Reload": {}}


def _text(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise ConfigError([TakoError("config", "CFG-34", "a config has at most 1 MiB")])
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigError([TakoError("config", "CFG-1", "a config is UTF-8")]) from None
    if "\0" in text:
        raise ConfigError([TakoError("config", "CFG-1", "a config has no NUL")])
    return text.removeprefix("\ufeff")


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines joined by a backslash (CFG-5), without blank lines and comments, each with the number of
    its first line (CFG-17)."""
    start, pieces = 0, list[str]()
    # Not splitlines(), which also splits at CR, form feeds and others. The blank line at the end
    # ends whatever is still open there.
    for number, line in enumerate([*text.split("\n"), ""], start=1):
        line = line.rstrip(WHITE_SPACE)
        if line.lstrip(WHITE_SPACE).startswith(("#", ";")):
            continue
        start = start or number
        pieces.append(line.removesuffix("\\"))
        if line.endswith("\\"):
            continue
        if logical := " ".join(pieces).strip(WHITE_SPACE):
            yield start, logical
        start, pieces = 0, []


def _read_line(
    number: int, line: str, config: Config, seen: set[str], slotted: bool
) -> None:
    # The first problem of a line is enough for an example; CFG-16 wants those of every bad unit.
    if line.startswith("[") and line.endswith("]"):
        if line != "[Image]":
            raise TakoError("config", "CFG-6", "the only section is [Image]")
        return
    key, equals, value = (piece.strip(WHITE_SPACE) for piece in line.partition("="))
    if not equals:
        raise TakoError("config", "CFG-7", "a line is KEY=VALUE")
    if key not in KNOWN:
        raise TakoError("config", "CFG-8", f"the known keys are {', '.join(KNOWN)}")
    if key in ONCE and key in seen:
        raise TakoError("config", "CFG-9", f"{key} is given once")
    seen.add(key)
    if not value and key not in LISTS and key != "Skip":
        raise TakoError("config", "CFG-11", f"{key} is empty")
    match key:
        case "Origin":
            config.origin = parse_origin(value)
        case "PublicKey":
            config.public_keys.append(parse_public_key(value))
        case "Destination":
            if re.search(r"[ \t\r][#;]", value):
                raise TakoError("config", "CFG-41", "a comment has a line of its own")
            config.destination = value
        case "Version":
            if NOTATION.match(value):
                raise TakoError("config", "CFG-50", "other tools have this notation; 1.* is one here")
            config.pattern = parse_pattern(value)
        case key if key in LISTS:
            templates = slotted and key == "Restart"
            units = [_unit(word, templates) for word in re.split(r"[ \t\r]+", value) if word]
            if key == "Check" and not all(unit.endswith(".service") for unit in units):
                raise TakoError("config", "CFG-53", "only services can check")
            if not units:
                config.units[key].clear()
            for unit in units:
                config.units[key].setdefault(unit, number)
        case "Slots":
            config.slots = _slots(value)
        case "Skip":
            versions = _versions(value)
            config.skip = [*config.skip, *versions] if versions else []
        case "Keep":
            if not re.fullmatch(r"[0-9]{1,7}", value) or int(value) > MOST_KEPT:
                raise TakoError("config", "CFG-68", f"expected a number from 0 to {MOST_KEPT}")
            config.keep = int(value)
        case "Packed":
            if value not in ("yes", "no"):
                raise TakoError("config", "CFG-69", "expected yes or no")
            config.packed = value == "yes"
        case _:
            config.spans[key] = _span(value, *SPANS[key])


def _span(text: str, rule: str, least: float, most: float) -> float:
    if text == "infinity":
        raise TakoError("config", rule, "nothing here lasts for ever")
    seconds, at = 0.0, 0
    while at < len(text):
        part = SPAN.match(text, at)
        if not part or part[2] not in SECONDS:
            raise TakoError("config", "CFG-37", "a time span is such as 30s or 1h 30s")
        seconds, at = seconds + float(part[1]) * SECONDS[part[2]], part.end()
    if not least <= seconds <= most:
        raise TakoError("config", rule, f"expected {least} to {most} seconds")
    return seconds


def _slots(value: str) -> list[str]:
    slots = [word for word in re.split(r"[ \t\r]+", value) if word]
    right = all(SLOT.fullmatch(slot) for slot in slots)
    if len(slots) != 2 or slots[0] == slots[1] or not right:
        raise TakoError("config", "CFG-61", "expected two different names such as a b")
    if {"manifest", "store", "latest"} & set(slots):
        raise TakoError("config", "CFG-61", "this name is taken in every destination")
    return slots


def _versions(value: str) -> list[str]:
    words = [word for word in re.split(r"[ \t\r]+", value) if word]
    for word in words:
        if "*" in word:
            raise TakoError("config", "CFG-67", "a version is not a pattern")
        parse_version(word)
    return words


def _unit(word: str, templates: bool = False) -> str:
    if word in SERVICE_RESTART:
        raise TakoError("config", "CFG-40", "this word belongs to the [Service] section of a unit")
    if "." not in word and re.match(r"[A-Za-z0-9]", word):
        word += ".service"  # (CFG-36)
    if len(word) > 255 or not (
        UNIT.fullmatch(word) or (templates and TEMPLATE.fullmatch(word))
    ):
        raise TakoError("config", "CFG-15", "this is no name of a systemd unit")
    return word
