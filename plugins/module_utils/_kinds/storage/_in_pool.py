# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What is in a storage pool, and on one member of a cluster if the pool is local."""

from __future__ import annotations

from ..._engine.resource import Resource


class InPool(Resource):
    """A kind whose requests name the member that it is on. Two members can have one of the same name."""

    placed = True
    on_member = True
