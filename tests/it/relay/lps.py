"""A hospital's software with an ordinary SOAP stack (zeep): the relay's socket is all it knows.

usage: lps.py SOCKET-OR-LOOPBACK-ADDRESS HOST:PORT INS OTHER-INS   (session and four nonces on standard input, a line each)
"""

import os, socket, sys

from lxml import etree
from requests import Session
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool
from zeep import Client
from zeep.exceptions import Fault
from zeep.transports import Transport

path, authority, ins, other = sys.argv[1:]
session, *nonces = sys.stdin.read().split()


class Connection(HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(path)


class Pool(HTTPConnectionPool):
    ConnectionCls = Connection


class Relay(HTTPAdapter):
    """Plain HTTP over the Unix socket, whatever the address says: TLS is the relay's."""

    def get_connection_with_tls_context(self, request, verify, proxies=None, cert=None):
        host, port = authority.split(":")
        return Pool(host, int(port))


class Via(Transport):
    """Whatever the service's address, calls go to one on the loopback (WCF calls it ClientVia)."""

    def post(self, address, message, headers):
        return super().post(address.replace("https:/", f"{path}/relay"), message, headers)


http = Session()
http.mount("https://", Relay())
wsdl = os.path.join(os.path.dirname(os.path.abspath(__file__)), "registry.wsdl")
# The WSDL's wsaw:Action makes zeep write WS-Addressing headers by itself.
client = Client(wsdl, transport=(Via if path.startswith("http:") else Transport)(session=http))
RIM = "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"


def headers(nonce, transaction, patient):
    return {
        "Sceau-Session": session, "Sceau-Nonce": nonce, "Sceau-Transaction": transaction, "Sceau-Purpose": "normal",
        "Sceau-Patient": patient,
    }


def query(patient):
    found = etree.Element(f"{{{RIM}}}AdhocQuery", id="urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d")
    slot = etree.SubElement(found, f"{{{RIM}}}Slot", name="$XDSDocumentEntryPatientId")
    values = etree.SubElement(slot, f"{{{RIM}}}ValueList")
    etree.SubElement(values, f"{{{RIM}}}Value").text = f"'{patient}^^^&1.2.250.1.213.1.4.8&ISO^NH'"
    return [found]


def service(where):
    return client.create_service("{urn:test}Soap12", f"https://{authority}{where}")


with client.settings(extra_http_headers=headers(nonces[0], "3.1", ins)):
    print(service("/registry").RegistryStoredQuery(_value_1=query(ins)).status)
with client.settings(extra_http_headers=headers(nonces[1], "3.2", ins)):
    document = service("/repository").RetrieveDocumentSet(RepositoryUniqueId="1.2.3", DocumentUniqueId="4.5.6")
    document = getattr(document, "Document", document)
    print(len(document), document == b"D" * len(document))
try:
    with client.settings(extra_http_headers=headers(nonces[2], "3.1", ins)):
        service("/registry").RegistryStoredQuery(_value_1=query(other))
except Fault as fault:
    print(fault.subcodes[0].localname if fault.subcodes else fault.code, "|", fault.message)
