# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""Finds the arguments of a task that Ansible Vault has encrypted, so that the module can hide them.

A value is recognized by the tag that Ansible gives it, a part of a longer text by the variable that it came from, and
every value of a file that is encrypted as a whole by the file. Names are not hidden, because a plan needs them.
"""

from __future__ import annotations

import functools
from typing import Any, Iterator

from ansible.parsing.vault import VaultHelper, is_encrypted_file
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.secrets import is_telling

try:
    from ansible._internal._datatag._tags import Origin
except ImportError:  # another ansible-core: then values of encrypted files are recognized by their keys only
    Origin = None

#: Variables that contain those of other hosts, or the values of the task itself.
_FOREIGN = frozenset(("hostvars", "vars", "groups", "environment", "ansible_facts", "ansible_delegated_vars"))
#: Values that are no secrets, besides the choices of options.
_COMMON = ("default", "disk", "nic", "none", "root")


@functools.lru_cache(maxsize=1)
def names_and_choices() -> tuple[frozenset[str], frozenset[str]]:
    """The options that name a resource, and the choices of options.

    Loaded only if there is a secret, because it takes time.
    """
    from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS

    specs = [kind.argument_spec() for kind in KINDS.values()]
    names = frozenset(option for kind in KINDS.values() for option in ("name", "project", *kind.parents()))
    return names, frozenset(
        str(choice) for spec in specs for option in spec.values() for choice in option.get("choices") or ()
    ).union(_COMMON)


def with_secrets(arguments: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a module, with `_secrets` for its runner if there are secrets.

    Secrets in `anywhere` are hidden in any text. Those in `alone` may be a part of other text by chance, and are hidden
    as whole values only.
    """
    written = list(arguments.get("_secrets") or ())
    found = dict.fromkeys(
        [
            *written,
            *_encrypted(arguments),
            *_encrypted({key: value for key, value in variables.items() if key not in _FOREIGN}),
        ]
    )
    if not found:
        return {key: value for key, value in arguments.items() if key != "_secrets"}
    options, choices = names_and_choices()
    names = set(_named(arguments, options))
    alone = [text for text in found if not is_telling(text) or text in choices or any(text in name for name in names)]
    return {**arguments, "_secrets": {"anywhere": [text for text in found if text not in alone], "alone": alone}}


def _encrypted(value: Any) -> Iterator[str]:
    """The secrets in a value, in plain text.

    A secret that was not used yet stays encrypted: to decrypt it takes time, and no other text can contain it.
    """
    if isinstance(value, dict):
        for inner in dict.values(value):
            yield from _encrypted(inner)
    elif isinstance(value, (list, tuple)):
        for inner in list.__iter__(value) if isinstance(value, list) else value:
            yield from _encrypted(inner)
    elif VaultHelper.get_ciphertext(value, with_tags=False) is not None:
        plain = value if isinstance(value, str) else getattr(value, "_plaintext", None)
        if plain is not None:
            yield str(plain)
    elif isinstance(value, (str, int, float)) and not isinstance(value, bool) and Origin is not None:
        origin = Origin.get_tag(value)
        if origin and origin.path and is_encrypted(origin.path):
            yield str(value)


@functools.lru_cache(maxsize=256)
def is_encrypted(path: str) -> bool:
    """Whether a file is encrypted as a whole."""
    try:
        with open(path, "rb") as stream:
            return bool(is_encrypted_file(stream))
    except OSError:
        return False


def scalars(value: Any) -> list[str]:
    """All values in a value, except those of options that are names, as strings."""
    names, _choices = names_and_choices()
    if isinstance(value, dict):
        return [
            found
            for key, inner in value.items()
            if key not in names or isinstance(inner, (dict, list))
            for found in scalars(inner)
        ]
    if isinstance(value, list):
        return [found for inner in value for found in scalars(inner)]
    return [] if value in (None, "") or isinstance(value, bool) else [str(value)]


def _named(arguments: Any, options: frozenset[str]) -> Iterator[str]:
    """The names that a task and its documents write."""
    if isinstance(arguments, dict):
        for key, value in arguments.items():
            if key in options and isinstance(value, str):
                yield value
            else:
                yield from _named(value, options)
    elif isinstance(arguments, list):
        for value in arguments:
            yield from _named(value, options)
