//! The document and the route table.

use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_meta::{MetaTags, Title, provide_meta_context};
use leptos_router::components::{FlatRoutes, Route, Router};
use leptos_router::{SsrMode, path};

use crate::door::{SiteManifest, content_security_policy, look};
use crate::pages::{admin, auth, customer, missing, search};

/// The document around every page. Mount it with `leptos_routes_with_context` and as the fallback with
/// `render_app_async_with_context`; it sets the `Content-Security-Policy` header itself, because only here the nonce is
/// known.
pub fn shell() -> impl IntoView {
    let look = look();
    let site = use_context::<SiteManifest>().unwrap_or_default();
    if let (Some(nonce), Some(options)) = (leptos::nonce::use_nonce(), use_context::<ResponseOptions>())
        && let Ok(policy) = http::HeaderValue::from_str(&content_security_policy(&nonce))
    {
        options.insert_header(http::header::CONTENT_SECURITY_POLICY, policy);
    }
    view! {
        <!DOCTYPE html>
        <html lang=look.language.html_tag() data-theme=look.theme.code()>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <link rel="icon" href=crate::ui::icons::FAVICON />
                <link rel="stylesheet" href=site.css />
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

/// Every page. Data is fetched before rendering (`SsrMode::Async`): it is fast, and a page comes whole.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    // The title is put together after the page, where the request's contexts are gone.
    let product = crate::door::appearance().name;
    view! {
        <Title formatter=move |title: String| document_title(&product, &title) />
        <Router>
            <FlatRoutes fallback=missing::MissingPage>
                <Route path=path!("/forgot") view=auth::links::ForgotPage ssr=SsrMode::Async />
                <Route path=path!("/reset") view=auth::links::ResetPage ssr=SsrMode::Async />
                <Route path=path!("/email") view=auth::links::EmailPage ssr=SsrMode::Async />
                <Route path=path!("/invitation") view=auth::invitation::InvitationPage ssr=SsrMode::Async />
                <Route path=path!("/register") view=auth::links::RegisterPage ssr=SsrMode::Async />
                <Route path=path!("/register/account") view=auth::links::RegisterAccountPage ssr=SsrMode::Async />
                <Route path=path!("/login") view=auth::page::LoginPage ssr=SsrMode::Async />
                <Route path=path!("/login/code") view=auth::page::LoginCodePage ssr=SsrMode::Async />
                <Route path=path!("/") view=customer::customers::page::HomePage ssr=SsrMode::Async />
                <Route path=path!("/members") view=customer::customers::page::MembersPage ssr=SsrMode::Async />
                <Route path=path!("/audit") view=customer::audit::page::OwnAuditPage ssr=SsrMode::Async />
                <Route path=path!("/notifications") view=customer::notifications::page::NotificationsPage ssr=SsrMode::Async />
                <Route path=path!("/account") view=customer::accounts::page::AccountPage ssr=SsrMode::Async />
                <Route path=path!("/account/security") view=customer::accounts::security::SecurityPage ssr=SsrMode::Async />
                <Route path=path!("/account/security/totp") view=customer::accounts::totp::TotpPage ssr=SsrMode::Async />
                <Route path=path!("/account/sessions") view=customer::accounts::sessions::SessionsPage ssr=SsrMode::Async />
                <Route path=path!("/account/ssh-keys") view=customer::accounts::ssh_keys::SshKeysPage ssr=SsrMode::Async />
                <Route path=path!("/account/tokens") view=customer::accounts::tokens::TokensPage ssr=SsrMode::Async />
                <Route path=path!("/account/webhooks") view=customer::notifications::channels::WebhooksPage ssr=SsrMode::Async />
                <Route path=path!("/admin") view=admin::dashboard::page::DashboardPage ssr=SsrMode::Async />
                <Route path=path!("/admin/audit") view=admin::audit::list::AuditPage ssr=SsrMode::Async />
                <Route path=path!("/admin/jobs") view=admin::jobs::list::JobListPage ssr=SsrMode::Async />
                <Route path=path!("/admin/jobs/:id") view=admin::jobs::page::JobPage ssr=SsrMode::Async />
                <Route path=path!("/admin/announcements") view=admin::announcements::list::AnnouncementsPage ssr=SsrMode::Async />
                <Route path=path!("/admin/announcements/new") view=admin::announcements::edit::NewAnnouncementPage ssr=SsrMode::Async />
                <Route path=path!("/admin/announcements/:id/edit") view=admin::announcements::edit::EditAnnouncementPage ssr=SsrMode::Async />
                <Route path=path!("/admin/specs") view=admin::specs::list::SpecListPage ssr=SsrMode::Async />
                <Route path=path!("/admin/specs/new") view=admin::specs::edit::NewSpecPage ssr=SsrMode::Async />
                <Route path=path!("/admin/specs/:id") view=admin::specs::page::SpecPage ssr=SsrMode::Async />
                <Route path=path!("/admin/specs/:id/edit") view=admin::specs::edit::EditSpecPage ssr=SsrMode::Async />
                <Route path=path!("/admin/images") view=admin::images::list::ImageListPage ssr=SsrMode::Async />
                <Route path=path!("/admin/images/new") view=admin::images::edit::NewImagePage ssr=SsrMode::Async />
                <Route path=path!("/admin/images/upload") view=admin::images::upload::ImageUploadPage ssr=SsrMode::Async />
                <Route path=path!("/admin/images/cleanup") view=admin::images::cleanup::ImageCleanupPage ssr=SsrMode::Async />
                <Route path=path!("/admin/images/:id") view=admin::images::page::ImagePage ssr=SsrMode::Async />
                <Route path=path!("/admin/images/:id/edit") view=admin::images::edit::EditImagePage ssr=SsrMode::Async />
                <Route path=path!("/admin/instances") view=admin::instances::list::InstanceListPage ssr=SsrMode::Async />
                <Route path=path!("/admin/instances/access") view=customer::instances::access::AccessPage ssr=SsrMode::Async />
                <Route path=path!("/admin/instances/access/recordings") view=customer::instances::recordings::RecordingsPage ssr=SsrMode::Async />
                <Route path=path!("/admin/instances/access/recordings/:id") view=customer::instances::recordings::RecordingPage ssr=SsrMode::Async />
                <Route path=path!("/admin/instances/:id") view=admin::instances::page::InstancePage ssr=SsrMode::Async />
                <Route path=path!("/admin/billing") view=admin::billing::page::BillingPage ssr=SsrMode::Async />
                <Route path=path!("/billing") view=customer::billing::page::OwnBillingPage ssr=SsrMode::Async />
                <Route path=path!("/instances") view=customer::instances::list::OwnInstancesPage ssr=SsrMode::Async />
                <Route path=path!("/instances/new") view=customer::instances::new::NewInstancePage ssr=SsrMode::Async />
                <Route path=path!("/instances/access") view=customer::instances::access::OwnAccessPage ssr=SsrMode::Async />
                <Route path=path!("/instances/access/recordings") view=customer::instances::recordings::OwnRecordingsPage ssr=SsrMode::Async />
                <Route path=path!("/instances/access/recordings/:id") view=customer::instances::recordings::OwnRecordingPage ssr=SsrMode::Async />
                <Route path=path!("/instances/:id") view=customer::instances::page::OwnInstancePage ssr=SsrMode::Async />
                <Route path=path!("/instances/:id/terminal") view=customer::instances::terminal::TerminalPage ssr=SsrMode::Async />
                <Route path=path!("/jobs") view=customer::jobs::page::OwnJobsPage ssr=SsrMode::Async />
                <Route path=path!("/apps/:name") view=customer::instances::apps::OpenAppPage ssr=SsrMode::Async />
                <Route path=path!("/instances/:id/terminal/watch") view=customer::instances::watch::WatchPage ssr=SsrMode::Async />
                <Route path=path!("/images") view=customer::images::market::MarketPage ssr=SsrMode::Async />
                <Route path=path!("/images/mine") view=customer::images::mine::OwnImagesPage ssr=SsrMode::Async />
                <Route path=path!("/images/upload") view=customer::images::mine::OwnImageUploadPage ssr=SsrMode::Async />
                <Route path=path!("/images/mine/:id") view=customer::images::mine::OwnImagePage ssr=SsrMode::Async />
                <Route path=path!("/images/mine/:id/edit") view=customer::images::mine::EditOwnImagePage ssr=SsrMode::Async />
                <Route path=path!("/admin/metrics") view=admin::metrics::page::WallPage ssr=SsrMode::Async />
                <Route path=path!("/admin/machines") view=admin::machines::list::ListPage ssr=SsrMode::Async />
                <Route path=path!("/search") view=search::SearchPage ssr=SsrMode::Async />
                <Route path=path!("/admin/machines/import") view=admin::imports::page::MachineUploadPage ssr=SsrMode::Async />
                <Route path=path!("/admin/machines/imports/:id") view=admin::imports::page::MachineImportPage ssr=SsrMode::Async />
                <Route path=path!("/admin/machines/bulk") view=admin::machines::bulk::BulkPage ssr=SsrMode::Async />
                <Route path=path!("/admin/machines/:code/docker") view=admin::engines::page::EnginePage ssr=SsrMode::Async />
                <Route path=path!("/admin/machines/:code/service") view=admin::machines::service::ServicePage ssr=SsrMode::Async />
                <Route path=path!("/admin/machines/:code/passport") view=admin::machines::passport::PassportPage ssr=SsrMode::Async />
                <Route path=path!("/admin/machines/new") view=admin::machines::edit::NewPage ssr=SsrMode::Async />
                <Route
                    path=path!("/admin/machines/join-tokens")
                    view=admin::machines::join_tokens::JoinTokensPage
                    ssr=SsrMode::Async
                />
                <Route
                    path=path!("/admin/machines/:code/allocate")
                    view=admin::allocations::allocate::AllocatePage
                    ssr=SsrMode::Async
                />
                <Route path=path!("/admin/allocations") view=admin::allocations::list::AllocationListPage ssr=SsrMode::Async />
                <Route path=path!("/admin/allocations/bulk") view=admin::allocations::bulk::AllocationBulkPage ssr=SsrMode::Async />
                <Route path=path!("/admin/allocations/timeline") view=admin::allocations::timeline::TimelinePage ssr=SsrMode::Async />
                <Route path=path!("/admin/allocations/:id/handover") view=admin::allocations::handover::HandoverPage ssr=SsrMode::Async />
                <Route path=path!("/admin/allocations/:id") view=admin::allocations::page::AllocationPage ssr=SsrMode::Async />
                <Route path=path!("/admin/customers") view=admin::customers::list::CustomerListPage ssr=SsrMode::Async />
                <Route path=path!("/admin/customers/new") view=admin::customers::edit::NewCustomerPage ssr=SsrMode::Async />
                <Route path=path!("/admin/customers/:id") view=admin::customers::page::CustomerPage ssr=SsrMode::Async />
                <Route path=path!("/admin/customers/:id/edit") view=admin::customers::edit::EditCustomerPage ssr=SsrMode::Async />
                <Route path=path!("/admin/settings/channels") view=customer::notifications::channels::ChannelsPage ssr=SsrMode::Async />
                <Route path=path!("/admin/settings/registries") view=admin::registries::page::RegistriesPage ssr=SsrMode::Async />
                <Route path=path!("/admin/settings/identity") view=admin::identity::list::IdentityProvidersPage ssr=SsrMode::Async />
                <Route
                    path=path!("/admin/settings/identity/new/:kind")
                    view=admin::identity::edit::NewIdentityProviderPage
                    ssr=SsrMode::Async
                />
                <Route path=path!("/admin/settings/identity/:id") view=admin::identity::edit::IdentityProviderPage ssr=SsrMode::Async />
                <Route path=path!("/admin/settings/mails") view=admin::settings::mails::MailsPage ssr=SsrMode::Async />
                <Route path=path!("/admin/settings") view=admin::settings::page::SettingsPage ssr=SsrMode::Async />
                <Route path=path!("/admin/settings/imports/:id") view=admin::settings::import::SettingsImportPage ssr=SsrMode::Async />
                <Route path=path!("/admin/users") view=admin::users::list::UserListPage ssr=SsrMode::Async />
                <Route path=path!("/admin/users/new") view=admin::users::edit::NewUserPage ssr=SsrMode::Async />
                <Route path=path!("/admin/users/import") view=admin::imports::page::UserUploadPage ssr=SsrMode::Async />
                <Route path=path!("/admin/users/imports/:id") view=admin::imports::page::UserImportPage ssr=SsrMode::Async />
                <Route path=path!("/admin/users/bulk") view=admin::users::bulk::UserBulkPage ssr=SsrMode::Async />
                <Route path=path!("/admin/users/:id") view=admin::users::page::UserPage ssr=SsrMode::Async />
                <Route path=path!("/admin/users/:id/edit") view=admin::users::edit::EditUserPage ssr=SsrMode::Async />
                <Route path=path!("/admin/roles") view=admin::roles::list::RoleListPage ssr=SsrMode::Async />
                <Route path=path!("/admin/roles/new") view=admin::roles::edit::NewRolePage ssr=SsrMode::Async />
                <Route path=path!("/admin/roles/:id") view=admin::roles::page::RolePage ssr=SsrMode::Async />
                <Route path=path!("/admin/roles/:id/edit") view=admin::roles::edit::EditRolePage ssr=SsrMode::Async />
                <Route path=path!("/machines/:code") view=customer::machines::page::MyMachinePage ssr=SsrMode::Async />
                <Route path=path!("/admin/machines/:code") view=admin::machines::page::MachinePage ssr=SsrMode::Async />
                <Route path=path!("/admin/machines/:code/edit") view=admin::machines::edit::EditPage ssr=SsrMode::Async />
            </FlatRoutes>
        </Router>
    }
}

/// The `<title>`. leptos_meta 0.8 writes it as it is, so what people typed is escaped here.
fn document_title(product: &str, title: &str) -> String {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
    if title.is_empty() { escaped(product) } else { format!("{} · {}", escaped(title), escaped(product)) }
}
