# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What documentation, examples and inventories write is known and right: no reader copies a key that is warned of."""

from __future__ import annotations

import ast
import pathlib
import re
from typing import Any, Iterator

import pytest
import yaml
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine import values
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.known import rules

ROOT = pathlib.Path(__file__).resolve().parents[3]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("roles/*/README.md")]
FILES = [*ROOT.glob("inventories/**/*.yml"), *ROOT.glob("playbooks/**/*.yml"), *ROOT.glob("roles/*/*/*.yml")]
MODULES = sorted(ROOT.glob("plugins/modules/*.py"))
#: The sections of documents and variables, and modules, by what they hold.
KINDS = ("instance", "profile", "network", "storage_pool", "project", "server")
HOLDERS = {
    **{f"cloudhost.lxd.{kind}": kind for kind in KINDS},
    **{f"{kind}s": kind for kind in KINDS},
    **{f"init_{kind}s": kind for kind in KINDS},
    "server": "server",
    "init_pools": "storage_pool",
    "site_instances": "instance",
}


class Loader(yaml.SafeLoader):
    """Takes the tags of Ansible (`!vault`, `!unsafe`) for text."""


Loader.add_multi_constructor("!", lambda loader, suffix, node: getattr(node, "value", ""))


def texts() -> Iterator[tuple[str, str]]:
    for path in PAGES:
        for number, block in enumerate(re.findall(r"```ya?ml\n(.*?)```", path.read_text(encoding="utf-8"), re.S)):
            yield f"{path.relative_to(ROOT)}[{number}]", block
    for path in FILES:
        yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
    for path in MODULES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "EXAMPLES":
                yield str(path.relative_to(ROOT)), ast.literal_eval(node.value)


def written(found: Any, kind: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """What is written of a kind, anywhere in a document."""
    if isinstance(found, list):
        for one in found:
            yield from written(one, kind)
    if isinstance(found, dict):
        if kind and any(isinstance(found.get(key), dict) for key in ("config", "devices")):
            yield kind, found
        for key, inner in found.items():
            yield from written(inner, HOLDERS.get(str(key), ""))


def plain(config: Any) -> dict[str, str]:
    """The keys whose value is written and not computed, in their API representation."""
    config = config if isinstance(config, dict) else {}
    return {
        key: values.wire("x", value) or ""
        for key, value in config.items()
        if value is not None and isinstance(value, (str, int, float)) and "{{" not in f"{key}{value}"
    }


def faults(product: str, kind: str, obj: dict[str, Any]) -> list[str]:
    sort = str(obj.get("driver") or obj.get("type") or ("bridge" if kind == "network" else ""))
    config, tables = plain(obj.get("config")), rules.texts_of(kind, sort)
    found = rules.wrong_values(product, tables, "config", config)
    found += rules.unknown_keys(product, tables, config) if tables else []
    devices = obj.get("devices")
    for name, device in devices.items() if isinstance(devices, dict) else ():
        known = plain(device)
        if "type" in known:
            found += [] if known != device else rules.wrong_device(product, name, known, known)
            found += rules.unknown_keys(product, rules.device_texts(known), known)
    return found


CASES = [
    (place, kind, obj)
    for place, text in texts()
    for document in yaml.load_all(text, Loader)  # noqa: S506 - it is a SafeLoader
    for kind, obj in written(document)
]


@pytest.mark.parametrize(("place", "kind", "obj"), CASES, ids=[f"{case[0]}-{n}" for n, case in enumerate(CASES)])
def test_what_is_written_is_known_to_one_of_the_products(place, kind, obj):
    assert [] in [faults(product, kind, obj) for product in rules.PRODUCTS], obj


def test_there_is_something_to_look_at():
    assert len(CASES) >= 30
    assert {kind for _place, kind, _obj in CASES} <= set(KINDS)
