"""Reads OpenMetrics text from standard input with Prometheus' own parser, and prints what it found as JSON."""

import json
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families

families = {}
for family in text_string_to_metric_families(sys.stdin.buffer.read().decode()):
    assert family.name not in families, family.name
    samples = [[sample.name, sample.labels, float(sample.value)] for sample in family.samples]
    families[family.name] = {
        "type": family.type,
        "unit": family.unit,
        "help": family.documentation,
        "samples": samples,
    }
json.dump(families, sys.stdout)
