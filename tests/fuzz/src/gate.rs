//! What the gate reads of clients: a body stays one object inside its frame, and what is reserved is seen however it is written.

use sceau::gate::{Proposal, Shown, destination, framed, is_reserved};
use sceau::varlink::call::Call;
use sceau::vihf::instant::Instant;

/// The input as a body, as a frame, as a certificate, as a proposal and as a path.
pub fn holds(input: &[u8]) {
    if let Ok(frame) = framed("Issue", input) {
        let (end, frame) = frame.split_last().expect("a frame has its NUL");
        assert!(*end == 0 && !frame.contains(&0), "a frame within the frame");
        let call = Call::parse(frame).expect("what is JSON stays JSON");
        assert_eq!((call.method.as_str(), call.more), ("fr.sceau.Token.Issue", false));
        assert!(!is_reserved(frame));
    }
    if let Ok(call) = Call::parse(input) {
        let is_the_gates = call.method == "fr.sceau.Gate" || call.method.starts_with("fr.sceau.Gate.");
        assert_eq!(is_reserved(input), is_the_gates, "{}", call.method);
    }
    if let Some(shown) = Shown::read(input) {
        assert!(!shown.public_key.is_empty());
    }
    for now in [Instant::from_ms(0), Instant::from_ms(1_800_000_000_000)] {
        let _ = Proposal::read(input, now);
    }
    let uri = std::str::from_utf8(input).ok().and_then(|text| text.parse().ok());
    if let Some((host, uri)) = uri.and_then(|uri| destination(&uri)) {
        assert!(uri.path().starts_with('/') && uri.authority().is_none(), "{uri}");
        assert!(!host.is_empty() && !host.as_bytes().contains(&b'/') && !host.as_bytes().contains(&b'@'));
    }
}
