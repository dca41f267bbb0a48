"""manage.py drift REF"""

import json
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive, make_aware

from monitoring.drift import checking, reading, references
from monitoring.drift.errors import NoReference, SpanInvalid, TooFewRows
from monitoring.drift.models import DriftCheck, DriftResult
from monitoring.drift.serializers import CheckSerializer, DriftResultSerializer
from registry import names, resolver
from registry.errors import RegistryError
from registry.management.people import find_person
from registry.models import ModelVersion


class Command(BaseCommand):
    help = "Look at what a version was asked and answered of late, beside its reference; or take a reference."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("reference", metavar="REF", help="`churn` (what is live) or `churn:3`.")
        parser.add_argument("--hours", type=float, default=None, help="How far back to look.")
        parser.add_argument("--take-reference", action="store_true", help="Take a reference from the records first.")
        parser.add_argument("--since", default="", help="From when the reference is taken (ISO 8601).")
        parser.add_argument("--until", default="", help="Until when; now when left out.")
        parser.add_argument("--by", default="", help="Who does it (e-mail address); default: the only superuser.")
        parser.add_argument("--json", action="store_true", help="Print JSON.")

    def handle(self, *args: Any, reference: str, **options: Any) -> None:
        person = find_person(options["by"])
        try:
            version = _version(reference, person)
            if options["take_reference"]:
                since, until = _moment("--since", options["since"]), _moment("--until", options["until"])
                taken = references.from_window(version=version, by=person, since=since, until=until)
                self.stderr.write(f"The reference of {version} has {taken.rows} rows.")
            check = checking.check(version, hours=options["hours"])
        except (RegistryError, NoReference, SpanInvalid, TooFewRows) as error:
            raise CommandError(str(error)) from error
        results = list(check.results.all())
        if options["json"]:
            told = {**CheckSerializer(check).data, "results": DriftResultSerializer(results, many=True).data}
            self.stdout.write(json.dumps(told, indent=2, default=str))
        else:
            self._table(check, results)

    def _table(self, check: DriftCheck, results: list[DriftResult]) -> None:
        verdict = {True: "drifted", False: "no drift", None: "too few rows to tell"}[check.is_drifted]
        self.stdout.write(f"{check.version}: {verdict}; {check.rows} rows of {check.requests} requests. {check.note}")
        for row in results:
            word = {True: "DRIFTED", False: "", None: row.reason}[row.is_drifted]
            value = "-" if row.value is None else f"{row.value:.4f}"
            chance = "-" if row.p_value is None else f"{row.p_value:.2g}"
            self.stdout.write(
                f"  {row.role:<10}  {row.feature:<24.24}  {row.statistic}={value} (from {row.threshold:g})"
                f"  p={chance}  {row.reference_rows}/{row.rows} rows  {word}".rstrip()
            )


def _version(text: str, person: Any) -> ModelVersion:
    parsed = names.parse(text)
    if parsed is None:
        raise CommandError(f"{text!r} names no version.")
    model = resolver.find_model(text.partition(":")[0].partition("@")[0], user=person)
    if parsed.version is not None:
        return resolver.find_version(model, parsed.version)
    live = reading.live_version(model)
    if live is None:
        raise CommandError(f"No version of {model.name} is live: name one, as {model.name}:1.")
    return live


def _moment(name: str, text: str) -> datetime | None:
    if not text:
        return None
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None:
        raise CommandError(f"{name} takes a moment, such as 2026-01-31T12:00:00Z.")
    return make_aware(found) if is_naive(found) else found
