//! Cookies at the origins of applications: ours, which no application sees, and the applications' own.
//!
//! Invariants: nothing that is called as one of ours, or of the portal, is handed on, nor set by an application; no application
//! sets a cookie for another host than its own. Where all origins have one host name, and so one jar, what scripts cannot see is
//! called after its origin and comes back to it alone.

use http::{HeaderMap, HeaderValue, header};
use platform::instances::{AppName, AppsAddress};

/// The jar of one origin.
pub(super) struct Jar {
    secure: bool,
    /// Of an origin that shares its host name with others.
    place: Option<u16>,
}

impl Jar {
    pub(super) fn new(address: &AppsAddress, name: &AppName) -> Self {
        let place = match name {
            AppName::Place(place) => Some(*place),
            AppName::Label(_) => None,
        };
        Self { secure: address.is_secure(), place }
    }

    /// One over TLS, for the fuzz targets.
    pub(super) fn at(place: Option<u16>) -> Self {
        Self { secure: true, place }
    }

    fn own(&self, word: &str) -> String {
        // Nobody but this very host can set one that is called so.
        let prefix = if self.secure { "__Host-" } else { "" };
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

    /// As it is set; for seconds, or as long as the browser is open.
    pub(super) fn set(&self, name: &str, value: &str, seconds: Option<u32>) -> Option<HeaderValue> {
        let secure = if self.secure { "; Secure" } else { "" };
        let age = seconds.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
        // Lax: the way here is a link, also from another site.
        HeaderValue::from_str(&format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}")).ok()
    }

    /// Called after its origin.
    fn prefix(&self) -> Option<String> {
        self.place.map(|place| format!("rgpu-{place}."))
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
                Some(prefix) => match pair.strip_prefix(prefix.as_bytes()) {
                    Some(bare) => Some(bare),
                    None => (!is_placed(name)).then_some(pair),
                },
                None => Some(pair),
            }
        });
        let joined = theirs.collect::<Vec<_>>().join(&b"; "[..]);
        (!joined.is_empty()).then(|| HeaderValue::from_bytes(&joined).ok()).flatten()
    }

    /// What becomes of a cookie that the application sets; nothing of one it may not.
    pub(super) fn set_by_app(&self, value: &HeaderValue) -> Option<HeaderValue> {
        let mut parts = value.as_bytes().split(|b| *b == b';').map(<[u8]>::trim_ascii);
        let pair = parts.next()?;
        // Without a name a browser sends the value alone, which may look like another cookie.
        let at = pair.iter().position(|b| *b == b'=').filter(|at| *at > 0)?;
        let name = pair[..at].trim_ascii();
        if name.is_empty() || is_ours(name) {
            return None;
        }
        let attributes: Vec<&[u8]> = parts.filter(|part| !is_attribute(part, "domain") && !part.is_empty()).collect();
        let hidden = attributes.iter().any(|part| is_attribute(part, "httponly"));
        let prefix = self.prefix();
        if prefix.is_some() && is_placed(name) {
            return None;
        }
        let mut set = prefix.filter(|_| hidden).unwrap_or_default().into_bytes();
        set.extend_from_slice(pair);
        for attribute in attributes {
            set.extend_from_slice(b"; ");
            set.extend_from_slice(attribute);
        }
        HeaderValue::from_bytes(&set).ok()
    }
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
    let bare = [&b"__host-"[..], b"__secure-", b"__http-", b"__host-http-"].into_iter().find_map(|prefix| {
        let head = name.get(..prefix.len())?;
        head.eq_ignore_ascii_case(prefix).then(|| &name[prefix.len()..])
    });
    let bare = bare.unwrap_or(name);
    bare.get(..9).is_some_and(|head| head.eq_ignore_ascii_case(b"remotegpu"))
}

/// Called after an origin.
fn is_placed(name: &[u8]) -> bool {
    let rest = name.strip_prefix(b"rgpu-").unwrap_or_default();
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    digits > 0 && rest.get(digits) == Some(&b'.')
}

fn is_attribute(part: &[u8], name: &str) -> bool {
    part.split(|b| *b == b'=').next().unwrap_or_default().trim_ascii().eq_ignore_ascii_case(name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: Jar = Jar { secure: true, place: None };
    const PORTS: Jar = Jar { secure: true, place: Some(9001) };

    fn handed_on(jar: &Jar, cookies: &[&'static str]) -> String {
        let headers: HeaderMap = cookies.iter().map(|text| (header::COOKIE, HeaderValue::from_static(text))).collect();
        jar.handed_on(&headers).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    }

    fn set(jar: &Jar, text: &'static str) -> Option<String> {
        jar.set_by_app(&HeaderValue::from_static(text)).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn no_application_sees_ours() {
        let own = format!("{}=a", NAMES.visit());
        assert_eq!(own, "__Host-remotegpu-app=a");
        let headers =
            ["__Host-remotegpu=p; _xsrf=2|a|b; __Host-remotegpu-app=a;theme=dark", "remotegpu_session=q; a=b=c"];
        assert_eq!(handed_on(&NAMES, &headers), "_xsrf=2|a|b; theme=dark; a=b=c");
        assert_eq!(handed_on(&NAMES, &["__HOST-RemoteGPU-app-state=x; __Secure-remotegpu=1;=nameless; ;"]), "");
        // Beside others at one host name.
        let jar = ["rgpu-9001.session=mine; rgpu-9002.session=theirs; open=1; __Host-remotegpu-app-9002=x"];
        assert_eq!(handed_on(&PORTS, &jar), "session=mine; open=1");
    }

    #[test]
    fn applications_set_their_own_alone() {
        for refused in [
            "__Host-remotegpu=evil; Secure; Path=/",
            "__host-REMOTEGPU-app=evil",
            " remotegpu_session = evil",
            "=__Host-remotegpu=evil",
            "__Host-remotegpu",
            "",
        ] {
            assert_eq!(set(&NAMES, refused), None, "{refused}");
        }
        let kept = set(&NAMES, "a=b; Domain=gpu.example.org; path=/; DOMAIN = .example.org ;HttpOnly; SameSite=Lax");
        assert_eq!(kept.as_deref(), Some("a=b; path=/; HttpOnly; SameSite=Lax"));
        assert_eq!(set(&NAMES, "a=\"b;c\"").as_deref(), Some("a=\"b; c\""), "as a browser reads it");
        assert_eq!(set(&PORTS, "s=1; HttpOnly; Path=/").as_deref(), Some("rgpu-9001.s=1; HttpOnly; Path=/"));
        assert_eq!(set(&PORTS, "_xsrf=1; Path=/").as_deref(), Some("_xsrf=1; Path=/"), "scripts read it by its name");
        assert_eq!(set(&PORTS, "rgpu-9002.s=1"), None);
    }

    #[test]
    fn ours_are_for_this_host_and_no_script() {
        let value = NAMES.set(&NAMES.state(), "ab", Some(600)).unwrap();
        let expected = "__Host-remotegpu-app-state=ab; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=600";
        assert_eq!(value.to_str().unwrap(), expected);
        let good = "0123456789abcdef".repeat(4);
        let headers = HeaderMap::from_iter([(
            header::COOKIE,
            HeaderValue::from_str(&format!("x=1; a={good}; b=short")).unwrap(),
        )]);
        assert_eq!((find(&headers, "a"), find(&headers, "b"), find(&headers, "")), (Some(good.as_str()), None, None));
    }
}
