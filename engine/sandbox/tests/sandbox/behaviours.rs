//! No behaviour of the guest without a test.

use crate::start::{component, sandbox};

#[tokio::test]
async fn each_has_a_test() {
    let tests = [
        include_str!("outcomes.rs"),
        include_str!("limits.rs"),
        include_str!("interfaces.rs"),
    ]
    .concat();
    let description = sandbox().describe(component().await).await.unwrap();
    let untested: Vec<_> = description
        .summary
        .split(' ')
        .filter(|name| !tests.contains(&format!("{name:?}")))
        .collect();
    assert_eq!(untested, [""; 0]);
}
