# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Arguments of a document's entries, validated as Ansible validates those of a module, without Ansible.

Ansible stops at the first error of a sort; this names all of them. `tests/unit/module_utils/_stack/test_arguments.py`
holds both equal. They differ on purpose in this:

- Null is the same as an option that is not written, as in the documents of the daemons.
- A boolean as text is `true` or `false`, as the daemons write it, and not Python's `True`.
- Text for a list may have spaces after its commas.
- A dictionary or list where text is needed, and text where a dictionary is needed, are errors. Ansible converts these.
"""

from __future__ import annotations

import decimal
import os
from typing import Any, Callable, NamedTuple

from .._api.errors import did_you_mean, nearest
from .._engine.unknown import meant

_BOOLEANS = {
    **dict.fromkeys(("true", "yes", "on", "1", "t", "y"), True),
    **dict.fromkeys(("false", "no", "off", "0", "f", "n"), False),
}


class Complaint(NamedTuple):
    """What is wrong, and with which option; `""` where it is not one of them."""

    option: str
    words: str


class _Unfit(Exception):
    """A value that does not have the type or is not one of the choices of its option. The text is the error."""


def defaults(spec: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The parameters of an entry that gives none of its options."""
    return {option: entry.get("default") for option, entry in spec.items()}


def checked(
    spec: dict[str, dict[str, Any]], constraints: dict[str, Any], given: dict[Any, Any], prefix: str = ""
) -> tuple[dict[str, Any], list[Complaint]]:
    """Parameters as Ansible hands them to a module, and all that is wrong with them.

    :param spec: an argument spec; types are those in `_CONVERSIONS` and `list`
    :param constraints: rules between options, as keyword arguments of `AnsibleModule`
    :param given: the options that are written
    :param prefix: what errors put before the name of an option
    :returns: every option of the spec, with its default or None where it is not written; complaints
    """
    params, complaints = defaults(spec), []
    unfit: dict[str, Any] = {}
    for option, value in given.items():
        entry = spec.get(option)
        if entry is None:
            hint = meant(str(option), value, spec) or did_you_mean(str(option), list(spec))
            complaints.append(Complaint(str(option), f"{prefix}{option}: there is no such key. {hint}"))
        elif value is not None:
            try:
                params[option], inner = _fit(f"{prefix}{option}", entry, value)
                complaints += [Complaint(option, complaint.words) for complaint in inner]
            except _Unfit as exc:
                unfit[option] = value
                complaints.append(Complaint(option, str(exc)))
    missing = [option for option, entry in spec.items() if entry.get("required") and given.get(option) is None]
    complaints += [Complaint("", f"{prefix}{option}: it is missing.") for option in missing]
    broken = _exclusive(constraints, given) + _broken(constraints, {**params, **unfit})
    return params, complaints + [Complaint("", f"{prefix}{words}") for words in broken]


def _fit(option: str, entry: dict[str, Any], value: Any) -> tuple[Any, list[Complaint]]:
    """A value as its option has it, and what is wrong inside it."""
    kind = entry["type"]
    if kind == "list":
        each = {**entry, "type": entry.get("elements", "str")}
        return _fit_each(option, each, _items(option, value))
    result = _CONVERSIONS[kind](option, value)
    choices = entry.get("choices")
    if choices and result not in choices:
        known = [str(choice) for choice in choices]
        raise _Unfit(f"{option}: '{value}' is none of {', '.join(known)}. {nearest(str(value), known)}".rstrip())
    if kind == "dict" and entry.get("options"):
        return checked(entry["options"], entry, result, f"{option}.")
    return result, []


def _fit_each(option: str, entry: dict[str, Any], items: list[Any]) -> tuple[list[Any], list[Complaint]]:
    """The same for the items of a list. What does not fit is left out."""
    fitted, complaints = [], []
    for position, item in enumerate(items):
        try:
            value, inner = _fit(f"{option}[{position}]", entry, item)
        except _Unfit as exc:
            complaints.append(Complaint(option, str(exc)))
        else:
            fitted.append(value)
            complaints += inner
    return fitted, complaints


def _items(option: str, value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    if isinstance(value, (int, float)):
        return [_text(option, value)]
    raise _Unfit(f"{option}: a list is needed, not {value!r}.")


def _dictionary(option: str, value: Any) -> dict[Any, Any]:
    if isinstance(value, dict):
        return value
    hint = " Write 'key: value' without dashes." if isinstance(value, list) else ""
    raise _Unfit(f"{option}: a dictionary is needed, not {value!r}.{hint}")


def _boolean(option: str, value: Any) -> bool:
    _refuse_collections(option, value, "single value")
    if isinstance(value, (int, float)) and value in (0, 1):
        return bool(value)
    if isinstance(value, str) and value.lower().strip() in _BOOLEANS:
        return _BOOLEANS[value.lower().strip()]
    raise _Unfit(f"{option}: true or false is needed, not {value!r}.")


def _whole_number(option: str, value: Any) -> int:
    _refuse_collections(option, value, "number")
    if isinstance(value, int):
        return value
    try:
        number = decimal.Decimal(value)
    except (decimal.DecimalException, TypeError, ValueError):
        number = decimal.Decimal("NaN")
    # the digits of 1e999999999 would fill the memory
    if number.is_finite() and number.adjusted() < 1000 and number == int(number):
        return int(number)
    raise _Unfit(f"{option}: a whole number is needed, not {value!r}.")


def _text(option: str, value: Any) -> str:
    _refuse_collections(option, value, "single value")
    if value is None:  # inside a list
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _path(option: str, value: Any) -> str:
    return os.path.expanduser(os.path.expandvars(_text(option, value)))


_CONVERSIONS: dict[str, Callable[[str, Any], Any]] = {
    "dict": _dictionary,
    "bool": _boolean,
    "int": _whole_number,
    "str": _text,
    "path": _path,
}


def _refuse_collections(option: str, value: Any, needed: str) -> None:
    if isinstance(value, (dict, list)):
        raise _Unfit(f"{option}: a {needed} is needed, not a {'list' if isinstance(value, list) else 'dictionary'}.")


def _exclusive(constraints: dict[str, Any], given: dict[Any, Any]) -> list[str]:
    """Groups of options of which more than one is written. A default does not count."""
    groups = [
        [option for option in group if given.get(option) is not None]
        for group in constraints.get("mutually_exclusive") or ()
    ]
    return [f"{', '.join(group)}: only one of them can be given." for group in groups if len(group) > 1]


def _broken(constraints: dict[str, Any], params: dict[str, Any]) -> list[str]:
    """What breaks the other rules between options. A default counts as given."""

    def there(options: Any) -> list[str]:
        return [option for option in options if params.get(option) is not None]

    together = [group for group in constraints.get("required_together") or () if 0 < len(there(group)) < len(group)]
    words = [f"{', '.join(group)}: they go together." for group in together]
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
