delete from announcement_customers where announcement_id = $1
;;
delete from announcements where id = $1
;;
delete from avatars where user_id = $1
;;
delete from blobs where sha256 in (
           select b.sha256 from blobs b where not exists (select from files f where f.sha256 = b.sha256)
           limit 100 for update skip locked)
         returning store_key
;;
delete from budgets where id = $1
;;
delete from captcha_uses where expires_at < $1
;;
delete from engine_connections where machine_id = $1
;;
delete from engine_looks where machine_id = $1
;;
delete from files where id = $1
;;
delete from idempotency_keys where created_at <= $1
;;
delete from idempotency_keys where principal = $1 and key = $2 and run = $3 and response is null
;;
delete from identity_links where expires_at < $1
;;
delete from identity_links where user_id = $1
;;
delete from identity_providers where id = $1
;;
delete from idle_policies where customer_id = $1
;;
delete from import_parts p using imports i
         where p.import_id = $1 and i.id = $1 and i.state <> 'reading'
;;
delete from import_rows where import_id = $1
;;
delete from imports where expires_at <= $1
;;
delete from instance_logs where kept_at < $1
;;
delete from jobs where id = $1
;;
delete from kept_forms where expires_at < $1
;;
delete from kept_forms where user_id = $1 and session_id = $2 and id not in
         (select id from kept_forms where session_id = $2 order by id desc limit $3)
;;
delete from list_columns where user_id = $1 and list = $2
;;
delete from login_attempts
         where subject = any($2::bytea[]) and at in (select at from login_attempts where subject = $1)
;;
delete from login_attempts where at < $1
;;
delete from login_attempts where subject = $1
;;
delete from mails where created_at < $1
;;
delete from memberships where customer_id = $1 and user_id = $2
;;
delete from memberships where customer_id = $1 and user_id = $2 and role = $3
;;
delete from node_links where machine_id = $1
;;
delete from node_links where machine_id = $1 and link_id = $2
;;
delete from notification_channels where id = $1 and user_id is not distinct from $2
;;
delete from notification_channels where user_id = $1
;;
delete from notification_deliveries where created_at < $1
;;
delete from notification_quiet where user_id = $1
;;
delete from notifications where created_at < $1 and (read_at is not null or created_at < $2)
;;
delete from oidc_sign_ins where browser_hash = $1 and state_hash = $2
         returning provider_id, sealed, link_user, expires_at
;;
delete from oidc_sign_ins where expires_at < $1
;;
delete from one_time_links where expires_at < $1
;;
delete from password_history
         where user_id = $1
           and id not in (select id from password_history where user_id = $1 order by id desc limit $2)
;;
delete from quotas where subject_kind = $1 and subject_id = $2
;;
delete from recovery_codes where user_id = $1
;;
delete from refresh_tokens where expires_at < $1
;;
delete from role_assignments a using users u
         where u.id = a.user_id and a.role = $1 and u.deleted_at is not null
;;
delete from role_assignments where user_id = $1 and role = $2
;;
delete from role_permissions where role_id = $1
;;
delete from roles where id = $1
;;
delete from rollup_pending where tier = $1 and at in (
           select at from rollup_pending where tier = $1 and at <= $2 order by at limit $3
           for update skip locked)
         returning at
;;
delete from sessions where expires_at < $1 or ended_at < $1
;;
delete from sessions where secret_hash = $1 and kind = 'browser'
;;
delete from settings_imports where created_at < $1
;;
delete from settings_imports where id = $1
;;
delete from shown_once where expires_at < $1
;;
delete from shown_once where user_id = $1 and kind = $2 returning content, expires_at
;;
delete from sign_in_challenges c using users u
         where u.id = c.user_id and (c.provider_id = $1 or (c.provider_id is null and u.password_hash is null
               and exists(select from user_identities i where i.user_id = u.id and i.provider_id = $1)))
;;
delete from sign_in_challenges where browser_hash = $1
;;
delete from sign_in_challenges where expires_at < $1
;;
delete from sign_in_challenges where user_id = $1 and provider_id = $2
;;
delete from sign_in_networks where last_at < $1
;;
delete from sign_in_networks where user_id = $1
;;
delete from ssh_keys where id = $1 and user_id = $2
         returning id, name, public_key, algorithm, fingerprint, created_at, last_used_at, last_used_from
;;
delete from ssh_keys where user_id = $1
;;
delete from ssh_visits where ended_at < $1
;;
delete from terminal_tickets where expires_at < $1
;;
delete from terminal_tickets where hash = $1 and instance_id = $2 and session_id = $3
         returning terminal_id, expires_at
;;
delete from terminals where ended_at < $1
;;
delete from totp_secrets where user_id = $1
;;
delete from upload_chunks where upload_id = $1
;;
delete from uploads where id = $1 and by_platform returning store_key, state
;;
delete from uploads where state in ('done', 'aborted') and updated_at < $1
;;
delete from user_identities where id = $1 and user_id = $2 returning granted
;;
delete from user_identities where user_id = $1 returning granted
;;
insert into allocation_events (allocation_id, at, kind, ends_before, ends_after, actor_name, note)
         values ($1, $2, $3, $4, $5, $6, $7)
;;
insert into allocation_health (allocation_id, phase, at, snapshot) values ($1, $2, $3, $4)
         on conflict (allocation_id, phase) do update set at = $3, snapshot = $4
         where allocation_health.phase = 'return'
;;
insert into allocations (machine_id, customer_id, starts_at, ends_at, grace_days, state, remark, hold, created_by,
                                  reminded_days)
         values ($1, $2, $3, $4, $5, $6, $7, tstzrange($3, $8), $9, $10) returning id
;;
insert into announcement_customers (announcement_id, customer_id)
         select $1, c from unnest($2::bigint[]) as c
;;
insert into announcement_dismissals (announcement_id, user_id, revision)
         select id, $2, revision from announcements where id = $1
         on conflict (announcement_id, user_id) do update set revision = excluded.revision
;;
insert into announcements
           (kind, title, body, audience, starts_at, ends_at, created_by, created_name, created_at, work_starts_at,
            work_ends_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) returning id
;;
insert into api_tokens (session_id, user_id, name, start, scopes, expires_at, created_at)
         values ($1, $2, $3, $4, $5, $6, $7)
;;
insert into audit_events (at, actor_kind, actor_id, actor_name, via, address, action, target_kind, target_id,
                                   customer_id, outcome, before, after, request_id, actor_side, user_agent)
         select $1::timestamptz, $2::text, $3::bigint, $4::text, $5::text, $6::inet, e.action, e.target_kind, e.target_id,
                e.customer_id, $7::text, e.before, e.after, $8::text, e.actor_side, $9::text
         from jsonb_to_recordset($10) as e(action text, target_kind text, target_id text, customer_id bigint,
                                           before jsonb, after jsonb, actor_side text)
;;
insert into audit_events (at, actor_kind, actor_id, actor_name, via, address, action, target_kind, target_id,
                                   customer_id, outcome, before, after, request_id, actor_side, user_agent)
         select $1::timestamptz, e.actor_kind, e.actor_id, e.actor_name, e.via, e.address, e.action, e.target_kind,
                e.target_id, e.customer_id, e.outcome, e.before, e.after, e.request_id, e.actor_side, e.user_agent
         from jsonb_to_recordset($2) as e(actor_kind text, actor_id bigint, actor_name text, via text, address inet,
                                          action text, target_kind text, target_id text, customer_id bigint,
                                          outcome text, before jsonb, after jsonb, request_id text, actor_side text,
                                          user_agent text)
;;
insert into audit_seals (position, audit_id, at, prev_hash, hash, horizon, form)
         values ($1, $2, $3, $4, $5, $6::text::xid8, 3)
;;
insert into avatars (user_id, picture, tag, updated_at) values ($1, $2, $3, $4)
         on conflict (user_id) do update set picture = $2, tag = $3, updated_at = $4
;;
insert into blobs (sha256, size_bytes, chunk_size, store_key, created_at) values ($1, $2, $3, $4, $5)
         on conflict (sha256) do nothing
;;
insert into budget_months (budget_id, month, told, exceeded_at, stops_at, stopped_at, lifted_at, lifted_name,
                                    lifted_because)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (budget_id, month) do update
         set told = $3, exceeded_at = $4, stops_at = $5, stopped_at = $6, lifted_at = $7, lifted_name = $8,
             lifted_because = $9
;;
insert into budgets (customer_id, side, name, amount, currency, thresholds, rule, grace_hours, created_name, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning id
;;
insert into captcha_uses (hash, expires_at) values ($1, $2) on conflict (hash) do nothing
;;
insert into customers (name) values ($1) returning id
;;
insert into customers (name, contact_name, contact_email, contact_phone, remark, name_look)
         values ($1, $2, $3, $4, $5, $6) returning id
;;
insert into engine_connections
           (machine_id, kind, socket, host, port, ca_certificate, client_certificate, client_key, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (machine_id) do update
           set kind = excluded.kind, socket = excluded.socket, host = excluded.host, port = excluded.port,
               ca_certificate = excluded.ca_certificate, client_certificate = excluded.client_certificate,
               client_key = excluded.client_key, expires_at = excluded.expires_at, engine_expires_at = null,
               last_tested_at = null, last_fault = null, last_detail = null, last_report = null,
               revision = nextval('engine_connections_revision')
;;
insert into files (customer_id, created_by, created_name, name, purpose, sha256, size_bytes, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8) returning id
;;
insert into gpu_events (gpu_id, at, kind, value)
         select * from unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::bigint[]) on conflict do nothing
;;
insert into gpu_samples (gpu_id, at, lost, util_percent, mem_util_percent, memory_used_bytes,
           memory_total_bytes, temperature_c, power_w, power_limit_w, sm_clock_mhz, mem_clock_mhz, fan_percent,
           pcie_rx_bytes_per_s, pcie_tx_bytes_per_s, pcie_generation, pcie_width, ecc_corrected, ecc_uncorrected,
           throttle_bits, encoder_percent, decoder_percent, performance_state)
         select * from unnest($1::bigint[], $2::timestamptz[], $3::boolean[], $4::real[], $5::real[], $6::bigint[],
           $7::bigint[], $8::real[], $9::real[], $10::real[], $11::int[], $12::int[], $13::real[], $14::real[],
           $15::real[], $16::smallint[], $17::smallint[], $18::bigint[], $19::bigint[], $20::bigint[], $21::real[],
           $22::real[], $23::smallint[])
         on conflict do nothing
;;
insert into gpu_shares (instance_id, gpu_id, mib)
         select $1, gpu, mib from unnest($2::bigint[], $3::bigint[]) as t (gpu, mib) order by gpu
;;
insert into gpus (machine_id, gpu_index, uuid, model, memory_bytes, pci_bus_id, power_limit_w, mig_enabled,
                               ecc_enabled, mig_devices, lost)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
             on conflict (uuid) do update set machine_id = $1, gpu_index = $2, model = $4, memory_bytes = $5,
               pci_bus_id = $6, power_limit_w = $7, mig_enabled = $8, ecc_enabled = $9, mig_devices = $10, lost = $11,
               removed_at = null,
               first_seen_at = case when gpus.machine_id = $1 then gpus.first_seen_at else now() end
             where (gpus.machine_id, gpus.gpu_index, gpus.model, gpus.memory_bytes, gpus.pci_bus_id,
                    gpus.power_limit_w, gpus.mig_enabled, gpus.ecc_enabled, gpus.mig_devices, gpus.lost,
                    gpus.removed_at)
               is distinct from ($1, $2, $4, $5, $6, $7, $8, $9, $10, $11, null::timestamptz)
;;
insert into idempotency_keys as known (principal, key, request_hash, run, lease_until, created_at)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (principal, key) do update
           set request_hash = excluded.request_hash, run = excluded.run, lease_until = excluded.lease_until,
               created_at = excluded.created_at, response = null
           where known.created_at <= $7
              or (known.response is null and known.lease_until <= $6 and known.request_hash = excluded.request_hash)
;;
insert into identity_links (user_id, provider_id, issuer, subject, label, expires_at)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (user_id) do update set provider_id = $2, issuer = $3, subject = $4, label = $5, expires_at = $6
;;
insert into identity_providers (kind, name, enabled, config, creates_accounts, only_mapped, mappings,
                                         password_url, updated_by, updated_name)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning id
;;
insert into idle_policies (customer_id, after_hours) values ($1, $2)
         on conflict (customer_id) do update set after_hours = $2
;;
insert into image_copies (image_id, machine_id, wanted_name, wanted_at) values ($1, $2, $3, $4)
         on conflict (image_id, machine_id) do update
           set state = 'waiting', done_bytes = 0, total_bytes = 0, fault = null, detail = null,
               wanted_name = excluded.wanted_name, wanted_at = excluded.wanted_at, wish = image_copies.wish + 1
           where image_copies.state not in ('waiting', 'running')
         returning wish
;;
insert into images (created_by, created_name, name, source, address, description, framework, cuda_version,
                             architecture, memory_split, state, remark, created_at)
         values ($1, $2, $3, 'registry', $4, $5, $6, $7, $8, $9, 'approved', $10, $11) returning id
;;
insert into images (customer_id, created_by, created_name, name, source, file_id, description, framework,
                             cuda_version, architecture, memory_split, state, digest, tags, size_bytes, remark,
                             created_at)
         select $1, $2, $3, $4, 'instance', $5, $6, base.framework, coalesce($7, base.cuda_version), $8,
                base.memory_split, 'pending_review', $9, $10, $11, $12, $13
         from images base where base.id = $14
         returning id
;;
insert into images (customer_id, created_by, created_name, name, source, file_id, description, framework,
                             cuda_version, architecture, memory_split, state, digest, tags, size_bytes, remark,
                             created_at)
         values ($1, $2, $3, $4, 'upload', $5, $6, $7, $8, $9, $10, 'pending_review', $11, $12, $13, $14, $15)
         returning id
;;
insert into import_parts (import_id, part, bytes) values ($1, $2, $3)
;;
insert into import_rows (import_id, row_number, verdict, code, cells, written, changes, faults, base_revision,
                                  secret, before)
         select $1, n, v, c, cells, w, case when ch = '' then '{}' else string_to_array(ch, ',') end, f, r, s, b
         from unnest($2::int[], $3::text[], $4::text[], $5::jsonb[], $6::jsonb[], $7::text[], $8::jsonb[], $9::bigint[],
                     $10::text[], $11::jsonb[]) as t (n, v, c, cells, w, ch, f, r, s, b)
;;
insert into imports (file_name, created_by, created_name, created_at, expires_at, subject, staged_as)
         values ($1, $2, $3, $4, $5, $6, $7) returning id
;;
insert into instance_events (instance_id, at, kind, reason, detail, exit_code, actor_name)
         values ($1, $2, $3, $4, $5, $6, $7)
;;
insert into instance_gpus (instance_id, gpu_id) select $1, gpu from unnest($2::bigint[]) as t (gpu) order by gpu
;;
insert into instance_idle (instance_id, run_started_at, active_at, known_at, looked_at, unknown, gpu_percent,
                                    gpu_memory, cpu_percent, counters, warned_at, kept_at, kept_until, kept_name, kept_because)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
         on conflict (instance_id) do update
         set run_started_at = $2, active_at = $3, known_at = $4, looked_at = $5, unknown = $6, gpu_percent = $7,
             gpu_memory = $8, cpu_percent = $9, counters = $10, warned_at = $11, kept_at = $12, kept_until = $13,
             kept_name = $14, kept_because = $15
;;
insert into instance_logs (instance_id, kept_at, lines) values ($1, $2, $3)
         on conflict (instance_id) do update set kept_at = excluded.kept_at, lines = excluded.lines
;;
insert into instance_saves (instance_id, customer_id, machine_id, created_by, created_name, name, description,
                                     remark, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (instance_id) where ended_at is null do nothing returning id
;;
insert into instances (customer_id, created_by, created_name, name, remark, machine_id, machine_code,
                                machine_name, image_id, image_name, spec_id, spec, gpu_count, cpu_cores, memory_gb,
                                disk_gb, command, variables, trying_since, created_at, ports)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $19, $20)
         returning id
;;
insert into jobs (kind, payload, priority, run_at, max_attempts, idempotency_key, customer_id, near_machine_id,
                           user_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (kind, idempotency_key) where idempotency_key is not null
         do nothing returning id
;;
insert into join_tokens (secret_hash, note, machine_id, max_uses, created_by, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7) returning id
;;
insert into kept_forms (user_id, session_id, content, expires_at) values ($1, $2, $3, $4) returning id
;;
insert into key_checks (key_id, check_text) values ($1, $2)
;;
insert into ledger_intervals (subject_id, subject_name, customer_id, customer_name, user_id, user_name, machine_id,
                                       machine_code, machine_name, spec_id, spec_name, spec, price_per_hour, currency,
                                       run_started_at, started_at, opened_by)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) returning id
;;
insert into list_columns (user_id, list, columns) values ($1, $2, $3)
         on conflict (user_id, list) do update set columns = $3
;;
insert into login_attempts (subject, at) select subject, $2 from unnest($1::bytea[]) subject
;;
insert into machine_latest (machine_id, server_id, at, state)
         select u.id, $1, u.at, u.state from unnest($2::bigint[], $3::timestamptz[], $4::jsonb[]) as u(id, at, state)
         order by u.id
         on conflict (machine_id) do update set server_id = excluded.server_id, at = excluded.at, state = excluded.state
         where machine_latest.at <= excluded.at
;;
insert into machine_samples (machine_id, at, cpu_percent, load1, memory_used_bytes, memory_total_bytes,
           swap_used_bytes, swap_total_bytes, disk_used_bytes, disk_total_bytes, disk_read_bytes_per_s,
           disk_write_bytes_per_s, net_rx_bytes_per_s, net_tx_bytes_per_s, uptime_s)
         select * from unnest($1::bigint[], $2::timestamptz[], $3::real[], $4::real[], $5::bigint[], $6::bigint[],
           $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::real[], $12::real[], $13::real[], $14::real[],
           $15::bigint[])
         on conflict do nothing
;;
insert into machines (code, name, node_key_hash)
         select $1, case when exists(select from machines where lower(name) = lower($2) and deleted_at is null)
                         then $2 || ' (' || $1 || ')' else $2 end, $3
         returning id
;;
insert into machines (code, name, region, public_address, private_address, pool, monitored, listed, remark,
                               declared)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
;;
insert into machines (code, name, region, public_address, private_address, pool, monitored, listed, remark, declared)
         select code, written->>'name', written->>'region', written->>'public_address', written->>'private_address',
                written->>'pool', (written->>'monitored')::boolean, (written->>'listed')::boolean, written->>'remark',
                written->'declared'
         from import_rows where import_id = $1 and verdict = 'new' order by row_number
;;
insert into mails (token, kind, user_id, address, language, sealed, idempotency_key)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (idempotency_key) where idempotency_key is not null do nothing
;;
insert into maintenance_windows (machine_id, starts_at, ends_at, message, created_by, created_name, created_at)
         values ($1, $2, $3, $4, $5, $6, $7)
;;
insert into memberships (customer_id, user_id, role) values ($1, $2, $3)
;;
insert into memberships (customer_id, user_id, role) values ($1, $2, $3)
         on conflict (customer_id, user_id) do update set role = $3
;;
insert into node_links (machine_id, server_id, link_id, lease_until)
         values ($1, $2, $3, now() + interval '15 seconds')
         on conflict (machine_id) do update set server_id = $2, link_id = $3,
           lease_until = now() + interval '15 seconds', connected_at = now()
;;
insert into notification_channels
           (token, user_id, kind, name, host, sealed_url, sealed_secret, kinds, enabled, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning id
;;
insert into notification_choices (user_id, kind, in_app, mail, webhook) values ($1, $2, $3, $4, $5)
         on conflict (user_id, kind) do update set in_app = $3, mail = $4, webhook = $5
;;
insert into notification_deliveries (token, channel_id, user_id, kind, args, link, created_at)
         values ($1, $2, $3, $4, $5, $6, $7) returning id
;;
insert into notification_quiet (user_id, from_minute, until_minute) values ($1, $2, $3)
                 on conflict (user_id) do update set from_minute = $2, until_minute = $3
;;
insert into notifications (user_id, kind, args, link, created_at) values ($1, $2, $3, $4, $5)
;;
insert into oidc_sign_ins (browser_hash, state_hash, provider_id, sealed, link_user, expires_at)
         values ($1, $2, $3, $4, $5, $6)
;;
insert into one_time_links (hash, purpose, user_id, customer_id, role, address, created_by, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6::text::citext, $7, $8, $9) returning id
;;
insert into password_history (user_id, hash, retired_at)
         select id, password_hash, $2 from users where id = $1 and password_hash is not null
;;
insert into quotas (subject_kind, subject_id, resource, limit_value)
         select $1, $2, resource, limit_value from unnest($3::text[], $4::bigint[]) as t (resource, limit_value)
;;
insert into reclaim_steps (allocation_id, step, position, state, at) values ($1, $2, $3, 'waiting', $4)
;;
insert into recovery_codes (user_id, code_hash) select $1, hash from unnest($2::bytea[]) hash
;;
insert into refresh_tokens (session_id, token_hash, rotated_from, expires_at, created_at)
         values ($1, $2, $3, $4, $5)
;;
insert into renewal_requests (allocation_id, customer_id, wanted_until, message, requested_by, requested_name,
                                       created_at)
         values ($1, $2, $3, $4, $5, $6, $7)
;;
insert into role_assignments (user_id, role)
         select $1, code from roles where code = $2 and scope_kind = 'platform'
         on conflict do nothing
;;
insert into role_assignments (user_id, role) values ($1, $2) on conflict do nothing
;;
insert into role_assignments (user_id, role) values ($1, 'platform_admin')
;;
insert into role_permissions (role_id, permission) select $1, name from unnest($2::text[]) as t (name)
;;
insert into roles (name, description) values ($1, coalesce($2, '')) returning id
;;
insert into rollup_pending (tier, at) select $1, u.at from unnest($2::timestamptz[]) as u(at) order by u.at
         on conflict (tier, at) do update set at = excluded.at
;;
insert into sessions (kind, secret_hash, user_id, customer_id, token_version, address, user_agent,
                               created_at, last_seen_at, expires_at, provider_id)
         values ('api', $1, $2, $3, $4, $5, $6, $7, $7, coalesce($8::timestamptz, 'infinity'),
                 (select provider_id from sessions where id = $9)) returning id
;;
insert into sessions (kind, secret_hash, user_id, customer_id, token_version, data, address, user_agent,
                               created_at, last_seen_at, expires_at, provider_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, $11)
         on conflict (secret_hash) do nothing returning id
;;
insert into sessions (kind, secret_hash, user_id, customer_id, token_version, data, address, user_agent,
                               created_at, last_seen_at, expires_at, provider_id, ssh, ssh_key_id)
         values ('token', $1, $2, $3, $4, '{}', $5, $6, $7, $7, $8, $9, $10, $11)
;;
insert into settings (key, value, secret, updated_by, updated_name) values ($1, $2, $3, $4, $5)
         on conflict (key) do update set value = $2, secret = $3, version = settings.version + 1, updated_by = $4,
                                         updated_name = $5
;;
insert into settings_imports (document, seen, created_by, created_at) values ($1, $2, $3, $4) returning id
;;
insert into shown_once (user_id, kind, content, expires_at) values ($1, $2, $3, $4)
         on conflict (user_id, kind) do update set content = $3, expires_at = $4
;;
insert into sign_in_challenges (browser_hash, user_id, token_version, expires_at, provider_id)
         values ($1, $2, $3, $4, $5)
;;
insert into sign_in_networks (user_id, network, last_at) values ($1, $2, $3)
             on conflict (user_id, network) do update set last_at = $3
;;
insert into spec_prices (spec_id, price_per_hour, starts_at, created_by, created_name, created_at)
         values ($1, $2, $3, $4, $5, $6)
;;
insert into specs (name, gpu_model, gpu_count, gpu_memory_gb, gpu_use, cpu_cores, memory_gb, system_disk_gb,
                            data_disk_gb, remark, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) returning id
;;
insert into ssh_host_keys (public_key, sealed, created_at) values ($1, $2, $3) on conflict do nothing
;;
insert into ssh_keys (user_id, name, public_key, algorithm, fingerprint, created_at)
         values ($1, $2, $3, $4, $5, $6) on conflict (user_id, fingerprint) do nothing
         returning id, name, public_key, algorithm, fingerprint, created_at, last_used_at, last_used_from
;;
insert into ssh_visits (id, instance_id, customer_id, user_id, session_id, server_id, address, client,
                                 fingerprint, opened_at, lease_until)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, now() + make_interval(secs => $11))
;;
insert into terminal_tickets (hash, instance_id, session_id, terminal_id, expires_at)
         values ($1, $2, $3, $4, $5)
;;
insert into terminals (id, instance_id, customer_id, user_id, server_id, address, opened_at, used_at, lease_until)
         values ($1, $2, $3, $4, $5, $6, $7, $7, now() + make_interval(secs => $8))
;;
insert into totp_secrets (user_id, secret, created_at) values ($1, $2, $3)
         on conflict (user_id) do update set secret = $2, last_step = 0, created_at = $3
         where totp_secrets.confirmed_at is null
;;
insert into upload_chunks (upload_id, n, size_bytes, sha256, received_at) values ($1, $2, $3, $4, $5)
;;
insert into uploads (customer_id, created_by, created_name, name, purpose, size_bytes, chunk_size, sha256,
                              store_key, expires_at, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) returning id
;;
insert into uploads (customer_id, created_by, created_name, name, purpose, size_bytes, chunk_size, store_key,
                              expires_at, created_at, state, by_platform)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'assembling', true) returning id
;;
insert into user_identities (provider_id, issuer, subject, label, user_id, created_at)
         values ($1, $2, $3, $4, $5, $6) returning id
;;
insert into users (name, display_name, email)
         values ($1::text::citext, $2,
                 (select $3::text::citext
                  where not exists (select from users where email = $3::text::citext and deleted_at is null)))
         on conflict (name) where deleted_at is null do nothing returning id, email is not null as "has_email!"
;;
insert into users (name, display_name, email, password_hash, language)
         values ($1::text::citext, coalesce($2, $1), $3::text::citext, $4, $5) returning id
;;
insert into users (name, display_name, email, password_hash, password_pending)
         values ($1::text::citext, coalesce($2, ''), $3::text::citext, $4, $5) returning id
;;
insert into users (name, display_name, password_hash) values ($1::text::citext, $1, $2) returning id
;;
select (select confirmed_at from totp_secrets where user_id = $1) as since,
                  (select count(*) from recovery_codes where user_id = $1 and used_at is null) as "left!"
;;
select (select count(*) from gpu_events e join gpus g on g.id = e.gpu_id
                   where g.machine_id = $1 and e.kind = 'xid' and e.at >= w.from_at and e.at < w.until_at) as "count!"
           from unnest($2::timestamptz[], $3::timestamptz[]) with ordinality as w (from_at, until_at, place)
           order by w.place
;;
select (select count(*) from jobs where ($1::text is null or kind = $1) and ($2::text is null or state = $2))
                    + (select count(*) from finished_jobs
                       where ($1::text is null or kind = $1) and ($2::text is null or state = $2)) as "total!"
;;
select (select count(*) from jobs where customer_id = $1 and kind = any($2)
                     and ($3::bigint is null or user_id = $3) and ($4::text is null or state = $4))
                + (select count(*) from finished_jobs where customer_id = $1 and kind = any($2)
                     and ($3::bigint is null or user_id = $3) and ($4::text is null or state = $4)) as "total!"
;;
select a.id as "id!", a.kind as "kind!", a.instance_id as "instance!", a.user_id as "user!", a.session_id,
                  a.address, a.client, a.fingerprint, a.opened_at as "opened_at!", a.ended_at, a.reason,
                  count(*) over () as "total!"
           from (select id, 'ssh' as kind, instance_id, user_id, session_id, address, client, fingerprint, opened_at,
                        case when lease_until < now() then coalesce(ended_at, lease_until) else ended_at end as ended_at,
                        case when lease_until < now() then coalesce(reason, 'server') else reason end as reason
                 from ssh_visits
                 union all
                 select id, 'terminal', instance_id, user_id, null, address, null, null, opened_at,
                        case when lease_until < now() then coalesce(ended_at, lease_until) else ended_at end,
                        case when lease_until < now() then coalesce(reason, 'server') else reason end
                 from terminals) a
                join instances i on i.id = a.instance_id
           where ($1::bigint is null or i.customer_id = $1) and ($2::bigint is null or i.created_by = $2)
             and ($3::text is null or a.kind = $3) and ($4::boolean is null or (a.ended_at is null) = $4)
             and ($5::bigint is null or i.id = $5) and ($6::text is null or i.name ilike $6)
           order by a.opened_at desc, a.id limit $7 offset $8
;;
select a.id, a.kind, a.title, a.body, a.audience, a.starts_at, a.ends_at, a.work_starts_at, a.work_ends_at
         from announcements a
         left join announcement_dismissals d on d.announcement_id = a.id and d.user_id = $1
         where a.starts_at <= $2 and (a.ends_at is null or a.ends_at > $2)
           and (d.revision is null or d.revision < a.revision)
           and (a.audience = 'everybody' or a.audience = 'staff' and $3
                or a.audience = 'customers' and $4::bigint is not null
                or a.audience = 'chosen' and exists (
                  select from announcement_customers c where c.announcement_id = a.id and c.customer_id = $4))
         order by a.kind desc, a.starts_at desc, a.id desc limit 20
;;
select a.id, a.machine_id, a.customer_id, a.starts_at, a.ends_at, a.grace_days, a.state, a.remark,
                  upper(a.hold) as hold_until, a.ended_at, a.reminded_days, a.revision,
                  (select r.id from renewal_requests r where r.allocation_id = a.id and r.state = 'open') as open_request
           from allocations a join unnest($1::bigint[]) with ordinality as wanted (id, place) on wanted.id = a.id
           order by wanted.place
;;
select a.id, a.machine_id, a.customer_id, a.starts_at, a.ends_at, a.grace_days, a.state, a.remark,
                  upper(a.hold) as hold_until, a.ended_at, a.reminded_days, a.revision,
                  (select r.id from renewal_requests r where r.allocation_id = a.id and r.state = 'open') as open_request
           from allocations a where a.id = $1
;;
select a.pruned_before, a.position, a.hash,
                  exists(select from audit_events e where e.action = 'audit:prune' and e.at >= a.pruned_before
                         and e.after->>'position' = a.position::text and e.after->>'hash' = encode(a.hash, 'hex'))
                    as "recorded!"
           from audit_anchors a order by a.pruned_before desc limit 1
;;
select a.session_id, a.name, a.start, a.scopes, a.expires_at, a.created_at, s.last_seen_at, s.address
         from api_tokens a join sessions s on s.id = a.session_id join users u on u.id = a.user_id
         where a.user_id = $1 and s.ended_at is null and s.expires_at > $2 and s.token_version = u.token_version
         order by a.created_at desc, a.session_id desc
;;
select a.user_id, r.id, r.code, r.name, r.builtin is not null as "builtin!"
           from role_assignments a join roles r on r.code = a.role
           where a.user_id = any($1) order by r.builtin is null, r.id
;;
select address_proved_at is not null as "is!" from users where id = $1
;;
select allocation_id from renewal_requests where id = $1
;;
select allocation_id, phase, snapshot from allocation_health where allocation_id = any($1)
;;
select announcement_id, customer_id from announcement_customers where announcement_id = any($1)
         order by announcement_id, customer_id
;;
select answered_at from engine_looks where machine_id = $1
;;
select at, kind, ends_before, ends_after, actor_name, note from allocation_events
         where allocation_id = $1 order by id
;;
select at, kind, reason, detail, exit_code, actor_name from instance_events where instance_id = $1
         order by id desc limit 200
;;
select b.id, b.customer_id, b.side, b.name, b.amount, b.currency, b.thresholds, b.rule, b.grace_hours, b.revision,
                  b.created_name, b.created_at, m.told as "told?", m.exceeded_at as "exceeded_at?",
                  m.stops_at as "stops_at?", m.stopped_at as "stopped_at?", m.lifted_at as "lifted_at?",
                  m.lifted_name as "lifted_name?", m.lifted_because as "lifted_because?",
                  s.spent as "spent!", s.per_hour as "per_hour!", count(*) over () as "total!"
           from budgets b
             left join budget_months m on m.budget_id = b.id and m.month = $1
             cross join lateral (
               select coalesce(sum(extract(epoch from least(coalesce(l.ended_at, greatest($4, l.started_at)), $3)
                                                      - greatest(l.started_at, $2)) * l.price_per_hour) / 3600, 0) as spent,
                      coalesce(sum(l.price_per_hour) filter (where l.ended_at is null), 0) as per_hour
               from ledger_intervals l
               where l.customer_id = b.customer_id and l.currency = b.currency and l.started_at < $3
                 and coalesce(l.ended_at, greatest($4, l.started_at)) > $2) s
           where ($5::bigint is null or b.customer_id = $5) and ($6::bigint is null or b.id = $6)
           order by b.customer_id, lower(b.name), b.id limit $7 offset $8
;;
select bytes from import_parts where import_id = $1 and part = $2
;;
select c.id, c.name, c.state, c.contact_name, c.contact_email, c.contact_phone, c.remark, c.disabled_at,
                  c.deleted_at, c.revision, c.created_at,
                  (select count(*) from memberships m join users u on u.id = m.user_id
                   where m.customer_id = c.id and u.deleted_at is null) as "members!",
                  exists(select from memberships m join users u on u.id = m.user_id
                         where m.customer_id = c.id and m.role = 'owner' and u.state = 'active'
                           and u.deleted_at is null
                           and not exists(select from role_assignments a join roles r on r.code = a.role and r.of_staff
                                          where a.user_id = u.id)) as "owned!"
           from customers c join unnest($1::bigint[]) with ordinality as wanted (id, place) on wanted.id = c.id
           order by wanted.place
;;
select c.id, c.name, c.state, c.contact_name, c.contact_email, c.contact_phone, c.remark, c.disabled_at,
                  c.deleted_at, c.revision, c.created_at,
                  (select count(*) from memberships m join users u on u.id = m.user_id
                   where m.customer_id = c.id and u.deleted_at is null) as "members!",
                  exists(select from memberships m join users u on u.id = m.user_id
                         where m.customer_id = c.id and m.role = 'owner' and u.state = 'active'
                           and u.deleted_at is null
                           and not exists(select from role_assignments a join roles r on r.code = a.role and r.of_staff
                                          where a.user_id = u.id)) as "owned!"
           from customers c where c.id = $1
;;
select c.id, c.name, c.state, c.created_at,
                  (select count(*) from memberships m join users u on u.id = m.user_id
                   where m.customer_id = c.id and u.deleted_at is null) as "members!"
           from customers c where c.id = $1 and c.deleted_at is null
;;
select c.machine_id, c.state, c.done_bytes, c.total_bytes, c.fault, c.detail, c.wanted_name, c.wanted_at,
                  c.updated_at, e.kind as "engine?"
           from image_copies c left join engine_connections e on e.machine_id = c.machine_id
           where c.image_id = $1 order by c.wanted_at desc, c.machine_id limit 1000
;;
select c.name from customers c join memberships m on m.customer_id = c.id
         where m.user_id = $1 and m.role = 'owner' and c.deleted_at is null
           and not exists(select from memberships o join users u on u.id = o.user_id
                          where o.customer_id = c.id and o.role = 'owner' and o.user_id <> $1
                            and u.state = 'active' and u.deleted_at is null
                            and not exists(select from role_assignments a join roles r on r.code = a.role and r.of_staff
                                           where a.user_id = u.id))
         order by c.name limit 1
;;
select c.user_id, c.token_version, c.provider_id, p.name as "name?"
           from sign_in_challenges c left join identity_providers p on p.id = c.provider_id
           where c.browser_hash = $1 and c.failures < $2 and c.expires_at > $3
             and (c.provider_id is null or p.enabled) for update of c
;;
select cancel_requested_at is not null as "asked!" from jobs where id = $1 and lease_token = $2 for update
;;
select coalesce(since, '0')::text as "from!", pg_snapshot_xmin(now)::text as "horizon!",
                  coalesce(case when since is not null then pg_snapshot_xmin(now) end, '18446744073709551615')::text
                    as "before!"
           from (select now, case when $1::text::xid8 <= pg_snapshot_xmax(now) then $1::text::xid8 end as since
                 from pg_current_snapshot() now) found
;;
select coalesce(sum(size_bytes), 0)::bigint as "bytes!"
           from (select size_bytes from files where customer_id = $1
                 union all
                 select size_bytes from uploads where customer_id = $1 and state in ('open', 'assembling')) as taken
;;
select code as "code!" from import_rows
           where import_id = $1 and verdict in ('new', 'update') and code is not null order by row_number limit $2
;;
select columns from list_columns where user_id = $1 and list = $2
;;
select content from imports where id = $1
;;
select content from kept_forms where id = $1 and user_id = $2 and session_id = $3 and expires_at > $4
;;
select count(*) as "count!" from (select from idempotency_keys where principal = $1 limit $2) as known
;;
select count(*) as "count!" from budgets
           where ($1::bigint is null or customer_id = $1) and ($2::bigint is null or id = $2)
;;
select count(*) as "count!" from gpu_events
           where gpu_id = any($1) and kind = 'xid' and at >= $2 and at < $3
;;
select count(*) as "count!" from import_rows
           where import_id = $1 and ($2::text is null or verdict = $2) and (not $3 or was is not null)
;;
select count(*) as "count!" from machines
           where deleted_at is null and ($1::text is null or code ilike $1 or name ilike $1)
;;
select count(*) as "count!" from sessions
           where user_id = $1 and kind = 'api' and ended_at is null and expires_at > $2
;;
select count(*) as "count!" from ssh_keys where user_id = $1
;;
select count(*) as "count!" from ssh_visits where user_id = $1 and ended_at is null and lease_until > now()
;;
select count(*) as "failures!", max(at) as last from login_attempts where subject = $1 and at > $2
;;
select count(*) as "instances!", coalesce(sum(gpu_count), 0) as "gpus!", coalesce(sum(cpu_cores), 0) as "cores!",
                  coalesce(sum(memory_gb), 0) as "memory!", coalesce(sum(disk_gb), 0) as "disk!"
           from instances
           where released_at is null and ($1::bigint is null or customer_id = $1)
             and ($2::bigint is null or created_by = $2)
;;
select count(*) as "issued!" from one_time_links
           where address = $1::text::citext and purpose = 'sign_up' and created_at > $2
;;
select count(*) as "issued!" from one_time_links where user_id = $1 and purpose = $2 and created_at > $3
;;
select count(*) as "live!" from instances where customer_id = $1 and deleted_at is null
;;
select count(*) as "machines!",
                  coalesce(sum(coalesce(nullif(g.count, 0), (m.declared->>'gpuCount')::bigint, 0)), 0)::bigint as "gpus!"
           from machines m
             left join lateral (select count(*) as count from gpus where machine_id = m.id and removed_at is null) g on true
           where m.deleted_at is null
;;
select count(*) as "number!", coalesce(sum(size_bytes), 0)::bigint as "bytes!" from imports
           where created_by = $1 and state in ('reading', 'ready') and expires_at > $2
;;
select count(*) as "running!" from allocations
           where customer_id = $1 and state not in ('ended', 'cancelled')
;;
select count(*) as "tests!" from notification_deliveries
           where user_id is not distinct from $1 and kind = 'test' and created_at > $2
;;
select count(*) as "total!" from announcements
;;
select count(*) as "total!" from audit_events e
                   where ($1::text is null or e.action = $1) and ($2::text is null or e.target_kind = $2)
                     and ($3::text is null or e.target_id = $3) and ($4::text is null or e.outcome = $4)
                     and ($5::text is null or e.actor_name ilike $5) and ($6::bigint is null or e.customer_id = $6)
                     and ($7::timestamptz is null or e.at >= $7) and ($8::timestamptz is null or e.at < $8)
                     and ($9::text is null or e.request_id = $9)
                     and ($10::text is null or e.via = $10) and ($11::inet is null or e.address <<= $11)
                     and ($12::text is null or e.actor_kind = $12)
;;
select count(*) as "total!" from audit_events e
           where e.customer_id = $1 and ($2::text is null or e.action = $2)
             and ($3::text is null or e.target_kind = $3)
             and ($4::timestamptz is null or e.at >= $4) and ($5::timestamptz is null or e.at < $5)
             and ($7::text is null or e.via = $7)
             and (($6::text is null and $8::inet is null)
                  or (e.actor_kind = 'user' and ($6::text is null or e.actor_name ilike $6)
                      and ($8::inet is null or e.address <<= $8)
                      and coalesce(e.actor_side = 'customer',
                                   exists(select from memberships m
                                          where m.customer_id = $1 and m.user_id = e.actor_id))))
;;
select count(*) as "total!" from ledger_intervals l
           where l.started_at < $2 and coalesce(l.ended_at, greatest($3, l.started_at)) > $1
             and ($4::bigint is null or l.customer_id = $4) and ($5::bigint is null or l.user_id = $5)
             and ($6::text is null or l.machine_code = $6) and ($7::bigint is null or l.spec_id = $7)
             and ($8::bigint is null or l.subject_id = $8)
;;
select count(*) as "total!" from mails where $1::text is null or state = $1
;;
select count(*) as "total!" from notification_deliveries
           where user_id is not distinct from $1 and ($2::text is null or state = $2)
;;
select count(*) as "total!" from notifications where user_id = $1 and (not $2 or read_at is null)
;;
select count(*) as "unread!" from notifications where user_id = $1 and read_at is null
;;
select count(*) as "used!" from instances where machine_id = $1 and deleted_at is null
;;
select count(*) as "waiting!" from images
           where state = 'pending_review' and deleted_at is null and source <> 'instance'
;;
select count(*) filter (where address = $2::text::citext) as "there!", count(*) as "all!" from one_time_links
           where customer_id = $1 and purpose = 'invitation' and created_at > $3
;;
select count(*) filter (where instance_id = $1) as "there!", count(*) filter (where user_id = $2) as "theirs!"
           from terminals where ended_at is null and lease_until > now() and (instance_id = $1 or user_id = $2)
;;
select count(*) filter (where u.id = $2) > 0 as "is_one!",
                  count(*) filter (where u.id = $2 and own.password) > 0 as "counts!",
                  count(*) filter (where u.id <> $2) as "others!",
                  count(*) filter (where u.id <> $2 and own.password) as "others_count!"
           from role_assignments a join users u on u.id = a.user_id
                cross join lateral (select u.password_hash is not null and not u.password_pending as password) own
           where a.role = $1 and u.state = 'active' and u.deleted_at is null
;;
select created_at from sessions where id = $1 and user_id = $2 and ended_at is null
;;
select customer_id from memberships where user_id = $1 order by 1
;;
select customer_id, after_hours from idle_policies
;;
select customer_id, count(distinct machine_id) as "machines!",
                  min(ends_at) filter (where state <> 'reclaiming') as next_end_at
           from allocations where customer_id = any($1) and state in ('active', 'grace', 'reclaiming')
           group by customer_id
;;
select customer_id, count(distinct machine_id) as "machines!",
                  min(ends_at) filter (where state <> 'reclaiming') as next_end_at
           from allocations where state in ('active', 'grace', 'reclaiming') group by customer_id
;;
select customer_id, created_by from images where id = $1 and deleted_at is null
;;
select customer_id, machine_id from allocations
         where (customer_id, machine_id) in (select * from unnest($1::bigint[], $2::bigint[]))
           and state = 'active' and starts_at <= $3 and ends_at > $3
;;
select customer_id, machine_id from allocations where state in ('active', 'grace', 'reclaiming')
;;
select customer_id, machine_id, greatest(starts_at, $3) as "from!",
                  least(ends_at, coalesce(ended_at, $4), $4) as "until!"
           from allocations
           where ($1::bigint[] is null or customer_id = any($1)) and ($2::bigint[] is null or machine_id = any($2))
             and state not in ('scheduled', 'cancelled') and starts_at < $4
             and least(ends_at, coalesce(ended_at, $4)) > $3
;;
select d.id, d.channel_id, c.name, d.kind, d.state, d.attempts, d.last_error, d.created_at, d.sent_at,
                  j.run_at as "next_try_at?"
           from notification_deliveries d join notification_channels c on c.id = d.channel_id
                left join (select w.payload ->> 'delivery' as delivery, min(w.run_at) as run_at from jobs w
                           where w.kind = 'notification-deliver' and w.state = 'ready' group by 1) j
                  on d.state = 'queued' and j.delivery = d.token::text
           where d.user_id is not distinct from $1 and ($2::text is null or d.state = $2)
           order by d.id desc limit $3 offset $4
;;
select deleted_at from customers where id = $1 for update
;;
select discovered from machines where id = $1
;;
select distinct action, target_kind
         from (select action, target_kind from audit_events order by at desc, id desc limit 10000) newest
;;
select distinct action, target_kind
         from (select action, target_kind from audit_events where customer_id = $1
               order by at desc, id desc limit 10000) newest
;;
select distinct coalesce(g.model, m.declared->>'gpuModel') as "model!"
           from machines m left join gpus g on g.machine_id = m.id and g.removed_at is null
           where m.deleted_at is null and coalesce(g.model, m.declared->>'gpuModel') is not null order by 1 limit 200
;;
select distinct customer_id from allocations
         where machine_id = $1 and state in ('scheduled', 'active', 'grace') and starts_at < $3 and upper(hold) > $2
         order by customer_id
;;
select distinct gpu_model as "model!" from specs
           where deleted_at is null and gpu_model is not null order by 1
;;
select distinct m.id, m.code from maintenance_windows w join machines m on m.id = w.machine_id
         where m.deleted_at is null and (w.state = 'planned' and w.starts_at <= $1 or w.state = 'active' and w.ends_at <= $1)
;;
select distinct machine_id from allocations
         where customer_id = any($1) and state in ('active', 'grace', 'reclaiming')
;;
select distinct machine_id from allocations
         where machine_id = any($1) and state in ('scheduled', 'active', 'grace', 'reclaiming')
;;
select distinct machine_id, machine_code from instances where deleted_at is null order by machine_code
;;
select distinct on (told.id) told.id as "id!", told.name as "name!"
           from (select e.actor_id::text as id, e.actor_name as name, e.at from audit_events e
                 where e.customer_id = $1 and e.actor_side = 'customer' and e.actor_id::text = any($2)
                 union all
                 select e.target_id, coalesce(e.after->>'username', e.before->>'username'), e.at from audit_events e
                 where e.customer_id = $1 and e.target_kind = 'user' and e.target_id = any($2)) told
           where told.name is not null
           order by told.id, told.at desc
;;
select distinct region as "region!" from machines
           where deleted_at is null and region is not null order by 1 limit 200
;;
select document, seen, created_at from settings_imports where id = $1 and created_at > $2
;;
select drop_expired_partitions($1) as "name!"
;;
select e.id, e.at,
                  jsonb_build_array(e.id, extract(epoch from e.at)::text, e.actor_kind, e.actor_id, e.actor_name, e.via,
                    host(e.address), e.action, e.target_kind, e.target_id, e.customer_id, e.outcome, e.before, e.after,
                    e.request_id, e.actor_side, e.user_agent)::text as "text!"
           from audit_events e
           where e.xid >= $1::text::xid8 and e.xid < $2::text::xid8
             and (e.xid < pg_snapshot_xmin(pg_current_snapshot()) or e.xid >= pg_snapshot_xmax(pg_current_snapshot()))
             and not exists (select from audit_seals s where s.audit_id = e.id)
           order by e.id limit $3
;;
select e.id, e.at, e.actor_kind, e.actor_id, e.actor_name, e.via, e.address, e.user_agent, e.action,
                  e.target_kind, e.target_id, e.customer_id, e.outcome, e.before, e.after, e.request_id,
                  case when $15::boolean then (
                    select count(*) from audit_events c
                    where ($1::text is null or c.action = $1) and ($2::text is null or c.target_kind = $2)
                      and ($3::text is null or c.target_id = $3) and ($4::text is null or c.outcome = $4)
                      and ($7::text is null or c.actor_name ilike $7) and ($8::bigint is null or c.customer_id = $8)
                      and ($9::timestamptz is null or c.at >= $9) and ($10::timestamptz is null or c.at < $10)
                      and ($11::text is null or c.request_id = $11)
                      and ($12::text is null or c.via = $12) and ($13::inet is null or c.address <<= $13)
                      and ($14::text is null or c.actor_kind = $14)) else 0 end as "total!",
                  exists(select from audit_seals s where s.audit_id = e.id) as "sealed!",
                  coalesce(e.xid < (
                    select l.horizon from (select horizon from audit_seals order by position desc limit 1) l
                    where l.horizon <= pg_snapshot_xmax(pg_current_snapshot())), false) as "behind!"
           from audit_events e
           where ($1::text is null or e.action = $1) and ($2::text is null or e.target_kind = $2)
             and ($3::text is null or e.target_id = $3) and ($4::text is null or e.outcome = $4)
             and ($7::text is null or e.actor_name ilike $7) and ($8::bigint is null or e.customer_id = $8)
             and ($9::timestamptz is null or e.at >= $9) and ($10::timestamptz is null or e.at < $10)
             and ($11::text is null or e.request_id = $11)
             and ($12::text is null or e.via = $12) and ($13::inet is null or e.address <<= $13)
             and ($14::text is null or e.actor_kind = $14)
             and ($16::timestamptz is null or (e.at, e.id) < ($16, $17::bigint))
           order by e.at desc, e.id desc limit $5 offset $6
;;
select e.machine_id as "machine_id!", e.kind as "kind!", e.last_tested_at, e.last_fault, e.last_report,
                  l.looked_at as "looked_at?", l.answered_at as "answered_at?", l.fault as "fault?"
           from engine_connections e left join engine_looks l on l.machine_id = e.machine_id
           where e.machine_id = any($1)
;;
select e.target_kind as "kind!", e.target_id as "id!", e.at as "at!", e.id as "event!",
                  e.before->>'name' as "before!"
           from unnest($1::text[], $2::text[]) as wanted(kind, id)
                join audit_events e on e.target_kind = wanted.kind and e.target_id = wanted.id
           where e.outcome = 'done' and case when e.before->>'name' <> e.after->>'name' then 1 end = 1
           order by e.at, e.id
;;
select ended_at is null as "open!" from ssh_visits where id = $1
;;
select ensure_partitions($1, $2) as "made!"
;;
select exists (select from images where customer_id = $1 and lower(name) = lower($2) and deleted_at is null)
           as "has!"
;;
select exists (select from images where file_id = $1 and deleted_at is null) as "used!"
;;
select exists(
             select from import_rows r
             where r.import_id = $1 and r.verdict in ('update', 'unchanged')
               and not exists(select from machines m
                              where m.code = r.code and m.deleted_at is null and m.revision = r.base_revision)
           ) or exists(
             select from import_rows r join machines m on m.code = r.code and m.deleted_at is null
             where r.import_id = $1 and r.verdict = 'new'
           ) or exists(
             select from (select r.code, lower(r.written->>'name') as name_key from import_rows r
                          where r.import_id = $1 and r.verdict <> 'error' offset 0) named
             where exists(select from machines m
                          where m.deleted_at is null and m.name_key = named.name_key and m.code <> named.code offset 0)
           ) or exists(
             select from import_rows r, jsonb_array_elements(r.faults) fault
             where r.import_id = $1 and r.verdict = 'error' and fault->'note'->>'key' in
               ('field-machine-code-taken', 'field-machine-name-taken', 'field-import-twice', 'field-pool-allocated')
           ) as "stale!"
;;
select exists(select 1 from node_links
             where machine_id = $1 and server_id <> $2 and lease_until > now()) as "elsewhere!"
;;
select exists(select from allocations
                         where machine_id = $1 and state in ('active', 'grace', 'reclaiming')) as "occupied!"
;;
select exists(select from api_tokens a join sessions s on s.id = a.session_id join users u on u.id = a.user_id
                         where a.user_id = $1 and lower(a.name) = lower($2) and s.ended_at is null and s.expires_at > $3
                           and s.token_version = u.token_version) as "there!"
;;
select exists(select from finished_jobs where kind = $1 and idempotency_key = $2) as "found!"
;;
select exists(select from jobs where kind = $1) as "busy!"
;;
select exists(select from machines where code = $1 and deleted_at is null) as "taken!"
;;
select exists(select from memberships m join users u on u.id = m.user_id
                         where m.customer_id = $1 and m.user_id <> $2 and m.role = 'owner'
                           and u.state = 'active' and u.deleted_at is null
                           and not exists(select from role_assignments a join roles r on r.code = a.role and r.of_staff
                                          where a.user_id = u.id)) as "other!"
;;
select exists(select from refresh_tokens where rotated_from = $1 and used_at is not null) as "outrun!"
;;
select exists(select from role_assignments a join roles r on r.code = a.role and r.of_staff
                         where a.user_id = $1) as "staff!"
;;
select exists(select from role_assignments where user_id = $1 and role = $2) as "holds!"
;;
select exists(select from roles where code = $1 and scope_kind = 'platform' and of_staff) as "staff!"
;;
select exists(select from sign_in_networks where user_id = $1 and network = $2 and last_at > $3) as "was!"
;;
select exists(select from totp_secrets where user_id = $1 and confirmed_at is not null) as "on!"
;;
select exists(select from user_identities
                         where user_id = $1 and address_taken and last_login_at = created_at) as "taken!"
;;
select exists(select from users where id = $1 and state = 'active' and deleted_at is null) as "active!"
;;
select exists(select from users where id = $1) as "there!"
;;
select exists(select from users) as "any!"
;;
select f.id from files f
         where f.purpose = 'image' and f.created_at < $1
           and not exists (select from images i where i.file_id = f.id)
         order by f.id limit 100 for update skip locked
;;
select f.id, f.customer_id, f.created_by, f.created_name, f.name, f.purpose, f.sha256, f.size_bytes,
                f.created_at, b.store_key, b.chunk_size
         from files f join blobs b on b.sha256 = f.sha256 where f.id = $1
;;
select from_minute, until_minute from notification_quiet where user_id = $1
;;
select g.id as "id!",
                  exists (select from instance_gpus h where h.gpu_id = g.id and h.released_at is null) as "held!",
                  coalesce((select sum(s.mib) from gpu_shares s where s.gpu_id = g.id and s.released_at is null), 0)::bigint
                    as "shared!"
           from unnest($1::bigint[]) as g (id)
;;
select g.machine_id, g.uuid, s.at, s.lost, s.util_percent, s.memory_used_bytes, s.memory_total_bytes,
                  s.temperature_c, s.power_w, s.power_limit_w
           from gpus g cross join lateral (
             select at, lost, util_percent, memory_used_bytes, memory_total_bytes, temperature_c, power_w, power_limit_w
             from gpu_samples where gpu_id = g.id order by at desc limit 1) s
           where g.removed_at is null
;;
select g.uuid as "uuid!", h.mib
           from (select gpu_id, null::bigint as mib from instance_gpus where instance_id = $1 and released_at is null
                 union all
                 select gpu_id, mib from gpu_shares where instance_id = $1 and released_at is null) h
           join gpus g on g.id = h.gpu_id order by g.id
;;
select g.uuid from gpus g join machines m on m.id = g.machine_id
         where g.uuid = any($2) and g.machine_id <> $1 and g.removed_at is null
           and m.deleted_at is null and m.last_seen_at > $3
;;
select gpu_id as "id!" from instance_gpus where instance_id = $1 and released_at is null
           union select gpu_id from gpu_shares where instance_id = $1 and released_at is null order by 1
;;
select gpu_id, count(*) filter (where kind = 'xid') as "xid!",
                  coalesce(sum(value) filter (where kind = 'ecc_uncorrected'), 0)::bigint as "ecc!",
                  count(*) filter (where kind = 'lost') as "lost!"
           from gpu_events where gpu_id = any($1) and at >= $2 group by gpu_id
;;
select gpu_id, kind, case when kind = 'ecc_uncorrected' then sum(value) else max(value) end::bigint as "value!",
                  min(at) as "first_at!", max(at) as "last_at!", count(*) as "times!"
           from gpu_events where gpu_id = any($1) and at >= $2
           group by gpu_id, kind, case when kind = 'xid' then value end, date_trunc('hour', at)
           order by max(at) desc, gpu_id limit $3
;;
select gpu_id, max(at) as "seen_at!", max(at) filter (where util_percent >= $4) as active_at,
                  max(util_percent) filter (where at > $3::timestamptz - interval '1 minute') as recent_percent
           from gpu_samples
           where gpu_id = any($1) and at > $2 and at <= $3 and util_percent is not null and not lost
           group by gpu_id
;;
select gpu_index from gpus where machine_id = $1 and removed_at is null order by gpu_index
;;
select hash from password_history where user_id = $1 order by id desc limit $2
;;
select i.granted from user_identities i join identity_providers p on p.id = i.provider_id
         where i.user_id = $1 and p.enabled and i.id is distinct from $2::bigint order by i.id
;;
select i.id, i.customer_id, i.created_by, i.created_name, i.name, i.remark, i.machine_id, i.machine_code,
                i.machine_name, i.image_id, i.image_name, i.spec, i.command, i.environment, i.variables, i.wanted,
                i.wish, i.restarts_wanted, i.restarts_done, i.observed, i.observed_at, i.container_id, i.exit_code,
                i.out_of_memory, i.started_at, i.ended_at, i.restarting_seen, i.made_at, i.trying_since, i.failure,
                i.detail, i.lost_since, i.released_at, i.revision, i.created_at, i.deleted_at, i.ports, i.host_ports,
                i.split_setup, i.gpu_memory_bytes, i.gpu_memory_at, i.gpu_memory_peak, i.split_bare,
                i.split_broken_since, i.split_told_at
         from instances i join unnest($1::bigint[]) with ordinality as asked (id, place) on asked.id = i.id
         order by asked.place
;;
select i.id, i.customer_id, i.created_name, i.name, i.source, i.address,
                  i.file_id, i.description, i.framework, i.cuda_version, i.architecture, i.memory_split, i.state,
                  i.reason, i.reviewed_name, i.reviewed_at, i.listed, i.digest, i.tags, i.size_bytes, i.remark,
                  i.revision, i.created_at, i.updated_at
           from images i join unnest($1::bigint[]) with ordinality as wanted (id, place) on wanted.id = i.id
           where i.deleted_at is null
           order by wanted.place
;;
select i.id, i.provider_id, p.name, p.kind, p.enabled, i.label, i.created_at, i.last_login_at,
                  (u.password_hash is null and not exists(
                      select from user_identities o join identity_providers q on q.id = o.provider_id
                      where o.user_id = i.user_id and o.id <> i.id and q.enabled)) as "only_way!"
           from user_identities i join identity_providers p on p.id = i.provider_id join users u on u.id = i.user_id
           where i.user_id = $1 order by i.id
;;
select id as "id!", kind as "kind!",
                  coalesce(payload ->> 'instance', payload ->> 'save', payload ->> 'upload')::bigint as subject,
                  state as "state!", attempt as "attempt!", max_attempts as "max_attempts!", user_id,
                  run_at as "run_at!", created_at as "created_at!", finished_at
           from (select id, kind, payload, state, attempt, max_attempts, user_id, run_at, created_at,
                        null::timestamptz as finished_at from jobs where customer_id = $1
                 union all
                 select id, kind, payload, state, attempt, max_attempts, user_id, run_at, created_at, finished_at
                 from finished_jobs where customer_id = $1) own_job
           where kind = any($2) and ($3::bigint is null or user_id = $3) and ($4::text is null or state = $4)
           order by id desc limit $5 offset $6
;;
select id as "id!", kind as "kind!", state as "state!", attempt as "attempt!",
                  max_attempts as "max_attempts!", progress, message, run_at as "run_at!", created_at as "created_at!",
                  finished_at, count(*) over () as "total!"
           from (select id, kind, state, attempt, max_attempts, progress, message, run_at, created_at,
                        null::timestamptz as finished_at from jobs
                 union all
                 select id, kind, state, attempt, max_attempts, progress, message, run_at, created_at, finished_at
                 from finished_jobs) every_job
           where ($1::text is null or kind = $1) and ($2::text is null or state = $2)
           order by id desc limit $3 offset $4
;;
select id from allocations
           where (state = 'scheduled' and starts_at <= $1) or (state = 'active' and ends_at <= $1)
              or (state = 'grace' and ends_at + make_interval(days => grace_days) <= $1) or state = 'reclaiming'
              or (state = 'active' and exists(select from unnest($2::int[]) d
                    where ends_at <= $1 + make_interval(days => d) and (reminded_days is null or reminded_days > d)))
           order by ends_at limit 1000
;;
select id from allocations
         where machine_id = $1 and ($2::bigint is null or id <> $2)
           and state in ('scheduled', 'active', 'grace', 'reclaiming') and hold && tstzrange($3, $4)
         order by starts_at limit 1
;;
select id from allocations
         where machine_id = $1 and customer_id = $2 and state in ('active', 'grace') and starts_at <= $3
         order by starts_at desc limit 1
;;
select id from allocations
         where machine_id = $1 and customer_id = $2 and state in ('scheduled', 'active', 'grace', 'reclaiming')
         order by starts_at limit 1
;;
select id from allocations
         where machine_id = $1 and state in ('scheduled', 'active', 'grace', 'reclaiming') order by starts_at limit 1
;;
select id from allocations a
         where state = 'active' and not exists(select from allocation_health h where h.allocation_id = a.id)
         order by id desc limit $1
;;
select id from allocations where id = $1 for update
;;
select id from allocations where machine_id = $1 and state not in ('scheduled', 'cancelled')
         order by starts_at desc, id desc limit $2
;;
select id from budgets order by id
;;
select id from budgets where id = $1 for update
;;
select id from customers
         where id in (select customer_id from memberships where user_id = $1 and role = 'owner') order by id for update
;;
select id from customers order by lower(name), id
;;
select id from customers where deleted_at is null and name ilike $1
;;
select id from customers where lower(name) = lower($1) and deleted_at is null
;;
select id from identity_providers where id = $1 for update
;;
select id from images where id = $1 and deleted_at is null for update
;;
select id from imports where id = $1 for update
;;
select id from installation
;;
select id from instance_saves where id = $1 for update
;;
select id from instance_saves where instance_id = $1 order by id desc limit 100
;;
select id from instance_saves where machine_id = $1 and on_engine and ended_at is not null
         order by id limit 100
;;
select id from instances
         where customer_id = $1 and ($2::bigint is null or created_by = $2) and deleted_at is null
           and ($3::text is null or lower(name) = lower($3) or id::text = $3)
         order by lower(name) limit $4
;;
select id from instances
         where id = any($2) and machine_id = $1 and released_at is not null and (lease_until is null or lease_until < now())
;;
select id from instances where customer_id = $1 and wanted = 'running' and deleted_at is null order by id
;;
select id from instances where id = $1 for update
;;
select id from instances where machine_id = $1 and deleted_at is null order by id
;;
select id from machines order by lower(name), id
;;
select id from machines where code = $1 and deleted_at is null
;;
select id from machines where code = $1 and deleted_at is null for update
;;
select id from machines where deleted_at is null and (code ilike $1 or name ilike $1)
;;
select id from machines where id = $1 and deleted_at is null for update
;;
select id from notification_channels
         where user_id is not distinct from $1 and enabled and ($1::bigint is not null or $2 = any(kinds)) order by id
;;
select id from roles where id = $1 for share
;;
select id from roles where id = $1 for update
;;
select id from specs where id = $1 and deleted_at is null for update
;;
select id from specs where listed and deleted_at is null order by lower(name), id limit 1000
;;
select id from terminals where instance_id = $1 and ended_at is null and lease_until <= now() for update
;;
select id from uploads where (state = 'open' or (state = 'assembling' and by_platform)) and expires_at <= $1 order by id limit 100
         for update skip locked
;;
select id from uploads where customer_id is not distinct from $1 and state in ('open', 'assembling')
           and not by_platform
         order by id desc limit 100
;;
select id from uploads where id = $1 for update
;;
select id from users where (name = $1::text::citext or email = $1::text::citext) and deleted_at is null
         order by name = $1::text::citext desc limit 1
;;
select id from users where id = $1 for update
;;
select id from users where name = $1::text::citext and deleted_at is null
;;
select id, code from machines where deleted_at is null and pool = 'whole' and service_state = 'in_service'
;;
select id, code from machines where id = any($1)
;;
select id, code, deleted_at is null and service_state <> 'retired' as "allowed!"
           from machines where node_key_hash = $1
;;
select id, code, name from machines
         where deleted_at is null and ($1::text is null or code ilike $1 or name ilike $1)
         order by code limit $2 offset $3
;;
select id, code, name, region, monitored, pool, service_state, service_note,
                  declared->>'gpuModel' as declared_model, last_seen_at
           from machines where deleted_at is null and id > $1 order by id limit $2
;;
select id, code, name, region, pool, service_state, last_seen_at, discovered
         from machines where deleted_at is null and case when $1::bigint is null then listed else id = $1 end
         order by code
;;
select id, code, name, region, public_address, private_address, pool, monitored, listed, remark,
                service_state, service_note, service_changed_at, last_seen_at, declared, discovered, agent_version, revision,
                created_at, updated_at
         from machines where code = $1 and deleted_at is null
;;
select id, code, name, region, public_address, private_address, pool, monitored, listed, remark, declared,
                  revision
           from machines where id = any(array(select id from machines where deleted_at is null and code = any($1)
                                              union select id from machines where deleted_at is null and name_key = any($2)))
;;
select id, customer_id from instances where state = 'running' order by id
;;
select id, customer_id, created_by, created_name, name, purpose, size_bytes, chunk_size, sha256, store_key,
                state, fault, file_id, expires_at, created_at, by_platform
         from uploads where id = $1
;;
select id, file_name, state, refusal, sheet, unknown_columns, row_count, new_rows, update_rows, unchanged_rows,
                error_rows, created_name, created_at, expires_at, confirmed_at,
                (select count(*) from import_rows where import_id = $1 and was is not null) as "changed_rows!"
         from imports where id = $1 and subject = $2
;;
select id, fingerprint from ssh_keys where user_id = $1 and public_key = $2
;;
select id, gpu_index, uuid, model, memory_bytes, mig_enabled, ecc_enabled, lost, first_seen_at, removed_at
         from gpus where machine_id = $1
         order by removed_at is not null, removed_at desc, gpu_index, id
;;
select id, kind, args, link, created_at, read_at from notifications
         where user_id = $1 and (not $2 or read_at is null) order by id desc limit $3 offset $4
;;
select id, kind, title, body, audience, starts_at, ends_at, work_starts_at, work_ends_at, created_name, revision
         from announcements
         order by starts_at desc, id desc limit $1 offset $2
;;
select id, kind, title, body, audience, starts_at, ends_at, work_starts_at, work_ends_at, created_name, revision
         from announcements
         where id = $1 for update
;;
select id, lease_token from jobs
         where state = 'running' and lease_until < now() and attempt >= max_attempts
         for update skip locked limit 10
;;
select id, lower(email::text) as "email!" from users
           where email = any($1::text[]::citext[]) and deleted_at is null
;;
select id, machine_id from allocations where id = any($1)
;;
select id, machine_id, customer_id, state, ends_at from allocations
         where state in ('active', 'grace', 'reclaiming') and ($1::bigint[] is null or machine_id = any($1))
;;
select id, machine_id, customer_id, state, starts_at, ends_at,
                  coalesce(case when state = 'ended' then ended_at end, upper(hold), ends_at) as "held_until!"
           from allocations
           where machine_id = any($1) and state <> 'cancelled' and hold && tstzrange($2, $3)
             and (state <> 'ended' or ended_at is null or ended_at > $2)
           order by machine_id, starts_at
;;
select id, machine_id, starts_at, ends_at, message, state, created_name from maintenance_windows
         where machine_id = any($1) and state in ('planned', 'active') order by starts_at, id
;;
select id, machine_id, uuid, model, memory_bytes, lost or coalesce(mig_enabled, false) as "unusable!"
           from gpus where machine_id = any($1) and removed_at is null order by machine_id, gpu_index, id
;;
select id, name from customers where deleted_at is null and (lower(name) = any($1) or id = any($2))
;;
select id, name from customers where deleted_at is null order by lower(name), id
;;
select id, name from customers where id = any($1)
;;
select id, name from customers where name_look is null order by id limit 1000 for update
;;
select id, name, public_key, algorithm, fingerprint, created_at, last_used_at, last_used_from
         from ssh_keys where user_id = $1 order by created_at desc, id desc
;;
select id, name, purpose, state, fault from uploads where id = any($1) and not by_platform
;;
select id, name::text as "name!" from users where id = any($1)
;;
select id, name::text as "name!", display_name, coalesce(language, read_in) as language,
                  exists(select from role_assignments a join roles r on r.code = a.role and r.of_staff
                         where a.user_id = users.id) as "staff!"
           from users where email = $1::text::citext and deleted_at is null
;;
select id, name::text as "name!", display_name, email::text as email,
                  coalesce(language, read_in) as language, time_zone,
                  exists(select from role_assignments a join roles r on r.code = a.role and r.of_staff
                         where a.user_id = users.id) as "staff!"
           from users where id = any($1) and state = 'active' and deleted_at is null order by id
;;
select id, name::text as "name!", display_name, email::text as email, revision,
                  case when state = 'active' and password_pending then 'invited' else state end as "state!"
           from users where name = any($1::text[]::citext[]) order by deleted_at is null, deleted_at
;;
select id, pool, service_state from machines where code = $1 and deleted_at is null for update
;;
select id, price_per_hour, starts_at, created_name, created_at from spec_prices where spec_id = $1
         order by starts_at desc, id desc
;;
select id, run_started_at, started_at, ended_at, closed_by from ledger_intervals
         where subject_kind = 'instance' and subject_id = $1 order by started_at desc, id desc limit 1
;;
select id, service_state from machines where id = any($1)
;;
select id, starts_at, least(ends_at, ended_at) as "ends_at!", message, state, created_name
           from maintenance_windows
           where machine_id = $1 and state in ('active', 'ended') and state_before is not null and starts_at <= $2
           order by starts_at desc, id desc limit $3
;;
select id, token, user_id, kind, name, host, sealed_url, sealed_secret, kinds, enabled, failures, created_at
         from notification_channels where id = $1
;;
select id, token, user_id, kind, name, host, sealed_url, sealed_secret, kinds, enabled, failures, created_at
         from notification_channels where id = $1 and user_id is not distinct from $2 for update
;;
select id, token, user_id, kind, name, host, sealed_url, sealed_secret, kinds, enabled, failures, created_at
         from notification_channels where user_id is not distinct from $1 order by id
;;
select id, user_id, granted from user_identities where provider_id = $1 and issuer = $2 and subject = $3
         for update
;;
select id, user_id, label, granted from user_identities where provider_id = $1 and granted <> '[]'
         order by user_id for update
;;
select id, uuid from gpus where id = any($1)
;;
select id, uuid from gpus where machine_id = $1
;;
select instance_id, run_started_at, active_at, known_at, looked_at, unknown, gpu_percent, gpu_memory, cpu_percent,
                counters, warned_at, kept_at, kept_until, kept_name, kept_because
         from instance_idle where instance_id = any($1)
;;
select instance_id, user_id, address, opened_at, ended_at, reason from terminals where id = $1 for update
;;
select instance_id, user_id, session_id, address, client, fingerprint, opened_at, ended_at, reason
         from ssh_visits where id = $1 for update
;;
select kept_at, lines from instance_logs where instance_id = $1
;;
select key as "key!" from unnest($1::uuid[]) as found (key)
           where not exists (select from blobs b where b.store_key = key)
             and not exists (select from uploads u where u.store_key = key and u.state in ('open', 'assembling'))
;;
select key, value, secret, version, updated_name, updated_at from settings
;;
select key_id, check_text from key_checks order by created_at desc
;;
select kind, in_app, mail, webhook from notification_choices where user_id = $1
;;
select kind, socket, host, port, ca_certificate, client_certificate, client_key, expires_at,
                engine_expires_at, revision, updated_at, last_tested_at, last_fault, last_detail, last_report
         from engine_connections where machine_id = $1
;;
select l.id, l.address::text as "address!", l.role as "role!", l.created_at, l.expires_at
           from one_time_links l join users u on u.id = l.created_by and u.state = 'active'
           where l.customer_id = $1 and l.purpose = 'invitation' and l.used_at is null and l.expires_at > $2
             and (exists(select from role_assignments a join roles r on r.code = a.role and r.of_staff
                         where a.user_id = u.id)
                  or exists(select from memberships m
                            where m.user_id = u.id and m.customer_id = l.customer_id and m.role = 'owner'))
           order by l.id desc
;;
select l.id, l.subject_id, l.subject_name, l.customer_id, l.customer_name, l.user_id, l.user_name, l.machine_code,
                  l.machine_name, l.spec_id, l.spec_name, l.price_per_hour, l.currency, l.started_at, l.ended_at,
                  l.opened_by, l.closed_by, l.measured_memory_bytes,
                  extract(epoch from coalesce(l.ended_at, greatest($3, l.started_at)) - l.started_at) as "seconds!",
                  round(extract(epoch from coalesce(l.ended_at, greatest($3, l.started_at)) - l.started_at)
                        * l.price_per_hour / 3600, 4) as "cost!",
                  count(*) over () as "total!"
           from ledger_intervals l
           where l.started_at < $2 and coalesce(l.ended_at, greatest($3, l.started_at)) > $1
             and ($4::bigint is null or l.customer_id = $4) and ($5::bigint is null or l.user_id = $5)
             and ($6::text is null or l.machine_code = $6) and ($7::bigint is null or l.spec_id = $7)
             and ($8::bigint is null or l.subject_id = $8)
           order by l.started_at desc, l.id desc limit $9 offset $10
;;
select l.id, l.user_id, l.customer_id, l.role, l.address::text as "address!", l.created_by
           from one_time_links l
           where l.hash = $1 and l.purpose = any($2) and l.used_at is null and l.expires_at > $3
             and (l.purpose <> 'invitation' or exists(
               select from users u where u.id = l.created_by and u.state = 'active'
                 and (exists(select from role_assignments a join roles r on r.code = a.role and r.of_staff
                             where a.user_id = u.id)
                      or exists(select from memberships m
                                where m.user_id = u.id and m.customer_id = l.customer_id and m.role = 'owner'))))
;;
select l.provider_id, p.name, l.issuer, l.subject, l.label
         from identity_links l join identity_providers p on p.id = l.provider_id
         where l.user_id = $1 and l.expires_at > $2 for update of l
;;
select l.subject_id, l.run_started_at, l.ended_at,
                  (select (sum(extract(epoch from coalesce(p.ended_at, greatest($2, p.started_at)) - p.started_at)) * 1000000)::bigint
                   from ledger_intervals p
                   where p.subject_kind = 'instance' and p.subject_id = l.subject_id
                     and p.run_started_at = l.run_started_at) as "micros!"
           from (select distinct on (subject_id) subject_id, run_started_at, ended_at from ledger_intervals
                 where subject_kind = 'instance' and subject_id = any($1)
                 order by subject_id, started_at desc, id desc) l
;;
select lease_until is null or lease_until < now() as "free!" from instances where id = $1
;;
select lost, removed_at from gpus where uuid = $1 and machine_id = $2
;;
select m.code, l.state from machine_latest l join machines m on m.id = l.machine_id
         where m.deleted_at is null and ($2 or (l.server_id <> $1 and l.at > now() - interval '1 minute'))
;;
select m.customer_id, c.name, m.role from memberships m join customers c on c.id = m.customer_id
         where m.user_id = $1 and (c.state = 'active') = $2 and c.deleted_at is null order by c.name
;;
select m.id as "machine!", g.first_seen_at as "first_seen_at?", g.removed_at as "removed_at?",
                  (m.declared->>'gpuCount')::integer as declared
           from machines m left join gpus g on g.machine_id = m.id where m.id = any($1)
;;
select m.id from import_rows r join machines m on m.code = r.code and m.deleted_at is null
         where r.import_id = $1 and r.verdict = 'update' and m.pool <> r.written->>'pool'
;;
select m.id, m.code, m.name, m.region, m.monitored, m.last_seen_at, g.models, g.count as "count!",
                  m.declared->>'gpuModel' as declared_model, (m.declared->>'gpuCount')::bigint as declared_count
           from machines m
           left join lateral (select array_agg(model order by gpu_index, id) as models, count(*) as count from gpus
                              where machine_id = m.id and removed_at is null) g on true
           where m.id = any($1)
;;
select m.id, m.code, m.name, m.region, m.public_address, m.private_address, m.pool, m.monitored, m.listed, m.remark,
                m.declared, m.discovered, m.service_state, m.last_seen_at
         from unnest($1::bigint[]) with ordinality as wanted (id, place) join machines m on m.id = wanted.id
         order by wanted.place
;;
select m.id, m.code, s.at, s.cpu_percent, s.load1, s.memory_used_bytes, s.memory_total_bytes,
                  s.swap_used_bytes, s.swap_total_bytes, s.disk_used_bytes, s.disk_total_bytes
           from machines m cross join lateral (
             select at, cpu_percent, load1, memory_used_bytes, memory_total_bytes, swap_used_bytes, swap_total_bytes,
                    disk_used_bytes, disk_total_bytes
             from machine_samples where machine_id = m.id order by at desc limit 1) s
           where m.deleted_at is null
;;
select m.id, m.kind, m.address, m.state, m.attempts, m.last_error, m.created_at, m.sent_at,
                  j.run_at as "next_try_at?"
           from (select id, token, kind, address, state, attempts, last_error, created_at, sent_at from mails
                 where $1::text is null or state = $1 order by id desc limit $2 offset $3) m
           left join lateral (select min(w.run_at) as run_at from jobs w
             where m.state = 'queued' and w.kind = 'mail-send' and w.state = 'ready'
               and w.payload ->> 'mail' = m.token::text) j on true
           order by m.id desc
;;
select m.role from memberships m join users u on u.id = m.user_id
         where m.customer_id = $1 and m.user_id = $2 and u.deleted_at is null
;;
select m.user_id from memberships m join users u on u.id = m.user_id
         where m.customer_id = $1 and m.role = 'owner' and u.deleted_at is null and u.state = 'active'
           and not exists(select from role_assignments a join roles r on r.code = a.role and r.of_staff
                          where a.user_id = u.id)
;;
select m.user_id, m.customer_id, c.name, m.role from memberships m join customers c on c.id = m.customer_id
         where m.user_id = any($1) and c.deleted_at is null order by lower(c.name)
;;
select machine_id, count(*) as "instances!", coalesce(sum(gpu_count), 0) as "gpus!",
                  coalesce(sum(cpu_cores), 0) as "cores!", coalesce(sum(memory_gb), 0) as "memory!",
                  coalesce(sum(disk_gb), 0) as "disk!"
           from instances where released_at is null and machine_id = any($1) group by machine_id
;;
select machine_id, gpu_index, uuid, model, memory_bytes, lost from gpus
         where removed_at is null and machine_id > $1 and machine_id <= $2 order by machine_id, gpu_index
;;
select machine_id, gpu_index, uuid, model, memory_bytes, pci_bus_id, power_limit_w, mig_enabled, ecc_enabled, mig_devices,
                lost
         from gpus where machine_id = any($1) and removed_at is null order by machine_id, gpu_index, id
;;
select machine_id, least(expires_at, engine_expires_at) as "ends_at!", warned_of, warned_days
           from engine_connections where least(expires_at, engine_expires_at) <= $1
           order by machine_id for update skip locked
;;
select machine_id, starts_at, least(ends_at, coalesce(ended_at, $2), $2) as "until!"
           from allocations where customer_id = $1 and starts_at < $2 and state not in ('scheduled', 'cancelled')
;;
select min(n) as "from!", max(n) as "to!", sum(size_bytes)::bigint as "bytes!"
           from (select n, size_bytes, n - row_number() over (order by n) as island
                 from upload_chunks where upload_id = $1) as numbered
           group by island order by 1
;;
select monitored from machines where id = $1
;;
select n, size_bytes, sha256 from upload_chunks where upload_id = $1 and n >= $2 order by n limit $3
;;
select name::text as "name!", display_name, email::text as email, revision,
                  case when state = 'active' and password_pending then 'invited' else state end as "state!"
           from users where id = $1 for update
;;
select name::text as "name!", email::text as email, display_name, language, theme, time_zone,
                  last_login_at
           from users where id = $1 and deleted_at is null
;;
select nextval('machines_code_number') as "number!"
;;
select not exists(select from machines where code = $1 and deleted_at is null) as "free!"
;;
select p.id, p.kind, p.name, p.enabled, p.config, p.secret, p.creates_accounts, p.only_mapped, p.mappings,
                  p.password_url, p.last_test, p.version, p.updated_name, p.updated_at,
                  (select count(*) from user_identities i where i.provider_id = p.id) as "accounts!"
           from identity_providers p where $1::bigint is null or p.id = $1 order by lower(p.name)
;;
select p.name from user_identities i join identity_providers p on p.id = i.provider_id
         where i.user_id = $1 and i.address_taken and i.created_at > $2 order by i.id limit 1
;;
select p.name, p.password_url from user_identities i join identity_providers p on p.id = i.provider_id
              join users u on u.id = i.user_id
         where i.user_id = $1 and u.password_hash is null order by i.last_login_at desc nulls last limit 1
;;
select pg_advisory_xact_lock(hashtext('remotegpu.audit-chain'))
;;
select pg_advisory_xact_lock(hashtext('remotegpu.first-admin'))
;;
select pg_advisory_xact_lock(hashtext('remotegpu.join'))
;;
select pg_advisory_xact_lock(hashtext('remotegpu.last-admin'))
;;
select pg_advisory_xact_lock(hashtext('remotegpu.settings'))
;;
select pg_advisory_xact_lock(hashtextextended($1, 0))
;;
select pg_advisory_xact_lock(hashtextextended('remotegpu.channels', $1))
;;
select pg_advisory_xact_lock(hashtextextended('remotegpu.files', $1))
;;
select pg_advisory_xact_lock(hashtextextended('remotegpu.files-of', $1))
;;
select pg_advisory_xact_lock(hashtextextended('remotegpu.instances', $1))
;;
select pg_advisory_xact_lock(hashtextextended('remotegpu.instances-of', $1))
;;
select pg_advisory_xact_lock(hashtextextended('remotegpu.placement', 0))
;;
select pg_advisory_xact_lock(hashtextextended('remotegpu.staged-imports', $1))
;;
select position, hash, horizon::text as horizon from audit_seals order by position desc limit 1
;;
select provider_id from sessions where id = $1
;;
select pruned_before as "before!", "position" as "position!", hash as "hash!", events as "events!"
           from prune_audit($1)
;;
select public_key, sealed from ssh_host_keys where retired_at is null
;;
select r.id, r.allocation_id, a.machine_id, r.customer_id, a.ends_at, r.wanted_until, r.message, r.state,
                r.granted_until, r.answer, r.requested_name, r.created_at, r.decided_at
         from renewal_requests r join allocations a on a.id = r.allocation_id
           join unnest($1::bigint[]) with ordinality as wanted (id, place) on wanted.id = r.id
         order by wanted.place
;;
select r.id, r.allocation_id, a.machine_id, r.customer_id, a.ends_at, r.wanted_until, r.message, r.state,
                r.granted_until, r.answer, r.requested_name, r.created_at, r.decided_at
         from renewal_requests r join allocations a on a.id = r.allocation_id
         where not $1 or r.state = 'open'
         order by r.state <> 'open', r.created_at desc limit 200
;;
select r.id, r.allocation_id, a.machine_id, r.customer_id, a.ends_at, r.wanted_until, r.message, r.state,
                r.granted_until, r.answer, r.requested_name, r.created_at, r.decided_at
         from renewal_requests r join allocations a on a.id = r.allocation_id
         where r.allocation_id = $1 order by r.id desc limit 50
;;
select r.id, r.allocation_id, a.machine_id, r.customer_id, a.ends_at, r.wanted_until, r.message, r.state,
                r.granted_until, r.answer, r.requested_name, r.created_at, r.decided_at
         from renewal_requests r join allocations a on a.id = r.allocation_id
         where r.id = $1 for update of r
;;
select r.id, r.builtin, r.code, r.name, r.description, r.scope_kind, r.revision, r.created_at,
                  array(select p.permission from role_permissions p where p.role_id = r.id order by p.permission)
                    as "permissions!",
                  0::bigint as "holders!"
           from role_assignments a join roles r on r.code = a.role where a.user_id = $1
;;
select r.id, r.builtin, r.code, r.name, r.description, r.scope_kind, r.revision, r.created_at,
                  array(select p.permission from role_permissions p where p.role_id = r.id order by p.permission)
                    as "permissions!",
                  case when r.scope_kind = 'customer'
                    then (select count(distinct m.user_id) from memberships m where 'customer_' || m.role = r.code)
                    else (select count(*) from role_assignments a where a.role = r.code) end as "holders!"
           from roles r order by r.builtin is null, case when r.builtin is not null then r.id end, lower(r.name)
;;
select r.id, r.builtin, r.code, r.name, r.description, r.scope_kind, r.revision, r.created_at,
                  array(select p.permission from role_permissions p where p.role_id = r.id order by p.permission)
                    as "permissions!",
                  case when r.scope_kind = 'customer'
                    then (select count(distinct m.user_id) from memberships m where 'customer_' || m.role = r.code)
                    else (select count(*) from role_assignments a where a.role = r.code) end as "holders!"
           from roles r where r.id = $1
;;
select r.id, r.session_id, r.expires_at, r.used_at, s.user_id as "user_id!"
           from refresh_tokens r join sessions s on s.id = r.session_id
           where r.token_hash = $1 and s.user_id is not null for update of r
;;
select request_hash, response from idempotency_keys where principal = $1 and key = $2
;;
select resource, limit_value from quotas where subject_kind = $1 and subject_id = $2
;;
select role from memberships where customer_id = $1 and user_id = $2 for update
;;
select row_number, verdict, code, cells, written, changes, before, faults, base_revision, secret from import_rows
         where import_id = $1 and row_number > $2 order by row_number limit $3
;;
select row_number, verdict, code, written as "written!", secret, base_revision from import_rows
           where import_id = $1 and row_number > $2 and verdict in ('new', 'update') and written is not null
           order by row_number limit $3
;;
select row_number, verdict, was, code, cells as "cells: Json<Cells>", changes,
                  before as "before: Json<Cells>", faults as "faults: Json<Vec<RowFault>>",
                  written->'become' as "places: Json<Vec<PlaceChange>>"
           from import_rows
           where import_id = $1 and ($2::text is null or verdict = $2) and (not $3 or was is not null)
           order by row_number limit $4 offset $5
;;
select row_number, verdict, was, code, cells as "cells: Json<Cells>", changes,
                  before as "before: Json<Cells>", faults as "faults: Json<Vec<RowFault>>",
                  written->'become' as "places: Json<Vec<PlaceChange>>"
           from import_rows where import_id = $1 and row_number > $2 order by row_number limit $3
;;
select s.id as session_id, s.customer_id, s.created_at, s.last_seen_at, a.scopes as "scopes?",
                  u.id, u.name::text as "name!", u.display_name,
                  u.token_version, u.language, u.theme, u.time_zone,
                  exists(select from role_assignments r where r.user_id = u.id and r.role = 'platform_admin') as "admin!",
                  exists(select from role_assignments r where r.user_id = u.id and r.role = 'operator') as "operator!",
                  array(select distinct p.permission
                        from role_assignments a join roles r on r.code = a.role
                             join role_permissions p on p.role_id = r.id
                        where a.user_id = u.id order by p.permission) as "permissions!",
                  exists(select from totp_secrets t where t.user_id = u.id and t.confirmed_at is not null) as "armed!",
                  array(select m.customer_id from memberships m join customers c on c.id = m.customer_id
                        where m.user_id = u.id and c.state = 'active' and c.deleted_at is null
                        order by c.name) as "customers!",
                  array(select m.role from memberships m join customers c on c.id = m.customer_id
                        where m.user_id = u.id and c.state = 'active' and c.deleted_at is null
                        order by c.name) as "roles!"
           from sessions s join users u on u.id = s.user_id left join api_tokens a on a.session_id = s.id
           where s.secret_hash = $1 and s.kind = $2 and s.ended_at is null and s.expires_at > $3
             and (s.kind <> 'browser' or s.last_seen_at > $4)
             and (s.ssh is distinct from 'key' or s.ssh_key_id is not null)
             and u.state = 'active' and u.deleted_at is null and s.token_version = u.token_version
             and (s.provider_id is null or exists(
                  select from identity_providers p where p.id = s.provider_id and p.enabled))
;;
select s.id from instance_saves s
         where s.ended_at is null
           and not exists (select from jobs j where j.kind = 'instance-save'
                           and j.payload @> jsonb_build_object('save', s.id))
         order by s.id limit 100
;;
select s.id, case when s.ssh is null then s.kind else 'ssh' end as "kind!", s.address, s.user_agent,
                  s.created_at, s.last_seen_at,
                  case when s.ssh is null then nullif(s.expires_at, 'infinity') end as expires_at, a.name as "name?",
                  p.name as "service?"
           from sessions s join users u on u.id = s.user_id left join api_tokens a on a.session_id = s.id
                left join identity_providers p on p.id = s.provider_id
           where s.user_id = $1 and s.ended_at is null and s.expires_at > $2
             and (s.kind <> 'browser' or s.last_seen_at > $3) and s.token_version = u.token_version
             and (s.ssh is distinct from 'key' or s.ssh_key_id is not null)
           order by s.last_seen_at desc, s.id desc
;;
select s.id, s.instance_id, s.customer_id, s.machine_id, s.created_by, s.created_name, s.name, s.description,
                s.remark, s.tag, s.state, s.run, s.fault, s.detail, s.done_bytes, s.total_bytes, s.upload_id,
                s.on_engine, s.image_id, s.created_at, s.ended_at
         from instance_saves s join unnest($1::bigint[]) with ordinality as asked (id, place) on asked.id = s.id
         order by asked.place
;;
select s.id, s.name, s.gpu_model, s.gpu_count, s.gpu_memory_gb, s.gpu_use, s.cpu_cores, s.memory_gb,
                  s.system_disk_gb, s.data_disk_gb, s.listed, s.remark, s.revision, s.created_at, s.updated_at,
                  (select price_per_hour from spec_prices where spec_id = s.id and starts_at <= $2
                   order by starts_at desc, id desc limit 1) as "price?"
           from specs s join unnest($1::bigint[]) with ordinality as wanted (id, place) on wanted.id = s.id
           where s.deleted_at is null
           order by wanted.place
;;
select s.id, u.token_version,
                  exists(select from role_assignments r where r.user_id = u.id and r.role = 'platform_admin') as "admin!",
                  exists(select from role_assignments r where r.user_id = u.id and r.role = 'operator') as "operator!",
                  array(select distinct p.permission
                        from role_assignments a join roles r on r.code = a.role
                             join role_permissions p on p.role_id = r.id
                        where a.user_id = u.id order by p.permission) as "permissions!",
                  exists(select from totp_secrets t where t.user_id = u.id and t.confirmed_at is not null) as "armed!",
                  c.id as "customer?", m.role as "role?"
           from sessions s join users u on u.id = s.user_id
                left join memberships m on m.user_id = u.id and m.customer_id = s.customer_id
                left join customers c on c.id = m.customer_id and c.state = 'active' and c.deleted_at is null
           where s.id = any($1) and s.ended_at is null and s.expires_at > $2
             and (s.kind <> 'browser' or s.last_seen_at > $3)
             and (s.ssh is distinct from 'key' or s.ssh_key_id is not null)
             and u.state = 'active' and u.deleted_at is null and s.token_version = u.token_version
;;
select s.position, s.at, s.prev_hash, s.hash,
                  (select (jsonb_build_array(e.id, extract(epoch from e.at)::text, e.actor_kind, e.actor_id, e.actor_name,
                     e.via, host(e.address), e.action, e.target_kind, e.target_id, e.customer_id, e.outcome, e.before,
                     e.after, e.request_id)
                     || case s.form when 1 then '[]' when 2 then jsonb_build_array(e.actor_side)
                        else jsonb_build_array(e.actor_side, e.user_agent) end)::text
                   from audit_events e where e.id = s.audit_id and e.at = s.at) as text
           from audit_seals s where s.position >= $1 order by s.position limit $2
;;
select secret, created_at, confirmed_at, last_step from totp_secrets where user_id = $1 for update
;;
select server_id, user_id from terminals
         where id = $1 and instance_id = $2 and ended_at is null and lease_until > now()
;;
select service_state from machines where id = $1
;;
select snapshot from allocation_health where allocation_id = $1 and phase = $2
;;
select ssh_port, ssh_user, ssh_secret_kind, ssh_secret_set_at, hami_core_path from machines where id = $1
;;
select state = 'rejected' as "rejected!" from images where id = $1
;;
select state from customers where id = $1 and deleted_at is null for update
;;
select step, state, result, at from reclaim_steps where allocation_id = $1 order by position
;;
select stored_by($1) as "bytes!"
;;
select subject, staged_as from imports where id = $1 and state = 'reading'
;;
select t.id, t.note, t.uses, t.max_uses, m.code as "machine?", coalesce(u.name::text, '') as "created_by!",
                  t.created_at, t.expires_at, t.revoked_at
           from join_tokens t left join machines m on m.id = t.machine_id left join users u on u.id = t.created_by
           where ($1::bigint is null or t.id = $1) and ($2::timestamptz is null or t.expires_at > $2)
           order by t.id desc limit 200
;;
select tag from avatars where user_id = $1
;;
select tag, picture from avatars where user_id = $1
;;
select u.id as "id!",
                  (select count(*) from notifications n where n.user_id = u.id and n.read_at is null) as "unread!",
                  coalesce((select max(n.id) from notifications n where n.user_id = u.id), 0) as "newest!"
           from unnest($1::bigint[]) as u(id)
;;
select u.id from users u
         where u.state = 'active' and u.deleted_at is null and exists(
           select from role_assignments a where a.user_id = u.id and (a.role = any($1) or exists(
             select from roles r join role_permissions p on p.role_id = r.id
             where r.code = a.role and p.permission = $2)))
         order by u.id
;;
select u.id, u.name::text as "name!" from memberships m join users u on u.id = m.user_id
           where m.customer_id = $1 and u.id = any($2)
;;
select u.id, u.name::text as "name!", u.display_name, held.since as "since!",
                  u.deleted_at is not null as "deleted!"
           from (select a.user_id, a.created_at as since from role_assignments a where a.role = $1
                 union all
                 select m.user_id, min(m.created_at) from memberships m
                 where 'customer_' || m.role = $1 group by m.user_id) held
                join users u on u.id = held.user_id
           order by u.name limit 1000
;;
select u.id, u.name::text as "name!", u.display_name, u.email::text as email, u.last_login_at,
                  case when u.state = 'active' and u.password_pending then 'invited' else u.state end as "state!",
                  u.created_at, u.disabled_at, u.deleted_at, u.revision,
                  u.password_hash is not null as "has_password!",
                  (select count(*) from sessions s where s.user_id = u.id and s.ended_at is null and s.expires_at > $2
                   and s.token_version = u.token_version and u.state = 'active') as "sessions!"
           from users u where u.id = $1
;;
select u.id, u.name::text as "name!", u.display_name, u.email::text as email, u.state, m.role, m.created_at,
                  exists(select from role_assignments a join roles r on r.code = a.role and r.of_staff
                         where a.user_id = u.id) as "staff!"
           from memberships m join users u on u.id = m.user_id
           where m.customer_id = $1 and u.deleted_at is null order by m.role desc, u.name
;;
select u.id, u.name::text as "name!", u.password_hash, u.state, u.token_version,
                  exists(select from role_assignments r where r.user_id = u.id and r.role = 'platform_admin') as "admin!",
                  exists(select from role_assignments a join roles r on r.code = a.role and r.of_staff
                         where a.user_id = u.id) as "staff!",
                  (select m.customer_id from memberships m join customers c on c.id = m.customer_id
                   where m.user_id = u.id and c.state = 'active' and c.deleted_at is null
                   order by c.name limit 1) as first_customer
           from users u
           where u.id = $1 and u.deleted_at is null
;;
select u.name::text as "name!" from users u join role_assignments r on r.user_id = u.id
           where r.role = 'platform_admin' and u.state = 'active' and u.deleted_at is null
           order by u.password_hash is null or u.password_pending, u.id limit 1
;;
select upload_id as "upload!" from instance_saves where ended_at is not null and upload_id is not null
           order by id limit 100
;;
select user_id from memberships where customer_id = $1 and (not $2 or role = 'owner') order by user_id
;;
select user_id, customer_id, token_version, provider_id, data, address, user_agent, expires_at from sessions
         where secret_hash = $1 and kind = 'browser' and ended_at is null and expires_at > $2 and last_seen_at > $3
;;
select user_id, in_app, mail, webhook from notification_choices where user_id = any($1) and kind = $2
;;
select wanted.kind as "kind!", wanted.id as "id!", told.name as "name!"
           from unnest($1::text[], $2::text[], $3::text[]) as wanted(kind, id, field)
                cross join lateral (
                  select coalesce(e.after->>wanted.field, e.before->>wanted.field) as name from audit_events e
                  where e.target_kind = wanted.kind and e.target_id = wanted.id
                    and ($4::bigint is null or e.customer_id = $4)
                    and coalesce(e.after->>wanted.field, e.before->>wanted.field, '') <> ''
                  order by e.at desc, e.id desc limit 1) told
;;
update allocations a set hold = tstzrange(a.starts_at, greatest(upper(a.hold), least($2,
                coalesce((select min(lower(n.hold)) from allocations n
                          where n.machine_id = a.machine_id and n.id <> a.id and lower(n.hold) >= upper(a.hold)
                            and n.state in ('scheduled', 'active', 'grace', 'reclaiming')), $2))))
         where a.id = $1
;;
update allocations set ends_at = $2, hold = tstzrange(starts_at, $3), state = $4, reminded_days = $5,
                revision = revision + 1
         where id = $1
;;
update allocations set reminded_days = $2 where id = $1
;;
update allocations set state = $2, ended_at = $3, revision = revision + 1 where id = $1
;;
update allocations set state = $2, revision = revision + 1 where id = $1
;;
update allocations set state = 'reclaiming', revision = revision + 1,
                ends_at = greatest(least(ends_at, $2), starts_at + interval '1 microsecond')
         where id = $1
;;
update announcements set kind = $2, title = $3, body = $4, audience = $5, starts_at = $6, ends_at = $7,
                                  work_starts_at = $8, work_ends_at = $9, revision = revision + 1
         where id = $1
;;
update budgets set name = $2, amount = $3, currency = $4, thresholds = $5, rule = $6, grace_hours = $7,
                            revision = revision + 1 where id = $1
;;
update customers set deleted_at = $2, revision = revision + 1 where id = $1
;;
update customers set name = $2, contact_name = $3, contact_email = $4, contact_phone = $5, remark = $6,
                name_look = $7, revision = revision + 1
         where id = $1
;;
update customers set name_look = case when exists
               (select from customers other where other.name_look = $2) then $2 || ' ' || id else $2 end
             where id = $1
;;
update customers set state = $2, disabled_at = $3, revision = revision + 1 where id = $1
;;
update engine_connections
         set last_tested_at = $3, last_fault = $4, last_detail = $5, last_report = $6,
             engine_expires_at = coalesce($7, engine_expires_at)
         where machine_id = $1 and revision = $2
;;
update engine_connections set warned_of = $2, warned_days = $3 where machine_id = $1
;;
update engine_looks
         set lease_token = null, lease_until = null, asked = false,
             next_at = now() + case when asked then interval '0' else make_interval(secs => $3) end,
             looked_at = case when $4 then $5 else looked_at end,
             answered_at = case when $4 and $6::text is null then $5 else answered_at end,
             fault = case when $4 then $6 else fault end
         where machine_id = $1 and lease_token = $2
;;
update engine_looks set next_at = least(next_at, now()), asked = true where machine_id = $1
;;
update gpu_shares set released_at = $2 where instance_id = $1 and released_at is null
;;
update gpus set removed_at = $2 where machine_id = $1 and removed_at is null
;;
update gpus set removed_at = $3 where machine_id = $1 and removed_at is null and not (uuid = any($2))
;;
update idempotency_keys set response = $4 where principal = $1 and key = $2 and run = $3 and response is null
;;
update identity_providers set last_test = $2 where id = $1
;;
update identity_providers set name = $2, enabled = $3, config = $4, creates_accounts = $5, only_mapped = $6,
                mappings = $7, password_url = $8, updated_by = $9, updated_name = $10, version = version + 1,
                last_test = case when config = $4 and mappings = $7 then last_test end
         where id = $1
;;
update identity_providers set secret = $2, last_test = null where id = $1
;;
update image_copies
         set state = case when $4::text is null then 'present' else 'failed' end, fault = $4, detail = $5,
             done_bytes = case when $4::text is null then greatest(done_bytes, total_bytes) else done_bytes end
         where image_id = $1 and machine_id = $2 and wish = $3 and state = 'running'
;;
update image_copies c set done_bytes = $4, total_bytes = $5 from images i
         where c.image_id = $1 and c.machine_id = $2 and c.wish = $3 and c.state = 'running'
           and i.id = c.image_id and i.state = 'approved' and i.deleted_at is null
;;
update image_copies c set state = 'cancelled' from images i
         where i.id = c.image_id and c.state in ('waiting', 'running') and ($1::bigint is null or i.id = $1)
           and (i.state <> 'approved' or i.deleted_at is not null)
;;
update image_copies c set state = 'failed', fault = $1, detail = null
         where c.state in ('waiting', 'running')
           and not exists (select from jobs j where j.kind = 'image-copy' and j.payload @> jsonb_build_object(
                             'image', c.image_id, 'machine', c.machine_id, 'wish', c.wish))
;;
update image_copies c set state = 'running' from images i
         where c.image_id = $1 and c.machine_id = $2 and c.wish = $3 and c.state in ('waiting', 'running')
           and i.id = c.image_id and i.state = 'approved' and i.deleted_at is null
;;
update image_copies set state = 'cancelled'
         where image_id = $1 and machine_id = $2 and state in ('waiting', 'running')
;;
update images set deleted_at = $2, listed = false, file_id = null, revision = revision + 1 where id = $1
;;
update images set listed = $2, revision = revision + 1 where id = $1
;;
update images set name = $2, address = $3, description = $4, framework = $5, cuda_version = $6,
                           architecture = $7, memory_split = $8, remark = $9, revision = revision + 1
         where id = $1
;;
update images set state = $2, reason = $3, reviewed_name = $4, reviewed_at = $5,
                           listed = listed and $2 = 'approved', revision = revision + 1
         where id = $1
;;
update images set state = 'pending_review', reviewed_name = null, reviewed_at = null where id = $1
;;
update import_rows r
         set verdict = v, was = w, code = c, written = x, faults = f, base_revision = b, before = o,
             changes = case when ch = '' then '{}' else string_to_array(ch, ',') end
         from unnest($2::int[], $3::text[], $4::text[], $5::text[], $6::jsonb[], $7::text[], $8::jsonb[], $9::bigint[],
                     $10::jsonb[]) as t (n, v, w, c, x, ch, f, b, o)
         where r.import_id = $1 and r.row_number = n
;;
update import_rows set secret = null where import_id = $1 and secret is not null
;;
update import_rows set was = null where import_id = $1 and was is not null
;;
update imports i set new_rows = c.new_rows, update_rows = c.update_rows,
                unchanged_rows = c.unchanged_rows, error_rows = c.error_rows
         from (select count(*) filter (where verdict = 'new') as new_rows,
                      count(*) filter (where verdict = 'update') as update_rows,
                      count(*) filter (where verdict = 'unchanged') as unchanged_rows,
                      count(*) filter (where verdict = 'error') as error_rows
               from import_rows where import_id = $1) c
         where i.id = $1
;;
update imports set row_count = 0, new_rows = 0, update_rows = 0, unchanged_rows = 0, error_rows = 0
         where id = $1
;;
update imports set row_count = row_count + $2, new_rows = new_rows + $3,
                update_rows = update_rows + $4, unchanged_rows = unchanged_rows + $5, error_rows = error_rows + $6
         where id = $1
;;
update imports set sheet = $2, unknown_columns = $3 where id = $1
;;
update imports set size_bytes = $2 where id = $1
;;
update imports set state = $2, content = null,
                confirmed_at = case when $2 = 'confirmed' then $3::timestamptz end
         where id = $1
;;
update imports set state = 'ready', content = null where id = $1 and state = 'reading'
;;
update imports set state = 'refused', refusal = $2, content = null where id = $1 and state = 'reading'
;;
update instance_gpus set released_at = $2 where instance_id = $1 and released_at is null
;;
update instance_saves set done_bytes = $3, total_bytes = $4 where id = $1 and run = $2 and state = 'saving'
;;
update instance_saves set on_engine = $2 where id = $1
;;
update instance_saves set state = 'cancelled', ended_at = $2 where instance_id = $1 and ended_at is null
;;
update instance_saves set state = 'done', image_id = $2, done_bytes = $3, total_bytes = $3, ended_at = $4
         where id = $1
;;
update instance_saves set state = 'failed', fault = $2, detail = nullif($3, ''), ended_at = $4
         where id = $1 and ended_at is null and ($5::bigint is null or run = $5)
;;
update instance_saves set state = 'saving', run = run + 1, done_bytes = 0, total_bytes = 0
         where id = $1 and ended_at is null
;;
update instance_saves set upload_id = $3 where id = $1 and run = $2 and state = 'saving'
;;
update instances
         set gpu_memory_bytes = $2, gpu_memory_at = $3, gpu_memory_peak = $4, split_bare = $5, split_broken_since = $6,
             split_told_at = $7
         where id = $1
;;
update instances
         set split_setup = $2, split_bare = false, split_broken_since = null, gpu_memory_bytes = null, gpu_memory_at = null
         where id = $1
;;
update instances
         set wanted = $2, restarts_done = $3, observed = $4, observed_at = $5, container_id = $6, exit_code = $7,
             out_of_memory = $8, started_at = $9, ended_at = $10, restarting_seen = $11, made_at = $12,
             trying_since = $13, failure = $14, detail = $15, lost_since = $16, released_at = $17, deleted_at = $18,
             state = $19, host_ports = $20
         where id = $1
;;
update instances set environment = $2 where id = $1
;;
update instances set gpu_memory_peak = null where id = $1
;;
update instances set lease_token = $2, lease_until = now() + make_interval(secs => $3)
         where id = $1 and (lease_until is null or lease_until < now())
;;
update instances set lease_until = now() + make_interval(secs => $3)
         where id = $1 and lease_token = $2 returning wish
;;
update instances set name = $2, remark = $3, wish = wish + 1, restarts_wanted = $4, revision = revision + 1
         where id = $1
;;
update jobs set cancel_requested_at = coalesce(cancel_requested_at, now()) where id = $1 and state = 'running'
;;
update jobs set lease_until = now() + make_interval(secs => $3), heartbeat_at = now()
           where id = $1 and lease_token = $2 returning cancel_requested_at is not null as "cancel!"
;;
update join_tokens set revoked_at = $2 where machine_id = $1 and revoked_at is null
;;
update join_tokens set revoked_at = coalesce(revoked_at, $2) where id = $1
;;
update join_tokens set uses = uses + 1
         where secret_hash = $1 and uses < max_uses and expires_at > $2 and revoked_at is null
         returning id, machine_id
;;
update ledger_intervals set ended_at = $2, closed_by = $3, measured_memory_bytes = $4 where id = $1
;;
update machines m set last_seen_at = u.at from unnest($1::bigint[], $2::timestamptz[]) as u(id, at)
         where m.id = u.id and (m.last_seen_at is null or m.last_seen_at < u.at)
;;
update machines m set name = r.written->>'name', region = r.written->>'region',
                public_address = r.written->>'public_address', private_address = r.written->>'private_address',
                pool = r.written->>'pool', monitored = (r.written->>'monitored')::boolean,
                listed = (r.written->>'listed')::boolean, remark = r.written->>'remark',
                declared = r.written->'declared', revision = m.revision + 1
         from import_rows r
         where r.import_id = $1 and r.verdict = 'update' and m.code = r.code and m.revision = r.base_revision
           and m.deleted_at is null
;;
update machines set deleted_at = $2, node_key_hash = null, ssh_secret = null, ssh_secret_kind = null,
                ssh_secret_set_at = null, revision = revision + 1
         where id = $1
;;
update machines set discovered = $2, agent_version = $3, discovered_at = $4
         where id = $1 and (discovered is distinct from $2 or agent_version is distinct from $3)
;;
update machines set monitored = $2, revision = revision + 1 where id = $1 and monitored <> $2
;;
update machines set name = $2, region = $3, public_address = $4, private_address = $5,
                pool = coalesce($6, pool), monitored = coalesce($7, monitored), listed = $8, remark = $9,
                declared = $10, revision = revision + 1
         where id = $1
;;
update machines set node_key_hash = $2
         where id = $1 and deleted_at is null and service_state <> 'retired'
           and (node_key_hash is null or last_seen_at is null or last_seen_at < $3::timestamptz - interval '1 minute')
         returning code
;;
update machines set service_state = $2, service_note = $3, service_changed_at = $4, revision = revision + 1
         where id = $1
;;
update machines set ssh_port = $2, ssh_user = $3, hami_core_path = $4,
                ssh_secret = case when $6::bytea is not null then $6 when $7 then null else ssh_secret end,
                ssh_secret_kind = case when $6::bytea is not null then $5 when $7 then null else ssh_secret_kind end,
                ssh_secret_set_at = case when $6::bytea is not null then $8 when $7 then null else ssh_secret_set_at end,
                revision = revision + 1
         where id = $1
;;
update mails set attempts = attempts + case when state = 'queued' then 1 else 0 end where token = $1
         returning id, kind, address, language, sealed, state, created_at
;;
update mails set state = $3, last_error = $4, sent_at = $5, handing_over = null,
                          sealed = case when $3 = 'queued' then sealed else null end
         where id = $1 and (state = 'queued' or handing_over = $2 or ($3 = 'unknown' and state = 'handing_over')
                            or ($3 = 'sent' and state = 'unknown'))
;;
update mails set state = 'handing_over', handing_over = $2 where id = $1 and state = 'queued'
;;
update mails set state = case state when 'queued' then 'failed' else 'unknown' end, handing_over = null, sealed = null
         where state in ('queued', 'handing_over') and created_at < $1
;;
update maintenance_windows
         set state = case when state = 'active' then 'ended' else 'cancelled' end, ended_at = $3
         where machine_id = $1 and ($2::bigint is null or id = $2) and state in ('planned', 'active')
         returning state_before, starts_at, ends_at
;;
update maintenance_windows set state = 'ended', ended_at = $2
         where machine_id = $1 and state in ('planned', 'active') and ends_at <= $2
         returning state_before, starts_at, ends_at
;;
update maintenance_windows w set state = 'active', state_before = m.service_state
         from machines m
         where m.id = w.machine_id and w.machine_id = $1 and w.state = 'planned' and w.starts_at <= $2
           and w.ends_at > $2 and m.service_state not in ('retired', 'maintenance')
         returning w.starts_at, w.ends_at, w.message
;;
update memberships set role = $3 where customer_id = $1 and user_id = $2
;;
update node_links l set lease_until = now() + interval '15 seconds'
         from unnest($1::bigint[], $2::uuid[]) as held(machine_id, link_id), machines m
         where l.machine_id = held.machine_id and l.link_id = held.link_id and m.id = l.machine_id
           and m.deleted_at is null and m.service_state <> 'retired'
         returning l.link_id, m.monitored
;;
update notification_channels
           set failures = case when $2 then 0 else failures + 1 end, enabled = enabled and ($2 or failures + 1 < $3)
           where id = $1 and (failures > 0 or not $2) returning (not enabled) as "off!"
;;
update notification_channels
         set name = $3, host = $4, sealed_url = $5, sealed_secret = $6, kinds = $7, enabled = $8, failures = 0
         where id = $1 and user_id is not distinct from $2
;;
update notification_deliveries set attempts = attempts + case when state = 'queued' then 1 else 0 end
         where token = $1 returning id, channel_id, kind, args, link, state, created_at
;;
update notification_deliveries set state = $2, last_error = $3, sent_at = $4,
                                          attempts = greatest(attempts, 1)
         where id = $1 and state = 'queued'
;;
update notification_deliveries set state = 'failed' where state = 'queued' and created_at < $1
;;
update notifications set read_at = $2 where user_id = $1 and read_at is null
;;
update notifications set read_at = coalesce(read_at, $3) where id = $1 and user_id = $2
;;
update one_time_links set used_at = $2 where id = $1 and used_at is null and expires_at > $2
;;
update one_time_links set used_at = $3
           where id = $1 and customer_id = $2 and purpose = 'invitation' and used_at is null and expires_at > $3
           returning address::text as "address!"
;;
update one_time_links set used_at = $3 where user_id = $1 and purpose = $2 and used_at is null
;;
update reclaim_steps set state = $3, result = $4, at = $5 where allocation_id = $1 and step = $2
;;
update recovery_codes set used_at = $3 where user_id = $1 and code_hash = $2 and used_at is null
;;
update refresh_tokens set used_at = $2 where id = $1
;;
update renewal_requests set state = $2, granted_until = $3, answer = $4, decided_by = $5, decided_at = $6
         where id = $1
;;
update renewal_requests set state = 'withdrawn', decided_at = $2 where allocation_id = $1 and state = 'open'
;;
update roles set name = $2, description = coalesce($3, ''), revision = revision + 1 where id = $1
;;
update sessions
         set customer_id = $2,
             data = case when data ? 'identity'
                         then jsonb_set(data, '{identity,customer}', to_jsonb($2::bigint)) else data end
         where id = $1 and customer_id is null
;;
update sessions
         set customer_id = $3,
             data = case when data ? 'identity'
                         then jsonb_set(data, '{identity,customer}', to_jsonb($3::bigint)) else data end
         where id = $1 and user_id = $2 and ended_at is null
;;
update sessions s set ended_at = $2 from users u
         where u.id = $1 and s.user_id = u.id and s.token_version = u.token_version
           and s.ended_at is null and s.expires_at > $2
;;
update sessions s set ended_at = $2 from users u
         where u.id = s.user_id and s.ended_at is null and s.expires_at > $2
           and (s.provider_id = $1 or (s.provider_id is null and u.password_hash is null
                and exists(select from user_identities i where i.user_id = u.id and i.provider_id = $1)))
         returning s.id
;;
update sessions set ended_at = $2 where id = $1 and ended_at is null
;;
update sessions set ended_at = $2 where id = $1 and ssh is not null and ended_at is null
;;
update sessions set ended_at = $3
           where id = $1 and user_id = $2 and ended_at is null and expires_at > $3
           returning case when ssh is null then kind else 'ssh' end as "kind!", (select t.name from api_tokens t where t.session_id = sessions.id) as "name?"
;;
update sessions set ended_at = $3 where id = $1 and user_id = $2 and ended_at is null
;;
update sessions set ended_at = $3 where user_id = $1 and customer_id = $2 and ended_at is null
;;
update sessions set ended_at = $3 where user_id = $1 and id <> $2 and ended_at is null and expires_at > $3
;;
update sessions set ended_at = $4
         where user_id = $1 and provider_id = $2 and id <> $3 and ended_at is null and expires_at > $4 returning id
;;
update sessions set expires_at = $2, last_seen_at = $3 where id = $1
;;
update sessions set last_seen_at = $2,
                address = case when kind = 'api' then coalesce($3::inet, address) else address end
         where id = $1
;;
update sessions set last_seen_at = $2, expires_at = $3 where id = $1 and ssh is not null and ended_at is null
;;
update sessions set user_id = $2, customer_id = $3, token_version = $4, data = $5, last_seen_at = $7,
                             provider_id = $8, expires_at = least($6, created_at + interval '7 days')
         where secret_hash = $1 and kind = 'browser' and ended_at is null
;;
update sign_in_challenges set failures = failures + 1 where browser_hash = $1
;;
update specs set deleted_at = $2, listed = false, revision = revision + 1 where id = $1
;;
update specs set listed = $2, revision = revision + 1 where id = $1
;;
update specs set name = $2, gpu_model = $3, gpu_count = $4, gpu_memory_gb = $5, gpu_use = $6, cpu_cores = $7,
                          memory_gb = $8, system_disk_gb = $9, data_disk_gb = $10, remark = $11,
                          revision = revision + 1
         where id = $1
;;
update ssh_host_keys set retired_at = $1 where retired_at is null
;;
update ssh_keys set last_used_at = $2, last_used_from = $3 where id = $1
;;
update ssh_visits set ended_at = greatest($2, opened_at), reason = $3 where id = $1 and ended_at is null
         returning opened_at
;;
update ssh_visits set ended_at = greatest(lease_until, opened_at), reason = 'server'
         where ended_at is null and lease_until < now()
;;
update ssh_visits set lease_until = now() + make_interval(secs => $2) where id = $1 and ended_at is null
;;
update terminals set ended_at = $2, reason = $3, exit_code = $4 where id = $1 and ended_at is null
         returning opened_at
;;
update terminals set lease_until = now() + make_interval(secs => $3), used_at = coalesce($2, used_at)
         where id = $1 and ended_at is null
;;
update totp_secrets set confirmed_at = $2, last_step = $3 where user_id = $1
;;
update totp_secrets set last_step = $2 where user_id = $1
;;
update uploads set expires_at = $2 where id = $1 and state = 'open'
;;
update uploads set size_bytes = coalesce($2, size_bytes), expires_at = $3
         where id = $1 and state = 'assembling' and by_platform
;;
update uploads set state = 'aborted', fault = $2 where id = $1
;;
update uploads set state = 'assembling' where id = $1
;;
update uploads set state = 'done', file_id = $2 where id = $1
;;
update user_identities set address_taken = true where id = $1
;;
update user_identities set granted = $2 where id = $1
;;
update user_identities set granted = $2, last_login_at = $3, label = $4 where id = $1
;;
update users set address_proved_at = $2 where id = $1
;;
update users set deleted_at = $2, revision = revision + 1,
                state = case when $2::timestamptz is not null then 'deleted'
                             when disabled_at is not null then 'disabled' else 'active' end
         where id = $1
;;
update users set display_name = coalesce($2, ''), language = $3, time_zone = $4 where id = $1
;;
update users set email = $2::text::citext, address_proved_at = $3 where id = $1
;;
update users set language = coalesce($2, language), theme = coalesce($3, theme),
                          time_zone = case when $4::text is null then time_zone else nullif($4, '') end
         where id = $1
;;
update users set last_login_at = $2 where id = $1
;;
update users set name = $2::text::citext, display_name = coalesce($3, ''), email = $4::text::citext,
                address_proved_at = case when email is not distinct from $4::text::citext then address_proved_at end,
                revision = revision + 1
         where id = $1
;;
update users set password_hash = $2, password_pending = false, token_version = token_version + 1
         where id = $1 and token_version = $3 returning token_version
;;
update users set password_hash = $2, password_pending = false, token_version = token_version + 1 where id = $1
;;
update users set read_in = $2 where id = $1 and read_in is distinct from $2
;;
update users set state = $2, disabled_at = $3, revision = revision + 1 where id = $1
;;
update users set token_version = token_version + 1 where id = $1
;;
update users set token_version = token_version + 1 where id = $1 returning token_version
;;
with again as (
           update jobs set state = 'ready', run_at = now() + make_interval(secs => $3), message = $4,
                  lease_owner = null, lease_token = null, lease_until = null
           where id = $1 and lease_token = $2 returning id, attempt)
         insert into job_events (job_id, attempt, kind, message) select id, attempt, 'retried', $4 from again
;;
with due as (
           select e.machine_id from engine_connections e left join engine_looks l on l.machine_id = e.machine_id
           where (l.machine_id is null
                  or (l.next_at <= now() and (l.lease_until is null or l.lease_until < now())))
             and not exists (select from node_links n where n.machine_id = e.machine_id and e.kind = 'agent'
                             and n.server_id <> $1 and n.lease_until > now())
           order by l.next_at nulls first, e.machine_id limit $2)
         insert into engine_looks as l (machine_id, lease_token, lease_until)
         select machine_id, $3, now() + make_interval(secs => $4) from due
         on conflict (machine_id) do update
           set lease_token = excluded.lease_token, lease_until = excluded.lease_until, asked = false
           where l.next_at <= now() and (l.lease_until is null or l.lease_until < now())
         returning machine_id
;;
with ended as (
           delete from jobs where id = $1 and lease_token = $2 returning *
         ), noted as (
           insert into job_events (job_id, attempt, kind, message) select id, attempt, $3, $4 from ended
         )
         insert into finished_jobs (id, kind, payload, state, attempt, max_attempts, progress, message,
                                    idempotency_key, subject_kind, subject_id, customer_id, user_id, run_at, created_at)
         select id, kind, payload, $3, attempt, max_attempts, progress, coalesce($4, message), idempotency_key,
                subject_kind, subject_id, customer_id, user_id, run_at, created_at from ended
;;
with ended as (delete from jobs where id = $1 and state = 'ready' returning *)
         insert into finished_jobs (id, kind, payload, state, attempt, max_attempts, progress, message,
                                    idempotency_key, subject_kind, subject_id, customer_id, user_id, run_at, created_at)
         select id, kind, payload, 'cancelled', attempt, max_attempts, progress, message, idempotency_key,
                subject_kind, subject_id, customer_id, user_id, run_at, created_at from ended
;;
with given_back as (
           update jobs set state = 'ready', attempt = attempt - 1, lease_owner = null, lease_token = null,
                  lease_until = null
           where state = 'running' and lease_owner like $1 returning id, attempt + 1 as attempt)
         insert into job_events (job_id, attempt, kind, message)
         select id, attempt, 'released', 'its server stopped' from given_back
;;
with gone as (
           delete from finished_jobs
           where finished_at < now() - case when kind in ('audit-seal', 'metrics-roll-up') and state = 'done'
                                            then interval '1 hour' else interval '7 days' end
           returning id)
         delete from job_events where job_id in (select id from gone)
;;
with gone as (delete from user_identities where provider_id = $1 returning id, user_id, label, granted)
         select id, user_id, label, granted from gone order by user_id
;;
with latest as (
             select gpu_id, at, throttle_bits from gpu_samples_1m
             where gpu_id = any($1) and at >= $3 and throttle_bits <> 0
             union all
             select gpu_id, at, throttle_bits from gpu_samples
             where gpu_id = any($1) and at >= $4 and throttle_bits <> 0),
           hours as (
             select gpu_id, throttle_bits as bits from gpu_samples_1h
             where gpu_id = any($1) and at >= $2 and throttle_bits <> 0
             union all
             select l.gpu_id, bit_or(l.throttle_bits) from latest l
             where not exists(select 1 from gpu_samples_1h h
                              where h.gpu_id = l.gpu_id and h.at = date_bin('1 hour', l.at, 'epoch'::timestamptz))
             group by l.gpu_id, date_bin('1 hour', l.at, 'epoch'::timestamptz))
           select gpu_id as "gpu_id!", bits as "bits!", count(*) as "hours!" from hours group by gpu_id, bits
;;
with left_alone as (
             update instances set lease_token = null, lease_until = null
             where id = $1 and lease_token = $2 and wish = $3 returning id)
           select exists (select from instances where id = $1 and lease_token = $2)
                  and not exists (select from left_alone) as "kept!"
;;
with left_out as (
             select e.id, e.at, e.action, coalesce(e.xid < since.horizon, false) as behind
             from audit_events e left join (
                    select l.horizon from (select horizon from audit_seals order by position desc limit 1) l
                    where l.horizon <= pg_snapshot_xmax(pg_current_snapshot())) since on true
             where not exists (select from audit_seals s where s.audit_id = e.id))
           select counted.unsealed as "unsealed!", behind.id as "id?", behind.at as "at?", behind.action as "action?"
           from (select count(*) as unsealed from left_out) counted
                left join (select id, at, action from left_out where behind order by id limit $1) behind on true
           order by behind.id
;;
with next as (
             select id, state from jobs
             where ((state = 'ready' and run_at <= now()) or (state = 'running' and lease_until < now()))
               and (kind = any($5)) <> $6
               and not exists (select from node_links l where l.machine_id = jobs.near_machine_id
                               and l.server_id <> $7 and l.lease_until > now())
             order by priority desc, run_at, id limit $1 for update skip locked
           ), taken as (
             update jobs j set state = 'running', attempt = attempt + 1, lease_owner = $2, lease_token = $3,
                    lease_until = now() + make_interval(secs => $4), heartbeat_at = now(), message = null
             from next where j.id = next.id
             returning j.id, j.kind, j.payload, j.attempt, j.max_attempts, next.state as was
           ), noted as (
             insert into job_events (job_id, attempt, kind, message)
             select id, attempt, case was when 'ready' then 'started' else 'taken_over' end, $2 from taken
           )
           select id as "id!", kind as "kind!", payload as "payload!", attempt as "attempt!",
                  max_attempts as "max_attempts!" from taken
;;
with own as not materialized (
             select e.id, e.at, e.actor_kind, e.actor_name, e.via, e.address, e.user_agent, e.action, e.target_kind,
                    e.target_id, e.outcome, e.request_id,
                    case when e.action = any($9) then e.after->>'reason' end as reason,
                    case when e.outcome <> 'done' and jsonb_typeof(e.after->'repeats') = 'number' then e.after end as told,
                    e.actor_kind = 'user'
                      and coalesce(e.actor_side = 'customer',
                                   exists(select from memberships m where m.customer_id = $1 and m.user_id = e.actor_id))
                      as mine
             from audit_events e
             where e.customer_id = $1 and ($2::text is null or e.action = $2)
               and ($3::text is null or e.target_kind = $3)
               and ($4::timestamptz is null or e.at >= $4) and ($5::timestamptz is null or e.at < $5)
               and ($10::text is null or e.via = $10))
           select id, at, actor_kind, actor_name, via, address, user_agent, action, target_kind, target_id, outcome,
                  request_id, reason, mine as "mine!", (told->>'repeats')::bigint as repeats,
                  (told->>'from')::timestamptz as since, (told->>'until')::timestamptz as until,
                  case when $12::boolean then (
                    select count(*) from own where ($6::text is null or (mine and actor_name ilike $6))
                                               and ($11::inet is null or (mine and address <<= $11))) else 0 end as "total!"
           from own where ($6::text is null or (mine and actor_name ilike $6))
                      and ($11::inet is null or (mine and address <<= $11))
                      and ($13::timestamptz is null or (at, id) < ($13, $14::bigint))
           order by at desc, id desc limit $7 offset $8
;;
with part as (
             select step.starts_at, l.currency, l.price_per_hour, l.id,
                    case $3::text when 'user' then l.user_id::text when 'customer' then l.customer_id::text
                      when 'machine' then l.machine_code when 'spec' then l.spec_id::text
                      when 'instance' then l.subject_id::text end as key,
                    case $3::text when 'user' then l.user_name when 'customer' then l.customer_name
                      when 'machine' then l.machine_name when 'spec' then l.spec_name
                      when 'instance' then l.subject_name end as name,
                    extract(epoch from least(coalesce(l.ended_at, greatest($4, l.started_at)), step.ends_at)
                                       - greatest(l.started_at, step.starts_at)) as seconds
             from unnest($1::timestamptz[], $2::timestamptz[]) as step (starts_at, ends_at)
             join ledger_intervals l on l.started_at < step.ends_at
               and coalesce(l.ended_at, greatest($4, l.started_at)) > step.starts_at
             where ($5::bigint is null or l.customer_id = $5) and ($6::bigint is null or l.user_id = $6)
               and ($7::text is null or l.machine_code = $7) and ($8::bigint is null or l.spec_id = $8)
               and ($9::bigint is null or l.subject_id = $9))
           select starts_at as "starts_at!", currency, key, (array_agg(name order by id desc))[1] as name,
                  sum(seconds) as "seconds!", round(sum(seconds * price_per_hour) / 3600, 4) as "cost!"
           from part group by starts_at, key, currency
           order by starts_at, sum(seconds * price_per_hour) desc, key, currency
;;
with taken as (
             select size_bytes, false as going from files where customer_id is not distinct from $1
             union all
             select size_bytes, not by_platform from uploads
             where customer_id is not distinct from $1 and state in ('open', 'assembling')
           )
           select coalesce(sum(size_bytes), 0)::bigint as "bytes!",
                  coalesce(stored_by($2), 0) as "own!",
                  count(*) filter (where going) as "going!"
           from taken
