//! The tests' own client reads frames as they come: in pieces, several at once, none.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::thread;

use serde_json::json;

use crate::support::varlink::{Client, Refused};

#[test]
fn answers_arrive_whole_whatever_the_pieces() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("s");
    let listener = UnixListener::bind(&socket).unwrap();
    let server = thread::spawn(move || {
        let mut peer = listener.accept().unwrap().0;
        let mut asked = vec![0; 1024];
        let len = peer.read(&mut asked).unwrap();
        asked.truncate(len);
        // The first answer in two pieces; the end of the first, and the second, in one.
        peer.write_all(b"{\"parameters\":{\"a\"").unwrap();
        peer.write_all(
            b":1}}\0{\"error\":\"fr.sceau.Token.Denied\",\"parameters\":{\"reason\":\"quota-exceeded\"}}\0",
        )
        .unwrap();
        asked
    });
    let mut client = Client::connect(&socket).unwrap();
    assert_eq!(client.call("x.Y", json!({ "b": 2 })), Ok(json!({ "a": 1 })));
    let refused: Refused = client.receive_answer().unwrap().unwrap_err();
    assert_eq!(refused.brief(), ("Denied", "quota-exceeded"));
    assert_eq!(server.join().unwrap(), b"{\"method\":\"x.Y\",\"parameters\":{\"b\":2}}\0");
    assert_eq!(client.receive().unwrap(), None);
}
