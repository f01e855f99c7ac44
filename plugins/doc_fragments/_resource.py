# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    CONFIG = r"""
options:
  config:
    description:
      - Configuration keys, in the daemon's own words. Only the keys written here are compared and changed; V(null) unsets a key.
      - Booleans and numbers are sent as the strings that the API wants. Sizes are compared by their number of bytes, so V(1GiB) is V(1024MiB).
    type: dict
  purge_config:
    description:
      - Unset the keys that O(config) does not have. Keys that the server writes itself (C(volatile.*) and the like) are kept.
    type: bool
    default: false
"""

    DESCRIPTION = r"""
options:
  description:
    description: A text for people. An empty string empties it.
    type: str
"""

    DEVICES = r"""
options:
  devices:
    description:
      - Devices by name. Only the devices and properties written here are compared and changed; V(null) removes a device, or unsets a property.
      - A device whose C(type) or C(nictype) changes, or that turns from C(nictype) to C(network) or back, is replaced as a whole.
    type: dict
  purge_devices:
    description:
      - Remove the devices, and the properties of devices, that O(devices) does not have.
    type: bool
    default: false
"""

    NEW_NAME = r"""
options:
  new_name:
    description:
      - The name it shall have. Where it is still called O(name) it is renamed; where that is done, nothing is.
    type: str
"""

    RECREATE = r"""
options:
  recreate:
    description:
      - Where a written value differs that the API can set at creation only, delete and create anew. What is in it is lost.
      - Without it such a difference is an error that names both values, and nothing is changed.
    type: bool
    default: false
"""
