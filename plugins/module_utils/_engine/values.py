# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""How values are written in the API, and when two of them are equal. Pure functions.

Property tests hold these contracts: `wire` of its own result changes nothing, and neither does `merge`; what the
user did not write is never changed unless it is purged.
"""

from __future__ import annotations

import datetime
import fnmatch
import functools
import json
import re
from typing import Any, Callable, Iterable, Mapping

from .._api.errors import InvalidInput

#: The config key with the stack that a resource belongs to, and the one with the resource that was marked.
MARK = "user.cloudhost.stack"
BEARER = "user.cloudhost.bearer"
#: The config key with what a copy from another server was made of, and whether it is whole (`_kinds/_copies.py`).
COPY = "user.cloudhost.copy"
#: The config keys of an original that is being moved to another server: whether it ran before, and where it has moved.
MOVING, MOVED = "user.cloudhost.moving", "user.cloudhost.moved"
#: What the collection writes for itself: purging keeps it, and a copy of the resource does not get it.
MARKS = (MARK, BEARER, COPY)

_UNITS = {
    "": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12, "pb": 10**15, "eb": 10**18,
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40, "pib": 2**50, "eib": 2**60,
}  # fmt: skip
_SIZE = re.compile(r"^\s*(\d+)\s*([A-Za-z]*)\s*$")
#: Config keys and device properties that hold a number of bytes (doc/reference/instance_units.md).
_SIZE_KEYS = (
    "size",
    "size.state",
    "volume.size",
    "limits.memory",
    "limits.disk",
    "*.limits.disk",
    "limits.memory.swap",
    "snapshots.size",
)
#: Values that look like numbers to YAML and are none: it reads `0660` as 432 and `10:16:30:12:34:56` as a number of
#: base 60.
_NO_NUMBERS = ("mode", "hwaddr", "*.hwaddr")
#: Values that are text to the daemons: compared letter for letter.
_TEXT_KEYS = ("user.*", "environment.*", "raw.*", "cloud-init.*", "image.*", "volatile.*", "*.scriptlet")
TRUE = ("true", "yes", "on", "1")
FALSE = ("false", "no", "off", "0")


def is_true(value: str | None) -> bool:
    """Whether the daemons read a value as true."""
    return str(value).lower() in TRUE


def listed(value: Any) -> list[str]:
    """The parts of a value that is a list with commas."""
    return [part.strip() for part in str(value or "").split(",") if part.strip()]


def matches(key: str, patterns: Iterable[str]) -> bool:
    return _matches(key, tuple(patterns))


@functools.lru_cache(maxsize=2**16)  # a stack asks the same of the same keys again and again
def _matches(key: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(key, pattern) for pattern in patterns)


def wire(option: str, value: Any) -> str | None:
    """The string that the API takes for a YAML value; `None` for a key to unset."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return str(value)
    raise InvalidInput(
        f"{option}: a value is a string, a number or a boolean, not a {type(value).__name__}; "
        f"{_instead(option, value)}."
    )


def _instead(option: str, value: Any) -> str:
    """How to write a list or a dictionary that stands where a value is needed."""
    if not isinstance(value, dict):
        return "join it with commas or line breaks, as the key wants it"
    key, inner = option.partition(".")[2], next(iter(value), None)
    if inner is None or matches(key, _TEXT_KEYS):
        return "pass it through the to_nice_yaml or to_json filter, or write it as text (|)"
    return f"the dots are part of a key, so write {key.rpartition('.')[2]}.{inner} as one word"


def wire_map(option: str, values: dict[str, Any]) -> dict[str, str | None]:
    """A whole `config` or device in its API representation, with checked sizes.

    :raises InvalidInput: with all that is wrong in it
    """
    result: dict[str, str | None] = {}
    wrong: list[str] = []
    for key, value in values.items():
        try:
            result[key] = _wire_entry(option, key, value)
        except InvalidInput as exc:
            wrong += exc.each
    if wrong:
        raise InvalidInput(*wrong)
    return result


def _wire_entry(option: str, key: Any, value: Any) -> str | None:
    if not isinstance(key, str) or not key:
        raise InvalidInput(f"{option}: {key!r} is not a key; write it in quotes.")
    if value is None and ":" in key and not matches(key, _TEXT_KEYS):  # YAML reads `{a:1}` as a key without a value
        raise InvalidInput(f"{option}: '{key}' has no value; put a space after the colon.")
    if isinstance(value, (int, float)) and not isinstance(value, bool) and matches(key, _NO_NUMBERS):
        raise InvalidInput(
            f"{option}.{key}: {value!r} is a number, and not what was written if that began with 0 or has "
            "colons: quote it, as in '0660'."
        )
    return check_size(f"{option}.{key}", key, wire(f"{option}.{key}", value))


def parse_size(text: str) -> int | None:
    """The bytes of a size as the daemons write it (`10GiB`, `500MB`, `1073741824`); None if it is not a size."""
    match = _SIZE.match(text)
    if not match:
        return None
    factor = _UNITS.get(match.group(2).lower())
    return int(match.group(1)) * factor if factor else None


def check_size(option: str, key: str, value: str | None) -> str | None:
    if value is None or not matches(key, _SIZE_KEYS) or parse_size(value) is not None:
        return value
    if key.startswith("limits.memory") and (re.match(r"^\d{1,3}%$", value) or value in TRUE + FALSE):
        return value
    raise InvalidInput(
        f"{option}: '{value}' is not a size; write a whole number and a unit (B, kB, MB, GB, TB, KiB, MiB, GiB, "
        "TiB), as in 10GiB."
    )


def same(key: str, want: str | None, have: str | None) -> bool:
    """Whether what the server has already is what the user wants."""
    want, have = want or None, have or None
    if want == have:
        return True
    if want is None or have is None or matches(key, _TEXT_KEYS):
        return False
    low, other = want.lower(), have.lower()
    for words in (TRUE, FALSE):
        if low in words and other in words:
            return True
    size, other_size = parse_size(want), parse_size(have)
    if size is not None and size == other_size and not (want.isdigit() and have.isdigit()):
        return True
    if (":" in want or ":" in have) and _same_address(want, have):
        return True
    return bool(
        "," in want and [part.strip() for part in want.split(",")] == [part.strip() for part in have.split(",")]
    )


def _same_address(one: str, other: str) -> bool:
    """Whether two values are one IPv6 address, which has many spellings; one of an IPv4 address is IPv4 to a server."""
    from .addresses import canonical  # few tasks need it, and it loads slowly

    return canonical(one) == canonical(other) != ""


Same = Callable[[str, "str | None", "dict[str, str]"], bool]


def same_in(key: str, want: str | None, current: dict[str, str]) -> bool:
    """`same`, given the whole map: a kind whose keys depend on each other has its own."""
    return same(key, want, current.get(key))


def merge(
    current: dict[str, str],
    wanted: dict[str, str | None] | None,
    purge: bool = False,
    server_keys: Iterable[str] = (),
    equal: Same = same_in,
) -> dict[str, str]:
    """`current` as the user wants it: written keys set, `None` unset, the rest kept or, when purging, removed.

    `server_keys` are patterns of keys that the server writes itself; purging leaves them alone.
    """
    result = dict(current)
    for key, value in (wanted or {}).items():
        if equal(key, value, current):
            continue
        if value is None:
            result.pop(key, None)
        else:
            result[key] = value
    if purge:
        for key in current:
            if key not in (wanted or {}) and not matches(key, server_keys):
                del result[key]
    return result


def merge_devices(
    current: dict[str, dict[str, str]], wanted: dict[str, dict[str, str | None] | None] | None, purge: bool = False
) -> dict[str, dict[str, str]]:
    """Like `merge`, for devices: `None` removes one, and one with another type is replaced as a whole."""
    result = {} if purge else dict(current)
    for name, device in (wanted or {}).items():
        if device is None:
            result.pop(name, None)
            continue
        now = current.get(name, {})
        if _other_kind(device, now):
            now = {"type": now["type"]} if now.get("type") else {}
        new = merge(now, device, purge=purge)
        if new or name in current:
            result[name] = new
    return result


def _other_kind(want: dict[str, str | None], have: dict[str, str]) -> bool:
    """Whether a device changes its type: nictype/parent and network exclude each other, and a disk is not a NIC."""
    if any(want.get(key) and have.get(key) and want[key] != have[key] for key in ("type", "nictype")):
        return True
    return any(
        want.get(one) and have.get(other) and not want.get(other)
        for one, other in (("network", "nictype"), ("nictype", "network"))
    )


#: What a nic that names a network has from it, and must not be written beside it.
_OF_NETWORK = ("nictype", "parent", "mtu", "gvrp", "maas.subnet.ipv4", "maas.subnet.ipv6")
#: What makes sense whatever a nic is connected to.
_OF_ANY_NIC = ("type", "name", "hwaddr", "boot.priority")


def overriding(inherited: dict[str, str], written: dict[str, str | None]) -> dict[str, str]:
    """The complete device that overrides one of a profile: with the written keys, and without the keys that exclude
    these.
    """
    now = inherited
    if _other_kind(written, now):
        if written.get("network"):
            now = {key: value for key, value in now.items() if key not in _OF_NETWORK}
        else:
            now = {key: value for key, value in now.items() if key in _OF_ANY_NIC}
    return merge(now, written)


def wire_devices(devices: dict[str, Any] | None) -> dict[str, dict[str, str | None] | None] | None:
    if devices is None:
        return None
    result: dict[str, dict[str, str | None] | None] = {}
    wrong: list[str] = []
    for name, device in devices.items():
        if device is not None and not isinstance(device, dict):
            wrong.append(
                f"devices.{name}: a device is a dictionary of its properties (or null to remove it), not {device!r}."
            )
            continue
        try:
            result[name] = None if device is None else wire_map(f"devices.{name}", device)
        except InvalidInput as exc:
            wrong += exc.each
    if wrong:
        raise InvalidInput(*wrong)
    return result


def without_unset(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def unmarked(config: dict[str, str], written: Mapping[str, Any]) -> dict[str, str]:
    """A config without the marks of a stack, but for those that are written."""
    return {key: value for key, value in config.items() if key not in MARKS or key in written}


def instant(option: str, value: str | None) -> datetime.datetime | None:
    """A moment from RFC 3339, or from YAML's `2026-12-31 00:00:00+00:00`; None for the API's zero time."""
    if not value or value.startswith(("0001-01-01", "1970-01-01T00:00:00Z")):
        return None
    text = re.sub(r"(\.\d{6})\d+", r"\1", value.strip().replace("Z", "+00:00").replace("z", "+00:00"))
    text = re.sub(r"\.(\d{1,5})(?=[+-]|$)", lambda match: "." + match.group(1).ljust(6, "0"), text)
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError as exc:
        raise InvalidInput(f"{option}: '{value}' is not a point in time; write it as in 2026-12-31T18:00:00Z.") from exc
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)


def same_instant(option: str, want: str | None, have: str | None) -> bool:
    """Whether two moments are equal to the second, which is the precision of the daemons."""
    one, other = instant(option, want), instant(option, have)
    if one is None or other is None:
        return one is other
    return abs((one - other).total_seconds()) < 1


# -- showing ----------------------------------------------------------------------------------------------------------


def changes(before: Any, after: Any) -> tuple[Any, Any]:
    """What differs, and only that: two nested dictionaries with the same shape."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return before, after
    left, right = {}, {}
    for key in sorted(set(before) | set(after)):
        one, other = before.get(key), after.get(key)
        if one == other:
            continue
        one, other = changes(one, other)
        if one not in (None, {}):
            left[key] = one
        if other not in (None, {}):
            right[key] = other
    return left, right


def to_yaml(value: Any, indent: str = "") -> str:
    """Block YAML of dictionaries, lists and scalars, for diffs: the managed host may have no YAML library.

    Text of several lines has each on a line of its own, so that a diff shows those that change.
    """
    if isinstance(value, dict):
        return "".join(f"{indent}{_scalar(key)}:{_after(inner, indent)}" for key, inner in value.items())
    if isinstance(value, list):
        return "".join(f"{indent}-{_after(inner, indent)}" for inner in value)
    return f"{indent}{_scalar(value)}\n"


def _after(value: Any, indent: str) -> str:
    """A value after its key or dash."""
    if isinstance(value, (dict, list)) and value:
        return "\n" + to_yaml(value, indent + "  ")
    if isinstance(value, str) and "\n" in value and value.replace("\n", "").replace("\t", "").isprintable():
        text = value.rstrip("\n")
        ends = value[len(text) :]
        lines = value[:-1].split("\n") if ends else value.split("\n")
        keep = "-" if not ends else ("" if ends == "\n" and text else "+")
        return f" |2{keep}\n" + "".join(f"{indent}  {line}\n" if line else "\n" for line in lines)
    return f" {_scalar(value)}\n"


def _scalar(value: Any) -> str:
    if (
        isinstance(value, str)
        and re.fullmatch(r"[A-Za-z_/][A-Za-z0-9_./@-]*", value)
        and value.lower() not in TRUE + FALSE + ("null", "y", "n")
    ):
        return value
    return printable(json.dumps(value, ensure_ascii=False))


def printable(text: str, keep: str = "") -> str:
    """Text with invisible characters written as escapes of YAML: controls, line separators of Unicode, marks that turn
    the direction of text.
    """
    return (
        text
        if text.isprintable()
        else "".join(char if char.isprintable() or char in keep else f"\\U{ord(char):08x}" for char in text)
    )


def is_active(obj: dict[str, Any]) -> bool:
    """Whether an instance has begun to use what it has of its host, as a frozen one has. A profile has no status and
    counts: its instances may run.
    """
    return bool(obj.get("status") != "Stopped")
