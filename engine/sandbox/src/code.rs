//! The stable codes of this crate, each with its page for `tidegate explain`.

macro_rules! codes {
    ($($slug:literal: $meaning:literal;)*) => {
        const CODES: &[(&str, &str, &str)] = &[
            $((concat!("component/", $slug), $meaning, include_str!(concat!("explain/", $slug, ".md")))),*
        ];
    };
}

codes! {
    "too-large": "the component is larger than any stage needs";
    "not-wasm": "the file is not WebAssembly";
    "core-module": "the file is a core module, not a component";
    "precompiled": "the file is compiled code of an engine";
    "malformed": "the component's bytes make no sense";
    "unknown-import": "the component imports what no stage can have";
    "newer-import": "the component was built for a newer contract";
    "missing-export": "the component is not a stage";
    "mismatch": "an import or export has another type than the contract says";
    "compile-timeout": "compiling the component took too long";
    "compile": "the component can't be compiled";
}

/// Every code of this crate: the code, its meaning in one line, and its page in Markdown.
pub fn codes() -> &'static [(&'static str, &'static str, &'static str)] {
    CODES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LoadError;

    #[test]
    fn every_error_has_a_page() {
        let errors = [
            LoadError::TooLarge { bytes: 1 },
            LoadError::NotWasm,
            LoadError::CoreModule,
            LoadError::Precompiled,
            LoadError::Malformed(String::new()),
            LoadError::UnknownImports { imports: Vec::new() },
            LoadError::NewerImports { imports: Vec::new() },
            LoadError::MissingExport { exports: Vec::new() },
            LoadError::Mismatch(String::new()),
            LoadError::CompileTimeout,
            LoadError::Compile(String::new()),
        ];
        assert_eq!(errors.len(), codes().len());
        for error in errors {
            let (_, _, page) = codes().iter().find(|(code, ..)| *code == error.code()).unwrap();
            assert!(page.starts_with(&format!("# {}\n", error.code())), "{page}");
        }
    }
}
