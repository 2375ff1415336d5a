//! What stands behind an interface that is not granted. These types have no broker: what they can't reach, no mistake in
//! them can give away. Every answer names the grant to write.

mod base;
mod http;
mod process;
mod secrets;
mod source;
mod ssh;

use std::collections::VecDeque;

use wasmtime::component::{HasData, ResourceTable};

use crate::clip::clip;
use crate::limits::{DENIALS, NAME_BYTES};

/// Stands for the host's side of the denied interfaces.
pub(crate) struct Denying;

impl HasData for Denying {
    type Data<'a> = Denied<'a>;
}

pub(crate) struct Denied<'a> {
    pub(crate) table: &'a mut ResourceTable,
    pub(crate) denials: &'a mut Denials,
}

impl Denied<'_> {
    /// The text of an answer; `name` is what the stage asked for, in the form of the grant's value.
    fn refuse(&mut self, interface: &str, grant: &str, value: &str) -> String {
        let text = format!("`{interface}` is not granted to this stage; its manifest would say {grant} = {value}");
        self.denials.note(&text);
        text
    }
}

/// A guest's text as a TOML string, cut to a readable length.
fn quoted(text: &str) -> String {
    format!("{:?}", clip(text.to_owned(), NAME_BYTES))
}

/// The last answers `not-granted` of an attempt.
#[derive(Debug, Default)]
pub(crate) struct Denials(VecDeque<String>);

impl Denials {
    pub(crate) fn note(&mut self, text: &str) {
        // An empty text is in every other one.
        if text.is_empty() || self.0.iter().any(|known| known == text) {
            return;
        }
        if self.0.len() == DENIALS {
            self.0.pop_front();
        }
        self.0.push_back(text.to_owned());
    }

    /// True when `text` passes one of them on.
    pub(crate) fn any_in(&self, text: &str) -> bool {
        self.0.iter().any(|denial| text.contains(denial))
    }
}

/// A call of something that is linked only so that components start. Ends the attempt.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is denied to every stage; use the interface `http` of the contract, with `grant.http`")]
pub(crate) struct DeniedImport(pub(crate) String);
