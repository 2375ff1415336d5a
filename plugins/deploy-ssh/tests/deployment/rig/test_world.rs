use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::Duration;

use deploy_ssh::world::{Answer, Unanswered, World};

/// Time does not pass, people's messages are kept, HTTP answers come from a list.
#[derive(Default)]
pub(crate) struct TestWorld {
    stopped: Cell<bool>,
    pub(crate) slept: Cell<Duration>,
    pub(crate) messages: RefCell<Vec<String>>,
    pub(crate) answers: RefCell<VecDeque<Result<Answer, Unanswered>>>,
}

impl TestWorld {
    pub(crate) fn stop(&self) {
        self.stopped.set(true);
    }

    pub(crate) fn forget_stop(&self) {
        self.stopped.set(false);
    }

    pub(crate) fn told(&self) -> String {
        self.messages.borrow().join("\n")
    }
}

impl World for TestWorld {
    fn stop_requested(&self) -> bool {
        self.stopped.get()
    }

    fn sleep(&self, time: Duration) {
        self.slept.set(self.slept.get() + time);
    }

    fn info(&self, message: &str) {
        self.messages.borrow_mut().push(message.to_owned());
    }

    fn warn(&self, message: &str) {
        self.messages.borrow_mut().push(format!("warning: {message}"));
    }

    fn progress(&self, _: u64, _: u64, _: &str) {}

    fn get(&self, _: &str, _: Duration) -> Result<Answer, Unanswered> {
        let next = self.answers.borrow_mut().pop_front();
        next.unwrap_or_else(|| Err(Unanswered::Other("connection refused".to_owned())))
    }
}
