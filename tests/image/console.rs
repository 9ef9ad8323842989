//! The serial console of a machine: all that it said, and a keyboard.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use super::support::wait::eventually;

/// The console.
pub(crate) struct Console {
    log: PathBuf,
    line: UnixStream,
}

impl Console {
    /// QEMU's socket and the file in which it writes all that was said, from the first byte on.
    pub(super) fn connect(socket: &Path, log: &Path) -> Console {
        let line = eventually("QEMU has its console", || UnixStream::connect(socket).ok());
        let mut output = line.try_clone().unwrap();
        // Nobody reads here, the file has it; but a line that nobody empties stops its machine.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        Console { log: log.into(), line }
    }

    /// All that was said until now, without what moves a cursor or colours a text.
    pub(crate) fn said(&self) -> String {
        plain(&std::fs::read(&self.log).unwrap_or_default())
    }

    /// Keys.
    pub(crate) fn send(&mut self, keys: &str) {
        self.line.write_all(keys.as_bytes()).unwrap();
    }
}

/// Text without control sequences (ECMA-48), nor the NULs that a firmware pads with.
pub(super) fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => match characters.next() {
                // CSI: parameters, then one final byte.
                Some('[') => while characters.next().is_some_and(|c| !('@'..='~').contains(&c)) {},
                // OSC: up to BEL or ESC \.
                Some(']') => {
                    while characters.next().is_some_and(|c| c != '\u{7}' && c != '\u{1b}') {}
                    characters.next_if_eq(&'\\');
                }
                // Another escape ends with its second byte, but for those that choose a character set.
                Some('(' | ')' | '%') => drop(characters.next()),
                _ => {}
            },
            '\0' | '\r' => {}
            other => plain.push(other),
        }
    }
    plain
}

#[test]
fn a_console_is_read_without_its_colours() {
    let said = b"\x1b[2J\x1b[01;01H\x1b[0m\x1b[35mBdsDxe\x1b[0m: \x1b]0;title\x07ok\x1b]0;t\x1b\\!\x1b(B\r\n";
    assert_eq!(plain(said), "BdsDxe: ok!\n");
}
