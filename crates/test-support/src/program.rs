//! Programs of other people's that tests start on ports of their own.

use std::net::{TcpListener, TcpStream};
use std::process::Child;
use std::time::{Duration, Instant};

/// Far beyond what a loaded machine needs.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often one of them is started before it is given up.
const TRIES: usize = 5;

/// One of them, which was started.
pub(crate) trait Program {
    /// What it is called.
    const NAME: &'static str;

    /// Its process.
    fn process(&mut self) -> &mut Child;

    /// It takes connections, or something else at its port does.
    fn listens(&self) -> bool;

    /// What it wrote; none where it says nothing.
    fn said(&self) -> Option<String>;

    /// Waits until it listens; false when its port was somebody else's.
    ///
    /// # Panics
    /// When it ends for another reason, or does not listen at all.
    fn comes_up(&mut self) -> bool {
        let until = Instant::now() + PATIENCE;
        while !self.listens() {
            if self.has_ended() {
                let said = self.said();
                let taken = said.as_ref().is_none_or(|said| said.contains("address already in use"));
                assert!(taken, "{} ended: {}", Self::NAME, said.unwrap_or_default());
                return false;
            }
            assert!(Instant::now() < until, "{} does not listen: {}", Self::NAME, self.said().unwrap_or_default());
            std::thread::sleep(Duration::from_millis(20));
        }
        !self.has_ended()
    }

    /// Its process is over.
    fn has_ended(&mut self) -> bool {
        self.process().try_wait().is_ok_and(|ended| ended.is_some())
    }
}

/// Starts one until it has its port: another program may be faster with it, and then another port is taken.
///
/// # Panics
/// When it never has.
pub(crate) fn start<P: Program>(launch: impl Fn() -> Option<P>) -> P {
    let started = (0..TRIES).find_map(|_| launch());
    started.unwrap_or_else(|| panic!("{} does not start", P::NAME))
}

/// Free a moment ago; nobody else on the machine is told it meanwhile.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it listens").port()
}

/// Something there takes connections.
pub(crate) fn is_open(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}
