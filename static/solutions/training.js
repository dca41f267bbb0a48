// Follows a training on a solution's page, or a retraining on its own. Without this script the page shows it as it was when it was loaded.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const EVERY_MS = 2000;

  async function look() {
    const shown = document.querySelector("#training[data-training]");
    if (!shown) {
      return;
    }
    try {
      const answer = await fetch(location.pathname, { redirect: "error" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("training");
      if (answer.ok && fresh) {
        if (!fresh.hasAttribute("data-training")) {
          location.reload();
          return;
        }
        if (!shown.contains(document.activeElement)) {
          shown.replaceWith(document.adoptNode(fresh));
          window.localiseTimes(document.getElementById("training"));
        }
      }
    } catch {
      // The server is not there at the moment; ask again.
    }
    setTimeout(look, EVERY_MS);
  }

  setTimeout(look, EVERY_MS);
});
