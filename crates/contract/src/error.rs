//! The one error of the wire and the envelope around every REST answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $number:literal, $status:literal, $key:literal;)+) => {
        /// Stable error kinds. Numbers are never reused; the table in docs/api.md is generated from this enum.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(try_from = "u32", into = "u32")]
        pub enum ErrorCode {
            $($(#[doc = $doc])* $name,)+
        }

        impl ErrorCode {
            /// Every code, in order.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$name,)+];

            /// The number on the wire.
            pub fn number(self) -> u32 {
                match self { $(ErrorCode::$name => $number,)+ }
            }

            /// The HTTP status that goes with it.
            pub fn http_status(self) -> u16 {
                match self { $(ErrorCode::$name => $status,)+ }
            }

            /// Key of the general message for this kind, used when nothing more exact is said.
            pub fn message_key(self) -> &'static str {
                match self { $(ErrorCode::$name => $key,)+ }
            }

            /// What it means, for the documentation.
            pub fn doc(self) -> &'static str {
                match self { $(ErrorCode::$name => concat!($($doc,)*),)+ }
            }
        }

        impl TryFrom<u32> for ErrorCode {
            type Error = String;
            fn try_from(number: u32) -> Result<Self, String> {
                match number { $($number => Ok(ErrorCode::$name),)+ other => Err(format!("unknown error code {other}")) }
            }
        }
    };
}

codes! {
    /// Input is malformed or breaks a rule of its field; `data.fields` says which.
    Validation = 1000, 400, "error-validation";
    /// A query parameter this endpoint does not know.
    UnknownParameter = 1001, 400, "error-unknown-parameter";
    /// No identity, or one that has ended.
    Unauthenticated = 1100, 401, "error-unauthenticated";
    /// User name or password is wrong.
    BadCredentials = 1101, 401, "error-bad-credentials";
    /// A challenge has to be solved first.
    CaptchaRequired = 1102, 401, "error-captcha-required";
    /// A one-time code is needed.
    SecondFactorRequired = 1103, 401, "error-second-factor-required";
    /// The access token has expired.
    TokenExpired = 1104, 401, "error-token-expired";
    /// The account must set up a second factor before anything else.
    EnrollmentRequired = 1105, 403, "error-enrollment-required";
    /// It may be seen but not done.
    Forbidden = 1200, 403, "error-forbidden";
    /// The request came from a page of another origin.
    ForeignOrigin = 1201, 403, "error-foreign-origin";
    /// It does not exist, or may not be seen.
    NotFound = 1300, 404, "error-not-found";
    /// Somebody changed it in between.
    Conflict = 1400, 409, "error-conflict";
    /// The name or code is taken.
    AlreadyExists = 1401, 409, "error-already-exists";
    /// Its present state does not allow this.
    WrongState = 1402, 422, "error-wrong-state";
    /// A quota would be exceeded.
    QuotaExceeded = 1500, 422, "error-quota-exceeded";
    /// No machine can take it now.
    NoCapacity = 1501, 422, "error-no-capacity";
    /// A budget is spent that lets nothing more be started.
    BudgetSpent = 1502, 422, "error-budget-spent";
    /// Too many requests.
    RateLimited = 1600, 429, "error-rate-limited";
    /// The body is larger than this endpoint takes.
    TooLarge = 1700, 413, "error-too-large";
    /// Docker, QEMU or Slurm refused or failed.
    EngineFailed = 1800, 502, "error-engine-failed";
    /// The task failed.
    TaskFailed = 1801, 422, "error-task-failed";
    /// The machine's agent cannot be reached.
    NodeUnreachable = 1802, 503, "error-node-unreachable";
    /// Our fault; the request id leads to the log.
    Internal = 1900, 500, "error-internal";
    /// The database or another part is away for a moment.
    Unavailable = 1901, 503, "error-unavailable";
}

impl From<ErrorCode> for u32 {
    fn from(code: ErrorCode) -> u32 {
        code.number()
    }
}

/// The error every door answers with. The message is already in the caller's language.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiError {
    /// What kind of error.
    pub code: ErrorCode,
    /// Key of the message in the text files, for programs that bring their own texts.
    pub key: String,
    /// What happened and what to do, in the caller's language.
    pub message: String,
    /// Message per field path, for validation errors.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
    /// The request id, as in the logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.message, self.code.number())
    }
}

impl std::error::Error for ApiError {}

/// What every REST answer looks like; `code` 0 is success, `data` is null on most errors.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Envelope<T> {
    /// 0, or an [`ErrorCode`] number.
    pub code: u32,
    /// `success`, or the error's message.
    pub message: String,
    /// The answer.
    pub data: T,
    /// The request id, also in the `x-request-id` header.
    pub trace_id: String,
}

#[cfg(feature = "server_fn")]
mod server_fn_impl {
    //! The orphan rule puts this here: server functions need their error type to say how transport errors look.
    use server_fn::codec::JsonEncoding;
    use server_fn::error::{FromServerFnError, ServerFnErrorErr};

    use super::{ApiError, ErrorCode};

    impl FromServerFnError for ApiError {
        type Encoder = JsonEncoding;

        fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
            let code = match &error {
                ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) | ServerFnErrorErr::Deserialization(_) => {
                    ErrorCode::Validation
                }
                ServerFnErrorErr::Request(_) => ErrorCode::Unavailable,
                _ => ErrorCode::Internal,
            };
            // The framework's own words stay out: they are Debug strings in one language.
            ApiError {
                code,
                key: code.message_key().to_owned(),
                message: code.message_key().to_owned(),
                fields: Default::default(),
                request_id: None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table between the marks of docs/api.md is this enum's; `REMOTEGPU_WRITE_DOCS=1` writes it.
    #[test]
    fn the_documentation_lists_every_code() {
        let path = "../../docs/api.md";
        let text = std::fs::read_to_string(path).expect("docs/api.md");
        let mut table = "\n| code | status | meaning |\n| --- | --- | --- |\n| 0 | 200, 201 | Success. |\n".to_owned();
        for code in ErrorCode::ALL {
            table += &format!("| {} | {} | {} |\n", code.number(), code.http_status(), code.doc().trim());
        }
        let (before, rest) = text.split_once("<!-- codes -->").expect("the first mark");
        let (now, after) = rest.split_once("<!-- /codes -->").expect("the second mark");
        if std::env::var_os("REMOTEGPU_WRITE_DOCS").is_some() {
            let whole = format!("{before}<!-- codes -->{table}<!-- /codes -->{after}");
            std::fs::write(path, whole).expect("docs/api.md can be written");
        } else {
            assert_eq!(now, table, "run REMOTEGPU_WRITE_DOCS=1 cargo test -p contract");
        }
    }

    #[test]
    fn numbers_are_unique_and_read_back() {
        let numbers: std::collections::BTreeSet<_> = ErrorCode::ALL.iter().map(|code| code.number()).collect();
        assert_eq!(numbers.len(), ErrorCode::ALL.len());
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::try_from(code.number()), Ok(*code));
        }
    }
}
