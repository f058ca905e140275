//! What groups of a provider mean here.
//!
//! A mapping gives what is missing and takes back only what it gave itself: roles that somebody gave by hand stay. The
//! last admin, and the last who gets in without a provider, stays one whatever the groups say, and so does the last owner
//! of a customer, of whom no groups make staff either. What several providers give goes with the last of them.

use contract::accounts::{GroupMapping, MappedRole, MemberRole};
use contract::{CustomerId, IdentityId, UserId};
use serde::{Deserialize, Serialize};

use crate::accounts::store::identity as store;
use crate::authz::must_be_kept;
use crate::db::Tx;
use crate::{Error, Result, customers};

/// A role somebody has by their groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Given {
    pub role: MappedRole,
    #[serde(default)]
    pub customer_id: Option<CustomerId>,
}

impl Given {
    /// What only one role can be given for: a customer, or a role of the platform.
    fn place(&self) -> (Option<CustomerId>, Option<&str>) {
        let code = self.role.of_platform();
        (self.customer_id.filter(|_| code.is_none()), code)
    }
}

/// What a sign-in changed.
#[derive(Debug, Default, Serialize)]
pub(super) struct Changed {
    pub added: Vec<Given>,
    pub removed: Vec<Given>,
    /// What should have gone and had to stay.
    pub kept: Vec<Given>,
    /// What makes staff of the only owner of a customer: it comes once the customer has another one.
    pub withheld: Vec<Given>,
}

impl Changed {
    pub(super) fn is_empty(&self) -> bool {
        [&self.added, &self.removed, &self.kept, &self.withheld].into_iter().all(Vec::is_empty)
    }
}

/// What the groups of a provider are called.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum GroupNames {
    /// Entries of a directory: by their whole names or by the first part of them, and case does not count.
    Entries,
    /// Words of a sign-in service: exactly so. What looks like an entry's name there may be what anybody called a group.
    Words,
}

/// What these groups give: roles of the platform, and the strongest role per customer.
pub(super) fn wanted(mappings: &[GroupMapping], groups: &[String], names: GroupNames) -> Vec<Given> {
    let given = mappings.iter().filter(|mapping| groups.iter().any(|group| is_called(group, &mapping.group, names)));
    let mut given: Vec<Given> =
        given.map(|mapping| Given { role: mapping.role.clone(), customer_id: mapping.customer_id }).collect();
    // Of one place the strongest comes first, and stays.
    given.sort_by(|a, b| a.place().cmp(&b.place()).then_with(|| a.role.cmp(&b.role)));
    given.dedup_by(|later, first| later.place() == first.place());
    given
}

fn is_called(group: &str, name: &str, names: GroupNames) -> bool {
    if names == GroupNames::Words {
        return group == name;
    }
    let plain =
        |text: &str| -> String { text.split(',').map(|part| part.trim().to_lowercase()).collect::<Vec<_>>().join(",") };
    plain(group) == plain(name) || short_name(group).is_some_and(|short| short.to_lowercase() == name.to_lowercase())
}

/// `gpu-admins` of `cn=gpu-admins,ou=groups,dc=example,dc=org`; a name with escaped signs goes by its whole name.
pub(super) fn short_name(group: &str) -> Option<&str> {
    let (first, _) = group.split_once(',')?;
    let (_, value) = first.split_once('=')?;
    (!value.contains(['\\', '+'])).then(|| value.trim())
}

/// What the other providers in use give somebody, beside the identity of `but`.
pub(super) async fn of_others(tx: &mut Tx, user: UserId, but: Option<IdentityId>) -> Result<Vec<Given>> {
    let mut all = Vec::new();
    for granted in store::granted_by_others(tx, user, but).await? {
        all.extend(serde_json::from_value::<Vec<Given>>(granted).map_err(Error::internal)?);
    }
    Ok(all)
}

/// Gives what is wanted and takes what was given before and is not wanted any more. What `others` give, which are the other
/// providers in use that the account is bound to, stays whatever this one says. Returns what is the mapping's now.
pub(super) async fn apply(
    tx: &mut Tx,
    user: UserId,
    (before, wanted): (&[Given], &[Given]),
    others: &[Given],
) -> Result<(Vec<Given>, Changed)> {
    let mut work = Work { user, before, others, now: Vec::new(), changed: Changed::default() };
    for old in before.iter().filter(|old| !wanted.iter().any(|given| given.place() == old.place())) {
        match old.customer_id.zip(old.role.membership()) {
            Some((customer, role)) => work.take_membership(tx, old, customer, role).await?,
            None => work.take_role(tx, old).await?,
        }
    }
    for given in wanted {
        match given.customer_id.zip(given.role.membership()) {
            Some((customer, _)) => work.give_membership(tx, given, customer).await?,
            None => work.give_role(tx, given).await?,
        }
    }
    Ok((work.now, work.changed))
}

/// Takes back what an identity gave, which is gone or whose provider is out of use: what has to stay, and what changed.
pub(super) async fn take_back(
    tx: &mut Tx,
    user: UserId,
    identity: Option<IdentityId>,
    granted: serde_json::Value,
) -> Result<(Vec<Given>, Changed)> {
    let given: Vec<Given> = serde_json::from_value(granted).map_err(Error::internal)?;
    let others = of_others(tx, user, identity).await?;
    apply(tx, user, (&given, &[]), &others).await
}

/// What the groups of one provider are being made to mean for one person.
struct Work<'a> {
    user: UserId,
    before: &'a [Given],
    others: &'a [Given],
    now: Vec<Given>,
    changed: Changed,
}

impl Work<'_> {
    /// The strongest that other providers give in this place.
    fn of_others(&self, place: &Given) -> Option<&Given> {
        self.others.iter().filter(|other| other.place() == place.place()).min_by(|a, b| a.role.cmp(&b.role))
    }

    /// Whether providers and not people made this word what somebody is there.
    fn is_given(&self, place: &Given, word: &str) -> bool {
        self.before.iter().chain(self.others).any(|given| given.place() == place.place() && is_word_of(given, word))
    }

    fn keep(&mut self, given: Given) {
        self.now.push(given.clone());
        self.changed.kept.push(given);
    }

    async fn take_membership(
        &mut self,
        tx: &mut Tx,
        old: &Given,
        customer: CustomerId,
        role: MemberRole,
    ) -> Result<()> {
        // The customer's row stands for its list of people, as it does where they are removed by hand.
        customers::lock(tx, customer).await?;
        let there = store::membership(tx, customer, self.user).await?;
        let left = self.of_others(old).cloned();
        // Somebody took it before or made something else of it; or it is given elsewhere as well.
        if there.as_deref() != Some(role.code()) || left.as_ref().is_some_and(|left| left.role == old.role) {
            return Ok(());
        }
        if role.is_owner() && !store::has_other_owner(tx, customer, self.user).await? {
            self.keep(old.clone());
            return Ok(());
        }
        match left.as_ref().and_then(|left| left.role.membership()) {
            Some(weaker) => {
                store::set_membership(tx, customer, self.user, weaker.code()).await?;
                self.changed.added.extend(left);
            }
            None => {
                store::remove_membership(tx, customer, self.user, role.code()).await?;
            }
        }
        self.changed.removed.push(old.clone());
        Ok(())
    }

    async fn take_role(&mut self, tx: &mut Tx, old: &Given) -> Result<()> {
        if self.of_others(old).is_some() || !store::holds_role(tx, self.user, old.role.code()).await? {
            return Ok(());
        }
        if must_be_kept(old.role.code()) && crate::roles::is_last_admin_in_tx(tx, self.user).await? {
            self.keep(old.clone());
            return Ok(());
        }
        store::remove_role(tx, self.user, old.role.code()).await?;
        self.changed.removed.push(old.clone());
        Ok(())
    }

    async fn give_membership(&mut self, tx: &mut Tx, given: &Given, customer: CustomerId) -> Result<()> {
        // One that was deleted meanwhile takes nobody.
        if customers::lock(tx, customer).await?.is_none() {
            return Ok(());
        }
        let there = store::membership(tx, customer, self.user).await?;
        let by_hand = there.as_deref().filter(|there| !self.is_given(given, there));
        if by_hand.is_some_and(|word| is_word_of(given, word) || !is_stronger(given, word)) {
            return Ok(());
        }
        let stronger = self.of_others(given).filter(|other| other.role < given.role);
        let wanted = stronger.unwrap_or(given).clone();
        let Some(role) = wanted.role.membership() else { return Ok(()) };
        if there.as_deref() == Some(role.code()) {
            self.now.push(given.clone());
            return Ok(());
        }
        let was_owner = there.as_deref() == Some(MemberRole::Owner.code());
        if was_owner && !store::has_other_owner(tx, customer, self.user).await? {
            self.keep(Given { role: MappedRole::CustomerOwner, customer_id: given.customer_id });
            return Ok(());
        }
        store::set_membership(tx, customer, self.user, role.code()).await?;
        self.changed.added.push(wanted);
        self.now.push(given.clone());
        Ok(())
    }

    async fn give_role(&mut self, tx: &mut Tx, given: &Given) -> Result<()> {
        let (user, code) = (self.user, given.role.code());
        if store::holds_role(tx, user, code).await? {
            // What somebody gave by hand is not the mapping's.
            let by_mapping = self.before.iter().chain(self.others).any(|old| old.place() == given.place());
            self.now.extend(by_mapping.then(|| given.clone()));
            return Ok(());
        }
        // Whoever works for the platform acts for no customer: one that this person alone owns would have nobody.
        if store::makes_staff(tx, code).await? {
            customers::lock_owned_by(tx, user).await?;
            if customers::alone_owned_by_in_tx(tx, user).await?.is_some() {
                self.changed.withheld.push(given.clone());
                return Ok(());
            }
        }
        // One that was deleted meanwhile is given to nobody.
        if store::add_role(tx, user, code).await? {
            self.changed.added.push(given.clone());
            self.now.push(given.clone());
        }
        Ok(())
    }
}

fn is_word_of(given: &Given, word: &str) -> bool {
    given.role.membership().is_some_and(|role| role.code() == word)
}

/// Whether what the groups give is more than the role of this word.
fn is_stronger(given: &Given, word: &str) -> bool {
    let of_word = MappedRole::parse(&format!("customer_{word}"));
    of_word.is_some_and(|role| given.role < role)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(group: &str, role: &str, customer: Option<i64>) -> GroupMapping {
        let role = MappedRole::parse(role).expect("a role");
        GroupMapping { group: group.to_owned(), role, customer_id: customer.map(CustomerId) }
    }

    #[test]
    fn groups_go_by_whole_and_by_short_names_and_the_strongest_role_counts() {
        let mappings = [
            mapping("cn=GPU Admins, ou=groups,dc=example,dc=org", "platform_admin", None),
            mapping("lab", "customer_member", Some(1)),
            mapping("lab-heads", "customer_owner", Some(1)),
            mapping("others", "customer_member", Some(2)),
            mapping("ops", "operator", None),
            mapping("custom", "custom-7", None),
        ];
        let roles = |groups: &[&str]| -> Vec<(String, Option<i64>)> {
            let groups: Vec<_> = groups.iter().map(|group| (*group).to_owned()).collect();
            let given = wanted(&mappings, &groups, GroupNames::Entries);
            given.into_iter().map(|g| (g.role.code().to_owned(), g.customer_id.map(|id| id.0))).collect()
        };
        assert_eq!(roles(&[]), []);
        assert_eq!(roles(&["cn=gpu admins,ou=Groups,dc=example,dc=org"]), [("platform_admin".to_owned(), None)]);
        assert_eq!(roles(&["cn=gpu admins,ou=elsewhere,dc=example,dc=org"]), [], "another group of that name");
        assert_eq!(roles(&["cn=Lab,ou=groups,dc=example,dc=org"]), [("customer_member".to_owned(), Some(1))]);
        assert_eq!(roles(&["lab", "lab-heads"]), [("customer_owner".to_owned(), Some(1))]);
        assert_eq!(roles(&["lab-heads", "LAB"]), [("customer_owner".to_owned(), Some(1))]);
        let several = [("custom-7", None), ("operator", None), ("customer_member", Some(2))];
        let several = several.map(|(role, customer)| (role.to_owned(), customer));
        assert_eq!(roles(&["others", "ops", "custom", "OPS"]), several);
        assert_eq!(roles(&["labs", "xlab", "cn=x\\,lab,ou=groups"]), []);
        let words = |group: &str| wanted(&mappings, &[group.to_owned()], GroupNames::Words).len();
        assert_eq!([words("lab"), words("Lab"), words("cn=lab,dc=x")], [1, 0, 0], "a service's words are words");
    }
}
