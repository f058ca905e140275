# Mail that the product writes, and the pages its links lead to.
mail-footer = Sent by { $product }, { $address }. Answers to this address are not read.
mail-link = { $word }:
mail-test-subject = Test mail from { $product }
mail-test-text = This is a test mail. It arrived, so mail goes out as it is set.
mail-password-reset-subject = { $product }: set a new password
mail-password-reset-text =
    Somebody asked for a new password for your account { $name }.

    The link works once and for 10 minutes. If it was not you, do nothing: your password stays as it is.
mail-password-reset-link = Set a new password
mail-password-changed-subject = { $product }: your password was changed
mail-password-changed-text = { $who ->
    [other] { $by } set a new password for your account { $name }, and whatever was signed in has been signed out. If that was not agreed with you, set a new one and tell an administrator.
    [console] A new password was set for your account { $name } on the command line of the server, and whatever was signed in has been signed out. If that was not agreed with you, set a new one and tell an administrator.
   *[own] The password of your account { $name } was changed, and whatever else was signed in has been signed out. If it was not you, set a new one at once and tell an administrator.
}
mail-password-changed-link = Set a new password
mail-email-change-subject = { $product }: confirm your new address
mail-email-change-text =
    The account { $name } is to use this address: { $email }.

    The link works once and for one hour. If it was not you, do nothing.
mail-email-change-link = Confirm this address
mail-email-change-notice-subject = { $product }: your e-mail address is to change
mail-email-change-notice-text =
    The account { $name } is to use another e-mail address: { $email }. It changes when the link sent there is used.

    If it was not you, change your password at once and tell an administrator.
mail-invitation-subject = { $by } invites you to { $customer } on { $product }
mail-invitation-text =
    { $by } invites you to join { $customer }. Sign in with the account that has this address, or, if there is none, choose a user name and a password.

    The link works once and for 7 days.
mail-invitation-link = Accept the invitation
mail-sign-up-subject = { $product }: make your account
mail-sign-up-text =
    Somebody asked to make an account with this address. Choose a user name and a password to begin.

    The link works once and for one hour. If it was not you, do nothing: no account is made.
mail-sign-up-link = Make the account
mail-sign-up-known-subject = { $product }: you have an account
mail-sign-up-known-text =
    Somebody asked to make an account with this address. It has one already: { $name }.

    If it was you and you forgot the password, set a new one. If it was not you, do nothing.
mail-sign-up-known-link = Set a new password
mail-state-queued = Waits
mail-state-handing_over = Being sent
mail-state-sent = Sent
mail-state-failed = Failed
mail-state-unknown = Not known
mail-state-unknown-hint = The server stopped before the answer came. It is not sent again, because it may have arrived.
mails-title = Outgoing mail
mails-empty = No mail has gone out yet.
mails-none = No mail is in this state.
mails-at = Added
mails-kind = About
mails-to = To
mails-state = State
mails-attempts = Tries
mails-error = Last fault
mails-waits-until = until
mails-waits-hint = It goes out then: quiet hours of its reader, or the wait before the next try.
mail-kind-test = Test mail
mail-kind-password-reset = New password
mail-kind-password-changed = Password changed
mail-kind-email-change = New address
mail-kind-email-change-notice = Notice of a new address
mail-kind-sign-up = New account
mail-kind-sign-up-known = Account exists already
mail-kind-invitation = Invitation
mail-test-to = Send a test mail to
mail-test-action = Send
mail-test-done = The server took the test mail. Look into the mailbox.
mail-test-off = No mail server and sender are set.
mail-test-address = An address is none that mail can be sent from or to.
mail-test-name = The name of the mail server has no address. Check how it is spelled, and the name server of this machine.
mail-test-connect = Nothing answers at that server and port. Check the port, and firewalls on the way.
mail-test-greeting = What answers there is no mail server, or it wants nobody now. With TLS from the start the port is usually 465.
mail-test-tls = The line could not be encrypted: the server does not offer it, or its certificate is not trusted or is for another name. Check the encryption and the port.
mail-test-auth = The server refuses the user name or the password, or offers no way to sign in that is known here.
mail-test-sender = The server refuses the sender’s address. Use one that belongs to the user name.
mail-test-recipient = The server refuses the recipient’s address.
mail-test-data = The server refuses the mail’s text.
mail-test-later = The server does not take it now and may later: it is busy, or it lets unknown senders wait (greylisting). Try again in some minutes; mail that waits is sent again by itself.
mail-test-code = The server’s number is { $code }.
forgot-title = Forgot the password
forgot-link = Forgot the password?
forgot-hint = We send a link to the e-mail address of the account.
forgot-action = Send the link
forgot-sent = If there is such an account with an e-mail address, a link is on its way there; it works for 10 minutes. Where several were asked for just before, no further one is sent: use the newest that came.
forgot-back = Back to sign-in
register-title = Make an account
register-hint = We send a link to your e-mail address. With it you choose a user name and a password.
register-sent = If no account uses this address yet, a link is on its way there; it works for one hour. Where several were asked for just before, no further one is sent: use the newest that came.
reset-title = Set a new password
reset-action = Set the password
email-change-title = Confirm the new address
email-change-page = After you confirm, the account { $name } uses the address { $email }.
email-change-taken = Another account here uses { $email } by now, so the address of { $name } stays as it is.
email-change-spent = This link does not work (any more). Sign in and ask for a new one on the page of your account.
email-change-action = Confirm
email-change-done = The new address is confirmed.
invitation-title = Accept the invitation
invitation-says = You are invited to { $customer } ({ $role }).
invitation-email = For { $email }
invitation-action = Make the account
invitation-has-account = This address has an account here. Sign in with it, then accept.
invitation-account-from-staff = Only administrators make accounts here, and { $email } has none yet. Ask whoever runs this platform for an account with this address, then open this link again.
invitation-sign-in = Sign in to accept
invitation-signed-in = You are signed in as { $name }.
invitation-accept = Accept
invitation-already = You are already in { $customer } ({ $role }). There is nothing to accept.
invitation-for-another = This invitation is for { $email }, and you are signed in as { $name }. Sign out to accept it with the account of that address.
invitation-switch = Switch account
invitation-another-address = If your account here has another address, ask to be invited at that one.
invitation-spent = This invitation does not work (any more). Ask whoever invited you for another one.
account-new-password = New password
account-new-password-hint = { $score ->
    [0] At least { $min } characters.
    [1] At least { $min } characters, and none of the passwords that everybody tries first.
   *[2] At least { $min } characters, and not easily guessed: several unusual words are good.
    [3] At least { $min } characters, and hard to guess: several unusual words are good.
    [4] At least { $min } characters, and very hard to guess: four or more unusual words are good.
}
account-username = User name
account-display-name = Name
account-change-email = Change the e-mail address
account-change-email-elsewhere = You sign in through { $provider }, so there is no password here that would prove the change. Ask an administrator of this platform for another address.
account-change-email-to = New address
account-change-email-password = Your password
account-change-email-action = Send a link there
account-change-email-sent = A link is on its way to the new address. It works for one hour.
members-invite = Invite people
members-invite-email = E-mail addresses
members-invite-hint = One or several, up to 50 at a time, as they are pasted from a spreadsheet or a mail. Who has an account with this address accepts with it; who has none makes one, where the platform lets them.
members-invite-role = Role
members-invite-action = Send invitations
members-invite-mail-off = Invitations go out by mail, and no mail server is set here. Ask whoever runs this platform: staff can set one, or add people directly.
members-invite-sent = { $n ->
    [one] The invitation is on its way.
   *[other] { $n } invitations are on their way.
}
members-invited = Invited
members-invitation-until = Invitation works until
members-invited-until = Works until
members-invited-revoke = Take back
members-invited-revoke-of = Take back the invitation of { $email }
members-invited-revoke-hint = The link in the mail opens nothing any more. You can invite the person again.
members-invited-revoke-confirm = Take this invitation back
mail-password-elsewhere-subject = { $product }: your password is kept elsewhere
mail-password-elsewhere-text =
    Somebody asked for a new password for your account { $name }.

    Its password is kept by { $provider }, and is changed there. If it was not you, do nothing.
mail-password-elsewhere-link = Go there
mail-kind-password-elsewhere = Password kept elsewhere
mail-first-password-subject = { $product }: your account is ready
mail-first-password-text =
    { $customers ->
        [none] { $by } made an account for you. Your user name is { $name }.
       *[other] { $by } made an account for you in { $customers }. Your user name is { $name }.
    }

    Set your password to sign in. The link works once and for 7 days; after that, ask for a new one under “Forgot the password?”.
mail-first-password-link = Set the password
mail-kind-first-password = New account
forgot-again = Get a new link
