//! What may be amiss with a ledger, each with the name of its rule.

use std::fmt;

use crate::traces::audit::Generation;
use crate::traces::chain::Incomplete;

/// One thing amiss. `Display` is French, with cause and remedy; [`Finding::rule`] is for programs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are indexes and sizes, named by their variant")]
pub enum Finding {
    /// The bytes at a position are no entry.
    Unreadable { at: u64, cause: String },
    /// Entries were deleted.
    Missing { from: u64, to: u64 },
    /// An entry stands where another belongs.
    OutOfOrder { at: u64, index: u64 },
    /// An entry is older than its predecessor.
    TimeWentBack { at: u64 },
    /// The boot generation changes without a start: entries of another ledger, or of another life of this one.
    Spliced { at: u64 },
    /// A practitioner's chain does not go on here.
    ChainBroken { at: u64 },
    /// An outcome speaks of no assertion, of one that has its disposition, or comes before its release.
    OutcomeMisplaced { at: u64, of: u64 },
    /// An assertion has no disposition long after its end: its outcome was stripped or never written.
    OutcomeMissing { of: u64 },
    /// An entry names a configuration or convention of which neither start nor change tells.
    ConfigurationUntold { at: u64 },
    /// The entries are not those that a checkpoint was signed for.
    Altered { from: u64, to: u64 },
    /// The map of a checkpoint is not that of its entries.
    MapAltered { size: u64 },
    /// A checkpoint of the ledger is no trusted one.
    CheckpointForged { cause: String },
    /// No checkpoint of the ledger vouches for its entries.
    CheckpointMissing,
    /// The ledger ends before what it was signed for.
    Truncated { entries: u64, signed: u64 },
    /// The ledger ends before what the officer has seen of it.
    RolledBack { entries: u64, kept: u64 },
    /// Two histories were signed: this one is not that of the officer's checkpoint, or of another of the ledger's.
    Forked { size: u64 },
    /// The ledger was restored, and declares it, from a backup that had less than the officer has seen.
    Restored { generation: Generation, entries: u64, kept: u64 },
    /// An older copy was taken for the ledger, by a declared order of two, and lacks what the officer has seen.
    OlderCopy { generation: Generation, entries: u64, kept: u64 },
    /// One copy was restored twice: what the officer has seen is of the other's life.
    RestoredTwice { generation: Generation, other: Generation, entries: u64, kept: u64 },
    /// An entry declares a restoration that is not this ledger's.
    RestorationFalse { at: u64 },
    /// The archive and the officer's checkpoint are of two generations, and their histories differ.
    OtherGeneration { archive: Generation, kept: Generation },
    /// An archive's ledger ends before what the officer has seen: rolled back, or an archive older than his checkpoint.
    OlderThanKept { entries: u64, kept: u64 },
    /// An entry of an archive is not in the ledger of its checkpoint.
    NotIncluded { index: u64 },
    /// An archive is not all that the ledger has of its practitioner.
    Incomplete(Incomplete),
    /// The file is no archive, or one that programs may read differently.
    ArchiveUnreadable { cause: String },
    /// A member is not there.
    MemberMissing { name: String },
    /// A member that no archive has.
    MemberForeign { name: String },
    /// A member is there twice.
    MemberRepeated,
    /// A member is not the one that the manifest was made for.
    MemberAltered { name: String },
    /// The manifest does not say what the archive is.
    ManifestAltered { what: &'static str },
    /// The people named are not those whom the entry's ciphertexts name.
    IdentityAltered { index: u64 },
    /// The readable facts are not those of the leaf.
    FactsAltered { index: u64 },
    /// A row of the table is not that of its entry.
    TableAltered { row: u64 },
    /// A data key does not open the ciphertext that it is for.
    KeyWrong { index: u64 },
    /// A data key of somebody whom the archive does not show.
    KeyForeign,
    /// An entry that the archive is not about, or in a role that it cannot have.
    OutsideSelection { index: u64 },
    /// The order is not the one that is recorded.
    OrderAltered,
}

impl Finding {
    /// The rule that is broken.
    #[must_use]
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "entry-unreadable",
            Self::Missing { .. } => "entries-missing",
            Self::OutOfOrder { .. } => "entry-out-of-order",
            Self::TimeWentBack { .. } => "time-went-back",
            Self::Spliced { .. } => "ledger-spliced",
            Self::ChainBroken { .. } => "practitioner-chain-broken",
            Self::OutcomeMisplaced { .. } => "outcome-misplaced",
            Self::OutcomeMissing { .. } => "outcome-missing",
            Self::ConfigurationUntold { .. } => "configuration-untold",
            Self::Altered { .. } => "entries-altered",
            Self::MapAltered { .. } => "map-altered",
            Self::CheckpointForged { .. } => "checkpoint-forged",
            Self::CheckpointMissing => "checkpoint-missing",
            Self::Truncated { .. } => "ledger-truncated",
            Self::RolledBack { .. } => "ledger-rolled-back",
            Self::Forked { .. } => "ledger-forked",
            Self::Restored { .. } | Self::OlderCopy { .. } => "ledger-restored",
            Self::RestoredTwice { .. } => "ledger-restored-twice",
            Self::RestorationFalse { .. } => "restoration-false",
            Self::OtherGeneration { .. } => "archive-other-generation",
            Self::NotIncluded { .. } => "entry-not-included",
            Self::Incomplete(_) => "export-incomplete",
            Self::OlderThanKept { .. } => "archive-older",
            Self::ArchiveUnreadable { .. } => "archive-unreadable",
            Self::MemberMissing { .. } => "member-missing",
            Self::MemberForeign { .. } => "member-foreign",
            Self::MemberRepeated => "member-repeated",
            Self::MemberAltered { .. } => "member-altered",
            Self::ManifestAltered { .. } => "manifest-altered",
            Self::IdentityAltered { .. } => "identity-altered",
            Self::FactsAltered { .. } => "facts-altered",
            Self::TableAltered { .. } => "table-altered",
            Self::KeyWrong { .. } => "data-key-wrong",
            Self::KeyForeign => "data-key-foreign",
            Self::OutsideSelection { .. } => "entry-outside-selection",
            Self::OrderAltered => "order-altered",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { at, cause } => {
                write!(
                    f,
                    "l'entrée {at} est illisible ({cause}) ; demandez un nouvel export, ou un logiciel plus récent"
                )
            }
            Self::Missing { from, to } => {
                write!(
                    f,
                    "les entrées {from} à {to} manquent : elles ont été supprimées ; demandez le journal entier"
                )
            }
            Self::OutOfOrder { at, index } => {
                write!(
                    f,
                    "l'entrée {index} est à la place de l'entrée {at} : l'ordre a été changé, ou une entrée répétée"
                )
            }
            Self::TimeWentBack { at } => {
                write!(
                    f,
                    "l'entrée {at} est plus ancienne que la précédente ; examinez l'horloge et l'origine des entrées"
                )
            }
            Self::Spliced { at } => write!(
                f,
                "à l'entrée {at}, la génération de démarrage change sans démarrage : des entrées d'un autre journal ont \
                 été insérées"
            ),
            Self::ChainBroken { at } => write!(
                f,
                "l'entrée {at} ne suit pas la précédente du même professionnel : une entrée a été retirée, ajoutée ou \
                 modifiée"
            ),
            Self::OutcomeMisplaced { at, of } => {
                write!(f, "l'entrée {at} donne à l'entrée {of} une suite qui ne peut être la sienne")
            }
            Self::OutcomeMissing { of } => write!(
                f,
                "l'assertion de l'entrée {of} n'a pas de suite bien après sa fin : sa suite a été retirée ; n'en déduisez \
                 aucun accès"
            ),
            Self::ConfigurationUntold { at } => write!(
                f,
                "l'entrée {at} a été faite sous une configuration ou une convention que ni un démarrage ni un changement n'annonce : \
                 elle vient d'ailleurs, ou l'annonce a été retirée"
            ),
            Self::Altered { from, to } => {
                write!(
                    f,
                    "les entrées {from} à {to} ne sont pas celles qui ont été signées : au moins une a été modifiée"
                )
            }
            Self::MapAltered { size } => write!(
                f,
                "la table des professionnels signée à {size} entrées n'est pas celle des entrées ; la complétude des \
                 exports n'est pas prouvée"
            ),
            Self::CheckpointForged { cause } => write!(
                f,
                "un point de contrôle n'est pas de ce journal ou de sa clé d'audit ({cause}) ; vérifiez la clé donnée"
            ),
            Self::CheckpointMissing => f.write_str(
                "aucun point de contrôle signé ne couvre ces entrées ; demandez « sceau traces checkpoint »",
            ),
            Self::Truncated { entries, signed } => {
                write!(f, "le journal finit à {entries} entrées et a été signé à {signed} : sa fin a été coupée")
            }
            Self::RolledBack { entries, kept } => write!(
                f,
                "le journal finit à {entries} entrées et vous en avez vu {kept} : un état ancien a été remis en place"
            ),
            Self::Forked { size } => write!(
                f,
                "deux histoires différentes ont été signées, visibles à {size} entrées : le journal a été dédoublé ; \
                 gardez les deux points de contrôle comme preuve"
            ),
            Self::Restored { generation, entries, kept } => write!(
                f,
                "le journal a été repris d'une copie de {entries} entrées, ce que l'entrée {entries} déclare (génération \
                 {generation}) : les entrées {entries} à {} que vous aviez vues sont perdues ; demandez-en la raison, gardez votre \
                 point de contrôle et prenez-en un de la génération nouvelle",
                kept.saturating_sub(1)
            ),
            Self::OlderCopy { generation, entries, kept } => write!(
                f,
                "le journal a été repris d'une copie plus ancienne par un ordre de deux opérateurs (counter-accept), ce que l'entrée {entries} \
                 déclare (génération {generation}) : des entrées d'avant votre point de contrôle, à {kept} entrées, n'y sont plus ; \
                 demandez-en la raison, gardez votre point de contrôle et prenez-en un de la génération nouvelle"
            ),
            Self::RestoredTwice { generation, other, entries, kept } => write!(
                f,
                "une même copie de {entries} entrées a été reprise deux fois : ce journal est la génération {generation}, votre point de \
                 contrôle est de la génération {other}, dont les entrées {entries} à {} ne sont pas ici ; cherchez l'autre journal, il \
                 a signé lui aussi",
                kept.saturating_sub(1)
            ),
            Self::RestorationFalse { at } => write!(
                f,
                "l'entrée {at} déclare une restauration qui n'est pas celle de ce journal : elle a été fabriquée ou déplacée"
            ),
            Self::OtherGeneration { archive, kept } => write!(
                f,
                "l'archive est de la génération {archive} du journal et votre point de contrôle de la génération {kept}, et leurs \
                 histoires diffèrent : une restauration est à déclarer ; demandez « sceau traces verify --since » avec votre point \
                 de contrôle, qui dit ce qui a été perdu"
            ),
            Self::NotIncluded { index } => {
                write!(f, "l'entrée {index} n'est pas celle du journal signé : elle a été modifiée ou fabriquée")
            }
            Self::Incomplete(Incomplete::Map) => {
                f.write_str("la preuve de complétude ne mène pas au point de contrôle ; demandez un nouvel export")
            }
            Self::Incomplete(Incomplete::Start { until }) => {
                write!(f, "il manque à l'export les entrées du professionnel jusqu'au numéro {until}, les plus anciennes")
            }
            Self::Incomplete(Incomplete::Tail { shown, count }) => {
                write!(f, "il manque à l'export les entrées {shown} à {count} du professionnel, les plus récentes")
            }
            Self::Incomplete(Incomplete::Gap { index, number }) => {
                write!(f, "il manque à l'export l'entrée {index}, numéro {number} du professionnel")
            }
            Self::Incomplete(Incomplete::Foreign { index }) => {
                write!(f, "l'entrée {index} n'est pas à sa place dans la suite du professionnel")
            }
            Self::Incomplete(Incomplete::Unknown { index }) => {
                write!(f, "le journal ne connaît pas ce professionnel, dont l'export contient l'entrée {index}")
            }
            Self::OlderThanKept { entries, kept } => write!(
                f,
                "l'archive est d'un journal de {entries} entrées et vous en avez vu {kept} : un état ancien a été remis en \
                 place, ou l'archive est plus ancienne que votre point de contrôle ; demandez-en une nouvelle"
            ),
            Self::ArchiveUnreadable { cause } => {
                write!(f, "ce fichier n'est pas une archive de traces : {cause} ; demandez un nouvel export")
            }
            Self::MemberMissing { name } => write!(f, "{name} manque à l'archive ; demandez un nouvel export"),
            Self::MemberForeign { name } => {
                write!(f, "« {} » n'est pas d'une archive de traces : il y a été ajouté", name.escape_debug())
            }
            Self::MemberRepeated => {
                f.write_str("un membre est deux fois dans l'archive : deux programmes n'y liraient pas la même chose")
            }
            Self::MemberAltered { name } => write!(f, "{name} n'est pas celui de l'archive d'origine : il a été modifié"),
            Self::ManifestAltered { what } => {
                write!(f, "manifest.json ne dit pas ce que l'archive contient ({what}) : il a été modifié")
            }
            Self::IdentityAltered { index } => write!(
                f,
                "à l'entrée {index}, la personne nommée n'est pas celle du journal : l'identité en clair a été modifiée"
            ),
            Self::FactsAltered { index } => {
                write!(f, "à l'entrée {index}, ce qui est écrit en clair n'est pas ce que dit le journal signé")
            }
            Self::TableAltered { row } => {
                write!(f, "la ligne {row} de traces.csv n'est pas celle de son entrée : le tableau a été modifié")
            }
            Self::KeyWrong { index } => {
                write!(f, "une clé de l'archive n'ouvre pas l'identité de l'entrée {index} : elle a été échangée")
            }
            Self::KeyForeign => f.write_str(
                "l'archive contient la clé d'une personne qu'elle ne montre pas ; détruisez-la et demandez un nouvel export",
            ),
            Self::OutsideSelection { index } => {
                write!(f, "l'entrée {index} n'est pas de ce que l'archive dit montrer : elle a été ajoutée ou déplacée")
            }
            Self::OrderAltered => {
                f.write_str("l'ordre joint n'est pas celui qui est inscrit au journal, ou il manque")
            }
        }
    }
}
