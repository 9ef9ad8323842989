//! A DMP: authorities and certificates of its own, a real nginx that demands ours, and a SOAP peer behind it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason, RevokedCertParams,
    SerialNumber,
};
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use crate::support::establishment::{Establishment, write};
use crate::support::softhsm::run;
use crate::support::wait::until;

/// The authority of the servers.
pub(super) struct ServerPki {
    root: CertifiedIssuer<'static, KeyPair>,
}

/// What a server certificate shall be.
pub(super) struct Wanted {
    pub(super) name: &'static str,
    pub(super) serial: u64,
    pub(super) ended: bool,
}

impl Wanted {
    pub(super) fn good() -> Self {
        Self { name: "localhost", serial: 1000, ended: false }
    }
}

impl ServerPki {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "AC DES SERVEURS DU DMP");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages =
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        Self { root: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    /// Writes `NAME.pem` and `NAME.key`.
    pub(super) fn issue(&self, folder: &Path, file: &str, wanted: &Wanted) {
        let now = OffsetDateTime::now_utc();
        let mut params = CertificateParams::new(vec![wanted.name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, wanted.name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        params.serial_number = Some(SerialNumber::from(wanted.serial));
        params.not_before = now - Duration::days(3);
        params.not_after = now + if wanted.ended { -Duration::days(1) } else { Duration::days(90) };
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.root).unwrap();
        write(&folder.join(format!("{file}.pem")), &certificate.pem(), 0o644);
        write(&folder.join(format!("{file}.key")), &key.serialize_pem(), 0o600);
    }

    pub(super) fn root_pem(&self) -> String {
        self.root.pem()
    }

    pub(super) fn root_key_pem(&self) -> String {
        self.root.key().serialize_pem()
    }

    /// A revocation list of that age, with these serial numbers on it.
    pub(super) fn list(&self, revoked: &[u64], age: Duration) -> String {
        self.list_until(revoked, age, Duration::days(7))
    }

    /// The same, with that much left to its `nextUpdate`.
    pub(super) fn list_until(&self, revoked: &[u64], age: Duration, left: Duration) -> String {
        let now = OffsetDateTime::now_utc();
        let revoked = revoked.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: now - Duration::days(1),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: now - age,
            next_update: now + left,
            crl_number: SerialNumber::from(1u64),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.root).unwrap().pem().unwrap()
    }
}

/// Kills its process when dropped.
pub(super) struct Killed(pub(super) Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running DMP.
pub(super) struct Dmp {
    _nginx: Killed,
    _peer: Killed,
    folder: PathBuf,
}

/// A command whose process dies with the test program.
pub(super) fn mortal(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", program]).stdin(Stdio::null());
    command
}

/// A port that was free a moment ago.
pub(super) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Dmp {
    /// Starts nginx and the peer in `dmp/` of the establishment's folder, where `server.pem` and its key are.
    pub(super) fn start(establishment: &Establishment, port: u16, protocol: &str, more: &str) -> Dmp {
        let folder = establishment.folder.join("dmp");
        let at = folder.display();
        let [root, intermediate] = establishment.trust_files().map(|file| std::fs::read_to_string(file).unwrap());
        write(&folder.join("clients.pem"), &(root + &intermediate), 0o644);
        write(&folder.join("behaviour.json"), "{}", 0o644);
        write(
            &folder.join("nginx.conf"),
            &format!(
                "daemon off; master_process off; pid {at}/nginx.pid; error_log {at}/nginx.log;\n\
                 events {{ worker_connections 512; }}\n\
                 http {{ access_log off; client_max_body_size 0; client_body_temp_path {at}/t1; proxy_temp_path {at}/t2;\n\
                 fastcgi_temp_path {at}/t3; uwsgi_temp_path {at}/t4; scgi_temp_path {at}/t5;\n\
                 server {{ listen 127.0.0.1:{port} ssl; listen [::1]:{port} ssl; ssl_protocols {protocol};\n\
                 ssl_certificate {at}/server.pem; ssl_certificate_key {at}/server.key; {more}\n\
                 ssl_verify_client on; ssl_client_certificate {at}/clients.pem; ssl_verify_depth 3;\n\
                 location / {{ proxy_pass http://unix:{at}/peer.sock; proxy_http_version 1.1; proxy_request_buffering off;\n\
                 proxy_buffering off; proxy_set_header X-Tls \"$ssl_protocol $ssl_client_verify\";\n\
                 proxy_set_header X-Reused $ssl_session_reused; proxy_set_header X-Serial $ssl_client_serial; proxy_set_header X-Connection $connection;\n\
                 proxy_set_header Host $host; }} }} }}\n"
            ),
            0o644,
        );
        let peer = source("peer.py");
        let peer = mortal("python3").arg(peer).arg(&establishment.folder).spawn().unwrap();
        let peer = Killed(peer);
        let nginx = mortal("nginx")
            .args(["-p", &at.to_string(), "-e", &format!("{at}/nginx.log"), "-c", &format!("{at}/nginx.conf")])
            .spawn()
            .unwrap_or_else(|e| panic!("nginx: {e}; run `make setup`"));
        let nginx = Killed(nginx);
        until("the DMP listens", || {
            std::os::unix::net::UnixStream::connect(folder.join("peer.sock")).is_ok()
                && std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Dmp { _nginx: nginx, _peer: peer, folder }
    }

    /// Every call that reached the peer.
    pub(super) fn calls(&self) -> Vec<Value> {
        let journal = std::fs::read_to_string(self.folder.join("journal.jsonl")).unwrap_or_default();
        journal.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// How the peer shall answer.
    pub(super) fn behave(&self, behaviour: &Value) {
        write(&self.folder.join("behaviour.new"), &behaviour.to_string(), 0o644);
        std::fs::rename(self.folder.join("behaviour.new"), self.folder.join("behaviour.json")).unwrap();
    }
}

pub(super) fn source(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/relay").join(file)
}

/// An answer on the state of `server.pem`, signed by the authority, as `openssl ocsp` makes it.
pub(super) fn staple(pki: &ServerPki, folder: &Path, serial: u64, revoked: bool) {
    write(&folder.join("ca.pem"), &pki.root_pem(), 0o644);
    write(&folder.join("ca.key"), &pki.root_key_pem(), 0o600);
    let (state, date) = if revoked { ("R", "250101000000Z") } else { ("V", "") };
    let index = format!("{state}\t491231235959Z\t{date}\t{serial:04X}\tunknown\t/CN=localhost\n");
    write(&folder.join("index.txt"), &index, 0o644);
    let openssl =
        |arguments: &[&str]| run(Command::new("openssl").arg("ocsp").args(arguments).current_dir(folder));
    openssl(&["-issuer", "ca.pem", "-cert", "server.pem", "-no_nonce", "-reqout", "ocsp.req"]);
    openssl(&[
        "-index",
        "index.txt",
        "-CA",
        "ca.pem",
        "-rsigner",
        "ca.pem",
        "-rkey",
        "ca.key",
        "-ndays",
        "1",
        "-reqin",
        "ocsp.req",
        "-respout",
        "ocsp.der",
    ]);
}
