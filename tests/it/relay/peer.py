"""The DMP behind nginx: verifies each assertion with xmlsec1 in its envelope, refuses a second use, answers as it is told.

usage: peer.py FOLDER   (peer.sock, journal.jsonl and behaviour.json are in FOLDER/dmp, the seal's PKI in FOLDER/pki)
"""

import hashlib, json, os, re, socketserver, subprocess, sys, tempfile, threading
from http.server import BaseHTTPRequestHandler

FOLDER = sys.argv[1]
DMP = os.path.join(FOLDER, "dmp")
SOAP = "http://www.w3.org/2003/05/soap-envelope"
used, lock = set(), threading.Lock()


def fault(code, text):
    return (
        f'<s:Envelope xmlns:s="{SOAP}"><s:Body><s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode>'
        f'<s:Value xmlns:d="urn:dmp">d:{code}</s:Value></s:Subcode></s:Code><s:Reason>'
        f'<s:Text xml:lang="fr">{text}</s:Text></s:Reason></s:Fault></s:Body></s:Envelope>'
    ).encode()


def answer(name, body=""):
    return (
        f'<s:Envelope xmlns:s="{SOAP}"><s:Header/><s:Body><q:{name} xmlns:q="urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0" '
        f'status="urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success">{body}</q:{name}></s:Body></s:Envelope>'
    ).encode()


def verify(envelope):
    with tempfile.NamedTemporaryFile(suffix=".xml") as file:
        file.write(envelope)
        file.flush()
        pki = os.path.join(FOLDER, "pki")
        return subprocess.run(
            ["xmlsec1", "--verify", "--trusted-pem", f"{pki}/ca.pem", "--untrusted-pem", f"{pki}/intermediate.pem",
             "--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:assertion:Assertion", file.name],
            capture_output=True,
        ).returncode == 0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def pieces(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                left = size
                while left:
                    data = self.rfile.read(min(left, 65536))
                    if not data:
                        raise EOFError
                    left -= len(data)
                    yield data
                self.rfile.readline()
            self.rfile.readline()
        else:
            left = int(self.headers.get("Content-Length", 0))
            while left:
                data = self.rfile.read(min(left, 65536))
                if not data:
                    raise EOFError
                left -= len(data)
                yield data

    def do_POST(self):
        digest, length, head = hashlib.sha256(), 0, b""
        try:
            for piece in self.pieces():
                digest.update(piece)
                length += len(piece)
                if len(head) < 1 << 20:
                    head += piece
        except EOFError:
            self.journal("truncated", length, digest, b"", {})
            self.close_connection = True
            return
        start, end = re.search(rb"<[\w:-]*Envelope[ >]", head), re.search(rb"</[\w:-]*Envelope\s*>", head)
        envelope = head[start.start():end.end()] if start and end else b""
        found = re.search(rb'<saml:Assertion[^>]*\bID="([^"]+)"', envelope)
        with open(os.path.join(DMP, "behaviour.json")) as file:
            behaviour = json.load(file)
        verdict, status, kind = "accepted", 200, "application/soap+xml; charset=utf-8"
        body = answer("AdhocQueryResponse")
        if not found or not verify(envelope):
            verdict, status, body = "invalid", 400, fault("InvalidAssertion", "signature")
        else:
            with lock:
                again = found[1] in used
                used.add(found[1])
            if again:
                verdict, status, body = "again", 400, fault("AssertionAlreadyUsed", "seconde utilisation")
        if verdict == "accepted" and behaviour.get("fault"):
            verdict, status = "fault", behaviour.get("status", 500)
            body = fault(behaviour["fault"], "PS et Structure non lies")
        if verdict == "accepted" and (size := behaviour.get("document")) and self.path.startswith(behaviour.get("only", "/")):
            kind = 'multipart/related; type="application/xop+xml"; boundary="b0"; start="<r@dmp>"; start-info="application/soap+xml"'
            include = '<d:Document><x:Include xmlns:x="http://www.w3.org/2004/08/xop/include" href="cid:d@dmp"/></d:Document>'
            body = (
                b"--b0\r\nContent-Type: application/xop+xml; charset=UTF-8; type=\"application/soap+xml\"\r\n"
                b"Content-Transfer-Encoding: binary\r\nContent-ID: <r@dmp>\r\n\r\n"
                + f'<s:Envelope xmlns:s="{SOAP}"><s:Header/><s:Body><d:RetrieveDocumentSetResponse xmlns:d="urn:ihe:iti:xds-b:2007">{include}</d:RetrieveDocumentSetResponse></s:Body></s:Envelope>'.encode()
                + b"\r\n--b0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <d@dmp>\r\n\r\n"
            )
            tail = b"\r\n--b0--\r\n"
            self.journal(verdict, length, digest, envelope, {"id": found[1].decode()})
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body) + size + len(tail)))
            self.end_headers()
            self.wfile.write(body)
            block = b"D" * 65536
            while size:
                self.wfile.write(block[:size])
                size -= min(size, len(block))
            self.wfile.write(tail)
            return
        self.journal(verdict, length, digest, envelope, {"id": found and found[1].decode()})
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("X-Dmp", "kept")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def journal(self, verdict, length, digest, envelope, more):
        entry = {
            "verdict": verdict, "path": self.path, "length": length, "sha256": digest.hexdigest(),
            "headers": dict(self.headers), "envelope": envelope.decode("utf-8", "replace"), **more,
        }
        with lock, open(os.path.join(DMP, "journal.jsonl"), "a") as file:
            file.write(json.dumps(entry) + "\n")


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 256

    def get_request(self):
        connection, _ = super().get_request()
        return connection, ("nginx", 0)


Server(os.path.join(DMP, "peer.sock"), Handler).serve_forever()
