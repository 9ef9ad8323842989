import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Demande un VIHF à Sceau par sa socket locale (fr.sceau.Token). Java 17 ou plus, bibliothèque standard seule.
 *
 * <pre>printf '%s' "$INS" | java Vihf.java --practitioner 899900063480 --method CPS --instant 2026-03-02T08:30:00Z --transaction 3.1 --ins -</pre>
 *
 * L'assertion sort telle quelle sur la sortie standard, sans fin de ligne ajoutée : la moindre retouche casse sa signature.
 * Codes de retour : 0 obtenue ; 1 refusée ; 2 demande mal formée ; 3 service occupé ou indisponible ; 4 service arrêté.
 * vihf.py et Vihf.cs font la même chose avec les mêmes options.
 */
public final class Vihf {
    private static final String INTERFACE = "fr.sceau.Token.";
    private static final String STANDARD = "org.varlink.service.";
    /** Une réponse tient une assertion et son reçu : au-delà, ce n'est pas Sceau qui parle. */
    private static final int ANSWER_LEN_MAX = 1024 * 1024;
    private static final long DEADLINE_MS = 10_000;
    /** Au-delà de ces essais, la charge n'est plus passagère : mieux vaut le dire à l'utilisateur. */
    private static final int BUSY_TRIES_MAX = 5;
    private static final long BUSY_WAIT_MAX_MS = 2_000;
    /** Questions posées en tout quand une réponse se perd ou que le service est indisponible un instant, et attente entre elles. */
    private static final int TRIES_MAX = 3;
    private static final long WAIT_MS = 500;
    /** Ces indisponibilités attendent quelqu'un : réessayer n'y fait rien. */
    private static final Set<String> NEEDS_AN_OPERATOR = Set.of("clock-jump", "pin-refused");
    private static final Map<String, Integer> EXIT_STATUS =
        Map.of("Denied", 1, "Replayed", 1, "Malformed", 2, "Busy", 3, "Unavailable", 3, "Halted", 4);
    private static final SecureRandom RANDOM = new SecureRandom();
    private static final PrintStream ERR = new PrintStream(System.err, true, StandardCharsets.UTF_8);

    /** Une réponse d'erreur : `name` (Denied, Busy…) et ses paramètres. */
    static final class Refusal extends Exception {
        private static final long serialVersionUID = 1;
        final String name;
        final String reason;
        final int exitStatus;
        final Map<String, Object> parameters;

        Refusal(String error, Map<String, Object> parameters) {
            super(Stream.of(error.substring(error.lastIndexOf('.') + 1), text(parameters, "reason"), text(parameters, "field"),
                    text(parameters, "parameter"), text(parameters, "message"))
                .filter(part -> part != null && !part.isEmpty()).collect(Collectors.joining(" : ")));
            this.name = error.substring(error.lastIndexOf('.') + 1);
            this.reason = text(parameters, "reason") == null ? "" : text(parameters, "reason");
            this.exitStatus = error.startsWith(STANDARD) ? 2 : EXIT_STATUS.getOrDefault(name, 3);
            this.parameters = parameters;
        }

        /** Indisponible, et rien n'a été émis : la même demande peut réussir bientôt, avec un nouveau nonce. */
        boolean mayHeal() {
            return name.equals("Unavailable") && !NEEDS_AN_OPERATOR.contains(reason);
        }

        /** La session n'est plus : à rouvrir si la connexion n'était pas prouvée par un jeton, qui ne sert qu'une fois. */
        boolean sessionIsGone() {
            return name.equals("Denied") && (reason.equals("session-unknown") || reason.equals("session-expired"));
        }
    }

    /** Une question dont la réponse est attendue. IOException : elle n'est pas venue, nul ne sait ce qui a été fait. */
    interface Question {
        Map<String, Object> ask() throws Refusal, IOException, InterruptedException;
    }

    /** Des questions et des réponses dans l'ordre, chacune un objet JSON suivi d'un octet NUL ; se reconnecte après une perte. */
    static final class Sceau implements AutoCloseable {
        private final UnixDomainSocketAddress address;
        private SocketChannel channel;
        private Selector selector;
        private ByteArrayOutputStream received;

        Sceau(String path) {
            address = UnixDomainSocketAddress.of(path);
        }

        /** Rend les paramètres de la réponse. Une valeur null n'est pas envoyée. */
        Map<String, Object> call(String method, Map<String, Object> parameters) throws Refusal, IOException {
            Map<String, Object> question = new LinkedHashMap<>();
            question.put("method", INTERFACE + method);
            question.put("parameters", parameters);
            Map<String, Object> answer;
            try {
                connect();
                long deadline = System.currentTimeMillis() + DEADLINE_MS;
                send(ByteBuffer.wrap((Json.write(question) + "\0").getBytes(StandardCharsets.UTF_8)), deadline);
                answer = Json.object(Json.read(frame(deadline)));
            } catch (IOException | RuntimeException failure) {
                close(); // Une réponse en retard ne doit pas passer pour celle de la question suivante.
                throw failure instanceof IOException lost ? lost : new IOException("réponse illisible", failure);
            }
            Map<String, Object> given = answer.get("parameters") == null ? Map.of() : Json.object(answer.get("parameters"));
            if (answer.get("error") instanceof String error) {
                throw new Refusal(error, given);
            }
            return given;
        }

        /** Pose la question ; sur Busy, attend le délai demandé et repose la même : rien n'a été fait, le nonce reste libre. */
        Map<String, Object> whenFree(String method, Map<String, Object> parameters)
                throws Refusal, IOException, InterruptedException {
            for (int triesLeft = BUSY_TRIES_MAX - 1; ; triesLeft--) {
                try {
                    return call(method, parameters);
                } catch (Refusal refusal) {
                    if (!refusal.name.equals("Busy") || triesLeft == 0) {
                        throw refusal;
                    }
                    long wait = refusal.parameters.get("retry_after_ms") instanceof Number asked ? asked.longValue() : WAIT_MS;
                    Thread.sleep(Math.max(0, Math.min(wait, BUSY_WAIT_MAX_MS)));
                }
            }
        }

        private void connect() throws IOException {
            if (channel == null) {
                channel = SocketChannel.open(StandardProtocolFamily.UNIX);
                channel.connect(address);
                channel.configureBlocking(false);
                selector = Selector.open();
                channel.register(selector, 0);
                received = new ByteArrayOutputStream();
            }
        }

        private void send(ByteBuffer frame, long deadline) throws IOException {
            while (frame.hasRemaining()) {
                if (channel.write(frame) == 0) {
                    await(SelectionKey.OP_WRITE, deadline);
                }
            }
        }

        private String frame(long deadline) throws IOException {
            ByteBuffer part = ByteBuffer.allocate(65536);
            while (true) {
                byte[] bytes = received.toByteArray();
                for (int end = 0; end < bytes.length; end++) {
                    if (bytes[end] == 0) {
                        received.reset();
                        received.write(bytes, end + 1, bytes.length - end - 1);
                        return new String(bytes, 0, end, StandardCharsets.UTF_8);
                    }
                }
                if (bytes.length > ANSWER_LEN_MAX) {
                    throw new IOException("réponse trop longue");
                }
                part.clear();
                int len = channel.read(part);
                if (len < 0) {
                    throw new IOException("connexion fermée avant la réponse");
                } else if (len == 0) {
                    await(SelectionKey.OP_READ, deadline);
                }
                received.write(part.array(), 0, len);
            }
        }

        private void await(int operation, long deadline) throws IOException {
            channel.keyFor(selector).interestOps(operation);
            long left = deadline - System.currentTimeMillis();
            if (left <= 0 || selector.select(left) == 0) {
                throw new IOException("délai dépassé");
            }
            selector.selectedKeys().clear();
        }

        @Override
        public void close() throws IOException {
            if (channel != null) {
                channel.close();
                channel = null;
            }
            if (selector != null) {
                selector.close();
                selector = null;
            }
        }
    }

    /** Ce qu'il faut de JSON : objets, listes, textes, nombres, littéraux. */
    static final class Json {
        private final String text;
        private int at;

        private Json(String text) {
            this.text = text;
        }

        static String write(Object value) {
            if (value instanceof Map<?, ?> members) {
                return members.entrySet().stream().filter(member -> member.getValue() != null)
                    .map(member -> write(member.getKey()) + ":" + write(member.getValue())).collect(Collectors.joining(",", "{", "}"));
            }
            StringBuilder out = new StringBuilder("\"");
            for (char c : value.toString().toCharArray()) {
                out.append(c == '"' || c == '\\' ? "\\" + c : c < ' ' ? String.format("\\u%04x", (int) c) : String.valueOf(c));
            }
            return out.append('"').toString();
        }

        static Object read(String text) {
            Json json = new Json(text);
            Object value = json.value();
            json.space();
            if (json.at != text.length()) {
                throw new IllegalArgumentException("du texte suit l'objet");
            }
            return value;
        }

        @SuppressWarnings("unchecked")
        static Map<String, Object> object(Object value) {
            return (Map<String, Object>) value;
        }

        private Object value() {
            space();
            switch (text.charAt(at)) {
                case '{': {
                    Map<String, Object> members = new LinkedHashMap<>();
                    for (boolean more = open('}'); more; more = next('}')) {
                        space();
                        String name = string();
                        space();
                        expect(':');
                        members.put(name, value());
                    }
                    return members;
                }
                case '[': {
                    List<Object> items = new ArrayList<>();
                    for (boolean more = open(']'); more; more = next(']')) {
                        items.add(value());
                    }
                    return items;
                }
                case '"':
                    return string();
                default: {
                    int start = at;
                    while (at < text.length() && ",]} \t\r\n".indexOf(text.charAt(at)) < 0) {
                        at++;
                    }
                    String word = text.substring(start, at);
                    return switch (word) {
                        case "true" -> true;
                        case "false" -> false;
                        case "null" -> null;
                        default -> Double.valueOf(word);
                    };
                }
            }
        }

        private String string() {
            expect('"');
            StringBuilder out = new StringBuilder();
            while (text.charAt(at) != '"') {
                char c = text.charAt(at++);
                if (c != '\\') {
                    out.append(c);
                    continue;
                }
                char escaped = text.charAt(at++);
                switch (escaped) {
                    case 'b' -> out.append('\b');
                    case 'f' -> out.append('\f');
                    case 'n' -> out.append('\n');
                    case 'r' -> out.append('\r');
                    case 't' -> out.append('\t');
                    case 'u' -> {
                        out.append((char) Integer.parseInt(text.substring(at, at + 4), 16));
                        at += 4;
                    }
                    default -> out.append(escaped);
                }
            }
            at++;
            return out.toString();
        }

        /** Entre ; faux si c'est vide. */
        private boolean open(char end) {
            at++;
            space();
            if (text.charAt(at) == end) {
                at++;
                return false;
            }
            return true;
        }

        /** Passe la virgule ; faux à la fin. */
        private boolean next(char end) {
            space();
            if (text.charAt(at) == end) {
                at++;
                return false;
            }
            expect(',');
            return true;
        }

        private void expect(char c) {
            if (text.charAt(at++) != c) {
                throw new IllegalArgumentException("« " + c + " » manque");
            }
        }

        private void space() {
            while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
                at++;
            }
        }
    }

    private static String text(Map<String, Object> parameters, String name) {
        return parameters.get(name) instanceof String text ? text : null;
    }

    /** Pose la question ; si la réponse se perd ou si Sceau est indisponible un instant, la repose, quelques fois. */
    private static Map<String, Object> again(Question question) throws Refusal, IOException, InterruptedException {
        for (int triesLeft = TRIES_MAX - 1; ; triesLeft--) {
            try {
                return question.ask();
            } catch (IOException lost) {
                if (triesLeft == 0) {
                    throw lost;
                }
                ERR.println("pas de réponse (" + lost.getMessage() + ") : nouvelle demande");
            } catch (Refusal refusal) {
                if (!refusal.mayHeal() || triesLeft == 0) {
                    throw refusal;
                }
                ERR.println(refusal.getMessage() + " : nouvelle demande");
            }
            Thread.sleep(WAIT_MS);
        }
    }

    /** Ouvre une session, demande une assertion, ferme la session. */
    private static Map<String, Object> obtain(Sceau sceau, Map<String, Object> login, Map<String, Object> asked, boolean proved)
            throws Refusal, IOException, InterruptedException {
        String session = open(sceau, login);
        try {
            try {
                return issue(sceau, session, asked);
            } catch (Refusal refusal) {
                if (!refusal.sessionIsGone() || proved) {
                    throw refusal;
                }
                ERR.println(refusal.getMessage() + " : nouvelle session");
                session = open(sceau, login);
                return issue(sceau, session, asked);
            }
        } finally {
            try {
                sceau.call("CloseSession", Map.of("session", session));
            } catch (Refusal | IOException ignored) {
                // La session expirera d'elle-même ; l'erreur d'origine, s'il y en a une, compte davantage.
            }
        }
    }

    private static String open(Sceau sceau, Map<String, Object> login) throws Refusal, IOException, InterruptedException {
        return text(again(() -> sceau.whenFree("OpenSession", login)), "session");
    }

    private static Map<String, Object> issue(Sceau sceau, String session, Map<String, Object> asked)
            throws Refusal, IOException, InterruptedException {
        return again(() -> {
            // 24 octets tirés au hasard : 32 caractères parmi A-Z a-z 0-9 - _. Un nonce neuf pour chaque demande, aussi après une
            // réponse perdue : la première assertion, s'il y en a eu une, compte comme émise et inutilisée.
            byte[] nonce = new byte[24];
            RANDOM.nextBytes(nonce);
            Map<String, Object> parameters = new LinkedHashMap<>(asked);
            parameters.put("session", session);
            parameters.put("nonce", Base64.getUrlEncoder().withoutPadding().encodeToString(nonce));
            return sceau.whenFree("Issue", parameters);
        });
    }

    /** La ligne de commande. Ni l'INS ni la preuve n'y figurent : entrée standard et fichier. */
    private static Map<String, String> arguments(String[] words) {
        Set<String> known = Set.of("--socket", "--practitioner", "--method", "--instant", "--initial-instant", "--proof-file",
            "--structure", "--service", "--channel", "--profile", "--transaction", "--purpose", "--ins", "--oid");
        Map<String, String> given = new LinkedHashMap<>();
        for (int i = 0; i < words.length; i += 2) {
            if (!known.contains(words[i]) || i + 1 == words.length) {
                return null;
            }
            given.put(words[i].substring(2), words[i + 1]);
        }
        boolean whole = given.containsKey("practitioner") && given.containsKey("transaction")
            && given.containsKey("method") == given.containsKey("instant") && given.getOrDefault("ins", "-").equals("-");
        return whole ? given : null;
    }

    public static void main(String[] words) throws Exception {
        Map<String, String> given = arguments(words);
        if (given == null) {
            ERR.println("usage : Vihf --practitioner PS --transaction CLÉ [--purpose normal|bris_de_glace|centre_15] [--ins - [--oid OID]]\n"
                + "  [--method MÉTHODE --instant INSTANT [--initial-instant INSTANT] [--proof-file FICHIER]]\n"
                + "  [--structure STRUCTURE] [--service SERVICE] [--channel LPS|WEB_PS] [--profile PROFIL] [--socket CHEMIN]");
            System.exit(2);
        }
        Map<String, Object> login = new LinkedHashMap<>();
        for (String name : List.of("practitioner", "structure", "service", "channel", "profile")) {
            login.put(name, given.get(name));
        }
        String proof = given.containsKey("proof-file") ? Files.readString(Path.of(given.get("proof-file"))).strip() : null;
        if (given.containsKey("method")) {
            Map<String, Object> authentication = new LinkedHashMap<>();
            authentication.put("method", given.get("method"));
            authentication.put("instant", given.get("instant"));
            authentication.put("initial_instant", given.get("initial-instant"));
            authentication.put("proof", proof);
            login.put("authentication", authentication);
        }
        Map<String, Object> asked = new LinkedHashMap<>();
        asked.put("transaction", given.get("transaction"));
        asked.put("purpose", given.getOrDefault("purpose", "normal"));
        if (given.containsKey("ins")) {
            String ins = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)).readLine();
            Map<String, Object> patient = new LinkedHashMap<>();
            patient.put("ins", ins == null ? "" : ins.strip());
            patient.put("oid", given.get("oid"));
            asked.put("patient", patient);
        }
        String path = given.getOrDefault("socket", "/run/sceau/token.sock");
        try (Sceau sceau = new Sceau(path)) {
            Map<String, Object> answer = obtain(sceau, login, asked, proof != null);
            ERR.println(text(answer, "id") + " valable jusqu'à " + text(answer, "expires_at"));
            System.out.write(text(answer, "assertion").getBytes(StandardCharsets.UTF_8));
            System.out.flush();
        } catch (Refusal refusal) {
            ERR.println(refusal.getMessage());
            System.exit(refusal.exitStatus);
        } catch (IOException failure) {
            ERR.println("Sceau est injoignable par " + path + " : " + failure.getMessage());
            System.exit(3);
        }
    }
}
