//! A remote command that may have to end before it wants to.

use std::sync::Arc;

use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Sig};
use tokio::time::{sleep, timeout};

use super::connection::Link;
use super::limits::{KILL_TIME, SIGNAL_GRACE};

/// Ends the command and closes its channel when it is dropped before the end, so that a future that nobody polls any more
/// leaves nothing behind on the other side. That keeps the connection open for as long as it needs, a few seconds at most;
/// whoever ends the engine waits for [`super::Endings`].
pub(super) struct Running {
    pub(super) channel: Arc<ChannelWriteHalf<Msg>>,
    pub(super) link: Arc<Link>,
    /// The command's process group there, once it is known.
    pub(super) group: Option<u32>,
    /// True once nothing is left to end.
    pub(super) closed: bool,
}

impl Running {
    /// Asks the command to end, then forces it, then lets go of it.
    pub(super) async fn end(mut self, read: &mut ChannelReadHalf) {
        for signal in [Sig::TERM, Sig::KILL] {
            let waited = async {
                self.signal(signal).await;
                sleep(SIGNAL_GRACE).await;
            };
            tokio::select! {
                // Its output has to be taken all the time: the connection stands still when one channel is full.
                () = ended(read) => break,
                () = waited => {}
            }
        }
        self.close().await;
    }

    /// Lets go of a command that has ended.
    pub(super) async fn close(&mut self) {
        if !self.closed {
            // An error means that the connection is gone, and the channel with it.
            let _ = self.channel.close().await;
            self.closed = true;
        }
    }

    async fn signal(&self, signal: Sig) {
        signal_group(&self.link, &self.channel, self.group, signal).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.closed {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (channel, link, group) = (self.channel.clone(), self.link.clone(), self.group);
            let ending = self.link.endings.begin();
            runtime.spawn(async move {
                let _ending = ending;
                for signal in [Sig::TERM, Sig::KILL] {
                    signal_group(&link, &channel, group, signal).await;
                    sleep(SIGNAL_GRACE).await;
                }
                // An error means that the connection is gone, and the channel with it.
                let _ = channel.close().await;
            });
        }
    }
}

/// By the protocol's way, which not every server takes, and by `kill` on a second channel. Errors mean that the connection
/// is gone or that the server allows no second channel; then closing the channel is all that is left.
async fn signal_group(link: &Link, channel: &ChannelWriteHalf<Msg>, group: Option<u32>, signal: Sig) {
    let command = group.map(|group| format!("sh -c 'kill -{signal:?} -{group}'"));
    let _ = channel.signal(signal).await;
    let Some(command) = command else {
        return;
    };
    let _ = timeout(KILL_TIME, async {
        let mut second = link.handle.channel_open_session().await?;
        second.exec(true, command).await?;
        while second
            .wait()
            .await
            .is_some_and(|message| !matches!(message, ChannelMsg::Close))
        {}
        Ok::<(), russh::Error>(())
    })
    .await;
}

async fn ended(read: &mut ChannelReadHalf) {
    while let Some(message) = read.wait().await {
        if matches!(
            message,
            ChannelMsg::Close | ChannelMsg::ExitStatus { .. } | ChannelMsg::ExitSignal { .. }
        ) {
            return;
        }
    }
}
