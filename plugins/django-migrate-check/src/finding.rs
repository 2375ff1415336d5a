/// Something that a person should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub code: Code,
    pub severity: Severity,
    pub message: String,
    /// Relative to the workspace.
    pub path: Option<String>,
    /// From 1.
    pub line: Option<u32>,
    /// What to do next.
    pub help: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Note,
    Warning,
    /// The migrations are wrong: the stage fails.
    Error,
}

/// Each has a page that `tidegate explain` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    Conflict,
    MissingParent,
    Cycle,
    Syntax,
    Encoding,
    NoMigrationClass,
    NotAPackage,
    DuplicateNumber,
    Dynamic,
    NotAnalysed,
    MigrationModules,
    NothingFound,
    Drift,
    DriftInInstalledApp,
    DriftNotChecked,
    NotLoadable,
    NotImportable,
}

impl Code {
    pub const ALL: [Self; 17] = [
        Self::Conflict,
        Self::MissingParent,
        Self::Cycle,
        Self::Syntax,
        Self::Encoding,
        Self::NoMigrationClass,
        Self::NotAPackage,
        Self::DuplicateNumber,
        Self::Dynamic,
        Self::NotAnalysed,
        Self::MigrationModules,
        Self::NothingFound,
        Self::Drift,
        Self::DriftInInstalledApp,
        Self::DriftNotChecked,
        Self::NotLoadable,
        Self::NotImportable,
    ];

    /// Stable: people search for it and silence it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Conflict => "migrate/conflict",
            Self::MissingParent => "migrate/missing-parent",
            Self::Cycle => "migrate/cycle",
            Self::Syntax => "migrate/syntax",
            Self::Encoding => "migrate/encoding",
            Self::NoMigrationClass => "migrate/no-migration-class",
            Self::NotAPackage => "migrate/not-a-package",
            Self::DuplicateNumber => "migrate/duplicate-number",
            Self::Dynamic => "migrate/dynamic",
            Self::NotAnalysed => "migrate/not-analysed",
            Self::MigrationModules => "migrate/migration-modules",
            Self::NothingFound => "migrate/nothing-found",
            Self::Drift => "migrate/drift",
            Self::DriftInInstalledApp => "migrate/drift-in-installed-app",
            Self::DriftNotChecked => "migrate/drift-not-checked",
            Self::NotLoadable => "migrate/not-loadable",
            Self::NotImportable => "migrate/not-importable",
        }
    }

    /// How bad it is, unless the place says otherwise.
    pub fn severity(self) -> Severity {
        match self {
            Self::Conflict
            | Self::MissingParent
            | Self::Cycle
            | Self::Syntax
            | Self::Encoding
            | Self::NoMigrationClass
            | Self::Drift
            | Self::NotLoadable
            | Self::NotImportable => Severity::Error,
            Self::NotAPackage | Self::NotAnalysed | Self::DriftInInstalledApp => Severity::Warning,
            Self::DuplicateNumber
            | Self::Dynamic
            | Self::MigrationModules
            | Self::NothingFound
            | Self::DriftNotChecked => Severity::Note,
        }
    }
}

impl Finding {
    /// A finding of the code's usual severity, without a place.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity(),
            message: message.into(),
            path: None,
            line: None,
            help: None,
        }
    }

    #[must_use]
    pub fn at(mut self, path: impl Into<String>, line: Option<u32>) -> Self {
        self.path = Some(path.into());
        self.line = line;
        self
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_has_a_text_of_its_own() {
        let texts: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), Code::ALL.len());
        assert!(texts.iter().all(|text| text.starts_with("migrate/")));
    }
}
