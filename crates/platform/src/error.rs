//! The one domain error. A cause is logged once, at the boundary ([`report`]), and never sent.

use contract::ErrorCode;

use crate::{OpContext, Platform};

/// Result of every operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation did not happen. `key` and the field keys name messages in the text files; the door translates.
#[derive(Debug)]
pub struct Error {
    /// What kind.
    pub code: ErrorCode,
    /// Message key.
    pub key: &'static str,
    /// Values for the message.
    pub args: Vec<(&'static str, String)>,
    /// Which fields are wrong, for validation errors.
    pub fields: Vec<FieldError>,
    denial: Option<Box<Denial>>,
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Path of the field as on the wire, e.g. `declared.gpuCount`.
    pub path: &'static str,
    /// Message key.
    pub key: &'static str,
    /// Values for the message.
    pub args: Vec<(&'static str, String)>,
}

/// What was tried and refused, for the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// What was tried, as its row would be called had it been done; the missing permission where the operation did not say.
    pub action: &'static str,
    /// Kind of the target.
    pub target_kind: &'static str,
    /// Id of the target, where there is one.
    pub target_id: Option<String>,
    /// The customer in whose name, or on whose thing, it was tried by its own people or by staff.
    pub customer: Option<contract::CustomerId>,
    /// The permission that is missing.
    pub missing: contract::Permission,
    /// What more is to be said of the attempt; no secrets.
    pub details: serde_json::Map<String, serde_json::Value>,
    /// Whether there is such a target at all is not known: a guess at nothing is no attempt on anything.
    pub unproven: bool,
}

impl Error {
    /// An error of this kind with its general message.
    pub fn new(code: ErrorCode) -> Self {
        Self { code, key: code.message_key(), args: Vec::new(), fields: Vec::new(), denial: None, cause: None }
    }

    /// A more exact message.
    pub fn with_key(mut self, key: &'static str) -> Self {
        self.key = key;
        self
    }

    /// A value for the message.
    pub fn with_arg(mut self, name: &'static str, value: impl ToString) -> Self {
        self.args.push((name, value.to_string()));
        self
    }

    /// One more wrong field.
    pub fn with_field(mut self, path: &'static str, key: &'static str) -> Self {
        self.fields.push(FieldError { path, key, args: Vec::new() });
        self
    }

    /// The cause, for the log.
    pub fn with_cause(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    pub(crate) fn with_denial(mut self, denial: Denial) -> Self {
        self.denial = Some(Box::new(denial));
        self
    }

    /// One more thing that the log says of the attempt, if this is a refusal; no secret.
    pub(crate) fn with_attempt(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        if let Some(denial) = &mut self.denial {
            denial.details.insert(name.to_owned(), value.into());
        }
        self
    }

    /// What is refused, if this is a refusal.
    pub fn denial(&self) -> Option<&Denial> {
        self.denial.as_deref()
    }

    /// A single wrong field.
    pub fn field(path: &'static str, key: &'static str) -> Self {
        Self::new(ErrorCode::Validation).with_field(path, key)
    }

    /// It does not exist, or may not be seen.
    pub fn not_found() -> Self {
        Self::new(ErrorCode::NotFound)
    }

    /// Our fault.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(ErrorCode::Internal).with_cause(cause)
    }

    /// Somebody else's server, or the way there: for what is tried again.
    pub(crate) fn elsewhere(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(ErrorCode::Unavailable).with_cause(cause)
    }

    /// `Err(self)` when any field was found wrong.
    pub(crate) fn into_result(self) -> Result<()> {
        if self.fields.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.key, self.code.number())?;
        for field in &self.fields {
            write!(f, " {}: {}", field.path, field.key)?;
        }
        match &self.cause {
            Some(cause) => write!(f, ": {cause}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|c| c as _)
    }
}

/// An error that went through the boundary: logged, and a denial audited. The only thing a door may translate.
#[derive(Debug)]
pub struct Reported(Error);

impl std::ops::Deref for Reported {
    type Target = Error;
    fn deref(&self) -> &Error {
        &self.0
    }
}

/// The boundary: logs the cause once with the request id and writes a denied attempt to the audit log in a transaction of
/// its own.
pub async fn report(platform: &Platform, ctx: &OpContext, error: Error) -> Reported {
    match error.code {
        ErrorCode::Internal => tracing::error!(request_id = ctx.request_id(), %error, "operation failed"),
        ErrorCode::Unavailable => tracing::warn!(request_id = ctx.request_id(), %error, "operation unavailable"),
        _ => tracing::debug!(request_id = ctx.request_id(), %error, "operation refused"),
    }
    if let Some(denial) = error.denial()
        && let Err(failure) = crate::audit::record_denial(platform, ctx, denial).await
    {
        tracing::error!(request_id = ctx.request_id(), %failure, ?denial, "denied attempt could not be audited");
    }
    Reported(error)
}
