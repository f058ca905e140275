//! What a person may have open at once, at all applications together, so that nobody takes the door from the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use contract::UserId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Requests and sockets of one browser at one application; others wait for a while.
const OF_BROWSER: usize = 64;
/// Those of one person, also those that wait; what is beyond is refused at once.
const OF_PERSON: usize = 256;
/// Connections into instances for one person, also those that are kept for the next request.
const LINES: usize = 320;
/// How long a request waits for others of the same browser to end.
const WAITS: Duration = Duration::from_secs(20);

/// What one person has of each.
struct Person {
    requests: Arc<Semaphore>,
    lines: Arc<Semaphore>,
}

/// Those who have something open.
#[derive(Default)]
pub(super) struct People(Mutex<HashMap<UserId, Weak<Person>>>);

impl People {
    /// Of one more browser of a person.
    pub(super) fn turns(&self, user: UserId) -> Turns {
        let mut all = self.0.lock().expect("nobody panics holding this lock");
        let person = all.get(&user).and_then(Weak::upgrade).unwrap_or_else(|| {
            all.retain(|_, person| person.strong_count() > 0);
            let (requests, lines) = (Arc::new(Semaphore::new(OF_PERSON)), Arc::new(Semaphore::new(LINES)));
            let person = Arc::new(Person { requests, lines });
            all.insert(user, Arc::downgrade(&person));
            person
        });
        Turns { person, slots: Arc::new(Semaphore::new(OF_BROWSER)) }
    }
}

/// What one browser may have open at one application.
pub(super) struct Turns {
    person: Arc<Person>,
    slots: Arc<Semaphore>,
}

/// A request's or a socket's; given back when it is dropped.
pub(super) struct Turn {
    _slot: OwnedSemaphorePermit,
    _of_person: OwnedSemaphorePermit,
}

impl Turns {
    /// None where the person has as many as may be, or no other of the browser ends for long.
    pub(super) async fn take(&self) -> Option<Turn> {
        // Before the wait: who waits has a connection, too.
        let of_person = self.person.requests.clone().try_acquire_owned().ok()?;
        let slot = tokio::time::timeout(WAITS, self.slots.clone().acquire_owned()).await.ok()?.ok()?;
        Some(Turn { _slot: slot, _of_person: of_person })
    }

    /// Whether anything is open.
    pub(super) fn are_taken(&self) -> bool {
        self.slots.available_permits() < OF_BROWSER
    }

    /// For the connections it makes.
    pub(super) fn lines(&self) -> Arc<Semaphore> {
        self.person.lines.clone()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_person_has_so_many_in_all_browsers_together() {
        let people = People::default();
        let browsers: Vec<Turns> = (0..6).map(|_| people.turns(UserId(1))).collect();
        let mut open = Vec::new();
        for browser in browsers.iter().take(OF_PERSON / OF_BROWSER) {
            for _ in 0..OF_BROWSER {
                open.push(browser.take().await.expect("there is room"));
            }
        }
        let before = Instant::now();
        assert!(browsers[5].take().await.is_none(), "another browser of the same person");
        assert_eq!(before.elapsed(), Duration::ZERO, "who is refused waits for nothing, and holds nothing meanwhile");
        assert!(people.turns(UserId(2)).take().await.is_some(), "others do not notice");
        open.pop();
        assert!(browsers[5].take().await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_counts_too() {
        let people = People::default();
        let busy = people.turns(UserId(1));
        let mut open = Vec::new();
        for _ in 0..OF_BROWSER {
            open.push(busy.take().await.unwrap());
        }
        let waiting: Vec<_> = (OF_BROWSER..OF_PERSON).map(|_| busy.take()).collect();
        let all = futures_util::future::join_all(waiting);
        let other = people.turns(UserId(1));
        let last = async {
            tokio::task::yield_now().await;
            other.take().await.is_none()
        };
        let (all, refused) = tokio::join!(all, last);
        assert!(refused && all.iter().all(Option::is_none), "no other ended meanwhile");
        assert!(other.take().await.is_some() && busy.are_taken() && !people.turns(UserId(1)).are_taken());
    }

    #[tokio::test]
    async fn nobody_is_kept_who_has_nothing_open() {
        let people = People::default();
        for user in 0..100 {
            drop(people.turns(UserId(user)));
        }
        assert_eq!(people.0.lock().unwrap().len(), 1);
    }
}
