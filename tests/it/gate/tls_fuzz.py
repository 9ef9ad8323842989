"""Handshakes of tlslite-ng, each spoilt somewhere: in the clear, inside the encrypted flight, or on the wire.

tls_fuzz.py PORT HONEST STRANGER TRIES SEED: HONEST.pem/.key is a client's certificate, STRANGER.pem/.key nobody's. After each spoilt
handshake the client is served on the connection that it has, now and then on a new one. Prints one JSON object."""
import json, random, socket, ssl, sys

from tlslite.api import HandshakeSettings, TLSConnection, X509, X509CertChain, parsePEMKey
from tlslite.constants import ContentType
from tlslite.messages import Message

port, honest, stranger, tries, seed = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
dice = random.Random(seed)
OPEN = b'{"method":"fr.sceau.Token.OpenSession","parameters":{}}\0'
STATUS = b'{"method":"fr.sceau.Token.Status"}\0'


def spoil(data):
    """Any bytes, otherwise."""
    data, kind = bytearray(data), dice.randrange(8)
    at = dice.randrange(len(data)) if data else 0
    if not data or kind == 0:
        return bytearray(dice.randbytes(dice.randrange(1, 64)))
    if kind in (1, 2):
        data[at] ^= 1 << dice.randrange(8)
    elif kind == 3:
        data[at] = dice.choice((0, 0x7F, 0x80, 0xFF))
    elif kind == 4:
        del data[at:]
    elif kind == 5:
        data[at:at] = dice.randbytes(dice.randrange(1, 300))
    elif kind == 6:
        del data[at:at + dice.randrange(1, 40)]
    else:
        # A length, of whichever it is.
        data[dice.randrange(1, min(len(data), 64)) if len(data) > 1 else 0] = dice.randrange(256)
    return data


class Spoilt(TLSConnection):
    """A client that says one of its handshake messages otherwise than it should."""

    def __init__(self, sock, which, how):
        super().__init__(sock)
        self.which, self.how, self.said = which, how, 0

    def otherwise(self, msg):
        if msg.contentType not in (ContentType.handshake, ContentType.change_cipher_spec):
            return [msg]
        self.said += 1
        if self.said != self.which:
            return [msg]
        data = msg.write()
        if self.how == "spoilt":
            return [Message(msg.contentType, spoil(data))]
        if self.how == "twice":
            return [msg, Message(msg.contentType, data)]
        if self.how == "missing":
            return []
        if self.how == "early":
            return [Message(ContentType.application_data, bytearray(OPEN)), msg]
        if self.how == "alert":
            return [Message(ContentType.alert, bytearray((dice.randrange(3), dice.randrange(256)))), msg]
        if self.how == "other":
            return [Message(dice.randrange(256), data)]
        # Many small records, empty ones among them.
        return [Message(msg.contentType, data[at:at + 7]) for at in range(0, len(data), 7)] + [Message(msg.contentType, bytearray())]

    def _sendMsg(self, msg, randomizeFirstBlock=True, update_hashes=True):
        for one in self.otherwise(msg) if update_hashes else [msg]:
            yield from super()._sendMsg(one, randomizeFirstBlock, update_hashes)

    def _queue_message(self, msg):
        for one in self.otherwise(msg):
            if self._buffer_content_type not in (None, one.contentType):
                for _ in self._queue_flush():
                    pass
            super()._queue_message(one)


class Wire:
    """A socket whose bytes arrive otherwise than they were sent."""

    def __init__(self, sock, nth):
        self.sock, self.nth = sock, nth

    def send(self, data):
        self.nth -= 1
        if self.nth == 0:
            self.sock.sendall(spoil(data))
            return len(data)
        return self.sock.send(data)

    def __getattr__(self, name):
        return getattr(self.sock, name)


def identity(certificate, key):
    chain = X509CertChain()
    chain.parsePemList(open(certificate + ".pem").read())
    return chain, parsePEMKey(open(key + ".key").read(), private=True)


def attempt(chain, key, which, how, patience=0.5):
    """One handshake, then a question; whether it was answered. Where the gate waits for more, this client hangs up first."""
    raw = socket.create_connection(("127.0.0.1", port), timeout=patience)
    try:
        settings = HandshakeSettings()
        # Few servers read compressed certificates; the gate is none of them.
        settings.certificate_compression_send = []
        settings.minVersion = (3, 1) if dice.randrange(8) == 0 else (3, 4)
        settings.keyShares = [dice.choice(("x25519", "secp256r1"))]
        connection = Spoilt(Wire(raw, which) if how == "wire" else raw, 0 if how == "wire" else which, how)
        connection.handshakeClientCert(chain, key, settings=settings, alpn=[b"sceau-varlink/1"])
        connection.sendall(OPEN)
        return bool(connection.recv(1))
    except Exception:
        # Whatever this client thinks of it: what counts is what the gate did.
        return False
    finally:
        raw.close()


def client():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(honest + ".pem", honest + ".key")
    context.set_alpn_protocols(["sceau-varlink/1"])
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=30))


def is_served(connection):
    connection.sendall(STATUS)
    answer = b""
    while not answer.endswith(b"\0"):
        piece = connection.recv(65536)
        if not piece:
            return False
        answer += piece
    return json.loads(answer[:-1])["parameters"]["state"] == "operational"


held = client()
assert is_served(held)
# The client of these tests is one that the gate could serve: unspoilt, with the right key, it is.
whole = attempt(*identity(honest, honest), 0, "spoilt", 10)
strangers = [identity(stranger, stranger), identity(honest, stranger)]
answered, served, kinds = [], 0, {}
for number in range(tries):
    who = dice.randrange(len(strangers))
    how = dice.choice(("spoilt", "spoilt", "spoilt", "twice", "missing", "early", "alert", "other", "small", "wire", "wire"))
    which = dice.randrange(1, 6)
    kinds[how] = kinds.get(how, 0) + 1
    if attempt(*strangers[who], which, how):
        answered.append([number, who, which, how])
    served += is_served(held)
    if number % 10 == 0:
        assert is_served(client()), "a newcomer"
print(json.dumps({"whole": whole, "answered": answered, "served": served, "kinds": kinds}))
