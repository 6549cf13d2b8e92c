//! The JSON Schema of a session's record (draft 2020-12), as it is written from the types of this crate.

/// The schema of [`crate::record::SessionRecord`]. A test of this crate writes it, as ts-rs writes the page's types.
pub const SESSION_RECORD: &str = include_str!("../schemas/icescope.session-1.json");

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use schemars::generate::SchemaSettings;
    use serde_json::{Value, json};

    use crate::record::{RecordFormat, SessionRecord};

    fn crate_folder() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR"))
    }

    fn generated() -> Value {
        let generator = SchemaSettings::draft2020_12().into_generator();
        let mut schema = generator.into_root_schema_for::<SessionRecord>().to_value();
        schema["$id"] = json!(RecordFormat::Session1.word());
        schema["title"] = json!("A session between a browser and the daemon, and all that was seen of it");
        schema
    }

    fn recorded() -> Vec<(PathBuf, Value)> {
        let folder = crate_folder().join("../diagnosis/tests/evidence");
        let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        paths.map(|path| (path.clone(), serde_json::from_slice(&fs::read(path).unwrap()).unwrap())).collect()
    }

    #[test]
    fn export_schemas() {
        let path = crate_folder().join("schemas/icescope.session-1.json");
        let text = format!("{:#}\n", generated());
        // Only a changed file is written: what includes it is not compiled anew for nothing.
        if fs::read_to_string(&path).ok().as_deref() != Some(&text) {
            fs::write(&path, text).unwrap();
        }
    }

    #[test]
    fn every_field_says_what_it_is() {
        let schema = generated();
        let types = schema["$defs"].as_object().unwrap().iter().map(|(name, schema)| (name.as_str(), schema));
        for (name, schema) in types.chain([("SessionRecord", &schema)]) {
            assert!(schema["description"].is_string(), "{name}");
            for (field, schema) in schema["properties"].as_object().into_iter().flatten() {
                assert!(schema["description"].is_string(), "{name}.{field}");
            }
        }
    }

    #[test]
    fn recorded_sessions_are_as_the_schema_says() {
        let validator = jsonschema::validator_for(&generated()).unwrap();
        let records = recorded();
        assert!(records.len() >= 10);
        for (path, record) in records {
            let errors: Vec<_> = validator.iter_errors(&record).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{}: {errors:#?}", path.display());
            // What this version writes of it, too.
            let record: SessionRecord = serde_json::from_value(record).unwrap();
            let written = serde_json::to_value(record).unwrap();
            let errors: Vec<_> = validator.iter_errors(&written).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{}: {errors:#?}", path.display());
        }
    }

    #[test]
    fn what_is_no_record_is_told_from_one() {
        let validator = jsonschema::validator_for(&generated()).unwrap();
        let (_, good) = recorded().swap_remove(0);
        for (pointer, bad) in [
            ("/events/0/time", json!("now")),
            ("/events/0/from", json!("router")),
            ("/session/id", json!("../..")),
            ("/session/state", json!("gone")),
            ("/events", Value::Null),
        ] {
            let mut record = good.clone();
            *record.pointer_mut(pointer).unwrap() = bad;
            assert!(!validator.is_valid(&record), "{pointer}");
        }
        let mut newer = good;
        newer["format"] = json!("icescope.session/2");
        assert!(!validator.is_valid(&newer));
    }
}
