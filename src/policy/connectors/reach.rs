//! How far a connector reaches beyond the machine: nowhere, one network interface and its peers, or one device.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Longest name of a network interface (IFNAMSIZ without its NUL).
const INTERFACE_LEN_MAX: usize = 15;
/// Peers of one connector: some application servers, or one collector and its spare.
const PEERS_MAX: usize = 64;
/// Shortest prefixes in bits: the largest private network is a /8; two halves of the Internet are not a list of peers.
const PREFIX_V4_MIN: u8 = 8;
/// The same of IPv6.
const PREFIX_V6_MIN: u8 = 16;
/// Ports that a program without privileges may listen at.
const PORT_MIN: u16 = 1024;
/// Folder of the channels between a virtual machine and its host, the one kind of device that may be lent.
const CHANNELS: &str = "/dev/virtio-ports/";
/// Longest name of such a channel.
const CHANNEL_LEN_MAX: usize = 64;

/// How far a connector reaches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Reach {
    /// One network interface.
    Network {
        /// Its name.
        interface: String,
        /// Addresses and prefixes that it may speak with, each in its canonical spelling; never empty.
        peers: Vec<String>,
        /// TCP port that it may listen at; none: it calls out alone.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        listen: Option<u16>,
    },
    /// One device, which becomes its standard input and output.
    Device {
        /// Its path.
        path: String,
    },
}

/// How far an order wants it to reach, as it is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'w> {
    /// Network interface.
    pub interface: Option<&'w str>,
    /// Addresses or prefixes.
    pub peers: &'w [String],
    /// TCP port.
    pub listen: Option<&'w str>,
    /// Device.
    pub device: Option<&'w str>,
}

/// What the configuration lets connectors reach; nothing by default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Allowed<'a> {
    /// Network interfaces.
    pub interfaces: &'a [String],
    /// Devices.
    pub devices: &'a [String],
}

/// The configuration does not let a connector reach that far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAllowed;

impl Reach {
    /// Reads how far an order wants a connector to reach; `Ok(None)`: nowhere.
    ///
    /// # Errors
    /// The member at fault, with cause and remedy.
    pub fn read(wanted: Wanted<'_>) -> Result<Option<Self>, (&'static str, &'static str)> {
        let Wanted { interface, peers, listen, device } = wanted;
        match (interface, device) {
            (Some(_), Some(_)) => {
                Err(("device", "un connecteur a une interface réseau ou un périphérique ; retirez l'un des deux"))
            }
            (None, _) if !peers.is_empty() => {
                Err(("peers", "des correspondants sans interface réseau ; donnez aussi interface, ou retirez-les"))
            }
            (None, _) if listen.is_some() => {
                Err(("listen", "un port d'écoute sans interface réseau ; donnez aussi interface, ou retirez-le"))
            }
            (None, None) => Ok(None),
            (None, Some(path)) if is_channel(path) => Ok(Some(Self::Device { path: path.to_owned() })),
            (None, Some(_)) => Err((
                "device",
                "un périphérique est un canal de machine virtuelle, /dev/virtio-ports/NOM (lettres, chiffres, . _ -)",
            )),
            (Some(interface), None) => Self::network(interface, peers, listen).map(Some),
        }
    }

    fn network(
        interface: &str,
        peers: &[String],
        listen: Option<&str>,
    ) -> Result<Self, (&'static str, &'static str)> {
        if !is_interface(interface) {
            return Err((
                "interface",
                "ce n'est pas un nom d'interface réseau (1 à 15 caractères) ; voyez ip link",
            ));
        }
        if peers.is_empty() || peers.len() > PEERS_MAX {
            return Err(("peers", "donnez 1 à 64 adresses ou préfixes avec qui le connecteur peut parler"));
        }
        let form = "une adresse IP, ou un préfixe réseau sans bit d'hôte, par exemple 192.0.2.0/24 ; jamais tout le monde";
        let peers = peers.iter().map(|peer| canonical(peer)).collect::<Option<Vec<_>>>().ok_or(("peers", form))?;
        let listen = match listen.map(str::parse::<u16>) {
            None => None,
            // One spelling: what is signed is what is shown.
            Some(Ok(port)) if port >= PORT_MIN && listen == Some(port.to_string().as_str()) => Some(port),
            Some(_) => return Err(("listen", "un port d'écoute TCP est un nombre de 1024 à 65535")),
        };
        Ok(Self::Network { interface: interface.to_owned(), peers, listen })
    }

    /// Whether this is what [`Reach::read`] gives.
    #[must_use]
    pub fn is_formed(&self) -> bool {
        let read = match self {
            Self::Network { interface, peers, listen } => {
                let listen = listen.map(|port| port.to_string());
                let listen = listen.as_deref();
                Self::read(Wanted { interface: Some(interface), peers, listen, device: None })
            }
            Self::Device { path } => Self::read(Wanted { device: Some(path), ..Wanted::default() }),
        };
        read == Ok(Some(self.clone()))
    }

    /// Whether the configuration lets a connector reach that far.
    ///
    /// # Errors
    /// It does not.
    pub fn within(&self, allowed: Allowed<'_>) -> Result<(), NotAllowed> {
        let is_allowed = match self {
            Self::Network { interface, .. } => allowed.interfaces.contains(interface),
            Self::Device { path } => allowed.devices.contains(path),
        };
        if is_allowed { Ok(()) } else { Err(NotAllowed) }
    }
}

/// Whether the kernel and systemd take this as the name of an interface; the loopback is no way out.
fn is_interface(text: &str) -> bool {
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '.';
    (1..=INTERFACE_LEN_MAX).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(letters)
        && text != "lo"
}

fn is_channel(path: &str) -> bool {
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '.';
    path.strip_prefix(CHANNELS).is_some_and(|name| {
        (1..=CHANNEL_LEN_MAX).contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.chars().all(letters)
    })
}

/// An address, or a prefix without bits of a host, in its one spelling; none for everybody, this machine, or anything else.
fn canonical(text: &str) -> Option<String> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    if address.is_loopback() || address.is_unspecified() || address.is_multicast() {
        return None;
    }
    let Some(length) = length else { return Some(address.to_string()) };
    let bits: u8 = length.parse().ok().filter(|bits: &u8| bits.to_string() == length)?;
    let shortest = if address.is_ipv4() { PREFIX_V4_MIN } else { PREFIX_V6_MIN };
    if bits < shortest {
        return None;
    }
    let has_no_host = match address {
        IpAddr::V4(address) => bits <= 32 && u32::from(address).checked_shl(u32::from(bits)).unwrap_or(0) == 0,
        IpAddr::V6(address) => bits <= 128 && u128::from(address).checked_shl(u32::from(bits)).unwrap_or(0) == 0,
    };
    has_no_host.then(|| format!("{address}/{bits}"))
}
