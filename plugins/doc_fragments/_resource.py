# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    CONFIG = r"""
options:
  config:
    description:
      - Configuration keys, with the names that the daemon uses. Only the keys in this option are compared and changed.
        V(null) unsets a key.
      - Booleans and numbers are converted to strings, as the API requires. Sizes are compared by their number of bytes,
        so V(1GiB) equals V(1024MiB).
    type: dict
  purge_config:
    description:
      - Unset the keys that are not in O(config). Keys that the server itself writes, such as C(volatile.*), are kept.
    type: bool
    default: false
"""

    DESCRIPTION = r"""
options:
  description:
    description: The description, as text for people. An empty string removes it.
    type: str
"""

    DEVICES = r"""
options:
  devices:
    description:
      - Devices by name. Only the devices and properties in this option are compared and changed. V(null) removes a
        device or unsets a property.
      - A device is replaced as a whole if its C(type) or C(nictype) changes, or if it changes between C(nictype) and
        C(network).
    type: dict
  purge_devices:
    description:
      - Remove the devices, and the properties of devices, that are not in O(devices).
    type: bool
    default: false
"""

    NEW_NAME = r"""
options:
  new_name:
    description:
      - The new name. Renames the resource from O(name). If it has already been renamed, nothing changes.
    type: str
"""

    RECREATE = r"""
options:
  recreate:
    description:
      - Delete and re-create the resource if a value differs that the API can set only at creation. Its content is lost.
      - Without this option, such a difference is an error that names both values, and nothing is changed.
    type: bool
    default: false
"""
