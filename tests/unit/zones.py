# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kinds for the tests of stacks: zones, their records, and notes of these."""

from __future__ import annotations

from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.fields import Map, Text
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.resource import Resource


def with_own(kinds: dict[str, type[Resource]], *own: type[Resource]) -> dict[str, type[Resource]]:
    """Kinds with those of a test before all others, and in place of the real ones of the same name."""
    first = {kind.kind: kind for kind in own}
    return {**first, **{name: kind for name, kind in kinds.items() if name not in first}}


class Zone(Resource):
    kind = "network_zone"
    path = "/1.0/network-zones"
    fields = (Text("description"), Map("config"))
    extension = "zones"


class Record(Resource):
    """Without a place for a mark: whose the zone is, the record is."""

    kind = "network_zone_record"
    path = "/1.0/network-zones/{zone}/records"
    fields = (Text("description"),)
    options = {"zone": {"type": "str", "required": True}}
    refers = {"zone": "network_zone"}


class Note(Resource):
    """Part of a part, and told so by either of two options."""

    kind = "note"
    path = "/1.0/network-zones/{zone}/records/{record}/notes"
    fields = (Map("config"),)
    options = {"zone": {"type": "str", "required": True}, "record": {"type": "str", "required": True}}
    extension = "zones"
    refers = {"zone/record": ("network_zone_record", "network_zone")}

    def fetch(self, name):
        if not self.client.find(self.collection.rpartition("/")[0], **self.query()):
            raise InvalidInput(f"record: there is no {self.params['record']}")
        return super().fetch(name)
