//! Writes the rows of a confirmed import, each as the forms do it.

use std::collections::HashMap;

use contract::imports::RowVerdict;
use contract::users::UserState;
use contract::{ErrorCode, ImportId, RoleId, UserId};

use super::super::{at_roles, end_sessions_in_tx, first_password, insert_in_tx, lock_in_tx, store, update_in_tx};
use super::{Evaluation, Written};
use crate::authz::{AssignRole, CreateUser, Granted, UpdateUser, UserRef};
use crate::customers::Joining;
use crate::db::Tx;
use crate::imports::{ToWrite, to_write_after};
use crate::roles::{self, ToGive};
use crate::{Error, Platform, Result, customers};

impl Evaluation {
    /// How many people are new and how many changed; in a transaction of the system's, because links are.
    ///
    /// # Errors
    /// `Conflict` for somebody who was changed since.
    pub(crate) async fn apply(
        &mut self,
        platform: &Platform,
        tx: &mut Tx,
        granted: &Granted<CreateUser>,
        id: ImportId,
    ) -> Result<(u32, u32)> {
        let (mut new, mut updated, mut after) = (0, 0, 0);
        let mut given = HashMap::new();
        loop {
            let rows = to_write_after(tx, id, after).await?;
            let Some(last) = rows.last() else { break };
            after = last.row;
            for row in rows {
                let written: Written = serde_json::from_value(row.written.clone()).map_err(Error::internal)?;
                let user = match row.verdict {
                    RowVerdict::New => {
                        new += 1;
                        self.add(platform, tx, granted, (&row, &written)).await?
                    }
                    _ => {
                        updated += 1;
                        self.change(platform, tx, (&row, &written)).await?
                    }
                };
                self.give(platform, tx, user, (&row, &written), &mut given).await?;
            }
        }
        Ok((new, updated))
    }

    async fn add(
        &self,
        platform: &Platform,
        tx: &mut Tx,
        granted: &Granted<CreateUser>,
        (row, written): (&ToWrite, &Written),
    ) -> Result<UserId> {
        let hash = row.secret.as_ref().filter(|_| !written.invited).unwrap_or(&self.nobodys_hash);
        let as_password = (hash.as_str(), written.invited);
        let user = insert_in_tx(tx, &self.ctx, granted, &written.details(), as_password).await?;
        if let Some(address) = written.email.as_deref().filter(|_| written.invited) {
            let ids: Vec<i64> = written.places.iter().map(|(id, _)| id.0).collect();
            let mut names: Vec<String> = customers::names(tx, &ids).await?.into_values().collect();
            names.sort();
            first_password::send_in_tx(platform, tx, &self.ctx, (user, &written.username, address), &names).await?;
        }
        Ok(user)
    }

    async fn change(&self, platform: &Platform, tx: &mut Tx, (row, written): (&ToWrite, &Written)) -> Result<UserId> {
        let changed_since = || Error::new(ErrorCode::Conflict);
        let user = written.user.ok_or_else(|| Error::internal("a row changes nobody"))?;
        let granted = self.ctx.authorize(UpdateUser, &UserRef::of_platform(user))?;
        let before = lock_in_tx(tx, user).await?;
        if Some(before.revision) != row.base_revision || before.state == UserState::Deleted {
            return Err(changed_since());
        }
        roles::must_cover_user_in_tx(tx, &self.ctx, user).await?;
        let details = written.details();
        // Roles and places have events of their own.
        if before.details.email != details.email || before.details.display_name != details.display_name {
            update_in_tx(platform, tx, &self.ctx, &granted, (&before, &details)).await?;
        }
        Ok(user)
    }

    /// Roles and places in customers.
    async fn give(
        &mut self,
        platform: &Platform,
        tx: &mut Tx,
        user: UserId,
        (row, written): (&ToWrite, &Written),
        kept: &mut HashMap<RoleId, ToGive>,
    ) -> Result<()> {
        let mut changed = false;
        for id in &written.roles {
            if !kept.contains_key(id) {
                kept.insert(*id, roles::to_give_in_tx(tx, &self.ctx, *id).await.map_err(at_roles)?);
            }
            let Some(role) = kept.get(id) else { continue };
            let granted = self.ctx.authorize(AssignRole, &UserRef::of_platform(user))?;
            roles::keeps_owners_in_tx(tx, user, role).await?;
            let given = roles::give_in_tx(tx, &self.ctx, &granted, role).await?;
            if given && row.verdict == RowVerdict::Update {
                roles::tell_in_tx(platform, tx, &self.ctx, user, role.given()).await?;
            }
            changed |= given;
        }
        if changed && row.verdict == RowVerdict::Update {
            end_sessions_in_tx(tx, user).await?;
            self.signed_out.push(user);
        }
        let who = if row.verdict == RowVerdict::New { Joining::New } else { Joining::Known };
        for (customer, role) in &written.places {
            customers::join_in_tx(platform, tx, &self.ctx, *customer, (user, who), *role).await?;
        }
        Ok(())
    }
}

impl Written {
    fn details(&self) -> store::Details {
        store::Details {
            name: self.username.clone(),
            display_name: self.display_name.clone(),
            email: self.email.clone(),
        }
    }
}
