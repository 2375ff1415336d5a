//! One call of a stage on a connection.

use super::connection::Connection;
use crate::interrupt::Interrupt;

/// A call made of one or more commands; a stop ends it as [`Interrupt`] says.
pub(super) struct Call<'a> {
    pub(super) connection: &'a Connection,
    stop: Interrupt,
}

impl<'a> Call<'a> {
    pub(super) fn on(connection: &'a Connection) -> Self {
        Self {
            connection,
            stop: Interrupt::from_now(&connection.stop),
        }
    }

    pub(super) async fn interrupted(&self) {
        self.stop.requested().await;
    }
}
