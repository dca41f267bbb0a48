// The upload form: drag and drop, a check of the size before anything is sent, the progress of what is sent and of
// its validation, and the verdict in place. Without this script the form is an ordinary one.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("upload-form");
  if (!form) {
    return;
  }
  const input = form.elements.file;
  const drop = document.getElementById("upload-drop");
  const chosen = document.getElementById("upload-chosen");
  const submit = form.querySelector("[type=submit]");
  const bar = document.getElementById("upload-progress");
  const course = document.getElementById("upload-course");
  const verdict = document.getElementById("upload-verdict");
  const again = document.getElementById("upload-again");
  const maxBytes = Number(form.dataset.maxBytes);
  // The admin's own script would write the file's name into the first text field of the form; this tells it not to.
  input.hasChangeListener = true;

  function sizeText(bytes) {
    const units = ["bytes", "kB", "MB", "GB"];
    let value = bytes, unit = 0;
    while (value >= 1024 && unit < units.length - 1) {
      value /= 1024;
      unit += 1;
    }
    return `${unit ? value.toFixed(1) : value} ${units[unit]}`;
  }

  function showErrors(errors) {
    for (const slot of form.querySelectorAll("[data-errors]")) {
      const texts = errors[slot.dataset.errors] || [];
      slot.textContent = texts.join(" ");
      slot.hidden = texts.length === 0;
    }
    const first = form.querySelector("[data-errors]:not([hidden])");
    if (first) {
      const details = first.closest("details");
      if (details) {
        details.open = true;
      }
      first.scrollIntoView({ block: "center" });
    }
  }

  function proposeName(filename) {
    if (form.elements.name.value) {
      return;
    }
    const stem = filename.toLowerCase().replace(/\.[a-z0-9.]*$/, "").replace(/[^a-z0-9]+/g, "-");
    form.elements.name.value = stem.replace(/^[^a-z]+|-+$/g, "").slice(0, 64);
  }

  function showChosen() {
    const file = input.files[0];
    chosen.hidden = !file;
    submit.disabled = false;
    if (!file) {
      return;
    }
    chosen.textContent = sizeText(file.size);
    const isTooLarge = file.size > maxBytes;
    showErrors(isTooLarge ? { file: [`This file is larger than ${sizeText(maxBytes)}, the most this platform accepts.`] } : {});
    submit.disabled = isTooLarge;
    proposeName(file.name);
  }

  function showProgress(loaded, total) {
    const percent = total ? Math.round((100 * loaded) / total) : 0;
    bar.hidden = false;
    bar.querySelector("span").style.width = `${percent}%`;
    bar.querySelector("[data-step]").textContent = percent < 100 ? `Uploading ${sizeText(loaded)} of ${sizeText(total)}` : "Checking and storing the file";
    bar.querySelector("[data-percent]").textContent = `${percent} %`;
  }

  function stop(errors) {
    submit.disabled = false;
    bar.hidden = true;
    showErrors(errors);
  }

  function follow(answer) {
    form.hidden = true;
    bar.hidden = true;
    course.hidden = false;
    course.querySelector("[data-name]").textContent = answer.version;
    course.querySelector("[data-page]").href = answer.url;
    course.querySelector("h2").focus();
    window.followValidation(course, answer.progress_url, (state) => showVerdict(answer, state));
  }

  // The verdict is what the version's own page says.
  async function showVerdict(answer, state) {
    const page = await fetch(answer.url, { redirect: "error" }).catch(() => null);
    const html = page && page.ok ? new DOMParser().parseFromString(await page.text(), "text/html") : null;
    const parts = html ? html.querySelectorAll("[data-verdict]") : [];
    if (!parts.length) {
      window.location.assign(answer.url);
      return;
    }
    const title = document.createElement("p");
    title.className = "p-title";
    title.append(document.createElement("strong"));
    title.firstChild.textContent = answer.version;
    verdict.replaceChildren(title, ...parts);
    window.localiseTimes(verdict);
    course.hidden = true;
    verdict.hidden = false;
    again.hidden = false;
    again.querySelector("[data-page]").href = answer.url;
    again.querySelector("[data-again]").textContent = state.status === "failed" ? "Correct it and upload again" : "Upload another file";
    verdict.focus();
  }

  function startAgain() {
    for (const element of [verdict, again, course]) {
      element.hidden = true;
    }
    course.querySelector("[data-seen]").replaceChildren();
    form.hidden = false;
    submit.disabled = false;
    input.focus();
  }

  function answered(request) {
    let answer = null;
    try {
      answer = JSON.parse(request.responseText);
    } catch {
      answer = null;
    }
    if (answer && answer.url) {
      follow(answer);
    } else if (answer && answer.errors) {
      stop(answer.errors);
    } else {
      stop({ __all__: [`The server did not take the upload (status ${request.status}). Reload this page and try again.`] });
    }
  }

  function send(event) {
    event.preventDefault();
    const request = new XMLHttpRequest();
    request.open("POST", window.location.href);
    request.setRequestHeader("X-Requested-With", "XMLHttpRequest");
    request.upload.addEventListener("progress", (step) => showProgress(step.loaded, step.total));
    request.addEventListener("load", () => answered(request));
    request.addEventListener("error", () => stop({ __all__: ["The connection broke before the file was there. Nothing was stored; try again."] }));
    submit.disabled = true;
    showErrors({});
    request.send(new FormData(form));
  }

  for (const kind of ["dragenter", "dragover"]) {
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.add("p-over");
    });
  }
  for (const kind of ["dragleave", "drop"]) {
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.remove("p-over");
    });
  }
  drop.addEventListener("drop", (event) => {
    if (event.dataTransfer.files.length) {
      input.files = event.dataTransfer.files;
      showChosen();
    }
  });
  input.addEventListener("change", showChosen);
  form.addEventListener("submit", send);
  again.querySelector("[data-again]").addEventListener("click", startAgain);
  window.addEventListener("pageshow", showChosen);
});
