// While an activation runs: says how many serving processes are warm. Pressing twice does nothing.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("activation-form");
  if (!form) {
    return;
  }
  const bar = document.getElementById("activation-progress");

  async function look() {
    try {
      const answer = await fetch(form.dataset.progressUrl, { headers: { Accept: "application/json" }, redirect: "error" });
      const state = answer.ok ? await answer.json() : null;
      if (state && state.of) {
        bar.querySelector("span").style.width = `${Math.round((100 * state.done) / state.of)}%`;
        bar.querySelector("[data-step]").textContent = `${state.done} of ${state.of} serving processes are warm`;
      }
    } catch {
      // The answer of the form is what counts.
    }
    window.setTimeout(look, 500);
  }

  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    bar.hidden = false;
    window.setTimeout(look, 500);
  });
  window.addEventListener("pageshow", () => { delete form.dataset.sent; });
});
