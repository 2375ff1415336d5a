/// Something that a stage asks for. The manifest grants it, or does not; without a grant a required request stops the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    capability: &'static str,
    name: String,
    reason: String,
    optional: bool,
}

impl Request {
    /// `capability` is a key of the manifest's `grant` table, or `stop-grace`; `name` is the stage's own name for what is meant, or the path,
    /// host or target.
    pub fn new(capability: &'static str, name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            capability,
            name: name.into(),
            reason: reason.into(),
            optional: false,
        }
    }

    /// A native program, by the stage's own name for it.
    pub fn exec(program: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new("exec", program, reason)
    }

    /// A host and port, or a symbolic name such as `@python-index`, for the native programs.
    pub fn net(to: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new("net", to, reason)
    }

    /// A folder of the workspace whose changes are kept.
    pub fn write(folder: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new("write", folder, reason)
    }

    /// A file or folder outside of the workspace.
    pub fn read(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new("read", path, reason)
    }

    /// A secret, by the stage's own name for it.
    pub fn secret(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new("secrets", name, reason)
    }

    /// An SSH target of the manifest.
    pub fn ssh(target: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new("ssh", target, reason)
    }

    /// An origin, as in `https://example.com`, for the engine's HTTP client.
    pub fn http(origin: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new("http", origin, reason)
    }

    /// Time to leave things whole after a stop, as in `1m`; the manifest's own `stop-grace` wins. More than ten minutes only
    /// the manifest gives, and an engine that does not know this gives its default.
    pub fn stop_grace(time: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new("stop-grace", time, reason).optional()
    }

    /// The stage works without it too.
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// A key of the manifest's `grant` table, or `stop-grace`.
    pub fn capability(&self) -> &str {
        self.capability
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn reason(&self) -> &str {
        &self.reason
    }

    pub fn is_optional(&self) -> bool {
        self.optional
    }
}
