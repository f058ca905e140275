//! `remotegpu serve` when it is told to stop, in the worst moment.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use contract::accounts::LoginRequest;
use futures_util::TryStreamExt as _;
use platform::accounts;
use test_support::{TestPlatform, eventually};

use crate::programs::Serving;

/// A bearer token of a new admin.
async fn token(test: &TestPlatform) -> String {
    let admin = test.admin().await;
    let request =
        LoginRequest { username: admin.name.clone(), password: admin.password.to_owned(), ..Default::default() };
    accounts::issue_access_token(&test.platform, &test.anonymous(), &request).await.unwrap().access_token
}

/// A request that is begun and goes no further.
fn begin(serving: &Serving, head: &str) -> TcpStream {
    let mut stream = TcpStream::connect(serving.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(head.replace("HOST", &serving.address.to_string()).as_bytes()).unwrap();
    stream
}

async fn number(test: &TestPlatform, what: &str) -> u64 {
    let rows = crate::harness::rows(test, what).await;
    rows.first().expect("one row").parse().expect("a number")
}

/// A stuck upload, a socket whose other end reads nothing and a job that waits for ever: gone within the 30 s after which
/// whoever stops a service kills it, and nothing stays leased to it.
#[tokio::test(flavor = "multi_thread")]
async fn it_is_gone_within_thirty_seconds_whatever_hangs() {
    let test = TestPlatform::new().await;
    let token = token(&test).await;
    // Held by this session until the end of the test: the sealer waits for it.
    let mut chain = test.owner_pool().acquire().await.unwrap();
    let lock = "copy (select pg_advisory_lock(hashtext('remotegpu.audit-chain'))) to stdout";
    let locked: Vec<_> = chain.copy_out_raw(lock).await.unwrap().try_collect().await.unwrap();
    assert_eq!(locked.len(), 1);
    let mut serving = Serving::start(&test).await;
    let running = "select count(*) from jobs where kind = 'audit-seal' and state = 'running'";
    eventually("the job to run", async || (number(&test, running).await == 1).then_some(())).await;
    let upload = begin(
        &serving,
        &format!(
            "POST /api/admin/machines HTTP/1.1\r\nhost: HOST\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: 100000\r\n\r\n{{\"name\":"
        ),
    );
    let mut socket = begin(
        &serving,
        &format!(
            "GET /ws/live HTTP/1.1\r\nhost: HOST\r\nauthorization: Bearer {token}\r\nconnection: upgrade\r\n\
             upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
        ),
    );
    let mut answer = [0; 12];
    socket.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");

    let told = Instant::now();
    serving.terminate();
    let well = eventually("the process to end", async || serving.ended()).await;
    let took = told.elapsed();
    assert!(took < Duration::from_secs(30), "{took:?}\n{}", serving.log());
    assert!(well, "{}", serving.log());
    assert_eq!(number(&test, "select count(*) from jobs where state = 'running'").await, 0, "{}", serving.log());
    assert_eq!(number(&test, running).await, 0);
    assert_eq!(number(&test, "select count(*) from job_events where kind = 'released'").await, 1);
    let mut rest = Vec::new();
    socket.read_to_end(&mut rest).unwrap();
    assert!(String::from_utf8_lossy(&rest).contains("draining"), "the socket was told");
    drop((upload, chain));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_nothing_to_wait_for_it_is_gone_at_once_and_its_log_names_every_request() {
    let test = TestPlatform::new().await;
    let mut serving = Serving::start(&test).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for (path, id) in [("/login", "a-page-0001"), ("/api/auth/profile", "a-call-0001"), ("/healthz", "a-look-0001")] {
        let request = http.get(format!("http://{}{path}?secret=sesame", serving.address)).header("x-request-id", id);
        assert_eq!(request.send().await.unwrap().headers()["x-request-id"], id);
    }
    let told = Instant::now();
    serving.terminate();
    assert!(eventually("the process to end", async || serving.ended()).await, "{}", serving.log());
    assert!(told.elapsed() < Duration::from_secs(10), "{:?}\n{}", told.elapsed(), serving.log());
    let log = serving.log();
    let line = |id: &str| log.lines().find(|line| line.contains(id)).map(str::to_owned);
    let page = line("a-page-0001").expect("the default level shows it");
    assert!(page.contains("/login") && page.contains("200") && page.contains("INFO"), "{page}");
    assert!(line("a-call-0001").expect("refused ones too").contains("401"));
    assert_eq!(line("a-look-0001"), None, "looks at the health would drown the rest");
    assert!(!log.contains("sesame"), "queries may hold anything: {log}");
}
