//! A key generated without CKA_SENSITIVE: pkcs11-tool cannot, so a child of this test program does, through cryptoki.

use super::key_kind::KeyType;
use super::softhsm::{Token, TokenStore, run};

const CHILD: &str = "support::not_sensitive::child";

pub(super) fn make(store: &TokenStore, token: &Token, key: KeyType) {
    assert_eq!(key, KeyType::P256, "only P-256 keys are made without CKA_SENSITIVE");
    let mut child = store.command(std::env::current_exe().unwrap().to_str().unwrap());
    child.args(["--exact", CHILD, "--ignored"]);
    child.env("TOKEN_LABEL", &token.label).env("OBJECT_LABEL", &token.object).env("USER_PIN", &token.pin);
    let said = run(&mut child);
    assert!(said.contains("1 passed"), "the child made no key: {said}");
}

#[cfg(test)]
#[test]
#[ignore = "child process of the tests that need a key without CKA_SENSITIVE"]
fn child() {
    use super::softhsm::MODULE;
    use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
    use cryptoki::{mechanism::Mechanism, object::Attribute, session::UserType, types::AuthPin};
    let var = |name: &str| std::env::var(name).unwrap();
    let pkcs11 = Pkcs11::new(MODULE).unwrap();
    pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).unwrap();
    let mut slots = pkcs11.get_slots_with_token().unwrap().into_iter();
    let slot = slots.find(|slot| pkcs11.get_token_info(*slot).unwrap().label() == var("TOKEN_LABEL")).unwrap();
    let session = pkcs11.open_rw_session(slot).unwrap();
    session.login(UserType::User, Some(&AuthPin::new(var("USER_PIN").into()))).unwrap();
    let label = Attribute::Label(var("OBJECT_LABEL").into_bytes());
    let curve = Attribute::EcParams(b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07".to_vec());
    let (id, token) = (Attribute::Id(vec![1]), Attribute::Token(true));
    let public =
        [token.clone(), label.clone(), id.clone(), curve, Attribute::Private(false), Attribute::Verify(true)];
    let open = [Attribute::Sensitive(false), Attribute::Extractable(false)];
    let private = [token, label, id, Attribute::Private(true), Attribute::Sign(true)];
    session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &[&private[..], &open[..]].concat()).unwrap();
}
