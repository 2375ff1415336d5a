use std::collections::BTreeMap;

use super::*;

fn read(text: &str) -> Diagnosis {
    Diagnosis::read(&text.lines().map(str::to_owned).collect::<Vec<_>>())
}

fn place(text: &str, requirements: &str) -> Option<(Option<String>, Option<u32>)> {
    let files = BTreeMap::from([("requirements.txt", requirements)]);
    let requirements = Requirements::read(&["requirements.txt".into()], &files).unwrap();
    let finding = read(text).finding(&requirements)?;
    Some((finding.path, finding.line))
}

fn line(number: u32) -> Option<(Option<String>, Option<u32>)> {
    Some((Some("requirements.txt".into()), Some(number)))
}

#[test]
fn a_conflict_is_at_the_requirement_that_is_named() {
    let text = "ERROR: Cannot install django==5.1 and django==4.2 because these package versions have conflicting \
                dependencies.\n\nThe conflict is caused by:\n    The user requested django==5.1\n";
    assert_eq!(place(text, "django==4.2\ndjango==5.1\n"), line(2));
    let text = "ERROR: Cannot install -r requirements.txt (line 3) and asgiref<3 because these package versions have \
                conflicting dependencies.\n\nThe conflict is caused by:\n    django 5.1 depends on asgiref<4\n";
    assert_eq!(place(text, "asgiref<3\n\ndjango==5.1\n"), line(3));
}

#[test]
fn a_version_for_another_python_is_not_confused_with_another_package_s() {
    let ignored = "ERROR: Ignored the following versions that require a different python version: \
                   6.0 Requires-Python >=3.12; 6.0.1 Requires-Python >=3.12\n";
    let detail = |requirement: &str, versions: &str| {
        let text = format!(
            "{ignored}ERROR: Could not find a version that satisfies the requirement {requirement} (from versions: \
             {versions})\nERROR: No matching distribution found for {requirement}\n"
        );
        read(&text).detail
    };
    assert_eq!(
        detail("absent==1", "none"),
        "the index has no such package, or does not show it without a login"
    );
    assert_eq!(
        detail("absent", "none"),
        "the index has no such package, or none of its versions is for this Python"
    );
    assert_eq!(
        detail("django==6.0", "5.2"),
        "this version needs another Python: >=3.12"
    );
    assert_eq!(detail("django==7.0", "5.2"), "the index has no such version");
}
