//! An application server whose companion enrols itself at the gate: by a code that an order gave, and an order that confirms it.

use std::process::Command;

use serde_json::json;

use super::machine::{BOOT, Boot, LOOK_EVERY};
use super::orders::{DPI, INVITATION};
use super::site::Site;
use super::support::companion::{Companion, Server};
use super::support::varlink::Client;
use super::support::wait::watched;
use super::token::issue;

/// A server of that application, with its companion.
pub(crate) struct Enrolled {
    // Dropped first: the program must be gone before its folder.
    companion: Companion,
    server: Server,
}

impl Enrolled {
    /// Invited, proposed, compared, confirmed, at the gate behind that port of this host.
    pub(crate) fn at(boot: &mut Boot<'_>, site: &Site, port: u16) -> Enrolled {
        let (server, gate) = (Server::new(None), format!("127.0.0.1:{port}"));
        let answer = boot.brings(|stick| site.order_invitation(stick));
        assert!(answer.contains(&format!("code d'invitation de {DPI}")), "{answer}\n{}", boot.tail());
        let code = boot.stick().files().content(&format!("sceau/answers/{INVITATION}.code"));
        let code = String::from_utf8(code).unwrap();
        assert!(!answer.contains(code.trim()), "the report has the code");
        // The gate learns of it within two seconds, and hangs up on who has no certificate until then.
        let mut said = String::new();
        let proposed = watched(LOOK_EVERY, BOOT, || {
            let output = server.enrol(&gate, DPI.trim_start_matches("gate:"), &code);
            said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            output.status.success().then_some(())
        });
        assert!(proposed.is_some(), "no proposal is taken: {said}\n{}", boot.tail());
        // It is proposed, and that is all.
        let status = server.verb(&["status"], "");
        let text = String::from_utf8_lossy(&status.stdout).into_owned();
        assert!(status.status.code() == Some(3) && text.contains("n'admet pas"), "{text}");
        let answer = boot.brings(|_| ());
        let told = answer.lines().find(|line| line.contains(&format!("{DPI} propose")));
        let told = told.unwrap_or_else(|| panic!("no proposal is told: {answer}\n{}", boot.tail()));
        let certificate = told.rsplit(' ').next().unwrap();
        let short = told.split_once("code court ").unwrap().1.split(' ').next().unwrap();
        assert!(said.contains(certificate) && said.contains(short), "{told}\n{said}");
        let answer = boot.brings(|stick| site.order_confirmation(stick, certificate));
        assert!(answer.contains("ordre exécuté (application-certificate)"), "{answer}\n{}", boot.tail());
        Enrolled { companion: server.start(), server }
    }

    /// An application that knows the companion's socket alone, once the machine is ready behind it.
    fn application(&self, boot: &Boot<'_>, site: &Site) -> Client {
        let client = watched(LOOK_EVERY, BOOT, || {
            let mut client = site.application(&self.companion.socket);
            let status = client.try_call("fr.sceau.Token.Status", json!({})).ok()?.ok()?;
            (status["ready"] == true).then_some(client)
        });
        client.unwrap_or_else(|| panic!("no application is answered:\n{}\n{}", self.companion.log(), boot.tail()))
    }

    /// An assertion by the companion's socket, which xmlsec1 takes; what no machine without a relay carries is told by its gate.
    pub(crate) fn is_served(&self, boot: &Boot<'_>, site: &Site) {
        issue(&mut self.application(boot, site), site);
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--noproxy", "*", "--max-time", "60", "--write-out", "\n%{http_code}"]);
        curl.args(["--header", "Content-Type: application/soap+xml", "--data-binary", "<Envelope/>"]);
        let output =
            curl.arg(format!("{}/relay/dmp.exemple.fr:443/registre", self.server.http())).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.ends_with("\n404") && said.contains("rien n'est servi à cette adresse"), "{said}");
    }
}
