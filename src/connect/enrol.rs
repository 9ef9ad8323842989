//! `sceau-connect enrol`: proposes this server's certificate to an appliance that invited it, and waits for the confirmation.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use zeroize::Zeroizing;

use super::appliance::{Appliance, Health};
use super::arguments;
use super::far::{Unreached, dial};
use super::identity::{Identity, IdentityError};
use super::known::{APPLIANCES_MAX, Entry, Known, place};
use super::settings::Settings;
use super::tls::{Language, config};
use crate::policy::fingerprint::Fingerprint;
use crate::policy::invitation::Code;
use crate::tables::{ConfigError, Fault, system_words};
use crate::usage::{self, EXIT_NEGATIVE, EXIT_UNAVAILABLE, EXIT_USAGE};

/// Longest text that is read as a code, in bytes.
const CODE_LEN_MAX: u64 = 512;
/// Longest wait for the answer to a proposal.
const ANSWER_WAIT: Duration = Duration::from_secs(10);
/// Longest answer in bytes: one error with its message.
const ANSWER_LEN_MAX: usize = 64 * 1024;
/// Pause between two looks for the confirmation: a person makes it.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Longest name of an application (`gate:NAME`), in bytes.
const NAME_LEN_MAX: usize = 31;

/// Why this server is not known.
#[derive(Debug, thiserror::Error)]
enum NotEnrolled {
    #[error("{0}")]
    Settings(#[from] ConfigError),
    #[error("{0}")]
    Identity(#[from] IdentityError),
    #[error("{0}")]
    Known(Fault),
    #[error("--appliance attend HÔTE:PORT (une adresse IPv6 entre crochets) ; corrigez-la")]
    Address,
    #[error("--application attend le nom du registre sans « gate: » (31 caractères de a-z 0-9 -) ; corrigez-le")]
    Name,
    #[error("le code ne peut pas être lu ({}) ; donnez un fichier, ou « - » et le code sur l'entrée standard", system_words(.0))]
    Unread(io::Error),
    #[error(
        "ce n'est pas un code d'invitation, ou il contient une faute ; recopiez-le en entier de l'écran de l'exploitant"
    )]
    Code,
    #[error(
        "ce serveur est déjà « {0} » auprès d'une autre appliance ; un serveur a un nom, le même sur les deux"
    )]
    OtherName(String),
    #[error("{APPLIANCES_MAX} appliances sont déjà connues ; retirez-en une de appliances.toml")]
    TooMany,
    #[error("personne ne répond à cette adresse ; vérifiez l'adresse, le réseau et que sceau-gate fonctionne")]
    Silent,
    #[error(
        "le portail qui répond n'a pas la clé du code ; vérifiez l'adresse, sinon prévenez l'exploitant : quelqu'un d'autre y répond"
    )]
    NotTheGate,
    #[error(
        "le portail n'accepte aucune demande en ce moment ; l'invitation est close ou périmée, demandez-en une nouvelle"
    )]
    Closed,
    #[error(
        "la demande est refusée (code déjà utilisé, périmé ou d'une autre application) ; vérifiez le nom, ou demandez une nouvelle invitation"
    )]
    Refused,
    #[error("trop de demandes à la fois ; recommencez dans une minute")]
    Busy,
    #[error(
        "la réponse du portail n'est pas comprise (HTTP {0}) ; vérifiez les versions de sceau-gate et de sceau-connect"
    )]
    NotUnderstood(u16),
    #[error(
        "la confirmation n'est pas venue à temps ; la demande reste ouverte : voyez plus tard « sceau-connect status »"
    )]
    NotConfirmed,
    #[error("le système refuse ce qu'il faut ({0})")]
    System(#[from] io::Error),
}

impl NotEnrolled {
    fn exit(&self) -> u8 {
        match self {
            Self::Refused | Self::Closed | Self::NotTheGate => EXIT_NEGATIVE,
            Self::Silent | Self::Busy | Self::NotConfirmed | Self::System(_) => EXIT_UNAVAILABLE,
            _ => EXIT_USAGE,
        }
    }
}

/// Runs it: 0 confirmed (or not waited for), 1 refused, 2 wrong words, 3 not now.
pub(super) fn main(given: &arguments::Enrol) -> ExitCode {
    usage::exit("sceau-connect enrol", run(given).map(|()| 0), NotEnrolled::exit)
}

/// Key, proposal, file of known appliances, confirmation; calling again after any failure goes on where it stopped.
fn run(given: &arguments::Enrol) -> Result<(), NotEnrolled> {
    let settings = Settings::read(&given.config)?;
    let (host, port) = place(&given.appliance).ok_or(NotEnrolled::Address)?;
    if !is_name(&given.application) {
        return Err(NotEnrolled::Name);
    }
    let code = read_code(&given.code)?;
    let known = Known::read(&settings.folder)?
        .unwrap_or_else(|| Known { application: given.application.clone(), appliance: Vec::new() });
    if known.application != given.application {
        return Err(NotEnrolled::OtherName(known.application));
    }
    let is_new = known.appliance.iter().all(|entry| entry.address != given.appliance);
    if is_new && known.appliance.len() >= APPLIANCES_MAX {
        return Err(NotEnrolled::TooMany);
    }
    #[cfg(windows)]
    {
        // Before the key is in it: a folder of ProgramData is readable by every user.
        super::identity::make_folder(&settings.folder)?;
        super::install::close(&settings.folder)?;
    }
    let identity = Identity::made(&settings.folder, &given.application)?;
    let gate = Fingerprint::parse(&format!("sha256:{}", code.gate)).ok_or(NotEnrolled::Code)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(propose(host, port, gate, &identity, &code, &given.application))?;
    let entry = Entry { address: given.appliance.clone(), gate: gate.to_string() };
    known.add(&settings.folder, entry.clone()).map_err(NotEnrolled::Known)?;
    #[cfg(unix)]
    super::install::give_to_service(&settings.folder)?;
    println!("La demande est déposée. Empreinte de ce serveur : {}", identity.fingerprint());
    println!("Code court, à comparer avec l'écran de l'exploitant : {}", identity.fingerprint().short());
    if given.wait == 0 {
        return Ok(());
    }
    println!("En attente de la confirmation (au plus {} s)…", given.wait);
    let appliance = Appliance::of(&entry, &identity).ok_or(NotEnrolled::Address)?;
    runtime.block_on(confirmed(&appliance, Duration::from_secs(given.wait)))?;
    println!(
        "Confirmé : {} admet ce serveur. Installez le service, ou relancez-le s'il tourne : sceau-connect install",
        given.appliance
    );
    Ok(())
}

fn is_name(name: &str) -> bool {
    let letters = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    letters && name.len() <= NAME_LEN_MAX && name.starts_with(|first: char| first.is_ascii_lowercase())
}

fn read_code(path: &Path) -> Result<Code, NotEnrolled> {
    let mut text = Zeroizing::new(String::new());
    if path == Path::new("-") {
        io::stdin().lock().take(CODE_LEN_MAX).read_to_string(&mut text).map_err(NotEnrolled::Unread)?;
    } else {
        fs::File::open(path)
            .and_then(|file| file.take(CODE_LEN_MAX).read_to_string(&mut text))
            .map_err(NotEnrolled::Unread)?;
    }
    Code::parse(&text).ok_or(NotEnrolled::Code)
}

/// One proposal over a connection without a certificate of ours; the gate has shown the code's key before a byte is sent.
async fn propose(
    host: &str,
    port: u16,
    gate: Fingerprint,
    identity: &Identity,
    code: &Code,
    application: &str,
) -> Result<(), NotEnrolled> {
    let tls = config(gate, None, Language::Http).map_err(|_| NotEnrolled::NotTheGate)?;
    let stream = dial(host, port, &tls).await.map_err(|why| match why {
        Unreached::Silent => NotEnrolled::Silent,
        Unreached::NotTheGate => NotEnrolled::NotTheGate,
        Unreached::NotAdmitted => NotEnrolled::Closed,
    })?;
    let proof = STANDARD.encode(code.secret.prove(&identity.public_key, &code.gate).as_bytes());
    let body = json!({ "application": application, "certificate": identity.certificate_pem, "proof": proof });
    let request = Request::post("/v1/enrolment")
        .header(HOST, format!("{host}:{port}"))
        .header(CONTENT_TYPE, "application/json")
        .body(body.to_string())
        .map_err(|_| NotEnrolled::Address)?;
    // The gate tells only after the handshake that it wants a certificate: no answer means that none is open.
    let asked = timeout(ANSWER_WAIT, async {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
        let driven = tokio::spawn(connection);
        let answer = sender.send_request(request).await.ok()?;
        let status = answer.status();
        let text = whole(answer.into_body()).await?;
        driven.abort();
        Some((status, text))
    });
    let (status, text) = asked.await.ok().flatten().ok_or(NotEnrolled::Closed)?;
    let said: Value = serde_json::from_slice(&text).unwrap_or_default();
    match status {
        StatusCode::ACCEPTED => Ok(()),
        StatusCode::FORBIDDEN => Err(NotEnrolled::Refused),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Err(NotEnrolled::Busy),
        other => {
            if let Some(message) = said.pointer("/parameters/message").and_then(Value::as_str) {
                eprintln!("{}", message.escape_debug());
            }
            Err(NotEnrolled::NotUnderstood(other.as_u16()))
        }
    }
}

async fn whole(mut body: Incoming) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    while let Some(frame) = std::future::poll_fn(|cx| std::pin::Pin::new(&mut body).poll_frame(cx)).await {
        let data: Bytes = frame.ok()?.into_data().unwrap_or_default();
        if text.len() + data.len() > ANSWER_LEN_MAX {
            return None;
        }
        text.extend_from_slice(&data);
    }
    Some(text)
}

/// Looks until the gate admits our certificate.
async fn confirmed(appliance: &Appliance, wait: Duration) -> Result<(), NotEnrolled> {
    let until = Instant::now() + wait;
    loop {
        let (health, _) = appliance.ask_once().await;
        match health {
            Health::NotReady | Health::Ready => return Ok(()),
            Health::Away(Unreached::NotTheGate) => return Err(NotEnrolled::NotTheGate),
            _ if Instant::now() >= until => return Err(NotEnrolled::NotConfirmed),
            _ => sleep(LOOK_EVERY).await,
        }
    }
}
