"""A gate that a test has in its hand: TLS with a given key, frames to token.sock as whoever runs this.

usage: gate.py ADDRESS PORT PEM-WITH-KEY TOKEN-SOCKET   (PORT 0: any; the port is the first line of the output)
Then one line on standard input for each wish: `swallow N`: the answers to the next N calls of Issue are lost, with their connections.
Each call of Issue that arrives is a line `issue` of the output. Proposals (POST /v1/enrolment) are answered 202.
"""

import os, socket, ssl, sys, threading

address, port, pem, door = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.minimum_version = ssl.TLSVersion.TLSv1_3
context.load_cert_chain(pem)
context.set_alpn_protocols(["sceau-varlink/1", "http/1.1"])
lock, swallowed = threading.Lock(), [0]


def say(line):
    with lock:
        os.write(1, line.encode() + b"\n")


def frames(stream):
    pending = b""
    while True:
        while b"\0" not in pending:
            data = stream.recv(65536)
            if not data:
                return
            pending += data
        frame, pending = pending.split(b"\0", 1)
        yield frame


def carry(near):
    far = socket.socket(socket.AF_UNIX)
    far.connect(door)
    answers = frames(far)
    for frame in frames(near):
        issue = b'"fr.sceau.Token.Issue"' in frame
        far.sendall(frame + b"\0")
        answer = next(answers)
        if issue:
            say("issue")
            with lock:
                lost, swallowed[0] = swallowed[0] > 0, max(0, swallowed[0] - 1)
            if lost:
                return
        near.sendall(answer + b"\0")


def serve(raw):
    try:
        with context.wrap_socket(raw, server_side=True) as near:
            if near.selected_alpn_protocol() == "sceau-varlink/1":
                carry(near)
            else:
                text = b""
                while b"\r\n\r\n" not in text:
                    text += near.recv(65536)
                say(text.split(b"\r\n")[0].decode())
                near.sendall(b"HTTP/1.1 202 Accepted\r\ncontent-length: 19\r\n\r\n{\"state\":\"pending\"}")
                near.unwrap()
    except (OSError, StopIteration, ConnectionError):
        pass


def wishes():
    for line in sys.stdin:
        word, number = line.split()
        with lock:
            swallowed[0] += int(number)
        say("wish")


family = socket.AF_INET6 if ":" in address else socket.AF_INET
listener = socket.socket(family)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind((address, int(port)))
listener.listen(128)
say(str(listener.getsockname()[1]))
threading.Thread(target=wishes, daemon=True).start()
while True:
    raw, _ = listener.accept()
    threading.Thread(target=serve, args=(raw,), daemon=True).start()
