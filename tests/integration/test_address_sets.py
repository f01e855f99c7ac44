# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Address sets with real packets, on a daemon that has them: Incus 7."""

from __future__ import annotations

from integration.conftest import Server
from integration.test_networks import NET, WEB, answers, web  # noqa: F401 - web is a fixture

CLIENT = "10.158.40.1"


def test_a_set_decides_who_passes_an_acl(web: Server) -> None:  # noqa: F811
    given = {"name": "office"}
    web.converges("network_address_set", **given, addresses=[f"{CLIENT}/32", "FD42:158:0::1"])
    web.converges("network_acl", name="web", ingress=[{"action": "allow", "source": "$office"}])
    web.converges("network", name=NET, config={"security.acls": "web"})
    assert answers(web, WEB, 80) == 80
    web.converges("network_address_set", **given, addresses=["192.0.2.99"])
    assert answers(web, WEB, 80) == 0, "a client that has left the set is not cut off"
    web.converges("network_address_set", **given, addresses=["192.0.2.99", "10.158.40.0/24"])
    assert answers(web, WEB, 80) == 80
    for wrong in ({"state": "absent"}, {"new_name": "offices"}):
        assert "is used by network_acl web" in web.fails("network_address_set", **given, **wrong)
    web.converges("network", name=NET, config={"security.acls": None})
    web.converges("network_acl", name="web", state="absent")
    web.converges("network_address_set", **given, new_name="offices")
    web.converges("network_address_set", name="offices", state="absent")
