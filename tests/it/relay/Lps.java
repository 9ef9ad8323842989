// A hospital's software with the JDK's SOAP stack (JAX-WS with its reference implementation, as Debian has it): ITI-18, then
// ITI-43 in MTOM both ways, then a call about somebody else.
//
// usage: Lps WSDL HOST:PORT INS OTHER-INS   (session and three nonces on standard input, a line each)
// The relay's socket is reached as an HTTP proxy, by the JVM's own http.proxyHost and http.proxyPort.

import com.sun.xml.ws.api.message.Header;
import com.sun.xml.ws.api.message.Headers;
import com.sun.xml.ws.developer.WSBindingProvider;
import java.io.*;
import java.util.*;
import javax.activation.DataHandler;
import javax.activation.DataSource;
import javax.jws.*;
import javax.jws.soap.SOAPBinding;
import javax.xml.bind.annotation.*;
import javax.xml.namespace.QName;
import javax.xml.ws.*;
import javax.xml.ws.handler.MessageContext;
import javax.xml.ws.soap.*;

public class Lps {
    static final String QUERY = "urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0";
    static final String RIM = "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0";
    static final String XDS = "urn:ihe:iti:xds-b:2007";
    static final String ADDRESSING = "http://www.w3.org/2005/08/addressing";

    @XmlAccessorType(XmlAccessType.FIELD)
    public static class Slot {
        @XmlAttribute String name;
        @XmlElementWrapper(name = "ValueList", namespace = RIM) @XmlElement(name = "Value", namespace = RIM) List<String> values;
    }

    @XmlAccessorType(XmlAccessType.FIELD)
    public static class AdhocQuery {
        @XmlAttribute String id = "urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d";
        @XmlElement(name = "Slot", namespace = RIM) List<Slot> slots = new ArrayList<>();
    }

    @XmlAccessorType(XmlAccessType.FIELD)
    public static class QueryRequest {
        @XmlElement(name = "AdhocQuery", namespace = RIM) AdhocQuery query = new AdhocQuery();
    }

    @XmlAccessorType(XmlAccessType.FIELD)
    public static class QueryResponse {
        @XmlAttribute String status;
    }

    @XmlAccessorType(XmlAccessType.FIELD)
    public static class RetrieveRequest {
        @XmlElement(name = "RepositoryUniqueId", namespace = XDS) String repository = "1.2.3";
        @XmlElement(name = "DocumentUniqueId", namespace = XDS) String document = "4.5.6";
        /// Nothing of ITI-43: so that the call has an attachment of its own.
        @XmlElement(name = "Attached", namespace = XDS) @XmlMimeType("application/octet-stream") DataHandler attached;
    }

    @XmlAccessorType(XmlAccessType.FIELD)
    public static class RetrieveResponse {
        @XmlElement(name = "Document", namespace = XDS) @XmlMimeType("application/octet-stream") DataHandler document;
    }

    @WebService(name = "Consultation", targetNamespace = "urn:test")
    @SOAPBinding(parameterStyle = SOAPBinding.ParameterStyle.BARE)
    public interface Consultation {
        @WebMethod(operationName = "RegistryStoredQuery", action = "urn:ihe:iti:2007:RegistryStoredQuery")
        @WebResult(name = "AdhocQueryResponse", targetNamespace = QUERY)
        @Action(input = "urn:ihe:iti:2007:RegistryStoredQuery", output = "urn:ihe:iti:2007:RegistryStoredQueryResponse")
        QueryResponse query(@WebParam(name = "AdhocQueryRequest", targetNamespace = QUERY) QueryRequest request);

        @WebMethod(operationName = "RetrieveDocumentSet", action = "urn:ihe:iti:2007:RetrieveDocumentSet")
        @WebResult(name = "RetrieveDocumentSetResponse", targetNamespace = XDS)
        @Action(input = "urn:ihe:iti:2007:RetrieveDocumentSet", output = "urn:ihe:iti:2007:RetrieveDocumentSetResponse")
        RetrieveResponse retrieve(@WebParam(name = "RetrieveDocumentSetRequest", targetNamespace = XDS) RetrieveRequest request);
    }

    record Attached(byte[] bytes) implements DataSource {
        public InputStream getInputStream() {
            return new ByteArrayInputStream(bytes);
        }

        public OutputStream getOutputStream() {
            throw new UnsupportedOperationException();
        }

        public String getContentType() {
            return "application/octet-stream";
        }

        public String getName() {
            return "attached";
        }
    }

    static java.net.URL wsdl;

    static Header header(String name, String value) {
        return Headers.create(new QName(ADDRESSING, name), value);
    }

    static Consultation port(String address, String action, String session, String nonce, String transaction, String ins) {
        Service service = Service.create(wsdl, new QName("urn:test", "Dmp"));
        Consultation port =
            service.getPort(new QName("urn:test", "Soap12"), Consultation.class, new AddressingFeature(false), new MTOMFeature(true));
        BindingProvider provider = (BindingProvider) port;
        provider.getRequestContext().put(BindingProvider.ENDPOINT_ADDRESS_PROPERTY, address);
        Map<String, List<String>> headers = new HashMap<>();
        headers.put("Sceau-Session", List.of(session));
        headers.put("Sceau-Nonce", List.of(nonce));
        headers.put("Sceau-Transaction", List.of(transaction));
        headers.put("Sceau-Purpose", List.of("normal"));
        headers.put("Sceau-Patient", List.of(ins));
        provider.getRequestContext().put(MessageContext.HTTP_REQUEST_HEADERS, headers);
        // TLS is the relay's: the stack speaks http to it, and wsa:To is the DMP's own address.
        ((WSBindingProvider) port).setOutboundHeaders(
            header("Action", action), header("MessageID", "urn:uuid:" + UUID.randomUUID()), header("To", address.replaceFirst("^http:", "https:")));
        return port;
    }

    static QueryRequest about(String ins) {
        QueryRequest request = new QueryRequest();
        Slot slot = new Slot();
        slot.name = "$XDSDocumentEntryPatientId";
        slot.values = List.of("'" + ins + "^^^&1.2.250.1.213.1.4.8&ISO^NH'");
        request.query.slots.add(slot);
        return request;
    }

    public static void main(String[] arguments) throws Exception {
        wsdl = new File(arguments[0]).toURI().toURL();
        String at = "http://" + arguments[1], ins = arguments[2], other = arguments[3];
        Scanner said = new Scanner(System.in);
        String session = said.next();
        System.out.println(port(at + "/registry", "urn:ihe:iti:2007:RegistryStoredQuery", session, said.next(), "3.1", ins).query(about(ins)).status);
        RetrieveRequest retrieve = new RetrieveRequest();
        byte[] attached = new byte[200_000];
        Arrays.fill(attached, (byte) 'J');
        retrieve.attached = new DataHandler(new Attached(attached));
        InputStream document =
            port(at + "/repository", "urn:ihe:iti:2007:RetrieveDocumentSet", session, said.next(), "3.2", ins).retrieve(retrieve).document.getInputStream();
        byte[] bytes = document.readAllBytes();
        int wrong = 0;
        for (byte b : bytes) wrong += b == 'D' ? 0 : 1;
        System.out.println(bytes.length + " " + wrong);
        try {
            port(at + "/registry", "urn:ihe:iti:2007:RegistryStoredQuery", session, said.next(), "3.1", ins).query(about(other));
        } catch (SOAPFaultException fault) {
            System.out.println(fault.getFault().getFaultSubcodes().next() + " | " + fault.getMessage());
        }
    }
}
