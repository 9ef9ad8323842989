//! The relay beside nginx: both call one upstream over mutual TLS, in one run, on one machine.
//!
//! nginx has its key in a file and passes what comes. The relay has its key in a token, and for each call has an assertion
//! made, sealed, recorded, spent durably, and placed: what that costs is the difference.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::unistd::Pid;
use rcgen::PublicKeyData as _;
use serde_json::{Value, json};

use super::{cpu, raw};
use crate::Failure;
use crate::dmp::{Killed, mortal};
use crate::rig::{QUERY, Rig, RigPlan};
use crate::stage::FOLDER;
use crate::support::certificate::SealCertificate;
use crate::support::configuration::table;
use crate::support::establishment::write;
use crate::support::key_kind::KeyType;
use crate::support::practitioners::PATIENTS;
use crate::support::wait::until;

/// How long each figure is measured.
const MEASURED: Duration = Duration::from_secs(5);
/// Callers in the closed loop.
const CALLERS: [usize; 3] = [1, 8, 64];
/// The upstream's answer, the same for both.
const UPSTREAM: &str = "location = /bench { default_type application/soap+xml; return 200 '<Envelope/>'; }";
/// Each call a whole handshake: nothing is kept, nothing resumed.
const NOTHING_KEPT: &str = "ssl_session_cache off; ssl_session_tickets off; keepalive_timeout 0;";

/// Measures, prints the tables, and leaves them as JSON in `target/bench-relay.json`.
pub(crate) fn bench() -> Result<(), Failure> {
    println!(
        "TLS 1.3 mutuel, clé RSA 2048 (SoftHSM pour le relais, fichier pour nginx) ; {} s par mesure",
        MEASURED.as_secs()
    );
    let kept = compare("connexions gardées", UPSTREAM.to_owned(), true);
    let full = compare("une ouverture TLS entière par appel", format!("{NOTHING_KEPT} {UPSTREAM}"), false);
    let report = json!({ "kept": kept, "full_handshakes": full });
    let file = Path::new(FOLDER).with_file_name("bench-relay.json");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, format!("{report:#}\n"))
        .map_err(|e| Failure::negative(format!("{} : {e}", file.display())))?;
    println!(
        "\n« µs » : CPU par appel, client à part. Relais : sceau-relayd, puis tous nos programmes (sceaud, signataires) avec lui."
    );
    println!(
        "Le relais fait en plus, à chaque appel : assertion scellée, deux écritures durables au journal, contrôle de l'enveloppe."
    );
    println!("Rapport : {}", file.display());
    Ok(())
}

fn compare(title: &str, upstream: String, kept: bool) -> Value {
    println!(
        "\n{title}\n{:<12} {:>8} {:>10} {:>9} {:>9} {:>12} {:>10}",
        "", "appelants", "appels/s", "p50 ms", "p99 ms", "µs", "µs tous"
    );
    let rig = RigPlan {
        key: KeyType::Rsa2048,
        nginx: upstream.leak(),
        edit: Box::new(|config| {
            let port = config["dmp"][0]["port"].clone();
            let call = table([
                ("host", "localhost".into()),
                ("port", port),
                ("path", "/bench".into()),
                ("action", QUERY.into()),
                ("transactions", vec!["3.1"].into()),
                ("patient", "body".into()),
            ]);
            config["dmp"].as_array_mut().unwrap().push(call.into());
        }),
        ..RigPlan::default()
    }
    .start();
    let raw_before = raw::measure(&rig.establishment, raw::Key::Authentication, 1, MEASURED / 2).per_second;
    let proxy = Proxy::start(&rig, kept);
    let session = rig.session();
    let relay_pid = rig.relay.pid();
    let signers =
        [&rig.signer, &rig.daemons.sceaud].into_iter().chain(&rig.daemons.signers).chain(&rig.daemons.audit);
    let all: Vec<Pid> = [relay_pid].into_iter().chain(signers.map(|daemon| daemon.pid())).collect();
    let mut rows = Vec::new();
    let mut most: f64 = 0.0;
    for callers in CALLERS {
        for (name, socket, own, all) in [
            ("nginx", proxy.socket.clone(), vec![proxy.pid], vec![proxy.pid]),
            ("relais", rig.establishment.folder.join("run/relay.sock"), vec![relay_pid], all.clone()),
        ] {
            load(&rig, &session, &socket, callers, MEASURED / 5);
            let before = (cpu::microseconds(&own), cpu::microseconds(&all));
            let (latencies, seconds) = load(&rig, &session, &socket, callers, MEASURED);
            let calls = latencies.len() as f64;
            let (own_us, all_us) =
                ((cpu::microseconds(&own) - before.0) / calls, (cpu::microseconds(&all) - before.1) / calls);
            let at = |share: f64| latencies[((share * calls) as usize).min(latencies.len() - 1)];
            let (per_second, p50, p99) = (calls / seconds, at(0.5), at(0.99));
            println!(
                "{name:<12} {callers:>8} {per_second:>10.0} {p50:>9.2} {p99:>9.2} {own_us:>12.0} {all_us:>10.0}"
            );
            rows.push(json!({
                "who": name, "callers": callers, "per_second": per_second, "p50_ms": p50, "p99_ms": p99,
                "own_cpu_us": own_us, "all_cpu_us": all_us,
            }));
            if name == "relais" {
                most = most.max(per_second);
            }
        }
    }
    let raw_after = raw::measure(&rig.establishment, raw::Key::Authentication, 1, MEASURED / 2).per_second;
    let raw_rate = raw_before.max(raw_after);
    if !kept {
        println!(
            "ouvertures TLS : {most:.0}/s ; la même clé dans SoftHSM, seule sur la machine : {raw_rate:.0} signatures/s ; rapport {:.2}",
            most / raw_rate
        );
    }
    json!({ "rows": rows, "token_raw_per_second": raw_rate })
}

/// nginx with the key in a file, on a Unix socket as the relay is.
struct Proxy {
    pid: Pid,
    socket: PathBuf,
    _nginx: Killed,
}

impl Proxy {
    fn start(rig: &Rig, kept: bool) -> Proxy {
        let folder = rig.establishment.folder.join("proxy");
        std::fs::create_dir(&folder).unwrap();
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
        let wanted = SealCertificate::of(&rig.establishment.structures[0]).authentication();
        let certificate = rig.establishment.pki.issue(&wanted, &key.subject_public_key_info());
        write(&folder.join("client.pem"), &certificate, 0o644);
        write(&folder.join("client.key"), &key.serialize_pem(), 0o600);
        let (at, port) = (folder.display(), rig.port);
        let dmp = rig.establishment.folder.join("dmp");
        let dmp = dmp.display();
        let (upstream, reuse) = if kept { ("keepalive 64;", "on") } else { ("", "off") };
        write(
            &folder.join("nginx.conf"),
            &format!(
                "daemon off; master_process off; pid {at}/nginx.pid; error_log {at}/nginx.log;\n\
                 events {{ worker_connections 512; }}\n\
                 http {{ access_log off; client_body_temp_path {at}/t1; proxy_temp_path {at}/t2; fastcgi_temp_path {at}/t3;\n\
                 uwsgi_temp_path {at}/t4; scgi_temp_path {at}/t5; keepalive_requests 1000000;\n\
                 upstream dmp {{ server 127.0.0.1:{port}; {upstream} }}\n\
                 server {{ listen unix:{at}/proxy.sock; location / {{ proxy_pass https://dmp; proxy_http_version 1.1;\n\
                 proxy_set_header Connection \"\"; proxy_set_header Host localhost:{port}; proxy_ssl_protocols TLSv1.3;\n\
                 proxy_ssl_certificate {at}/client.pem; proxy_ssl_certificate_key {at}/client.key;\n\
                 proxy_ssl_trusted_certificate {dmp}/root.pem; proxy_ssl_crl {dmp}/list.pem; proxy_ssl_verify on;\n\
                 proxy_ssl_name localhost; proxy_ssl_server_name on; proxy_ssl_session_reuse {reuse}; }} }} }}\n"
            ),
            0o644,
        );
        let nginx = mortal("nginx")
            .args(["-p", &at.to_string(), "-e", &format!("{at}/nginx.log"), "-c", &format!("{at}/nginx.conf")])
            .spawn()
            .unwrap_or_else(|e| panic!("nginx: {e}; run `make setup`"));
        let pid = Pid::from_raw(i32::try_from(nginx.id()).unwrap());
        let socket = folder.join("proxy.sock");
        until("the proxy listens", || UnixStream::connect(&socket).is_ok());
        Proxy { pid, socket, _nginx: Killed(nginx) }
    }
}

/// Calls in a closed loop for `time`; latencies in milliseconds, sorted, and the seconds that it took.
fn load(rig: &Rig, session: &str, socket: &Path, callers: usize, time: Duration) -> (Vec<f64>, f64) {
    let began = Instant::now();
    let caller = || {
        let mut stream = UnixStream::connect(socket).unwrap();
        let mut latencies = Vec::new();
        while began.elapsed() < time {
            let envelope = rig.query(PATIENTS[0], "").replace("/registry</a:To>", "/bench</a:To>");
            let headers = rig.sealed(session, PATIENTS[0]);
            let request =
                format!("POST /bench HTTP/1.1\r\n{headers}Content-Length: {}\r\n\r\n{envelope}", envelope.len());
            let asked = Instant::now();
            stream.write_all(request.as_bytes()).unwrap();
            answer(&mut stream);
            latencies.push(asked.elapsed().as_secs_f64() * 1000.0);
        }
        latencies
    };
    let mut latencies: Vec<f64> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..callers).map(|_| scope.spawn(caller)).collect();
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
    });
    latencies.sort_by(f64::total_cmp);
    (latencies, began.elapsed().as_secs_f64())
}

/// Reads one answer of 200 to its end, in either framing.
fn answer(stream: &mut UnixStream) {
    let (mut read, mut piece) = (Vec::new(), [0; 8192]);
    loop {
        let len = stream.read(&mut piece).unwrap();
        read.extend_from_slice(&piece[..len]);
        let text = String::from_utf8_lossy(&read);
        assert!(len > 0, "cut: {text}");
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            assert!(head.starts_with("HTTP/1.1 200"), "{text}");
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if length.map_or_else(|| body.ends_with("0\r\n\r\n"), |length: usize| body.len() >= length) {
                return;
            }
        }
    }
}
