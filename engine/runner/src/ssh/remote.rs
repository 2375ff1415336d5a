//! One remote command on a channel of its own: its input, its output, its end.

use std::future::Future;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use russh::client::Msg;
use russh::{ChannelMsg, ChannelWriteHalf, Sig};
use tidegate_sandbox::{SshError, Stream};
use tokio::time::{Instant, sleep, sleep_until};

use super::call::Call;
use super::limits::{QUIET_AFTER_EXIT, TALK_AFTER_EXIT};
use super::mark::Mark;
use super::running::Running;

/// The number of extended data that is standard error (RFC 4254, 5.2).
const STDERR: u32 = 1;

/// Signals that RFC 4254, 6.10 names, with their numbers on Linux.
const SIGNALS: [(&str, i32); 13] = [
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ILL", 4),
    ("ABRT", 6),
    ("FPE", 8),
    ("KILL", 9),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
];

/// The standard input of a remote command.
#[derive(Clone)]
pub(super) struct Stdin(Arc<ChannelWriteHalf<Msg>>);

impl Stdin {
    /// Waits while the other side takes nothing.
    pub(super) async fn send(&self, content: Bytes) -> Result<(), SshError> {
        self.0
            .data_bytes(content)
            .await
            .map_err(|_| SshError::Disconnected("the connection is gone".into()))
    }
}

impl Call<'_> {
    /// Runs `command` in the login shell of the user and returns its exit code; see [`super::Connection::exec`]. `feed` writes the
    /// input, which ends when it does. `output` may break off: the command is then ended and the answer is `Other`.
    pub(super) async fn run<F>(
        &self,
        command: &[u8],
        feed: impl FnOnce(Stdin) -> F,
        mut output: impl FnMut(Stream, &[u8]) -> ControlFlow<()>,
        timeout: Option<Duration>,
    ) -> Result<i32, SshError>
    where
        F: Future<Output = Result<(), SshError>>,
    {
        let limit = async {
            match timeout {
                Some(timeout) => sleep(timeout).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(limit);
        let channel = tokio::select! {
            biased;
            () = self.interrupted() => return Err(SshError::Stopping),
            () = &mut limit => return Err(SshError::TimedOut),
            channel = self.connection.link.handle.channel_open_session() => channel.map_err(|error| match error {
                russh::Error::ChannelOpenFailure(why) => {
                    SshError::Other(format!("{} refused to run a command: {why:?}", self.connection.host))
                }
                _ => self.connection.lost(),
            })?,
        };
        let (mut read, write) = channel.split();
        let link = self.connection.link.clone();
        let mut running = Running {
            channel: Arc::new(write),
            link,
            group: None,
            closed: false,
        };
        let mut mark = Mark::new();
        running
            .channel
            .exec(true, mark.wrap(command))
            .await
            .map_err(|_| self.connection.lost())?;

        let stdin = Stdin(running.channel.clone());
        let feed = async {
            feed(stdin.clone()).await?;
            stdin.0.eof().await.map_err(|_| self.connection.lost())
        };
        tokio::pin!(feed);
        let mut feeding = true;
        let mut ended: Option<Ended> = None;
        loop {
            let silence = ended.as_ref().map_or_else(Instant::now, Ended::patience);
            tokio::select! {
                biased;
                () = self.interrupted() => {
                    running.end(&mut read).await;
                    return Err(SshError::Stopping);
                }
                () = &mut limit => {
                    running.end(&mut read).await;
                    return Err(SshError::TimedOut);
                }
                fed = &mut feed, if feeding => {
                    feeding = false;
                    match fed {
                        // The command's own end says more than the pipe that it left.
                        Ok(()) | Err(SshError::Disconnected(_)) => {}
                        Err(error) => {
                            running.end(&mut read).await;
                            return Err(error);
                        }
                    }
                }
                message = read.wait() => match message {
                    None | Some(ChannelMsg::Close) => {
                        running.closed = true;
                        break;
                    }
                    Some(message @ (ChannelMsg::Data { .. } | ChannelMsg::ExtendedData { .. })) => {
                        let taken = match message {
                            ChannelMsg::Data { data } => output(Stream::Stdout, &data),
                            ChannelMsg::ExtendedData { data, ext: STDERR } => {
                                let passed = mark.filter(&data);
                                running.group = mark.group;
                                if passed.is_empty() { ControlFlow::Continue(()) } else { output(Stream::Stderr, &passed) }
                            }
                            _ => ControlFlow::Continue(()),
                        };
                        if taken.is_break() {
                            running.end(&mut read).await;
                            return Err(SshError::Other("the command printed more than is taken".into()));
                        }
                        if let Some(ended) = &mut ended {
                            ended.heard();
                        }
                    }
                    Some(ChannelMsg::ExitStatus { exit_status }) => {
                        ended = Some(Ended::now(i32::try_from(exit_status).unwrap_or(i32::MAX)));
                    }
                    Some(ChannelMsg::ExitSignal { signal_name, .. }) => {
                        ended = Some(Ended::now(128 + signal_number(&signal_name)));
                    }
                    Some(ChannelMsg::Failure) => {
                        return Err(SshError::Other(format!("{} refused to run the command", self.connection.host)));
                    }
                    Some(_) => {}
                },
                // Its exit may be known while the channel is held open by a process that it left behind.
                () = sleep_until(silence), if ended.is_some() => break,
            }
        }
        let unmarked = mark.rest();
        if !unmarked.is_empty() {
            // The command has ended, so there is nothing to break off.
            let _ = output(Stream::Stderr, &unmarked);
        }
        running.close().await;
        match ended {
            Some(ended) => Ok(ended.code),
            None if self.connection.link.handle.is_closed() => Err(self.connection.lost()),
            None => Err(SshError::Disconnected(format!(
                "{}: the command ended without an exit status",
                self.connection.host
            ))),
        }
    }
}

/// The command's end is known, and the rest of its output is awaited.
struct Ended {
    code: i32,
    at: Instant,
    last_heard: Instant,
}

impl Ended {
    fn now(code: i32) -> Self {
        let at = Instant::now();
        Self {
            code,
            at,
            last_heard: at,
        }
    }

    fn heard(&mut self) {
        self.last_heard = Instant::now();
    }

    fn patience(&self) -> Instant {
        (self.last_heard + QUIET_AFTER_EXIT).min(self.at + TALK_AFTER_EXIT)
    }
}

/// 0 for a signal without a name in the protocol, so that the code is 128: not a success either way.
fn signal_number(signal: &Sig) -> i32 {
    // The names are those of the protocol; the library keeps the method that gives them to itself.
    let name = match signal {
        Sig::Custom(name) => name.clone(),
        known => format!("{known:?}"),
    };
    SIGNALS
        .iter()
        .find(|(known, _)| *known == name)
        .map_or(0, |(_, number)| *number)
}
