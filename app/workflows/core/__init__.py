"""What every deed stands on: who acts, moves of a status, the audit log, jobs, the outbox and its notices."""
