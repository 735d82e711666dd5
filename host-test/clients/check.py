"""The checks of the clients; run.py makes the environment they need.

The libraries build, serialise and send the events of one golden: `azure-eventgrid` as a publisher does, `cloudevents`
in each mode of its HTTP binding. Each event then has to come out as the golden says. What comes from the envelope alone
is left out of the comparison: `additional`, and a topic in place of an id.
"""

import copy
import json
import sys
import traceback
from datetime import datetime

import requests
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError
from azure.core.messaging import CloudEvent as AzureCloudEvent
from azure.eventgrid import EventGridEvent, EventGridPublisherClient
from cloudevents.core.bindings import http
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from receiver import PATIENCE, ROOT, Receiver

GOLDENS = ROOT / "src" / "udm" / "azure_devops" / "golden"
SENT = json.loads((GOLDENS / "constructed_eventgrid_batch.raw").read_text())
EXPECTED = json.loads((GOLDENS / "constructed_eventgrid_batch.udm.json").read_text())["events"]
TOPIC = SENT[0]["topic"]
# Percent-encoded in the headers of binary mode.
SUBJECT = 'Prüfung "alles" 100 %'


def main():
    passed = failed = 0
    for name, check in CHECKS.items():
        try:
            with Receiver() as receiver:
                check(receiver)
                end = receiver.end()
            assert end == (0, []), f"expected an end with status 0 and nothing left, but found {end}"
            passed += 1
        except Exception:  # whatever a library raises is a failure of that check alone
            traceback.print_exc(file=sys.stdout)
            print(f"FAILED {name}")
            failed += 1
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


def event_grid_events(receiver):
    publish(receiver, [event_grid_event(it) for it in SENT])
    expect(receiver, EXPECTED)


def one_event_grid_event(receiver):
    publish(receiver, event_grid_event(SENT[3]), headers={"aeg-event-type": "Notification"})
    expect(receiver, EXPECTED[3:4])


def cloud_events_of_the_publisher(receiver):
    publish(receiver, [azure_cloud_event(it, it["data"]) for it in SENT])
    expect(receiver, EXPECTED)


def cloud_events_with_data_of_bytes(receiver):
    publish(receiver, [azure_cloud_event(it, json.dumps(it["data"]).encode()) for it in SENT])
    expect(receiver, EXPECTED)


def a_stranger(receiver):
    try:
        publish(receiver, event_grid_event(SENT[0]), receiver.url("guessed"))
    except HttpResponseError as error:
        assert error.status_code == 503, error
    else:
        raise AssertionError("expected an error, but found none")


def structured(receiver):
    for it in SENT:
        message = http.to_structured(cloud_event(it), JSONFormat())
        post(receiver, message.headers, message.body)
    expect(receiver, EXPECTED)


def binary(receiver):
    for it in SENT:
        message = http.to_binary(cloud_event(it), JSONFormat())
        post(receiver, message.headers, message.body)
    for event in expect(receiver, EXPECTED):
        assert event["additional"]["subject"] == SUBJECT, event["additional"]


def batch(receiver):
    """The library has no batches: as its users do, one is put together of structured events."""
    bodies = [JSONFormat().write(cloud_event(it)) for it in SENT]
    post(receiver, {"content-type": "application/cloudevents-batch+json"}, b"[" + b",".join(bodies) + b"]")
    expect(receiver, EXPECTED)


CHECKS = {
    "azure-eventgrid: a list of EventGridEvent": event_grid_events,
    "azure-eventgrid: an EventGridEvent alone": one_event_grid_event,
    "azure-eventgrid: a list of CloudEvent": cloud_events_of_the_publisher,
    "azure-eventgrid: CloudEvents with data of bytes": cloud_events_with_data_of_bytes,
    "azure-eventgrid: a stranger gets an error": a_stranger,
    "cloudevents: structured": structured,
    "cloudevents: binary": binary,
    "cloudevents: batch": batch,
}


def publish(receiver, events, url=None, **options):
    # Events go on as they were published, so the topic's key has nobody to read it here.
    credential = AzureKeyCredential("unused")
    with EventGridPublisherClient(url or receiver.url(), credential, retry_total=0) as client:
        client.send(events, **options)


def post(receiver, headers, body):
    answer = requests.post(receiver.url(), headers=headers, data=body, timeout=PATIENCE)
    assert answer.status_code == 200, (answer.status_code, answer.text)


def expect(receiver, expected):
    """Compares the next events with these, and gives them."""
    found = receiver.events(len(expected))
    for event, wanted in zip(found, expected, strict=True):
        assert without_envelope(event) == without_envelope(wanted), f"expected {wanted}, but found {event}"
    return found


def without_envelope(event):
    """A topic is the resource's id where nothing else is, and CloudEvents have none."""
    inside = copy.deepcopy({key: value for key, value in event.items() if key != "additional"})
    resource = inside["target"]["resource"]
    if resource.get("productObjectId") == TOPIC:
        del resource["productObjectId"]
    return inside


def event_grid_event(it):
    return EventGridEvent(
        it["subject"],
        it["eventType"],
        it["data"],
        it["dataVersion"],
        id=it["id"],
        topic=it["topic"],
        event_time=time(it),
    )


def azure_cloud_event(it, data):
    return AzureCloudEvent(
        source=it["topic"],
        type=it["eventType"],
        id=it["id"],
        data=data,
        subject=it["subject"],
        time=time(it),
        datacontenttype="application/json",
    )


def cloud_event(it):
    attributes = {
        "id": it["id"],
        "source": it["topic"],
        "type": it["eventType"],
        "subject": SUBJECT,
        "time": time(it),
        "datacontenttype": "application/json",
    }
    return CloudEvent(attributes, it["data"])


def time(it):
    """Python knows no more than microseconds; the audit log inside keeps its own."""
    return datetime.fromisoformat(it["eventTime"])


if __name__ == "__main__":
    main()
