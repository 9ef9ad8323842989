"""The place of TD0.10 that a browser is sent to: web_ps.py FOLDER PORT-FILE PORT; verifies what is posted by xmlsec1, says so in HTML."""

import base64, html, http.server, json, os, ssl, subprocess, sys, tempfile, urllib.parse

folder, port_file, port = sys.argv[1:]
pki, dmp = os.path.join(folder, "pki"), os.path.join(folder, "dmp")


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_POST(self):
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        assertion = base64.b64decode(form["vihf"][0])
        with tempfile.NamedTemporaryFile(suffix=".xml") as file:
            file.write(assertion)
            file.flush()
            verified = subprocess.run(
                ["xmlsec1", "--verify", "--trusted-pem", f"{pki}/ca.pem", "--untrusted-pem", f"{pki}/intermediate.pem",
                 "--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:assertion:Assertion", file.name],
                capture_output=True,
            ).returncode == 0
        entry = {"path": self.path, "verified": verified, "headers": dict(self.headers), "fields": sorted(form), "assertion": assertion.decode()}
        with open(os.path.join(dmp, "web-ps.jsonl"), "a") as file:
            file.write(json.dumps(entry) + "\n")
        page = f"<!DOCTYPE html><title>Web-PS</title><p id=verdict>{'vihf verified' if verified else 'refused'}</p>".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)


server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(f"{dmp}/server.pem", f"{dmp}/server.key")
server.socket = context.wrap_socket(server.socket, server_side=True)
with open(port_file + ".new", "w") as file:
    file.write(str(server.server_address[1]))
os.rename(port_file + ".new", port_file)
server.serve_forever()
