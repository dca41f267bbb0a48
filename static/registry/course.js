// Follows a validation: asks every second where it is, and shows the step, the share and what came before.
// Used by the upload page and by the page of a version; each says what to do at the end.
"use strict";

window.followValidation = function followValidation(panel, url, ended) {
  const startedAt = Date.now();
  const patience = 20000;
  const seen = panel.querySelector("[data-seen]");
  let last = "";

  function note(step) {
    if (!seen || !step || step === last) {
      return;
    }
    for (const item of seen.children) {
      item.dataset.state = "done";
    }
    const item = document.createElement("li");
    item.textContent = step;
    seen.append(item);
    last = step;
  }

  function show(state) {
    panel.querySelector("[data-label]").textContent = state.label;
    panel.querySelector("[data-step]").textContent = state.step;
    panel.querySelector("[data-percent]").textContent = `${state.percent} %`;
    panel.querySelector(".p-bar > span").style.width = `${state.percent}%`;
    panel.querySelector("[data-late]").hidden = state.status !== "pending" || Date.now() - startedAt < patience;
    note(state.step);
  }

  async function look() {
    try {
      const answer = await fetch(url, { headers: { Accept: "application/json" }, redirect: "error" });
      if (answer.ok) {
        const state = await answer.json();
        if (state.has_ended) {
          ended(state);
          return;
        }
        show(state);
      }
    } catch {
      // The server may be restarting: look again.
    }
    window.setTimeout(look, 700);
  }

  window.setTimeout(look, 300);
};

document.addEventListener("DOMContentLoaded", () => {
  const panel = document.getElementById("validation");
  if (panel && panel.dataset.url) {
    panel.querySelector("[data-reload]").hidden = true;
    window.followValidation(panel, panel.dataset.url, () => window.location.reload());
  }
});
