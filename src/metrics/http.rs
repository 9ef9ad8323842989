//! One HTTP/1.1 answer to whoever scrapes, on a connection that ends with it.

use super::MEDIA_TYPE;

/// Longest head of a request in bytes: a scraper's is some hundred.
pub const HEAD_LEN_MAX: usize = 8 * 1024;
/// Longest answer in bytes that a scraper has to expect: some dozen samples.
pub const ANSWER_LEN_MAX: usize = 256 * 1024;

/// The answer to a request with this head, whole or not; `metrics` makes the text when it is asked for.
#[must_use]
pub fn answer(head: &[u8], metrics: impl FnOnce() -> String) -> String {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = std::str::from_utf8(line).unwrap_or_default().trim_end_matches('\r');
    let words: Vec<&str> = line.split(' ').collect();
    let is_whole = head.windows(4).any(|end| end == b"\r\n\r\n") || head.windows(2).any(|end| end == b"\n\n");
    match words.as_slice() {
        [method, target, version] if is_whole && version.starts_with("HTTP/1.") => {
            let path = target.split('?').next().unwrap_or_default();
            match (*method, path) {
                ("GET" | "HEAD", "/metrics") => response("200 OK", MEDIA_TYPE, "", &metrics(), *method == "HEAD"),
                (_, "/metrics") => refusal("405 Method Not Allowed", "Allow: GET, HEAD\r\n"),
                _ => refusal("404 Not Found", ""),
            }
        }
        _ => refusal("400 Bad Request", ""),
    }
}

fn refusal(status: &str, more: &str) -> String {
    response(status, "text/plain; charset=utf-8", more, &format!("{status}\n"), false)
}

fn response(status: &str, media: &str, more: &str, body: &str, is_head: bool) -> String {
    let len = body.len();
    let body = if is_head { "" } else { body };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {media}\r\nContent-Length: {len}\r\nCache-Control: no-store\r\n{more}Connection: close\r\n\r\n{body}"
    )
}
