//! `gate.toml`: the gate's own configuration, read once by `sceau-gate` alone.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::schema::GATE_FILE;
use crate::policy::breach::Breach;
use crate::tables::Document;
use crate::tables::{ConfigError, Fault};

/// Most prefixes of sources.
const SOURCES_MAX: usize = 256;

/// The whole file, checked; every path is absolute.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateFile {
    /// Address and port; ignored when systemd hands the socket over.
    #[serde(default = "listen")]
    pub listen: SocketAddr,
    /// Addresses and prefixes that may connect; all others are hung up on before the handshake.
    pub sources: Vec<Source>,
    /// PEM file of the gate's private key; made, with a certificate, where neither is there.
    #[serde(default = "key")]
    pub key: PathBuf,
    /// PEM file of its certificate, intermediates behind it.
    #[serde(default = "certificate")]
    pub certificate: PathBuf,
    /// Names that a certificate which is made here has.
    #[serde(default = "names")]
    pub names: Vec<String>,
    /// PEM files of authorities that client certificates must chain to, beside being registered.
    #[serde(default)]
    pub client_authorities: Vec<PathBuf>,
    /// PEM or DER files of these authorities' revocation lists.
    #[serde(default)]
    pub client_lists: Vec<PathBuf>,
    /// TLS 1.2 as well, for stacks that know no 1.3.
    #[serde(default)]
    pub tls12: bool,
    /// `token.sock`.
    #[serde(default = "token")]
    pub token: PathBuf,
    /// `relay.sock`; none: no call goes to the relay.
    pub relay: Option<PathBuf>,
    /// Limits with their defaults filled in.
    #[serde(default)]
    pub limits: GateLimits,
}

/// What the gate bears before it sheds load or hangs up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GateLimits {
    /// Connections of clients that have shown a certificate: each costs a task and two descriptors.
    pub connections_max: usize,
    /// Those of one certificate, so that one server cannot take every place.
    pub connections_per_client_max: usize,
    /// Calls of one certificate that are at the relay at once, which has places for some two hundred of the gate's.
    pub calls_per_client_max: usize,
    /// Connections that have shown none yet, and those that propose one: what strangers can hold. Sources that a client came from
    /// have as many for themselves.
    pub pending_max: usize,
    /// Those of one source address (IPv6: of one /64).
    pub pending_per_source_max: usize,
    /// Handshakes of one source (IPv6: of one /64) in a minute that come to nothing: a companion that is not admitted tries some
    /// four times a second. Who fails more often waits his turn.
    pub failures_per_source_per_minute: usize,
    /// Those of all sources that no client came from since the start: each costs a fifth of a millisecond.
    pub strangers_per_minute: usize,
    /// For the whole handshake: a slow one costs a place of `pending_max` for that long.
    pub handshake_ms: u64,
    /// For a request's head, and of silence between two requests.
    pub idle_ms: u64,
    /// Of silence between two frames of a varlink connection; `sceaud` has the same.
    pub varlink_idle_ms: u64,
    /// For a request's body, or a frame from its first byte to its end.
    pub body_ms: u64,
    /// For `sceaud` to answer: more than a place, a signature and a commit may take there.
    pub answer_ms: u64,
    /// For a client to take an answer.
    pub write_ms: u64,
    /// Proposals of certificates in a minute, of everybody: an administrator sets up one server after the other.
    pub enrolments_per_minute: usize,
    /// How long SIGTERM waits for what is under way.
    pub shutdown_ms: u64,
}

impl Default for GateLimits {
    fn default() -> Self {
        Self {
            connections_max: 1024,
            connections_per_client_max: 128,
            calls_per_client_max: 64,
            pending_max: 256,
            pending_per_source_max: 16,
            failures_per_source_per_minute: 600,
            strangers_per_minute: 12_000,
            handshake_ms: 5_000,
            idle_ms: 60_000,
            varlink_idle_ms: 3_600_000,
            body_ms: 10_000,
            answer_ms: 15_000,
            write_ms: 5_000,
            enrolments_per_minute: 30,
            shutdown_ms: 5_000,
        }
    }
}

/// Bits before an IPv4 address in IPv6 clothes (RFC 4291 §2.5.5.2).
const MAPPED_BITS: u32 = 96;

/// An address or a network that may connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Source {
    address: IpAddr,
    bits: u32,
}

impl Source {
    /// Reads `192.0.2.7`, `192.0.2.0/24`, `2001:db8::/32`; bits of a host behind a prefix are refused. An IPv4 address in IPv6
    /// clothes is one of IPv4, as in [`Self::has`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (written, bits) = match text.split_once('/') {
            Some((address, bits)) => (address.parse::<IpAddr>().ok()?, Some(bits.parse::<u32>().ok()?)),
            None => (text.parse::<IpAddr>().ok()?, None),
        };
        let address = written.to_canonical();
        let clothes = if written == address { 0 } else { MAPPED_BITS };
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(longest), |bits| bits.checked_sub(clothes))?;
        let source = Self { address, bits };
        (bits <= longest && source.masked(address) == number(address)).then_some(source)
    }

    /// Whether that address is of it; an IPv4 address in IPv6 clothes (RFC 4291 §2.5.5.2) is one of IPv4.
    #[must_use]
    pub fn has(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && self.masked(address) == number(self.address)
    }

    fn masked(&self, address: IpAddr) -> u128 {
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let host = longest - self.bits.min(longest);
        number(address).checked_shr(host).and_then(|network| network.checked_shl(host)).unwrap_or(0)
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

impl TryFrom<String> for Source {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("no address and no prefix")
    }
}

fn listen() -> SocketAddr {
    SocketAddr::from(([0, 0, 0, 0], 8443))
}

fn key() -> PathBuf {
    state().join("gate.key")
}

fn certificate() -> PathBuf {
    state().join("gate.pem")
}

/// The folder that systemd made for it (systemd.exec(5), `StateDirectory=`): a connector's is called otherwise than the unit's.
fn state() -> PathBuf {
    std::env::var_os("STATE_DIRECTORY").map_or_else(|| "/var/lib/sceau-gate".into(), PathBuf::from)
}

fn names() -> Vec<String> {
    vec!["sceau-gate".to_owned()]
}

fn token() -> PathBuf {
    "/run/sceau/token.sock".into()
}

/// The file with its texts as they stand: those that are no addresses are told by their place.
#[derive(Deserialize)]
struct Addresses {
    listen: Option<String>,
    #[serde(default)]
    sources: Vec<String>,
}

impl GateFile {
    /// Reads and checks the file.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let path =
            std::path::absolute(path).map_err(|cause| ConfigError::from(vec![Fault::unread(path, &cause)]))?;
        let mut texts: Document<Addresses> = Document::read(&path, GATE_FILE);
        let faults = std::mem::take(&mut texts.faults);
        let mut breaches = Vec::new();
        if let Some(addresses) = texts.take().filter(|_| faults.is_empty()) {
            if addresses.listen.is_some_and(|listen| listen.parse::<SocketAddr>().is_err()) {
                let cause =
                    "listen : écrivez une adresse et un port, par exemple \"192.0.2.1:8443\" ou \"[::]:8443\"";
                breaches.push(Breach::of("bad-value", "", "listen", cause));
            }
            if addresses.sources.is_empty() || addresses.sources.len() > SOURCES_MAX {
                let cause = "sources : donnez 1 à 256 adresses ou préfixes des serveurs d'application";
                breaches.push(Breach::of("bad-value", "", "sources", cause));
            }
            for wrong in addresses.sources.iter().filter(|text| Source::parse(text).is_none()) {
                let cause = format!(
                    "sources : {wrong:?} n'est ni une adresse IP, ni un préfixe sans bit d'hôte, par exemple 192.0.2.0/24"
                );
                breaches.push(Breach::of("bad-value", "", "sources", cause));
            }
        }
        let mut all = faults;
        all.extend(texts.locate(breaches));
        if !all.is_empty() {
            return Err(ConfigError::from(all));
        }
        let mut document: Document<Self> = Document::read(&path, GATE_FILE);
        let base = path.parent().unwrap_or(Path::new("/"));
        let Some(file) = document.take() else {
            return Err(ConfigError::from(std::mem::take(&mut document.faults)));
        };
        let mut breaches = file.limits.check();
        if file.names.is_empty() {
            breaches.push(Breach::of("bad-value", "", "names", "names : donnez au moins un nom"));
        }
        if file.client_authorities.is_empty() && !file.client_lists.is_empty() {
            let cause = "client_lists : sans client_authorities, ces listes ne servent à rien ; donnez les deux";
            breaches.push(Breach::of("contradiction", "", "client_lists", cause));
        }
        let mut faults = std::mem::take(&mut document.faults);
        faults.extend(document.locate(breaches));
        if !faults.is_empty() {
            return Err(ConfigError::from(faults));
        }
        let absolute = |paths: Vec<PathBuf>| paths.into_iter().map(|path| base.join(path)).collect();
        Ok(Self {
            key: base.join(file.key),
            certificate: base.join(file.certificate),
            client_authorities: absolute(file.client_authorities),
            client_lists: absolute(file.client_lists),
            token: base.join(file.token),
            relay: file.relay.map(|relay| base.join(relay)),
            ..file
        })
    }
}

impl GateLimits {
    fn check(&self) -> Vec<Breach> {
        let mut breaches = Vec::new();
        let mut refuse = |name, value: u64, max: u64| {
            if !(1..=max).contains(&value) {
                let cause = format!("[limits] {name} = {value} : attendu 1 à {max}");
                breaches.push(Breach::of("bad-value", "limits", name, cause));
            }
        };
        let count = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
        refuse("connections_max", count(self.connections_max), 100_000);
        refuse("connections_per_client_max", count(self.connections_per_client_max), 100_000);
        refuse("calls_per_client_max", count(self.calls_per_client_max), 100_000);
        refuse("pending_max", count(self.pending_max), 100_000);
        refuse("pending_per_source_max", count(self.pending_per_source_max), 100_000);
        refuse("failures_per_source_per_minute", count(self.failures_per_source_per_minute), 1_000_000);
        refuse("strangers_per_minute", count(self.strangers_per_minute), 1_000_000);
        refuse("enrolments_per_minute", count(self.enrolments_per_minute), 1_000);
        refuse("handshake_ms", self.handshake_ms, 60_000);
        refuse("idle_ms", self.idle_ms, 3_600_000);
        refuse("varlink_idle_ms", self.varlink_idle_ms, 24 * 3_600_000);
        refuse("body_ms", self.body_ms, 600_000);
        refuse("answer_ms", self.answer_ms, 600_000);
        refuse("write_ms", self.write_ms, 60_000);
        refuse("shutdown_ms", self.shutdown_ms, 60_000);
        breaches
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_source_is_an_address_or_a_network() {
        let has = |source: &str, address: &str| Source::parse(source).unwrap().has(address.parse().unwrap());
        assert!(has("192.0.2.7", "192.0.2.7") && has("192.0.2.7", "::ffff:192.0.2.7"));
        assert!(has("192.0.2.0/24", "192.0.2.255") && !has("192.0.2.0/24", "192.0.3.0"));
        assert!(has("0.0.0.0/0", "8.8.8.8") && !has("0.0.0.0/0", "2001:db8::1"));
        assert!(has("2001:db8::/32", "2001:db8:ffff::1") && !has("2001:db8::/32", "2001:db9::"));
        assert!(has("::/0", "2001:db8::1") && !has("::/0", "192.0.2.1"));
        assert!(has("::ffff:192.0.2.0/120", "192.0.2.9") && !has("::ffff:192.0.2.0/120", "192.0.3.9"));
        assert!(has("::ffff:192.0.2.7", "192.0.2.7") && has("::ffff:0:0/96", "192.0.2.7"));
        for wrong in [
            "::ffff:192.0.2.0/24",
            "::ffff:192.0.2.0/129",
            "",
            "192.0.2.1/24",
            "192.0.2.0/33",
            "hôte",
            "192.0.2",
            "2001:db8::1/64",
            "1.2.3.4/-1",
        ] {
            assert!(Source::parse(wrong).is_none(), "{wrong}");
        }
    }
}
