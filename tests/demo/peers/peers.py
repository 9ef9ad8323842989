"""python-xmlsec and signxml on one thread: peers.py PEER TEMPLATE KEY CERTIFICATE SECONDS FOLDER."""
import sys
import time

from lxml import etree

DS = "{http://www.w3.org/2000/09/xmldsig#}"
peer, template, key_file, certificate_file, seconds, folder = sys.argv[1:]
text = open(template, "rb").read()


def xmlsec_signer():
    import xmlsec

    key = xmlsec.Key.from_file(key_file, xmlsec.KeyFormat.PEM)

    def sign():
        root = etree.fromstring(text)
        xmlsec.tree.add_ids(root, ["ID"])
        context = xmlsec.SignatureContext()
        context.key = key
        context.sign(xmlsec.tree.find_node(root, "Signature"))
        return etree.tostring(root)

    return sign


def signxml_signer():
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from signxml import XMLSigner, methods

    key = load_pem_private_key(open(key_file, "rb").read(), None)
    certificate = open(certificate_file).read()
    root = etree.fromstring(text)
    identifier = root.get("ID")
    signature = root.find(DS + "Signature")
    root.remove(signature)
    # The library puts its signature in the place of this element.
    root.insert(1, etree.SubElement(root, DS + "Signature", Id="placeholder"))
    bare = etree.tostring(root)

    def sign():
        signer = XMLSigner(
            method=methods.enveloped,
            signature_algorithm="rsa-sha256",
            digest_algorithm="sha256",
            c14n_algorithm="http://www.w3.org/2001/10/xml-exc-c14n#",
        )
        signed = signer.sign(etree.fromstring(bare), key=key, cert=certificate, reference_uri=identifier, id_attribute="ID")
        return etree.tostring(signed)

    return sign


sign = {"python-xmlsec": xmlsec_signer, "signxml": signxml_signer}[peer]()
count, last = 0, None
began, cpu = time.monotonic(), time.process_time()
while time.monotonic() - began < float(seconds):
    last = sign()
    if count == 0:
        open(f"{folder}/first.xml", "wb").write(last)
    count += 1
cpu = time.process_time() - cpu
open(f"{folder}/last.xml", "wb").write(last)
print(count, round(cpu * 1e6))
