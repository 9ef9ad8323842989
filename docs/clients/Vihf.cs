using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Threading;

/// <summary>
/// Demande un VIHF à Sceau par sa socket locale (fr.sceau.Token). .NET Core 3.1 ou plus, bibliothèque standard seule.
///
///     printf '%s' "$INS" | dotnet Vihf.dll --practitioner 899900063480 --method CPS --instant 2026-03-02T08:30:00Z --transaction 3.1 --ins -
///
/// L'assertion sort telle quelle sur la sortie standard, sans fin de ligne ajoutée : la moindre retouche casse sa signature.
/// Codes de retour : 0 obtenue ; 1 refusée ; 2 demande mal formée ; 3 service occupé ou indisponible ; 4 service arrêté.
/// vihf.py et Vihf.java font la même chose avec les mêmes options.
/// </summary>
public static class Vihf
{
    const string Interface = "fr.sceau.Token.";
    const string Standard = "org.varlink.service.";
    // Une réponse tient une assertion et son reçu : au-delà, ce n'est pas Sceau qui parle.
    const int AnswerLenMax = 1024 * 1024;
    const int DeadlineMs = 10000;
    // Au-delà de ces essais, la charge n'est plus passagère : mieux vaut le dire à l'utilisateur.
    const int BusyTriesMax = 5;
    const int BusyWaitMaxMs = 2000;
    // Questions posées en tout quand une réponse se perd ou que le service est indisponible un instant, et attente entre elles.
    const int TriesMax = 3;
    const int WaitMs = 500;
    // Ces indisponibilités attendent quelqu'un : réessayer n'y fait rien.
    static readonly string[] NeedsAnOperator = { "clock-jump", "pin-refused" };
    static readonly Dictionary<string, int> ExitStatuses = new Dictionary<string, int>
    {
        { "Denied", 1 }, { "Replayed", 1 }, { "Malformed", 2 }, { "Busy", 3 }, { "Unavailable", 3 }, { "Halted", 4 },
    };

    /// <summary>Une réponse d'erreur : Name (Denied, Busy…) et ses paramètres.</summary>
    sealed class Refusal : Exception
    {
        public readonly string Name;
        public readonly string Reason;
        public readonly int ExitStatus;
        public readonly int RetryAfterMs;

        public Refusal(string error, JsonElement parameters) : base(Words(error, parameters))
        {
            Name = Short(error);
            Reason = Member(parameters, "reason");
            int status;
            ExitStatus = error.StartsWith(Standard, StringComparison.Ordinal) ? 2 : ExitStatuses.TryGetValue(Name, out status) ? status : 3;
            JsonElement after;
            RetryAfterMs = parameters.ValueKind == JsonValueKind.Object && parameters.TryGetProperty("retry_after_ms", out after) ? after.GetInt32() : WaitMs;
        }

        /// <summary>Indisponible, et rien n'a été émis : la même demande peut réussir bientôt, avec un nouveau nonce.</summary>
        public bool MayHeal { get { return Name == "Unavailable" && !NeedsAnOperator.Contains(Reason); } }

        /// <summary>La session n'est plus : à rouvrir si la connexion n'était pas prouvée par un jeton, qui ne sert qu'une fois.</summary>
        public bool SessionIsGone { get { return Name == "Denied" && (Reason == "session-unknown" || Reason == "session-expired"); } }

        static string Short(string error) { return error.Substring(error.LastIndexOf('.') + 1); }

        static string Words(string error, JsonElement parameters)
        {
            var parts = new[] { "reason", "field", "parameter", "message" }.Select(name => Member(parameters, name));
            return string.Join(" : ", new[] { Short(error) }.Concat(parts).Where(part => part.Length > 0));
        }
    }

    /// <summary>La réponse n'est pas venue : si la question est partie, nul ne sait ce qui a été fait.</summary>
    sealed class Lost : Exception
    {
        public Lost(string message) : base(message) { }
    }

    /// <summary>Des questions et des réponses dans l'ordre, chacune un objet JSON suivi d'un octet NUL ; se reconnecte après une perte.</summary>
    sealed class Sceau : IDisposable
    {
        readonly string path;
        readonly MemoryStream received = new MemoryStream();
        Socket socket;

        public Sceau(string path) { this.path = path; }

        /// <summary>Rend les paramètres de la réponse. Une valeur null n'est pas envoyée.</summary>
        public JsonElement Call(string method, Dictionary<string, object> parameters)
        {
            var given = parameters.Where(member => member.Value != null).ToDictionary(member => member.Key, member => member.Value);
            var question = new Dictionary<string, object> { { "method", Interface + method }, { "parameters", given } };
            JsonElement answer;
            try
            {
                Connect();
                var frame = JsonSerializer.SerializeToUtf8Bytes(question);
                SendAll(frame.Concat(new byte[] { 0 }).ToArray());
                using (var document = JsonDocument.Parse(Frame())) { answer = document.RootElement.Clone(); }
                if (answer.ValueKind != JsonValueKind.Object) { throw new Lost("réponse illisible"); }
            }
            catch (Exception failure) when (failure is SocketException || failure is JsonException || failure is Lost)
            {
                Dispose(); // Une réponse en retard ne doit pas passer pour celle de la question suivante.
                throw new Lost(failure.Message);
            }
            JsonElement error, answered;
            if (!answer.TryGetProperty("parameters", out answered)) { answered = default(JsonElement); }
            if (answer.TryGetProperty("error", out error)) { throw new Refusal(error.GetString(), answered); }
            return answered;
        }

        /// <summary>Pose la question ; sur Busy, attend le délai demandé et repose la même : rien n'a été fait, le nonce reste libre.</summary>
        public JsonElement WhenFree(string method, Dictionary<string, object> parameters)
        {
            for (var triesLeft = BusyTriesMax - 1; ; triesLeft--)
            {
                try { return Call(method, parameters); }
                catch (Refusal refusal) when (refusal.Name == "Busy" && triesLeft > 0)
                {
                    Thread.Sleep(Math.Max(0, Math.Min(refusal.RetryAfterMs, BusyWaitMaxMs)));
                }
            }
        }

        void Connect()
        {
            if (socket != null) { return; }
            var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            connection.SendTimeout = DeadlineMs;
            connection.ReceiveTimeout = DeadlineMs;
            try { connection.Connect(new UnixDomainSocketEndPoint(path)); }
            catch (SocketException) { connection.Dispose(); throw; }
            socket = connection;
            received.SetLength(0);
        }

        void SendAll(byte[] bytes)
        {
            for (var sent = 0; sent < bytes.Length;) { sent += socket.Send(bytes, sent, bytes.Length - sent, SocketFlags.None); }
        }

        byte[] Frame()
        {
            var part = new byte[65536];
            while (true)
            {
                var bytes = received.ToArray();
                var end = Array.IndexOf(bytes, (byte)0);
                if (end >= 0)
                {
                    received.SetLength(0);
                    received.Write(bytes, end + 1, bytes.Length - end - 1);
                    return bytes.Take(end).ToArray();
                }
                if (bytes.Length > AnswerLenMax) { throw new Lost("réponse trop longue"); }
                var len = socket.Receive(part);
                if (len == 0) { throw new Lost("connexion fermée avant la réponse"); }
                received.Write(part, 0, len);
            }
        }

        public void Dispose()
        {
            if (socket != null) { socket.Dispose(); }
            socket = null;
        }
    }

    static string Member(JsonElement parameters, string name)
    {
        JsonElement value;
        var found = parameters.ValueKind == JsonValueKind.Object && parameters.TryGetProperty(name, out value) && value.ValueKind == JsonValueKind.String;
        return found ? parameters.GetProperty(name).GetString() : "";
    }

    /// <summary>Pose la question ; si la réponse se perd ou si Sceau est indisponible un instant, la repose, quelques fois.</summary>
    static JsonElement Again(Func<JsonElement> question)
    {
        for (var triesLeft = TriesMax - 1; ; triesLeft--)
        {
            try { return question(); }
            catch (Lost lost) when (triesLeft > 0) { Console.Error.WriteLine("pas de réponse (" + lost.Message + ") : nouvelle demande"); }
            catch (Refusal refusal) when (refusal.MayHeal && triesLeft > 0) { Console.Error.WriteLine(refusal.Message + " : nouvelle demande"); }
            Thread.Sleep(WaitMs);
        }
    }

    static string Open(Sceau sceau, Dictionary<string, object> login)
    {
        return Member(Again(() => sceau.WhenFree("OpenSession", login)), "session");
    }

    static JsonElement Issue(Sceau sceau, string session, Dictionary<string, object> asked)
    {
        return Again(() =>
        {
            // Un identifiant tiré au hasard, 32 caractères parmi 0-9 a-f. Un nonce neuf pour chaque demande, aussi après une réponse
            // perdue : la première assertion, s'il y en a eu une, compte comme émise et inutilisée. Un nonce n'est pas un secret.
            var parameters = new Dictionary<string, object>(asked);
            parameters["session"] = session;
            parameters["nonce"] = Guid.NewGuid().ToString("N");
            return sceau.WhenFree("Issue", parameters);
        });
    }

    /// <summary>Ouvre une session, demande une assertion, ferme la session.</summary>
    static JsonElement Obtain(Sceau sceau, Dictionary<string, object> login, Dictionary<string, object> asked, bool proved)
    {
        var session = Open(sceau, login);
        try
        {
            try { return Issue(sceau, session, asked); }
            catch (Refusal refusal) when (refusal.SessionIsGone && !proved)
            {
                Console.Error.WriteLine(refusal.Message + " : nouvelle session");
                session = Open(sceau, login);
                return Issue(sceau, session, asked);
            }
        }
        finally
        {
            try { sceau.Call("CloseSession", new Dictionary<string, object> { { "session", session } }); }
            catch (Exception failure) when (failure is Refusal || failure is Lost)
            {
                // La session expirera d'elle-même ; l'erreur d'origine, s'il y en a une, compte davantage.
            }
        }
    }

    /// <summary>La ligne de commande, ou null. Ni l'INS ni la preuve n'y figurent : entrée standard et fichier.</summary>
    static Dictionary<string, string> Arguments(string[] words)
    {
        var known = new[] { "--socket", "--practitioner", "--method", "--instant", "--initial-instant", "--proof-file", "--structure", "--service",
            "--channel", "--profile", "--transaction", "--purpose", "--ins", "--oid" };
        var given = new Dictionary<string, string>();
        for (var i = 0; i < words.Length; i += 2)
        {
            if (!known.Contains(words[i]) || i + 1 == words.Length) { return null; }
            given[words[i].Substring(2)] = words[i + 1];
        }
        var whole = given.ContainsKey("practitioner") && given.ContainsKey("transaction")
            && given.ContainsKey("method") == given.ContainsKey("instant") && (!given.ContainsKey("ins") || given["ins"] == "-");
        return whole ? given : null;
    }

    public static int Main(string[] words)
    {
        var given = Arguments(words);
        if (given == null)
        {
            Console.Error.WriteLine("usage : Vihf --practitioner PS --transaction CLÉ [--purpose normal|bris_de_glace|centre_15] [--ins - [--oid OID]]\n"
                + "  [--method MÉTHODE --instant INSTANT [--initial-instant INSTANT] [--proof-file FICHIER]]\n"
                + "  [--structure STRUCTURE] [--service SERVICE] [--channel LPS|WEB_PS] [--profile PROFIL] [--socket CHEMIN]");
            return 2;
        }
        Func<string, string> value = name => given.ContainsKey(name) ? given[name] : null;
        var login = new[] { "practitioner", "structure", "service", "channel", "profile" }.ToDictionary(name => name, name => (object)value(name));
        if (value("method") != null)
        {
            var authentication = new Dictionary<string, object> { { "method", value("method") }, { "instant", value("instant") } };
            if (value("initial-instant") != null) { authentication["initial_instant"] = value("initial-instant"); }
            if (value("proof-file") != null) { authentication["proof"] = File.ReadAllText(value("proof-file")).Trim(); }
            login["authentication"] = authentication;
        }
        var asked = new Dictionary<string, object> { { "transaction", value("transaction") }, { "purpose", value("purpose") ?? "normal" } };
        if (value("ins") != null)
        {
            var patient = new Dictionary<string, object> { { "ins", (Console.In.ReadLine() ?? "").Trim() } };
            if (value("oid") != null) { patient["oid"] = value("oid"); }
            asked["patient"] = patient;
        }
        var path = value("socket") ?? "/run/sceau/token.sock";
        try
        {
            using (var sceau = new Sceau(path))
            {
                var answer = Obtain(sceau, login, asked, value("proof-file") != null);
                Console.Error.WriteLine(Member(answer, "id") + " valable jusqu'à " + Member(answer, "expires_at"));
                var assertion = new UTF8Encoding(false).GetBytes(Member(answer, "assertion"));
                using (var output = Console.OpenStandardOutput()) { output.Write(assertion, 0, assertion.Length); }
            }
            return 0;
        }
        catch (Refusal refusal)
        {
            Console.Error.WriteLine(refusal.Message);
            return refusal.ExitStatus;
        }
        catch (Lost lost)
        {
            Console.Error.WriteLine("Sceau est injoignable par " + path + " : " + lost.Message);
            return 3;
        }
    }
}
