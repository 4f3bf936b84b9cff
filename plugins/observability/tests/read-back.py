#!/usr/bin/env python3
"""Exports one span, one metric and one log record, and prints as JSON what the SDKs make of this process's environment."""

import json
import logging

import ddtrace
import sentry_sdk
from ddtrace.internal.settings._agent import config as agent
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagate import get_global_textmap
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor


def export():
    traces = TracerProvider()
    traces.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
    traces.get_tracer("read-back").start_span("one").end()
    metrics = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())])
    metrics.get_meter("read-back").create_counter("one").add(1)
    metrics.shutdown()
    logs = LoggerProvider()
    logs.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter()))
    logs.get_logger("read-back").emit(body="one", severity_number=SeverityNumber.INFO)
    logs.shutdown()
    return traces


logging.basicConfig(level=logging.ERROR)
traces = export()
sentry_sdk.init()
sentry = sentry_sdk.get_client().options
print(json.dumps({
    "attributes": dict(Resource.create().attributes),
    "sampler": traces.sampler.get_description(),
    "propagators": sorted(get_global_textmap().fields),
    "datadog": {
        "service": ddtrace.config.service,
        "env": ddtrace.config.env,
        "version": ddtrace.config.version,
        "tags": dict(ddtrace.config.tags),
        "agent": agent.trace_agent_url,
        "statsd": agent.dogstatsd_url,
        "rules": ddtrace.config._trace_sampling_rules,
    },
    "sentry": {
        "dsn": sentry["dsn"],
        "environment": sentry["environment"],
        "release": sentry["release"],
        "trace": sentry_sdk.get_traceparent().split("-")[0],
    },
}))
