//! A loopback bridge to a Unix socket, for clients that know TCP alone; it lives in the test.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// The bridge; what went over it can be looked at.
pub(super) struct Bridge {
    pub(super) port: u16,
    /// What clients sent, all connections together.
    pub(super) sent: Arc<Mutex<Vec<u8>>>,
}

impl Bridge {
    /// Carries bytes both ways between a port of 127.0.0.1 and the socket at `path`, until the test program ends.
    pub(super) fn to(path: &Path) -> Bridge {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, path, sent) = (listener.local_addr().unwrap().port(), path.to_owned(), Arc::default());
        let seen = Arc::clone(&sent);
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let Ok(far) = UnixStream::connect(&path) else { continue };
                let (back_from, mut back_to) = (far.try_clone().unwrap(), near.try_clone().unwrap());
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut &back_from, &mut back_to);
                    let _ = back_to.shutdown(Shutdown::Write);
                });
                let seen = Arc::clone(&seen);
                std::thread::spawn(move || forth(near, far, &seen));
            }
        });
        Bridge { port, sent }
    }
}

fn forth(mut near: TcpStream, mut far: UnixStream, seen: &Mutex<Vec<u8>>) {
    let mut piece = [0; 65536];
    while let Ok(len @ 1..) = near.read(&mut piece) {
        seen.lock().unwrap().extend_from_slice(&piece[..len]);
        if far.write_all(&piece[..len]).is_err() {
            break;
        }
    }
    let _ = far.shutdown(Shutdown::Write);
}
