//! Texts in the language of the request.

use contract::accounts::Language;

use crate::ui::lexicon::{Lexicon, UNITS};

/// A language to speak; cheap to copy into every corner of a page.
#[derive(Clone, Copy, Debug)]
pub struct Words(pub Language);

impl Words {
    /// The request's language.
    pub fn now() -> Self {
        Self(crate::door::look().language)
    }

    /// A text.
    pub fn t(self, key: &str) -> String {
        texts::message(self.0, key, &[])
    }

    /// A text with values.
    pub fn with(self, key: &str, args: &[(&str, String)]) -> String {
        texts::message(self.0, key, args)
    }

    /// What something is called, and what it is.
    pub fn labelled(self, label: String, value: String) -> String {
        self.with("labelled", &[("label", label), ("value", value)])
    }

    /// Some texts, and the units of time, for islands; a `{}` stands where a value goes.
    pub fn lexicon(self, keys: &[&str]) -> Lexicon {
        let holes = ["value", "time", "for", "age", "temperature", "n", "values", "customer", "days"]
            .map(|name| (name, "{}".to_owned()));
        let say = |key: &&str| ((*key).to_owned(), self.with(key, &holes));
        Lexicon(keys.iter().chain(&UNITS).map(say).collect())
    }
}

/// What a kind of job is called; a kind that a newer server knows keeps its own word.
pub fn job_kind(language: Language, kind: &str) -> String {
    texts::known_message(language, &format!("job-kind-{kind}"), &[]).unwrap_or_else(|| kind.to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use contract::Permission;
    use contract::accounts::{Language, LdapSecurity, MemberRole, ProviderKind, ProviderStep, SessionKind, Theme};
    use contract::allocations::{AllocationState, RenewalState, StepState, WaitReason};
    use contract::announcements::{AnnouncementKind, Audience};
    use contract::imports::ImportState;
    use contract::machines::{HostKeysFault, Pool, Presence, ServiceState};
    use contract::metrics::Trouble;
    use contract::quotas::QuotaResource;
    use contract::settings::{SETTINGS, SettingGroup, SettingKind};
    use contract::users::{UserAction, UserState};

    use crate::menus::{GROUPS, WITHOUT_PAGE};
    use crate::pages::admin::machines::charts::RANGES;
    use crate::pages::admin::metrics::order::WallSort;

    fn sources(folder: &Path, into: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).expect("the sources are there") {
            let path = entry.expect("can be read").path();
            if path.is_dir() {
                sources(&path, into);
            } else if path.extension().is_some_and(|e| e == "rs") {
                into.push(std::fs::read_to_string(path).expect("is text"));
            }
        }
    }

    /// Every literal that looks like a text key and whose first word begins keys of the text files.
    fn used_keys() -> Vec<String> {
        let mut files = Vec::new();
        sources(Path::new("src"), &mut files);
        let calls = ["t(\"", "with(\"", "fill(\"", "fields.text(\"", "fields.number(\"", "head(\""];
        let mut keys = Vec::new();
        for file in files {
            for call in calls {
                for (at, _) in file.match_indices(call) {
                    // `input(` is no call of `t(`.
                    if file[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
                        continue;
                    }
                    let key: String = file[at + call.len()..].chars().take_while(|c| *c != '"').collect();
                    let plain =
                        key.contains('-') && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
                    if plain && !key.ends_with('-') {
                        keys.push(key);
                    }
                }
            }
        }
        keys
    }

    fn made_keys() -> Vec<String> {
        let mut keys = Vec::new();
        let mut add = |prefix: &str, words: Vec<&'static str>| {
            keys.extend(words.iter().map(|w| format!("{prefix}-{}", w.replace(':', "-"))))
        };
        add("presence", Presence::ALL.iter().map(|v| v.code()).collect());
        add("service", ServiceState::ALL.iter().map(|v| v.code()).collect());
        add("passport-event", vec!["xid", "ecc_uncorrected", "lost", "returned", "found", "removed"]);
        add("pool", Pool::ALL.iter().map(|v| v.code()).collect());
        add("trouble", Trouble::ALL.iter().map(|v| v.code()).collect());
        add("theme", Theme::ALL.iter().map(|v| v.code()).collect());
        add("frame-language", Language::ALL.iter().map(|v| v.code()).collect());
        add("session-kind", SessionKind::ALL.iter().map(|v| v.code()).collect());
        add("tokens-reach", vec!["all", "some"]);
        add("member-role", vec![MemberRole::Owner.code(), MemberRole::Member.code()]);
        let of_platform = ["platform_admin", "operator", "teacher", "student"];
        add("role", of_platform.into_iter().chain(["customer_owner", "customer_member", "signed_in"]).collect());
        add("role-hint", of_platform.into_iter().chain(["customer_owner", "customer_member"]).collect());
        add("permission", Permission::ALL.iter().map(|v| v.name()).collect());
        add("permission-group", Permission::ALL.iter().map(|v| v.group()).collect());
        add("user-state", UserState::ALL.iter().map(|v| v.code()).collect());
        add("user", UserAction::ALL.iter().map(|v| v.code()).collect());
        add("quota", QuotaResource::ALL.iter().map(|v| v.code()).collect());
        add("range", RANGES.iter().map(|v| v.code()).collect());
        add("wall-sort", WallSort::ALL.iter().map(|v| v.code()).collect());
        let states: Vec<_> = AllocationState::ALL.iter().map(|v| v.code()).collect();
        add("allocation-state", states.clone());
        // An active machine shows its figures instead.
        add("my-machine", states.into_iter().filter(|state| *state != "active").collect());
        add("allocation-waits-for", WaitReason::ALL.iter().map(|v| v.code()).collect());
        add("renewal-state", RenewalState::ALL.iter().map(|v| v.code()).collect());
        add("step-state", StepState::ALL.iter().map(|v| v.code()).collect());
        add("step", platform::allocations::RECLAIM_STEPS.to_vec());
        add("step-reason", vec!["offline", "never_joined", "no_figures", "not_monitored", "no_baseline"]);
        add("step-reason", vec!["keys_there", "keys_hindered", "keys_off", "keys_sessions", "keys_others"]);
        add("connection-keys-fault", HostKeysFault::ALL.iter().map(|v| v.code()).collect());
        add("tile", vec!["free", "held", "ending", "grace", "reclaiming", "shared"]);
        add("allocation", vec!["days-left", "hours-left", "minutes-left"]);
        add("home-ends", vec!["days", "hours", "minutes"]);
        add("allocations-bulk", vec!["renew-done", "reclaim-done"]);
        add(
            "allocation-event",
            vec![
                "created",
                "started",
                "renewed",
                "shortened",
                "ended",
                "grace",
                "reclaim_started",
                "reclaimed",
                "cancelled",
                "renewal_requested",
                "renewal_refused",
                "reminded",
                "delayed",
                "step_skipped",
                "renewal_withdrawn",
                "renewal_lapsed",
            ],
        );
        add("job-kind", platform::jobs::kinds().collect());
        add("copy-state", contract::images::CopyState::ALL.iter().map(|v| v.code()).collect());
        add("image-registry-state", contract::images::CopyState::ALL.iter().map(|v| v.code()).collect());
        add("cleanup-reason", contract::images::CleanupReason::ALL.iter().map(|v| v.code()).collect());
        add("cleanup-state", contract::images::CleanupState::ALL.iter().map(|v| v.code()).collect());
        add("cleanup-item", contract::images::CleanupItemState::ALL.iter().map(|v| v.code()).collect());
        add("registry-fault", contract::registries::RegistryFault::ALL.iter().map(|v| v.code()).collect());
        add("job-event", contract::jobs::JobEventKind::ALL.iter().map(|v| v.code()).collect());
        add("job-lane", contract::jobs::JobLane::ALL.iter().map(|v| v.code()).collect());
        add("job-state", contract::jobs::JobState::ALL.iter().map(|v| v.code()).collect());
        let listed = ["what", "about", "state", "progress", "person", "added", "ended"];
        add("own-jobs", listed.to_vec());
        add("uploads", vec!["file", "state", "progress", "by", "until", "actions"]);
        add("upload-state", contract::files::UploadState::ALL.iter().map(|v| v.code()).collect());
        add("upload-fault", contract::files::UploadFault::ALL.iter().map(|v| v.code()).collect());
        add("access-kind", contract::access::AccessKind::ALL.iter().map(|v| v.code()).collect());
        let ends = ["left", "exited", "closed", "idle", "access", "stopped", "lost", "failed", "server", "removed"];
        add("access-reason", ends.to_vec());
        add("settings-group", SettingGroup::ALL.iter().map(|v| v.code()).collect());
        for spec in SETTINGS {
            keys.push(spec.text_key());
            if let SettingKind::Choice(words) = spec.kind {
                keys.extend(words.iter().map(|word| format!("{}-{word}", spec.text_key())));
            }
        }
        let mut add =
            |prefix: &str, words: Vec<&'static str>| keys.extend(words.iter().map(|w| format!("{prefix}-{w}")));
        let told: Vec<_> = contract::notifications::NotificationKind::ALL.iter().map(|v| v.code()).collect();
        add("notification-kind", told.clone());
        add("notification", told);
        let carried = contract::notifications::NotificationKind::OF_PLATFORM.iter().map(|v| v.code());
        add("channel-message", carried.chain(["test"]).collect());
        add("channel-kind", contract::notifications::ChannelKind::ALL.iter().map(|v| v.code()).collect());
        add("channel-test", platform::outbound::Step::ALL.iter().map(|v| v.code()).chain(["done"]).collect());
        add("delivery-state", contract::notifications::DeliveryState::ALL.iter().map(|v| v.code()).collect());
        add("announcement-kind", AnnouncementKind::ALL.iter().map(|v| v.code()).collect());
        add("announcement-audience", Audience::ALL.iter().map(|v| v.code()).collect());
        add("announcement-state", vec!["planned", "showing", "over"]);
        add("mail-test", platform::mail::Step::ALL.iter().map(|v| v.code()).chain(["done"]).collect());
        add("mail-state", contract::mail::MailState::ALL.iter().map(|v| v.code()).collect());
        add("mail-kind", platform::mail::kinds().collect());
        add("identity-step", ProviderStep::ALL.iter().map(|v| v.code()).collect());
        add("identity-done", ProviderStep::ALL.iter().map(|v| v.code()).collect());
        add("identity-security", LdapSecurity::ALL.iter().map(|v| v.code()).collect());
        add("identity-role", vec!["customer_owner", "customer_member"]);
        for prefix in ["identity-kind", "identity-add", "identity-new"] {
            add(prefix, ProviderKind::ALL.iter().map(|v| v.code()).collect());
        }
        add("throttle", vec!["power_cap", "hw_thermal", "sw_thermal", "hw_slowdown", "power_brake"]);
        keys.extend(GROUPS.iter().flat_map(|group| group.entries).map(|entry| entry.key.to_owned()));
        keys.extend(GROUPS.iter().map(|group| group.key.to_owned()));
        keys.extend(WITHOUT_PAGE.map(|(_, key)| key.to_owned()));
        keys
    }

    /// What is refused because of a state says it in words: no code of ours stands in a sentence.
    #[test]
    fn refusals_name_states_in_words() {
        let allocations = AllocationState::ALL.iter().map(|state| ("error-allocation-state", state.code()));
        let imports = ImportState::ALL.iter().map(|state| ("error-import-state", state.code()));
        let said: Vec<_> = allocations
            .chain(imports)
            .map(|(key, state)| (state, texts::message(Language::Zh, key, &[("state", state.to_owned())])))
            .collect();
        assert!(said.iter().all(|(state, text)| !text.contains(state) && !text.contains("error-")), "{said:?}");
        let texts: std::collections::BTreeSet<_> = said.iter().map(|(_, text)| text).collect();
        assert_eq!(texts.len(), said.len(), "each has its own");
    }

    #[test]
    fn every_text_of_the_pages_exists() {
        let used = used_keys();
        assert!(used.len() > 150, "only {} keys were found: the search is broken", used.len());
        for language in Language::ALL {
            let known = texts::keys(language);
            let missing: Vec<_> = used.iter().chain(&made_keys()).filter(|key| !known.contains(key)).cloned().collect();
            assert_eq!(missing, Vec::<String>::new(), "{}", language.code());
        }
    }
}
