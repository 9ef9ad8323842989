//! Whose a loopback connection is: the kernel's table of TCP connections has the uid of each end (proc(5), `/proc/net/tcp`).

use std::fs;
use std::net::{IpAddr, SocketAddr};

/// State of an established connection in that table.
const ESTABLISHED: &str = "01";

/// The uid of whoever holds the end `from` of a connection of this machine to `to`; none where the kernel knows of none.
pub(super) fn of(from: SocketAddr, to: SocketAddr) -> Option<u32> {
    ["/proc/self/net/tcp", "/proc/self/net/tcp6"]
        .iter()
        .find_map(|table| find(&fs::read_to_string(table).ok()?, from, to))
}

fn find(table: &str, from: SocketAddr, to: SocketAddr) -> Option<u32> {
    table.lines().skip(1).find_map(|line| {
        let mut columns = line.split_ascii_whitespace();
        let (_, local, remote, state) = (columns.next()?, columns.next()?, columns.next()?, columns.next()?);
        let uid = columns.nth(3)?;
        (state == ESTABLISHED && is(local, from) && is(remote, to)).then(|| uid.parse().ok()).flatten()
    })
}

/// Whether the table's words `ADDRESS:PORT` are that address; an IPv4 one may stand as a mapped IPv6 one.
fn is(words: &str, address: SocketAddr) -> bool {
    let Some((ip, port)) = words.split_once(':') else { return false };
    let ip_words = |bytes: &[u8]| {
        let words = bytes.as_chunks::<4>().0.iter().map(|word| format!("{:08X}", u32::from_ne_bytes(*word)));
        words.collect::<String>()
    };
    let same = match address.ip() {
        IpAddr::V4(v4) => ip == ip_words(&v4.octets()) || ip == ip_words(&v4.to_ipv6_mapped().octets()),
        IpAddr::V6(v6) => ip == ip_words(&v6.octets()),
    };
    same && u16::from_str_radix(port, 16) == Ok(address.port())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::net::{TcpListener, TcpStream};

    use super::*;
    use crate::sys::peer::own_uid;

    #[test]
    fn a_connection_is_its_users_whatever_the_family() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (far, from) = listener.accept().unwrap();
            assert_eq!(of(from, far.local_addr().unwrap()), Some(own_uid()));
            // The other way round it is ours too; a port that nobody has is nobody's.
            let other = SocketAddr::new(from.ip(), from.port() ^ 1);
            assert_eq!(of(other, far.local_addr().unwrap()), None);
            drop(near);
        }
    }

    #[test]
    fn the_kernels_words_are_read() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n   \
             0: 0000000000000000FFFF00000100007F:D2F0 0000000000000000FFFF00000100007F:2120 01 00000000:00000000 00:00000000 00000000  1001  0 1\n   \
             1: 0100007F:D2F1 0100007F:2120 06 00000000:00000000 00:00000000 00000000  1002  0 1\n";
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        if cfg!(target_endian = "little") {
            assert_eq!(find(table, at(0xD2F0), at(0x2120)), Some(1001));
            assert_eq!(find(table, at(0xD2F1), at(0x2120)), None, "closed already");
            assert_eq!(find(table, at(0xD2F0), at(0x2121)), None);
        }
    }
}
