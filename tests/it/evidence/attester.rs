//! An appliance made of a software TPM and tpm2-tools: structures that a real TPM marshalled, by none of our code.

use std::fs;

use sceau::evidence::binding::qualifying_data;
use sceau::evidence::document::{
    Attested, CertifiedCounter, CertifiedKey, Claims, Consistency, Document, Endorsement, Evidence, KeyRole,
    Ledger, Marshalled, PcrValue,
};
use sceau::evidence::enrolment::{Answer, Challenge, Request};
use sceau::evidence::nonce::Nonce;
use sceau::traces::checkpoint::Checkpoint;
use sceau::traces::digest::Digest;
use sceau::traces::note::key::VerifierKey;

use super::boot::{self, Boot};
use super::ledger::{leaves, proof, root};
use crate::support::skip::skip;
use crate::support::softhsm::run;
use crate::support::swtpm::Swtpm;

/// Persistent handles: a software TPM has room for three transient objects.
const EK: u32 = 0x8101_0030;
const AK: u32 = 0x8101_0002;
const AUDIT: u32 = 0x8101_0003;
const COUNTER: u32 = 0x0180_0200;
/// Origin of the ledger's first generation.
pub(super) const ORIGIN: &str = "ch-exemple.fr/sceau/1";
/// The quote's PCRs for tpm2-tools.
pub(super) const SELECTION: &str = "sha256:0,1,2,3,4,5,6,7,11,12,15";

/// An appliance.
pub(super) struct Attester {
    pub(super) tpm: Swtpm,
    pub(super) boot: Boot,
    /// Entries of its ledger, and which history they are of.
    pub(super) ledger: (u64, &'static str),
    pub(super) origin: &'static str,
    /// Name and handle of the audit key in use.
    pub(super) audit: (&'static str, u32),
}

fn handle(handle: u32) -> String {
    format!("0x{handle:x}")
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn tpm2b(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

impl Attester {
    /// None, counted as skipped, where the tools are not installed.
    pub(super) fn new(test: &str) -> Option<Attester> {
        let missing = Swtpm::missing(&["swtpm", "swtpm_setup", "tpm2_quote"]);
        if !missing.is_empty() {
            skip(&format!("evidence::{test}"), &format!("not installed: {}", missing.join(", ")));
            return None;
        }
        let attester = Attester {
            tpm: Swtpm::manufactured(),
            boot: Boot::of("1"),
            ledger: (5, "first"),
            origin: ORIGIN,
            audit: ("audit", AUDIT),
        };
        attester.keys();
        attester.tool(
            "tpm2_nvdefine",
            &[&handle(COUNTER), "-C", "o", "-s", "8", "-a", "ownerread|ownerwrite|authread|nt=counter"],
        );
        attester.count();
        attester.boot.on(&attester.tpm);
        Some(attester)
    }

    /// Runs a tool; its transient objects are gone afterwards.
    pub(super) fn tool(&self, name: &str, arguments: &[&str]) {
        run(&mut self.tpm.tool(name, arguments));
        run(&mut self.tpm.tool("tpm2_flushcontext", &["-t"]));
    }

    fn keys(&self) {
        self.tool("tpm2_createek", &["-G", "rsa", "-c", &handle(EK), "-u", "ek.pub"]);
        self.attestation_key("ak", AK);
        self.tool("tpm2_createprimary", &["-C", "o", "-G", "ecc", "-c", "primary.ctx"]);
        self.signing_key("audit", AUDIT);
    }

    /// A key of that name that signs what it is given and never leaves the TPM, at that handle; its public half in `<name>.der`.
    pub(super) fn signing_key(&self, name: &str, at: u32) {
        let file = |end: &str| format!("{name}.{end}");
        let (public, private, context, der) = (file("pub"), file("priv"), file("ctx"), file("der"));
        let kind = ["-G", "ecc:ecdsa", "-a", "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign"];
        let wrapped = ["-C", "primary.ctx", "-u", &public, "-r", &private];
        self.tool("tpm2_create", &[&wrapped[..], &kind].concat());
        self.tool("tpm2_load", &[&wrapped[..], &["-c", &context]].concat());
        self.tool("tpm2_evictcontrol", &["-C", "o", "-c", &context, &handle(at)]);
        self.tool("tpm2_readpublic", &["-c", &handle(at), "-f", "der", "-o", &der]);
    }

    /// An attestation key of that name at that handle.
    pub(super) fn attestation_key(&self, name: &str, at: u32) {
        let (context, public) = (format!("{name}.ctx"), format!("{name}.pub"));
        let kind = ["-G", "ecc", "-g", "sha256", "-s", "ecdsa", "-c", &context, "-u", &public];
        self.tool("tpm2_createak", &[&["-C", &handle(EK)][..], &kind].concat());
        self.tool("tpm2_evictcontrol", &["-C", "o", "-c", &context, &handle(at)]);
    }

    /// TPMT_PUBLIC of a TPM2B_PUBLIC that a tool wrote.
    pub(super) fn public(&self, file: &str) -> Marshalled {
        Marshalled(self.file(file)[2..].to_vec())
    }

    pub(super) fn file(&self, name: &str) -> Vec<u8> {
        fs::read(self.tpm.path(name)).unwrap()
    }

    pub(super) fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.tpm.path(name), bytes).unwrap();
    }

    /// Raises the counter.
    pub(super) fn count(&self) {
        self.tool("tpm2_nvincrement", &["-C", "o", &handle(COUNTER)]);
    }

    fn counter(&self) -> u64 {
        self.tool("tpm2_nvread", &["-C", "o", "-s", "8", "-o", "counter", &handle(COUNTER)]);
        u64::from_be_bytes(self.file("counter").try_into().unwrap())
    }

    /// The endorsement key's certificate as the manufacturer wrote it into the TPM.
    fn endorsement(&self) -> Endorsement {
        self.tool("tpm2_nvread", &["-C", "o", "-o", "ek.crt", "0x1c00002"]);
        let [_, intermediate] = self.tpm.authorities();
        run(&mut self.tpm.tool(
            "openssl",
            &["x509", "-in", intermediate.to_str().unwrap(), "-outform", "DER", "-out", "ca.der"],
        ));
        Endorsement {
            ek_certificate: Marshalled(self.file("ek.crt")),
            ek_chain: vec![Marshalled(self.file("ca.der"))],
            ek_public: self.public("ek.pub"),
        }
    }

    /// What it asks to be enrolled as.
    pub(super) fn request(&self) -> Request {
        Request {
            format: Request::FORMAT.to_owned(),
            version: "0.1.0".to_owned(),
            endorsement: self.endorsement(),
            attestation_key: self.public("ak.pub"),
        }
    }

    /// TPM2_ActivateCredential; `None` if the TPM cannot open the challenge.
    pub(super) fn answer(&self, challenge: &Challenge) -> Option<Answer> {
        let head = [0xBADC_C0DEu32.to_be_bytes(), 1u32.to_be_bytes()].concat();
        self.write("blob", &[&head[..], &challenge.credential.0, &challenge.secret.0].concat());
        self.tool("tpm2_startauthsession", &["--policy-session", "-S", "session.ctx"]);
        run(&mut self.tpm.tool("tpm2_policysecret", &["-S", "session.ctx", "-c", "e"]));
        let keys = ["-c", &handle(AK), "-C", &handle(EK)];
        let files = ["-i", "blob", "-o", "secret", "-P", "session:session.ctx"];
        let activated = self.tpm.tool("tpm2_activatecredential", &[&keys[..], &files].concat()).output().unwrap();
        run(&mut self.tpm.tool("tpm2_flushcontext", &["session.ctx"]));
        activated.status.success().then(|| Answer {
            format: Answer::FORMAT.to_owned(),
            id: challenge.id,
            credential: Marshalled(self.file("secret")),
        })
    }

    /// Line of AUDIT.pub, under the ledger's present name.
    pub(super) fn audit_key(&self) -> VerifierKey {
        VerifierKey::of_spki(self.origin, &self.file(&format!("{}.der", self.audit.0))).unwrap()
    }

    /// The ledger's head, signed in the TPM.
    pub(super) fn head(&self) -> Ledger {
        let (size, history) = self.ledger;
        let checkpoint =
            Checkpoint::new(self.origin, size, root(&leaves(size, history)), Digest::of(&[b"map"])).unwrap();
        let signed = checkpoint.sign(&self.audit_key(), |text| {
            self.write("text", text);
            self.tool(
                "tpm2_sign",
                &["-c", &handle(self.audit.1), "-g", "sha256", "-s", "ecdsa", "-o", "text.sig", "text"],
            );
            let signature = self.file("text.sig");
            // TPMT_SIGNATURE: two algorithms, then r and s with their lengths.
            Ok::<_, std::convert::Infallible>([&signature[6..38], &signature[40..72]].concat())
        });
        Ledger { audit_key: self.audit_key().to_string(), checkpoint: signed.unwrap().note().to_string() }
    }

    /// What it says of itself.
    pub(super) fn claims(&self) -> Claims {
        Claims {
            version: "0.1.0".to_owned(),
            image: Some("1".to_owned()),
            convention: Digest::of(&[b"convention"]),
            seals: vec![],
            authentications: vec![],
            ledger: Some(self.head()),
            counter: Some(self.counter()),
        }
    }

    /// TPM2_Quote by the key at a handle.
    pub(super) fn quote(&self, key: u32, selection: &str, data: &Digest) -> Attested {
        self.quote_in("ecdsa", key, selection, data)
    }

    /// The same in another scheme, which is that of the key.
    pub(super) fn quote_in(&self, scheme: &str, key: u32, selection: &str, data: &Digest) -> Attested {
        let files = ["-m", "quote", "-s", "quote.sig", "-o", "quote.pcrs"];
        let data = hex(data.as_bytes());
        let what = ["-c", &handle(key), "-l", selection, "-q", &data, "-g", "sha256", "--scheme", scheme];
        self.tool("tpm2_quote", &[&what[..], &files].concat());
        Attested { attest: Marshalled(self.file("quote")), signature: Marshalled(self.file("quote.sig")) }
    }

    /// TPM2_Certify by the AK, as the bytes of the command: the tool gives no qualifying data.
    pub(super) fn certify(&self, object: u32, data: &[u8]) -> Attested {
        let password = [0x40, 0x00, 0x00, 0x09, 0, 0, 0, 0, 0];
        let body = [
            &0x148u32.to_be_bytes()[..],
            &object.to_be_bytes(),
            &AK.to_be_bytes(),
            &18u32.to_be_bytes(),
            &password,
            &password,
            &tpm2b(data),
            &0x0010u16.to_be_bytes(),
        ]
        .concat();
        let head = [&0x8002u16.to_be_bytes()[..], &u32::try_from(body.len() + 6).unwrap().to_be_bytes()].concat();
        self.write("command", &[head, body].concat());
        run(&mut self.tpm.tool("sh", &["-c", "tpm2_send <command >response"]));
        let response = self.file("response");
        assert_eq!(&response[6..10], [0; 4], "TPM2_Certify: {}", hex(&response));
        let parameters = usize::try_from(u32::from_be_bytes(response[10..14].try_into().unwrap())).unwrap();
        let len = usize::from(u16::from_be_bytes(response[14..16].try_into().unwrap()));
        let (attest, signature) = response[16..14 + parameters].split_at(len);
        Attested { attest: Marshalled(attest.to_vec()), signature: Marshalled(signature.to_vec()) }
    }

    /// TPM2_NV_Certify of the counter by the AK.
    fn certify_counter(&self, data: &Digest) -> CertifiedCounter {
        let what = ["-C", &handle(AK), "-c", "o", "-g", "sha256", "-q", &hex(data.as_bytes()), "--size", "8"];
        let files = ["-o", "nv.sig", "--attestation", "nv.attest", &handle(COUNTER)];
        self.tool("tpm2_nvcertify", &[&what[..], &files].concat());
        // TPMS_NV_PUBLIC by the bytes of TPM2_NV_ReadPublic; the tool prints fields.
        let command =
            [&0x8001u16.to_be_bytes()[..], &14u32.to_be_bytes(), &0x169u32.to_be_bytes(), &COUNTER.to_be_bytes()];
        self.write("command", &command.concat());
        run(&mut self.tpm.tool("sh", &["-c", "tpm2_send <command >response"]));
        let response = self.file("response");
        let len = usize::from(u16::from_be_bytes(response[10..12].try_into().unwrap()));
        CertifiedCounter {
            public: Marshalled(response[12..12 + len].to_vec()),
            certification: Attested {
                attest: Marshalled(self.file("nv.attest")),
                signature: Marshalled(self.file("nv.sig")),
            },
        }
    }

    /// PCR values, as the TPM tells them.
    pub(super) fn pcrs(&self) -> Vec<PcrValue> {
        boot::pcrs(&self.tpm)
    }

    /// Evidence for this nonce; `since` as its officer asks.
    pub(super) fn evidence(&self, nonce: Nonce, since: Option<u64>) -> Evidence {
        self.evidence_of(nonce, since, self.claims(), AK)
    }

    /// Evidence with these claims, quoted by the key at a handle.
    pub(super) fn evidence_of(&self, nonce: Nonce, since: Option<u64>, claims: Claims, key: u32) -> Evidence {
        let data = qualifying_data(&nonce, &claims);
        let (size, history) = self.ledger;
        let tree = leaves(size, history);
        Evidence {
            format: Evidence::FORMAT.to_owned(),
            nonce,
            endorsement: self.endorsement(),
            attestation_key: self.public("ak.pub"),
            quote: self.quote(key, SELECTION, &data),
            pcrs: self.pcrs(),
            event_log: Marshalled(self.boot.log()),
            userspace_log: Some(Marshalled(self.boot.userspace_log())),
            keys: vec![CertifiedKey {
                role: KeyRole::Audit,
                key: "audit".to_owned(),
                public: self.public(&format!("{}.pub", self.audit.0)),
                certification: self.certify(self.audit.1, data.as_bytes()),
            }],
            counter: Some(self.certify_counter(&data)),
            consistency: since
                .map(|since| Consistency { since, proof: proof(usize::try_from(since).unwrap(), &tree) }),
            claims,
        }
    }

    /// Power off in good order, and on: the same boot again.
    pub(super) fn restart(&mut self) {
        self.tpm.shut_down();
        self.tpm.start();
        self.boot.on(&self.tpm);
    }
}
