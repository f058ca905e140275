//! What the forms of an import call.

use contract::imports::ImportSubject;
use contract::{ApiError, ImportId};
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use crate::{door, paths};

/// Writes what a staged workbook says, in one transaction.
#[server]
pub async fn confirm_import(#[server(default)] subject: ImportSubject, id: ImportId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::imports::confirm(&platform, &ctx, subject, id).await;
    let page = paths::import(subject, id);
    // Where rows turned out differently, those are what is to be looked at.
    let changed = matches!(&result, Err(error) if error.code == contract::ErrorCode::Conflict);
    let refused = if changed { paths::import_changed(subject, id) } else { page.clone() };
    door::form_answer((&platform, &ctx), result, |_| page, &refused, Vec::new()).await
}

/// Takes back what an import of machines wrote.
#[server]
pub async fn take_back_import(id: ImportId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::imports::take_back(&platform, &ctx, id).await;
    let page = paths::import(ImportSubject::Machines, id);
    door::form_answer((&platform, &ctx), result, |_| page.clone(), &page, Vec::new()).await
}

/// Throws a staged workbook away.
#[server]
pub async fn discard_import(#[server(default)] subject: ImportSubject, id: ImportId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::imports::discard(&platform, &ctx, subject, id).await;
    let page = paths::import(subject, id);
    door::form_answer((&platform, &ctx), result, |()| page.clone(), &page, Vec::new()).await
}
