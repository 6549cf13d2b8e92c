//! Which NATs can meet: whether two ends can send to each other directly, by how their NATs map and filter (RFC 4787, RFC 5128).

/// The table and its reasons, in Markdown, for `icescope explain nat`.
pub const PAGE: &str = include_str!("../nat.md");

/// How a NAT maps (RFC 4787 §4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mapping {
    /// Endpoint-independent: one mapping for all destinations.
    Eim,
    /// Address-dependent: another one for another address.
    Adm,
    /// Address- and port-dependent.
    Apdm,
}

impl Mapping {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Eim, Self::Adm, Self::Apdm];

    /// RFC 4787's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Eim => "EIM",
            Self::Adm => "ADM",
            Self::Apdm => "APDM",
        }
    }
}

/// How a NAT filters (RFC 4787 §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filtering {
    /// Endpoint-independent: what comes from anywhere is let in.
    Eif,
    /// Address-dependent.
    Adf,
    /// Address- and port-dependent.
    Apdf,
}

impl Filtering {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Eif, Self::Adf, Self::Apdf];

    /// RFC 4787's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Eif => "EIF",
            Self::Adf => "ADF",
            Self::Apdf => "APDF",
        }
    }
}

/// Whether two ends can meet without a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direct {
    /// Checks come through, if nothing else stands in the way.
    Works,
    /// They cannot: it takes a relay.
    Cannot,
    /// Too little is known of one end or the other.
    Unknown,
}

/// What is known of one end's NAT: all that it may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behaviour {
    mappings: Vec<Mapping>,
    filterings: Vec<Filtering>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self::read("unknown", "unknown")
    }
}

impl Behaviour {
    /// By the words of a report or of the page (`ADM or APDM`); what is no such word is unknown.
    pub fn read(mapping: &str, filtering: &str) -> Self {
        let named = |word: &str| mapping.split(" or ").any(|part| part == word);
        let mut mappings: Vec<Mapping> = Mapping::ALL.into_iter().filter(|one| named(one.word())).collect();
        let mut filterings: Vec<Filtering> =
            Filtering::ALL.into_iter().filter(|one| one.word() == filtering).collect();
        if mappings.is_empty() {
            mappings = Mapping::ALL.to_vec();
        }
        if filterings.is_empty() {
            filterings = Filtering::ALL.to_vec();
        }
        Self { mappings, filterings }
    }

    /// Its mapping does not depend on the destination.
    pub fn is_independent(&self) -> bool {
        self.mappings == [Mapping::Eim]
    }

    /// Its mapping depends on the destination, one way or another.
    pub fn is_dependent(&self) -> bool {
        !self.mappings.contains(&Mapping::Eim)
    }

    /// Its mapping is known, as far as it matters.
    pub fn is_known(&self) -> bool {
        self.is_independent() || self.is_dependent()
    }

    /// It lets in only what comes from an address and port that was sent to.
    pub fn filters_per_port(&self) -> bool {
        self.filterings == [Filtering::Apdf]
    }

    /// The same, and packets of strangers were seen not to come in.
    #[must_use]
    pub fn shut(mut self) -> Self {
        if self.filterings.len() > 1 {
            self.filterings.retain(|filtering| *filtering != Filtering::Eif);
        }
        self
    }

    /// In RFC 4787's words: `EIM/APDF`, `ADM or APDM, filtering unknown`.
    pub fn words(&self) -> String {
        let mappings: Vec<&str> = self.mappings.iter().map(|one| one.word()).collect();
        let mapping =
            if self.mappings.len() == 3 { "mapping unknown".to_owned() } else { mappings.join(" or ") };
        let filterings: Vec<&str> = self.filterings.iter().map(|one| one.word()).collect();
        match filterings.as_slice() {
            [one] => format!("{mapping}/{one}"),
            [one, other] => format!("{mapping}, filtering {one} or {other}"),
            _ => format!("{mapping}, filtering unknown"),
        }
    }

    fn cases(&self) -> impl Iterator<Item = (Mapping, Filtering)> + '_ {
        self.mappings
            .iter()
            .flat_map(|mapping| self.filterings.iter().map(|filtering| (*mapping, *filtering)))
    }
}

/// Whether they can meet: said only where all that they may be comes to the same.
pub fn direct(one: &Behaviour, other: &Behaviour) -> Direct {
    let (mut works, mut cannot) = (false, false);
    for a in one.cases() {
        for b in other.cases() {
            if comes_in(a, b) || comes_in(b, a) {
                works = true;
            } else {
                cannot = true;
            }
        }
    }
    match (works, cannot) {
        (true, false) => Direct::Works,
        (false, true) => Direct::Cannot,
        _ => Direct::Unknown,
    }
}

/// Whether a check comes in at the address that its receiver has told, while the receiver sends checks to the one that the sender
/// has told. Both addresses are what a STUN server saw.
fn comes_in(receiver: (Mapping, Filtering), sender: (Mapping, Filtering)) -> bool {
    let opened = receiver.0 == Mapping::Eim;
    match receiver.1 {
        Filtering::Eif => true,
        // The receiver's own checks open it for the sender's address, if they leave by the mapping that was told.
        Filtering::Adf => opened,
        Filtering::Apdf => opened && sender.0 == Mapping::Eim,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows and columns: EIM, ADM, APDM, each with EIF, ADF, APDF. `d`: direct, `r`: it takes a relay.
    const TABLE: [&str; 9] = [
        "ddddddddd", // EIM EIF
        "ddddddddd", // EIM ADF
        "ddddrrdrr", // EIM APDF
        "ddddddddd", // ADM EIF
        "ddrdrrdrr", // ADM ADF
        "ddrdrrdrr", // ADM APDF
        "ddddddddd", // APDM EIF
        "ddrdrrdrr", // APDM ADF
        "ddrdrrdrr", // APDM APDF
    ];

    fn all() -> Vec<(&'static str, &'static str)> {
        let filterings =
            |mapping: Mapping| Filtering::ALL.map(|filtering| (mapping.word(), filtering.word()));
        Mapping::ALL.into_iter().flat_map(filterings).collect()
    }

    #[test]
    fn every_combination_is_as_the_table_says() {
        for (row, (mapping, filtering)) in TABLE.iter().zip(all()) {
            for (word, (other_mapping, other_filtering)) in row.chars().zip(all()) {
                let (one, other) =
                    (Behaviour::read(mapping, filtering), Behaviour::read(other_mapping, other_filtering));
                let expected = if word == 'd' { Direct::Works } else { Direct::Cannot };
                assert_eq!(direct(&one, &other), expected, "{} with {}", one.words(), other.words());
            }
        }
    }

    #[test]
    fn the_page_has_the_same_table() {
        for (row, (mapping, filtering)) in TABLE.iter().zip(all()) {
            let words: Vec<&str> =
                row.chars().map(|word| if word == 'd' { "direct" } else { "relay" }).collect();
            let line = format!("| **{mapping} {filtering}** | {} |\n", words.join(" | "));
            assert!(PAGE.contains(&line), "{line}");
        }
        let head: Vec<String> =
            all().iter().map(|(mapping, filtering)| format!("{mapping} {filtering}")).collect();
        assert!(PAGE.contains(&format!("| | {} |\n", head.join(" | "))));
    }

    #[test]
    fn what_is_unknown_stays_so_unless_it_does_not_matter() {
        let of = |one: (&str, &str), other: (&str, &str)| {
            direct(&Behaviour::read(one.0, one.1), &Behaviour::read(other.0, other.1))
        };
        assert_eq!(
            of(("EIM", "unknown"), ("EIM", "unknown")),
            Direct::Works,
            "hole punching (RFC 5128 §3.3)"
        );
        assert_eq!(of(("APDM", "unknown"), ("EIM", "ADF")), Direct::Works);
        assert_eq!(of(("APDM", "unknown"), ("EIM", "APDF")), Direct::Unknown, "it may let anything in");
        let shut = Behaviour::read("APDM", "unknown").shut();
        assert_eq!(direct(&shut, &Behaviour::read("EIM", "APDF")), Direct::Cannot, "it was seen not to");
        assert_eq!(of(("ADM or APDM", "APDF"), ("APDM", "ADF")), Direct::Cannot);
        assert_eq!(of(("unknown", "unknown"), ("EIM", "EIF")), Direct::Works);
        assert_eq!(of(("unknown", "unknown"), ("EIM", "APDF")), Direct::Unknown);
        assert_eq!(direct(&Behaviour::default(), &Behaviour::default()), Direct::Unknown);
    }

    #[test]
    fn behaviours_are_said_in_the_words_of_rfc_4787() {
        assert_eq!(Behaviour::read("EIM", "APDF").words(), "EIM/APDF");
        assert_eq!(Behaviour::read("ADM or APDM", "").words(), "ADM or APDM, filtering unknown");
        assert_eq!(Behaviour::default().words(), "mapping unknown, filtering unknown");
        assert_eq!(Behaviour::read("APDM", "").shut().words(), "APDM, filtering ADF or APDF");
        assert_eq!(Behaviour::read("APDM", "EIF").shut().words(), "APDM/EIF", "what was measured stays");
    }
}
