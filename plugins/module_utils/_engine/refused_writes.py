# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""An update that the server refuses although it has stored some of it: what was stored is put back.

Otherwise the next run would take what was stored for done.
"""

from __future__ import annotations

from typing import Any

from .._api.errors import LXDError, ServerError
from .api_object import ApiObject
from .fields import taken_back
from .plans import Existing


def update(resource: ApiObject, found: Existing, new: dict[str, Any]) -> None:
    """Update a resource to `new`.

    :raises ServerError: if the server refuses it; the message says what was stored and put back
    """
    try:
        resource.update(found, new)
    except ServerError as exc:
        words = _put_back(resource, found.object, new, exc)
        if not words:
            raise
        words = f"{exc.text.rstrip('.')}. {words}"
        raise ServerError(words, exc.code, words) from exc


def _put_back(resource: ApiObject, before: dict[str, Any], new: dict[str, Any], refusal: ServerError) -> str:
    """Put back what was stored of a refused write, and return a sentence about it; empty if nothing was stored."""
    try:
        now = resource.fetch(resource.name)
        undone, stored = taken_back(resource.fields, before, new, now.object) if now else ({}, [])
        if now and (stored or resource.forgets(refusal)):
            resource.restore(now, {**now.object, **undone})
    except LXDError as exc:
        return f"It may have stored what it refused, and that could not be put back: {exc}"
    return f"It had stored {', '.join(stored)} anyway, which is put back to what it was." if stored else ""
