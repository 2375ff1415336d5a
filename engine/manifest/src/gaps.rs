//! What could not be read of a manifest with mistakes.

/// Parts of the manifest whose entries are not all there. Nothing is concluded from what is missing in them: it was reported
/// already. Without errors there are none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ManifestGaps {
    pub vars: bool,
    pub plugins: bool,
    pub targets: bool,
    pub stages: bool,
}

/// The same for one stage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StageGaps {
    pub uses: bool,
    pub with: bool,
    pub needs: bool,
    pub grant: bool,
}

impl ManifestGaps {
    pub(crate) const ALL: Self = Self {
        vars: true,
        plugins: true,
        targets: true,
        stages: true,
    };
}
