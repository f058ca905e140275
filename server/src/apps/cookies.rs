//! Cookies at the origins of applications: ours, which no application sees, and the applications' own.
//!
//! Invariants: nothing that is called as one of ours, or of the portal, is handed on, nor set by an answer of an application; no
//! answer sets a cookie for another host than its own. Where all origins have one host name, and so one jar, what scripts cannot
//! see is called after its link and comes back to that alone. What scripts set by themselves does not come by here.

use http::{HeaderMap, HeaderValue, header};
use platform::instances::{AppName, AppsAddress};

/// Which cookies no script makes, where a browser knows that; others take it for a part of the name.
const HIDDEN: &str = "__Http-";

/// The jar of one origin.
#[derive(Clone)]
pub(super) struct Jar {
    secure: bool,
    /// Of an origin that shares its host name with others.
    place: Option<u16>,
    /// The link that is there now: another may have had the same origin before.
    link: String,
}

impl Jar {
    pub(super) fn new(address: &AppsAddress, name: &AppName) -> Self {
        let place = match name {
            AppName::Place(place) => Some(*place),
            AppName::Label(_) => None,
        };
        Self { secure: address.is_secure(), place, link: String::new() }
    }

    /// One over TLS, for the fuzz targets.
    pub(super) fn at(place: Option<u16>) -> Self {
        Self { secure: true, place, link: "0123456789abcdefghij".to_owned() }
    }

    /// The same, of this link.
    pub(super) fn of_link(&self, label: &str) -> Self {
        Self { link: label.to_owned(), ..self.clone() }
    }

    /// Whether what browsers keep at this origin may be of another link than the one that is there now.
    pub(super) fn is_passed_on(&self) -> bool {
        self.place.is_some()
    }

    fn own(&self, word: &str) -> String {
        // Nobody but an answer of this very host can set one that is called so; browsers of before 2025 let its scripts, too.
        let prefix = if self.secure { "__Host-Http-" } else { "" };
        match self.place {
            Some(place) => format!("{prefix}remotegpu-{word}-{place}"),
            None => format!("{prefix}remotegpu-{word}"),
        }
    }

    /// What a browser that was let in is known by.
    pub(super) fn visit(&self) -> String {
        self.own("app")
    }

    /// What a browser keeps that was sent to the portal.
    pub(super) fn state(&self) -> String {
        self.own("app-state")
    }

    /// Which link a browser opened here last.
    pub(super) fn last(&self) -> String {
        self.own("app-link")
    }

    /// As it is set; for seconds, or as long as the browser is open.
    pub(super) fn set(&self, name: &str, value: &str, seconds: Option<u32>) -> Option<HeaderValue> {
        let secure = if self.secure { "; Secure" } else { "" };
        let age = seconds.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
        // Lax: the way here is a link, also from another site.
        HeaderValue::from_str(&format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}")).ok()
    }

    /// Called after its link; where browsers know how, so that no script of another makes one.
    fn prefix(&self) -> Option<String> {
        let link = &self.link;
        self.place.map(|_| if self.secure { format!("{HIDDEN}rgpu-{link}.") } else { format!("rgpu-{link}.") })
    }

    /// What the application gets of the cookies of a request.
    pub(super) fn handed_on(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let prefix = self.prefix();
        let theirs = pairs(headers).filter_map(|pair| {
            let name = pair.split(|b| *b == b'=').next().unwrap_or_default().trim_ascii();
            if name.is_empty() || is_ours(name) {
                return None;
            }
            match &prefix {
                Some(prefix) => match pair.strip_prefix(prefix.as_bytes()).map(<[u8]>::trim_ascii_start) {
                    Some(bare) => (!is_ours(bare) && !bare.starts_with(b"=")).then_some(bare),
                    None => (!is_placed(name)).then_some(pair),
                },
                None => Some(pair),
            }
        });
        let joined = theirs.collect::<Vec<_>>().join(&b"; "[..]);
        (!joined.is_empty()).then(|| HeaderValue::from_bytes(&joined).ok()).flatten()
    }

    /// What becomes of a cookie that the application sets; nothing of one it may not.
    pub(super) fn set_by_app(&self, value: &HeaderValue) -> Vec<HeaderValue> {
        let Some(SetCookie { pair, name, attributes }) = read(value) else { return Vec::new() };
        let Some(prefix) = self.prefix() else { return written(b"", pair, &attributes, b"").into_iter().collect() };
        if is_placed(name) {
            return Vec::new();
        }
        let secure = attributes.iter().any(|part| is_attribute(part, "secure"));
        let secure: &[u8] = if self.secure && !secure { b"; Secure" } else { b"" };
        if attributes.iter().any(|part| is_attribute(part, "httponly")) {
            return written(prefix.as_bytes(), pair, &attributes, secure).into_iter().collect();
        }
        // A browser has one of a name. Here the one that scripts cannot see has another, and goes by itself: also when the
        // application takes it away, which says nothing of who sees it.
        let lasting = |part: &&&[u8]| !is_attribute(part, "max-age") && !is_attribute(part, "expires");
        let twin: Vec<&[u8]> = attributes.iter().filter(lasting).copied().collect();
        let gone = [name, b"="].concat();
        let over = [secure, b"; HttpOnly; Max-Age=0"].concat();
        let both = [written(b"", pair, &attributes, b""), written(prefix.as_bytes(), &gone, &twin, &over)];
        both.into_iter().flatten().collect()
    }
}

/// What an application asks a browser to keep.
struct SetCookie<'a> {
    /// Name and value, as they were written.
    pair: &'a [u8],
    name: &'a [u8],
    attributes: Vec<&'a [u8]>,
}

/// A field without what would reach beyond the host; nothing of one that may not be set.
fn read(value: &HeaderValue) -> Option<SetCookie<'_>> {
    let mut parts = value.as_bytes().split(|b| *b == b';').map(<[u8]>::trim_ascii);
    let pair = parts.next()?;
    // Without a name a browser sends the value alone, which may look like another cookie.
    let at = pair.iter().position(|b| *b == b'=').filter(|at| *at > 0)?;
    let name = pair[..at].trim_ascii();
    if name.is_empty() || is_ours(name) {
        return None;
    }
    let attributes = parts.filter(|part| !is_attribute(part, "domain") && !part.is_empty()).collect();
    Some(SetCookie { pair, name, attributes })
}

fn written(prefix: &[u8], pair: &[u8], attributes: &[&[u8]], end: &[u8]) -> Option<HeaderValue> {
    let attributes: Vec<u8> = attributes.iter().flat_map(|part| [&b"; "[..], part].concat()).collect();
    HeaderValue::from_bytes(&[prefix, pair, &attributes, end].concat()).ok()
}

fn pairs(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let values = headers.get_all(header::COOKIE).iter();
    values.flat_map(|value| value.as_bytes().split(|b| *b == b';')).map(<[u8]>::trim_ascii)
}

/// The cookie that is called so.
pub(super) fn find<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = pairs(headers).find_map(|pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="))?;
    std::str::from_utf8(value).ok().filter(|value| value.len() == 64 && value.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Called as one of ours, or of the portal's, in whatever letters.
fn is_ours(name: &[u8]) -> bool {
    begins(bare(name), b"remotegpu")
}

/// Called after a link, its own or another.
fn is_placed(name: &[u8]) -> bool {
    begins(bare(name), b"rgpu-")
}

/// Without what a browser takes for a rule, however many of them: the longest first.
fn bare(mut name: &[u8]) -> &[u8] {
    let rules = [&b"__host-http-"[..], b"__host-", b"__secure-", b"__http-"];
    while let Some(rule) = rules.into_iter().find(|rule| begins(name, rule)) {
        name = &name[rule.len()..];
    }
    name
}

fn begins(name: &[u8], with: &[u8]) -> bool {
    name.get(..with.len()).is_some_and(|head| head.eq_ignore_ascii_case(with))
}

fn is_attribute(part: &[u8], name: &str) -> bool {
    part.split(|b| *b == b'=').next().unwrap_or_default().trim_ascii().eq_ignore_ascii_case(name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "0123456789abcdefghij";
    const OTHER: &str = "zzzzzzzzzzzzzzzzzzzz";

    fn names() -> Jar {
        Jar { secure: true, place: None, link: LINK.to_owned() }
    }

    fn ports() -> Jar {
        Jar { place: Some(9001), ..names() }
    }

    fn handed_on(jar: &Jar, cookies: &[&str]) -> String {
        let value = |text: &&str| (header::COOKIE, HeaderValue::from_str(text).unwrap());
        let headers: HeaderMap = cookies.iter().map(value).collect();
        jar.handed_on(&headers).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    }

    fn set(jar: &Jar, text: &'static str) -> Vec<String> {
        let set = jar.set_by_app(&HeaderValue::from_static(text));
        set.iter().map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn no_application_sees_ours() {
        let own = format!("{}=a", names().visit());
        assert_eq!(own, "__Host-Http-remotegpu-app=a");
        let headers = [
            "__Host-remotegpu=p; _xsrf=2|a|b; __Host-Http-remotegpu-app=a;theme=dark",
            "remotegpu_session=q; a=b=c; __http-remotegpu=1; __HOST-HTTP-REMOTEGPU-app-state=1",
        ];
        assert_eq!(handed_on(&names(), &headers), "_xsrf=2|a|b; theme=dark; a=b=c");
        assert_eq!(handed_on(&names(), &["__HOST-RemoteGPU-app-state=x; __Secure-remotegpu=1;=nameless; ;"]), "");
        assert_eq!(handed_on(&names(), &["__Secure-__Host-Http-remotegpu=x"]), "");
        // Beside others at one host name, and after another at the same port.
        let jar = format!(
            "__Http-rgpu-{LINK}.session=mine; __Http-rgpu-{OTHER}.session=theirs; rgpu-{LINK}.planted=1; open=1; \
             __Host-Http-remotegpu-app-9002=x; __Http-rgpu-{LINK}.remotegpu-app=planted; __Http-rgpu-{LINK}.=nameless"
        );
        assert_eq!(handed_on(&ports(), &[&jar]), "session=mine; open=1");
        assert_eq!(handed_on(&ports().of_link(OTHER), &[&jar]), "session=theirs; open=1");
        // A browser at this machine alone, without TLS.
        let plain = Jar { secure: false, ..ports() };
        assert_eq!(handed_on(&plain, &[&jar]), "planted=1; open=1");
    }

    #[test]
    fn applications_set_their_own_alone() {
        for refused in [
            "__Host-remotegpu=evil; Secure; Path=/",
            "__Host-Http-remotegpu-app=evil; Secure; HttpOnly; Path=/",
            "__host-http-REMOTEGPU=evil",
            "__Http-remotegpu=evil",
            "__host-REMOTEGPU-app=evil",
            " remotegpu_session = evil",
            "=__Host-remotegpu=evil",
            "__Host-remotegpu",
            "",
        ] {
            assert!(set(&names(), refused).is_empty(), "{refused}");
        }
        let kept = set(&names(), "a=b; Domain=gpu.example.org; path=/; DOMAIN = .example.org ;HttpOnly; SameSite=Lax");
        assert_eq!(kept, ["a=b; path=/; HttpOnly; SameSite=Lax"]);
        assert_eq!(set(&names(), "a=\"b;c\""), ["a=\"b; c\""], "as a browser reads it");
    }

    #[test]
    fn what_scripts_do_not_see_comes_back_to_its_link_alone() {
        let ports = ports();
        let hidden = format!("__Http-rgpu-{LINK}.s");
        assert_eq!(set(&ports, "s=1; HttpOnly; Path=/"), [format!("{hidden}=1; HttpOnly; Path=/; Secure")]);
        assert_eq!(set(&ports, "s=1; secure; httponly"), [format!("{hidden}=1; secure; httponly")]);
        let plain = Jar { secure: false, ..ports.clone() };
        assert_eq!(set(&plain, "s=1; HttpOnly"), [format!("rgpu-{LINK}.s=1; HttpOnly")]);
        // Taken away, or made visible: in both cases there is only one of the name.
        let gone = set(&ports, "s=; Path=/lab; Max-Age=0; SameSite=Lax; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
        let twin = format!("{hidden}=; Path=/lab; SameSite=Lax; Secure; HttpOnly; Max-Age=0");
        assert_eq!(gone[0], "s=; Path=/lab; Max-Age=0; SameSite=Lax; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(gone[1..], [twin]);
        let seen = set(&ports, "_xsrf=1; Path=/; Max-Age=60");
        assert_eq!(seen[0], "_xsrf=1; Path=/; Max-Age=60", "scripts read it by its name");
        assert_eq!(seen[1..], [format!("__Http-rgpu-{LINK}._xsrf=; Path=/; Secure; HttpOnly; Max-Age=0")]);
        for others in ["rgpu-zzzzzzzzzzzzzzzzzzzz.s=1", "__Http-rgpu-zzzzzzzzzzzzzzzzzzzz.s=1; HttpOnly; Secure"] {
            assert!(set(&ports, others).is_empty(), "{others}");
        }
    }

    #[test]
    fn ours_are_for_this_host_and_no_script() {
        let names = names();
        let value = names.set(&names.state(), "ab", Some(600)).unwrap();
        let expected = "__Host-Http-remotegpu-app-state=ab; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=600";
        assert_eq!(value.to_str().unwrap(), expected);
        let good = "0123456789abcdef".repeat(4);
        let headers = HeaderMap::from_iter([(
            header::COOKIE,
            HeaderValue::from_str(&format!("x=1; a={good}; b=short")).unwrap(),
        )]);
        assert_eq!((find(&headers, "a"), find(&headers, "b"), find(&headers, "")), (Some(good.as_str()), None, None));
    }
}
