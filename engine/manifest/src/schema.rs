//! The JSON Schema of the manifest, for editors.

/// Draft 7, which the TOML editors support. It accepts every manifest that [`parse`](crate::parse) accepts, and some more.
pub fn json_schema() -> serde_json::Value {
    serde_json::from_str(include_str!("schema.json")).expect("schema.json is JSON; a test reads it")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::keys::{self, Keys};

    fn keys_at(schema: &serde_json::Value, pointer: &str) -> BTreeSet<String> {
        let table = schema.pointer(pointer).unwrap();
        assert_eq!(table["additionalProperties"], false, "{pointer}");
        table["properties"].as_object().unwrap().keys().cloned().collect()
    }

    #[test]
    fn has_exactly_the_keys_that_the_reader_knows() {
        let tables: [(&str, &Keys); 6] = [
            ("", &keys::MANIFEST),
            ("/definitions/pipeline", &keys::PIPELINE),
            ("/definitions/stage", &keys::STAGE),
            ("/definitions/grant", &keys::GRANT),
            ("/definitions/net", &keys::NET),
            ("/definitions/target", &keys::TARGET),
        ];
        let schema = json_schema();
        for (pointer, keys) in tables {
            let known: BTreeSet<_> = keys.names.iter().map(|name| name.to_string()).collect();
            assert_eq!(keys_at(&schema, pointer), known, "{pointer}");
        }
    }
}
