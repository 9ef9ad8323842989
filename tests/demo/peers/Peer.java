import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.Security;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.List;
import javax.xml.crypto.dsig.CanonicalizationMethod;
import javax.xml.crypto.dsig.DigestMethod;
import javax.xml.crypto.dsig.Transform;
import javax.xml.crypto.dsig.XMLSignatureFactory;
import javax.xml.crypto.dsig.dom.DOMSignContext;
import javax.xml.crypto.dsig.spec.C14NMethodParameterSpec;
import javax.xml.crypto.dsig.spec.TransformParameterSpec;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;
import org.w3c.dom.Document;
import org.w3c.dom.Element;

/** The JDK's XML signatures: Peer TEMPLATE KEY CERTIFICATE SECONDS FOLDER [PKCS11-CONFIGURATION PIN-FILE]. */
public class Peer {
    static final String DS = "http://www.w3.org/2000/09/xmldsig#";

    static byte[] pem(String file) throws Exception {
        return Base64.getMimeDecoder().decode(Files.readString(Path.of(file)).replaceAll("-----[^-]*-----", ""));
    }

    public static void main(String[] args) throws Exception {
        PrivateKey key;
        X509Certificate certificate;
        if (args.length == 7) {
            Provider provider = Security.getProvider("SunPKCS11").configure(args[5]);
            Security.insertProviderAt(provider, 1);
            KeyStore store = KeyStore.getInstance("PKCS11", provider);
            char[] pin = Files.readString(Path.of(args[6])).trim().toCharArray();
            store.load(null, pin);
            String alias = store.aliases().nextElement();
            key = (PrivateKey) store.getKey(alias, pin);
            certificate = (X509Certificate) store.getCertificate(alias);
        } else {
            key = KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(pem(args[1])));
            certificate = (X509Certificate)
                CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(pem(args[2])));
        }
        byte[] text = Files.readAllBytes(Path.of(args[0]));
        DocumentBuilderFactory builders = DocumentBuilderFactory.newInstance();
        builders.setNamespaceAware(true);
        XMLSignatureFactory factory = XMLSignatureFactory.getInstance("DOM");
        var info = factory.getKeyInfoFactory();
        TransformerFactory transformers = TransformerFactory.newInstance();
        double seconds = Double.parseDouble(args[3]);
        // A third of the time is for the compiler of the JDK, and is not counted.
        long warm = System.nanoTime() + (long) (seconds / 3 * 1e9), end = warm + (long) (seconds * 1e9);
        long count = 0, cpu = 0;
        boolean counting = false;
        byte[] last = null;
        while (System.nanoTime() < end) {
            if (!counting && System.nanoTime() >= warm) {
                counting = true;
                count = 0;
                cpu = cpu();
            }
            Document document = builders.newDocumentBuilder().parse(new ByteArrayInputStream(text));
            Element root = document.getDocumentElement();
            root.setIdAttribute("ID", true);
            Element old = (Element) root.getElementsByTagNameNS(DS, "Signature").item(0);
            var next = old.getNextSibling();
            root.removeChild(old);
            var reference = factory.newReference(
                "#" + root.getAttribute("ID"),
                factory.newDigestMethod(DigestMethod.SHA256, null),
                List.of(
                    factory.newTransform(Transform.ENVELOPED, (TransformParameterSpec) null),
                    factory.newTransform(CanonicalizationMethod.EXCLUSIVE, (TransformParameterSpec) null)),
                null,
                null);
            var signed = factory.newSignedInfo(
                factory.newCanonicalizationMethod(CanonicalizationMethod.EXCLUSIVE, (C14NMethodParameterSpec) null),
                factory.newSignatureMethod("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", null),
                List.of(reference));
            var keyInfo = info.newKeyInfo(List.of(info.newX509Data(List.of(certificate))));
            DOMSignContext context = new DOMSignContext(key, root, next);
            factory.newXMLSignature(signed, keyInfo).sign(context);
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            transformers.newTransformer().transform(new DOMSource(document), new StreamResult(out));
            if (last == null) Files.write(Path.of(args[4], "first.xml"), out.toByteArray());
            last = out.toByteArray();
            count++;
        }
        cpu = cpu() - cpu;
        Files.write(Path.of(args[4], "last.xml"), last);
        System.out.println(count + " " + cpu / 1000);
    }

    /** Of the whole process: the collector's is part of the price. */
    static long cpu() {
        var bean = java.lang.management.ManagementFactory.getOperatingSystemMXBean();
        return ((com.sun.management.OperatingSystemMXBean) bean).getProcessCpuTime();
    }
}
