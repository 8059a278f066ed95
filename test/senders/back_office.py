"""A Python program as somebody would write it who reads OpenTelemetry's own documentation: default temporality, default
aggregation but for one view, settings from the environment. It prints what it did as JSON; nothing here knows the viewer.

    OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 OTEL_SERVICE_NAME=back-office python back_office.py [URL of the shop]
"""

import json
import logging
import math
import sys
import time
import urllib.request

from opentelemetry import metrics, propagate, trace
from opentelemetry._logs import set_logger_provider
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

ROUNDS = 4
ORDERS = {"Web Shop": 700, "phone": 534}
# From 100 to 500 ms: narrow enough for the SDK's 160 buckets to be about 1 % wide.
DURATIONS = [0.1 * 1.0015**step for step in range(1072)]
BASKETS = [3, 12.5, 20, 49.9, 50, 120, 999, 20_000]

tracer_provider = TracerProvider()
tracer_provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(tracer_provider)
tracer = trace.get_tracer("back-office.orders")

meter_provider = MeterProvider(
    metric_readers=[PeriodicExportingMetricReader(OTLPMetricExporter())],
    views=[View(instrument_name="Checkout.Duration", aggregation=ExponentialBucketHistogramAggregation())],
)
metrics.set_meter_provider(meter_provider)
meter = metrics.get_meter("back-office.orders")

logger_provider = LoggerProvider()
logger_provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
set_logger_provider(logger_provider)
log = logging.getLogger("back_office.orders")
log.setLevel(logging.INFO)
log.addHandler(LoggingHandler(logger_provider=logger_provider))

# Without a unit, with capital letters.
orders = meter.create_counter("Shop.Orders", description="Orders that were booked")
open_carts = meter.create_up_down_counter("shop.carts.open", unit="{cart}")
basket = meter.create_histogram("shop.basket.value", unit="EUR")
duration = meter.create_histogram("Checkout.Duration", unit="s")
meter.create_observable_gauge(
    "shop.warehouse.temperature", [lambda _: [metrics.Observation(21.5, {"hall": 7})]], unit="Cel"
)
meter.create_observable_counter("shop.meter.reading", [lambda _: [metrics.Observation(4711)]], unit="kWh")


def share(items, part):
    """Every fourth of them."""
    return items[part::ROUNDS]


def book(part):
    for channel, count in ORDERS.items():
        for _ in share(range(count), part):
            orders.add(1, {"channel": channel, "Priority": part % 2 == 0})
    open_carts.add(3, {"channel": "phone"})
    open_carts.add(-1, {"channel": "phone"})
    for value in share(BASKETS, part):
        basket.record(value)
    for value in share(DURATIONS, part):
        duration.record(value, {"step": "pay"})


def trace_a_round(part, shop):
    with tracer.start_as_current_span("reconcile", kind=trace.SpanKind.PRODUCER) as job:
        job.set_attribute("round", part)
        job.set_attribute("weights", [0.5, 1.5])
        job.add_event("books opened", {"pages": 12})
        log.warning("reconciling %s", part, extra={"ledger": "north"})
        before = job.get_span_context()
    with tracer.start_as_current_span(
        "import orders", kind=trace.SpanKind.CONSUMER, links=[trace.Link(before, {"why": "follows"})]
    ):
        if shop is not None:
            with tracer.start_as_current_span("GET", kind=trace.SpanKind.CLIENT) as span:
                span.set_attributes({"http.request.method": "GET", "url.full": shop})
                headers = {}
                propagate.inject(headers)
                with urllib.request.urlopen(urllib.request.Request(shop, headers=headers)) as answer:
                    span.set_attribute("http.response.status_code", answer.status)
        try:
            with tracer.start_as_current_span("check the sums"):
                raise ValueError(f"the sums of round {part} differ")
        except ValueError:
            log.exception("round %s failed", part)


def main():
    shop = sys.argv[1] if len(sys.argv) > 1 else None
    for part in range(ROUNDS):
        book(part)
        trace_a_round(part, shop)
        time.sleep(1.1)
    for provider in (meter_provider, tracer_provider, logger_provider):
        provider.shutdown()
    print(
        json.dumps(
            {
                "orders": ORDERS,
                "carts": 2 * ROUNDS,
                "baskets": BASKETS,
                "durations": DURATIONS,
                "durationSum": math.fsum(DURATIONS),
                "rounds": ROUNDS,
            }
        )
    )


main()
