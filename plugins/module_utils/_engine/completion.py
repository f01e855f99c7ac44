# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Write what the request that created an object did not take."""

from __future__ import annotations

from .resource import Resource


def complete(resource: Resource, name: str) -> None:
    """Update the new object with this name if it lacks something that is wanted of it."""
    found = resource.fetch(name)
    if found:
        resource.adopt(found)
        new = resource.merged(found.object)
        if new != found.object:
            resource.update(found, new)
