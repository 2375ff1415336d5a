//! Names that nobody in a Cell sees, at any depth and whatever else is hidden.

use std::ffi::OsStr;

/// `.git`, `.tidegate`, `.env` and `.env.*`, but not `.env.example` and the like.
pub fn is_always_hidden(name: &OsStr) -> bool {
    // Bytes, because a name need not be text.
    let name = name.as_encoded_bytes();
    matches!(name, b".git" | b".tidegate" | b".env") || (name.starts_with(b".env.") && !name.ends_with(b".example"))
}
