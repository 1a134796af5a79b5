"""`healthcheck.py URL PART…`: exits with 0 when /health says that these parts are well, else says what is not."""

import http.client
import json
import sys
import urllib.error
import urllib.request


def ill(address: str, parts: list[str]) -> list[str]:
    """What is wrong, in words; /health answers 503 with the same body when any part is ill."""
    try:
        with urllib.request.urlopen(address, timeout=8) as answer:
            body = json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code != http.client.SERVICE_UNAVAILABLE:
            return [str(error)]
        body = json.load(error)
    except (OSError, ValueError) as error:
        return [str(error)]
    found = [(part, body.get(part) or {"ok": False, "detail": "not seen"}) for part in parts]
    return [f"{part}: {told['detail']}" for part, told in found if not told["ok"]]


if __name__ == "__main__":
    problems = ill(sys.argv[1], sys.argv[2:])
    print("\n".join(problems) or "well")
    sys.exit(1 if problems else 0)
