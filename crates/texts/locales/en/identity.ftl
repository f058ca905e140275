# Identity providers: directories and sign-in services.
identity-title = Sign-in services
identity-explained = People sign in with a directory’s password or through a sign-in service. Accounts with a password here are never taken over, and get in whatever a provider does.
identity-list = Providers
identity-empty = No provider yet: people sign in with passwords kept here.
identity-name = Name
identity-name-hint = People read it on the sign-in page.
identity-kind = Kind
identity-kind-ldap = Directory (LDAP, Active Directory)
identity-kind-oidc = Sign-in service (OpenID Connect)
identity-state = State
identity-on = In use
identity-off = Not in use
identity-accounts = Accounts
identity-last-test = Last test
identity-never-tested = Not tested as it is set now
identity-test-fine = Passed
identity-test-failed = Failed
identity-add-ldap = Add a directory
identity-add-oidc = Add a sign-in service
identity-new-ldap = New directory
identity-new-oidc = New sign-in service
identity-enabled = People may sign in through it
identity-off-confirm = { $n ->
    [one] Take it out of use: { $n } account is bound to it. Its sessions and API tokens that came in by it end now, and the roles that its groups gave are taken back until the next sign-in by it, which signs out everywhere whoever loses one.
   *[other] Take it out of use: { $n } accounts are bound to it. Their sessions and API tokens that came in by it end now, and the roles that its groups gave are taken back until the next sign-in by it, which signs out everywhere whoever loses one.
}
identity-server = Server
identity-host = Host
identity-host-hint = The name in the server’s certificate, or an IP address.
identity-port = Port
identity-port-hint = Usually 389, or 636 with TLS from the start.
identity-security = Encryption
identity-security-starttls = STARTTLS (usual on port 389)
identity-security-tls = TLS from the start (usual on port 636)
identity-security-none = None: passwords travel readable. Only inside a network you trust
identity-ca = Certificates to trust as well (PEM)
identity-ca-hint = Needed where the certificate comes from an authority of your own: then the authority’s. Where the server signed its certificate itself, exactly that one. Leave empty otherwise.
identity-bind-dn = Searching account (DN)
identity-bind-dn-hint = Empty searches without signing in, which many directories refuse.
identity-bind-password = Its password
identity-client-secret = Client secret
identity-secret-set = One is stored. Leave empty to keep it. Another server, account, issuer or client forgets it.
identity-secret-kept = The one you typed is kept and will be saved; leave empty to use it.
identity-secret-not-set = None is stored.
identity-secret-forget = Forget the stored one
identity-people = People
identity-user-base = Look below (base DN)
identity-user-base-hint = For example ou=people,dc=example,dc=org.
identity-user-filter = Filter
identity-user-filter-hint = { "{login}" } stands for the user name or e-mail address that was typed. In Active Directory usually (&(objectCategory=person)(|(sAMAccountName={ "{login}" })(mail={ "{login}" }))).
identity-login-attribute = Attribute of the user name
identity-id-attribute = Attribute that never changes
identity-id-attribute-hint = The account is bound to it: entryUUID, in Active Directory objectGUID.
identity-email-attribute = Attribute of the e-mail address
identity-display-name-attribute = Attribute of the name
identity-groups = Groups and roles
identity-group-base = Look for groups below (base DN)
identity-group-base-hint = Empty looks at the person’s memberOf alone.
identity-group-filter = Filter of groups
identity-group-filter-hint = { "{dn}" } stands for the person’s entry, { "{login}" } for the user name.
identity-mappings = Roles of groups
identity-mappings-hint = One per line: role, customer’s number where the role is one in a customer, and after a colon the group. For example “platform_admin: gpu-admins” or “customer_member 12: cn=lab,ou=groups,dc=example,dc=org”. Checked at every sign-in; roles given by hand stay.
identity-mappings-roles = Roles of the platform
identity-mappings-which = Which roles and customers there are
identity-creates-accounts = Whoever comes for the first time gets an account
identity-only-mapped = Only let in whom a group gives a role
identity-password-url = Where people change their password
identity-password-url-hint = A web address. People who want another password are sent there.
identity-issuer = Issuer
identity-issuer-hint = The service’s address, exactly as it calls itself, for example https://sso.example.org/realms/lab.
identity-client-id = Client ID
identity-scopes = Scopes
identity-scopes-hint = With spaces between; openid is always asked for.
identity-name-claim = Claim of the user name
identity-groups-claim = Claim of the groups
identity-groups-claim-hint = Dots lead into objects, for example realm_access.roles.
identity-redirect = Redirect address
identity-redirect-hint = Enter it at the service as an allowed redirect address.
identity-save = Save
identity-saved = Saved.
identity-deleted = Removed.
identity-delete = Remove
identity-delete-confirm = Remove this sign-in service
identity-delete-hint = { $n ->
    [0] No account is bound to it.
    [one] { $n } account is bound to it. It stays, but gets in only with a password kept here or by another service it is bound to. The roles that its groups gave are taken back, which signs out everywhere whoever loses one; the sessions and API tokens that came in by it end, and its owner is told.
   *[other] { $n } accounts are bound to it. They stay, but get in only with a password kept here or by another service they are bound to. The roles that its groups gave are taken back, which signs out everywhere whoever loses one; the sessions and API tokens that came in by it end, and their owners are told.
}
identity-test = Test
identity-test-hint = Tries what is saved, in use or not. Nobody is signed in, and no account is made.
identity-test-login = Look up this user name
identity-test-login-hint = Optional: says who would be found, in which groups, and with which roles.
identity-test-details = What was said
identity-role-customer_owner = owner
identity-role-customer_member = member
identity-role-in = { $role } of { $customer }
identity-step-name = Name
identity-step-connect = Connection
identity-step-tls = Encryption
identity-step-bind = Searching account
identity-step-search = Search
identity-step-person = Person
identity-step-groups = Groups
identity-step-discovery = Description
identity-step-issuer = Issuer
identity-step-abilities = Abilities
identity-step-keys = Keys
identity-step-client = Client ID and secret
identity-step-redirect = Redirect address
identity-done-name = The host has an address.
identity-done-connect = Somebody listens there.
identity-done-tls = The line is encrypted, and the certificate can be trusted.
identity-done-bind = The searching account is let in.
identity-done-anonymous = Searches without signing in.
identity-done-search = The place of people can be searched.
identity-done-person = Found { $dn }. User name: { $name }. Bound to: { $id }.
identity-done-groups = { $n ->
    [one] In { $n } group, which makes: { $roles }.
   *[other] In { $n } groups, which make: { $roles }.
}
identity-done-groups-none = { $n ->
    [0] In no group.
    [one] In { $n } group, which gives no role. Compare its name with the roles of groups.{ $roles }
   *[other] In { $n } groups, none of which gives a role. Compare their names with the roles of groups.{ $roles }
}
identity-done-discovery = The service describes itself.
identity-done-issuer = It calls itself what it is called here.
identity-done-abilities = It offers the code flow.
identity-done-abilities-no-pkce = It offers the code flow, but says that it cannot protect codes with PKCE (S256). Signing in works as long as it ignores what it does not know; switch PKCE on there if it can.
identity-done-keys = { $n ->
    [one] It has { $n } key.
   *[other] It has { $n } keys.
}
identity-done-client = The service takes the client ID and what is stored as its secret: it refused a made-up code, and nothing else.
identity-done-client-unclear = The service answered a made-up code with “{ $error }”, which says neither yes nor no to client ID and secret. The first sign-in shows it.
identity-done-redirect = This cannot be tried from here: { $url } must be entered at the service as an allowed redirect address. The first sign-in shows it.
identity-fault-name = The host has no address that may be asked. Check how it is spelled, and the name server of this machine.
identity-fault-connect = Nobody answers there. Check host, port and firewalls, and whether the directory runs.
identity-fault-tls = The line could not be encrypted, or the certificate cannot be trusted. Check the port and the kind of encryption, whether the certificate names this host, and add the authority’s certificate where it is your own.
identity-fault-tls-name = The certificate does not name this host. Enter the host by a name that the certificate has, or paste exactly the server’s own certificate below as one to trust.
identity-fault-tls-expired = The certificate is not valid at this time. Renew it there; if it was renewed already, paste the new one. Check the clocks as well.
identity-fault-tls-unknown = Nobody whom this machine trusts vouches for the certificate. Paste the certificate of the authority that issued it; where the server signed its certificate itself, paste exactly that one: openssl s_client -connect host:port shows it.
identity-fault-tls-self = The server shows a certificate that is an authority’s itself (CA:TRUE), as “openssl req -x509” makes them, and it is none of those entered here. Paste exactly the certificate that the server shows now: openssl s_client -connect host:port shows it.
identity-fault-tls-signature = The certificate is not signed by the one it names: one of the same name is entered here, but with another key. It was probably made anew there. Paste the certificate that the server, or its authority, has now: openssl s_client -connect host:port -showcerts shows it.
identity-fault-tls-plain = What answers there does not speak TLS. Check the port and the kind of encryption.
identity-fault-bind = The searching account is not let in. Check its DN and password, and whether it is locked.
identity-fault-line = The directory broke off. Look into its log.
identity-fault-base = There is no such place in the directory. Check the base DN.
identity-fault-search = The search was refused. Check base DN, filter, and what the searching account may read.
identity-fault-groups = The groups could not be searched. Check their base DN and filter.
identity-fault-referral = The directory points to another server. It is not followed, because passwords would go there: enter the server that has the people itself.
identity-fault-several = More than one entry matches this user name, so nobody is let in. Make the filter narrower.
identity-fault-nobody = Nobody of this user name is found. Check base DN and filter.
identity-fault-no-id = The person is found, but the attribute that never changes is missing or may not be read.
identity-fault-no-login = The person is found, but the attribute of the user name is missing or may not be read. Check how it is spelled: often uid, in Active Directory sAMAccountName.
identity-fault-disabled = The person is found, but the directory says that the account is disabled.
identity-fault-must-choose = The person is found, but somebody else set the password, and the directory demands that the person choose another one there first (pwdReset). Until then nobody gets in with it here.
identity-fault-discovery = The service could not be reached. Check the issuer’s address, firewalls, and whether its certificate can be trusted.
identity-fault-description = Something answers there, but not with a description of a sign-in service. Check the issuer’s address.
identity-fault-issuer = The service calls itself something else. Enter the issuer exactly as it says.
identity-fault-abilities = The service does not offer what is needed: the code flow, with an address where codes are turned in.
identity-fault-keys = The service shows no keys, so no signature of its can be checked.
identity-fault-endpoints = The service names an address for signing in that is not asked. It must begin with https (http only on this machine) and may not be a link-local one. Correct it in the service’s settings, often its public address.
identity-fault-algorithms = The service signs in no way that can be checked here. Have it sign ID tokens with RS256, PS256, ES256 or EdDSA.
identity-fault-authentication = The service takes the client secret in no way that is known here. Allow client_secret_basic or client_secret_post for this client.
identity-fault-client = The service does not take the client ID or the secret. Compare both with what is entered there, and see whether the client is enabled there for the authorization code flow.
identity-fault-token = The address where codes are turned in could not be asked. Check firewalls, and whether its certificate can be trusted.
identity-fault-token-answer = The address where codes are turned in answers with a fault of its own, or with no OAuth answer, so nobody can sign in. Look into the service’s log, and check the address it names for that.
identity-sign-in-with = Sign in with { $name }
identity-sign-in-or = or
identity-sign-in-directory = Accounts of { $names } sign in here, too.
identity-mine = Sign-in services
identity-mine-explained = Other ways to sign in to this account.
identity-mine-none = This account is bound to no other service.
identity-mine-since = Since
identity-mine-who = Known there as
identity-mine-used = Last used
identity-link = Bind to { $name }
identity-unlink = Part
identity-unlink-of = Part from { $name }
identity-unlink-hint = You no longer sign in by it, and the roles that its groups gave are taken back. Sessions and API tokens that came in by it end, but for this session. If you lose a role by it, you are signed out everywhere, here too.
identity-unlink-confirm = Part from this service
identity-link-title = Bind your account?
identity-link-question = { $provider } says that you are { $label }. Whoever is that there may then sign in to your account here.
identity-link-yes = Bind
identity-link-no = Do not bind
identity-link-proof = So that nobody else binds your account at your open session.
identity-link-proof-code = So that nobody else binds your account at your open session. A recovery code will do, too.
identity-bound-done = The account is bound. You were told by mail as well, where mail goes out.
identity-parted-done = The account is parted from the service.
identity-link-over = Nothing waits to be bound (any more).
identity-address-taken-title = This is a new account.
identity-address-taken = The e-mail address that { $provider } vouches for belongs to another account here, so this one was made without it and has none of the other’s. If both are yours, ask an administrator to part this one from { $provider }; then sign in to the other one and bind it to { $provider } under “Account”, “Security”.
identity-password-elsewhere = Your password is kept by { $provider }. Change it there.
identity-password-elsewhere-link = Go there
identity-mappings-customers = Customers, by their numbers
identity-mappings-more = { $n ->
    [one] The number of { $n } more stands on its page.
   *[other] The numbers of { $n } more stand on their pages.
}
