//! Lines of a log as a terminal would leave them: colours become a few fixed classes, other escape sequences are left out, and
//! of a line that was written over and over its last state stands.
//!
//! `frontend/js/src/logs.js` does the same to what comes while the page is open; their tests have the same cases.

/// Hues by the terminal's number: 0 is none, 7 the ink itself as a ground, 8 the grey that terminals call a bright black.
const HUES: [&str; 9] = ["", "red", "green", "yellow", "blue", "magenta", "cyan", "white", "grey"];
const WHITE: u8 = 7;
const GREY: u8 = 8;
/// Differences of the three parts of a colour below which it is a grey.
const GREYISH: u8 = 48;

/// How text looks, until something else is said.
#[derive(Clone, Copy, Default, PartialEq)]
pub struct Look {
    ink: u8,
    ground: u8,
    bold: bool,
    faint: bool,
    italic: bool,
    under: bool,
    strike: bool,
    inverse: bool,
}

/// Text that looks one way, and its classes; none where it looks as the rest of the page.
#[derive(Debug, PartialEq)]
pub struct Run {
    pub text: String,
    pub classes: String,
}

/// A line in its last state that says something. `look` is how the line before it left off, and becomes how this one does.
pub fn painted(line: &str, look: &mut Look) -> Vec<Run> {
    let mut runs: Vec<(Look, String)> = Vec::new();
    let mut before = Vec::new();
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '\u{1b}' => {
                let (says, after) = escape(rest);
                if let Some(says) = says {
                    look.hear(says);
                }
                rest = after;
            }
            '\r' if says_something(&runs) => before = std::mem::take(&mut runs),
            '\r' => runs.clear(),
            '\u{8}' => rub_out(&mut runs),
            c if c.is_control() && c != '\t' => {}
            c => put(&mut runs, c, *look),
        }
    }
    let last = if says_something(&runs) || !says_something(&before) { runs } else { before };
    last.into_iter().map(|(look, text)| Run { text, classes: look.classes() }).collect()
}

fn says_something(runs: &[(Look, String)]) -> bool {
    runs.iter().any(|(_, text)| !text.trim().is_empty())
}

fn put(runs: &mut Vec<(Look, String)>, c: char, look: Look) {
    match runs.last_mut() {
        Some((same, text)) if *same == look => text.push(c),
        _ => runs.push((look, c.to_string())),
    }
}

/// What stands there next takes the place of the last letter.
fn rub_out(runs: &mut Vec<(Look, String)>) {
    let Some((_, text)) = runs.last_mut() else { return };
    text.pop();
    if text.is_empty() {
        runs.pop();
    }
}

/// What follows an escape: what it says of looks, and what stands behind it. What is no whole sequence goes as far as it is one.
fn escape(rest: &str) -> (Option<&str>, &str) {
    if let Some(body) = rest.strip_prefix('[') {
        let end = body.find(|c: char| !(' '..='?').contains(&c)).unwrap_or(body.len());
        let (says, after) = body.split_at(end);
        let Some(last) = after.chars().next().filter(|c| ('@'..='~').contains(c)) else { return (None, after) };
        let of_looks = last == 'm' && says.bytes().all(|c| matches!(c, b'0'..=b'9' | b';' | b':'));
        return (of_looks.then_some(says), &after[1..]);
    }
    if rest.starts_with([']', 'P', 'X', '^', '_'])
        && let Some(end) = rest.find(['\u{7}', '\u{1b}'])
    {
        let after = &rest[end..];
        let ended = after.strip_prefix('\u{7}').or_else(|| after.strip_prefix("\u{1b}\\"));
        return (None, ended.unwrap_or(after));
    }
    let end = rest.find(|c: char| !(' '..='/').contains(&c)).unwrap_or(rest.len());
    let after = &rest[end..];
    (None, after.strip_prefix(|c: char| ('0'..='~').contains(&c)).unwrap_or(after))
}

impl Look {
    /// `1;38;5;196`, the inside of a sequence that ends with `m`.
    fn hear(&mut self, says: &str) {
        let mut items = says.split(';');
        while let Some(item) = items.next() {
            let (code, more) = item.split_once(':').map_or((item, None), |(code, more)| (code, Some(more)));
            let Some(code) = number(code) else { continue };
            match code {
                38 | 48 => {
                    let hue = match more {
                        Some(more) => hue_of_parts(&more.split(':').collect::<Vec<_>>()),
                        None => hue_of_items(&mut items),
                    };
                    match (code, hue) {
                        (_, None) => {}
                        (38, Some(hue)) => self.ink = inked(hue),
                        (_, Some(hue)) => self.ground = hue,
                    }
                }
                4 => self.under = more != Some("0"),
                code => self.turn(code),
            }
        }
    }

    fn turn(&mut self, code: u8) {
        match code {
            0 => *self = Self::default(),
            1 => self.bold = true,
            2 => self.faint = true,
            3 => self.italic = true,
            7 => self.inverse = true,
            9 => self.strike = true,
            21 => self.under = true,
            22 => (self.bold, self.faint) = (false, false),
            23 => self.italic = false,
            24 => self.under = false,
            27 => self.inverse = false,
            29 => self.strike = false,
            30..=37 => self.ink = inked(code - 30),
            39 => self.ink = 0,
            40..=47 => self.ground = code - 40,
            49 => self.ground = 0,
            90..=97 => self.ink = inked(bright(code - 90)),
            100..=107 => self.ground = bright(code - 100),
            _ => {}
        }
    }

    /// On a ground stands the colour of the page: whatever else a program wants there, it can be read.
    fn classes(self) -> String {
        let ground = match (self.inverse, self.ink) {
            (false, _) => self.ground,
            (true, 0) => WHITE,
            (true, ink) => ink,
        };
        let hue = match (ground, self.ink) {
            (0, 0) if self.faint => GREY,
            (0, ink) => ink,
            (ground, _) => ground,
        };
        let mut classes = String::new();
        let mut add = |is_so: bool, name: &str| {
            if is_so {
                classes.push_str(if classes.is_empty() { "ansi-" } else { " ansi-" });
                classes.push_str(name);
            }
        };
        add(!matches!(hue, 0 | WHITE), HUES[usize::from(hue)]);
        add(ground != 0, "ground");
        add(self.bold, "bold");
        add(self.italic, "italic");
        add(self.under, "under");
        add(self.strike, "strike");
        classes
    }
}

fn number(text: &str) -> Option<u8> {
    if text.is_empty() { Some(0) } else { text.parse().ok() }
}

/// Black and white are what is written with anyway: on this ground one of them could not be read.
const fn inked(hue: u8) -> u8 {
    if hue == WHITE { 0 } else { hue }
}

const fn bright(hue: u8) -> u8 {
    if hue == 0 { GREY } else { hue }
}

/// `5;196` or `2;255;0;0`.
fn hue_of_items<'a>(items: &mut impl Iterator<Item = &'a str>) -> Option<u8> {
    let kind = items.next()?;
    let count = if kind == "2" { 3 } else { 1 };
    let parts: Vec<&str> = std::iter::once(kind).chain(items.take(count)).collect();
    hue_of_parts(&parts)
}

/// The same between colons, where a space of colours may stand before the three.
fn hue_of_parts(parts: &[&str]) -> Option<u8> {
    match *parts {
        ["5", n, ..] => number(n).map(hue_of_256),
        ["2", .., r, g, b] => Some(hue_of(number(r)?, number(g)?, number(b)?)),
        _ => None,
    }
}

/// xterm's table: sixteen, a cube of six by six by six, and greys.
fn hue_of_256(n: u8) -> u8 {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    match n {
        0..=7 => n,
        8..=15 => bright(n - 8),
        16..=231 => {
            let level = |n: u8| LEVELS[usize::from(n % 6)];
            hue_of(level((n - 16) / 36), level((n - 16) / 6), level(n - 16))
        }
        232.. => {
            let grey = 8 + 10 * (n - 232);
            hue_of(grey, grey, grey)
        }
    }
}

/// The nearest of the terminal's: their numbers say which of the three parts are there.
fn hue_of(r: u8, g: u8, b: u8) -> u8 {
    let (least, most) = (r.min(g).min(b), r.max(g).max(b));
    if most - least < GREYISH {
        return match most {
            0..80 => 0,
            80..176 => GREY,
            176.. => WHITE,
        };
    }
    let there = |part: u8| u8::from(part > least.midpoint(most));
    there(r) | (there(g) << 1) | (there(b) << 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `red bold:text|plain`.
    fn told(line: &str) -> String {
        let runs = painted(line, &mut Look::default());
        let one = |run: Run| match run.classes.as_str() {
            "" => run.text,
            classes => format!("{}:{}", classes.replace("ansi-", ""), run.text),
        };
        runs.into_iter().map(one).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn colours_become_classes_and_the_rest_goes() {
        let cases = [
            ("plain\ttext", "plain\ttext"),
            ("\u{1b}[31mred\u{1b}[0m plain", "red:red| plain"),
            ("\u{1b}[1;32mok\u{1b}[m", "green bold:ok"),
            ("\u{1b}[91ma\u{1b}[39mb\u{1b}[90mc", "red:a|b|grey:c"),
            ("\u{1b}[37ma\u{1b}[30mb\u{1b}[40mc", "abc"),
            ("\u{1b}[2ma\u{1b}[22;3mb\u{1b}[23;4mc\u{1b}[24;9md", "grey:a|italic:b|under:c|strike:d"),
            ("\u{1b}[31;0;4ma", "under:a"),
            ("\u{1b}[4:3ma\u{1b}[4:0mb", "under:a|b"),
            ("\u{1b}[41;37ma\u{1b}[49mb", "red ground:a|b"),
            ("\u{1b}[7ma\u{1b}[34mb\u{1b}[27mc\u{1b}[39;107md", "ground:a|blue ground:b|blue:c|ground:d"),
            ("\u{1b}[38;5;196ma\u{1b}[38;5;240mb\u{1b}[48;5;21;1mc", "red:a|grey:b|blue ground bold:c"),
            ("\u{1b}[38;2;0;200;200ma\u{1b}[38:2::200:0:200mb\u{1b}[38:5:2mc", "cyan:a|magenta:b|green:c"),
            ("\u{1b}[38;5ma\u{1b}[38;2;1mb\u{1b}[999;31mc\u{1b}[38;5;999md", "ab|red:cd"),
            // Cursors, titles, links, and what is none.
            ("\u{1b}[2K\u{1b}[1Aup\u{1b}[?25l\u{1b}[>4;2m", "up"),
            ("\u{1b}]0;title\u{7}a\u{1b}]8;;http://x\u{1b}\\b\u{1b}(B\u{1b}=c", "abc"),
            ("a\u{1b}", "a"),
            ("a\u{1b}[31", "a"),
            ("a\u{1b}[3é", "aé"),
            ("a\u{1b}]never ends", "anever ends"),
            ("\u{7}a\u{0}b\u{9b}c\u{7f}d", "abcd"),
            ("<b>&\u{4e16}", "<b>&\u{4e16}"),
        ];
        for (line, expected) in cases {
            assert_eq!(told(line), expected, "{line:?}");
        }
    }

    #[test]
    fn of_what_is_written_over_the_last_stands() {
        let cases = [
            (" 10 %\r 50 %\r100 %", "100 %"),
            ("dos\r", "dos"),
            ("100 %\r\u{1b}[K", "100 %"),
            ("100 %\r     \r", "100 %"),
            ("a\r\rb\r\r", "b"),
            ("\u{1b}[31ma\rb", "red:b"),
            ("wait |\u{8}/\u{8}-\u{8}\u{8}\u{8}", "wai"),
            ("\u{8}a", "a"),
            ("   ", "   "),
            ("", ""),
        ];
        for (line, expected) in cases {
            assert_eq!(told(line), expected, "{line:?}");
        }
    }

    #[test]
    fn a_look_goes_on_in_the_next_line() {
        let mut look = Look::default();
        painted("\u{1b}[33mfirst", &mut look);
        assert_eq!(
            painted("second", &mut look),
            [Run { text: "second".to_owned(), classes: "ansi-yellow".to_owned() }]
        );
    }
}
