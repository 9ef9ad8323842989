//! A call's body up to the end of its envelope, which is held; everything after it streams.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use hyper::StatusCode;
use hyper::body::{Body as _, Incoming};
use tokio::time::timeout;

use super::call_body::CallBody;
use super::fault::Fault;
use super::part::{Root, Span, Wrong};
use super::parts::Parts;
use super::stream::Limited;
use crate::config::Relay;

/// A body whose envelope has been read.
#[derive(Debug)]
pub(super) struct Message {
    read: Vec<u8>,
    span: Span,
    /// What the envelope's part says of its action.
    actions: Vec<String>,
    /// What has not been read; none if nothing is left.
    rest: Option<Incoming>,
    /// Length of the whole, where the application gave it.
    declared: Option<u64>,
}

impl Message {
    /// Reads a body up to the end of its envelope.
    ///
    /// After `Ok` the envelope is within `envelope_len_max` and all that was read beyond it within one piece of the network.
    ///
    /// # Errors
    /// The fault to answer with.
    pub(super) async fn read(body: Incoming, root: &Root, limits: &Relay) -> Result<Self, Fault> {
        let declared = body.size_hint().exact();
        if declared.is_some_and(|len| len > limits.call_len_max) {
            return Err(too_long());
        }
        let reading = Self::read_envelope(body, root, limits, declared);
        let late = || {
            Fault::sender_with(
                StatusCode::REQUEST_TIMEOUT,
                "envelope-late",
                "l'enveloppe n'est pas arrivée à temps ; envoyez l'appel d'un trait",
            )
        };
        timeout(Duration::from_millis(limits.envelope_ms), reading).await.map_err(|_| late())?
    }

    async fn read_envelope(
        mut body: Incoming,
        root: &Root,
        limits: &Relay,
        declared: Option<u64>,
    ) -> Result<Self, Fault> {
        let max = usize::try_from(limits.envelope_len_max).unwrap_or(usize::MAX);
        let (mut read, mut scanned) = (Vec::new(), 0);
        // A chunked body does not know beforehand that it has ended.
        let mut ended = body.is_end_stream();
        loop {
            match root.find(&read, ended, &mut scanned) {
                Ok(Some(span)) if span.to - span.from <= max => {
                    let rest = (!ended).then_some(body);
                    let actions = root.actions(&read).map_err(|_| wrong_parts())?;
                    return Ok(Self { read, span, actions, rest, declared });
                }
                Ok(None) if !ended && read.len() <= max => {}
                Ok(_) => {
                    return Err(Fault::sender_with(
                        StatusCode::PAYLOAD_TOO_LARGE,
                        "envelope-too-long",
                        format!(
                            "l'enveloppe dépasse {max} octets (envelope_len_max) ; envoyez les documents en pièces MTOM"
                        ),
                    ));
                }
                Err(Wrong::Type | Wrong::Parts) => return Err(wrong_parts()),
            }
            match poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        read.extend_from_slice(&data);
                    }
                    ended = body.is_end_stream();
                }
                Some(Err(_)) => {
                    return Err(Fault::sender("call-truncated", "l'appel s'est interrompu ; renvoyez-le"));
                }
                None => ended = true,
            }
        }
    }

    /// The envelope.
    pub(super) fn envelope(&self) -> &[u8] {
        self.read.get(self.span.from..self.span.to).unwrap_or_default()
    }

    /// Every action that the head of its part names.
    pub(super) fn actions(&self) -> &[String] {
        &self.actions
    }

    /// The body to send, with `envelope` in the place of the one that was read.
    ///
    /// # Errors
    /// What was read behind the envelope could pass for another one.
    pub(super) fn with_envelope(self, envelope: Vec<u8>, root: &Root, limits: &Relay) -> Result<CallBody, Fault> {
        let old = self.span.to - self.span.from;
        let (before, after) = (self.read.get(..self.span.from), self.read.get(self.span.to..));
        let (before, after) = (before.unwrap_or_default().to_vec(), after.unwrap_or_default().to_vec());
        let mut parts = Parts::of(root);
        if let Some(parts) = &mut parts {
            parts.see(&after).map_err(|_| wrong_parts())?;
            if self.rest.is_none() && !parts.is_ended() {
                return Err(wrong_parts());
            }
        }
        let grown = |len: u64| len.saturating_sub(old as u64).saturating_add(envelope.len() as u64);
        let known = match &self.rest {
            None => Some(self.read.len() as u64),
            Some(_) => self.declared,
        };
        let len = known.map(grown);
        let stream = Limited::new(self.rest, limits.call_len_max, limits.silence_ms);
        Ok(CallBody::new([before, envelope, after], stream, parts, len))
    }
}

fn too_long() -> Fault {
    Fault::sender_with(
        StatusCode::PAYLOAD_TOO_LARGE,
        "call-too-long",
        "l'appel dépasse la longueur admise (call_len_max) ; envoyez moins de documents à la fois",
    )
}

/// Neither SOAP 1.2 nor MTOM, or parts that cannot be told apart.
pub(super) fn wrong_parts() -> Fault {
    Fault::sender_with(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "content-type",
        "le corps doit être du SOAP 1.2 en UTF-8 (application/soap+xml), seul ou en première partie MTOM \
         (multipart/related, type application/xop+xml) sans encodage ; corrigez Content-Type",
    )
}
