//! The JSON Schema says the same as the reader, as far as a schema can.

use tidegate_manifest::{codes, json_schema};

fn accepts(text: &str) -> bool {
    let document: toml::Table = text.parse().unwrap();
    let document = serde_json::to_value(document).unwrap();
    jsonschema::draft7::new(&json_schema()).unwrap().is_valid(&document)
}

#[test]
fn valid_manifests_are_valid() {
    assert!(accepts(include_str!("shop.toml")));
    assert!(accepts(include_str!("every-key.toml")));
    for (code, _, page) in codes().iter().filter(|(code, ..)| code.starts_with("manifest/")) {
        let right = page
            .split("Right:")
            .nth(1)
            .and_then(|after| after.split("```toml\n").nth(1));
        let right = right.and_then(|block| block.split("```").next());
        assert!(right.is_none_or(accepts), "{code}");
    }
}

#[test]
fn mistakes_of_form_are_found() {
    for text in [
        include_str!("mistakes/unknown-key.toml"),
        include_str!("mistakes/unknown-key-in-grant.toml"),
        include_str!("mistakes/unknown-table.toml"),
        include_str!("mistakes/missing-uses.toml"),
        include_str!("mistakes/no-stages.toml"),
        include_str!("mistakes/durations.toml"),
        include_str!("mistakes/sizes.toml"),
        include_str!("mistakes/wrong-types.toml"),
        include_str!("mistakes/host-keys-both-or-none.toml"),
    ] {
        assert!(!accepts(text), "{text}");
    }
}
