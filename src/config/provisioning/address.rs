//! Addresses and the name of an interface, in forms that hold nothing else.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr as _;

/// Longest name of an interface (IFNAMSIZ without its end, netdevice(7)).
const INTERFACE_LEN_MAX: usize = 15;

/// An address with the length of its network: `192.0.2.10/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// The address.
    pub address: IpAddr,
    /// Bits of the network.
    pub prefix: u8,
}

impl Subnet {
    /// Reads `ADDRESS/LENGTH`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        let address = IpAddr::from_str(address).ok()?;
        let max = if address.is_ipv4() { 32 } else { 128 };
        let is_plain = prefix.bytes().all(|b| b.is_ascii_digit()) && !prefix.is_empty();
        let prefix = prefix.parse().ok().filter(|prefix| is_plain && (1..=max).contains(prefix))?;
        Some(Self { address, prefix })
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// Name of a network interface, or the beginning of one and `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface(String);

impl Interface {
    /// Reads a name: `enp1s0`, `en*`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let stem = name.strip_suffix('*').unwrap_or(name);
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        let ok = (1..=INTERFACE_LEN_MAX).contains(&name.len()) && stem.bytes().all(is_plain) && !stem.is_empty();
        // A dot at the front names a folder, a dash an option.
        (ok && !stem.starts_with(['.', '-']) && stem != "lo").then(|| Self(name.to_owned()))
    }

    /// The name as systemd.network(5) matches it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
