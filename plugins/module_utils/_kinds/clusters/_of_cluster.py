# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What kinds have in common that only clusters have."""

from __future__ import annotations

from ..._api.errors import ServerError
from ..._api.messages import not_clustered
from ..._api.reader import Reader
from ..._engine.plans import Existing
from ..._engine.resource import Resource

NOT_CLUSTERED = "{} is not clustered: enable clustering with cloudhost.lxd.cluster first."


class OfCluster(Resource):
    """A kind that only clusters have."""

    extension = "clustering"
    scoped = False

    @classmethod
    def readable(cls, client: Reader) -> bool:
        return client.clustered and super().readable(client)

    def fetch(self, name: str) -> Existing | None:
        try:
            return super().fetch(name)
        except ServerError as exc:
            if not not_clustered(exc):
                raise
            self.miss(NOT_CLUSTERED.format(self.client.label), "forms the cluster")
            return None
