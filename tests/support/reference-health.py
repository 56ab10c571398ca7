"""What Python says of the same inputs: dates by datetime, rows by json, whole minutes by format. One JSON request a line on
standard input, one answer a line on standard output. Written from the rules, not from the program under test."""

import datetime as dt
import hashlib
import json
import re
import sys

UTC = dt.timezone.utc


def seconds(text):
    return dt.datetime.fromisoformat(text).timestamp()


def instants(texts):
    found = []
    for text in texts:
        try:
            moment = dt.datetime.fromisoformat(text)
            if moment.tzinfo is None:
                moment = moment.astimezone()
            found.append((moment - dt.datetime(1970, 1, 1, tzinfo=UTC)) // dt.timedelta(microseconds=1))
        except (ValueError, OverflowError):
            found.append(None)
    return found


def health(request):
    now = request["now_micros"] / 1e6
    opt = request["thresholds"]
    last, active, counts = {}, set(), {}
    order = []

    def met(host):
        if host not in counts:
            counts[host] = {"2": 0, "4": 0, "5": 0, "unstamped": 0}
            order.append(host)

    for line in request["index"].split("\n"):
        try:
            row = json.loads(line)
            host, text = row["host_id"], row["received_at_wall"]
            if not (isinstance(host, str) and isinstance(text, str) and host and text):
                continue
            at = seconds(text)
        except (ValueError, KeyError, TypeError, OverflowError):
            continue
        met(host)
        if host not in last or at > seconds(last[host]):
            last[host] = text
        if at >= now - opt["lookback_hours"] * 3600:
            active.add(host)

    for line in request["journal"].splitlines():
        if "missing x-cis490-code-commit" in line.lower():
            named = re.search(r"host=(\S+)", line)
            if named:
                met(named[1].rstrip(","))
                counts[named[1].rstrip(",")]["unstamped"] += 1
            continue
        put = re.search(r'PUT /v1/episodes/([^/]+)/[^"]+ HTTP/1\.1" ([0-9]{3})', line)
        if put:
            met(put[1])
            if put[2][0] in "245":
                counts[put[1]][put[2][0]] += 1

    wall = dt.datetime.fromtimestamp(now, tz=UTC)
    hour = wall.strftime("%Y-%m-%dT%H")
    there = set()
    for line in request["alerts"].split("\n"):
        try:
            row = json.loads(line)
            if row["detected_at_wall"].startswith(hour) and isinstance(row["dedup_key"], str):
                there.add(row["dedup_key"])
        except (ValueError, KeyError, TypeError, AttributeError):
            continue

    rows = []

    def alert(host, symptom, detail, fix):
        key = hashlib.sha256(f"{host}|{symptom}|{hour}".encode()).hexdigest()[:16]
        if key in there:
            return
        row = {"host": host, "symptom": symptom, "detail": detail, "suggested_fix": fix}
        rows.append(json.dumps(row | {"detected_at_wall": wall.isoformat(), "dedup_key": key}))

    for host in order:
        seen = counts[host]
        if host in active:
            minutes = (now - seconds(last[host])) / 60
            if minutes > opt["silent_threshold_min"]:
                alert(host, "silent", f"last successful ship {minutes:.0f} min ago ({last[host]})", "")
        if seen["unstamped"] >= opt["fatal_min_count"]:
            detail = f"{seen['unstamped']} ship(s) without X-Cis490-Code-Commit header in recent window"
            alert(host, "unstamped", f"{detail} \u2014 orchestrator is running pre-stamp code", "")
        total = seen["2"] + seen["4"] + seen["5"]
        if total >= opt["fatal_min_count"] and total > 0:
            bad = (seen["4"] + seen["5"]) / total
            if bad >= opt["fatal_ratio_threshold"] and seen["2"] == 0:
                detail = f"{total} ship(s) in recent window, {seen['4']} \u00d7 4xx + {seen['5']} \u00d7 5xx, 0 \u00d7 2xx"
                what = f"{detail} \u2014 host is shipping but everything is being rejected"
                alert(host, "fatal-only", what, "")
    return rows


for line in sys.stdin:
    request = json.loads(line)
    answer = instants(request["texts"]) if "texts" in request else health(request)
    print(json.dumps(answer), flush=True)
