# Everybody's accounts, quotas and members.
users-title = Users
users-add = Add user
users-filter = Name or e-mail
users-none-match = No user matches these filters.
user-state = State
user-state-invited = Invited
user-state-active = Active
user-state-disabled = Disabled
user-state-deleted = Deleted
user-memberships = Organisations
user-sessions = Open sessions
user-disabled-at = Disabled since
user-deleted-at = Deleted at
user-new-title = New user
user-edit-title = Edit { $name }
user-password-hint = At least 10 characters. Leave it empty to have one made and shown once.
user-first-role = Role on the platform
user-no-role = None
user-disable = Disable
user-enable = Enable
user-disable-hint = Disabling ends the person’s sessions within seconds; the account stays.
user-disable-only-owner = This person is the only owner who can act for { $customer }: it will have nobody who can bring in people or answer for it until somebody else is made an owner.
user-disable-confirm = Disable this user
user-enable-hint = The person can sign in again.
user-delete = Delete
user-delete-hint = The account is kept and can be brought back; its sessions end at once.
user-delete-confirm = Delete this user
user-restore = Bring back
user-no-roles = No role on the platform.
user-no-memberships = Belongs to no organisation.
user-assign = Give role
user-revoke = Take away
user-revoke-of = Take away the role { $name }
user-roles-hint = Whoever gets or loses a role is signed out.
user-totp = Second factor
user-totp-off = Off
user-totp-since = On since
user-totp-codes = Recovery codes left
user-totp-reset = Reset second factor
user-totp-reset-hint = For who lost the app and the recovery codes. Make sure that it is really this person who asks: afterwards the password alone is enough until a new second factor is set up. The person is signed out everywhere and is told.
user-totp-reset-confirm = Reset it
user-totp-done = The second factor of this user is off. The person has been told.
user-sessions-title = Sessions and API tokens
user-sessions-none = Signed in nowhere, and no API token counts.
user-sessions-end-all = End all
user-sessions-end-all-hint = Ends every session and API token of this user within seconds. With the password, the person can sign in again.
user-sessions-done = Every session and API token of this user is ended.
user-sessions-end-all-confirm = End all of them
user-sessions-end-of = End { $name }
user-sessions-end-hint = It ends within seconds. Whoever or whatever uses it has to sign in again.
user-identity-part-hint = Whoever is that there no longer signs in to this account, and the roles that its groups gave are taken back. Every session ends, and the person is told.
user-identity-only-way = It is the only way in, because there is no password here and no other service in use: the person needs a password from you.
user-identity-no-way = This account has no way in any more: give it a password below.
user-password-note = A new password ends every session of this user.
user-password-make = Make a new password
user-password-make-hint = The password so far counts no more, and every session of this user ends. The new one is shown once.
user-password-new = New password
user-password-set = Set this password
users-bulk-nothing = None of the chosen users is there any more.
quota-title = Quota and usage
quota-unlimited = Unlimited
quota-change = Change the limits
quota-resource = Resource
quota-used = In use now
quota-limit = Limit
quota-no-limit = None
quota-not-measured = Not measured yet
quota-over = more than allowed
quota-machines = Machines
quota-people = People
quota-customers = Organisations
quota-hint = An empty field is unlimited.
quota-cpu = CPU cores
quota-memoryGb = Memory (GB)
quota-diskGb = Disk (GB)
quota-gpu = GPUs
quota-instances = Instances
quota-vms = Virtual machines
quota-storageGb = Storage (GB)
member-make-owner = Make owner
member-make-member = Make member
member-remove = Remove
member-remove-of = Remove { $name }
member-remove-hint = { $name } loses what is this organisation’s at once, and is signed out. The account stays.
member-change-hint = The person is signed out; the account stays.
member-add-new = Add a new person
member-add-existing = Add somebody who has an account
member-existing-name = User name of the account
member-existing-hint = The person is not asked, but told that you added them.
member-transfer = Hand over the ownership
member-transfer-many = Only the first 100 people are offered. Look for the person in the list above.
member-transfer-hint = The new owner runs the organisation from then on; the owners so far become members. Everybody concerned is signed out.
member-transfer-to = New owner
member-transfer-confirm = Type { $name } to confirm
users-count = { $n ->
    [one] { $n } user
   *[other] { $n } users
}
users-bulk-done = { $n ->
    [one] Done for { $n } user.
   *[other] Done for { $n } users.
}
users-bulk-possible = { $n ->
    [one] Do it for { $n } user
   *[other] Do it for { $n } users
}
search-user = User
