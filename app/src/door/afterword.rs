//! What was just done with many, on its way to the page that says so.
//!
//! It goes in the redirect's query, signed for this person and this page: a made-up link, or a changed one, says nothing.

use leptos::prelude::*;
use platform::OpContext;
use platform::secrets::Keyring;

use super::door;

/// Purpose of the key that signs it.
const SIGNED_FOR: &str = "what was done";
/// What stands between the query and its signature.
const SEAL: &str = "&seal=";

/// `address`, which must have a query, with its signature.
pub fn signed_afterword(address: &str) -> String {
    let (platform, ctx) = door();
    sign(platform.keyring(), &ctx, address)
}

/// True where this page was come to by an address of [`signed_afterword`].
pub fn afterword_is_ours() -> bool {
    let Some(parts) = use_context::<http::request::Parts>() else { return false };
    let Some(address) = parts.uri.path_and_query() else { return false };
    let (platform, ctx) = door();
    is_signed(platform.keyring(), &ctx, address.as_str())
}

fn sign(keyring: &Keyring, ctx: &OpContext, address: &str) -> String {
    format!("{address}{SEAL}{}", hex::encode(keyring.sign(SIGNED_FOR, &signed(ctx, address))))
}

fn is_signed(keyring: &Keyring, ctx: &OpContext, address: &str) -> bool {
    let Some((address, signature)) = address.rsplit_once(SEAL) else { return false };
    let mut bytes = [0; 32];
    hex::decode_to_slice(signature, &mut bytes).is_ok() && keyring.verify(SIGNED_FOR, &signed(ctx, address), &bytes)
}

/// Whoever it is said to is part of what is signed.
fn signed(ctx: &OpContext, address: &str) -> Vec<u8> {
    let person = ctx.user().map_or(0, |user| user.id.0);
    format!("{person} {address}").into_bytes()
}

#[cfg(test)]
mod tests {
    use contract::accounts::Language;
    use platform::{Clock, Principal, Via};

    use super::*;

    #[test]
    fn only_what_we_signed_is_believed() {
        let keyring = Keyring::from_bytes([3; 32]);
        let now = Clock::default().now();
        let ctx = OpContext::new(Principal::Anonymous, now, Via::Page, "request-1", None, Language::En);
        let address = sign(&keyring, &ctx, "/admin/machines?did=delete&done=2&ids=a.b");
        assert!(is_signed(&keyring, &ctx, &address), "{address}");
        let other_page = address.replace("machines", "allocations");
        let more = address.replace("done=2", "done=999");
        let bare = "/admin/machines?did=delete&done=2&ids=a.b".to_owned();
        for forged in [other_page, more, bare, format!("{address}&done=999"), "/admin/machines?x&seal=".to_owned()] {
            assert!(!is_signed(&keyring, &ctx, &forged), "{forged}");
        }
        assert!(!is_signed(&Keyring::from_bytes([4; 32]), &ctx, &address));
    }
}
