//! `[ice.interfaces]`: which network interfaces are used.

use crate::reader::Item;
use crate::table::Table;

/// Linux's `IFNAMSIZ` with its final zero.
const MAX_NAME: usize = 15;

/// `[ice.interfaces]`: names, of which a `*` at the end stands for any rest.
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
    pub(crate) fn read(table: &Table<'_>) -> Self {
        let default = Self::default();
        let patterns = |item: &Item<'_>| item.list("[\"eth*\"]", pattern);
        let interfaces = Self {
            include: table.or("include", default.include, |item| {
                let list = patterns(item)?;
                if list.is_empty() {
                    return item.fail("no interface would be used", "write [\"*\"] for all of them");
                }
                Some(list)
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
            return Err(format!(
                "cannot be an interface's name (at most {MAX_NAME} bytes, no blanks, no «/»)"
            ));
        }
        if text.strip_suffix('*').unwrap_or(text).contains('*') {
            return Err("has a «*» that is not at its end".to_owned());
        }
        Ok(text.to_owned())
    })
}
