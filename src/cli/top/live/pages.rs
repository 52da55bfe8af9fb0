//! The pages over the list: opened, followed, and left where there is nothing to show.

use super::super::help;
use super::super::interface::{Mode, Page, Subject};
use super::super::logs::{Logs, SOURCES};
use super::super::model::Id;
use super::{Live, NOBODY};
use crate::cli::client::Call;
use crate::cli::exit::Failure;
use crate::cli::feed::Feed;
use crate::cli::render::style::Look;
use crate::cli::render::text::uncapitalised;
use crate::cli::render::{history, why};
use crate::wire::value::Value;
use std::time::{Duration, Instant};

/// How often a page of logs looks for more.
const LOGS: Duration = Duration::from_millis(500);

impl Live {
    pub(super) fn open_page(&mut self, feed: &mut Feed, page: Page) -> Result<(), Failure> {
        match (page.subject, page.of) {
            (Subject::Help, _) => {
                self.page = help::page().iter().map(|line| self.look().joined(line)).collect()
            }
            (Subject::Logs, Some(id)) => {
                self.logs.get_or_insert_with(|| Logs::new(id));
                self.follow_logs(feed)?;
            }
            (Subject::History, Some(id)) => self.ask_page(feed, "history", &id, history::render)?,
            (Subject::Why, Some(id)) => self.ask_page(feed, "why", &id, why::render)?,
            (Subject::Logs | Subject::History | Subject::Why, None) => {}
        }
        Ok(())
    }

    /// A page that is what a command prints about an instance.
    fn ask_page(
        &mut self,
        feed: &mut Feed,
        method: &str,
        id: &Id,
        render: impl Fn(&[Value], Look) -> String,
    ) -> Result<(), Failure> {
        match feed.request(&Call::new(method).selecting(&[id.name()])) {
            Ok(Some(reply)) => {
                let instances = reply.get(method).and_then(Value::as_array).unwrap_or_default();
                self.page = render(instances, self.look()).lines().map(str::to_string).collect();
            }
            Ok(None) => self.leave_page(NOBODY.to_string()),
            Err(Failure::Refused(refusal)) => self.leave_page(uncapitalised(&refusal.sentence)),
            Err(failure) => return Err(failure),
        }
        Ok(())
    }

    pub(super) fn follow_logs(&mut self, feed: &mut Feed) -> Result<(), Failure> {
        self.logs_at = Instant::now() + LOGS;
        let Some(mut logs) = self.logs.take() else { return Ok(()) };
        let mut refused = Vec::new();
        for source in SOURCES {
            match feed.request(&logs.call(source)) {
                Ok(Some(reply)) => logs.take(source, &reply),
                Ok(None) => {}
                Err(Failure::Refused(refusal)) => refused.push(uncapitalised(&refusal.sentence)),
                Err(failure) => return Err(failure),
            }
        }
        // One of them may well go elsewhere.
        match refused.pop() {
            Some(sentence) if refused.len() + 1 == SOURCES.len() => self.leave_page(sentence),
            Some(_) | None => {
                self.page = logs.page().iter().map(|line| self.look().joined(line)).collect();
                self.logs = Some(logs);
            }
        }
        Ok(())
    }

    fn leave_page(&mut self, message: String) {
        self.interface.mode = Mode::List;
        self.interface.message = Some(message);
        self.page.clear();
        self.logs = None;
    }
}
