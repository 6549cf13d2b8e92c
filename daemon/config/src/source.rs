//! `[source]`: what viewers see.

use crate::table::Table;

/// `[source]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Source {
    /// The name of the plugin that plays for whoever names no source; `None` is none.
    pub plays: Option<String>,
}

impl Source {
    pub(crate) fn read(table: &Table<'_>) -> Self {
        let source = Self {
            plays: table.optional("plays", |item| item.string("the name of a plugin").map(str::to_owned)),
        };
        table.finish();
        source
    }

    /// Notes a name that no plugin has.
    pub(crate) fn check(&self, table: &Table<'_>, plugins: &[String]) {
        let (Some(name), Some(item)) = (&self.plays, table.get("plays")) else { return };
        if plugins.contains(name) {
            return;
        }
        let names = || plugins.iter().map(String::as_str);
        let help = match crate::keys::nearest(name, names()) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None if plugins.is_empty() => "add a [[plugin]] with this name".to_owned(),
            None => format!("the plugins are: {}", names().collect::<Vec<_>>().join(", ")),
        };
        item.fail::<()>(format!("there is no plugin {}", item.quoted()), help);
    }
}
