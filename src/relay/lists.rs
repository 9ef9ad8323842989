//! Revocation lists that the relay fetches itself: asked for by plain HTTP, believed by their signature, kept on failure.

use std::future::poll_fn;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, HOST};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::CertificateDer;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::tls::authorities;
use crate::certificate::{RevocationList, list_authorities};
use crate::config::{self, Fault, HttpAddress};
use crate::sys::{clock, durable};

/// From the connection to the list's last byte: some megabytes over a slow line.
const FETCH_WAIT: Duration = Duration::from_secs(60);
/// After a failure, where the next round is further away.
const RETRY_AFTER: Duration = Duration::from_secs(60);
/// Longest head of an answer in bytes.
const HEAD_LEN_MAX: usize = 16 * 1024;
/// How far an authority's clock may be ahead of ours, in milliseconds.
const SKEW_MS: i64 = 300_000;
/// The list is for this program and for `sceau check`; it holds nothing secret.
const FILE_MODE: u32 = 0o644;

/// Why the list that was kept stays.
#[derive(Debug, thiserror::Error)]
enum NotTaken {
    #[error("the server cannot be reached: {0}")]
    Unreachable(std::io::Error),
    #[error("the exchange failed: {0}")]
    Http(#[from] hyper::Error),
    #[error("the server answers {0}; redirections are not followed")]
    Status(StatusCode),
    #[error("it is longer than crl_len_max")]
    TooLong,
    #[error("it did not come within {} s", FETCH_WAIT.as_secs())]
    Late,
    #[error("it is no revocation list")]
    Malformed,
    #[error("no authority of anchors or intermediates has signed it")]
    Foreign,
    #[error("it is of another authority than the one that is kept")]
    OtherAuthority,
    #[error("it is older than the one that is kept, past its nextUpdate, or of the future")]
    WrongTime,
    #[error("it cannot be written: {0}")]
    Unsaved(std::io::Error),
}

/// One list with its place.
#[derive(Debug)]
struct Source {
    address: HttpAddress,
    file: PathBuf,
}

/// What is to be fetched.
#[derive(Debug)]
pub(super) struct Lists {
    sources: Vec<Source>,
    authorities: Vec<CertificateDer<'static>>,
    every: Duration,
    len_max: u64,
}

impl Lists {
    /// Reads what lists are believed by.
    ///
    /// # Errors
    /// What is wrong with the first file that is wrong.
    pub(super) fn of(relay: &config::Relay) -> Result<Self, Fault> {
        let read = |paths| -> Result<Vec<_>, Fault> {
            Ok(authorities(paths, &mut Vec::new())?.into_iter().map(|(certificate, _)| certificate).collect())
        };
        let authorities = list_authorities(&read(&relay.anchors)?, &read(&relay.intermediates)?);
        let source = |(url, file)| HttpAddress::parse(url).map(|address| Source { address, file });
        let sources = relay.fetched().filter_map(source).collect();
        Ok(Self {
            sources,
            authorities,
            every: Duration::from_millis(relay.crl_fetch_ms),
            len_max: relay.crl_len_max,
        })
    }

    /// Fetches for ever; `changed` hears of each list that was taken.
    pub(super) async fn keep_fresh(self, changed: Arc<Notify>) {
        while !self.sources.is_empty() {
            let mut failed = false;
            for source in &self.sources {
                match self.renew(source).await {
                    Ok(true) => {
                        tracing::info!(from = %source.address.authority, "a newer revocation list was taken");
                        changed.notify_one();
                    }
                    Ok(false) => {}
                    Err(cause) => {
                        failed = true;
                        tracing::warn!(
                            from = %source.address.authority,
                            path = %source.address.target,
                            %cause,
                            "a revocation list was not taken; the one that is kept ages"
                        );
                    }
                }
            }
            sleep(if failed { self.every.min(RETRY_AFTER) } else { self.every }).await;
        }
    }

    /// Fetches a list and takes it in place of the one that is kept; false: it is the same.
    ///
    /// A crash leaves the old file or the new one, whole ([`durable::replace`]).
    async fn renew(&self, source: &Source) -> Result<bool, NotTaken> {
        let fetched = timeout(FETCH_WAIT, fetch(&source.address, self.len_max)).await;
        let bytes = fetched.map_err(|_| NotTaken::Late)??;
        let kept = std::fs::read(&source.file).unwrap_or_default();
        if !self.is_newer(&bytes, &kept)? {
            return Ok(false);
        }
        let file = source.file.clone();
        let written = tokio::task::spawn_blocking(move || durable::replace(&file, &bytes, FILE_MODE)).await;
        written.map_err(std::io::Error::other).and_then(|written| written).map_err(NotTaken::Unsaved)?;
        Ok(true)
    }

    /// Whether the list `bytes` is to take the place of what is kept. Who can change what comes over the network can
    /// withhold a list, and neither forge one nor bring an older one back.
    fn is_newer(&self, bytes: &[u8], kept: &[u8]) -> Result<bool, NotTaken> {
        if bytes == kept {
            return Ok(false);
        }
        let one = |file: &[u8]| RevocationList::read(file).and_then(|lists| <[_; 1]>::try_from(lists).ok());
        let [list] = one(bytes).ok_or(NotTaken::Malformed)?;
        if !self.authorities.iter().any(|authority| list.is_of(authority)) {
            return Err(NotTaken::Foreign);
        }
        let now = clock::now();
        let of_future = list.this_update().ms_since(now) > SKEW_MS;
        if of_future || list.next_update().is_some_and(|next| next <= now) {
            return Err(NotTaken::WrongTime);
        }
        match one(kept) {
            Some([before]) if !before.same_authority(&list) => Err(NotTaken::OtherAuthority),
            Some([before]) if list.this_update() < before.this_update() => Err(NotTaken::WrongTime),
            Some([before]) => Ok(list.this_update() > before.this_update()),
            None => Ok(true),
        }
    }
}

async fn fetch(address: &HttpAddress, len_max: u64) -> Result<Vec<u8>, NotTaken> {
    let tcp = TcpStream::connect((address.host.as_str(), address.port)).await.map_err(NotTaken::Unreachable)?;
    let (mut sender, connection) =
        http1::Builder::new().max_buf_size(HEAD_LEN_MAX).handshake::<_, String>(TokioIo::new(tcp)).await?;
    let connection = tokio::spawn(connection);
    let mut request = Request::new(String::new());
    *request.uri_mut() = address.target.parse().map_err(|_| NotTaken::Malformed)?;
    let host = address.authority.parse().map_err(|_| NotTaken::Malformed)?;
    request.headers_mut().insert(HOST, host);
    request.headers_mut().insert(ACCEPT, hyper::header::HeaderValue::from_static("application/pkix-crl, */*"));
    let answer = sender.send_request(request).await;
    let read = match answer {
        Ok(answer) => whole(answer, len_max).await,
        Err(cause) => Err(cause.into()),
    };
    connection.abort();
    read
}

async fn whole(answer: Response<Incoming>, len_max: u64) -> Result<Vec<u8>, NotTaken> {
    if answer.status() != StatusCode::OK {
        return Err(NotTaken::Status(answer.status()));
    }
    let (mut body, mut read) = (answer.into_body(), Vec::new());
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        if let Ok(data) = frame?.into_data() {
            if read.len() as u64 + data.len() as u64 > len_max {
                return Err(NotTaken::TooLong);
            }
            read.extend_from_slice(&data);
        }
    }
    Ok(read)
}
