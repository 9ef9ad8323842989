//! `[network]`: one interface, its address, and whom the relay may call.

use std::net::IpAddr;

use serde::Deserialize;

use super::address::{Interface, Subnet};
use crate::policy::breach::Breach;

/// Most name servers that resolvers ask (resolv.conf(5), MAXNS).
const NAME_SERVERS_MAX: usize = 3;
/// Most networks of the relay: the DMP's servers, lists and name servers are a dozen.
const RELAY_MAX: usize = 32;

/// How the interface has its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Addressing {
    /// From the network (RFC 2131).
    Dhcp,
    /// Given here.
    Static {
        /// Address and network.
        address: Subnet,
        /// Way to other networks; none: there are none.
        gateway: Option<IpAddr>,
    },
}

/// The network of the appliance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Which interface.
    pub interface: Interface,
    /// Its address.
    pub addressing: Addressing,
    /// Resolvers; with DHCP beside those of the network.
    pub name_servers: Vec<IpAddr>,
    /// Networks that the relay may call; nobody else has any.
    pub relay: Vec<Subnet>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NetworkTable {
    interface: String,
    #[serde(default)]
    dhcp: bool,
    address: Option<String>,
    gateway: Option<String>,
    #[serde(default)]
    name_servers: Vec<String>,
    #[serde(default)]
    relay: Vec<String>,
}

impl NetworkTable {
    /// The network, or what is wrong with it.
    pub(super) fn check(self, breaches: &mut Vec<Breach>) -> Option<Network> {
        let before = breaches.len();
        let mut refuse = |rule, field, cause: &str| {
            breaches.push(Breach::of(rule, "network", field, format!("[network] {cause}")))
        };
        let interface = Interface::parse(&self.interface);
        if interface.is_none() {
            refuse(
                "bad-value",
                "interface",
                "interface n'est pas un nom d'interface ; donnez par exemple enp1s0, ou en*",
            );
        }
        let address = self.address.as_deref().map(Subnet::parse);
        if address == Some(None) {
            refuse(
                "bad-value",
                "address",
                "address n'est pas une adresse avec son réseau ; donnez par exemple 192.0.2.10/24",
            );
        }
        let gateway = self.gateway.as_deref().map(|text| text.parse::<IpAddr>().ok());
        if gateway == Some(None) {
            refuse("bad-value", "gateway", "gateway n'est pas une adresse ; donnez par exemple 192.0.2.1");
        }
        match (self.dhcp, &self.address) {
            (true, Some(_)) => {
                refuse(
                    "contradiction",
                    "address",
                    "dhcp = true et address sont donnés tous les deux ; retirez l'un des deux",
                );
            }
            (false, None) => {
                refuse("missing-key", "address", "l'adresse manque ; donnez address, ou dhcp = true");
            }
            (true, None) if self.gateway.is_some() => {
                refuse("contradiction", "gateway", "dhcp = true donne aussi la passerelle ; retirez gateway");
            }
            _ => {}
        }
        let name_servers: Vec<_> = self.name_servers.iter().map(|text| text.parse::<IpAddr>().ok()).collect();
        if name_servers.contains(&None) || name_servers.len() > NAME_SERVERS_MAX {
            refuse(
                "bad-value",
                "name_servers",
                "name_servers : donnez trois adresses au plus, par exemple 192.0.2.53",
            );
        }
        let relay: Vec<_> = self.relay.iter().map(|text| Subnet::parse(text)).collect();
        if relay.contains(&None) || relay.len() > RELAY_MAX {
            refuse(
                "bad-value",
                "relay",
                "relay : donnez des adresses avec leur réseau, par exemple 192.0.2.10/32",
            );
        }
        if breaches.len() > before {
            return None;
        }
        let addressing = match address.flatten() {
            Some(address) => Addressing::Static { address, gateway: gateway.flatten() },
            None => Addressing::Dhcp,
        };
        let (name_servers, relay) = (name_servers.into_iter().flatten(), relay.into_iter().flatten());
        Some(Network {
            interface: interface?,
            addressing,
            name_servers: name_servers.collect(),
            relay: relay.collect(),
        })
    }
}
