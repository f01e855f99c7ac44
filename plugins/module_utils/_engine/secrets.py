# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Secrets: how they are found, and how a value with secrets is shown. Pure functions.

A value is secret by the name of its key, by what it holds (a login in a URL), or because its source marks it
(Ansible Vault).
"""

from __future__ import annotations

import functools
import re
from typing import Any, NamedTuple

from .values import FALSE, TRUE, matches

MASK = "********"
MASK_CHANGED = "******** (changed)"

#: Keys whose values must not be shown: passwords, tokens, private keys.
_SECRET = re.compile(
    r"passw|passphrase|passcode|pwd|psk|secret|token|private|credential|client_key|ssh_key|api[._-]?key"
    r"|access[._-]?key|hmac|[._-](key|auth|pass|cookie|otp|jwt)$|^pass$|pin$|acme\.provider\.environment",
    re.I,
)
#: Keys that speak of secrets and hold none: a time, a choice, the public half of a key.
_NOT_SECRET = re.compile(r"token_expiry|remote_token|public_key|^cloud-init\.ssh-keys\.", re.I)
#: User and password of a URL. Its port is no password, unless an @ follows in the same word.
_LOGIN = re.compile(r"(?<=://)[^\s/?#@:]*(?::(?!\d+/)\S*)?@")
#: Keys with text that people write for programs, which may have anything in it.
_FREE_TEXT = (
    "cloud-init.*",
    "environment.*",
    "raw.*",
    "user.user-data",
    "user.vendor-data",
    "user.network-config",
    "user.meta-data",
)
#: What looks secret inside of such text: a word that names secrets, the head of a private key, a hashed password, a
#: long run of letters and digits.
_LOOKS_SECRET = re.compile(
    _SECRET.pattern.replace("$", r"(?![a-z])").replace("^", "") + r"|authorization|-----BEGIN|\$[0-9a-z]{1,8}\$[^\s$]"
    r"|(?=[A-Za-z0-9+_=]*[0-9])(?=[A-Za-z0-9+_=]*[A-Za-z])[A-Za-z0-9+_=]{24,}",
    re.I,
)
#: Shorter secrets are hidden where they are a whole value, and not wherever other text has them inside.
_LEAST = 4


class Rules(NamedTuple):
    """What is hidden besides keys that name secrets, and logins in URLs."""

    #: Secrets by themselves, as strings.
    known: frozenset[str] = frozenset()
    #: Whether text for programs is hidden where it looks as if there were a secret in it.
    hide_text: bool = False


BY_NAME = Rules()


@functools.lru_cache(maxsize=2**16)
def is_secret(key: str) -> bool:
    return bool(_SECRET.search(key)) and not _NOT_SECRET.search(key)


def is_text(key: str, value: Any) -> bool:
    """Whether a value is text for people and programs, of which a report shows the lines that change."""
    return isinstance(value, str) and ("\n" in value or matches(key, _FREE_TEXT))


def mask_pair(before: Any, after: Any, rules: Rules = BY_NAME, key: str = "") -> tuple[Any, Any]:
    """A before/after pair with secrets hidden; the result still shows which of them change."""
    if is_secret(key):
        return _hidden(before, after)
    left, right = before or {}, after or {}
    if isinstance(left, dict) and isinstance(right, dict) and (left or right):
        pairs = {
            name: mask_pair(left.get(name), right.get(name), rules, str(name)) for name in list(left) + list(right)
        }
        return {name: pairs[name][0] for name in left}, {name: pairs[name][1] for name in right}
    one, other = masked(before, rules, key), masked(after, rules, key)
    if one == before and other == after:
        return before, after
    if MASK in (one, other):
        return _hidden(before, after, _lines(key, before, after))
    return _with_difference(before, after, one, other)


def _hidden(before: Any, after: Any, lines: str = "") -> tuple[Any, Any]:
    new = before is not None and before != after
    words = ", ".join(part for part in ("changed" if new else "", lines) if part)
    return (MASK if before is not None else None), (
        (f"{MASK} ({words})" if words else MASK) if after is not None else None
    )


def _lines(key: str, before: Any, after: Any) -> str:
    text = after if after is not None else before
    if not is_text(key, text):
        return ""
    count = text.rstrip("\n").count("\n") + 1
    return f"{count} line{'s' * (count > 1)}"


def _with_difference(before: Any, after: Any, one: Any, other: Any) -> tuple[Any, Any]:
    """Two values with secrets in them; if only the secrets differ, the result says that they change."""
    if one == other and before != after:
        return one, f"{other} (changed)" if isinstance(other, str) else MASK_CHANGED
    return one, other


def masked(value: Any, rules: Rules = BY_NAME, key: str = "") -> Any:
    """An object to show, with secrets hidden wherever they are nested."""
    if isinstance(value, dict):
        return {name: masked(inner, rules, key if is_secret(key) else str(name)) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [masked(inner, rules, key) for inner in value]
    if not _holds_something(value):
        return value
    if is_secret(key) or str(value) in rules.known:
        return MASK
    if not isinstance(value, str):
        return value
    if any(secret in value for secret in rules.known if len(secret) >= _LEAST):
        return MASK
    if rules.hide_text and is_text(key, value) and looks_secret(value):
        return MASK
    return without_logins(value)


def without_logins(text: str) -> str:
    """Text with the user and the password of each URL hidden."""
    return _LOGIN.sub(f"{MASK}@", text) if "@" in text else text


def looks_secret(text: str) -> bool:
    """Whether there may be a secret in text that is for programs. In doubt the answer is yes."""
    return bool(_LOOKS_SECRET.search(text) or _LOGIN.search(text))


def _holds_something(value: Any) -> bool:
    return value not in (None, "") and not isinstance(value, bool)


def is_telling(text: str) -> bool:
    """Whether a secret is distinct from other text, so that it can be hidden wherever it occurs."""
    return len(text) >= _LEAST and text.lower() not in TRUE + FALSE


def secrets_in(value: Any, key: str = "") -> set[str]:
    """The secrets inside an object as strings, however deep. Secrets that could be ordinary text are left out."""
    if isinstance(value, dict):
        return {
            found for name, inner in value.items() for found in secrets_in(inner, key if is_secret(key) else str(name))
        }
    if isinstance(value, (list, tuple)):
        return {found for inner in value for found in secrets_in(inner, key)}
    if not _holds_something(value):
        return set()
    if is_secret(key):
        found = {str(value)}
    else:
        logins = [login[:-1] for login in _LOGIN.findall(value)] if isinstance(value, str) and "@" in value else []
        found = {part for login in logins for part in (login, login.partition(":")[2])}
    return {text for text in found if is_telling(text)}


def holds_secret(key: str, value: Any) -> bool:
    """Whether a value must not be in a document that people put into a repository."""
    return is_secret(key) or (isinstance(value, str) and bool(_LOGIN.search(value)))
