-- Step 2 of ownline's schema, made by `npm run migrations`. A published file never changes.

drop index if exists ownline_turns_first;

create index if not exists ownline_turns_begun on ownline_turns (conversation_id, first_seq, length(id), id);

create index if not exists ownline_messages_doubted on ownline_messages (conversation_id, seq) where unknown_since is not null;

create index if not exists ownline_messages_leaving on ownline_messages (created_at, id) where (status = 'intent' or status = 'sending') and origin <> 'auto-reply';

create table if not exists ownline_paces (
  key text primary key,
  free_at integer not null,
  used_until integer not null,
  epoch integer not null
) strict, without rowid;

create table if not exists ownline_slots (
  outbound_id text primary key,
  pace text not null,
  at integer not null,
  epoch integer not null
) strict, without rowid;

create table if not exists ownline_witnesses (
  outbound_id text primary key,
  unknown_since integer not null,
  attempts integer not null,
  since integer not null
) strict, without rowid;

insert into ownline_migrations (version, at) values (2, cast(unixepoch('subsec') * 1000 as integer))
  on conflict (version) do nothing;

insert into ownline_meta (id, version, min_writer, secret)
  values (1, 2, 1, lower(hex(randomblob(32))))
  on conflict (id) do update set
    version = max(version, excluded.version), min_writer = max(min_writer, excluded.min_writer);

