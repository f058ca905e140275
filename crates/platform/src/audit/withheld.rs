//! Who reads the log learns of every deed; what a thing was and is, only of what they may see elsewhere too. Else the log would
//! tell staff what customers pay, or what the settings are, which the pages and endpoints of these keep from them.

use contract::Permission;
use contract::audit::AuditView;
use serde_json::Value;

use crate::OpContext;

/// What a refusal says of who was refused, and nothing of the thing.
const OF_THE_ATTEMPT: [&str; 5] = ["missing", "why", "repeats", "from", "until"];

/// Takes out of an event what this reader may not see of its target.
pub(super) fn withhold(ctx: &OpContext, event: &mut AuditView) {
    // Its name may say the amount.
    if event.target_kind == "budget" && !ctx.holds_everywhere(Permission::BillingView) {
        event.target_name = None;
    }
    let silent = event.before.is_none() && event.after.is_none();
    if silent || ctx.holds_everywhere(shown_by(&event.action, &event.target_kind)) {
        return;
    }
    event.before = None;
    event.after = match event.after.take() {
        Some(Value::Object(mut fields)) if event.outcome != "done" => {
            fields.retain(|name, _| OF_THE_ATTEMPT.contains(&name.as_str()));
            (!fields.is_empty()).then_some(Value::Object(fields))
        }
        _ => None,
    };
    event.withheld = true;
}

/// What one must hold everywhere to see such a thing. What nobody thought of here is the settings' readers', who are few.
fn shown_by(action: &str, target_kind: &str) -> Permission {
    use Permission as P;
    match target_kind {
        // Budgets of a customer are set where its people are seen: what is done says what it is about.
        _ if action.starts_with("budgets:") || action.starts_with("billing:") => P::BillingView,
        "budget" | "budget_shelf" | "ledger" | "ledger_interval" => P::BillingView,
        "accounts" | "user" | "population" | "user_import" | "api_token" | "session" | "ssh_key" => P::UsersView,
        // People's own webhooks name none but themselves; those of the platform are made in its settings.
        "channel" | "settings" | "ssh_host_key" => P::SettingsView,
        "identity-provider" => P::SettingsIdentity,
        "role" | "role_book" => P::RolesView,
        "customer" | "clientele" | "invitation" => P::CustomersManage,
        "allocation" | "renewal_request" => P::AllocationsManage,
        "machine" | "fleet" | "gpu" | "machine_import" => P::MachinesView,
        "join_token" => P::MachinesEnroll,
        "spec" | "spec_catalog" => P::SpecsView,
        "image" | "image_library" | "image_shelf" => P::ImagesView,
        "instance" | "instance_shelf" => P::InstancesView,
        "file" | "upload" | "file_shelf" => P::FilesView,
        "announcement" => P::AnnouncementsManage,
        "job" => P::JobsView,
        "audit" => P::AuditView,
        _ => P::SettingsView,
    }
}
