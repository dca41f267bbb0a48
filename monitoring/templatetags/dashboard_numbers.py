"""The dashboard's way to write numbers, for templates."""

from django import template

from monitoring import numbers

register = template.Library()

register.filter("milliseconds", numbers.milliseconds)
register.filter("percent", numbers.percent)
register.filter("rate", numbers.rate)
