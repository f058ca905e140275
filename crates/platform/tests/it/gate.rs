//! A socket in front of an engine, where one request waits, or where an engine stops to be reached after so many of them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Notify, Semaphore};

/// What becomes of requests.
enum Rule {
    Open,
    /// The first one that says this waits until it is let through.
    Hold(String),
    /// Those that say this are not answered.
    Refuse(String),
    /// So many more are let through, then nothing is.
    Left(usize),
}

struct Shared {
    rule: Mutex<Rule>,
    held: Notify,
    let_through: Semaphore,
}

pub struct Gate {
    folder: TempDir,
    shared: Arc<Shared>,
}

impl Gate {
    pub fn before(engine: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let shared =
            Arc::new(Shared { rule: Mutex::new(Rule::Open), held: Notify::new(), let_through: Semaphore::new(0) });
        let listener = UnixListener::bind(folder.path().join("gate.sock")).unwrap();
        let (rules, engine) = (shared.clone(), engine.to_owned());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(rules.clone(), client, engine.clone()));
            }
        });
        Self { folder, shared }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("gate.sock")
    }

    /// The next request that says this waits.
    pub fn hold(&self, says: &str) {
        *self.shared.rule.lock().unwrap() = Rule::Hold(says.to_owned());
    }

    /// Until it does.
    pub async fn held(&self) {
        self.shared.held.notified().await;
    }

    pub fn let_through(&self) {
        self.shared.let_through.add_permits(1);
    }

    /// Who says this is cut off.
    pub fn refuse(&self, says: &str) {
        *self.shared.rule.lock().unwrap() = Rule::Refuse(says.to_owned());
    }

    /// The engine is reached for so many requests more.
    pub fn cut_after(&self, requests: usize) {
        *self.shared.rule.lock().unwrap() = Rule::Left(requests);
    }

    /// It is reached again; true when requests were left.
    pub fn open(&self) -> bool {
        let before = std::mem::replace(&mut *self.shared.rule.lock().unwrap(), Rule::Open);
        !matches!(before, Rule::Left(0))
    }
}

async fn carry(shared: Arc<Shared>, client: UnixStream, engine: PathBuf) {
    let Ok(server) = UnixStream::connect(engine).await else { return };
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let asks = async {
        let mut bytes = vec![0; 64 << 10];
        loop {
            let Ok(count @ 1..) = from_client.read(&mut bytes).await else { return };
            if !passes(&shared, &bytes[..count]).await || to_server.write_all(&bytes[..count]).await.is_err() {
                return;
            }
        }
    };
    let answers = async { tokio::io::copy(&mut from_server, &mut to_client).await };
    // Whichever ends first takes the other with it: an engine that is not reached answers nothing.
    tokio::select! { () = asks => {}, _ = answers => {} }
}

async fn passes(shared: &Shared, bytes: &[u8]) -> bool {
    let begins =
        ["GET ", "POST ", "DELETE ", "HEAD ", "PUT "].iter().any(|method| bytes.starts_with(method.as_bytes()));
    let line = String::from_utf8_lossy(bytes.split(|byte| *byte == b'\r').next().unwrap_or_default()).into_owned();
    let holds = {
        let mut rule = shared.rule.lock().unwrap();
        match &mut *rule {
            Rule::Left(0) => return false,
            Rule::Refuse(says) if begins && line.contains(says.as_str()) => return false,
            Rule::Left(left) if begins => {
                *left -= 1;
                false
            }
            Rule::Hold(says) if begins && line.contains(says.as_str()) => {
                *rule = Rule::Open;
                true
            }
            _ => false,
        }
    };
    if holds {
        shared.held.notify_one();
        shared.let_through.acquire().await.unwrap().forget();
    }
    true
}
