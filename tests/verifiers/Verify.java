// Verifies every assertion of the given folders with the JDK's own XML signatures and PKIX.
// One process for the whole collection; run as `java Verify.java FOLDER…` (JDK 17 or later, no other library).

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.CertPathValidator;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import javax.xml.XMLConstants;
import javax.xml.crypto.MarshalException;
import javax.xml.crypto.dom.DOMStructure;
import javax.xml.crypto.dsig.CanonicalizationMethod;
import javax.xml.crypto.dsig.Reference;
import javax.xml.crypto.dsig.Transform;
import javax.xml.crypto.dsig.XMLSignature;
import javax.xml.crypto.dsig.XMLSignatureException;
import javax.xml.crypto.dsig.XMLSignatureFactory;
import javax.xml.crypto.dsig.dom.DOMValidateContext;
import javax.xml.crypto.dsig.keyinfo.X509Data;
import javax.xml.parsers.DocumentBuilder;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.ErrorHandler;
import org.xml.sax.SAXException;
import org.xml.sax.SAXParseException;

final class Verify {
    private static final String SAML = "urn:oasis:names:tc:SAML:2.0:assertion";
    private static final Set<String> METHODS = Set.of(
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
            "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384");

    private final XMLSignatureFactory signatures = XMLSignatureFactory.getInstance("DOM");
    private final CertificateFactory certificates = CertificateFactory.getInstance("X.509");
    private final DocumentBuilder parser = parser();
    private final X509Certificate intermediate;
    private final PKIXParameters trust;
    /** Certificates whose path was found good: a collection holds few certificates and many assertions. */
    private final Set<X509Certificate> trusted = new HashSet<>();

    private Verify(Path folder) throws GeneralSecurityException, ParserConfigurationException, IOException {
        intermediate = certificate(Files.readAllBytes(folder.resolve("intermediate.pem")));
        X509Certificate root = certificate(Files.readAllBytes(folder.resolve("ca.pem")));
        trust = new PKIXParameters(Set.of(new TrustAnchor(root, null)));
        // The test PKI publishes no revocation lists.
        trust.setRevocationEnabled(false);
    }

    /** A document is refused for a rule of ours that the JDK does not have. */
    private static final class RefusedException extends Exception {
        private static final long serialVersionUID = 1L;

        RefusedException(String cause) {
            super(cause);
        }
    }

    private static void require(boolean holds, String otherwise) throws RefusedException {
        if (!holds) {
            throw new RefusedException(otherwise);
        }
    }

    private static DocumentBuilder parser() throws ParserConfigurationException {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setNamespaceAware(true);
        factory.setFeature(XMLConstants.FEATURE_SECURE_PROCESSING, true);
        factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
        DocumentBuilder parser = factory.newDocumentBuilder();
        // The default handler prints to standard error, where only refusals belong.
        parser.setErrorHandler(new ErrorHandler() {
            @Override
            public void warning(SAXParseException exception) throws SAXException {
                throw exception;
            }

            @Override
            public void error(SAXParseException exception) throws SAXException {
                throw exception;
            }

            @Override
            public void fatalError(SAXParseException exception) throws SAXException {
                throw exception;
            }
        });
        return parser;
    }

    private X509Certificate certificate(byte[] text) throws GeneralSecurityException {
        return (X509Certificate) certificates.generateCertificate(new ByteArrayInputStream(text));
    }

    /** Returns only if the assertion in `file` is good. */
    private void verify(Path file) throws RefusedException, SAXException, IOException, MarshalException,
            XMLSignatureException, GeneralSecurityException {
        Document document = parser.parse(new ByteArrayInputStream(Files.readAllBytes(file)));
        Element assertion = document.getDocumentElement();
        require(SAML.equals(assertion.getNamespaceURI()) && "Assertion".equals(assertion.getLocalName()),
                "the document element is not an assertion");
        NodeList found = document.getElementsByTagNameNS(XMLSignature.XMLNS, "Signature");
        require(found.getLength() == 1, "there is not exactly one signature");
        require(found.item(0).getParentNode() == assertion, "the signature is not the assertion's own");

        // Unmarshalled once to read the certificate, before any key is chosen.
        XMLSignature signature = signatures.unmarshalXMLSignature(new DOMStructure(found.item(0)));
        X509Certificate signer = embedded(signature);
        requireTrusted(signer);
        requireCovers(signature, assertion);

        DOMValidateContext context = new DOMValidateContext(signer.getPublicKey(), found.item(0));
        context.setProperty("org.jcp.xml.dsig.secureValidation", Boolean.TRUE);
        context.setIdAttributeNS(assertion, null, "ID");
        require(signatures.unmarshalXMLSignature(context).validate(context), "the signature is not valid");
    }

    /** The only certificate of the signature's KeyInfo. */
    private static X509Certificate embedded(XMLSignature signature) throws RefusedException {
        require(signature.getKeyInfo() != null && signature.getKeyInfo().getContent().size() == 1,
                "KeyInfo does not hold exactly one entry");
        boolean isX509 = signature.getKeyInfo().getContent().get(0) instanceof X509Data;
        require(isX509, "KeyInfo does not hold X509Data");
        List<?> content = ((X509Data) signature.getKeyInfo().getContent().get(0)).getContent();
        require(content.size() == 1 && content.get(0) instanceof X509Certificate,
                "X509Data does not hold exactly one certificate");
        return (X509Certificate) content.get(0);
    }

    /** Validates the path signer, intermediate, root. */
    private void requireTrusted(X509Certificate signer) throws GeneralSecurityException {
        if (!trusted.contains(signer)) {
            CertPathValidator.getInstance("PKIX")
                    .validate(certificates.generateCertPath(List.of(signer, intermediate)), trust);
            trusted.add(signer);
        }
    }

    /** The one Reference is the assertion's ID, by the two transforms of a VIHF; the method is one of ours. */
    private static void requireCovers(XMLSignature signature, Element assertion) throws RefusedException {
        require(METHODS.contains(signature.getSignedInfo().getSignatureMethod().getAlgorithm()),
                "the signature method is not one of RSA-SHA256, ECDSA-SHA256 and ECDSA-SHA384");
        List<?> references = signature.getSignedInfo().getReferences();
        require(references.size() == 1, "there is not exactly one Reference");
        Reference reference = (Reference) references.get(0);
        require(!assertion.getAttribute("ID").isEmpty()
                && reference.getURI().equals("#" + assertion.getAttribute("ID")),
                "the Reference is not the assertion's ID");
        List<String> transforms = new ArrayList<>();
        for (Object transform : reference.getTransforms()) {
            transforms.add(((Transform) transform).getAlgorithm());
        }
        require(transforms.equals(List.of(Transform.ENVELOPED, CanonicalizationMethod.EXCLUSIVE)),
                "the transforms are not enveloped-signature and exclusive canonicalisation");
    }

    public static void main(String[] folders) throws Exception {
        int presented = 0;
        int verified = 0;
        for (String folder : folders) {
            Verify verifier = new Verify(Path.of(folder));
            try (DirectoryStream<Path> files = Files.newDirectoryStream(Path.of(folder), "*.xml")) {
                for (Path file : files) {
                    presented++;
                    try {
                        verifier.verify(file);
                        verified++;
                    } catch (RefusedException | SAXException | MarshalException | XMLSignatureException
                            | GeneralSecurityException cause) {
                        System.err.println("refused " + file + ": " + String.valueOf(cause).replaceAll("\\s+", " "));
                    }
                }
            }
        }
        System.out.println("presented=" + presented + " verified=" + verified);
    }
}
