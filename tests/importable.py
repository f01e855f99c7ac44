# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a Python imports all that runs on a managed host. Prints nothing if it does.

`ansible-test sanity` imports each file by itself, and compiles all that it imports for each, which takes half a minute
of processor time for a Python. It does so on the oldest and on the newest one. The Pythons between them differ from
both in their syntax and their library only, and show that in one process, in a second.

Usage: importable.py ANSIBLE, the folder of the package ansible. The collection is on the path of the Python.
"""

from __future__ import annotations

import importlib
import pathlib
import sys
import types
import warnings

ROOT = pathlib.Path(__file__).resolve().parents[1]
COLLECTION = "ansible_collections.cloudhost.lxd."


def main() -> None:
    ansible = types.ModuleType("ansible")  # as a managed host has it: with its module_utils only
    ansible.__path__, ansible.__file__ = [sys.argv[1]], f"{sys.argv[1]}/__init__.py"
    sys.modules["ansible"] = ansible
    warnings.simplefilter("error")
    for folder in ("module_utils", "modules"):
        for path in sorted((ROOT / "plugins" / folder).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            importlib.import_module(COLLECTION + name.replace(".__init__", ""))


if __name__ == "__main__":
    main()
