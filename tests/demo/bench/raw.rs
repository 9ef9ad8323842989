//! The module's raw rate for the same key: the product's own `Device` in processes of its own, nothing around it.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sceau::config::Config;
use sceau::seal::wire::self_test_message;
use sceau::token::{Device, Meter, PinGuard};

use crate::Failure;
use crate::support::establishment::Establishment;

/// A rate and the CPU of each signature.
pub(super) struct Raw {
    pub(super) per_second: f64,
    pub(super) cpu_us: f64,
}

/// Which key of the configuration.
#[derive(Clone, Copy, Debug)]
pub(super) enum Key {
    Seal,
    Authentication,
}

/// Signs for `time` in so many processes of one session each.
pub(super) fn measure(establishment: &Establishment, key: Key, processes: usize, time: Duration) -> Raw {
    let children: Vec<_> = (0..processes)
        .map(|_| {
            Command::new(std::env::current_exe().unwrap())
                .args(["bench-raw", &establishment.config().display().to_string(), &format!("{key:?}")])
                .arg(time.as_millis().to_string())
                .env("SOFTHSM2_CONF", establishment.store.conf())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let mut raw = Raw { per_second: 0.0, cpu_us: 0.0 };
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "the raw bench failed");
        let text = String::from_utf8(output.stdout).unwrap();
        let figures: Vec<f64> = text.split_whitespace().map(|figure| figure.parse().unwrap()).collect();
        raw.per_second += figures[0];
        raw.cpu_us += figures[1] / processes as f64;
    }
    raw
}

/// The child: opens the first key of that use and prints signatures per second and CPU microseconds per signature.
pub(crate) fn child(config: &str, key: &str, milliseconds: &str) -> Result<(), Failure> {
    let config = Config::load(Path::new(config)).map_err(|e| Failure::usage(e.to_string()))?;
    let time = Duration::from_millis(milliseconds.parse().map_err(|_| Failure::usage("durée"))?);
    let keys = if key == "Seal" { &config.seals } else { &config.authentications };
    let key = &keys[0];
    let folder = config.signers_of(&key.purpose);
    let meter = Arc::new(Meter::new(key.sessions));
    let guard = PinGuard::new(folder);
    let device =
        Device::open(&key.signer(), &guard, Arc::clone(&meter)).map_err(|e| Failure::negative(e.to_string()))?;
    let (began, before, cpu_before) = (Instant::now(), meter.signatures(), meter.sign_cpu_ns());
    while began.elapsed() < time {
        device.sign(&self_test_message(&[7; 32])).map_err(|e| Failure::negative(e.to_string()))?;
    }
    let signatures = (meter.signatures() - before) as f64;
    let cpu_us = (meter.sign_cpu_ns() - cpu_before) as f64 / 1000.0 / signatures;
    writeln!(std::io::stdout(), "{} {cpu_us}", signatures / began.elapsed().as_secs_f64())
        .map_err(|e| Failure::negative(e.to_string()))
}
