//! Tokens made once per process: an RSA 4096 key takes seconds, and a test that only needs a good key may share it.
//!
//! The bank keeps the token's files in memory, so that nothing stays on disk; each establishment gets its own copy with
//! a PIN of its own.

use std::collections::HashMap;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

use super::key_kind::{KeyOrigin, KeyType};
use super::softhsm::{Token, TokenStore};

type Name = (KeyType, String);

struct Account {
    token: Token,
    /// Name of the token's folder, and its files.
    files: Vec<(String, Vec<u8>)>,
    folder: String,
}

static BANK: LazyLock<Mutex<HashMap<Name, Arc<OnceLock<Account>>>>> = LazyLock::new(Mutex::default);

/// Puts a token with a good key pair `object` into `store`; the same key for each store of this process.
pub fn withdraw(store: &TokenStore, object: &str, key: KeyType) -> Token {
    let account = Arc::clone(BANK.lock().unwrap().entry((key, object.to_owned())).or_default());
    let account = account.get_or_init(|| open_account(object, key));
    let folder = store.tokens().join(&account.folder);
    DirBuilder::new().mode(0o700).create(&folder).unwrap();
    for (name, bytes) in &account.files {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
    let mut token = account.token.clone();
    store.change_pin(&mut token);
    token
}

fn open_account(object: &str, key: KeyType) -> Account {
    let folder = tempfile::tempdir().unwrap();
    let store = TokenStore::create(folder.path());
    let token = store.make(&format!("sceau-{}-{object}", key.name()), object, key, KeyOrigin::Generated);
    let [only] = &entries(&store.tokens())[..] else { panic!("one token makes one folder") };
    let files = entries(&store.tokens().join(only));
    let files = files
        .into_iter()
        .map(|name| (name.clone(), std::fs::read(store.tokens().join(only).join(&name)).unwrap()));
    Account { token, files: files.collect(), folder: only.clone() }
}

fn entries(folder: &Path) -> Vec<String> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}
