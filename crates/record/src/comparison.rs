//! What was found when a coded file was compared with its renewal, by somebody who had both (SPEC
//! §21): counts, and whether they are those of a renewal. It holds no code.

use std::fmt;

use cstatns_base::code::{Generation, Tag};
use cstatns_base::commitment::Commitment;
use cstatns_base::delivery::DeliveryId;
use cstatns_base::language::{French, Lang};
use cstatns_base::meta::ServiceId;
use cstatns_base::name::{Name, whole_number, whole_second};
use cstatns_base::text;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::card::PartyCard;
use crate::statement::{FORMAT, Signed, Statement, Suite};

/// The largest value of [`Compared::chi_squared`] with which codes pass for uniform.
///
/// The sum is of 256 squares, each of a sum of ±1 divided by the root of its length; of random
/// codes it exceeds 400 with a probability below exp(-72 + 128 ln(400/256)) < 3.5e-7, however many
/// codes there are (Chernoff). Of the two files together that is below 1e-6.
pub const UNIFORM: u64 = 400;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComparisonBody {
    /// Format version.
    pub format: u32,
    /// The suite of the codes.
    pub suite: Suite,
    /// The service's id, if the files or the reports beside them say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceId>,
    /// The domain, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<Name>,
    /// The file before the renewal.
    pub old: Compared,
    /// The file after it.
    pub new: Compared,
    /// How many codes stand in both.
    #[serde(deserialize_with = "whole_number")]
    pub common: u64,
    /// What holds.
    pub checks: Checks,
    /// When, by the clock of who compared them.
    #[serde(deserialize_with = "whole_second")]
    pub made: Timestamp,
    /// The card of who compared them, and signs.
    pub by: PartyCard,
}

/// One of the two files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compared {
    /// The tag of its codes.
    #[serde(with = "tag_text")]
    pub tag: Tag,
    /// The generations of its codes, ascending.
    pub generations: Vec<Generation>,
    /// Its rows.
    #[serde(deserialize_with = "whole_number")]
    pub rows: u64,
    /// Its cells that hold a code.
    #[serde(deserialize_with = "whole_number")]
    pub coded: u64,
    /// Its different codes.
    #[serde(deserialize_with = "whole_number")]
    pub distinct: u64,
    /// Over the 256 bits of its different codes, the sum of (ones − zeros)² ÷ codes, rounded down.
    #[serde(deserialize_with = "whole_number")]
    pub chi_squared: u64,
    /// The delivery that the report beside it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported: Option<Reported>,
}

/// A delivery, as the report beside an attached file names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reported {
    /// The delivery.
    pub delivery: DeliveryId,
    /// The commitment of its request.
    pub request: Commitment,
    /// Its rows.
    #[serde(deserialize_with = "whole_number")]
    pub rows: u64,
}

/// What holds of two files of which one is the renewal of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checks {
    /// Both are of one domain, by the tag.
    pub domain: bool,
    /// Each is of one generation, the new file of a later one.
    pub generations: bool,
    /// Both have as many rows, and as many cells with a code.
    pub rows: bool,
    /// Both have as many different codes.
    pub distinct: bool,
    /// As many codes stand once, twice … in both.
    pub multiplicities: bool,
    /// No code stands in both.
    pub disjoint: bool,
    /// The bytes of both look like chance.
    pub uniform: bool,
}

impl Checks {
    /// What follows from the counts; whether the multiplicities are the same does not.
    pub fn of(old: &Compared, new: &Compared, common: u64, multiplicities: bool) -> Self {
        let later = match (&old.generations[..], &new.generations[..]) {
            ([old], [new]) => old < new,
            _ => false,
        };
        Self {
            domain: old.tag == new.tag,
            generations: later,
            rows: (old.rows, old.coded) == (new.rows, new.coded),
            distinct: old.distinct == new.distinct,
            multiplicities,
            disjoint: common == 0,
            uniform: old.chi_squared.max(new.chi_squared) <= UNIFORM,
        }
    }

    /// Whether all of it holds.
    pub fn hold(&self) -> bool {
        self.all().iter().all(|holds| *holds)
    }

    fn all(&self) -> [bool; 7] {
        let Self { domain, generations, rows, distinct, multiplicities, disjoint, uniform } = *self;
        [domain, generations, rows, distinct, multiplicities, disjoint, uniform]
    }
}

impl Statement for ComparisonBody {
    const LABEL: &'static str = "CStatNS/comparison/";
}

/// A signed comparison.
pub type Comparison = Signed<ComparisonBody>;

impl Comparison {
    /// Whether it is of a known format, signed by the card in it, and says of its counts what
    /// follows from them.
    pub fn is_sound(&self) -> bool {
        let ComparisonBody { format, old, new, common, checks, by, .. } = &self.body;
        *format == FORMAT
            && *checks == Checks::of(old, new, *common, checks.multiplicities)
            && by.is_sound()
            && self.is_by(&by.body.signing)
    }
}

impl fmt::Display for ComparisonBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Lang::En))
    }
}

impl French for ComparisonBody {
    fn french(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Lang::Fr))
    }
}

impl ComparisonBody {
    fn text(&self, lang: Lang) -> String {
        let Self { old, new, common, checks, .. } = self;
        let [one, other] = [&old.generations, &new.generations].map(|list| listed(list));
        let found = [
            match checks.domain {
                true => text!(
                    in lang,
                    "Both are of one domain, by the tag `{}`.",
                    "Les deux sont d'un même domaine, selon l'étiquette `{}`.",
                    new.tag
                ),
                false => text!(
                    in lang,
                    "Their tags differ, `{}` and `{}`: they are not of one domain.",
                    "Leurs étiquettes diffèrent, `{}` et `{}` : ils ne sont pas d'un même domaine.",
                    old.tag,
                    new.tag
                ),
            },
            match checks.generations {
                true => text!(
                    in lang,
                    "All codes of the old file are of generation {one}, all of the new one of generation {other}.",
                    "Tous les codes de l'ancien fichier sont de génération {one}, tous ceux du nouveau de \
                        génération {other}."
                ),
                false => text!(
                    in lang,
                    "The old file has codes of generation {one}, the new one of generation {other}: in a renewal each has \
                    one, and the new one is later.",
                    "L'ancien fichier a des codes de génération {one}, le nouveau de génération {other} : dans un \
                        renouvellement chacun en a une, et la nouvelle est postérieure."
                ),
            },
            match checks.rows {
                true => text!(
                    in lang,
                    "Both have {} rows, with {} codes.",
                    "Les deux ont {} lignes, avec {} codes.",
                    new.rows,
                    new.coded
                ),
                false => text!(
                    in lang,
                    "The old file has {} rows with {} codes, the new one {} with {}.",
                    "L'ancien fichier a {} lignes avec {} codes, le nouveau {} avec {}.",
                    old.rows,
                    old.coded,
                    new.rows,
                    new.coded
                ),
            },
            match checks.distinct {
                true => text!(
                    in lang,
                    "Both have {} different codes.",
                    "Les deux ont {} codes différents.",
                    new.distinct
                ),
                false => text!(
                    in lang,
                    "The old file has {} different codes, the new one {}.",
                    "L'ancien fichier a {} codes différents, le nouveau {}.",
                    old.distinct,
                    new.distinct
                ),
            },
            match checks.multiplicities {
                true => text!(
                    in lang,
                    "As many codes stand once, twice and so on in both.",
                    "Autant de codes figurent une fois, deux fois et ainsi de suite dans les deux."
                ),
                false => text!(
                    in lang,
                    "The codes of the two files do not stand equally often: rows of one code were parted, or of \
                    several joined.",
                    "Les codes des deux fichiers ne figurent pas aussi souvent : les lignes d'un code ont été séparées, ou \
                        celles de plusieurs réunies."
                ),
            },
            match checks.disjoint {
                true => text!(
                    in lang,
                    "No code stands in both.",
                    "Aucun code ne figure dans les deux."
                ),
                false => text!(
                    in lang,
                    "Codes that stand in both, and were not renewed: {common}.",
                    "Codes qui figurent dans les deux, et n'ont pas été renouvelés : {common}."
                ),
            },
            match checks.uniform {
                true => text!(
                    in lang,
                    "The bits of the codes look like chance (χ² of 256: {} and {}, at most {UNIFORM}).",
                    "Les bits des codes ont l'air du hasard (χ² de 256 : {} et {}, au plus {UNIFORM}).",
                    old.chi_squared,
                    new.chi_squared
                ),
                false => text!(
                    in lang,
                    "The bits of the codes do not look like chance (χ² of 256: {} and {}, more than {UNIFORM}).",
                    "Les bits des codes n'ont pas l'air du hasard (χ² de 256 : {} et {}, plus de {UNIFORM}).",
                    old.chi_squared,
                    new.chi_squared
                ),
            },
        ];
        let line = |(holds, said): (bool, String)| match holds {
            true => text!(in lang, "  holds  {said}\n", "  tient  {said}\n"),
            false => text!(in lang, "  FAILS  {said}\n", "  ÉCHOUE  {said}\n"),
        };
        checks.all().into_iter().zip(found).map(line).collect()
    }
}

fn listed(generations: &[Generation]) -> String {
    generations.iter().map(Generation::to_string).collect::<Vec<_>>().join(", ")
}

/// A tag as its four characters.
mod tag_text {
    use cstatns_base::code::Tag;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(tag: &Tag, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(tag.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Tag, D::Error> {
        let text = String::deserialize(from)?;
        Tag::parse(text.as_bytes()).ok_or_else(|| D::Error::custom("not a tag"))
    }
}
