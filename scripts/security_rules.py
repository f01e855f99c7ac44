# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the tables of docs/security-audit.md: the rules of the audit, and the end of versions.

The source are the tables of `plugins/module_utils/_audit/`. Run this after a change of them: `python
scripts/security_rules.py`. With `--check` it writes nothing, and fails if the page is not current.
"""

from __future__ import annotations

import pathlib
import re
import sys
from typing import Callable, Iterator

from ansible_collections.cloudhost.lxd.plugins.module_utils._audit import end_of_life
from ansible_collections.cloudhost.lxd.plugins.module_utils._audit.rules import RULES

PAGE = pathlib.Path(__file__).resolve().parents[1] / "docs" / "security-audit.md"


def rules() -> Iterator[str]:
    yield "| rule | severity | finds | reads | why it matters |"
    yield "| --- | --- | --- | --- | --- |"
    for rule in RULES:
        yield f"| `{rule.id}` | {rule.severity} | {rule.title} | {rule.reads} | {rule.why} |"


def versions() -> Iterator[str]:
    yield f"Written on {end_of_life.AS_OF}."
    yield ""
    yield "| product | last day with updates, by version |"
    yield "| --- | --- |"
    for product, dates in end_of_life.TABLE.items():
        yield f"| {product} | {', '.join(f'{version}: {date}' for version, date in dates.items())} |"


TABLES: dict[str, Callable[[], Iterator[str]]] = {"rules": rules, "versions": versions}


def written(text: str) -> str:
    """The page with its tables as they have to be: each between two comments."""
    for name, lines in TABLES.items():
        begin, end = f"<!-- {name}: written by scripts/security_rules.py -->\n", f"<!-- end of {name} -->"
        if begin not in text or end not in text:
            raise SystemExit(f"{PAGE.name} has no place for the table {name}: {begin.strip()} … {end}")
        table = "\n".join(["", *lines(), "", ""])
        text = re.sub(f"{re.escape(begin)}.*?{re.escape(end)}", lambda _old: begin + table + end, text, flags=re.S)  # noqa: B023 - used at once
    return text


def main(arguments: list[str]) -> int:
    text = PAGE.read_text(encoding="utf-8")
    if "--check" in arguments:
        return int(written(text) != text)
    PAGE.write_text(written(text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
