#!/usr/bin/python
# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: security_audit_info
short_description: Audit the security of servers, projects and instances
version_added: 0.1.0
description:
  - Reads what is and what is not enforced on a server, and compares it with rules. Changes nothing.
  - The configuration of an instance is what counts after its profiles. Each finding names the instance or the profile
    that sets it, and has tasks that repair it.
  - Reads C(/1.0), C(/1.0/projects), C(/1.0/instances), C(/1.0/profiles), C(/1.0/images), C(/1.0/certificates) and
    C(/1.0/warnings), with one request each, and C(/1.0) of each member of a cluster. A server without the extensions
    C(profiles_all_projects) and C(images_all_projects) is asked for profiles and images of each project that has its
    own.
  - The guide L(security audit, https://github.com/cloudhost/lxd/blob/main/docs/security-audit.md) lists the rules. The
    playbook C(cloudhost.lxd.security_audit) writes reports.
  - If O(project) is set, only this project is audited, with its instances and images, besides the server itself.
author:
  - cloudhost.lxd contributors (@cloudhost)
extends_documentation_fragment:
  - cloudhost.lxd._attributes.info
  - cloudhost.lxd._connection
options:
  exceptions:
    description:
      - Findings that are accepted. They stay in RV(findings), with their exception, and are left out of RV(counts) and
        RV(remedies).
      - An exception that covers no finding is reported in RV(exceptions) as unused.
    type: list
    elements: dict
    default: []
    suboptions:
      rule:
        description: The identifier of the rule.
        type: str
        required: true
      project:
        description: Only findings in this project. It can be a pattern, such as V(ci-*).
        type: str
      name:
        description: Only findings about resources of this name. It can be a pattern.
        type: str
      item:
        description: Only findings about this item, such as a key or a device. It can be a pattern.
        type: str
      reason:
        description: Why the findings are accepted.
        type: str
        required: true
      until:
        description: The last day on which the exception counts, as in V(2027-01-31), in UTC.
        type: str
        required: true
  limits:
    description: What remedies write where a limit is missing.
    type: dict
    default: {}
    suboptions:
      cpu:
        description: C(limits.cpu) of a container.
        type: str
        default: '2'
      instances:
        description: C(limits.instances) of a project, unless the project has more instances.
        type: str
        default: '50'
      memory:
        description: C(limits.memory) of a container.
        type: str
        default: 2GiB
      processes:
        description: C(limits.processes) of a container.
        type: str
        default: '2000'
  certificate_max_age:
    description: After how many days a certificate of the trust store is old.
    type: int
    default: 730
  api_address:
    description:
      - The address on which remedies have the API and other services listen that now listen on all addresses.
      - By default, it is the address of O(url), or with a local socket the first address of the server that is not a
        loopback address.
    type: str
  end_of_life:
    description:
      - Corrections of the dates after which versions get no security updates. Each key is a product or a distribution,
        and has dates by the beginning of a version. V(null) removes a date.
    type: dict
    default: {}
seealso:
  - module: cloudhost.lxd.server_info
  - module: cloudhost.lxd.warning
"""

EXAMPLES = r"""
- name: Audit the server
  cloudhost.lxd.security_audit_info:
    exceptions:
      - rule: instance-nesting
        project: default
        name: ci-*
        reason: The runners start containers.
        until: 2099-12-31
    end_of_life:
      debian:
        "12": 2028-06-30
  register: audit

- name: Show what is critical
  ansible.builtin.debug:
    msg: "{{ audit.findings | selectattr('severity', 'equalto', 'critical') | map(attribute='text') }}"
"""

RETURN = r"""
findings:
  description: What the rules found, the worst first. No secret is in it.
  returned: success
  type: list
  elements: dict
  contains:
    rule:
      description: The identifier of the rule.
      type: str
      returned: success
      sample: instance-privileged
    severity:
      description: V(critical), V(high), V(medium), V(low) or V(info).
      type: str
      returned: success
    kind:
      description: The kind of the resource, V(server) (what all members of a cluster share), V(member), V(project),
        V(instance), V(image) or V(certificate).
      type: str
      returned: success
    project:
      description: The project of the resource. Empty if the resource is in no project.
      type: str
      returned: success
    name:
      description: The name of the resource.
      type: str
      returned: success
    item:
      description: What the finding is about, such as a key of the configuration or the name of a device.
      type: str
      returned: success
    title:
      description: The rule in a few words.
      type: str
      returned: success
    text:
      description: What was found, as a sentence.
      type: str
      returned: success
    advice:
      description: What to do.
      type: str
      returned: success
    origins:
      description: The resources that set it, each with C(kind), C(project) and C(name), the one that counts first.
      type: list
      elements: dict
      returned: success
    remedy:
      description: Tasks that repair it. Empty if no task of a playbook can.
      type: list
      elements: dict
      returned: success
    exception:
      description: The C(reason) and the last day (C(until)) of the exception that covers it. Null if there is none.
      type: dict
      returned: success
counts:
  description: The number of findings without exception by severity.
  returned: success
  type: dict
  sample: {critical: 0, high: 1, medium: 0, low: 2, info: 0}
exceptions:
  description: The exceptions, each with its C(state) (V(active), V(expired) or V(unused)) and the number of its
    C(findings).
  returned: success
  type: list
  elements: dict
enforced:
  description: What is and what is not enforced for each member, project and instance, whether or not a rule finds
    something.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: V(member), V(project) or V(instance).
      type: str
      returned: success
    project:
      description: The project of an instance. Otherwise empty.
      type: str
      returned: success
    name:
      description: The name.
      type: str
      returned: success
    enforced:
      description: The facts. An instance has for example C(unprivileged), C(idmap) (V(isolated), V(shared) or V(none)),
        C(seccomp), C(apparmor) and C(limits).
      type: dict
      returned: success
remedies:
  description: The tasks of all findings without exception, one task for each resource, in an order in which a play can
    run them.
  returned: success
  type: list
  elements: dict
server:
  description: The C(implementation) and the C(url) of the server.
  returned: success
  type: dict
date:
  description: The day of the audit, in UTC.
  returned: success
  type: str
code:
  description: The error code of the server. V(0) if the error did not come from the server.
  returned: failure
  type: int
  sample: 404
failure:
  description: The error as data.
  returned: failure
  type: dict
  contains:
    code:
      description: The same as RV(code).
      type: int
      returned: failure
    server_message:
      description: The message of the server. It is null if the error did not come from the server.
      type: str
      returned: failure
    retryable:
      description: Whether the same task can succeed later although nothing else is changed, for example because the
        server was starting.
      type: bool
      returned: failure
"""

from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.security_audit import SecurityAuditInfo
from ansible_collections.cloudhost.lxd.plugins.module_utils._runner import run_info


def main() -> None:
    run_info(SecurityAuditInfo)


if __name__ == "__main__":
    main()
