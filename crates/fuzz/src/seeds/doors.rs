//! What comes in at the doors to applications and by SSH, and what is recorded there.

use super::{Seed, add};

/// A message of SFTP that opens a file to be read: kind, id, name, flags, no attributes.
const OPEN: &[u8] = b"\x03\0\0\0\x01\0\0\0\x07/work/a\0\0\0\x01\0\0\0\0";
/// The two names of a file that is renamed.
const TWO: &[u8] = b"\0\0\0\x02/a\0\0\0\x03/bc";

pub(super) fn add_all(seeds: &mut Vec<Seed>) {
    let named = "0123456789abcdefghij.apps.example.com";
    // A field in each line, by its first letter: host, origin, cookie, connection, upgrade, site, mode, what is set.
    let page = format!("GET /lab?a=b%20c\np{named}\ns__Host-remotegpu-app=x; a=b\nxsame-origin\nycors");
    add(seeds, "app_heads", 0, "page", page);
    let socket = format!("GET /socket\np{named}\nqhttps://{named}\ntkeep-alive, Upgrade\nuwebsocket");
    add(seeds, "app_heads", 0, "socket", socket);
    let posted = format!("POST /upload\np{named}\nqhttps://evil.example\nw5\nrhttps://{named}/lab");
    add(seeds, "app_heads", 0, "posted", posted);
    let set = "GET /\npapps.example.com:9001\n|http://localhost:8888/lab\n}sid=1; Domain=example.com; HttpOnly";
    add(seeds, "app_heads", 1, "answered", set);
    add(seeds, "app_heads", 2, "way", "/lab/tree?token=a%20b#end");

    add(seeds, "recordings", 3, "colours", "\x1b[31mred\x1b[0m \u{4e2d}\u{6587}\r\n\u{1f600}$ ");
    add(seeds, "recordings", 0, "no-text", b"\xff\xc3(\xe4\xb8\0\r\n");

    add(seeds, "ssh_gate", 0, "user", "wanda+lab@example.org+train");
    add(seeds, "ssh_gate", 1, "client", "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\nrest");
    add(seeds, "ssh_gate", 2, "terminal", "xterm-256color");
    add(seeds, "ssh_gate", 3, "variable", "LC_ALL=en_US.UTF-8");
    add(seeds, "ssh_gate", 4, "host", "[::1]");
    add(seeds, "ssh_gate", 5, "path", "/root\n../work/./a//b/..");
    add(seeds, "ssh_gate", 6, "two", TWO);
    add(seeds, "ssh_gate", 6, "answer", "N 81a4 12 0 0 1790000000 1790000000 a b\nsh: odd\nK 1\n");
    add(seeds, "ssh_gate", 6, "file", "81a4 12 1000 1000 1790000000 1790000000 it's");
    add(seeds, "ssh_gate", 7, "init", b"\x01\0\0\0\x03");
    add(seeds, "ssh_gate", 7, "open", OPEN);
}
