use std::fmt;

/// A name or a dotted name in a file, with what the file's imports make of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// As in the file: `models.CharField`.
    pub written: String,
    /// With the import in front: `django.db.models.CharField`. Equal to `written` if no import tells.
    pub path: String,
}

impl Name {
    /// The part after the last dot: `CharField`.
    pub fn last(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or(&self.path)
    }

    /// True if it is Django's own, not a class of the same name from elsewhere.
    pub fn is_django(&self) -> bool {
        // Without an import that tells (a star import, for one), the usual `migrations.` and `models.` are Django's.
        let head = self.path.split('.').next().unwrap_or_default();
        head == "django" || (self.path.contains('.') && matches!(head, "migrations" | "models"))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}
