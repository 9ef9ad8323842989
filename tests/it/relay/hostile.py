"""A server of the DMP that misbehaves after a right handshake: hostile.py CERT KEY PORT-FILE MODE LOG."""

import socket, ssl, sys, threading

certificate, key, port_file, mode, log = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
listener = socket.create_server(("127.0.0.1", 0))
held = []


def request(stream):
    data = b""
    while b"</s:Envelope>" not in data:
        piece = stream.recv(65536)
        if not piece:
            return data
        data += piece
    return data


def serve(raw):
    try:
        stream = context.wrap_socket(raw, server_side=True)
        while request(stream):
            with open(log, "a") as file:
                file.write(mode + "\n")
            if mode == "truncate":
                stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\nContent-Length: 1000\r\n\r\n<half")
            elif mode == "giant-headers":
                stream.sendall(b"HTTP/1.1 200 OK\r\n" + b"X-A: " + b"a" * 200_000 + b"\r\n\r\n")
            elif mode == "many-headers":
                stream.sendall(b"HTTP/1.1 200 OK\r\n" + b"X-A: a\r\n" * 500 + b"\r\n")
            elif mode == "garbage":
                stream.sendall(b"\x16\x03\x01 not http at all\r\n\r\n")
            elif mode == "close":
                pass
            elif mode == "silent":
                held.append(stream)
                return
            elif mode == "stall":
                stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<half")
                held.append(stream)
                return
            elif mode == "bomb":
                stream.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                while True:
                    stream.sendall(b"10000\r\n" + b"B" * 65536 + b"\r\n")
            elif mode == "two-answers":
                one = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
                stream.sendall(one + one.replace(b"ok", b"no"))
                continue
            stream.close()
            return
    except OSError:
        pass


with open(port_file + ".new", "w") as file:
    file.write(str(listener.getsockname()[1]))
import os
os.rename(port_file + ".new", port_file)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
