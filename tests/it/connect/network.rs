//! Hosts that are network namespaces, each with a cable to one switch.

use std::process::Command;

use nix::unistd::{Pid, geteuid};

/// What the names of ours begin with; the number of the test program follows.
const PREFIX: &str = "sceau-h";

/// A switch and the hosts at it. Dropping it takes them away.
pub(super) struct Network {
    switch: String,
    hosts: Vec<String>,
}

fn ip(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("ip").args(arguments).output().map_err(|cause| format!("ip (iproute2): {cause}"))?;
    let said = String::from_utf8_lossy(if output.status.success() { &output.stdout } else { &output.stderr });
    let said = said.trim().to_owned();
    if output.status.success() { Ok(said) } else { Err(format!("ip {}: {said}", arguments.join(" "))) }
}

/// Takes away what test programs that were killed have left.
fn sweep() {
    let Ok(names) = std::fs::read_dir("/run/netns") else { return };
    for name in names.flatten().filter_map(|entry| entry.file_name().into_string().ok()) {
        let Some(pid) = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()?.parse::<i32>().ok())
        else {
            continue;
        };
        if nix::sys::signal::kill(Pid::from_raw(pid), None).is_err() {
            let _ = ip(&["netns", "delete", &name]);
        }
    }
}

impl Network {
    /// These hosts, at 10.77.0.1, .2 and so on.
    ///
    /// # Errors
    /// Why it cannot be made here.
    pub(super) fn make(count: usize) -> Result<Network, String> {
        if !geteuid().is_root() {
            return Err("only root can make network namespaces".to_owned());
        }
        sweep();
        let name = |what: &str| format!("{PREFIX}{}-{what}", std::process::id());
        let mut network = Network { switch: name("switch"), hosts: Vec::new() };
        ip(&["netns", "add", &network.switch])?;
        let switch = network.switch.clone();
        ip(&["-n", &switch, "link", "add", "br0", "type", "bridge"])?;
        ip(&["-n", &switch, "link", "set", "br0", "up"])?;
        for number in 1..=count {
            let host = name(&number.to_string());
            ip(&["netns", "add", &host])?;
            network.hosts.push(host.clone());
            let port = format!("port{number}");
            ip(&["-n", &switch, "link", "add", &port, "type", "veth", "peer", "name", "eth0", "netns", &host])?;
            ip(&["-n", &switch, "link", "set", &port, "master", "br0", "up"])?;
            ip(&["-n", &host, "address", "add", &format!("10.77.0.{number}/24"), "dev", "eth0"])?;
            ip(&["-n", &host, "link", "set", "eth0", "up"])?;
            ip(&["-n", &host, "link", "set", "lo", "up"])?;
        }
        Ok(network)
    }

    /// The namespace of the `number`th host, from 1.
    pub(super) fn host(&self, number: usize) -> &str {
        &self.hosts[number - 1]
    }

    /// Pulls that host's cable out, or plugs it in.
    pub(super) fn cable(&self, number: usize, plugged: bool) {
        let state = if plugged { "up" } else { "down" };
        ip(&["-n", &self.switch, "link", "set", &format!("port{number}"), state]).unwrap();
    }

    /// Makes that host's link slow: late by 150 ms, or, where the kernel cannot, narrow.
    ///
    /// # Errors
    /// Why it cannot.
    pub(super) fn slow(&self, number: usize) -> Result<&'static str, String> {
        let tc = |arguments: &[&str]| {
            let mut command = Command::new("tc");
            command.args(["-n", &self.switch, "qdisc", "replace", "dev", &format!("port{number}"), "root"]);
            let output = command.args(arguments).output().map_err(|cause| cause.to_string())?;
            if output.status.success() {
                Ok(())
            } else {
                Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
            }
        };
        match tc(&["netem", "delay", "150ms"]) {
            Ok(()) => Ok("150 ms late"),
            Err(_) => tc(&["tbf", "rate", "256kbit", "burst", "4kb", "latency", "2s"]).map(|()| "256 kbit/s"),
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for name in self.hosts.iter().chain([&self.switch]) {
            let _ = ip(&["netns", "delete", name]);
        }
    }
}
