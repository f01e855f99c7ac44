# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What an option that does not exist was meant to be, for errors."""

from __future__ import annotations

import re
from typing import Any

from .._api.errors import nearest


def meant(option: str, value: Any, spec: dict[str, dict[str, Any]]) -> str:
    """A sentence on what to write instead of an unknown option: where it belongs, or the nearest option; empty if none
    is near.

    :param spec: the argument spec of the module, entry or option in which the option is written
    """
    if "config" in spec and re.fullmatch(r"[a-z-]+\..+", option):
        return "A key of the server belongs into config, and is indented below it."
    if "devices" in spec and isinstance(value, dict) and "type" in value:
        return "A device belongs into devices, and is indented below it."
    return nearest(option, list(spec))
