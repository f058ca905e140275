//! The socket in the browser: subscribe, snapshot, deltas with a sequence, resume after a cut, back-off, and quiet while
//! the page is hidden. Callbacks run without the hub being borrowed, so they may call back in.

use std::cell::RefCell;
use std::rc::Rc;

use contract::ErrorCode;
use contract::live::{ClientMessage, LiveData, Position, ServerMessage};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;
use web_sys::{MessageEvent, WebSocket};

use super::{Link, SOCKET_PATH};

/// Silence after which the link counts as lost; the server pings every 10 s.
const SILENCE_MS: f64 = 25_000.0;
/// First and longest wait before trying again.
const RETRY_MS: (f64, f64) = (500.0, 15_000.0);
/// A page hidden for this long hangs up until it is looked at again.
const HIDDEN_MS: f64 = 60_000.0;

type OnData = Rc<dyn Fn(&LiveData)>;
type OnLink = Rc<dyn Fn(Link)>;
type OnTick = Rc<dyn Fn()>;

struct Topic {
    name: String,
    position: Option<Position>,
    on_data: Vec<OnData>,
}

struct Hub {
    socket: Option<WebSocket>,
    /// Rises with every socket, so that late events of an old one are not taken for the new one's.
    generation: u32,
    link: Link,
    topics: Vec<Topic>,
    on_link: Vec<OnLink>,
    on_tick: Vec<OnTick>,
    heard_ms: f64,
    retry_at_ms: f64,
    failures: u32,
    hidden_at_ms: Option<f64>,
    /// Server time minus ours.
    offset_ms: f64,
}

thread_local! {
    static HUB: RefCell<Hub> = const { RefCell::new(Hub {
        socket: None,
        generation: 0,
        link: Link::Waiting,
        topics: Vec::new(),
        on_link: Vec::new(),
        on_tick: Vec::new(),
        heard_ms: 0.0,
        retry_at_ms: 0.0,
        failures: 0,
        hidden_at_ms: None,
        offset_ms: 0.0,
    }) };
}

fn hub<T>(f: impl FnOnce(&mut Hub) -> T) -> T {
    HUB.with(|hub| f(&mut hub.borrow_mut()))
}

fn now() -> f64 {
    js_sys::Date::now()
}

/// Now by the server's clock, whole seconds since the Unix epoch.
pub fn server_now() -> i64 {
    ((now() + hub(|h| h.offset_ms)) / 1000.0) as i64
}

/// `12:03:05` in a time zone.
pub fn clock(ms: f64, zone: &str) -> String {
    let options = js_sys::Object::new();
    for (name, value) in [("timeStyle", "medium"), ("hourCycle", "h23"), ("timeZone", zone)] {
        // Setting a property of a fresh plain object cannot fail.
        let _ = js_sys::Reflect::set(&options, &name.into(), &value.into());
    }
    js_sys::Date::new(&ms.into()).to_locale_time_string_with_options("en-GB", &options).into()
}

/// Begins once per page: the ticking clock and the page's visibility. The frontend calls it before islands wake.
pub fn start() {
    let Some(window) = web_sys::window() else { return };
    let tick = Closure::<dyn Fn()>::new(on_tick);
    // A page without a timer would still work, only without reconnecting.
    let _ = window.set_interval_with_callback_and_timeout_and_arguments_0(tick.as_ref().unchecked_ref(), 1_000);
    tick.forget();
    if let Some(document) = window.document() {
        let seen = Closure::<dyn Fn()>::new(on_visibility);
        let _ = document.add_event_listener_with_callback("visibilitychange", seen.as_ref().unchecked_ref());
        seen.forget();
    }
}

/// Calls `f` with every snapshot and delta of `topic`.
pub fn watch(topic: String, f: impl Fn(&LiveData) + 'static) {
    let fresh = hub(|h| {
        let f: OnData = Rc::new(f);
        match h.topics.iter_mut().find(|t| t.name == topic) {
            Some(known) => {
                known.on_data.push(f);
                false
            }
            None => {
                h.topics.push(Topic { name: topic.clone(), position: None, on_data: vec![f] });
                true
            }
        }
    });
    if fresh && !subscribe(&topic) {
        connect();
    }
}

/// Calls `f` now and whenever the link changes.
pub fn on_link(f: impl Fn(Link) + 'static) {
    let f: OnLink = Rc::new(f);
    let link = hub(|h| {
        h.on_link.push(Rc::clone(&f));
        h.link
    });
    f(link);
}

/// Calls `f` every second.
pub fn every_second(f: impl Fn() + 'static) {
    hub(|h| h.on_tick.push(Rc::new(f)));
}

fn set_link(link: Link) {
    let listeners = hub(|h| {
        if h.link == link {
            return Vec::new();
        }
        h.link = link;
        h.on_link.clone()
    });
    for f in listeners {
        f(link);
    }
}

fn connect() {
    if hub(|h| h.socket.is_some() || h.topics.is_empty()) {
        return;
    }
    let Some(location) = web_sys::window().map(|w| w.location()) else { return };
    let (Ok(protocol), Ok(host)) = (location.protocol(), location.host()) else { return };
    let scheme = if protocol == "https:" { "wss" } else { "ws" };
    let Ok(socket) = WebSocket::new(&format!("{scheme}://{host}{SOCKET_PATH}")) else { return lost() };
    let generation = hub(|h| {
        h.generation += 1;
        h.socket = Some(socket.clone());
        h.heard_ms = now();
        h.generation
    });
    let current = move || hub(|h| h.generation == generation && h.socket.is_some());

    let on_open = Closure::<dyn Fn()>::new(move || {
        if current() {
            let names: Vec<_> = hub(|h| h.topics.iter().map(|t| t.name.clone()).collect());
            for name in names {
                subscribe(&name);
            }
        }
    });
    let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        if let (true, Some(text)) = (current(), event.data().as_string()) {
            heard(&text);
        }
    });
    let on_close = Closure::<dyn Fn()>::new(move || {
        if current() {
            lost();
        }
    });
    socket.set_onopen(Some(on_open.as_ref().unchecked_ref()));
    socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));
    // They live as long as the socket may call them, which the browser decides; one set per connection.
    on_open.forget();
    on_message.forget();
    on_close.forget();
}

fn send(message: &ClientMessage) -> bool {
    let Some(socket) = hub(|h| h.socket.clone()) else { return false };
    let Ok(text) = serde_json::to_string(message) else { return false };
    socket.ready_state() == WebSocket::OPEN && socket.send_with_str(&text).is_ok()
}

fn subscribe(topic: &str) -> bool {
    let resume = hub(|h| h.topics.iter().find(|t| t.name == topic).and_then(|t| t.position.clone()));
    send(&ClientMessage::Subscribe { topic: topic.to_owned(), resume })
}

fn heard(text: &str) {
    let Some(message) = super::frame::read(text) else { return };
    hub(|h| {
        h.heard_ms = now();
        h.failures = 0;
    });
    match message {
        ServerMessage::Snapshot { topic, epoch, seq, data } => {
            set_link(Link::Live);
            deliver(&topic, Position { epoch, seq }, &data);
        }
        ServerMessage::Delta { topic, epoch, seq, data } => {
            set_link(Link::Live);
            let known = hub(|h| h.topics.iter().find(|t| t.name == topic).and_then(|t| t.position.clone()));
            match known {
                Some(at) if at.epoch == epoch && seq <= at.seq => {}
                Some(at) if at.epoch == epoch && seq == at.seq + 1 => deliver(&topic, Position { epoch, seq }, &data),
                _ => again(&topic),
            }
        }
        ServerMessage::Pong { now: server_ms } => hub(|h| h.offset_ms = server_ms as f64 - now()),
        ServerMessage::Refused { topic, error } => {
            hub(|h| h.topics.retain(|t| t.name != topic));
            set_link(if error.code == ErrorCode::NotFound { Link::Over } else { Link::Ended });
        }
        // The bell covers the page and offers sign-in.
        ServerMessage::Bye { reason } if reason == "session_ended" => set_link(Link::Ended),
        ServerMessage::Bye { .. } => {}
    }
}

/// A delta is missing: begin the topic anew.
fn again(topic: &str) {
    hub(|h| h.topics.iter_mut().filter(|t| t.name == topic).for_each(|t| t.position = None));
    send(&ClientMessage::Unsubscribe { topic: topic.to_owned() });
    subscribe(topic);
}

fn deliver(topic: &str, position: Position, data: &LiveData) {
    let listeners = hub(|h| match h.topics.iter_mut().find(|t| t.name == topic) {
        Some(topic) => {
            topic.position = Some(position);
            topic.on_data.clone()
        }
        None => Vec::new(),
    });
    for f in listeners {
        f(data);
    }
}

fn hang_up() {
    if let Some(socket) = hub(|h| h.socket.take()) {
        let _ = socket.close();
    }
}

fn lost() {
    hang_up();
    let heard_ms = hub(|h| {
        let wait = (RETRY_MS.0 * f64::from(1u32 << h.failures.min(6))).min(RETRY_MS.1);
        h.failures += 1;
        // Spread, so that a restarted server is not met by every page at once.
        h.retry_at_ms = now() + wait * (0.75 + js_sys::Math::random() * 0.5);
        h.heard_ms
    });
    // What is over stays over, whatever becomes of the socket.
    if hub(|h| !matches!(h.link, Link::Over | Link::Ended)) {
        set_link(Link::Reconnecting { heard_ms });
    }
}

fn on_tick() {
    let (silent, retry, idle) = hub(|h| {
        let (open, at) = (h.socket.is_some(), now());
        let hidden = h.hidden_at_ms.is_some_and(|since| at - since > HIDDEN_MS);
        (open && at - h.heard_ms > SILENCE_MS, !open && !hidden && at >= h.retry_at_ms, open && hidden)
    });
    if silent {
        lost();
    } else if idle {
        hang_up();
    } else if retry && hub(|h| !matches!(h.link, Link::Over | Link::Ended)) {
        connect();
    }
    for f in hub(|h| h.on_tick.clone()) {
        f();
    }
}

fn on_visibility() {
    let hidden = web_sys::window().and_then(|w| w.document()).is_some_and(|d| d.hidden());
    hub(|h| {
        h.hidden_at_ms = hidden.then(now);
        h.retry_at_ms = 0.0;
    });
    if !hidden {
        connect();
    }
}
