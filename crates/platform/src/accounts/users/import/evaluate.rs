//! The verdict of a row: a new person, a change, nothing, or wrong; by the rules that the forms follow.

use std::collections::{BTreeMap, HashMap};

use contract::accounts::{Language, MemberRole, MembershipView};
use contract::imports::{PlaceChange, RowFault};
use contract::roles::RoleBrief;
use contract::users::UserState;
use contract::{CustomerId, Permission, RoleId, UserId};

use super::super::{details, refuse_reserved, store};
use super::passwords::{self, kept_faults};
use super::places::{self, BETWEEN, Called, Customers};
use super::{Evaluation, Written};
use crate::authz::{AssignRole, UserRef};
use crate::customers::Joining;
use crate::db::Tx;
use crate::fields::Wrong;
use crate::imports::{Judged, TextRow, errors_in, fault, faults_of, text_of};
use crate::{Result, customers, roles};

/// What there is that the rows of a batch are about.
struct Seen {
    people: HashMap<String, store::Known>,
    /// Whose an address is, in lower case.
    owners: HashMap<String, UserId>,
    roles: HashMap<UserId, Vec<RoleBrief>>,
    places: HashMap<UserId, Vec<MembershipView>>,
    /// Of those who are to get a role, a customer that they alone can act for.
    alone: HashMap<UserId, String>,
    customers: Customers,
}

impl Evaluation {
    pub(crate) async fn judge(&mut self, tx: &mut Tx, rows: Vec<TextRow>) -> Result<Vec<Judged>> {
        if self.roles.is_empty() {
            self.roles = roles::assignable_in_tx(tx).await?;
        }
        let seen = look(tx, &rows).await?;
        rows.into_iter().map(|row| self.judge_row(row, &seen)).collect()
    }

    fn judge_row(&mut self, mut row: TextRow, seen: &Seen) -> Result<Judged> {
        let mut faults = kept_faults(&mut row);
        faults.extend(errors_in(&row.cells));
        let text = |column: &str| text_of(&row.cells, column);
        let mut wrong = Wrong::new();
        let details = details(&mut wrong, text("username").unwrap_or_default(), text("displayName"), text("email"));
        faults.extend(wrong.into_result().err().map(faults_of).unwrap_or_default());
        let found = seen.people.get(&details.name);
        if found.is_some_and(|known| known.state == UserState::Deleted) {
            faults.push(fault("username", "field-import-deleted", &[]));
        }
        let known = found.filter(|known| known.state != UserState::Deleted);
        if known.is_none() {
            let mut wrong = Wrong::new();
            refuse_reserved(&mut wrong, "username", &details.name);
            faults.extend(wrong.into_result().err().map(faults_of).unwrap_or_default());
        }
        let address = details.email.as_deref().map(str::to_lowercase);
        self.find_twice(&details.name, address.as_ref(), &mut faults);
        faults.extend(state_fault(text("state"), known.map_or(UserState::Active, |known| known.state)));
        let owner = address.as_ref().and_then(|address| seen.owners.get(address));
        if owner.is_some_and(|owner| Some(*owner) != known.map(|known| known.id)) {
            faults.push(fault("email", "field-user-email-taken", &[]));
        }
        let invited = self.way_in(&row, known.is_some(), details.email.is_some(), &mut faults);
        let held = known.and_then(|known| seen.roles.get(&known.id)).map(Vec::as_slice).unwrap_or_default();
        let alone = known.and_then(|known| seen.alone.get(&known.id));
        let roles = self.roles_of(&row, known.map(|known| known.id), (held, alone), &mut faults);
        let places = known.and_then(|known| seen.places.get(&known.id)).map(Vec::as_slice).unwrap_or_default();
        let who = if known.is_some() { Joining::Known } else { Joining::New };
        let joined = self.places_of(&row, &seen.customers, (who, places), &mut faults);
        let becomes = joined.iter().map(|(id, role)| PlaceChange {
            customer: seen.customers.name(*id),
            was: places.iter().find(|place| place.customer_id == *id).map(|place| place.role),
            role: *role,
        });
        let becomes = becomes.collect();
        let code = Some(details.name.clone()).filter(|name| !name.is_empty());
        // The list and the export show the user name where no other was given.
        let named = details.display_name.filter(|name| known.is_none_or(|known| known.shown() != name));
        let moved = details.email.filter(|email| known.is_none_or(|known| known.email.as_ref() != Some(email)));
        let changes = [
            ("displayName", named.is_some()),
            ("email", moved.is_some()),
            ("roles", !roles.is_empty()),
            ("customers", !joined.is_empty()),
        ];
        let changes: Vec<_> =
            changes.into_iter().filter(|(_, changes)| *changes).map(|(name, _)| name.to_owned()).collect();
        if known.is_some() && !changes.is_empty() {
            self.may_change(held, !places.is_empty() && moved.is_some(), &mut faults);
        }
        if !faults.is_empty() {
            return Ok(Judged::wrong(row, code, faults));
        }
        // A row that is left out takes nothing from a later one.
        self.emails.extend(address.map(|address| (address, row.row)));
        self.names.insert(details.name.clone(), row.row);
        let written = Written {
            user: known.map(|known| known.id),
            username: details.name,
            display_name: named.or_else(|| known.and_then(|known| known.display_name.clone())),
            email: moved.or_else(|| known.and_then(|known| known.email.clone())),
            roles,
            places: joined,
            becomes,
            invited,
        };
        let changes = if known.is_some() { changes } else { Vec::new() };
        let before =
            known.filter(|_| !changes.is_empty()).map(|known| there_is(known, held, places)).unwrap_or_default();
        let judged = Judged::sound(row, code, &written, (known.map(|known| known.revision), changes))?;
        Ok(judged.instead_of(before))
    }

    /// Whether an earlier row is about the same person.
    fn find_twice(&self, name: &str, address: Option<&String>, faults: &mut Vec<RowFault>) {
        let found =
            [("username", self.names.get(name)), ("email", address.and_then(|address| self.emails.get(address)))];
        for (column, earlier) in found {
            faults.extend(earlier.map(|row| fault(column, "field-import-person-twice", &[("row", row.to_string())])));
        }
    }

    /// How a new person signs in: true by a link, which goes to their address.
    fn way_in(&self, row: &TextRow, is_known: bool, has_address: bool, faults: &mut Vec<RowFault>) -> bool {
        let typed = text_of(&row.cells, passwords::COLUMN).is_some();
        let key = match (is_known, typed) {
            (true, true) => "field-import-password-known",
            (true, false) | (false, true) => return false,
            (false, false) if !has_address => "field-import-no-way-in",
            (false, false) if !self.mail_on => "field-import-mail-off",
            (false, false) => return true,
        };
        faults.push(fault(passwords::COLUMN, key, &[]));
        false
    }

    /// The roles of the cell that are not held yet.
    fn roles_of(
        &self,
        row: &TextRow,
        user: Option<UserId>,
        (held, alone): (&[RoleBrief], Option<&String>),
        faults: &mut Vec<RowFault>,
    ) -> Vec<RoleId> {
        let text = text_of(&row.cells, "roles").unwrap_or_default();
        let mut added: Vec<RoleId> = Vec::new();
        for name in places::names(&text, |name| !matches!(places::role(&self.roles, name), Called::Nothing)) {
            let role = match places::role(&self.roles, &name) {
                Called::One(role) => role,
                other => {
                    let several = matches!(other, Called::Several);
                    let key = if several { "field-import-role-several" } else { "field-import-role-unknown" };
                    faults.push(fault("roles", key, &[("name", name)]));
                    continue;
                }
            };
            if held.iter().any(|held| held.id == role.id) || added.contains(&role.id) {
                continue;
            }
            // Staff act for no customer.
            if let Some(customer) = alone.filter(|_| role.makes_staff()) {
                faults.push(fault("roles", "field-import-role-only-owner", &[("customer", customer.clone())]));
                continue;
            }
            let of_user = UserRef::of_platform(user.unwrap_or(UserId(0)));
            if self.ctx.authorize(AssignRole, &of_user).is_err() {
                faults.push(fault("roles", "field-import-roles-not-yours", &[]));
                break;
            }
            match self.ctx.must_cover(role.powers.clone()) {
                Ok(()) => added.push(role.id),
                Err(_) => faults.push(fault("roles", "field-import-role-not-yours", &[("name", name)])),
            }
        }
        added
    }

    /// The places of the cell that are more than what somebody has.
    fn places_of(
        &self,
        row: &TextRow,
        customers: &Customers,
        (who, held): (Joining, &[MembershipView]),
        faults: &mut Vec<RowFault>,
    ) -> Vec<(CustomerId, MemberRole)> {
        let text = text_of(&row.cells, "customers").unwrap_or_default();
        let mut added: Vec<(CustomerId, MemberRole)> = Vec::new();
        for name in places::names(&text, |name| customers.place(name).is_some()) {
            let Some((id, role)) = customers.place(&name) else {
                // Whoever adds nobody anywhere is not told which customers there are.
                if customers::may_join(&self.ctx, CustomerId(0), who, MemberRole::Member).is_err() {
                    faults.push(fault("customers", "field-import-customer-not-yours", &[("name", name)]));
                    continue;
                }
                let of_role = customers.unknown_role(&name);
                let of_role =
                    of_role.map(|(customer, role)| [("name", customer.to_owned()), ("role", role.to_owned())]);
                faults.push(match of_role {
                    Some(args) => fault("customers", "field-import-member-role-unknown", &args),
                    None => fault("customers", "field-import-customer-unknown", &[("name", name)]),
                });
                continue;
            };
            let is = held.iter().find(|held| held.customer_id == id).map(|held| held.role);
            let is_enough = is.is_some_and(|is| is.covers(role));
            if is_enough || added.iter().any(|(other, _)| *other == id) {
                continue;
            }
            match customers::may_join(&self.ctx, id, who, role) {
                Ok(()) => added.push((id, role)),
                Err(_) => faults.push(fault("customers", "field-import-customer-not-yours", &[("name", name)])),
            }
        }
        added
    }

    /// Nobody acts on somebody who may more than they do, nor takes over whom they may not run.
    fn may_change(&self, held: &[RoleBrief], takes_over: bool, faults: &mut Vec<RowFault>) {
        let powers = held.iter().filter_map(|held| self.roles.iter().find(|role| role.id == held.id));
        if self.ctx.must_cover(powers.flat_map(|role| role.powers.iter().copied())).is_err() {
            faults.push(fault("username", "field-import-may-more", &[]));
        }
        if takes_over && self.ctx.must_cover([Permission::CustomersManageMembers]).is_err() {
            faults.push(fault("email", "field-import-not-to-move", &[]));
        }
    }
}

/// What somebody is now, for who looks at what a row changes. Built-in roles are called by their code, which every reader
/// has a word of their own for.
fn there_is(known: &store::Known, roles: &[RoleBrief], places: &[MembershipView]) -> BTreeMap<String, String> {
    let roles: Vec<_> =
        roles.iter().map(|role| if role.builtin { role.code.as_str() } else { role.name.as_str() }).collect();
    let places: Vec<_> = places.iter().map(|place| place.customer_name.as_str()).collect();
    let all = [
        ("displayName", known.shown().to_owned()),
        ("email", known.email.clone().unwrap_or_default()),
        ("roles", roles.join(BETWEEN)),
        ("customers", places.join(BETWEEN)),
    ];
    all.into_iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| (name.to_owned(), text)).collect()
}

/// The state in our own export is not what a workbook changes; where it was made another, that is said.
fn state_fault(said: Option<String>, is: UserState) -> Option<RowFault> {
    let said = said?;
    let words =
        [Language::Zh, Language::En].map(|lang| texts::message(lang, &format!("user-state-{}", is.code()), &[]));
    let is_so = words.iter().map(String::as_str).chain([is.code()]).any(|word| word.eq_ignore_ascii_case(&said));
    (!is_so).then(|| fault("state", "field-import-state", &[("state", said)]))
}

async fn look(tx: &mut Tx, rows: &[TextRow]) -> Result<Seen> {
    let texts = |column: &'static str| rows.iter().filter_map(move |row| text_of(&row.cells, column));
    let names: Vec<String> = texts("username").map(|name| name.to_lowercase()).collect();
    let emails: Vec<String> = texts("email").map(|email| email.to_lowercase()).collect();
    let people = store::known(tx, &names).await?;
    let ids: Vec<UserId> = people.values().map(|known| known.id).collect();
    let mut alone = HashMap::new();
    for row in rows.iter().filter(|row| text_of(&row.cells, "roles").is_some()) {
        let name = text_of(&row.cells, "username").map(|name| name.to_lowercase());
        let Some(known) = name.and_then(|name| people.get(&name)) else { continue };
        alone.extend(customers::alone_owned_by_in_tx(tx, known.id).await?.map(|customer| (known.id, customer)));
    }
    let called: Vec<String> = texts("customers").flat_map(|text| places::candidates(&text)).collect();
    let numbers: Vec<i64> = called.iter().filter_map(|text| text.parse().ok()).collect();
    Ok(Seen {
        owners: store::owners_of(tx, &emails).await?,
        roles: roles::of_users_in_tx(tx, &ids).await?,
        places: store::memberships(tx, &ids).await?,
        alone,
        customers: Customers::new(customers::called(tx, &called, &numbers).await?),
        people,
    })
}
