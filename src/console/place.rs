//! Where things are on the appliance, below a root that a test stages.

use std::path::{Path, PathBuf};

use super::configuration::certificate;

/// The appliance's files; every path of this room comes from here.
#[derive(Clone, Debug)]
pub(super) struct Place {
    root: PathBuf,
}

impl Place {
    /// The machine itself, or what stands in for it below `root`.
    pub(super) fn new(root: Option<PathBuf>) -> Self {
        Self { root: root.unwrap_or_else(|| PathBuf::from("/")) }
    }

    /// Whether it is a folder that stands in for the machine: nothing is started, and everything is the caller's.
    pub(super) fn is_staged(&self) -> bool {
        self.root != Path::new("/")
    }

    /// A path of the appliance where it is now.
    pub(super) fn at(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// What `/etc/sceau` leads to. It appears whole, by one renaming, and that is what "provisioned" means.
    pub(super) fn configuration(&self) -> PathBuf {
        self.at("/var/lib/sceau-config")
    }

    /// Where it is made before.
    pub(super) fn candidate(&self) -> PathBuf {
        self.at("/var/lib/sceau-config.new")
    }

    /// Folder of the soft tokens.
    pub(super) fn tokens(&self) -> PathBuf {
        self.at("/var/lib/sceau-token")
    }

    /// Memory of refused PINs, shared with the signers of that user (`StateDirectory=` of their unit).
    pub(super) fn signers_state(&self, user: &str) -> PathBuf {
        self.at("/var/lib").join(user)
    }

    /// The certificate of a key, once it was brought.
    pub(super) fn certificate(&self, key: &str) -> PathBuf {
        self.configuration().join(certificate(key))
    }

    /// The stick, as udev names it by its label.
    pub(super) fn stick_device(&self) -> PathBuf {
        self.at("/dev/disk/by-label/SCEAU")
    }

    /// What the last visit came to, in memory: the stick may be gone.
    pub(super) fn last_visit(&self) -> PathBuf {
        self.work().join("result.txt")
    }

    /// Work in memory: PINs on their way to a child.
    pub(super) fn work(&self) -> PathBuf {
        self.at("/run/sceau-console")
    }

    /// Whose signatures are taken, baked into the image.
    pub(super) fn provisioning_keys(&self) -> PathBuf {
        self.at("/usr/lib/sceau/provisioning.keys")
    }

    /// Whose updates are taken, baked into the image too.
    pub(super) fn release_keys(&self) -> PathBuf {
        self.at("/usr/lib/sceau/release.keys")
    }

    /// Where systemd-sysupdate finds an update (the image's sysupdate.d); emptied at each start of the machine.
    pub(super) fn payload(&self) -> PathBuf {
        self.at("/var/lib/sceau-update")
    }

    /// A PCR of the SHA-256 bank as the kernel tells it (hexadecimal).
    pub(super) fn pcr(&self, number: u8) -> PathBuf {
        self.at(&format!("/sys/class/tpm/tpm0/pcr-sha256/{number}"))
    }

    /// The serial number that the firmware tells.
    pub(super) fn serial(&self) -> PathBuf {
        self.at("/sys/class/dmi/id/product_serial")
    }

    /// The key of a signed image's PCR 11 policy (systemd-stub(7)).
    pub(super) fn pcr_public_key(&self) -> PathBuf {
        self.at("/run/systemd/tpm2-pcr-public-key.pem")
    }

    /// The provisioning that was applied, byte for byte.
    pub(super) fn applied(&self) -> PathBuf {
        self.configuration().join(APPLIED)
    }

    /// The recovery key of the state, as the initrd leaves it in memory.
    pub(super) fn recovery_key(&self) -> PathBuf {
        self.at("/run/sceau-recovery/key")
    }

    /// The mark that somebody took it.
    pub(super) fn recovery_mark(&self) -> PathBuf {
        self.at("/var/lib/sceau-appliance/recovery-key-taken")
    }

    /// When evidence was last made.
    pub(super) fn last_attestation(&self) -> PathBuf {
        self.at("/var/lib/sceau-appliance/last-attestation")
    }

    /// A provisioning that was typed at the console, in memory.
    pub(super) fn typed(&self) -> PathBuf {
        self.at("/run/sceau-typed/provisioning.toml")
    }

    /// The PIN of a vendor's token, typed there too.
    pub(super) fn typed_pin(&self) -> PathBuf {
        self.at("/run/sceau-typed/pin")
    }

    /// The recovery key, typed there to bind the state anew.
    pub(super) fn typed_recovery_key(&self) -> PathBuf {
        self.at("/run/sceau-typed/recovery-key")
    }

    /// The encrypted partition of the state.
    pub(super) fn state_device(&self) -> PathBuf {
        self.at("/dev/disk/by-partlabel/sceau-state")
    }

    /// The key whose signatures say in which phase of which images the state opens, baked into the image.
    pub(super) fn disk_public_key(&self) -> PathBuf {
        self.at("/usr/lib/sceau/pcr-disk.pub")
    }

    /// The firmware's variable by which systemd-repart makes the state anew at the next start (systemd-repart(8)).
    pub(super) fn factory_reset(&self) -> PathBuf {
        self.at("/sys/firmware/efi/efivars/FactoryReset-8cf2644b-4b0b-428f-9387-6d876050dc67")
    }

    /// What the last work on the disk came to, for the screen.
    pub(super) fn disk_result(&self) -> PathBuf {
        self.work().join("disk.txt")
    }

    /// `sceau.toml`.
    pub(super) fn sceau_toml(&self) -> PathBuf {
        self.configuration().join("sceau.toml")
    }

    /// Whether this appliance is an establishment's.
    pub(super) fn is_provisioned(&self) -> bool {
        self.applied().symlink_metadata().is_ok()
    }
}

/// Name of the applied provisioning in the configuration's folder.
pub(super) const APPLIED: &str = "appliance.toml";
/// Folder of the requests that await their certificates, there too.
pub(super) const REQUESTS: &str = "requests";
/// Folder of the encrypted credentials, there too.
pub(super) const CREDENTIALS: &str = "credentials";
