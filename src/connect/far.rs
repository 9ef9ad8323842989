//! A connection to an appliance's gate: made with TLS, then frames, one answer for each.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, ClientConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use zeroize::Zeroizing;

use crate::sys::exchange;

/// Longest wait for a connection: with two of them a fail-over stays below two seconds.
pub(super) const DIAL_WAIT: Duration = Duration::from_millis(1000);
/// Longest answer in bytes: an assertion with its receipt has under 40 kB, the interface's text 10.
const ANSWER_LEN_MAX: usize = 1024 * 1024;

/// Why there is no connection, or no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unreached {
    /// Nobody answers there, or not in time.
    Silent,
    /// Somebody answers who has not the key of the invitation.
    NotTheGate,
    /// The gate does not admit our certificate.
    NotAdmitted,
}

impl Unreached {
    /// What a failure of TLS, or of what is below it, says.
    pub(super) fn of(cause: &io::Error) -> Self {
        let tls = cause.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match tls {
            Some(rustls::Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)) => {
                Self::NotTheGate
            }
            Some(rustls::Error::AlertReceived(
                AlertDescription::BadCertificate
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateUnknown
                | AlertDescription::CertificateRequired
                | AlertDescription::UnknownCA
                | AlertDescription::DecryptError
                | AlertDescription::AccessDenied,
            )) => Self::NotAdmitted,
            _ => Self::Silent,
        }
    }
}

/// Connects within [`DIAL_WAIT`]; after `Ok` the gate has shown its key (TLS 1.3 tells only later whether it takes ours).
///
/// # Errors
/// Why there is no connection; nothing of anybody's was sent.
pub(super) async fn dial(
    host: &str,
    port: u16,
    tls: &Arc<ClientConfig>,
) -> Result<TlsStream<TcpStream>, Unreached> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| Unreached::Silent)?;
    let dialled = timeout(DIAL_WAIT, async {
        let stream = TcpStream::connect((host, port)).await?;
        // Frames are whole: there is nothing to wait for.
        stream.set_nodelay(true)?;
        TlsConnector::from(Arc::clone(tls)).connect(name, stream).await
    });
    match dialled.await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(cause)) => Err(Unreached::of(&cause)),
        Err(_) => Err(Unreached::Silent),
    }
}

/// A stream of frames; what it received is erased.
#[derive(Debug)]
pub(super) struct Far(TlsStream<TcpStream>);

impl Far {
    pub(super) fn over(stream: TlsStream<TcpStream>) -> Self {
        Self(stream)
    }

    /// Sends a frame and its NUL, and reads one answer with its NUL. After `Err`, or when dropped half-way, the frame may have
    /// arrived, and the connection is of no more use.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(super) async fn exchange(&mut self, frame: &[u8]) -> io::Result<Zeroizing<Vec<u8>>> {
        self.0.write_all(frame).await?;
        self.0.write_all(&[0]).await?;
        self.0.flush().await?;
        exchange::answer(&mut self.0, ANSWER_LEN_MAX).await
    }

    /// Returns once the gate has closed, or spoken unasked: the connection is of no more use. Why, where TLS says it.
    pub(super) async fn ended(&mut self) -> Unreached {
        match self.0.read_u8().await {
            Ok(_) => Unreached::Silent,
            Err(cause) => Unreached::of(&cause),
        }
    }
}
