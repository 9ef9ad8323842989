//! A varlink connection of the companion: frames bounded and timed, else byte for byte.

use std::time::Duration;

use memchr::memmem::find;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::watch;
use tokio::time::timeout;
use zeroize::Zeroize as _;

use super::upstream::Upstream;
use super::{Client, Gate};
use crate::sys::frames::{End, Frames, Patience};
use crate::varlink::FRAME_LEN_MAX;
use crate::varlink::call::{Call, error};
use crate::varlink::service;

/// What is between the gate and `sceaud` alone.
const GATE: &str = "fr.sceau.Gate";

/// Serves a client until it ends or `stop` says so.
pub(super) async fn serve(
    gate: &Gate,
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    client: Client,
    mut stop: watch::Receiver<bool>,
) {
    let limits = gate.config.limits;
    let patience = Patience {
        idle: Duration::from_millis(limits.varlink_idle_ms),
        frame: Duration::from_millis(limits.body_ms),
    };
    let mut upstream = Upstream::of(gate, client);
    let mut frames = Frames::default();
    let mut out = Vec::new();
    loop {
        let mut goes_on = true;
        match frames.next(&mut stream, patience, &mut stop).await {
            Ok(len) if is_reserved(frames.frame(len)) => {
                service::not_found(&mut out, GATE, "fr.sceau.Token");
                frames.forget(len);
            }
            Ok(len) => {
                let answer = upstream.ask(frames.with_end(len)).await;
                frames.forget(len);
                out.extend_from_slice(&answer);
                out.push(0);
            }
            Err(End::TooLong) => {
                let message = format!("la trame dépasse {FRAME_LEN_MAX} octets");
                let parameters = serde_json::json!({ "field": "", "message": message });
                error(&mut out, "fr.sceau.Token.Malformed", parameters);
                goes_on = false;
            }
            Err(End::Peer | End::Stop) => break,
        }
        let written = timeout(Duration::from_millis(limits.write_ms), async {
            stream.write_all(&out).await?;
            stream.flush().await
        });
        let written = written.await;
        out.as_mut_slice().zeroize();
        out.clear();
        if !goes_on || !matches!(written, Ok(Ok(()))) {
            break;
        }
    }
    let _ = timeout(Duration::from_millis(limits.write_ms), stream.shutdown()).await;
}

/// Whether a frame calls what is between the gate and `sceaud` alone. `sceaud` refuses it from a client's connection as well:
/// this is the first of two doors.
#[must_use]
pub fn is_reserved(frame: &[u8]) -> bool {
    // Without these letters, and without a way to write them otherwise, no method can be of that name.
    if find(frame, b"Gate").is_none() && find(frame, b"\\u").is_none() {
        return false;
    }
    Call::parse(frame).is_ok_and(|call| {
        call.method.strip_prefix(GATE).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gates_own_interface_is_for_no_client() {
        for reserved in [
            r#"{"method":"fr.sceau.Gate.Introduce","parameters":{}}"#,
            r#"{"method":"fr.sceau.\u0047ate.Introduce"}"#,
            r#"{"parameters":{},"method":"fr.sceau.Gate.Propose"}"#,
        ] {
            assert!(is_reserved(reserved.as_bytes()), "{reserved}");
        }
        for free in [
            r#"{"method":"fr.sceau.Token.Status"}"#,
            r#"{"method":"fr.sceau.Token.Issue","parameters":{"session":"fr.sceau.Gate.Introduce"}}"#,
            "no JSON with Gate",
        ] {
            assert!(!is_reserved(free.as_bytes()), "{free}");
        }
    }
}
