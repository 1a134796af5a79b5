"""Celery tasks: thin; ids and ISO dates in; they call workflows and may run twice."""

# Every module with tasks. The worker imports these, and beat names only what they define.
MODULES = (
    "app.tasks.audit",
    "app.tasks.bulletins",
    "app.tasks.clocks",
    "app.tasks.exports",
    "app.tasks.files",
    "app.tasks.filing",
    "app.tasks.fraud",
    "app.tasks.heartbeat",
    "app.tasks.housekeeping",
    "app.tasks.imports",
    "app.tasks.insurance",
    "app.tasks.iot",
    "app.tasks.jobs",
    "app.tasks.labels",
    "app.tasks.nightly",
    "app.tasks.open_data",
    "app.tasks.outbox",
    "app.tasks.policy",
    "app.tasks.provincial",
    "app.tasks.real_names",
    "app.tasks.reminders",
    "app.tasks.rescues",
    "app.tasks.scores",
    "app.tasks.visit_sheets",
)
