use std::path::Path;

/// A file as people know it: relative to the workspace where it lies in it.
pub(crate) fn shown(file: &str, workspace: &Path) -> String {
    match Path::new(file).strip_prefix(workspace) {
        Ok(inside) => inside.to_string_lossy().into_owned(),
        Err(_) => file.to_owned(),
    }
}

/// `file:line` as people know it.
pub(crate) fn shown_with_line(file: &str, line: Option<u32>, workspace: &Path) -> String {
    match line {
        Some(line) => format!("{}:{line}", shown(file, workspace)),
        None => shown(file, workspace),
    }
}

/// A node id in its two halves: the file, and the test in it.
pub(crate) fn suite_and_name(id: &str) -> (&str, &str) {
    id.split_once("::").unwrap_or((id, "(module)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_in_the_workspace_is_shortened() {
        let workspace = Path::new("/srv/shop");
        assert_eq!(shown("/srv/shop/tests/test_a.py", workspace), "tests/test_a.py");
        assert_eq!(shown("/srv/shop-old/test_a.py", workspace), "/srv/shop-old/test_a.py");
    }

    #[test]
    fn a_parameter_may_look_like_an_id() {
        assert_eq!(
            suite_and_name("t/test_a.py::T::test_b[c::d]"),
            ("t/test_a.py", "T::test_b[c::d]")
        );
        assert_eq!(suite_and_name("t/test_a.py"), ("t/test_a.py", "(module)"));
    }
}
