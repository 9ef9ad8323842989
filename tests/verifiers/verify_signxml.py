"""Verifies every assertion of the given folders with signxml: signature, certification path to the folder's root,
and the facts that the test which made the assertion claims of it."""

import base64
import json
import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from lxml import etree
from signxml import DigestAlgorithm, SignatureConfiguration, SignatureMethod, XMLVerifier
from signxml.exceptions import SignXMLException
from signxml.util import X509CertChainVerifier

DS = "{http://www.w3.org/2000/09/xmldsig#}"
SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"
# Which method goes with which key: never SHA-1, and nothing that the product does not claim to write.
METHODS = {
    "rsa-2048": SignatureMethod.RSA_SHA256,
    "rsa-3072": SignatureMethod.RSA_SHA256,
    "rsa-4096": SignatureMethod.RSA_SHA256,
    "p-256": SignatureMethod.ECDSA_SHA256,
    "p-384": SignatureMethod.ECDSA_SHA384,
}


class Refused(Exception):
    """A document breaks a rule of ours that signxml does not have."""


class PathVerifier(X509CertChainVerifier):
    """signxml's own path validation, given the intermediate certificate that the assertion does not carry."""

    def __init__(self, root, intermediate):
        super().__init__(ca_pem_file=root)
        self.intermediate = x509.load_pem_x509_certificate(intermediate.read_bytes())

    def _do_verify(self, cert_chain):
        return super()._do_verify([*cert_chain, self.intermediate])

    def verify(self, cert_chain):
        if len(cert_chain) != 1:
            raise Refused("more than one certificate is embedded")
        return super().verify(cert_chain)


class Verifier(XMLVerifier):
    """signxml's verifier with that path validation in place of the one without intermediates."""

    def __init__(self, folder):
        super().__init__()
        self.path_verifier = PathVerifier(folder / "ca.pem", folder / "intermediate.pem")

    def get_cert_chain_verifier(self, ca_pem_file, ee_policy, ca_policy):
        return self.path_verifier


def key_type(certificate):
    """The certificate's key as the facts spell it."""
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return f"rsa-{key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return {"secp256r1": "p-256", "secp384r1": "p-384"}.get(key.curve.name, key.curve.name)
    return type(key).__name__


def verify(verifier, path):
    """Raises unless the assertion at `path` is good."""
    text, facts = path.read_bytes(), json.loads(path.with_name(path.stem + ".json").read_bytes())
    config = SignatureConfiguration(
        location="./",
        expect_references=1,
        signature_methods=frozenset({METHODS[facts["key"]]}),
        digest_algorithms=frozenset({DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512}),
    )
    result = verifier.verify(text, id_attribute="ID", expect_config=config)

    root = etree.fromstring(text, etree.XMLParser(resolve_entities=False, no_network=True))
    if len(list(root.iter(f"{DS}Signature"))) != 1:
        raise Refused("there is not exactly one signature")
    if root.tag != f"{SAML}Assertion" or result.signed_xml is None or result.signed_xml.tag != root.tag:
        raise Refused("what is signed is not the assertion")
    if not result.signed_xml.get("ID") == root.get("ID") == facts["id"]:
        raise Refused("what is signed has not the claimed ID")
    embedded = base64.b64decode(result.signature_xml.findtext(f".//{DS}X509Certificate"))
    if key_type(x509.load_der_x509_certificate(embedded)) != facts["key"]:
        raise Refused("the certificate's key is not of the claimed type")
    declared = result.signed_xml.findtext(f".//{SAML}AuthnContextDecl")
    if declared is not None and declared != facts["method"]:
        raise Refused("AuthnContextDecl is not the claimed method")


presented = verified = 0
for folder in map(Path, sys.argv[1:]):
    verifier = Verifier(folder)
    for path in sorted(folder.glob("*.xml")):
        presented += 1
        try:
            verify(verifier, path)
            verified += 1
        # ValueError and KeyError: a document so broken that signxml does not get to its own verdict.
        except (Refused, SignXMLException, etree.LxmlError, ValueError, KeyError) as error:
            cause = " ".join(str(error).split())
            print(f"refused {path}: {type(error).__name__}: {cause}", file=sys.stderr)
print(f"presented={presented} verified={verified}")
