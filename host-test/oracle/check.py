"""The checks of the oracle; run.py makes the environment they need.

Schema: src/udm/schema.tsv has Google's messages, fields, types and enums, no more and no fewer.
Forms: Google's reader takes each line of accepted.jsonl and none of refused.jsonl, as udmill's validator does.
Goldens: each event is read strictly by Google's reader and written back by Google's writer as it was.
Command: `udmill transform --names proto` gives the events of the goldens in proto names. The environment variable
UDMILL names the command; by default it is the one that `cargo xtask build` makes.

Google's descriptors lack parsed_user_agent, so it is taken out of events before they are read.
"""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

from google.protobuf import json_format

import schema

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
UDM = schema.event_class()
TARGET = ROOT / os.environ.get("CARGO_TARGET_DIR", "target")
COMMAND = Path(os.environ.get("UDMILL", TARGET / "release" / "udmill"))


def main():
    folders = [Path(it) for it in sys.argv[1:]] or sorted(ROOT.glob("src/udm/*/golden"))
    goldens = sorted(it for folder in folders for it in folder.glob("*.udm.json"))
    tally = Tally()
    check_schema(tally)
    check_forms(tally)
    tally.that("there are goldens", None if goldens else f"expected *.udm.json in {folders}, but found none")
    check_itself(tally)
    for golden in goldens:
        tally.run(f"{golden}: events", check_golden, golden)
        tally.run(f"{golden}: command", check_command, golden)
    print(f"{tally.passed} passed, {tally.failed} failed")
    sys.exit(1 if tally.failed else 0)


class Nothing:
    """Stands for a value that is not there, in a comparison."""

    def __repr__(self):
        return "nothing"


class Tally:
    """Counts checks and tells those that failed."""

    def __init__(self):
        self.passed = self.failed = 0

    def that(self, name, wrong):
        """`wrong` says what is wrong, or is None."""
        if wrong is None:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED {name}\n    {wrong[:600]}")

    def run(self, name, check, *arguments):
        """A check that cannot be carried out has failed; the others go on."""
        try:
            wrong = check(*arguments)
        except Exception as error:
            wrong = f"{type(error).__name__}: {error}"
        self.that(name, wrong)


def check_schema(tally):
    messages, enums = schema.of_table((ROOT / "src/udm/schema.tsv").read_text())
    true_messages, true_enums = schema.of_descriptor(UDM.DESCRIPTOR)
    odd = schema.odd_json_names(UDM.DESCRIPTOR)
    tally.that("schema: JSON names", f"expected lowerCamelCase, but found {odd}" if odd else None)
    for name in sorted(messages.keys() | true_messages.keys()):
        # What Google's documents tell and its package does not yet have is marked; the rest has to agree.
        fields = [(field, *it) for field, it in messages.get(name, {}).items() if "docs" not in it[1]]
        documented = [field for field, it in messages.get(name, {}).items() if "docs" in it[1]]
        true_fields = [(field, *it) for field, it in true_messages.get(name, {}).items()]
        wrong = differences(fields, true_fields)
        known = set(documented) & true_messages.get(name, {}).keys()
        tally.that(f"schema: {name}", f"the package now has {known}" if known else wrong)
    for name in sorted(enums.keys() | true_enums.keys()):
        values, marks = enums.get(name, ([], set()))
        is_documented = "docs" in marks and name not in true_enums
        true_values = values if is_documented else true_enums.get(name, ([], set()))[0]
        tally.that(f"schema: {name}", differences(values, true_values))


def differences(ours, googles):
    if ours == googles:
        return None
    missing = [it for it in googles if it not in ours]
    extra = [it for it in ours if it not in googles]
    return f"expected {missing or 'the same order'}, but found {extra or 'none of that'}"


def check_forms(tally):
    for line in (HERE / "accepted.jsonl").read_text().splitlines():
        tally.that(f"accepted: {line}", refusal(line))
    for line in (HERE / "refused.jsonl").read_text().splitlines():
        wrong = None if refusal(line) else "expected a refusal, but it was read"
        tally.that(f"refused: {line}", wrong)


def refusal(text):
    """Why Google's reader does not take a text as an event; None if it does."""
    try:
        json_format.Parse(text, UDM(), ignore_unknown_fields=False)
    except json_format.ParseError as error:
        return str(error)
    return None


def check_itself(tally):
    """An event that is spoiled must not pass, else nothing here means anything."""
    whole = {
        "metadata": {"eventTimestamp": "2024-01-02T03:04:05.120Z", "eventType": "GENERIC_EVENT"},
        "principal": {"ip": ["192.0.2.1"], "port": 80},
        "target": {"file": {"size": "1"}},
    }
    tally.that("itself: a right event", event_wrong(whole))
    spoilers = {
        "an unknown field": lambda it: it.update(unknown=1),
        "a name in snake case": lambda it: it["metadata"].update(product_name="x"),
        "an enum's number": lambda it: it["metadata"].update(eventType=100000),
        "an unknown enum value": lambda it: it["metadata"].update(eventType="NO_EVENT"),
        "needless digits": lambda it: it["metadata"].update(eventTimestamp="2024-01-02T03:04:05.100000Z"),
        "a time that is not UTC": lambda it: it["metadata"].update(eventTimestamp="2024-01-02T03:04:05+01:00"),
        "one value for a list": lambda it: it["principal"].update(ip="192.0.2.1"),
        "a number as text": lambda it: it["principal"].update(port="80"),
        "a long number as number": lambda it: it["target"]["file"].update(size=1),
        "a default": lambda it: it["principal"].update(hostname=""),
        "an empty list": lambda it: it["principal"].update(mac=[]),
        "null": lambda it: it["principal"].update(hostname=None),
    }
    for name, spoil in spoilers.items():
        event = copy.deepcopy(whole)
        spoil(event)
        tally.that(f"itself: {name}", None if event_wrong(event) else "expected a refusal, but it passed")


def check_golden(path):
    options = options_of(path)
    for index, event in enumerate(read(path)["events"]):
        wrong = event_wrong(event, options.get("field_names") == "proto")
        if wrong:
            return f"events[{index}]: {wrong}"
    return None


def event_wrong(event, proto_names=False):
    """What is wrong with an event: Google's reader refuses it, or Google's writer writes it otherwise."""
    event, _ = without_user_agent(event)
    wrong = refusal(json.dumps(event))
    if wrong:
        return wrong
    return unequal(written(event, proto_names), event)


def written(event, proto_names):
    message = json_format.ParseDict(event, UDM())
    return json_format.MessageToDict(message, preserving_proto_field_name=proto_names)


def check_command(path):
    """The events of the command in proto names, against those of the golden written so by Google."""
    log_type = path.parent.parent.name.upper()
    raw = path.with_name(path.name.removesuffix(".udm.json") + ".raw")
    command = [COMMAND, "transform", "--log-type", log_type, "--names", "proto", *flags(options_of(path)), raw]
    golden = read(path)
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    status = 2 if golden["rejections"] else 0
    if done.returncode != status:
        told = done.stderr.decode(errors="replace").strip()
        return f"expected exit status {status}, but found {done.returncode}: {told}"
    events = [loads(line) for line in done.stdout.decode().splitlines()]
    if len(events) != len(golden["events"]):
        return f"expected {len(golden['events'])} events, but found {len(events)}"
    for index, (event, expected) in enumerate(zip(events, golden["events"])):
        event, agent = without_user_agent(event)
        expected, expected_agent = without_user_agent(expected)
        wrong = refusal(json.dumps(event))
        wrong = wrong or unequal(written(expected, True), event)
        wrong = wrong or unequal(lower_camel_keys(expected_agent), lower_camel_keys(agent))
        if wrong:
            return f"events[{index}]: {wrong}"
    return None


def flags(options):
    """A case's options as the command takes them."""
    flags = []
    if "split_delimiter" in options:
        escaped = options["split_delimiter"].replace("\\", "\\\\").replace("\0", "\\0")
        escaped = escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
        flags.append(f"--split-delimiter={escaped}")
    if "namespace" in options:
        flags.append(f"--namespace={options['namespace']}")
    for label in options.get("labels", []):
        rbac = ",rbac" if label.get("rbac_enabled") else ""
        flags.append(f"--label={label['key']}={label.get('value', '')}{rbac}")
    return flags


def options_of(path):
    options = path.with_name(path.name.removesuffix(".udm.json") + ".options.json")
    return read(options) if options.exists() else {}


def without_user_agent(event):
    """The event without its parsed user agent, and that."""
    event = copy.deepcopy(event)
    http = event.get("network", {}).get("http", {})
    agent = http.pop("parsedUserAgent", None) or http.pop("parsed_user_agent", None)
    return event, agent


def lower_camel_keys(value):
    if isinstance(value, dict):
        return {schema.lower_camel(key): lower_camel_keys(it) for key, it in value.items()}
    if isinstance(value, list):
        return [lower_camel_keys(it) for it in value]
    return value


def unequal(expected, found, path=""):
    """Where two JSON values differ first; scalars as texts, so that 1, 1.0 and true are three values."""
    if isinstance(expected, dict) and isinstance(found, dict):
        keys = [*expected, *(it for it in found if it not in expected)]
        nothing = Nothing()
        parts = [(f"{path}.{it}", expected.get(it, nothing), found.get(it, nothing)) for it in keys]
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        parts = [(f"{path}[{index}]", *it) for index, it in enumerate(zip(expected, found))]
    else:
        same = type(expected) is type(found) and expected == found
        return None if same else f"expected {expected!r} at {path.removeprefix('.')}, but found {found!r}"
    wrongs = (unequal(expected, found, path) for path, expected, found in parts)
    return next((it for it in wrongs if it), None)


def read(path):
    return loads(path.read_text(encoding="utf-8"))


def loads(text):
    """JSON in which no object has a key twice."""
    return json.loads(text, object_pairs_hook=distinct)


def distinct(pairs):
    keys = [key for key, _ in pairs]
    for key in keys:
        if keys.count(key) > 1:
            raise ValueError(f"expected {key!r} once, but found it {keys.count(key)} times")
    return dict(pairs)


if __name__ == "__main__":
    main()
