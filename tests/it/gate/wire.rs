//! The client's side of TLS: certificates of every kind, and a stream that sends any bytes.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrStorage, bind, connect, socket};
use rcgen::{CertificateParams, Issuer, KeyPair};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned};
use sceau::policy::fingerprint::Fingerprint;
use time::OffsetDateTime;

/// An answer must come by then.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// A key with its certificate, as an application server has them.
pub(crate) struct Identity {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) fingerprint: Fingerprint,
}

impl Identity {
    /// Self-signed, valid for a day.
    pub(crate) fn make(folder: &Path, name: &str) -> Identity {
        Identity::of(folder, name, (-1, 1), None)
    }

    /// Valid between these days from now; signed by itself, or by an issuer.
    pub(crate) fn of(
        folder: &Path,
        name: &str,
        (from, until): (i64, i64),
        issuer: Option<&Issuer<'_, KeyPair>>,
    ) -> Identity {
        let pair = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let now = OffsetDateTime::now_utc();
        params.not_before = now + time::Duration::days(from);
        params.not_after = now + time::Duration::days(until);
        params.serial_number = Some(7.into());
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = match issuer {
            Some(issuer) => params.signed_by(&pair, issuer).unwrap(),
            None => params.self_signed(&pair).unwrap(),
        };
        let (pem, key) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
        std::fs::write(&pem, certificate.pem()).unwrap();
        std::fs::write(&key, pair.serialize_pem()).unwrap();
        let fingerprint = Fingerprint::of(&spki(&pem));
        Identity { certificate: pem, key, fingerprint }
    }

    /// The same with its files in another folder.
    pub(crate) fn moved(self, folder: &Path) -> Identity {
        let moved = |path: &Path| {
            let to = folder.join(path.file_name().unwrap());
            std::fs::copy(path, &to).unwrap();
            to
        };
        Identity { certificate: moved(&self.certificate), key: moved(&self.key), ..self }
    }

    /// The public key as its certificate has it.
    pub(crate) fn public_key(&self) -> Vec<u8> {
        spki(&self.certificate)
    }
}

fn spki(pem: &Path) -> Vec<u8> {
    sceau::certificate::public_keys(&std::fs::read(pem).unwrap()).remove(0)
}

/// Believes any server: which one it is, is not what these tests are about.
#[derive(Debug)]
struct Believer;

impl ServerCertVerifier for Believer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// One connection.
pub(crate) struct Wire {
    stream: StreamOwned<ClientConnection, TcpStream>,
    pending: Vec<u8>,
}

/// Connects by TCP from that address of this machine.
pub(crate) fn tcp(from: &str, port: u16) -> std::io::Result<TcpStream> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let ours = socket(AddressFamily::Inet, SockType::Stream, flags, None)?;
    let address = |ip: &str, port| SockaddrStorage::from(SocketAddr::new(ip.parse::<IpAddr>().unwrap(), port));
    bind(std::os::fd::AsRawFd::as_raw_fd(&ours), &address(from, 0))?;
    connect(std::os::fd::AsRawFd::as_raw_fd(&ours), &address("127.0.0.1", port))?;
    let stream = TcpStream::from(ours);
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    stream.set_write_timeout(Some(ANSWER_WITHIN))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The first words of TLS, which cost the gate its arithmetic.
pub(crate) fn client_hello() -> Vec<u8> {
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let name = ServerName::try_from("sceau-gate").unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut hello = Vec::new();
    client.write_tls(&mut hello).unwrap();
    hello
}

impl Wire {
    /// Connects from 127.0.0.1, with that certificate or without, for that protocol; shakes hands.
    pub(crate) fn open(port: u16, identity: Option<&Identity>, protocol: &str) -> std::io::Result<Wire> {
        Wire::over(tcp("127.0.0.1", port)?, identity, protocol)
    }

    /// The same over a connection that is there.
    pub(crate) fn over(tcp: TcpStream, identity: Option<&Identity>, protocol: &str) -> std::io::Result<Wire> {
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Believer));
        let mut config = match identity {
            Some(identity) => {
                let chain = vec![CertificateDer::from_pem_file(&identity.certificate).unwrap()];
                let key = PrivateKeyDer::from_pem_file(&identity.key).unwrap();
                let key = any_supported_type(&key).unwrap();
                // Whether the key is the certificate's is for the server to find out.
                let own = SingleCertAndKey::from(CertifiedKey::new(chain, key));
                builder.with_client_cert_resolver(Arc::new(own))
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let name = ServerName::try_from("sceau-gate").unwrap();
        let client = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream = StreamOwned::new(client, tcp);
        stream.conn.complete_io(&mut stream.sock)?;
        Ok(Wire { stream, pending: Vec::new() })
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// Everything up to and without that end; None: the peer has closed, or refused the certificate.
    pub(crate) fn until(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = memchr::memmem::find(&self.pending, end) {
                let rest = self.pending.split_off(at + end.len());
                let mut found = std::mem::replace(&mut self.pending, rest);
                found.truncate(at);
                return Some(found);
            }
            let mut bytes = [0; 16 * 1024];
            match self.stream.read(&mut bytes) {
                Ok(len @ 1..) => self.pending.extend_from_slice(&bytes[..len]),
                _ => return None,
            }
        }
    }

    /// What is left until the peer closes.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = std::mem::take(&mut self.pending);
        let _ = self.stream.read_to_end(&mut rest);
        rest
    }

    /// One varlink call; None: the peer has closed.
    pub(crate) fn call(&mut self, method: &str, parameters: &serde_json::Value) -> Option<serde_json::Value> {
        let call = serde_json::json!({ "method": method, "parameters": parameters });
        self.send(format!("{call}\0").as_bytes()).ok()?;
        serde_json::from_slice(&self.until(b"\0")?).ok()
    }

    /// One HTTP request with a body of known length; status and body.
    pub(crate) fn http(&mut self, head: &str, body: &[u8]) -> Option<(u16, String)> {
        let head = format!("{head}\r\nHost: gate\r\nContent-Length: {}\r\n\r\n", body.len());
        self.send(&[head.as_bytes(), body].concat()).ok()?;
        self.answer()
    }

    /// The next HTTP answer; status and body.
    pub(crate) fn answer(&mut self) -> Option<(u16, String)> {
        let head = String::from_utf8(self.until(b"\r\n\r\n")?).unwrap().to_lowercase();
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let len = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let len: usize = len.map_or(0, |len| len.trim().parse().unwrap());
        while self.pending.len() < len {
            let mut bytes = [0; 16 * 1024];
            match self.stream.read(&mut bytes) {
                Ok(read @ 1..) => self.pending.extend_from_slice(&bytes[..read]),
                _ => return None,
            }
        }
        let rest = self.pending.split_off(len);
        let body = std::mem::replace(&mut self.pending, rest);
        Some((status, String::from_utf8(body).unwrap()))
    }
}
