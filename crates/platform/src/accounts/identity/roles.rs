//! What groups of a provider mean here.
//!
//! A mapping gives what is missing and takes back only what it gave itself: roles that somebody gave by hand stay. The
//! last admin, and the last who gets in without a provider, stays one whatever the groups say, and so does the last owner
//! of a customer.

use contract::accounts::{GroupMapping, MappedRole, MemberRole};
use contract::{CustomerId, UserId};
use serde::{Deserialize, Serialize};

use crate::accounts::store::identity as store;
use crate::authz::must_be_kept;
use crate::db::Tx;
use crate::{Result, customers};

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
}

impl Changed {
    pub(super) fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.kept.is_empty()
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

/// Gives what is wanted and takes what was given before and is not wanted any more. Returns what is the mapping's now.
pub(super) async fn apply(
    tx: &mut Tx,
    user: UserId,
    before: &[Given],
    wanted: &[Given],
) -> Result<(Vec<Given>, Changed)> {
    let (mut now, mut changed) = (Vec::new(), Changed::default());
    for old in before.iter().filter(|old| !wanted.iter().any(|given| given.place() == old.place())) {
        match take(tx, user, old).await? {
            Taken::Gone => changed.removed.push(old.clone()),
            Taken::NotThere => {}
            Taken::HasToStay => {
                now.push(old.clone());
                changed.kept.push(old.clone());
            }
        }
    }
    for given in wanted {
        let ours = before.iter().find(|old| old.place() == given.place());
        let there = match given.customer_id.zip(given.role.membership()) {
            Some((customer, role)) => {
                // One that was deleted meanwhile takes nobody.
                if customers::lock(tx, customer).await?.is_none() {
                    continue;
                }
                let there = store::membership(tx, customer, user).await?;
                let by_hand = there.as_deref().filter(|there| ours.is_none_or(|old| !is_word_of(old, there)));
                if by_hand.is_some_and(|word| word == role.code() || !is_stronger(given, word)) {
                    continue;
                }
                let was_owner = there.as_deref() == Some(MemberRole::Owner.code());
                if was_owner && !role.is_owner() && !store::has_other_owner(tx, customer, user).await? {
                    let stays = Given { role: MappedRole::CustomerOwner, customer_id: given.customer_id };
                    now.push(stays.clone());
                    changed.kept.push(stays);
                    continue;
                }
                store::set_membership(tx, customer, user, role.code()).await?;
                there.is_some_and(|word| word == role.code())
            }
            None => {
                let there = store::holds_role(tx, user, given.role.code()).await?;
                if there && ours.is_none() {
                    continue;
                }
                // One that was deleted meanwhile is given to nobody.
                if !there && !store::add_role(tx, user, given.role.code()).await? {
                    continue;
                }
                there
            }
        };
        if !there {
            changed.added.push(given.clone());
        }
        now.push(given.clone());
    }
    Ok((now, changed))
}

/// What became of a role that is not wanted any more.
enum Taken {
    Gone,
    /// Somebody took it before, or made something else of it.
    NotThere,
    HasToStay,
}

async fn take(tx: &mut Tx, user: UserId, old: &Given) -> Result<Taken> {
    if let Some((customer, role)) = old.customer_id.zip(old.role.membership()) {
        // The customer's row stands for its list of people, as it does where they are removed by hand.
        customers::lock(tx, customer).await?;
        let there = store::membership(tx, customer, user).await?;
        let is_owner = role.is_owner() && there.as_deref() == Some(role.code());
        if is_owner && !store::has_other_owner(tx, customer, user).await? {
            return Ok(Taken::HasToStay);
        }
        let gone = store::remove_membership(tx, customer, user, role.code()).await?;
        return Ok(if gone { Taken::Gone } else { Taken::NotThere });
    }
    if !store::holds_role(tx, user, old.role.code()).await? {
        return Ok(Taken::NotThere);
    }
    if must_be_kept(old.role.code()) && crate::roles::is_last_admin_in_tx(tx, user).await? {
        return Ok(Taken::HasToStay);
    }
    store::remove_role(tx, user, old.role.code()).await?;
    Ok(Taken::Gone)
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
