//! From bytes to a component, with and without the cache of compiled code.

use std::fs;
use std::path::{Path, PathBuf};

use tidegate_sandbox::{AttemptEnd, LoadError, Sandbox};

use crate::start::BEHAVE;

/// A component with the export of a stage, and this text in its core module. Its functions trap.
pub(crate) fn stage_that(module: &str) -> Vec<u8> {
    stage_with("", module)
}

pub(crate) fn stage_with(imports: &str, module: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
          {imports}
          (core module $m
            (func (export "string-out") (result i32) unreachable)
            (func (export "requests") (param i32 i32) (result i32) unreachable)
            (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable)
            {module})
          (core instance $i (instantiate $m))
          (alias core export $i "memory" (core memory $memory))
          (alias core export $i "realloc" (core func $realloc))
          (type $description (record
            (field "name" string) (field "version" string) (field "summary" string) (field "config-schema" string)))
          (type $request (record
            (field "capability" string) (field "name" string) (field "reason" string) (field "optional" bool)))
          (type $failure (variant
            (case "failed" string) (case "misconfigured" string) (case "unavailable" string) (case "other" string)))
          (component $shim
            (type $d0 (record
              (field "name" string) (field "version" string) (field "summary" string) (field "config-schema" string)))
            (type $r0 (record
              (field "capability" string) (field "name" string) (field "reason" string) (field "optional" bool)))
            (type $f0 (variant
              (case "failed" string) (case "misconfigured" string) (case "unavailable" string) (case "other" string)))
            (import "d" (type $d (eq $d0)))
            (import "r" (type $r (eq $r0)))
            (import "f" (type $f (eq $f0)))
            (import "describe" (func $describe (result $d)))
            (import "requests" (func $requests (param "input" string) (result (result (list $r) (error string)))))
            (import "run" (func $run (result (result (error $f)))))
            (export $de "description" (type $d0))
            (export $re "request" (type $r0))
            (export $fe "failure" (type $f0))
            (export "describe" (func $describe) (func (result $de)))
            (export "requests" (func $requests)
              (func (param "input" string) (result (result (list $re) (error string)))))
            (export "run" (func $run) (func (result (result (error $fe))))))
          (func $describe (result $description)
            (canon lift (core func $i "string-out") (memory $memory)))
          (func $requests (param "input" string) (result (result (list $request) (error string)))
            (canon lift (core func $i "requests") (memory $memory) (realloc $realloc)))
          (func $run (result (result (error $failure)))
            (canon lift (core func $i "string-out") (memory $memory)))
          (instance $plugin (instantiate $shim
            (with "d" (type $description))
            (with "r" (type $request))
            (with "f" (type $failure))
            (with "describe" (func $describe))
            (with "requests" (func $requests))
            (with "run" (func $run))))
          (export "tidegate:stage/plugin@0.1.0" (instance $plugin)))"#
    );
    wat::parse_str(text).unwrap()
}

async fn load_error(bytes: Vec<u8>) -> LoadError {
    crate::start::sandbox().load(bytes).await.unwrap_err()
}

#[tokio::test]
async fn refuses_what_is_no_stage() {
    assert!(matches!(
        load_error(wat::parse_str("(module)").unwrap()).await,
        LoadError::CoreModule
    ));
    assert!(matches!(
        load_error(vec![0; (64 << 20) + 1]).await,
        LoadError::TooLarge { .. }
    ));
    assert!(matches!(
        load_error(wat::parse_str("(component)").unwrap()).await,
        LoadError::MissingExport { .. }
    ));
    assert!(matches!(
        load_error(stage_with(r#"(import "acme:a/b@1.0.0" (instance))"#, "")).await,
        LoadError::UnknownImports { .. }
    ));
    let mismatch = stage_with(
        r#"(import "tidegate:stage/state@0.1.0" (instance (export "forget" (func))))"#,
        "",
    );
    assert!(matches!(load_error(mismatch).await, LoadError::Mismatch(_)));
    let threads = stage_that("(memory $shared 1 2 shared)");
    assert!(matches!(load_error(threads).await, LoadError::Compile(_)));
}

#[tokio::test]
async fn wasi_http_is_linked_and_denied() {
    let sandbox = crate::start::sandbox();
    let component = sandbox.load(stage_with(HTTP_CALL, "")).await.unwrap();
    let mut start = crate::start::Start::new("pass").await;
    start.spec.component = component.digest();
    let records = std::sync::Arc::new(crate::records::Records::default());
    let end = sandbox
        .run(&component, &start.spec, Vec::new(), records, start.broker, start.stop)
        .await
        .unwrap();
    let AttemptEnd::Denied(text) = end else {
        panic!("{end:?}")
    };
    assert!(
        text.starts_with("`wasi:http/outgoing-handler@0.2.3#handle` is denied to every stage"),
        "{text}"
    );
}

/// Calls `wasi:http` when it is instantiated.
const HTTP_CALL: &str = r#"
  (import "wasi:http/outgoing-handler@0.2.3" (instance $http (export "handle" (func))))
  (core func $handle (canon lower (func $http "handle")))
  (core module $call (import "" "handle" (func $handle)) (start $handle))
  (core instance (instantiate $call (with "" (instance (export "handle" (func $handle))))))"#;

fn cached_file(cache: &Path) -> PathBuf {
    let files: Vec<_> = fs::read_dir(cache.join("code"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

async fn from_cache(cache: &Path) -> bool {
    let sandbox = Sandbox::new(Some(cache.into())).unwrap();
    let component = sandbox.load(BEHAVE.clone()).await.unwrap();
    assert_eq!(sandbox.describe(&component).await.unwrap().name, "behave");
    component.from_cache()
}

#[tokio::test]
async fn compiled_code_is_kept_and_never_trusted_blindly() {
    let cache = tempfile::tempdir().unwrap();
    assert!(!from_cache(cache.path()).await);
    assert!(from_cache(cache.path()).await);

    let file = cached_file(cache.path());
    let whole = fs::read(&file).unwrap();
    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 1;
    for broken in [&whole[..whole.len() / 2], &changed, b"", &BEHAVE[..]] {
        fs::write(&file, broken).unwrap();
        assert!(!from_cache(cache.path()).await);
        assert!(from_cache(cache.path()).await);
    }
}

#[tokio::test]
async fn two_starts_at_once_share_the_cache() {
    let cache = tempfile::tempdir().unwrap();
    let (one, two) = tokio::join!(from_cache(cache.path()), from_cache(cache.path()));
    assert!(!one || !two);
    cached_file(cache.path());
    assert!(from_cache(cache.path()).await);
}

#[tokio::test]
async fn compiled_code_from_outside_is_refused() {
    let cache = tempfile::tempdir().unwrap();
    from_cache(cache.path()).await;
    let code = fs::read(cached_file(cache.path())).unwrap();
    assert!(matches!(load_error(code).await, LoadError::Precompiled));
}
