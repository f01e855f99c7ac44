# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What the servers refuse of a volume while an instance that uses it runs."""

from __future__ import annotations

from typing import Any

from ..._engine.users import used_words, user_of


def refuse_running(resource: Any, volume: dict[str, Any], verb: str) -> None:
    """Refuse what needs the volume of a plan to be used by no instance that runs.

    :param verb: what cannot be done, as in `restored`
    """
    users = [url for url in volume.get("used_by") or () if user_of(url).parts[0] == "instances"]
    running = [url for url in users if _runs(resource, url)]
    if running:
        words = used_words(resource.client.label, verb, running)
        resource.miss(f"name: storage_volume '{volume['name']}' {words} Or stop them.", "stops them")


def _runs(resource: Any, url: str) -> bool:
    user = user_of(url)
    found = resource.client.find(url.partition("?")[0], project=user.project)
    return bool(found) and found.metadata.get("status") not in ("Stopped", "Error")
