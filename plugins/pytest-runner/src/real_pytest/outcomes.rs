//! How tests end, and what is seen of it.

use std::collections::BTreeMap;

use super::ran::{MIDDLE, NEW, OLD, pytest};
use crate::event::Outcome;

const EVERY_OUTCOME: &str = r#"
import unittest
import pytest

def test_passes():
    pass

def test_fails():
    assert [1, 2] == [1, 3], "the lists"

@pytest.fixture
def broken():
    raise RuntimeError("no fixture")

@pytest.fixture
def broken_end():
    yield
    raise RuntimeError("no end")

def test_setup(broken):
    pass

def test_teardown(broken_end):
    pass

def test_both(broken_end):
    assert False

@pytest.mark.skip(reason="later")
def test_skipped():
    pass

@pytest.mark.xfail(reason="known")
def test_known():
    assert False

@pytest.mark.xfail
def test_better():
    pass

@pytest.mark.xfail(strict=True)
def test_strict():
    pass

@pytest.mark.parametrize("value", [1, "a::b"])
def test_value(value):
    assert value == 1

class TestOld(unittest.TestCase):
    def test_old(self):
        self.assertEqual(1, 2)
"#;

fn every_outcome(packages: &'static [&'static str], config: &str) {
    let ran = pytest(packages, config, &[("tests/test_all.py", EVERY_OUTCOME)]);
    let expected = [
        ("TestOld::test_old", Outcome::Failed),
        ("test_better", Outcome::UnexpectedPass),
        ("test_both", Outcome::Failed),
        ("test_fails", Outcome::Failed),
        ("test_known", Outcome::ExpectedFailure),
        ("test_passes", Outcome::Passed),
        ("test_setup", Outcome::Errored),
        ("test_skipped", Outcome::Skipped),
        ("test_strict", Outcome::UnexpectedPass),
        ("test_teardown", Outcome::Errored),
        ("test_value[1]", Outcome::Passed),
        ("test_value[a::b]", Outcome::Failed),
    ];
    assert_eq!(ran.outcomes(), BTreeMap::from(expected));
    assert_eq!(ran.session.collected, Some(12));
    assert!(ran.junit);
    assert_eq!(
        ran.failed(),
        "4 failed, 2 errored, 1 passed though it is expected to fail of 12 tests"
    );

    let fails = ran
        .session
        .bad_tests
        .iter()
        .find(|test| test.id.ends_with("test_fails"))
        .unwrap();
    let error = &fails.problems[0].error;
    assert!(
        error
            .message
            .starts_with("AssertionError: the lists\nassert [1, 2] == [1, 3]"),
        "{}",
        error.message
    );
    assert_eq!(error.line, Some(9));
    assert!(error.file.as_ref().unwrap().ends_with("/workspace/tests/test_all.py"));
    let both = ran
        .session
        .bad_tests
        .iter()
        .find(|test| test.id.ends_with("test_both"))
        .unwrap();
    let phases: Vec<&str> = both.problems.iter().map(|problem| problem.phase.as_str()).collect();
    assert_eq!(phases, ["call", "teardown"]);
}

#[test]
fn every_outcome_is_seen_by_each_pytest() {
    every_outcome(NEW, "{}");
    every_outcome(MIDDLE, "{}");
    every_outcome(OLD, "{}");
}

#[test]
fn every_outcome_is_seen_through_xdist() {
    every_outcome(NEW, r#"{"args": ["-n", "2"]}"#);
    every_outcome(OLD, r#"{"args": ["-n", "2"]}"#);
}

#[test]
fn what_pytest_prints_does_not_matter() {
    every_outcome(NEW, r#"{"args": ["-p", "no:terminal", "-p", "no:cacheprovider"]}"#);
    every_outcome(NEW, r#"{"args": ["-q", "-q", "--tb=no"]}"#);
    every_outcome(NEW, r#"{"args": ["-n", "2", "--tb=native", "-s"]}"#);
}

#[test]
fn the_projects_own_options_are_respected() {
    let ini = "[pytest]\naddopts = -p no:junitxml -k passes --strict-markers\n";
    let ran = pytest(NEW, "{}", &[("test_all.py", EVERY_OUTCOME), ("pytest.ini", ini)]);
    assert_eq!(ran.verdict, Ok(()));
    assert_eq!(ran.outcomes(), BTreeMap::from([("test_passes", Outcome::Passed)]));
    assert!(!ran.junit);
}

#[test]
fn a_subtest_that_fails_is_a_failure() {
    let text = "import unittest\nclass T(unittest.TestCase):\n def test_a(self):\n  for i in range(3):\n   \
                with self.subTest(i=i):\n    self.assertNotEqual(i, 1)\n";
    let ran = pytest(NEW, "{}", &[("test_sub.py", text)]);
    assert_eq!(ran.outcomes(), BTreeMap::from([("T::test_a", Outcome::Failed)]));
    assert_eq!(ran.failed(), "1 failed of 1 tests");
}

#[test]
fn a_run_that_stopped_early_says_so() {
    let text = "def test_a(): assert 0\ndef test_b(): pass\n";
    let ran = pytest(NEW, r#"{"args": ["-x"]}"#, &[("test_a.py", text)]);
    assert_eq!(ran.failed(), "1 failed of 2 tests (stopping after 1 failures)");
}
