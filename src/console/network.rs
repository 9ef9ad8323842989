//! The text of the network's and the time's settings.

use std::fmt::Write as _;

use crate::config::provisioning::{Addressing, Provisioning};

/// systemd.network(5) of one boot.
pub(super) const NETWORK: &str = "/run/systemd/network/10-sceau.network";
/// Sources of chronyd, whose configuration names the folder (`sourcedir /run/sceau-time`, chrony.conf(5)).
pub(super) const SOURCES: &str = "/run/sceau-time/sceau.sources";
/// Resolvers, which `/etc/resolv.conf` of the image leads to.
pub(super) const RESOLVERS: &str = "/run/sceau-network/resolv.conf";

/// The one interface; nothing of it listens, and no name of ours is told on the network but to the DHCP server.
pub(super) fn network(provisioning: &Provisioning) -> String {
    let network = &provisioning.network;
    let mut text = format!("[Match]\nName={}\n\n[Network]\n", network.interface.as_str());
    match &network.addressing {
        Addressing::Dhcp => text.push_str("DHCP=yes\n"),
        Addressing::Static { address, gateway } => {
            let _ = writeln!(text, "DHCP=no\nIPv6AcceptRA=no\nAddress={address}");
            if let Some(gateway) = gateway {
                let _ = writeln!(text, "Gateway={gateway}");
            }
        }
    }
    for server in &network.name_servers {
        let _ = writeln!(text, "DNS={server}");
    }
    text.push_str("LLMNR=no\nMulticastDNS=no\nLLDP=no\nEmitLLDP=no\n");
    text
}

/// NTS alone: a source whose word is not authenticated could set any time.
pub(super) fn sources(provisioning: &Provisioning) -> String {
    provisioning.time_sources.iter().fold(String::new(), |mut text, name| {
        let _ = writeln!(text, "server {name} iburst nts");
        text
    })
}

/// resolv.conf(5); there is no resolver daemon on the appliance.
pub(super) fn resolvers(provisioning: &Provisioning) -> String {
    provisioning.network.name_servers.iter().fold(String::new(), |mut text, server| {
        let _ = writeln!(text, "nameserver {server}");
        text
    })
}
