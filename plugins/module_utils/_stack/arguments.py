# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Options held against an argument spec, as Ansible does it for a module, but with every complaint and without Ansible."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from .._api.errors import did_you_mean

Spec = "dict[str, dict[str, Any]]"

_BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


class Complaint(NamedTuple):
    """What is wrong, and with which option; `""` where it is not one of them."""

    option: str
    words: str


class _Unfit(Exception):
    pass


def defaults(spec: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {option: entry.get("default") for option, entry in spec.items()}


def checked(
    spec: dict[str, dict[str, Any]], constraints: dict[str, Any], given: dict[Any, Any], prefix: str = ""
) -> tuple[dict[str, Any], list[Complaint]]:
    """Parameters as Ansible hands them over (defaults filled in, None for what was not written), and all that is wrong
    with them.
    """
    params, complaints = defaults(spec), []
    for option, value in given.items():
        entry = spec.get(option)
        if entry is None:
            complaints.append(
                Complaint(
                    str(option), f"{prefix}{option}: there is no such key. {did_you_mean(str(option), list(spec))}"
                )
            )
        elif value is not None:
            try:
                params[option], inner = _fit(f"{prefix}{option}", entry, value)
                complaints += [Complaint(option, complaint.words) for complaint in inner]
            except _Unfit as exc:
                complaints.append(Complaint(option, str(exc)))
    missing = [option for option, entry in spec.items() if entry.get("required") and given.get(option) is None]
    complaints += [Complaint("", f"{prefix}{option}: it is missing.") for option in missing]
    return params, complaints + [Complaint("", f"{prefix}{words}") for words in _broken(constraints, params)]


def _fit(option: str, entry: dict[str, Any], value: Any) -> tuple[Any, list[Complaint]]:
    kind = entry["type"]
    if kind == "list":
        items = (
            value
            if isinstance(value, list)
            else [part.strip() for part in value.split(",")]
            if isinstance(value, str)
            else None
        )
        if items is None:
            raise _Unfit(f"{option}: a list is needed, not {value!r}.")
        fitted = [
            _fit(f"{option}[{position}]", {**entry, "type": entry.get("elements", "str")}, item)
            for position, item in enumerate(items)
        ]
        return [item for item, _complaints in fitted], [
            complaint for _item, complaints in fitted for complaint in complaints
        ]
    result = _scalar(option, kind, value)
    choices = entry.get("choices")
    if choices and result not in choices:
        raise _Unfit(
            f"{option}: '{value}' is none of {', '.join(map(str, choices))}. "
            f"{did_you_mean(str(value), [str(choice) for choice in choices])}"
        )
    if kind == "dict" and entry.get("options"):
        return checked(entry["options"], entry, result, f"{option}.")
    return result, []


def _scalar(option: str, kind: str, value: Any) -> Any:
    if kind == "dict":
        if isinstance(value, dict):
            return value
        raise _Unfit(f"{option}: a dictionary is needed, not {value!r}.")
    if isinstance(value, (dict, list)):
        raise _Unfit(
            f"{option}: a {'number' if kind == 'int' else 'single value'} is needed, not a "
            f"{'list' if isinstance(value, list) else 'dictionary'}."
        )
    if kind == "bool":
        if isinstance(value, bool):
            return value
        if str(value).lower() in _BOOLEANS:
            return _BOOLEANS[str(value).lower()]
        raise _Unfit(f"{option}: true or false is needed, not {value!r}.")
    if kind == "int":
        try:
            return int(value)
        except ValueError as exc:
            raise _Unfit(f"{option}: a whole number is needed, not {value!r}.") from exc
    text = value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return os.path.expanduser(os.path.expandvars(text)) if kind == "path" else text


def _broken(constraints: dict[str, Any], params: dict[str, Any]) -> list[str]:
    """The rules between options that a module can declare."""

    def there(options: Any) -> list[str]:
        return [option for option in options if params.get(option) is not None]

    words = [
        f"{', '.join(there(group))}: only one of them can be given."
        for group in constraints.get("mutually_exclusive") or ()
        if len(there(group)) > 1
    ]
    together = [group for group in constraints.get("required_together") or () if 0 < len(there(group)) < len(group)]
    words += [f"{', '.join(group)}: they go together." for group in together]
    words += [
        f"{', '.join(group)}: one of them is needed."
        for group in constraints.get("required_one_of") or ()
        if not there(group)
    ]
    for option, needed in (constraints.get("required_by") or {}).items():
        needed = [needed] if isinstance(needed, str) else needed
        lacking = [other for other in needed if params.get(other) is None]
        if params.get(option) is not None and lacking:
            words.append(f"{option}: it needs {', '.join(lacking)} too.")
    for option, value, needed, *rest in constraints.get("required_if") or ():
        lacking = [other for other in needed if params.get(other) is None]
        if params.get(option) == value and lacking and not (rest and rest[0] and len(lacking) < len(needed)):
            words.append(
                f"{option}: with '{value}' it needs "
                f"{' or '.join(lacking) if rest and rest[0] else ', '.join(lacking)} too."
            )
    return words
