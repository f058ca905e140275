//! One scenario, two doors: a step is a call over REST or over a server function, and must come out the same.

use serde_json::Value;
use test_support::TestUser;

use crate::harness::{Answer, Server, Who};

#[derive(Clone, Copy, Debug)]
pub enum Through {
    Rest,
    ServerFns,
}

pub struct Doors<'a> {
    pub server: &'a Server,
    pub through: Through,
}

impl Doors<'_> {
    /// Somebody as they come to this door.
    pub async fn who(&self, user: &TestUser) -> Who {
        match self.through {
            Through::Rest => self.server.token(user).await,
            Through::ServerFns => self.server.browser(user).await,
        }
    }

    /// The door's name in the log.
    pub fn via(&self) -> &'static str {
        match self.through {
            Through::Rest => "rest",
            Through::ServerFns => "page",
        }
    }

    /// One call: path and body over REST, name and fields of the form over a server function. Code and the names of the
    /// fields that are wrong must agree.
    pub async fn call(&self, who: &Who, rest: (&str, Value), function: (&str, &[(&str, &str)])) -> (u64, Vec<String>) {
        outcome(&match self.through {
            Through::Rest => self.server.post(who, rest.0, rest.1).await,
            Through::ServerFns => self.server.call(who, function.0, function.1).await,
        })
    }

    /// The same with PUT.
    pub async fn put(&self, who: &Who, rest: (&str, Value), function: (&str, &[(&str, &str)])) -> (u64, Vec<String>) {
        outcome(&match self.through {
            Through::Rest => self.server.put(who, rest.0, rest.1).await,
            Through::ServerFns => self.server.call(who, function.0, function.1).await,
        })
    }

    /// Lists, whose content both doors give.
    pub async fn list(&self, who: &Who, rest: &str, function: &str) -> Value {
        match self.through {
            Through::Rest => self.server.get(who, rest).await.data(),
            Through::ServerFns => self.server.call(who, function, &[]).await.json(),
        }
    }
}

fn outcome(answer: &Answer) -> (u64, Vec<String>) {
    (answer.code(), answer.fields().into_keys().collect())
}
