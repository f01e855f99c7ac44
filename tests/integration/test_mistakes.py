# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Typical mistakes are refused, or warned of, before anything is changed: with file, line, option and what to do."""

from __future__ import annotations

from typing import Any

from ansible_collections.cloudhost.lxd.plugins.plugin_utils._cloud_config import doubts
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._written import Loader, lines_of
from integration import mistakes
from integration.mistakes import Mistake
from integration.modules import ModuleFailed, warnings_of

REFUSED = (mistakes.ENTRIES, mistakes.VALUES, mistakes.DEVICES, mistakes.NAMES, mistakes.IN_USE, mistakes.TWICE)
FILE = "farm.yml"


def document(text: str) -> dict[str, Any]:
    """A document as the action plugin of the module reads it."""
    loader = Loader(text)
    root = loader.get_single_node()
    content = loader.construct_document(root)
    return {"source": FILE, "content": content, "lines": dict(lines_of(root)), "doubts": doubts(content)}


def unsaid(mistake: Mistake, lines: list[str]) -> list[str]:
    """The lines, if none of them has the file, the line and all words of a mistake."""
    words = [word.replace("FILE", FILE) for word in mistake.words]
    place = f"{FILE}:{mistake.line}: "
    return [] if any(place in line and all(word in line for word in words) for line in lines) else lines


def test_there_are_enough() -> None:
    assert len(mistakes.mistakes(*REFUSED, mistakes.WARNED)) >= 40


def test_refused(api) -> None:
    """The lines that are shown are those of an error with another place or other words."""
    api.proxy.forget()
    other: dict[str, Any] = {}
    for title, mistake in mistakes.mistakes(*REFUSED).items():
        try:
            lines = [f"no error: {api.run('stack', _documents=[document(mistake.text)])['actions']}"]
        except ModuleFailed as exc:
            lines = unsaid(mistake, str(exc).split("\n"))
        other.update({title: (mistake, lines)} if lines else {})
    assert other == {} and api.proxy.writes == []


def test_warned(api) -> None:
    api.proxy.forget()
    other: dict[str, Any] = {}
    for title, mistake in mistakes.mistakes(mistakes.WARNED).items():
        planned = api.run("stack", check=True, _documents=[document(mistake.text)])
        lines = unsaid(mistake, warnings_of(planned)) or unsaid(mistake, planned["report_lines"])
        other.update({title: (mistake, lines)} if lines else {})
    assert other == {} and api.proxy.writes == []
