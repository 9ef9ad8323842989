//! `sceau bench`: what this machine and its token can do, with a key that nobody keeps.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use clap::Args;
use serde_json::{Value, json};

use super::NotDone;
use super::keys::{self, KeysError};
use crate::config::{Config, SealKey};
use crate::sys::cpu;
use crate::token::{KeyKind, KeyUri, Rate, Reached, TokenError};

/// Our own CPU for one assertion, the token's signature aside, in signatures of RSA 2048 by aws-lc on the same processor: what
/// `make bench` sees, rounded up.
const OWN_SIGNATURES: f64 = 0.6;

/// Mesure ce que portent cette machine et son token, avec une clé jetable.
///
/// La clé est de session : le token ne la garde pas, aucune clé de l'établissement ne signe. Le service peut tourner, mais il
/// prend alors sa part de ce qui est mesuré.
#[derive(Debug, Args)]
pub(super) struct Bench {
    /// Fichier de configuration, qui nomme le module et le fichier du PIN.
    #[arg(long, value_name = "FICHIER", default_value = "/etc/sceau/sceau.toml")]
    config: PathBuf,
    /// Clé de cachet dont le token est mesuré ; la première de la configuration par défaut.
    #[arg(long, value_name = "CLE")]
    key: Option<String>,
    /// Secondes de chaque mesure, de 1 à 60.
    #[arg(long, value_name = "SECONDES", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Imprimer un document JSON.
    #[arg(long)]
    json: bool,
    /// This process alone, with one session: what the command starts itself for several processes.
    #[arg(long, hide = true)]
    alone: bool,
}

impl Bench {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let config = Config::load(&self.config)?;
        let seal = self.seal(&config)?;
        if seal.signer().sealed_file().is_some() {
            let cause = "cette clé est scellée dans un fichier : il n'y a pas de token à mesurer ; donnez --key";
            return Err(NotDone::Usage(cause.to_owned()));
        }
        let time = Duration::from_secs(self.seconds);
        if self.alone {
            let rate = in_this_process(&config, &seal, &[1], time)?.pop();
            let Some((_, Rate { per_second, cpu_us })) = rate else { return Ok(super::EXIT_UNAVAILABLE) };
            writeln!(io::stdout(), "{}", json!({ "per_second": per_second, "cpu_us": cpu_us }))?;
            return Ok(0);
        }
        let cores = u16::try_from(std::thread::available_parallelism().map_or(1, usize::from)).unwrap_or(u16::MAX);
        let most = cores.saturating_mul(2);
        let raw_us = aws_lc_us(time);
        let sessions: Vec<u16> = (1..=most).collect();
        let mut rows: Vec<(u16, u16, Rate)> = in_this_process(&config, &seal, &sessions, time)?
            .into_iter()
            .map(|(sessions, rate)| (1, sessions, rate))
            .collect();
        for processes in 2..=most {
            rows.push((processes, 1, self.in_processes(processes)?));
        }
        let best = rows.iter().map(|(.., rate)| rate.per_second).fold(0.0, f64::max);
        let one_us = rows.first().map_or(0.0, |(.., rate)| rate.cpu_us);
        // What the processors leave for it, or what the token gives: whichever is less.
        let by_cpu = f64::from(cores) * 1e6 / (one_us + OWN_SIGNATURES * raw_us);
        let capacity = by_cpu.min(best);
        let mut out = io::stdout().lock();
        if self.json {
            let rows: Vec<Value> = rows
                .iter()
                .map(|(processes, sessions, rate)| {
                    json!({ "processes": processes, "sessions": sessions, "per_second": rate.per_second, "cpu_us": rate.cpu_us })
                })
                .collect();
            let key = seal.key.as_str();
            writeln!(
                out,
                "{}",
                json!({ "key": key, "cores": cores, "aws_lc_rsa_2048_us": raw_us, "raw": rows, "capacity_per_second": capacity })
            )?;
        } else {
            writeln!(out, "Token de la clé {}, clé jetable RSA 2048, {cores} cœurs", seal.key)?;
            writeln!(
                out,
                "{:>10} {:>9} {:>14} {:>18}",
                "processus", "sessions", "signatures/s", "CPU µs/signature"
            )?;
            for (processes, sessions, rate) in &rows {
                writeln!(out, "{processes:>10} {sessions:>9} {:>14.0} {:>18.0}", rate.per_second, rate.cpu_us)?;
            }
            writeln!(out, "RSA 2048 en mémoire (aws-lc) : {raw_us:.0} µs par signature, un cœur")?;
            writeln!(
                out,
                "Capacité estimée : {capacity:.0} VIHF/s (le moindre du token et des cœurs ; docs/capacite.md)"
            )?;
        }
        out.flush()?;
        Ok(0)
    }

    fn seal(&self, config: &Config) -> Result<SealKey, NotDone> {
        let named = |seal: &&SealKey| self.key.as_deref().is_none_or(|key| seal.key.as_str() == key);
        config.seals.iter().find(named).cloned().ok_or_else(|| {
            let known: Vec<_> = config.seals.iter().map(|seal| seal.key.as_str()).collect();
            let known = if known.is_empty() { "aucune".to_owned() } else { known.join(", ") };
            NotDone::Usage(format!("--key : pas de [[seal]] de ce nom ; clés configurées : {known}"))
        })
    }

    /// This command again, so many times at once: a module's lock is its process's.
    fn in_processes(&self, processes: u16) -> Result<Rate, NotDone> {
        let program = std::env::current_exe()?;
        let begin = |_| {
            let mut child = Command::new(&program);
            child.args(["bench", "--alone", "--seconds", &self.seconds.to_string(), "--config"]).arg(&self.config);
            child.args(self.key.iter().flat_map(|key| ["--key", key]));
            child.stdout(Stdio::piped()).spawn()
        };
        let children = (0..processes).map(begin).collect::<io::Result<Vec<_>>>()?;
        let mut all = Rate { per_second: 0.0, cpu_us: 0.0 };
        for child in children {
            let told: Value = serde_json::from_slice(&child.wait_with_output()?.stdout).unwrap_or_default();
            let figure = |name| told.get(name).and_then(Value::as_f64);
            let (Some(per_second), Some(cpu_us)) = (figure("per_second"), figure("cpu_us")) else {
                let cause = format!("{processes} processus à la fois : le token ne les a pas tous admis");
                return Err(NotDone::Usage(cause));
            };
            all.per_second += per_second;
            all.cpu_us += cpu_us / f64::from(processes);
        }
        Ok(all)
    }
}

/// Rates of this process by numbers of sessions; those that the token does not give are left out, but for the first.
fn in_this_process(
    config: &Config,
    seal: &SealKey,
    sessions: &[u16],
    time: Duration,
) -> Result<Vec<(u16, Rate)>, NotDone> {
    let uri = KeyUri::parse(&seal.uri).map_err(TokenError::Uri).map_err(KeysError::from)?;
    let reached = Reached::find(seal.module.as_deref(), &uri).map_err(KeysError::from)?;
    let token = reached.login(&seal.pin, &keys::guard(Some(config))?).map_err(KeysError::from)?;
    let key = token.throw_away(KeyKind::Rsa(2048)).map_err(KeysError::from)?;
    let mut rates = Vec::new();
    for number in sessions {
        match key.rate(*number, time) {
            Ok(rate) => rates.push((*number, rate)),
            Err(cause) if rates.is_empty() => return Err(KeysError::from(cause).into()),
            Err(_) => break,
        }
    }
    Ok(rates)
}

/// CPU of one RSA 2048 signature with a key in memory, in microseconds; 0 where the library makes none.
fn aws_lc_us(time: Duration) -> f64 {
    let Ok(key) = KeyPair::generate(KeySize::Rsa2048) else { return 0.0 };
    let mut signature = vec![0; key.public_modulus_len()];
    let (began, before, mut count) = (Instant::now(), cpu::thread_ns(), 0u32);
    while began.elapsed() < time
        && key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), b"bench", &mut signature).is_ok()
    {
        count += 1;
    }
    cpu::thread_ns().saturating_sub(before) as f64 / 1000.0 / f64::from(count.max(1))
}
