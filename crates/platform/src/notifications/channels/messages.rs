//! What goes over a channel, byte for byte as each other end documents it.
//!
//! Sources: Standard Webhooks 1.0 (standardwebhooks.com); WeCom "group robot", DingTalk "custom robot" with a signed secret,
//! Feishu "custom bot" with signature check, each as its open platform describes it. Robots get plain text: in their rich
//! formats a name or a remark could call a whole group together.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac as _};
use serde_json::json;
use sha2::Sha256;
use url::Url;
use uuid::Uuid;

use contract::notifications::ChannelKind;

use crate::outbound::{Answer, Failure, Step};

/// Marks the secret of a webhook.
pub(super) const SECRET_PREFIX: &str = "whsec_";
/// Longest text of a WeCom robot, bytes; the shortest limit of the three.
const MAX_TEXT: usize = 2048;

/// Everything a try needs to know.
pub(super) struct Outgoing<'a> {
    /// The same at every try.
    pub token: Uuid,
    /// `test` or the code of a kind of notification.
    pub kind: &'a str,
    /// In the reader's language.
    pub text: String,
    /// Whole, with our address.
    pub link: Option<String>,
    /// As they are kept.
    pub values: serde_json::Value,
    pub created_at: DateTime<Utc>,
    /// Of this try.
    pub now: DateTime<Utc>,
}

/// What is posted.
pub(super) struct Posted {
    pub url: Url,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

/// The message for this kind of channel.
pub(super) fn compose(kind: ChannelKind, mut url: Url, secret: Option<&str>, out: &Outgoing<'_>) -> Posted {
    let (headers, body) = match kind {
        ChannelKind::Webhook => {
            let body = webhook_body(out);
            (webhook_headers(secret.unwrap_or_default(), out, &body), body)
        }
        ChannelKind::Wecom => (Vec::new(), text_body(json!({ "msgtype": "text", "text": { "content": text(out) } }))),
        ChannelKind::Dingtalk => {
            if let Some(secret) = secret {
                let at = out.now.timestamp_millis().to_string();
                let sign = hmac(secret.as_bytes(), format!("{at}\n{secret}").as_bytes());
                url.query_pairs_mut().append_pair("timestamp", &at).append_pair("sign", &sign);
            }
            (Vec::new(), text_body(json!({ "msgtype": "text", "text": { "content": text(out) } })))
        }
        ChannelKind::Feishu => {
            let mut body = json!({ "msg_type": "text", "content": { "text": text(out) } });
            if let Some(secret) = secret {
                let at = out.now.timestamp().to_string();
                // The key is time and secret; what is signed is nothing.
                body["sign"] = json!(hmac(format!("{at}\n{secret}").as_bytes(), b""));
                body["timestamp"] = json!(at);
            }
            (Vec::new(), text_body(body))
        }
    };
    Posted { url, headers, body }
}

fn text_body(body: serde_json::Value) -> Vec<u8> {
    body.to_string().into_bytes()
}

fn webhook_body(out: &Outgoing<'_>) -> Vec<u8> {
    // Its names are parted by full stops and know no hyphen.
    let kind = format!("notification.{}", out.kind.replace('-', "_"));
    let data = json!({ "message": out.text, "link": out.link, "values": out.values });
    text_body(json!({ "type": kind, "timestamp": out.created_at, "data": data }))
}

fn webhook_headers(secret: &str, out: &Outgoing<'_>, body: &[u8]) -> Vec<(&'static str, String)> {
    let id = format!("msg_{}", out.token.simple());
    let at = out.now.timestamp();
    let key = secret_bytes(secret).unwrap_or_default();
    let signature = sign(&key, &id, at, body);
    vec![("webhook-id", id), ("webhook-timestamp", at.to_string()), ("webhook-signature", signature)]
}

/// `v1,` and the HMAC-SHA-256 of id, time and body.
fn sign(key: &[u8], id: &str, at: i64, body: &[u8]) -> String {
    let signed = [format!("{id}.{at}.").as_bytes(), body].concat();
    format!("v1,{}", hmac(key, &signed))
}

/// The key in `whsec_…`; 24 to 64 bytes.
pub(super) fn secret_bytes(secret: &str) -> Option<Vec<u8>> {
    let key = STANDARD.decode(secret.strip_prefix(SECRET_PREFIX)?).ok()?;
    (24..=64).contains(&key.len()).then_some(key)
}

/// A new one.
pub(super) fn new_secret() -> String {
    format!("{SECRET_PREFIX}{}", STANDARD.encode(crate::secrets::random_bytes::<32>()))
}

fn hmac(key: &[u8], message: &[u8]) -> String {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(message);
    STANDARD.encode(mac.finalize().into_bytes())
}

/// Text and link, at most what every robot takes, and without what a group would be called together by.
fn text(out: &Outgoing<'_>) -> String {
    let link = out.link.as_ref().map(|link| format!("\n{link}")).unwrap_or_default();
    let mut words = out.text.replace('<', "＜");
    let room = MAX_TEXT.saturating_sub(link.len());
    if words.len() > room {
        let end = (0..=room.saturating_sub('…'.len_utf8())).rev().find(|end| words.is_char_boundary(*end));
        words.truncate(end.unwrap_or_default());
        words.push('…');
    }
    words + &link
}

/// Whether the other end took it.
pub(super) fn judge(kind: ChannelKind, answer: &Answer) -> Result<(), Failure> {
    let status = answer.status;
    let failure = |step, detail: String| Err(Failure { status: Some(status), ..Failure::new(step, detail) });
    match status {
        200..=299 => {}
        300..=399 => return failure(Step::Redirect, format!("HTTP {status}")),
        _ => return failure(Step::Status, format!("HTTP {status}")),
    }
    let (number, words) = match kind {
        ChannelKind::Webhook => return Ok(()),
        ChannelKind::Wecom | ChannelKind::Dingtalk => ("errcode", "errmsg"),
        ChannelKind::Feishu => ("code", "msg"),
    };
    let said: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    // Feishu's older answer to a message that it took.
    let old = (kind == ChannelKind::Feishu).then(|| said.get("StatusCode")).flatten();
    match said.get(number).or(old).and_then(serde_json::Value::as_i64) {
        Some(0) => Ok(()),
        Some(code) => {
            let words = said.get(words).and_then(serde_json::Value::as_str).unwrap_or_default();
            failure(Step::Refused, format!("{code} {words}"))
        }
        None => failure(Step::Refused, "not the answer of such a robot".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outgoing(text: &str) -> Outgoing<'static> {
        let at = DateTime::from_timestamp(1_614_265_330, 0).expect("a time");
        Outgoing {
            token: Uuid::nil(),
            kind: "allocation-ending",
            text: text.to_owned(),
            link: Some("https://gpu.example/machines/host-001".to_owned()),
            values: json!({ "machine": "host-001" }),
            created_at: at,
            now: at,
        }
    }

    #[test]
    fn a_webhook_is_signed_as_the_standard_says() {
        // The standard's own example.
        let key = secret_bytes("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("24 bytes");
        let signature = sign(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert!(secret_bytes(&new_secret()).is_some_and(|key| key.len() == 32));
        for none in ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_c2hvcnQ=", "whsec_!"] {
            assert_eq!(secret_bytes(none), None, "{none}");
        }
    }

    #[test]
    fn robots_get_short_plain_text() {
        assert_eq!(text(&outgoing("hello")), "hello\nhttps://gpu.example/machines/host-001");
        let loud = text(&outgoing(r#"<at user_id="all">everybody</at>"#));
        assert!(!loud.contains('<'), "{loud}");
        let long = text(&outgoing(&"长".repeat(3000)));
        assert!(long.len() <= MAX_TEXT && long.ends_with("…\nhttps://gpu.example/machines/host-001"), "{}", long.len());
    }

    #[test]
    fn a_vendor_that_says_no_with_200_is_heard() {
        let answer = |status, body: &str| Answer { status, body: body.as_bytes().to_vec() };
        for (kind, body) in [
            (ChannelKind::Wecom, r#"{"errcode":0,"errmsg":"ok"}"#),
            (ChannelKind::Dingtalk, r#"{"errcode":0,"errmsg":"ok"}"#),
            (ChannelKind::Feishu, r#"{"code":0,"msg":"success","data":{}}"#),
            (ChannelKind::Feishu, r#"{"StatusCode":0,"StatusMessage":"success"}"#),
            (ChannelKind::Webhook, "whatever"),
        ] {
            assert_eq!(judge(kind, &answer(200, body)), Ok(()), "{body}");
        }
        for (kind, body, detail) in [
            (ChannelKind::Wecom, r#"{"errcode":93000,"errmsg":"invalid webhook url"}"#, "93000 invalid webhook url"),
            (ChannelKind::Dingtalk, r#"{"errcode":310000,"errmsg":"sign not match"}"#, "310000 sign not match"),
            (ChannelKind::Feishu, r#"{"code":19021,"msg":"sign match fail"}"#, "19021 sign match fail"),
            (ChannelKind::Feishu, "<html>", "not the answer of such a robot"),
        ] {
            let failure = judge(kind, &answer(200, body)).expect_err(body);
            assert_eq!((failure.step, failure.detail.as_str()), (Step::Refused, detail));
        }
        let failure =
            judge(ChannelKind::Wecom, &answer(200, r#"{"errcode":1,"errmsg":"a\u0000b"}"#)).expect_err("refused");
        assert_eq!(failure.detail, "1 ab", "it is stored, and PostgreSQL takes no zero byte");
        assert_eq!(judge(ChannelKind::Webhook, &answer(302, "")).map_err(|f| f.step), Err(Step::Redirect));
        assert_eq!(judge(ChannelKind::Webhook, &answer(500, "")).map_err(|f| f.step), Err(Step::Status));
    }
}
