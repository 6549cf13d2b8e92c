//! `[[plugin]]`

use std::fmt;

use serde_json::{Map, Number, Value};
use toml::de::DeValue;

use crate::reader::Item;
use crate::table::Table;

/// What a plugin can be granted (DESIGN §5): an interface of the host that not every plugin may use.
const GRANTS: [(&str, &str); 1] = [("icescope.ice-servers/1", "icescope.ice-servers/1")];
/// It stands in paths (`/whep/NAME`), in logs and in metrics.
const MAX_NAME: usize = 64;

/// `[[plugin]]`
#[derive(Clone, PartialEq)]
pub struct Plugin {
    /// Its name; no two have the same.
    pub name: String,
    /// The library: an absolute path, or a bare name that is looked up in the plugin directory.
    pub path: String,
    /// Which plugin of the library, by its own id (`org.icescope.video.gstreamer`); `None` where the library has one only.
    pub id: Option<String>,
    /// Where it runs.
    pub isolation: Isolation,
    /// What the library's SHA-256 must be: 64 lower-case hex digits.
    pub sha256: Option<String>,
    /// Interfaces of the host that it may use beside those that all may.
    pub grants: Vec<String>,
    /// `[plugin.config]`, always an object. TOML's dates and times are strings in it, as they were written.
    pub config: Value,
}

/// Where a plugin's code runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Isolation {
    /// In a child process of its own.
    #[default]
    Process,
    /// In the daemon.
    InProcess,
}

/// A plugin's own configuration may hold secrets (a camera's URL): only its keys are shown.
impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<&String> = self.config.as_object().into_iter().flat_map(Map::keys).collect();
        f.debug_struct("Plugin")
            .field("name", &self.name)
            .field("path", &self.path)
            .field("id", &self.id)
            .field("isolation", &self.isolation)
            .field("sha256", &self.sha256)
            .field("grants", &self.grants)
            .field("config", &format_args!("{keys:?}"))
            .finish()
    }
}

impl Plugin {
    /// All plugins, and the names of all of them; `None` where a name could not be read.
    pub(crate) fn read_all(root: &Table<'_>) -> (Vec<Self>, Option<Vec<String>>) {
        let Some(item) = root.get("plugin") else { return (Vec::new(), Some(Vec::new())) };
        let Some(entries) = item.entries("[[plugin]], with double brackets, above its keys") else {
            return (Vec::new(), None);
        };
        let mut names = Vec::new();
        let read = |entry: &Item<'_>| Self::read(&entry.table("[[plugin]] above its keys")?, &mut names);
        let plugins = entries.iter().map(read).collect::<Vec<_>>().into_iter().flatten().collect();
        let names = (names.len() == entries.len()).then_some(names);
        (plugins, names)
    }

    fn read(table: &Table<'_>, names: &mut Vec<String>) -> Option<Self> {
        let isolations = [("process", Isolation::Process), ("in-process", Isolation::InProcess)];
        let grant = |item: &Item<'_>| item.one_of(&GRANTS).map(str::to_owned);
        let name =
            table.required("name", "add name = \"NAME\"; [source] and URLs use it", |item| name(item, names));
        let path = table.required(
            "path",
            "add path = \"/PATH/TO/libplugin.so\", or a bare name such as \"video-gstreamer\"",
            path,
        );
        let id = table.optional("id", |item| {
            item.string("the plugin's own id, as icescope plugins shows it").map(str::to_owned)
        });
        let isolation = table.or("isolation", Isolation::default(), |item| item.one_of(&isolations));
        let sha256 = table.optional("sha256", sha256);
        let grants = table.or("grants", Vec::new(), |item| item.list("[\"icescope.ice-servers/1\"]", grant));
        let config = table.or("config", Value::Object(Map::new()), config);
        table.finish();
        Some(Self { name: name?, path: path?, id, isolation, sha256, grants, config })
    }
}

fn name(item: &Item<'_>, names: &mut Vec<String>) -> Option<String> {
    let name = item.parsed("a name of letters, digits, «-» and «_», such as \"bars\"", |text| {
        let fit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let fits = text.len() <= MAX_NAME && text.bytes().all(fit);
        if fits {
            Ok(text.to_owned())
        } else {
            Err(format!("cannot be a name (at most {MAX_NAME} characters)"))
        }
    })?;
    if names.contains(&name) {
        return item
            .fail(format!("there is a plugin \"{name}\" already"), "give each plugin a name of its own");
    }
    names.push(name.clone());
    Some(name)
}

fn path(item: &Item<'_>) -> Option<String> {
    item.parsed("an absolute path, or a bare name such as \"video-gstreamer\"", |text| {
        let bare = !text.contains('/') && text != "." && text != "..";
        if text.contains('\0') {
            Err("cannot be a path".to_owned())
        } else if text.starts_with('/') || bare {
            Ok(text.to_owned())
        } else {
            Err("is neither an absolute path nor a bare name".to_owned())
        }
    })
}

fn sha256(item: &Item<'_>) -> Option<String> {
    item.parsed("the library's 64 hexadecimal digits: sha256sum FILE", |text| {
        let fits = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if fits { Ok(text.to_ascii_lowercase()) } else { Err("is not a SHA-256".to_owned()) }
    })
}

fn config(item: &Item<'_>) -> Option<Value> {
    item.table("[plugin.config] above its keys")?;
    json(item)
}

/// A TOML value as JSON. What JSON cannot say is a problem.
fn json(item: &Item<'_>) -> Option<Value> {
    match item.value() {
        DeValue::String(text) => Some(Value::String(text.to_string())),
        DeValue::Boolean(truth) => Some(Value::Bool(*truth)),
        DeValue::Datetime(_) => Some(Value::String(item.cx.document.text().get(item.span())?.to_owned())),
        DeValue::Integer(digits) => match i64::from_str_radix(digits.as_str(), digits.radix()) {
            Ok(number) => Some(Value::Number(number.into())),
            Err(_) => item.fail("this integer does not fit 64 bits", "write a smaller one, or a string"),
        },
        DeValue::Float(digits) => match digits.as_str().parse().ok().and_then(Number::from_f64) {
            Some(number) => Some(Value::Number(number)),
            None => item.fail("a plugin cannot be told infinity or «not a number»", "write a finite number"),
        },
        DeValue::Array(_) => item.list("an array", json).map(Value::Array),
        DeValue::Table(table) => {
            let entry = |(key, value)| {
                let (key, value): (&toml::Spanned<toml::de::DeString<'_>>, _) = (key, value);
                (key.get_ref().to_string(), json(&item.child(key.get_ref(), value)))
            };
            let entries: Vec<(String, Option<Value>)> = table.iter().map(entry).collect();
            entries
                .into_iter()
                .map(|(key, value)| Some((key, value?)))
                .collect::<Option<_>>()
                .map(Value::Object)
        }
    }
}
