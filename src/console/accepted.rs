//! Whether a file of a stick, a provisioning or an update, is signed by somebody whom the image names for that purpose.

use crate::policy::sshsig::{Envelope, OperatorKey};

/// What the signatures of a provisioning are made for (`ssh-keygen -Y sign -n fr.sceau.provisioning`): one made for another purpose
/// provisions nothing.
pub(super) const PROVISIONING: &str = "fr.sceau.provisioning";
/// Those of an update.
pub(super) const RELEASE: &str = "fr.sceau.release";

/// Why a file is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotAccepted {
    /// The image names nobody.
    #[error(
        "cette image ne nomme aucun signataire pour {0} ; provisionnez à la console, ou faites une image avec vos clés"
    )]
    NoKeys(&'static str),
    /// The list of signers cannot be read as one.
    #[error(
        "la liste des signataires de l'image est illisible ; signalez-le au fabricant, provisionnez à la console"
    )]
    Keys,
    /// The signature is none.
    #[error("la signature n'est pas une signature SSH ; refaites-la (ssh-keygen -Y sign -n {0})")]
    Form(&'static str),
    /// Made for another purpose.
    #[error("la signature a été faite pour un autre usage ; refaites-la avec -n {0}")]
    Namespace(&'static str),
    /// By a key that the image does not name.
    #[error("la clé qui a signé n'est pas parmi les signataires de cette image ; faites signer par l'un d'eux")]
    Stranger,
    /// Not of these bytes.
    #[error("la signature n'est pas celle de ce fichier ; remettez le fichier signé, ou signez de nouveau")]
    Altered,
}

/// The signer's name, if the text is signed for that namespace by one of `keys`: lines of an allowed-signers file (ssh-keygen(1)), of which name
/// and key are read. An option, which would restrict the signer in a way that is not obeyed here, makes a line unusable.
pub(super) fn accepted(
    keys: &str,
    namespace: &'static str,
    text: &[u8],
    armour: &str,
) -> Result<String, NotAccepted> {
    let mut signers = Vec::new();
    for line in keys.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (name, key) = line.split_once(char::is_whitespace).ok_or(NotAccepted::Keys)?;
        signers.push((name, OperatorKey::parse(key).map_err(|_| NotAccepted::Keys)?));
    }
    if signers.is_empty() {
        return Err(NotAccepted::NoKeys(namespace));
    }
    let envelope = Envelope::parse(armour).ok_or(NotAccepted::Form(namespace))?;
    if envelope.namespace() != namespace {
        return Err(NotAccepted::Namespace(namespace));
    }
    let by = envelope.key().ok_or(NotAccepted::Stranger)?;
    let (name, key) = signers.into_iter().find(|(_, key)| *key == by).ok_or(NotAccepted::Stranger)?;
    if envelope.is_by(&key, namespace, text) { Ok(name.to_owned()) } else { Err(NotAccepted::Altered) }
}
