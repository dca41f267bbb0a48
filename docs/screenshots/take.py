"""Takes the pictures in this folder from a platform that runs with its demo: `make screenshots`.

Every page is opened in light, in dark and at the width of a phone. A console error, a violation of the
content policy, a failed request or a request to another host ends the run with exit code 1.
"""

import argparse
import io
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import joblib
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from docs.screenshots import traffic
from docs.screenshots.palette import shrink

HERE = Path(__file__).resolve().parent
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
VARIANTS = {"light": ("light", DESKTOP), "dark": ("dark", DESKTOP), "phone": ("light", PHONE)}
# A model that its owner has to look at: it does not say what she expects.
REFUSED_MODEL = "ticket-topics"
SHOWN_MODEL, TRIED_MODEL = "breast-cancer", "wine"
MAX_BYTES = 150_000
MAX_HEIGHT = 1_300
WAIT_MS = 90_000


@dataclass
class Problems:
    """What went wrong in the browser, in words."""

    host: str
    found: list[str] = field(default_factory=list)

    def watch(self, context: BrowserContext) -> None:
        """Note every error of every page of `context`."""
        context.on(
            "console",
            lambda message: message.type == "error" and self.found.append(f"console: {message.text}"),
        )
        context.on("weberror", lambda error: self.found.append(f"script: {error.error}"))
        context.on("request", lambda request: self._check_host(request.url))
        context.on(
            "response",
            lambda answer: answer.status >= 400 and self.found.append(f"{answer.status}: {answer.url}"),
        )

    def _check_host(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.netloc != self.host:
            self.found.append(f"request to another host: {url}")


def main() -> int:
    """Take every picture; 1 when a page misbehaved."""
    options = _options()
    problems = Problems(urlsplit(options.url).netloc)
    options.out.mkdir(parents=True, exist_ok=True)
    if options.api_key:
        traffic.send(options.url, options.api_key)
    if options.traffic_only:
        return 0
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        state = _log_in(browser, options, problems)
        pages = _addresses(browser, options, state, problems)
        for variant in VARIANTS:
            _take(browser, options, state, problems, pages, variant)
        browser.close()
    for problem in problems.found:
        sys.stderr.write(f"{problem}\n")
    return 1 if problems.found else 0


def _options() -> argparse.Namespace:
    facts = _demo_facts()
    parser = argparse.ArgumentParser(description=__doc__)
    for name, key in (("url", "URL"), ("email", "ADMIN_EMAIL"), ("password", "ADMIN_PASSWORD")):
        parser.add_argument(f"--{name}", default=facts.get(key), required=key not in facts)
    parser.add_argument("--api-key", default=facts.get("API_KEY"), help="Sends some predictions with it first.")
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument("--traffic-only", action="store_true", help="Send the predictions and take no picture.")
    parser.add_argument("--only", default="", help="Take only the pictures whose names begin so.")
    options = parser.parse_args()
    options.url = options.url.rstrip("/")
    return options


def _demo_facts() -> dict[str, str]:
    """What the running demo wrote down about itself."""
    path = Path(os.environ.get("VAR_DIR", HERE.parent.parent / "var")) / "demo.env"
    if not path.exists():
        return {}
    lines = [line.partition("=") for line in path.read_text().splitlines()]
    return {name.strip(): value.strip() for name, _, value in lines if value}


def _open(browser: Browser, problems: Problems, variant: str, state: dict | None = None) -> Page:
    scheme, size = VARIANTS[variant]
    context = browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce", storage_state=state)
    problems.watch(context)
    return context.new_page()


def _log_in(browser: Browser, options: argparse.Namespace, problems: Problems) -> dict:
    """The cookies of somebody who is signed in."""
    page = _open(browser, problems, "light")
    page.goto(f"{options.url}/admin/login/")
    page.fill("input[name=username]", options.email)
    page.fill("input[name=password]", options.password)
    page.click("button[type=submit]")
    page.wait_for_selector("#nav-sidebar-inner", state="attached", timeout=WAIT_MS)
    state = page.context.storage_state()
    page.context.close()
    return dict(state)


def _addresses(browser: Browser, options: argparse.Namespace, state: dict, problems: Problems) -> dict[str, str]:
    """Picture name to address. Uploads, through the form, what the pictures need and isn't there yet."""
    page = _open(browser, problems, "light", state)
    admin = f"{options.url}/admin"
    refused = _first_link(page, f"{admin}/registry/modelversion/?q={REFUSED_MODEL}") or _upload_refused(page, admin)
    if not _first_link(page, f"{admin}/registry/modelversion/?q={SHOWN_MODEL}:2"):
        _upload_rival(page, admin)
    live = _first_link(page, f"{admin}/registry/modelversion/?q={SHOWN_MODEL}&live=yes")
    tried = _first_link(page, f"{admin}/registry/modelversion/?q={TRIED_MODEL}&live=yes")
    model = _first_link(page, f"{admin}/registry/registeredmodel/?q={SHOWN_MODEL}")
    job = _scored(page, admin, _key_in(live)) if live else ""
    single = _first_prediction(page, f"{admin}/predictions/?model={SHOWN_MODEL}&outcome=ok")
    page.context.close()
    if not (live and model and tried):
        raise SystemExit(f"The model {SHOWN_MODEL} isn't live there: run `manage.py demo` first.")
    return {
        "overview": f"{admin}/",
        "upload": f"{admin}/registry/modelversion/add/",
        "version-failed": refused,
        "version-live": live,
        "try": f"{admin}/versions/{_key_in(tried)}/try/",
        "compare": f"{admin}/models/{_key_in(model)}/compare/?first=1&second=2",
        "model": model,
        "models": f"{admin}/registry/registeredmodel/",
        "dashboard": f"{admin}/dashboard/?window=day",
        "dashboard-model": f"{admin}/dashboard/{SHOWN_MODEL}/?window=day",
        "processes": f"{admin}/processes/",
        "clients": f"{admin}/clients/",
        "quality": f"{admin}/dashboard/{SHOWN_MODEL}/quality/?window=month",
        "drift": f"{admin}/dashboard/{SHOWN_MODEL}/drift/",
        "alerts": f"{admin}/monitoring/alert/",
        "errors": f"{admin}/monitoring/errorgroup/",
        "batch": f"{admin}/batch/",
        "batch-job": job,
        "predictions": f"{admin}/predictions/",
        "prediction": single,
    }


def _key_in(address: str) -> str:
    """The row's key in the address of its page."""
    return urlsplit(address).path.rstrip("/").split("/")[-2]


def _first_link(page: Page, address: str) -> str:
    """Where the first row of a list leads, or empty."""
    page.goto(address)
    link = page.query_selector("#result_list tbody th a")
    return str(link.evaluate("element => element.href")) if link else ""


def _first_prediction(page: Page, address: str) -> str:
    """Where the newest prediction of a list leads."""
    page.goto(address)
    return str(page.eval_on_selector("#m-predictions tbody a", "link => link.href"))


def _upload_refused(page: Page, admin: str) -> str:
    """Upload a model that says something else than its owner expects; returns its page."""
    texts = [
        "the printer is jammed",
        "paper stuck in the printer",
        "my invoice is wrong",
        "please refund the invoice",
    ]
    model = make_pipeline(TfidfVectorizer(), LogisticRegression())
    model.fit(texts, ["hardware", "hardware", "billing", "billing"])
    words = {
        "description": "Which team a support ticket belongs to.",
        "sample": json.dumps(texts),
        "expected": json.dumps(["hardware", "hardware", "billing", "hardware"]),
    }
    return _upload(page, admin, REFUSED_MODEL, model, words, verdict="p-danger")


def _upload_rival(page: Page, admin: str) -> str:
    """Upload a second version of the model in the pictures, to compare it with the first."""
    data = load_breast_cancer(as_frame=True)
    names = data.target_names[data.target]
    seen, held_out, told, wanted = train_test_split(data.data, names, test_size=0.2, random_state=7, stratify=names)
    model = RandomForestClassifier(60, random_state=7).fit(seen, told)
    words = {
        "notes": "Trees, to see whether they are worth their size.",
        "metrics": f"accuracy = {model.score(held_out, wanted):.4f}\nheld_out_rows = {len(held_out)}",
    }
    return _upload(page, admin, SHOWN_MODEL, model, words, verdict="p-success")


def _scored(page: Page, admin: str, version: str) -> str:
    """The page of a finished job of bulk scoring; has a file scored if there is none."""
    page.goto(f"{admin}/batch/")
    if not page.query_selector(".p-jobs .p-success"):
        rows = load_breast_cancer(as_frame=True).data.to_csv(index=False).encode()
        page.goto(f"{admin}/versions/{version}/batch/")
        page.set_input_files("#id_file", {"name": "clinic-november.csv", "mimeType": "text/csv", "buffer": rows})
        page.click("text=Send and score")
        page.wait_for_selector(".p-badge.p-success", timeout=WAIT_MS)
        page.goto(f"{admin}/batch/")
    return str(page.eval_on_selector(".p-jobs tr:has(.p-success) a", "link => link.href"))


def _upload(page: Page, admin: str, name: str, model: Any, words: dict[str, str], *, verdict: str) -> str:
    """Upload `model` through the form, wait for the verdict, and return the version's page."""
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    page.goto(f"{admin}/registry/modelversion/add/")
    file = {"name": f"{name}.joblib", "mimeType": "application/octet-stream", "buffer": buffer.getvalue()}
    page.set_input_files("#id_file", file)
    page.fill("#id_name", name)
    page.click("summary:has-text('Prove it')")
    for field_name, text in words.items():
        page.fill(f"#id_{field_name}", text)
    page.click("button[type=submit].p-primary")
    page.wait_for_selector(f"#upload-verdict .{verdict}", timeout=WAIT_MS)
    return str(page.eval_on_selector("#upload-again [data-page]", "link => link.href"))


def _take(
    browser: Browser,
    options: argparse.Namespace,
    state: dict,
    problems: Problems,
    pages: dict[str, str],
    variant: str,
) -> None:
    page = _open(browser, problems, variant, state)
    blank = browser.new_page()
    for name, address in pages.items():
        if not name.startswith(options.only):
            continue
        page.set_viewport_size(VARIANTS[variant][1])
        page.goto(address)
        page.wait_for_load_state("networkidle")
        page.wait_for_selector("#main", timeout=WAIT_MS)
        if name == "try":
            page.click("#try-form button[type=submit]")
            page.wait_for_selector("[data-answer]", timeout=WAIT_MS)
        _fit(page, problems, f"{name}-{variant}")
        picture = options.out / f"{name}-{variant}.png"
        size = picture.write_bytes(shrink(blank, page.screenshot(animations="disabled")))
        if size > MAX_BYTES:
            problems.found.append(f"{picture.name}: {size:,} bytes")
        sys.stdout.write(f"{picture.name}: {size / 1000:.0f} kB\n")
    blank.close()
    page.context.close()


def _fit(page: Page, problems: Problems, name: str) -> None:
    """Make the window as high as the page, within reason; a page wider than its window is a problem."""
    size = page.viewport_size or DESKTOP
    width, height = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    if width > size["width"]:
        problems.found.append(f"{name}: the page is {width} px wide")
    page.set_viewport_size({"width": size["width"], "height": max(size["height"], min(height, MAX_HEIGHT))})
    page.wait_for_timeout(150)


if __name__ == "__main__":
    raise SystemExit(main())
