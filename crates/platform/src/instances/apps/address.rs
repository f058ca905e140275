//! Where applications are: each link has an origin of its own, by a host name below one wildcard, or by a port of one host.
//!
//! Invariants: no origin of a link is the portal's, nor shares a host name with it: cookies know no ports.

/// As an installation says it: `https://*.apps.example.org` or `https://apps.example.org:9000-9099`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppsAddress {
    secure: bool,
    shape: Shape,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Shape {
    /// What follows the first dot, and the port where it is not the usual one.
    Names {
        suffix: String,
        port: Option<u16>,
    },
    Ports {
        host: String,
        first: u16,
        last: u16,
    },
}

/// What an origin says of its link.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AppName {
    Label(String),
    Place(u16),
}

impl AppName {
    /// As it stands in an address of the portal.
    pub fn parse(text: &str) -> Option<Self> {
        if is_label(text) {
            return Some(Self::Label(text.to_owned()));
        }
        // One way to write a number.
        text.parse().ok().filter(|place: &u16| *place > 0 && place.to_string() == text).map(Self::Place)
    }
}

impl std::fmt::Display for AppName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            AppName::Label(label) => f.write_str(label),
            AppName::Place(place) => place.fmt(f),
        }
    }
}

/// Twenty lower-case letters and digits.
fn is_label(text: &str) -> bool {
    text.len() == 20 && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// A host name or an IPv4 address, in lower case.
fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    // With a label before it, it still has to be a name.
    text.len() <= 230 && text.split('.').all(label)
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|ip: std::net::Ipv4Addr| ip.is_loopback())
}

impl AppsAddress {
    /// Reads it; `portal` is the installation's own address.
    ///
    /// # Errors
    /// What is wrong with it, in words for whoever set it.
    pub fn parse(text: &str, portal: &url::Url) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text} is neither https://*.NAME, a wildcard host name, nor https://NAME:FIRST-LAST, a range of ports of \
                 one host name"
            )
        };
        let lower = text.trim().trim_end_matches('/').to_ascii_lowercase();
        let (secure, rest) = match (lower.strip_prefix("https://"), lower.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return Err(wrong()),
        };
        let number = |port: &str| port.parse().ok().filter(|port| *port > 0u16).ok_or_else(wrong);
        let shape = match rest.strip_prefix("*.") {
            Some(rest) => {
                let (suffix, port) = rest.split_once(':').map_or((rest, None), |(suffix, port)| (suffix, Some(port)));
                let port = port.map(number).transpose()?.filter(|port| *port != usual_port(secure));
                Shape::Names { suffix: suffix.to_owned(), port }
            }
            None => {
                let (host, ports) = rest.split_once(':').ok_or_else(wrong)?;
                let (first, last) = ports.split_once('-').ok_or_else(wrong)?;
                let (first, last) = (number(first)?, number(last)?);
                if last < first || last - first >= 10_000 {
                    return Err(format!("{text}: the ports are a range of at most 10000, the lower first"));
                }
                Shape::Ports { host: host.to_owned(), first, last }
            }
        };
        let made = Self { secure, shape };
        if !is_host(made.host()) {
            return Err(wrong());
        }
        if !secure && !is_loopback(made.host()) {
            return Err(format!("{text} is plain http off loopback: put a proxy with TLS in front and set https://"));
        }
        if secure != (portal.scheme() == "https") {
            return Err(format!("{text} and {portal} have to be both http or both https: else cookies get lost"));
        }
        made.apart_from(text, portal)?;
        Ok(made)
    }

    /// Cookies know no ports, and one of a name counts for all names below it.
    fn apart_from(&self, text: &str, portal: &url::Url) -> Result<(), String> {
        let portal_host = portal.host_str().unwrap_or_default().to_ascii_lowercase();
        let clash = match &self.shape {
            Shape::Names { suffix, .. } => portal_host.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.')),
            Shape::Ports { host, .. } => *host == portal_host,
        };
        match clash {
            true => Err(format!(
                "{text} takes the portal's own host name {portal_host}: applications would share its cookies. Use another \
                 name, best one of another domain"
            )),
            false => Ok(()),
        }
    }

    fn host(&self) -> &str {
        match &self.shape {
            Shape::Names { suffix, .. } => suffix,
            Shape::Ports { host, .. } => host,
        }
    }

    /// Whether people come over TLS.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether all links have one host name, and with it one jar of cookies.
    pub fn shares_cookies(&self) -> bool {
        matches!(self.shape, Shape::Ports { .. })
    }

    /// The ports that links have, where they are told apart by ports.
    pub(super) fn places(&self) -> Option<std::ops::RangeInclusive<u16>> {
        match self.shape {
            Shape::Names { .. } => None,
            Shape::Ports { first, last, .. } => Some(first..=last),
        }
    }

    fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }

    /// The origin of a link: scheme, host and, unless it is the usual one, port. `None` for a link that has none here, because
    /// the installation told its origins apart by other means when it was made.
    pub(super) fn origin(&self, label: &str, place: Option<u16>) -> Option<String> {
        self.origin_of(&match self.shape {
            Shape::Names { .. } => AppName::Label(label.to_owned()),
            Shape::Ports { .. } => AppName::Place(place?),
        })
    }

    /// The origin that is called so.
    pub fn origin_of(&self, name: &AppName) -> Option<String> {
        Some(format!("{}://{}", self.scheme(), self.authority_of(name)?))
    }

    /// Host and, unless it is the usual one, port of that origin: as browsers write it.
    pub fn authority_of(&self, name: &AppName) -> Option<String> {
        match (&self.shape, name) {
            (Shape::Names { suffix, port: None }, AppName::Label(label)) => Some(format!("{label}.{suffix}")),
            (Shape::Names { suffix, port: Some(port) }, AppName::Label(label)) => {
                Some(format!("{label}.{suffix}:{port}"))
            }
            (Shape::Ports { host, first, last }, AppName::Place(place)) if (first..=last).contains(&place) => {
                match *place == usual_port(self.secure) {
                    true => Some(host.clone()),
                    false => Some(format!("{host}:{place}")),
                }
            }
            _ => None,
        }
    }

    /// Which origin a request is for, by its `Host`. Nothing but what a browser writes for an origin of ours counts.
    pub fn named_by(&self, authority: &str) -> Option<AppName> {
        let authority = authority.to_ascii_lowercase();
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, port.parse().ok().filter(|it: &u16| it.to_string() == port)?),
            None => (authority.as_str(), usual_port(self.secure)),
        };
        match &self.shape {
            Shape::Names { suffix, port: wanted } => {
                let label = host.strip_suffix(suffix.as_str())?.strip_suffix('.')?;
                let right = port == wanted.unwrap_or(usual_port(self.secure));
                (right && is_label(label)).then(|| AppName::Label(label.to_owned()))
            }
            Shape::Ports { host: ours, first, last } => {
                (host == ours && (first..=last).contains(&&port)).then_some(AppName::Place(port))
            }
        }
    }
}

fn usual_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABEL: &str = "0123456789abcdefghij";

    fn read(text: &str, portal: &str) -> Result<AppsAddress, String> {
        AppsAddress::parse(text, &portal.parse().unwrap())
    }

    #[test]
    fn names_below_a_wildcard() {
        let apps = read("https://*.Apps.example.org/", "https://gpu.example.org").unwrap();
        let label = AppName::Label(LABEL.to_owned());
        assert_eq!(apps.origin(LABEL, None).unwrap(), format!("https://{LABEL}.apps.example.org"));
        for fine in ["", ":443"] {
            assert_eq!(apps.named_by(&format!("{LABEL}.apps.EXAMPLE.org{fine}")).as_ref(), Some(&label), "{fine}");
        }
        for foreign in [
            "apps.example.org".to_owned(),
            format!("{LABEL}x.apps.example.org"),
            format!("a.{LABEL}.apps.example.org"),
            format!("{LABEL}.apps.example.org."),
            format!("{LABEL}.apps.example.org:8443"),
            format!("{LABEL}.apps.example.org:0443"),
            format!("{LABEL}.apps.example.org.evil.example"),
            format!("{LABEL}apps.example.org"),
            format!("{LABEL}.apps.example.org@evil.example"),
            String::new(),
        ] {
            assert_eq!(apps.named_by(&foreign), None, "{foreign}");
        }
        let local = read("http://*.localhost:3001", "http://127.0.0.1:3000").unwrap();
        assert_eq!(local.origin(LABEL, Some(1)).unwrap(), format!("http://{LABEL}.localhost:3001"));
        assert_eq!(local.named_by(&format!("{LABEL}.localhost:3001")), Some(label));
    }

    #[test]
    fn ports_of_one_host() {
        let apps = read("https://apps.example.org:9000-9099", "https://gpu.example.org").unwrap();
        assert_eq!(apps.origin(LABEL, Some(9001)).unwrap(), "https://apps.example.org:9001");
        assert_eq!((apps.origin(LABEL, None), apps.origin(LABEL, Some(1))), (None, None));
        assert_eq!(apps.named_by("apps.example.org:9099"), Some(AppName::Place(9099)));
        for foreign in ["apps.example.org", "apps.example.org:9100", "gpu.example.org:9000", "x.apps.example.org:9000"]
        {
            assert_eq!(apps.named_by(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn what_would_share_the_portals_cookies_is_refused() {
        let portal = "https://gpu.example.org";
        for (text, portal, why) in [
            ("https://gpu.example.org:9000-9099", portal, "cookies"),
            ("https://*.example.org", portal, "cookies"),
            ("http://*.apps.example.org", portal, "plain http"),
            ("http://*.localhost:3001", portal, "both"),
            ("https://apps.example.org", portal, "neither"),
            ("https://*.apps.example.org:0", portal, "neither"),
            ("https://*.apps_example.org", portal, "neither"),
            ("https://*.", portal, "neither"),
            ("apps.example.org", portal, "neither"),
            ("https://apps.example.org:9099-9000", portal, "range"),
        ] {
            let said = read(text, portal).expect_err(text);
            assert!(said.contains(why), "{text}: {said}");
        }
    }

    #[test]
    fn names_in_addresses_of_the_portal() {
        assert_eq!(AppName::parse(LABEL), Some(AppName::Label(LABEL.to_owned())));
        assert_eq!(AppName::parse("9001"), Some(AppName::Place(9001)));
        for none in ["", "0", "09001", "+9001", "65536", "0123456789ABCDEFGHIJ", "../login"] {
            assert_eq!(AppName::parse(none), None, "{none}");
        }
    }
}
