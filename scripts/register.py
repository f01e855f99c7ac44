# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names each kind and each module where Ansible and the collection have to have their names.

That is `_jobs/registry.py`, the action group and the actions in `meta/runtime.yml`, and the choices of the module
`resource_info`. Run this after a file in `_kinds/` or `plugins/modules/` was added: `python scripts/register.py`.
"""

from __future__ import annotations

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[1]
KINDS = ROOT / "plugins" / "module_utils" / "_kinds"
#: Kinds of which the API lists none, or only one.
UNLISTED = re.compile(r"(?m)^    (listed|named) = False$")


def kinds() -> dict[str, tuple[str, str, bool]]:
    """The family, the class, and whether the API lists it, of each kind."""
    found = {}
    for file in sorted(KINDS.glob("*/[!_]*.py")):
        text = file.read_text(encoding="utf-8")
        declared = re.search(r'(?ms)^class (\w+)\([^)]*\):(?:(?!^class ).)*?^    kind = "(\w+)"', text)
        if declared:
            found[declared[2]] = (file.parent.name, declared[1], not UNLISTED.search(text))
    return found


def replaced(text: str, line: str, lines: list[str]) -> str:
    """A text in which a block of lines of one form is another block."""
    block = re.compile(rf"(?m)(?:^{line}\n)+")
    assert len(block.findall(text)) == 1, f"one block of lines like {line}"
    return block.sub("".join(f"{one}\n" for one in sorted(lines)), text)


def registry(text: str) -> str:
    found = kinds()
    imports = [f"from .._kinds.{family}.{kind} import {name}" for kind, (family, name, _listed) in found.items()]
    text = replaced(text, r"from \.\._kinds\.\w+\.\w+ import \w+", imports)
    return replaced(text, r"    \w+,", [f"    {name}," for _family, name, _listed in found.values()])


def runtime(text: str) -> str:
    modules = [path.stem for path in (ROOT / "plugins" / "modules").glob("[!_]*.py")]
    text = replaced(text, r"    - \w+", [f"    - {name}" for name in modules])
    direct = [f"    {name}: {{action_plugin: cloudhost.lxd.direct}}" for name in modules if name != "stack"]
    return replaced(text, r"    \w+: \{action_plugin: cloudhost\.lxd\.direct\}", direct)


def choices(text: str) -> str:
    """Besides kinds, it has what there is no kind for."""
    there = set(re.findall(r"(?m)^      - (\w+)$", text))
    listed = {kind for kind, (_family, _name, is_listed) in kinds().items() if is_listed}
    return replaced(text, r"      - \w+", [f"      - {kind}" for kind in there | listed])


def main() -> None:
    for name, change in (
        ("plugins/module_utils/_jobs/registry.py", registry),
        ("meta/runtime.yml", runtime),
        ("plugins/modules/resource_info.py", choices),
    ):
        path = ROOT / name
        path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
