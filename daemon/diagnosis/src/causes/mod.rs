//! The catalogue of causes: what each is called, what to change, and its page, which `icescope explain` shows.

mod dtls;
mod gathering;
mod ice;
mod media;
mod network;
mod page;
mod turn;

/// One cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cause {
    /// Its name: a letter for its group and a number.
    pub id: &'static str,
    /// A few words.
    pub title: &'static str,
    /// What to change; `{server}` and the like are filled by the rule that found it.
    pub advice: &'static str,
    /// Its page, in Markdown.
    pub page: &'static str,
}

macro_rules! cause {
    ($id:literal, $title:literal, $advice:literal) => {
        Cause {
            id: $id,
            title: $title,
            advice: $advice,
            page: include_str!(concat!("../../causes/", $id, ".md")),
        }
    };
}
use cause;

/// All of them, in the order of their names.
pub fn all() -> impl Iterator<Item = &'static Cause> {
    let groups: [&'static [Cause]; 7] =
        [page::PAGE, gathering::GATHERING, network::NETWORK, turn::TURN, ice::ICE, dtls::DTLS, media::MEDIA];
    groups.into_iter().flatten()
}

/// Causes whose rules recorded evidence has shown to be right (tests/evidence). All others are never more than likely,
/// however clear their evidence looks.
pub const SHOWN: [&str; 55] = [
    "A1", "A2", "A3", "A4", "A6", "A7", "A8", "B1", "B2", "B3", "B4", "B5", "B6", "B7", "B10", "B12", "B13",
    "B15", "C1", "C2", "C3", "C5", "C6", "C7", "C8", "C9", "C12", "C15", "C18", "D1", "D2", "D3", "D7", "D8",
    "D12", "D13", "D14", "D15", "D16", "D17", "D18", "D21", "D24", "E1", "E3", "E5", "E7", "F1", "F5", "F6",
    "F7", "F8", "G1", "G2", "G4",
];

/// The cause of that name, in capitals or not.
pub fn find(id: &str) -> Option<&'static Cause> {
    all().find(|cause| cause.id.eq_ignore_ascii_case(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_a_page_of_its_own_name() {
        let mut ids: Vec<&str> = all().map(|cause| cause.id).collect();
        for cause in all() {
            let head = format!("# {}: {}\n", cause.id, cause.title);
            assert!(cause.page.starts_with(&head), "{} has another heading", cause.id);
            for part in ["## How it is known", "## What to change"] {
                assert!(cause.page.contains(part), "{} lacks «{part}»", cause.id);
            }
            assert!(!cause.advice.is_empty(), "{}", cause.id);
        }
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "a name stands for one cause");
    }

    #[test]
    fn a_cause_is_found_by_its_name_in_any_case() {
        assert_eq!(find("d2").map(|cause| cause.id), Some("D2"));
        assert_eq!(find("Z9"), None);
    }
}
