-- Public ids are never reused. Times are microseconds of the database clock.
-- Nothing cascades: a purge walks key ranges in pages.

-- +goose Up
CREATE TABLE users (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	username TEXT NOT NULL UNIQUE,
	email TEXT NOT NULL DEFAULT '',
	first_name TEXT NOT NULL DEFAULT '',
	last_name TEXT NOT NULL DEFAULT '',
	password TEXT NOT NULL,
	grp TEXT NOT NULL DEFAULT 'user',
	active BOOLEAN NOT NULL DEFAULT TRUE,
	joined INTEGER NOT NULL,
	last_login INTEGER
);

-- A login may name an email instead of a username.
CREATE UNIQUE INDEX users_email ON users (LOWER(email)) WHERE email <> '';

-- Login tokens, of the Authorization header and of session cookies. Only
-- hashes are kept.
CREATE TABLE tokens (
	hash TEXT PRIMARY KEY,
	user_id INTEGER NOT NULL,
	kind TEXT NOT NULL,
	created INTEGER NOT NULL,
	used INTEGER NOT NULL,
	expires INTEGER
);
CREATE INDEX tokens_user ON tokens (user_id, kind);
CREATE INDEX tokens_expires ON tokens (expires);

-- Personal access tokens. Only hashes are kept.
CREATE TABLE access_tokens (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	user_id INTEGER NOT NULL,
	hash TEXT NOT NULL UNIQUE,
	name TEXT NOT NULL,
	read_only BOOLEAN NOT NULL,
	created INTEGER NOT NULL,
	updated INTEGER NOT NULL,
	used INTEGER,
	expires INTEGER
);
CREATE INDEX access_tokens_user ON access_tokens (user_id, id);

-- Who shares projects and tasks. A membership is active once it was agreed to.
CREATE TABLE organizations (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	slug TEXT NOT NULL UNIQUE,
	name TEXT NOT NULL,
	description TEXT NOT NULL DEFAULT '',
	contact TEXT NOT NULL DEFAULT '{}',
	owner_id INTEGER,
	created INTEGER NOT NULL,
	updated INTEGER NOT NULL
);

CREATE TABLE memberships (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	org_id INTEGER NOT NULL,
	user_id INTEGER NOT NULL,
	role TEXT NOT NULL,
	active BOOLEAN NOT NULL,
	joined INTEGER,
	UNIQUE (org_id, user_id)
);
CREATE INDEX memberships_user ON memberships (user_id, org_id);

CREATE TABLE invitations (
	key TEXT PRIMARY KEY,
	membership_id INTEGER NOT NULL UNIQUE,
	owner_id INTEGER,
	created INTEGER NOT NULL,
	sent INTEGER NOT NULL
);
CREATE INDEX invitations_owner ON invitations (owner_id);

CREATE TABLE storages (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	location TEXT NOT NULL,
	cloud_storage_id INTEGER
);
CREATE INDEX storages_cloud ON storages (cloud_storage_id) WHERE cloud_storage_id IS NOT NULL;

-- Buckets that people let us read media from. Credentials are sealed.
CREATE TABLE cloud_storages (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	tenant TEXT NOT NULL,
	org_id INTEGER,
	owner_id INTEGER,
	provider TEXT NOT NULL,
	resource TEXT NOT NULL,
	name TEXT NOT NULL,
	credentials_type TEXT NOT NULL,
	credentials TEXT NOT NULL DEFAULT '',
	attributes TEXT NOT NULL DEFAULT '',
	description TEXT NOT NULL DEFAULT '',
	manifests TEXT NOT NULL DEFAULT '',
	created INTEGER NOT NULL,
	updated INTEGER NOT NULL
);
CREATE INDEX cloud_storages_org ON cloud_storages (org_id, id);
CREATE INDEX cloud_storages_owner ON cloud_storages (owner_id, id);

CREATE TABLE projects (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	tenant TEXT NOT NULL,
	org_id INTEGER,
	owner_id INTEGER,
	assignee_id INTEGER,
	name TEXT NOT NULL,
	bug_tracker TEXT NOT NULL DEFAULT '',
	status TEXT NOT NULL DEFAULT 'annotation',
	source_storage_id INTEGER,
	target_storage_id INTEGER,
	created INTEGER NOT NULL,
	updated INTEGER NOT NULL,
	assignee_updated INTEGER
);
CREATE INDEX projects_tenant ON projects (tenant, id);
CREATE INDEX projects_org ON projects (org_id, id) WHERE org_id IS NOT NULL;
CREATE INDEX projects_owner ON projects (owner_id, id);
CREATE INDEX projects_assignee ON projects (assignee_id, id);

CREATE TABLE tasks (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	tenant TEXT NOT NULL,
	org_id INTEGER,
	owner_id INTEGER,
	assignee_id INTEGER,
	project_id INTEGER,
	name TEXT NOT NULL,
	subset TEXT NOT NULL DEFAULT '',
	bug_tracker TEXT NOT NULL DEFAULT '',
	mode TEXT NOT NULL DEFAULT '',
	dimension TEXT NOT NULL DEFAULT '2d',
	overlap INTEGER,
	segment_size INTEGER NOT NULL DEFAULT 0,
	replicas INTEGER NOT NULL DEFAULT 0,
	status TEXT NOT NULL DEFAULT 'annotation',
	data_id INTEGER,
	source_storage_id INTEGER,
	target_storage_id INTEGER,
	created INTEGER NOT NULL,
	updated INTEGER NOT NULL,
	assignee_updated INTEGER,
	deleted INTEGER
);
CREATE INDEX tasks_tenant ON tasks (tenant, id);
CREATE INDEX tasks_org ON tasks (org_id, id) WHERE org_id IS NOT NULL;
-- Whose tasks are whose: the last columns tell whether they can be seen.
CREATE INDEX tasks_project ON tasks (project_id, id, org_id, deleted);
CREATE INDEX tasks_owner ON tasks (owner_id, id, org_id, deleted);
CREATE INDEX tasks_assignee ON tasks (assignee_id, id, org_id, deleted);
CREATE INDEX tasks_deleted ON tasks (id) WHERE deleted IS NOT NULL;
-- What people sort and count by. Every sort ends with the id.
CREATE INDEX tasks_live ON tasks (deleted, id);
CREATE INDEX tasks_created ON tasks (created, id) WHERE deleted IS NULL;
CREATE INDEX tasks_updated ON tasks (updated, id) WHERE deleted IS NULL;
CREATE INDEX tasks_name ON tasks (name, id) WHERE deleted IS NULL;
CREATE INDEX tasks_status ON tasks (status, id) WHERE deleted IS NULL;
CREATE INDEX tasks_subset ON tasks (subset, id) WHERE deleted IS NULL;

-- What people search tasks for, by every three characters that stand together.
CREATE VIRTUAL TABLE tasks_words USING fts5 (
	name, subset, bug_tracker, content = '', contentless_delete = 1, tokenize = 'trigram'
);
-- +goose StatementBegin
CREATE TRIGGER tasks_words_new AFTER INSERT ON tasks BEGIN
	INSERT INTO tasks_words (rowid, name, subset, bug_tracker) VALUES (new.id, new.name, new.subset, new.bug_tracker);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER tasks_words_changed AFTER UPDATE OF name, subset, bug_tracker ON tasks BEGIN
	DELETE FROM tasks_words WHERE rowid = old.id;
	INSERT INTO tasks_words (rowid, name, subset, bug_tracker) VALUES (new.id, new.name, new.subset, new.bug_tracker);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER tasks_words_gone AFTER DELETE ON tasks BEGIN
	DELETE FROM tasks_words WHERE rowid = old.id;
END;
-- +goose StatementEnd

CREATE TABLE labels (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	task_id INTEGER,
	project_id INTEGER,
	parent_id INTEGER,
	name TEXT NOT NULL,
	color TEXT NOT NULL DEFAULT '',
	type TEXT NOT NULL DEFAULT 'any',
	svg TEXT NOT NULL DEFAULT ''
);
CREATE INDEX labels_task ON labels (task_id, id);
CREATE INDEX labels_project ON labels (project_id, id);
CREATE INDEX labels_parent ON labels (parent_id);

CREATE TABLE attributes (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	label_id INTEGER NOT NULL,
	name TEXT NOT NULL,
	mutable BOOLEAN NOT NULL,
	input_type TEXT NOT NULL,
	default_value TEXT NOT NULL DEFAULT '',
	vals TEXT NOT NULL DEFAULT ''
);
CREATE INDEX attributes_label ON attributes (label_id);

CREATE TABLE data (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	task_id INTEGER NOT NULL UNIQUE,
	request_id INTEGER,
	size INTEGER NOT NULL DEFAULT 0,
	start_frame INTEGER NOT NULL DEFAULT 0,
	stop_frame INTEGER NOT NULL DEFAULT 0,
	step INTEGER NOT NULL DEFAULT 1,
	frame_filter TEXT NOT NULL DEFAULT '',
	chunk_size INTEGER,
	quality INTEGER NOT NULL DEFAULT 50,
	compressed_type TEXT NOT NULL DEFAULT 'imageset',
	original_type TEXT NOT NULL DEFAULT 'imageset',
	storage TEXT NOT NULL DEFAULT 'local',
	cloud_storage_id INTEGER,
	sorting TEXT NOT NULL DEFAULT 'lexicographical',
	method TEXT NOT NULL DEFAULT 'static',
	deleted_frames TEXT NOT NULL DEFAULT '[]',
	index_key TEXT NOT NULL DEFAULT '',
	published INTEGER
);
CREATE INDEX data_cloud ON data (cloud_storage_id) WHERE cloud_storage_id IS NOT NULL;

CREATE TABLE uploads (
	id TEXT PRIMARY KEY,
	task_id INTEGER NOT NULL,
	user_id INTEGER NOT NULL,
	ord INTEGER NOT NULL,
	name TEXT NOT NULL,
	length INTEGER NOT NULL,
	store_key TEXT NOT NULL DEFAULT '',
	sha256 TEXT NOT NULL DEFAULT '',
	crc32 INTEGER NOT NULL DEFAULT 0,
	code TEXT NOT NULL DEFAULT '',
	text TEXT NOT NULL DEFAULT '',
	created INTEGER NOT NULL,
	UNIQUE (task_id, name)
);
CREATE INDEX uploads_order ON uploads (task_id, ord);
CREATE INDEX uploads_key ON uploads (store_key);

-- Files that clients are sending piece by piece.
CREATE TABLE partials (
	id TEXT PRIMARY KEY,
	task_id INTEGER NOT NULL,
	user_id INTEGER NOT NULL,
	name TEXT NOT NULL,
	length INTEGER NOT NULL,
	received INTEGER NOT NULL,
	store_key TEXT NOT NULL,
	sums TEXT NOT NULL,
	fence INTEGER NOT NULL,
	created INTEGER NOT NULL,
	expires INTEGER NOT NULL
);
CREATE INDEX partials_task ON partials (task_id);
CREATE INDEX partials_expiry ON partials (expires);

CREATE TABLE requests (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	rq_id TEXT NOT NULL,
	task_id INTEGER NOT NULL,
	tenant TEXT NOT NULL,
	owner_id INTEGER NOT NULL,
	op TEXT NOT NULL,
	spec TEXT NOT NULL,
	state TEXT NOT NULL,
	phase TEXT NOT NULL,
	code TEXT NOT NULL DEFAULT '',
	text TEXT NOT NULL DEFAULT '',
	total INTEGER NOT NULL DEFAULT 0,
	bad INTEGER NOT NULL DEFAULT 0,
	names TEXT NOT NULL DEFAULT '',
	created INTEGER NOT NULL,
	started INTEGER,
	jobs_open INTEGER,
	finished INTEGER,
	superseded INTEGER
);
CREATE UNIQUE INDEX requests_rq ON requests (rq_id) WHERE superseded IS NULL;
CREATE INDEX requests_owner ON requests (owner_id, id);
CREATE INDEX requests_task ON requests (task_id);
CREATE INDEX requests_open ON requests (state) WHERE state IN ('accepted', 'running');

-- The history of a request: every change of state, once.
CREATE TABLE events (
	request_id INTEGER NOT NULL,
	seq INTEGER NOT NULL,
	old TEXT NOT NULL,
	new TEXT NOT NULL,
	fence INTEGER NOT NULL,
	at INTEGER NOT NULL,
	PRIMARY KEY (request_id, seq)
);

CREATE TABLE files (
	request_id INTEGER NOT NULL,
	ord INTEGER NOT NULL,
	name TEXT NOT NULL,
	ref TEXT NOT NULL,
	bytes INTEGER NOT NULL,
	mtime INTEGER NOT NULL,
	etag TEXT NOT NULL DEFAULT '',
	crc32 INTEGER,
	format TEXT NOT NULL,
	width INTEGER NOT NULL,
	height INTEGER NOT NULL,
	orient INTEGER NOT NULL,
	frames INTEGER NOT NULL DEFAULT 0,
	index_key TEXT NOT NULL DEFAULT '',
	outcome TEXT NOT NULL,
	code TEXT NOT NULL,
	text TEXT NOT NULL,
	PRIMARY KEY (request_id, ord)
);
CREATE INDEX files_index ON files (index_key) WHERE index_key <> '';
-- By the key of the blob that a file is, or that it is a member of: LTRIM takes
-- away what stands before it in the ref of a member.
CREATE INDEX files_blob ON files (SUBSTR(LTRIM(ref, 'kitzp:0123456789,'), 6))
	WHERE LTRIM(ref, 'kitzp:0123456789,') LIKE 'blob:%';
CREATE INDEX files_bad ON files (request_id, ord) WHERE outcome <> 'ok';

-- real_n is set for honeypots: the frame of the pool that they show.
-- Which files are shown beside the file of a frame.
CREATE TABLE related (
	request_id INTEGER NOT NULL,
	frame_ord INTEGER NOT NULL,
	ord INTEGER NOT NULL,
	PRIMARY KEY (request_id, frame_ord, ord)
);

CREATE TABLE frames (
	data_id INTEGER NOT NULL,
	n INTEGER NOT NULL,
	ord INTEGER NOT NULL,
	real_n INTEGER,
	PRIMARY KEY (data_id, n)
);
CREATE INDEX frames_honeypots ON frames (data_id, n) WHERE real_n IS NOT NULL;

-- Which frames of a task validate the work of annotators.
CREATE TABLE layouts (
	data_id INTEGER PRIMARY KEY,
	mode TEXT NOT NULL,
	frames TEXT NOT NULL,
	disabled TEXT NOT NULL DEFAULT '[]',
	per_job INTEGER
);

CREATE TABLE segments (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	task_id INTEGER NOT NULL,
	type TEXT NOT NULL,
	start INTEGER NOT NULL,
	stop INTEGER NOT NULL,
	frames TEXT NOT NULL DEFAULT '',
	chunk_base INTEGER NOT NULL,
	chunk_ver INTEGER NOT NULL DEFAULT 0,
	chunks_updated INTEGER NOT NULL
);
CREATE INDEX segments_start ON segments (task_id, start);
CREATE INDEX segments_chunks ON segments (task_id, chunk_base);

CREATE TABLE jobs (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	task_id INTEGER NOT NULL,
	segment_id INTEGER NOT NULL,
	parent_id INTEGER,
	type TEXT NOT NULL,
	stage TEXT NOT NULL,
	state TEXT NOT NULL,
	assignee_id INTEGER,
	created INTEGER NOT NULL,
	updated INTEGER NOT NULL,
	assignee_updated INTEGER
);
CREATE INDEX jobs_task ON jobs (task_id, id);
CREATE INDEX jobs_assignee ON jobs (assignee_id, id, task_id);
CREATE INDEX jobs_segment ON jobs (segment_id);
CREATE INDEX jobs_created ON jobs (created, id);
CREATE INDEX jobs_updated ON jobs (updated, id);
CREATE INDEX jobs_state ON jobs (state, id);
CREATE INDEX jobs_state_updated ON jobs (state, updated, id);
CREATE INDEX jobs_stage ON jobs (stage, id);
CREATE INDEX jobs_stage_updated ON jobs (stage, updated, id);

-- A row exists if and only if the chunk was built. used feeds eviction.
CREATE TABLE chunks (
	segment_id INTEGER NOT NULL,
	quality TEXT NOT NULL,
	idx INTEGER NOT NULL,
	ver INTEGER NOT NULL,
	store_key TEXT NOT NULL UNIQUE,
	bytes INTEGER NOT NULL,
	crc32 INTEGER NOT NULL,
	frames INTEGER NOT NULL,
	used INTEGER NOT NULL,
	PRIMARY KEY (segment_id, quality, idx)
);
CREATE INDEX chunks_used ON chunks (used);

CREATE TABLE units (
	id TEXT PRIMARY KEY,
	request_id INTEGER,
	task_id INTEGER NOT NULL,
	kind TEXT NOT NULL,
	lane TEXT NOT NULL,
	tenant TEXT NOT NULL,
	lo INTEGER NOT NULL,
	hi INTEGER NOT NULL,
	arg TEXT NOT NULL DEFAULT '',
	rank INTEGER NOT NULL DEFAULT 0,
	dedupe TEXT,
	cost REAL NOT NULL DEFAULT 0,
	state TEXT NOT NULL,
	gen INTEGER NOT NULL DEFAULT 0,
	sent INTEGER,
	run_at INTEGER NOT NULL,
	fence INTEGER NOT NULL DEFAULT 0,
	worker_id TEXT,
	lease INTEGER,
	attempts INTEGER NOT NULL DEFAULT 0,
	crashes INTEGER NOT NULL DEFAULT 0,
	code TEXT NOT NULL DEFAULT '',
	created INTEGER NOT NULL
);
CREATE INDEX units_unsent ON units (lane, tenant, rank, id) WHERE state = 'ready' AND sent IS NULL;
CREATE INDEX units_sent ON units (sent) WHERE state = 'ready' AND sent IS NOT NULL;
CREATE INDEX units_lease ON units (lease) WHERE state = 'running';
CREATE INDEX units_request ON units (request_id, kind, state);
CREATE INDEX units_task ON units (task_id);
CREATE UNIQUE INDEX units_dedupe ON units (dedupe) WHERE state IN ('ready', 'running');

-- Who hears of what happens. Whoever holds the lease may send; served says
-- whose turn it was, failures how many attempts in a row went wrong.
CREATE TABLE webhooks (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	type TEXT NOT NULL,
	project_id INTEGER,
	org_id INTEGER,
	owner_id INTEGER,
	target_url TEXT NOT NULL,
	description TEXT NOT NULL DEFAULT '',
	secret TEXT NOT NULL DEFAULT '',
	active BOOLEAN NOT NULL,
	verify BOOLEAN NOT NULL,
	events TEXT NOT NULL,
	site TEXT NOT NULL,
	created INTEGER NOT NULL,
	updated INTEGER NOT NULL,
	deleted INTEGER,
	last_status INTEGER,
	last_delivery INTEGER,
	lease INTEGER NOT NULL DEFAULT 0,
	fence INTEGER NOT NULL DEFAULT 0,
	served INTEGER NOT NULL DEFAULT 0,
	paused INTEGER NOT NULL DEFAULT 0,
	failures INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX webhooks_project ON webhooks (project_id, id);
CREATE INDEX webhooks_org ON webhooks (org_id, id);
CREATE INDEX webhooks_deleted ON webhooks (id) WHERE deleted IS NOT NULL;

-- What happened, written in the transaction in which it did.
CREATE TABLE notices (
	id TEXT PRIMARY KEY,
	body TEXT NOT NULL,
	created INTEGER NOT NULL
);
CREATE INDEX notices_created ON notices (created);

CREATE TABLE deliveries (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	webhook_id INTEGER NOT NULL,
	notice_id TEXT NOT NULL,
	event TEXT NOT NULL,
	redelivery BOOLEAN NOT NULL DEFAULT FALSE,
	origin_id INTEGER,
	state TEXT NOT NULL,
	attempts INTEGER NOT NULL DEFAULT 0,
	run_at INTEGER NOT NULL,
	status INTEGER,
	response TEXT NOT NULL DEFAULT '',
	created INTEGER NOT NULL,
	updated INTEGER NOT NULL
);
CREATE INDEX deliveries_webhook ON deliveries (webhook_id, id);
CREATE INDEX deliveries_notice ON deliveries (notice_id);
CREATE INDEX deliveries_due ON deliveries (webhook_id, run_at) WHERE state = 'pending';
CREATE INDEX deliveries_old ON deliveries (updated);

CREATE TABLE workers (
	id TEXT PRIMARY KEY,
	host TEXT NOT NULL,
	version TEXT NOT NULL,
	slots TEXT NOT NULL,
	beat INTEGER NOT NULL
);

-- Where the relay's round robin over tenants stands in each lane.
CREATE TABLE turns (
	lane TEXT PRIMARY KEY,
	tenant TEXT NOT NULL
);

-- When each periodic chore is due; whoever moves the time forward runs it.
CREATE TABLE chores (
	name TEXT PRIMARY KEY,
	due INTEGER NOT NULL
);

-- What a purge removed, kept as its receipt.
CREATE TABLE receipts (
	task_id INTEGER PRIMARY KEY,
	bytes INTEGER NOT NULL,
	row_count INTEGER NOT NULL,
	at INTEGER NOT NULL
);

-- A number that grows whenever something changes that the lists of tasks and jobs
-- depend on. What was counted is right for as long as it is the same.
CREATE TABLE revisions (n INTEGER NOT NULL);
INSERT INTO revisions VALUES (0);
-- +goose StatementBegin
CREATE TRIGGER tasks_new AFTER INSERT ON tasks BEGIN UPDATE revisions SET n = n + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER tasks_changed AFTER UPDATE ON tasks BEGIN UPDATE revisions SET n = n + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER tasks_gone AFTER DELETE ON tasks BEGIN UPDATE revisions SET n = n + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER jobs_new AFTER INSERT ON jobs BEGIN UPDATE revisions SET n = n + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER jobs_changed AFTER UPDATE ON jobs BEGIN UPDATE revisions SET n = n + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER jobs_gone AFTER DELETE ON jobs BEGIN UPDATE revisions SET n = n + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER projects_new AFTER INSERT ON projects BEGIN UPDATE revisions SET n = n + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER projects_changed AFTER UPDATE ON projects BEGIN UPDATE revisions SET n = n + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER projects_gone AFTER DELETE ON projects BEGIN UPDATE revisions SET n = n + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER memberships_new AFTER INSERT ON memberships BEGIN UPDATE revisions SET n = n + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER memberships_changed AFTER UPDATE ON memberships BEGIN UPDATE revisions SET n = n + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER memberships_gone AFTER DELETE ON memberships BEGIN UPDATE revisions SET n = n + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER layouts_new AFTER INSERT ON layouts BEGIN UPDATE revisions SET n = n + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER layouts_changed AFTER UPDATE ON layouts BEGIN UPDATE revisions SET n = n + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER layouts_gone AFTER DELETE ON layouts BEGIN UPDATE revisions SET n = n + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER users_new AFTER INSERT ON users BEGIN UPDATE revisions SET n = n + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER users_changed AFTER UPDATE OF username ON users BEGIN UPDATE revisions SET n = n + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER users_gone AFTER DELETE ON users BEGIN UPDATE revisions SET n = n + 1; END;
-- +goose StatementEnd

-- +goose Down
DROP TABLE revisions;
DROP TABLE receipts;
DROP TABLE chores;
DROP TABLE turns;
DROP TABLE workers;
DROP TABLE deliveries;
DROP TABLE notices;
DROP TABLE webhooks;
DROP TABLE units;
DROP TABLE chunks;
DROP TABLE jobs;
DROP TABLE segments;
DROP TABLE layouts;
DROP TABLE frames;
DROP TABLE files;
DROP TABLE events;
DROP TABLE requests;
DROP TABLE partials;
DROP TABLE uploads;
DROP TABLE data;
DROP TABLE attributes;
DROP TABLE labels;
DROP TABLE tasks;
DROP TABLE tasks_words;
DROP TABLE projects;
DROP TABLE cloud_storages;
DROP TABLE storages;
DROP TABLE invitations;
DROP TABLE memberships;
DROP TABLE organizations;
DROP TABLE access_tokens;
DROP TABLE tokens;
DROP TABLE users;
