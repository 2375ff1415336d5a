//! Nobody but these tests asks for Cells that lack a layer.

use std::fs;
use std::path::Path;

#[test]
fn no_other_manifest_names_the_feature() {
    let engine = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let crates = fs::read_dir(&engine)
        .unwrap()
        .flatten()
        .map(|entry| entry.path().join("Cargo.toml"));
    let manifests = crates.chain([engine.join("../Cargo.toml"), engine.join("../plugins/Cargo.toml")]);
    let mut naming = Vec::new();
    for manifest in manifests.filter(|path| path.exists()) {
        let text = fs::read_to_string(&manifest).unwrap();
        let lines = text.lines().filter(|line| line.contains("layers-off"));
        naming.extend(lines.map(str::to_owned));
    }
    // The first is where it stands, the second is in `[dev-dependencies]`: builds without tests never have it.
    assert_eq!(
        naming,
        [
            "layers-off = []",
            "tidegate-confine = { path = \".\", features = [\"layers-off\"] }"
        ]
    );
    let own = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let (_, behind) = own.split_once("[dev-dependencies]").unwrap();
    assert!(behind.contains("features = [\"layers-off\"]"));
}
