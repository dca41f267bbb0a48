// While a version is being validated: asks every second where validation is, and reloads the page when it ends.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const panel = document.getElementById("validation");
  if (!panel) {
    return;
  }
  const startedAt = Date.now();
  const patience = 20000;

  function show(state) {
    panel.querySelector("[data-label]").textContent = state.label;
    panel.querySelector("[data-step]").textContent = state.step;
    panel.querySelector("[data-percent]").textContent = `${state.percent} %`;
    panel.querySelector(".p-bar > span").style.width = `${state.percent}%`;
    panel.querySelector("[data-late]").hidden = state.status !== "pending" || Date.now() - startedAt < patience;
  }

  async function look() {
    try {
      const answer = await fetch(panel.dataset.url, { headers: { Accept: "application/json" }, redirect: "error" });
      if (answer.ok) {
        const state = await answer.json();
        if (state.has_ended) {
          window.location.reload();
          return;
        }
        show(state);
      }
    } catch {
      // The server may be restarting: look again.
    }
    window.setTimeout(look, 1000);
  }

  panel.querySelector("[data-reload]").hidden = true;
  window.setTimeout(look, 1000);
});
