# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether ansible-doc shows every plugin of a kind. Usage: documented.py module|role|filter|connection|inventory"""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[1]
PLACES = {
    "module": "plugins/modules/*.py",
    "role": "roles/*",
    **{kind: f"plugins/{kind}/*.py" for kind in ("filter", "connection", "inventory")},
}


def main() -> None:
    kind = sys.argv[1]
    names = [f"cloudhost.lxd.{path.stem}" for path in sorted(ROOT.glob(PLACES[kind])) if path.stem != "__init__"]
    done = subprocess.run(
        [str(pathlib.Path(sys.executable).with_name("ansible-doc")), "--json", "-t", kind, *names],
        stdout=subprocess.PIPE,
        check=True,
    )
    shown = json.loads(done.stdout)
    for name in names:
        entry = shown[name].get("doc") or shown[name]["entry_points"]["main"]
        assert entry.get("description") and (entry.get("options") or kind == "filter"), (
            f"ansible-doc shows no description or options of {kind} {name}"
        )
    print(f"{len(names)} of kind {kind} are shown by ansible-doc: {', '.join(names)}")


if __name__ == "__main__":
    main()
