//! A container comes, runs, stops and goes.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use super::labels::filter;
use super::refusal::{Doing, refusal};
use super::spec::is_word;
use super::state::{self, Container, Listed, RawContainer, RawLimits, State};
use super::wire::{Answer, Ask, QUICK};
use super::{ContainerSpec, Containers, host};
use crate::docker::{Fault, FaultKind};

/// For what makes an engine work: file systems, networks, devices.
const WORK: Duration = Duration::from_secs(120);
/// Between two looks whether a container that is being taken away is gone.
const LOOK: Duration = Duration::from_millis(200);
/// Longest time a program may have to end by itself.
const MAX_GRACE: Duration = Duration::from_secs(600);
/// Most warnings that are kept.
const MAX_WARNINGS: usize = 10;

/// A container that is there now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    pub id: String,
    /// It was there before, made of the same.
    pub existed: bool,
    /// What the engine has to say of it.
    pub warnings: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Made {
    id: String,
    #[serde(default)]
    warnings: Option<Vec<String>>,
}

/// A container of ours, and what the engine said of it.
pub(super) struct Own {
    pub(super) container: Container,
    pub(super) raw: RawContainer,
}

impl Containers {
    /// Makes it, without starting it. One that is there by this name and was made of the same is the one.
    ///
    /// # Errors
    /// Also [`FaultKind::Differs`] and [`FaultKind::NameTaken`] where the name is used, [`FaultKind::NotFound`] for a volume
    /// that is not there, and [`FaultKind::Limits`] where the engine would leave out a limit: then there is none.
    pub async fn create(&self, spec: &ContainerSpec) -> Result<Created, Fault> {
        let body = host::body(spec, &self.installation)?;
        for mount in &spec.volumes {
            self.own_volume(&mount.volume).await?;
        }
        let ask = Ask::post("/containers/create").with("name", &spec.name).json(&body);
        let answer = self.wire.ask(ask, WORK).await?;
        let created = match answer.status {
            201 => {
                let made: Made = answer.json()?;
                let warnings = made.warnings.unwrap_or_default().into_iter().take(MAX_WARNINGS);
                let warnings = warnings.map(|it| Fault::new(FaultKind::Other, it).detail).collect();
                Created { id: state::word(&made.id), existed: false, warnings }
            }
            _ => {
                let fault = refusal(Doing::Create, &answer);
                if fault.kind != FaultKind::NameTaken {
                    return Err(fault);
                }
                let found = self.named(&spec.name).await?;
                let labels = body.labels.unwrap_or_default();
                Created { id: same(found, fault, &labels)?, existed: true, warnings: Vec::new() }
            }
        };
        self.limited(&created.id, spec).await?;
        Ok(created)
    }

    /// Whether it is limited as it should be. One that is not and never ran is taken away.
    async fn limited(&self, id: &str, spec: &ContainerSpec) -> Result<(), Fault> {
        let found = self.own(id).await?;
        let wanted = RawLimits {
            memory: i64::try_from(spec.memory).ok(),
            nano_cpus: Some(i64::from(spec.cpu_millis) * 1_000_000),
            pids_limit: Some(i64::from(spec.pids)),
        };
        if found.raw.host_config.as_ref() == Some(&wanted) {
            return Ok(());
        }
        if found.container.state == State::Created {
            self.remove(id, true).await?;
        }
        let words = format!("it would run with {:?} instead of {wanted:?}", found.raw.host_config);
        Err(Fault::new(FaultKind::Limits, words))
    }

    /// Starts it; one that runs, runs.
    ///
    /// # Errors
    /// Also why the engine does not start it, in its words.
    pub async fn start(&self, id: &str) -> Result<(), Fault> {
        let own = self.own(id).await?;
        let answer = self.wire.ask(Ask::post(path(&own, "/start")), WORK).await?;
        done(Doing::Start, &answer, &[204, 304])
    }

    /// The same of one that [`Containers::create`] just gave back, and looked at: whose it is need not be asked again.
    ///
    /// # Errors
    /// As [`Containers::start`].
    pub async fn start_made(&self, made: &Created) -> Result<(), Fault> {
        let answer = self.wire.ask(Ask::post(format!("/containers/{}/start", made.id)), WORK).await?;
        done(Doing::Start, &answer, &[204, 304])
    }

    /// Has it end, and ends it after this time; one that does not run, does not run.
    ///
    /// # Errors
    /// As everything here.
    pub async fn stop(&self, id: &str, grace: Duration) -> Result<(), Fault> {
        let own = self.own(id).await?;
        self.end(&own, "/stop", grace).await
    }

    /// Stops and starts it.
    ///
    /// # Errors
    /// As [`Containers::start`].
    pub async fn restart(&self, id: &str, grace: Duration) -> Result<(), Fault> {
        let own = self.own(id).await?;
        self.end(&own, "/restart", grace).await
    }

    async fn end(&self, own: &Own, what: &str, grace: Duration) -> Result<(), Fault> {
        let grace = grace.min(MAX_GRACE);
        let ask = Ask::post(path(own, what)).with("t", grace.as_secs());
        let doing = if what == "/restart" { Doing::Start } else { Doing::Other };
        done(doing, &self.wire.ask(ask, grace + WORK).await?, &[204, 304])
    }

    /// Ends everything in it at once; what does not run is left as it is.
    ///
    /// # Errors
    /// As everything here.
    pub async fn kill(&self, id: &str) -> Result<(), Fault> {
        let own = self.own(id).await?;
        let answer = self.wire.ask(Ask::post(path(&own, "/kill")).with("signal", "KILL"), WORK).await?;
        if answer.status == 409 && answer.words().contains("is not running") {
            return Ok(());
        }
        done(Doing::Other, &answer, &[204])
    }

    /// Takes it away, ended if it runs; one that is not there, or is none of ours, is gone. Volumes with a name stay;
    /// `volumes` says whether those go that its image asked for and nobody named. Back when it is gone.
    ///
    /// # Errors
    /// As everything here.
    pub async fn remove(&self, id: &str, volumes: bool) -> Result<(), Fault> {
        let until = Instant::now() + WORK;
        loop {
            let own = match self.own(id).await {
                Err(fault) if fault.kind == FaultKind::NotFound => return Ok(()),
                own => own?,
            };
            let ask = Ask::new(Method::DELETE, path(&own, "")).with("force", true).with("v", volumes);
            let answer = self.wire.ask(ask, WORK).await?;
            let fault = match done(Doing::Other, &answer, &[204]) {
                // Also where the one that was asked to first was not done yet.
                Ok(()) => return Ok(()),
                Err(fault) => fault,
            };
            let passing = matches!(fault.kind, FaultKind::Busy | FaultKind::NotFound);
            if !passing || Instant::now() > until {
                return Err(fault);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// How it is.
    ///
    /// # Errors
    /// [`FaultKind::NotFound`] also for what is not ours.
    pub async fn inspect(&self, id: &str) -> Result<Container, Fault> {
        Ok(self.own(id).await?.container)
    }

    /// All of ours, running or not.
    ///
    /// # Errors
    /// As everything here.
    pub async fn list(&self) -> Result<Vec<Listed>, Fault> {
        let filters = json!({ "label": [filter(&self.installation)] });
        let ask = Ask::get("/containers/json").with("all", true).with("filters", filters);
        let body = good(&self.wire.ask(ask, QUICK).await?)?;
        state::list(&body, &self.installation)
    }

    /// By the engine's name of it or ours.
    pub(super) async fn own(&self, id: &str) -> Result<Own, Fault> {
        match self.named(id).await? {
            Named::Own(own) => Ok(*own),
            Named::None | Named::Other => {
                Err(Fault::new(FaultKind::NotFound, format!("no container {}", state::word(id))))
            }
        }
    }

    /// What is there by this name, whosever it is.
    async fn named(&self, id: &str) -> Result<Named, Fault> {
        if !is_word(id) {
            return Ok(Named::None);
        }
        let answer = self.wire.ask(Ask::get(format!("/containers/{id}/json")), QUICK).await?;
        if answer.status == 404 {
            return Ok(Named::None);
        }
        let raw = RawContainer::read(&good(&answer)?)?;
        let container = raw.container(&self.installation);
        Ok(container.map_or(Named::Other, |container| Named::Own(Box::new(Own { container, raw }))))
    }
}

/// What an engine has under a name.
enum Named {
    Own(Box<Own>),
    /// A container of somebody else's.
    Other,
    None,
}

/// Whether the container that has the name is the one that was to be made.
fn same(found: Named, taken: Fault, labels: &std::collections::HashMap<String, String>) -> Result<String, Fault> {
    let found = match found {
        Named::Own(own) => own.container,
        Named::Other => return Err(taken),
        // An engine keeps a name from the begin of making one until the end of taking it away: whoever asked before, and was
        // dropped, is still served.
        Named::None => return Err(Fault::new(FaultKind::Busy, taken.detail)),
    };
    if labels.get(super::labels::SPEC) != Some(&found.origin.fingerprint) {
        let words = format!("{} is of {} {}", found.id, found.origin.instance, found.origin.revision);
        return Err(Fault::new(FaultKind::Differs, words));
    }
    match found.state {
        State::Removing | State::Dead => Err(Fault::new(FaultKind::Busy, "the one of this name is being removed")),
        _ => Ok(found.id),
    }
}

/// The engine's own name of it, so that what was looked at is what is changed.
pub(super) fn path(own: &Own, rest: &str) -> String {
    format!("/containers/{}{rest}", own.container.id)
}

pub(super) fn done(doing: Doing, answer: &Answer, good: &[u16]) -> Result<(), Fault> {
    if good.contains(&answer.status) { Ok(()) } else { Err(refusal(doing, answer)) }
}

/// What an engine says to a question.
pub(super) fn good(answer: &Answer) -> Result<Bytes, Fault> {
    done(Doing::Other, answer, &[200, 201])?;
    Ok(answer.bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_taken_by_nothing_is_about_to_come_or_to_go() {
        let labels = std::collections::HashMap::new();
        let kind = |found| same(found, Fault::new(FaultKind::NameTaken, "Conflict."), &labels).unwrap_err().kind;
        assert_eq!([kind(Named::None), kind(Named::Other)], [FaultKind::Busy, FaultKind::NameTaken]);
    }
}
