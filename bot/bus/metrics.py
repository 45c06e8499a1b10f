"""Metrics for Prometheus. Labels are codes, channels and account ids, never ids of people."""

from prometheus_client import Counter, Gauge, Histogram

ACCEPTED = Counter("desk_accepted_total", "Events stored", ["channel"])
DUPLICATES = Counter("desk_duplicates_total", "Events that were known already")
IGNORED = Counter("desk_ignored_total", "Events that are nobody's words to us")
AUTOMATIC = Counter(
    "desk_automatic_total", "Messages nobody answers because a program wrote them", ["channel"]
)
REFUSED = Counter("desk_refused_total", "Requests that were refused", ["code"])
TURNS = Counter("desk_turns_total", "Turns by outcome", ["outcome"])
STAGES = Histogram(
    "desk_stage_seconds",
    "Time of a turn by stage",
    ["stage"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60),
)
DELIVERIES = Counter("desk_deliveries_total", "Tries by outcome", ["channel", "outcome"])
SUSPENDED = Counter("desk_accounts_suspended_total", "Sends refused by the account", ["channel", "account"])
FILES = Counter("desk_files_total", "Attachments by what became of fetching them", ["outcome"])
OUTBOX_DEPTH = Gauge("desk_outbox_waiting", "Rows of the outbox that wait")
OUTBOX_AGE = Gauge("desk_outbox_oldest_seconds", "Age of the oldest row that waits")
DEAD_LETTERS = Gauge("desk_dead_letters", "Deliveries given up", ["outcome"])
READY = Gauge("desk_conversations_ready", "Conversations that are due and wait for a worker")
ESCALATIONS = Gauge("desk_escalations_waiting", "Escalations that nobody has taken")
ESCALATION_AGE = Gauge("desk_escalations_oldest_seconds", "Age of the oldest of them")
DESTROYED_KEY_AGE = Gauge(
    "desk_destroyed_keys_oldest_seconds", "Since when a destroyed key may still be in the pages of its table"
)
CHAINS_BROKEN = Gauge("desk_audit_chains_broken", "Audit chains that do not hold what was noted of them")
REDIS_UP = Gauge("desk_redis_up", "1 while Redis does its work or is not used, else 0")
DATABASE_UP = Gauge("desk_database_up", "1 while the database does its work, else 0")
PROBLEM = Gauge("desk_problem", "1 for the code of what is wrong with the database", ["code"])
JOBS = Counter("desk_jobs_total", "Jobs by outcome", ["job", "outcome"])
