//! `[ice.interfaces]`: which network interfaces are used.

use crate::reader::Item;
use crate::table::Table;

/// Linux's `IFNAMSIZ` with its final zero.
const MAX_NAME: usize = 15;

/// `[ice.interfaces]`: patterns of names, with `*` for any characters and `?` for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interfaces {
    /// An interface must fit one of these.
    pub include: Vec<String>,
    /// And none of these.
    pub exclude: Vec<String>,
}

impl Default for Interfaces {
    fn default() -> Self {
        Self { include: vec!["*".to_owned()], exclude: Vec::new() }
    }
}

impl Interfaces {
    /// Whether the interface of this name is used.
    pub fn allows(&self, name: &str) -> bool {
        let fits = |patterns: &[String]| patterns.iter().any(|pattern| fits(pattern.as_bytes(), name.as_bytes()));
        fits(&self.include) && !fits(&self.exclude)
    }

    pub(crate) fn read(table: &Table<'_>) -> Self {
        let default = Self::default();
        let patterns = |item: &Item<'_>| item.list("[\"eth*\"]", pattern);
        let interfaces = Self {
            include: table.or("include", default.include, |item| {
                patterns(item).and_then(|list| match list.is_empty() {
                    true => item.fail("no interface would be used", "write [\"*\"] for all of them"),
                    false => Some(list),
                })
            }),
            exclude: table.or("exclude", default.exclude, patterns),
        };
        table.finish();
        interfaces
    }
}

fn pattern(item: &Item<'_>) -> Option<String> {
    item.parsed("the name of an interface, such as \"eth0\", or a pattern such as \"wl*\"", |text| {
        let odd = |c: char| c.is_whitespace() || c == '/' || c.is_control();
        if text.len() > MAX_NAME || text.contains(odd) {
            return Err(format!("cannot be an interface's name (at most {MAX_NAME} bytes, no blanks, no «/»)"));
        }
        Ok(text.to_owned())
    })
}

fn fits(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) if fits(rest, name) => true,
        (Some((b'*', _)), Some((_, later))) => fits(pattern, later),
        (Some((b'?', rest)), Some((_, later))) => fits(rest, later),
        (Some((one, rest)), Some((other, later))) => one == other && fits(rest, later),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exclusion_wins() {
        let interfaces = Interfaces { include: vec!["e*".into(), "wlan?".into()], exclude: vec!["*0".into()] };
        assert!(interfaces.allows("eth1") && interfaces.allows("wlan3"));
        assert!(!interfaces.allows("eth0") && !interfaces.allows("wlan10") && !interfaces.allows("docker1"));
        assert!(Interfaces::default().allows("anything"));
    }
}
