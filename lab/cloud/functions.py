"""Makes queues, a bucket, functions, their triggers and a schedule at AWS_ENDPOINT_URL, for labs.

    functions.py PREFIX BUCKET FOLDER-OF-PROGRAMS POSTGRES-URL FENCE-KEY URL-OF-CERTIFICATE-LOGS

The functions are programs of this machine: each zip has a `bootstrap` that starts one. An emulator in
a container does not see them; use zips and `deploy/` there.
"""

import io
import json
import os
import sys
import time
import zipfile

import boto3

prefix, bucket, folder, postgres, fence_key, ct_url = sys.argv[1:]
# Seconds that the functions have for an event. What failed comes again when the visibility of its queue
# is over: six times as long, as AWS advises, would make a lab wait.
TIMEOUTS = {"manager": 15, "external": 40, "internal": 40, "bare-metal": 40}
VISIBILITY = 1.25


def client(service):
    where = {"endpoint_url": os.environ["AWS_ENDPOINT_URL"], "region_name": os.environ["AWS_REGION"]}
    return boto3.client(service, **where)


sqs, s3, functions, events = map(client, ["sqs", "s3", "lambda", "events"])


def queue(kind):
    """Makes a queue and its dead-letter queue."""
    name = f"{prefix}-{kind}"

    def make(name, **attributes):
        url = sqs.create_queue(
            QueueName=name, Attributes={"MaximumMessageSize": "1048576"} | attributes
        )["QueueUrl"]
        asked = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return asked["Attributes"]["QueueArn"]

    dead = make(f"{name}-dead", MessageRetentionPeriod="1209600")
    policy = json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": 20})
    visibility = str(int(TIMEOUTS[kind] * VISIBILITY))
    return make(name, VisibilityTimeout=visibility, RedrivePolicy=policy)


def function(kind, **variables):
    """Makes a function that is a program of this machine."""
    name = f"{prefix}-{kind}"
    program = os.path.abspath(f"{folder}/sortie-{kind}")
    entry = zipfile.ZipInfo("bootstrap")
    entry.external_attr = 0o755 << 16
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(entry, f"#!/bin/sh\nexec '{program}'\n")
    common = {
        "SORTIE_SQS_PREFIX": prefix,
        "SORTIE_BUCKET": bucket,
        "SORTIE_LOG": os.environ.get("SORTIE_LOG", "info"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    made = functions.create_function(
        FunctionName=name,
        Runtime="provided.al2023",
        Handler="bootstrap",
        Role="arn:aws:iam::000000000000:role/lab",
        Code={"ZipFile": packed.getvalue()},
        Timeout=TIMEOUTS[kind],
        MemorySize=1792,
        Environment={"Variables": common | variables},
    )
    functions.get_waiter("function_active_v2").wait(
        FunctionName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 600}
    )
    # Lambda would repeat a direct invocation that failed, after one minute and after two more.
    functions.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=2)
    return made["FunctionArn"]


def trigger(name, source, batch):
    made = functions.create_event_source_mapping(
        FunctionName=name,
        EventSourceArn=source,
        BatchSize=batch,
        # More than 10 needs a window on AWS, and here the emulator would wait for it in full.
        MaximumBatchingWindowInSeconds=0 if batch <= 10 else 1,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    while functions.get_event_source_mapping(UUID=made["UUID"])["State"] != "Enabled":
        time.sleep(0.05)


def user(name):
    """The URL of the database for the user of a program."""
    return postgres.replace("//sortie@", f"//lab_{name}@", 1)


queues = {kind: queue(kind) for kind in TIMEOUTS}
s3.create_bucket(Bucket=bucket)
direct = {"SORTIE_INVOKE_EXTERNAL": f"{prefix}-external"} if os.environ.get("SORTIE_LAB_DIRECT") else {}
manager = function("manager", SORTIE_POSTGRES_URL=user("manager"), SORTIE_FENCE_KEY=fence_key, **direct)
function("external", SORTIE_SOURCE_CRTSH_URL=ct_url)
function("internal", SORTIE_POSTGRES_URL=user("internal"))
for kind in ["manager", "external", "internal"]:
    trigger(f"{prefix}-{kind}", queues[kind], 10)
# The shortest interval that there is.
events.put_rule(Name=f"{prefix}-tick", ScheduleExpression="rate(1 minute)", State="ENABLED")
events.put_targets(Rule=f"{prefix}-tick", Targets=[{"Id": "manager", "Arn": manager}])
