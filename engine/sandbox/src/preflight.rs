//! Looks at a component before it is compiled: is it one, and does it ask only for what a stage can have? All that is wrong
//! with its imports is told at once; the linker would name one function.

use wasmparser::{ComponentExternalKind, Parser, Payload};
use wasmtime::{Engine, Precompiled};

use crate::LoadError;
use crate::limits::COMPONENT_BYTES;

/// The version of `tidegate:stage` that this engine has.
const CONTRACT: (u64, u64) = (0, 1);
const CONTRACT_INTERFACES: &[&str] = &[
    "context", "files", "http", "plugin", "process", "report", "secrets", "source", "ssh", "state",
];
/// Packages of WASI 0.2 that are linked: some work, the others answer that they are denied.
const WASI_PACKAGES: &[&str] = &["cli", "clocks", "filesystem", "http", "io", "random", "sockets"];

/// Interfaces of `wasi:http` that the component imports: they are linked to stubs.
pub(crate) fn check(bytes: &[u8]) -> Result<Vec<String>, LoadError> {
    if bytes.len() > COMPONENT_BYTES {
        return Err(LoadError::TooLarge { bytes: bytes.len() });
    }
    if let Some(Precompiled::Module | Precompiled::Component) = Engine::detect_precompiled(bytes) {
        return Err(LoadError::Precompiled);
    }
    if !bytes.starts_with(b"\0asm") {
        return Err(LoadError::NotWasm);
    }
    if Parser::is_core_wasm(bytes) {
        return Err(LoadError::CoreModule);
    }
    let (imports, exports) = surface(bytes).map_err(|error| LoadError::Malformed(error.to_string()))?;

    let of = |verdict: Verdict| {
        imports
            .iter()
            .filter(|name| judge(name) == verdict)
            .cloned()
            .collect::<Vec<_>>()
    };
    let unknown = of(Verdict::Unknown);
    let newer = of(Verdict::Newer);
    if !unknown.is_empty() {
        return Err(LoadError::UnknownImports {
            imports: [unknown, newer].concat(),
        });
    }
    if !newer.is_empty() {
        return Err(LoadError::NewerImports { imports: newer });
    }
    if !exports
        .iter()
        .any(|name| name == "tidegate:stage/plugin" || name.starts_with("tidegate:stage/plugin@"))
    {
        return Err(LoadError::MissingExport { exports });
    }
    Ok(imports
        .into_iter()
        .filter(|name| name.starts_with("wasi:http/"))
        .collect())
}

/// The interfaces that a component imports; empty for bytes that are no component.
pub fn imports(bytes: &[u8]) -> Vec<String> {
    surface(bytes).map(|(imports, _)| imports).unwrap_or_default()
}

/// Names of the outermost component's imports and exports.
fn surface(bytes: &[u8]) -> Result<(Vec<String>, Vec<String>), wasmparser::BinaryReaderError> {
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    imports.push(import?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    let export = export?;
                    if export.kind == ComponentExternalKind::Instance {
                        exports.push(export.name.name.to_owned());
                    }
                }
            }
            _ => {}
        }
    }
    Ok((imports, exports))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Known,
    Newer,
    Unknown,
}

/// `name` is `namespace:package/interface@version`; anything else is no interface and so unknown.
fn judge(name: &str) -> Verdict {
    let Some((package, rest)) = name.split_once('/') else {
        return Verdict::Unknown;
    };
    let Some((interface, version)) = rest.split_once('@') else {
        return Verdict::Unknown;
    };
    let mut numbers = version.split(['.', '-']).map_while(|part| part.parse::<u64>().ok());
    let (Some(major), Some(minor)) = (numbers.next(), numbers.next()) else {
        return Verdict::Unknown;
    };
    let known = match package.split_once(':') {
        Some(("tidegate", "stage")) => {
            if (major, minor) > CONTRACT {
                return Verdict::Newer;
            }
            (major, minor) == CONTRACT && CONTRACT_INTERFACES.contains(&interface)
        }
        Some(("wasi", package)) if WASI_PACKAGES.contains(&package) => {
            if (major, minor) > (0, 2) {
                return Verdict::Newer;
            }
            (major, minor) == (0, 2)
        }
        _ => false,
    };
    if known { Verdict::Known } else { Verdict::Unknown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn judges_by_package_and_version() {
        assert_eq!(judge("tidegate:stage/process@0.1.0"), Verdict::Known);
        assert_eq!(judge("tidegate:stage/process@0.1.7"), Verdict::Known);
        assert_eq!(judge("tidegate:stage/process@0.2.0"), Verdict::Newer);
        assert_eq!(judge("tidegate:stage/telepathy@0.1.0"), Verdict::Unknown);
        assert_eq!(judge("wasi:sockets/tcp@0.2.6"), Verdict::Known);
        assert_eq!(judge("wasi:cli/run@0.3.0"), Verdict::Newer);
        assert_eq!(judge("wasi:keyvalue/store@0.2.0-draft"), Verdict::Unknown);
        assert_eq!(judge("host"), Verdict::Unknown);
    }

    #[test]
    fn names_every_unknown_import_at_once() {
        let component = wat::parse_str(
            r#"(component
                 (import "acme:one/a@1.0.0" (instance))
                 (import "acme:two/b@1.0.0" (instance))
                 (import "tidegate:stage/context@0.9.0" (instance)))"#,
        )
        .unwrap();
        assert_eq!(
            check(&component).unwrap_err().to_string(),
            "the component imports what this engine does not have: acme:one/a@1.0.0, acme:two/b@1.0.0, \
             tidegate:stage/context@0.9.0"
        );
    }

    #[test]
    fn tells_what_a_file_is_instead() {
        assert!(matches!(check(b"#!/bin/sh\n").unwrap_err(), LoadError::NotWasm));
        assert!(matches!(
            check(&wat::parse_str("(module)").unwrap()).unwrap_err(),
            LoadError::CoreModule
        ));
        let stage = wat::parse_str(r#"(component (instance $i) (export "acme:x/y@1.0.0" (instance $i)))"#).unwrap();
        assert_eq!(
            check(&stage).unwrap_err().to_string(),
            "the component does not export `tidegate:stage/plugin`; it exports acme:x/y@1.0.0"
        );
        assert!(matches!(
            check(&stage[..stage.len() - 3]).unwrap_err(),
            LoadError::Malformed(_)
        ));
    }
}
