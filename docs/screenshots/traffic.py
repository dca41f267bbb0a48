"""Some predictions, so that the dashboard in the pictures has something to show."""

import json
import random
import urllib.error
import urllib.request

from sklearn import datasets

REQUESTS_PER_MODEL = 80
_DATA = {
    "breast-cancer": datasets.load_breast_cancer,
    "wine": datasets.load_wine,
    "diabetes": datasets.load_diabetes,
}


def send(url: str, api_key: str) -> None:
    """Ask the demo's models real questions; now and then one with a column too few, and one twice."""
    chance = random.Random(7)  # noqa: S311 - nothing secret: the pictures should come out alike
    for name, load in _DATA.items():
        rows = load().data.tolist()
        for number in range(REQUESTS_PER_MODEL):
            row = rows[0] if number % 7 == 0 else chance.choice(rows)
            _predict(url, api_key, name, row[:-1] if number % 23 == 22 else row)


def _predict(url: str, api_key: str, name: str, row: list[float]) -> None:
    body = json.dumps({"instances": [row]}).encode()
    headers = {"X-API-Key": api_key, "Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/api/v1/predict/{name}", data=body, headers=headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            answer.read()
    except urllib.error.HTTPError as error:
        if error.code != 422:
            raise
