//! Foreign software: attached by order alone, from the image that the order names, behind walls that the image has no word in.

mod apply;
mod demo;
pub(crate) mod image;
mod orders;
mod syslog;
mod walls;

use std::process::Command;

use crate::admin::office::Office;
use crate::support::configuration::table;
use crate::support::plan::Plan;
use crate::support::program::program;

/// The channel of a virtual machine that the demonstration connector has.
const CHANNEL: &str = "/dev/virtio-ports/fr.sceau.token";

/// Operators before a `sceaud` whose configuration lets connectors have `lan1` and the channel.
fn office() -> Office {
    let rules = table([
        ("interfaces", toml::Value::Array(vec!["lan1".into()])),
        ("devices", toml::Value::Array(vec![CHANNEL.into()])),
    ]);
    let plan =
        Plan::new("connectors").edit_config(move |config| drop(config.insert("connectors".into(), rules.into())));
    let office = Office::empty(plan);
    office.register();
    office
}

/// `sceau` with these arguments: exit code, standard output, standard error.
fn sceau(office: &Office, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(program("sceau"));
    command.args(arguments).arg("--config").arg(office.door.establishment.config());
    ran(&mut command)
}

fn ran(command: &mut Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}
