//! A boot as a firmware and systemd measure it: the event log, written by code that shares nothing with its reader.

use sceau::traces::digest::Digest;

use crate::support::softhsm::run;
use crate::support::swtpm::Swtpm;

const EV_SEPARATOR: u32 = 4;
const EV_S_CRTM_VERSION: u32 = 8;
const EV_IPL: u32 = 13;
const EV_EFI_VARIABLE_DRIVER_CONFIG: u32 = 0x8000_0001;
const EV_EFI_BOOT_SERVICES_APPLICATION: u32 = 0x8000_0003;

/// One measurement of the firmware.
#[derive(Clone)]
pub(super) struct Event {
    pub(super) pcr: u32,
    pub(super) kind: u32,
    /// Digest of the SHA-256 bank.
    pub(super) digest: Digest,
    pub(super) data: Vec<u8>,
}

/// What was started.
#[derive(Clone)]
pub(super) struct Boot {
    pub(super) events: Vec<Event>,
    /// PCR and word of what systemd measured.
    pub(super) userspace: Vec<(u8, String, &'static str)>,
}

fn of_data(pcr: u32, kind: u32, data: &[u8]) -> Event {
    Event { pcr, kind, digest: Digest::of(&[data]), data: data.to_vec() }
}

/// UEFI_VARIABLE_DATA of a global variable.
pub(super) fn variable(name: &str, value: &[u8]) -> Vec<u8> {
    let guid = [0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11, 0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c];
    let characters: Vec<u16> = name.encode_utf16().collect();
    let mut data = guid.to_vec();
    data.extend((characters.len() as u64).to_le_bytes());
    data.extend((value.len() as u64).to_le_bytes());
    data.extend(characters.iter().flat_map(|c| c.to_le_bytes()));
    data.extend(value);
    data
}

impl Boot {
    /// A machine with Secure Boot on that starts this version of the image.
    pub(super) fn of(version: &str) -> Boot {
        Self::with(version, &[1])
    }

    /// The same with another value of the variable.
    pub(super) fn with(version: &str, secure_boot: &[u8]) -> Boot {
        let named = |pcr: u32, kind: u32, what: &str| Event {
            pcr,
            kind,
            digest: Digest::of(&[what.as_bytes(), version.as_bytes()]),
            data: what.as_bytes().to_vec(),
        };
        let mut events = vec![of_data(0, EV_S_CRTM_VERSION, b"firmware 1")];
        events.push(of_data(7, EV_EFI_VARIABLE_DRIVER_CONFIG, &variable("SecureBoot", secure_boot)));
        for name in ["PK", "KEK", "db", "dbx"] {
            events.push(of_data(7, EV_EFI_VARIABLE_DRIVER_CONFIG, &variable(name, b"keys of the establishment")));
        }
        events.extend((0..8).map(|pcr| of_data(pcr, EV_SEPARATOR, &[0; 4])));
        events.push(named(4, EV_EFI_BOOT_SERVICES_APPLICATION, "image"));
        events.extend([".linux", ".initrd", ".cmdline"].map(|section| named(11, EV_IPL, section)));
        let userspace = [
            (11, "enter-initrd", "phase"),
            (15, "cryptsetup:state:volume-key", "volume-key"),
            (11, "leave-initrd", "phase"),
            (15, "machine-id:0123456789abcdef", "machine-id"),
            (11, "ready", "phase"),
        ];
        Boot { events, userspace: userspace.map(|(pcr, word, kind)| (pcr, word.to_owned(), kind)).to_vec() }
    }

    /// The firmware's log, SHA-1 and SHA-256.
    pub(super) fn log(&self) -> Vec<u8> {
        written(&self.events)
    }

    /// systemd's log, as version 257 writes it.
    pub(super) fn userspace_log(&self) -> Vec<u8> {
        let records = self.userspace.iter().map(|(pcr, word, kind)| {
            let digest = Digest::of(&[word.as_bytes()]);
            let record = serde_json::json!({
                "pcr": pcr,
                "digests": [{ "hashAlg": "sha256", "digest": digest.to_string() }],
                "content_type": "systemd",
                "content": { "string": word, "bootId": "b", "timestamp": 1, "eventType": kind },
            });
            format!("\u{1e}{record}\n")
        });
        records.collect::<String>().into_bytes()
    }

    /// Has a TPM measure it.
    pub(super) fn on(&self, tpm: &Swtpm) {
        let userspace =
            self.userspace.iter().map(|(pcr, word, _)| (u32::from(*pcr), Digest::of(&[word.as_bytes()])));
        extend(tpm, self.events.iter().map(|event| (event.pcr, event.digest)).chain(userspace));
    }
}

/// Extends PCRs of the SHA-256 bank in this order.
pub(super) fn extend(tpm: &Swtpm, measured: impl Iterator<Item = (u32, Digest)>) {
    let arguments: Vec<String> = measured.map(|(pcr, digest)| format!("{pcr}:sha256={digest}")).collect();
    for some in arguments.chunks(8) {
        let some: Vec<&str> = some.iter().map(String::as_str).collect();
        run(&mut tpm.tool("tpm2_pcrextend", &some));
    }
}

/// A crypto-agile log of these events.
pub(super) fn written(events: &[Event]) -> Vec<u8> {
    let mut spec = b"Spec ID Event03\0".to_vec();
    spec.extend([0, 0, 0, 0, 0, 2, 0, 2]);
    spec.extend(2u32.to_le_bytes());
    for (algorithm, len) in [(0x0004u16, 20u16), (0x000B, 32)] {
        spec.extend(algorithm.to_le_bytes());
        spec.extend(len.to_le_bytes());
    }
    spec.push(0);
    let mut log = Vec::new();
    log.extend(0u32.to_le_bytes());
    log.extend(3u32.to_le_bytes());
    log.extend([0; 20]);
    log.extend((spec.len() as u32).to_le_bytes());
    log.extend(spec);
    for event in events {
        log.extend(event.pcr.to_le_bytes());
        log.extend(event.kind.to_le_bytes());
        log.extend(2u32.to_le_bytes());
        log.extend(0x0004u16.to_le_bytes());
        log.extend([0x11; 20]);
        log.extend(0x000Bu16.to_le_bytes());
        log.extend(event.digest.as_bytes());
        log.extend((event.data.len() as u32).to_le_bytes());
        log.extend(&event.data);
    }
    log
}
