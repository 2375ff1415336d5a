//! Asking a component before anything is granted.

use std::time::{Duration, Instant};

use tidegate_sandbox::ProbeError;

use crate::loading::{stage_that, stage_with};
use crate::start::{component, sandbox};

#[tokio::test]
async fn describes_itself() {
    let description = sandbox().describe(component().await).await.unwrap();
    assert_eq!((&*description.name, &*description.version), ("behave", "0.1.0"));
    assert_eq!(description.config_schema, r#"{"type":"object"}"#);
}

#[tokio::test]
async fn says_what_it_wants() {
    let requests = sandbox()
        .requests(component().await, r#"{"want":"python"}"#)
        .await
        .unwrap();
    assert_eq!(requests.len(), 1);
    assert_eq!((&*requests[0].capability, &*requests[0].name), ("exec", "python"));

    let refused = sandbox().requests(component().await, "{}").await.unwrap_err();
    assert_eq!(refused, ProbeError::Refused("`want` is missing".into()));
    let many = sandbox()
        .requests(component().await, r#"{"want":"many"}"#)
        .await
        .unwrap_err();
    assert_eq!(
        many.to_string(),
        "the component went beyond a limit: it asks for more than 256 things"
    );
}

#[tokio::test]
async fn can_do_nothing_while_it_is_asked() {
    let requests = sandbox()
        .requests(component().await, r#"{"want":"program"}"#)
        .await
        .unwrap();
    assert!(
        requests[0].name.starts_with("Error::NotGranted("),
        "{}",
        requests[0].name
    );
}

#[tokio::test]
async fn a_component_that_spins_before_it_answers() {
    let spinning = sandbox()
        .load(stage_that("(func $start (loop br 0)) (start $start)"))
        .await
        .unwrap();
    let begin = Instant::now();
    assert_eq!(sandbox().describe(&spinning).await.unwrap_err(), ProbeError::TimedOut);
    assert!(begin.elapsed() < Duration::from_secs(11), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_component_that_traps_before_it_answers() {
    let trapping = sandbox()
        .load(stage_that("(func $start unreachable) (start $start)"))
        .await
        .unwrap();
    let ProbeError::Trapped(text) = sandbox().describe(&trapping).await.unwrap_err() else {
        panic!()
    };
    assert!(text.contains("unreachable"), "{text}");

    let greedy = sandbox().load(stage_that("(memory 8192)")).await.unwrap();
    assert_eq!(
        sandbox().describe(&greedy).await.unwrap_err(),
        ProbeError::LimitExceeded("the stage needs more than 256 MiB of memory".into())
    );
}

/// Makes handles of a resource of its own, of which the host sees nothing.
const HANDLES: &str = r#"
  (type $own (resource (rep i32)))
  (core func $new (canon resource.new $own))
  (core module $loop
    (import "" "new" (func $new (param i32) (result i32)))
    (func $start (loop (drop (call $new (i32.const 1))) (br 0)))
    (start $start))
  (core instance (instantiate $loop (with "" (instance (export "new" (func $new))))))"#;

#[tokio::test]
async fn a_component_that_hoards_handles() {
    let hoarding = sandbox().load(stage_with(HANDLES, "")).await.unwrap();
    assert_eq!(
        sandbox().describe(&hoarding).await.unwrap_err(),
        ProbeError::LimitExceeded("the stage needs more than 10000 handles".into())
    );
}
