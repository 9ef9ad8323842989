"""Speaks to sceaud through the varlink project's own Python client: everything from what the service says of itself.

Arguments: socket; standard input: parameters of OpenSession, and of Issue without session. Prints what came back.
"""

import json
import sys

import varlink


def members(interface, kind):
    return sorted(member.name for member in interface.members.values() if type(member).__name__ == kind)


def fields(interface, method):
    return {name: type(of).__name__ for name, of in interface.get_method(method).out_type.fields.items()}


opening, issuing = json.load(sys.stdin)
client = varlink.Client.new_with_address("unix:" + sys.argv[1])
said = {}
with client.open("org.varlink.service") as service:
    said["info"] = service.GetInfo()
    said["description"] = service.GetInterfaceDescription("fr.sceau.Token")["description"]
    try:
        service.GetInterfaceDescription("fr.sceau.Admin")
    except varlink.VarlinkError as error:
        said["not-found"] = [error.error(), error.parameters()]
with client.open("fr.sceau.Token") as token:
    interface = token._interface
    said["members"] = {kind: members(interface, kind) for kind in ("_Method", "_Error", "_Alias")}
    said["status"] = token.Status()
    said["status-fields"] = fields(interface, "Status")
    said["opened"] = token.OpenSession(**opening)
    said["issued"] = token.Issue(session=said["opened"]["session"], **issuing)
    said["issued-fields"] = fields(interface, "Issue")
    try:
        token.Issue(session=said["opened"]["session"], **issuing)
    except varlink.VarlinkError as error:
        said["replayed"] = [error.error(), error.parameters()]
    said["closed"] = token.CloseSession(said["opened"]["session"])
json.dump(said, sys.stdout)
