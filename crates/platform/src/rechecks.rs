//! The same short question asked again and again by many (does this session still count? is this machine still theirs?),
//! answered for all of them by one query.
//!
//! Thousands of open sockets ask every second. Each asks [`Rechecks::ask`], which answers from what was read last, and
//! reads again, for everybody at once, when that is older than [`FRESH`]. Nothing runs while nobody asks.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use crate::Result;

/// How old an answer may be. With a question a second, an ending is seen within three seconds.
const FRESH: Duration = Duration::from_millis(1800);

/// What is asked about, and the newest answers.
pub(crate) struct Rechecks<K, V> {
    wanted: Mutex<HashMap<K, usize>>,
    answers: tokio::sync::Mutex<Answers<K, V>>,
}

struct Answers<K, V> {
    read: Option<Instant>,
    /// `None` for what does not exist any more.
    known: HashMap<K, Option<V>>,
}

impl<K, V> Default for Rechecks<K, V> {
    fn default() -> Self {
        Self {
            wanted: Mutex::default(),
            answers: tokio::sync::Mutex::new(Answers { read: None, known: HashMap::new() }),
        }
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Rechecks<K, V> {
    /// Takes part until the guard is dropped.
    pub(crate) fn want(self: &Arc<Self>, key: K) -> Wanted<K, V> {
        *self.wanted.lock().expect("nobody panics holding this lock").entry(key.clone()).or_default() += 1;
        Wanted { of: self.clone(), key, since: Instant::now() }
    }

    async fn ask<F>(&self, key: &K, since: Instant, read: impl FnOnce(Vec<K>) -> F) -> Result<Option<V>>
    where
        F: Future<Output = Result<HashMap<K, V>>>,
    {
        // Held while reading: who comes meanwhile waits and finds the answer.
        let mut answers = self.answers.lock().await;
        let fresh = answers.read.is_some_and(|at| at >= since && at.elapsed() < FRESH);
        if let Some(known) = answers.known.get(key).filter(|_| fresh) {
            return Ok(known.clone());
        }
        let asked = Instant::now();
        let keys: Vec<K> = self.wanted.lock().expect("nobody panics holding this lock").keys().cloned().collect();
        let mut found = read(keys.clone()).await?;
        answers.known = keys.into_iter().map(|key| (key.clone(), found.remove(&key))).collect();
        answers.read = Some(asked);
        Ok(answers.known.get(key).cloned().flatten())
    }
}

/// One who asks about one thing.
pub(crate) struct Wanted<K: Clone + Eq + Hash, V: Clone> {
    of: Arc<Rechecks<K, V>>,
    key: K,
    /// Nobody gets an answer that is older than their question.
    since: Instant,
}

impl<K: Clone + Eq + Hash, V: Clone> Wanted<K, V> {
    /// The newest answer; `read` gets every key anybody asks about and leaves out what is not there.
    pub(crate) async fn ask<F>(&self, read: impl FnOnce(Vec<K>) -> F) -> Result<Option<V>>
    where
        F: Future<Output = Result<HashMap<K, V>>>,
    {
        self.of.ask(&self.key, self.since, read).await
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Drop for Wanted<K, V> {
    fn drop(&mut self) {
        let mut wanted = self.of.wanted.lock().expect("nobody panics holding this lock");
        if let Some(count) = wanted.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                wanted.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn double(reads: &Mutex<Vec<Vec<u32>>>) -> impl FnOnce(Vec<u32>) -> std::future::Ready<Result<HashMap<u32, u32>>> {
        |mut keys| {
            keys.sort_unstable();
            let found = keys.iter().filter(|key| **key != 13).map(|key| (*key, key * 2)).collect();
            reads.lock().unwrap().push(keys);
            std::future::ready(Ok(found))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn many_ask_and_one_reads() {
        let (rechecks, reads) = (Arc::new(Rechecks::<u32, u32>::default()), Mutex::new(Vec::new()));
        let everybody: Vec<_> = [1, 2, 2, 13].map(|key| rechecks.want(key)).into_iter().collect();
        for _ in 0..3 {
            for (one, answer) in everybody.iter().zip([Some(2), Some(4), Some(4), None]) {
                assert_eq!(one.ask(double(&reads)).await.unwrap(), answer);
            }
        }
        assert_eq!(*reads.lock().unwrap(), [vec![1, 2, 13]], "one question for all");

        tokio::time::advance(FRESH).await;
        let late = rechecks.want(5);
        drop(everybody);
        assert_eq!(late.ask(double(&reads)).await.unwrap(), Some(10));
        assert_eq!(reads.lock().unwrap().last(), Some(&vec![5]), "who is gone is not asked about");

        let new = rechecks.want(7);
        assert_eq!(new.ask(double(&reads)).await.unwrap(), Some(14), "a newcomer is no stranger");
    }
}
