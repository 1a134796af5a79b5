#!/bin/sh
# The fast half of the tests on SQLite with the product's clock ahead, by days or to a moment of Beijing time: a test that
# holds only until some day, and a product that is wrong on one, fail now and not on that day.
#   later.sh 40 [PYTEST ARGUMENTS...]
#   later.sh "2028-02-29 10:00" tests/views
set -eu
cd "$(dirname "$0")/.."

SECONDS_AHEAD=$(.venv/bin/python - "$1" <<'PYTHON'
import datetime as dt
import sys

now, asked = dt.datetime.now(dt.UTC), sys.argv[1]
if asked.isdigit():
    then = now + dt.timedelta(days=int(asked))
else:
    then = dt.datetime.fromisoformat(asked).replace(tzinfo=dt.timezone(dt.timedelta(hours=8)))
print(round((then - now).total_seconds()))
PYTHON
)
PYTHONPATH=$PWD/tests/later${PYTHONPATH:+:$PYTHONPATH}
export SECONDS_AHEAD PYTHONPATH
shift
echo "· app.clock: $(.venv/bin/python -c 'from app import clock; print(clock.local(clock.now()).isoformat(" ", "seconds"))')"
exec .venv/bin/python -m pytest -q -p no:cacheprovider --db sqlite "$@"
