//! A file that is too large is answered while its sender still writes, and the answer arrives: over real sockets, as a
//! browser sends it, all of it before it looks for an answer.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{Server, Who};

/// Sends a form with a file of so many bytes; what came back, whole.
async fn upload(server: &Server, who: &Who, path: &str, size: usize) -> String {
    let Who::Cookie(cookie) = who else { panic!("a browser sends it") };
    let begin = "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\r\n";
    let end = "\r\n--b--\r\n";
    let length = begin.len() + size + end.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {}\r\norigin: {}\r\ncookie: {cookie}\r\naccept: text/html\r\n\
         content-type: multipart/form-data; boundary=b\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{begin}",
        server.address,
        server.origin(),
    );
    let sent = async {
        let mut socket = TcpStream::connect(server.address).await.unwrap();
        socket.write_all(head.as_bytes()).await.unwrap();
        let chunk = vec![b'x'; 64 << 10];
        let mut left = size;
        while left > 0 {
            let part = left.min(chunk.len());
            socket.write_all(&chunk[..part]).await.expect("the server reads on");
            left -= part;
        }
        socket.write_all(end.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).await.expect("the answer arrives whole");
        String::from_utf8(answer).unwrap()
    };
    tokio::time::timeout(Duration::from_secs(60), sent).await.expect("an answer")
}

#[tokio::test]
async fn a_file_that_is_too_large_gets_an_answer() {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    let (staff, member) = (server.browser(&admin).await, server.browser(&acme.member).await);
    let cases = [
        (&staff, "/api/admin/settings/import", 5 << 20, "/admin/settings?refused=", "at most 256 kB"),
        (&staff, "/api/admin/settings/logo", 11 << 20, "/admin/settings?refused=", "at most 64 kB"),
        (&member, "/api/auth/avatar", 20 << 20, "/account?refused=", "at most 2 MB"),
    ];
    for (who, path, size, back, limit) in cases {
        let answer = upload(&server, who, path, size).await;
        assert!(answer.starts_with("HTTP/1.1 303"), "{path}: {answer}");
        let at = answer.lines().find_map(|line| line.strip_prefix("location: ")).expect("where it goes on");
        assert!(at.starts_with(back), "{path}: {at}");
        let page = server.get(who, at).await.text;
        assert!(page.contains(limit), "{path}: {limit} is said on the page");
    }
    // Who may not do it at all hears that, however much they send.
    let answer = upload(&server, &member, "/api/admin/settings/import", 5 << 20).await;
    assert!(answer.starts_with("HTTP/1.1 303") || answer.starts_with("HTTP/1.1 404"), "{answer}");
}

/// A form of the pages has its limit too, and its answer arrives.
#[tokio::test]
async fn a_form_that_is_too_large_gets_an_answer() {
    let server = Server::start().await;
    let staff = server.browser(&server.test.admin().await).await;
    let long = "x".repeat(3 << 20);
    let form = [("form[kind]", "maintenance"), ("form[title]", "Power"), ("form[body]", long.as_str())];
    let answer = server.call(&staff, "create_announcement", &form).await;
    assert_eq!((answer.status, answer.code()), (413, 1700));
    assert_eq!(server.count("select count(*) from announcements").await, 0);
}
