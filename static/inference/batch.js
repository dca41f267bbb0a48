// Follows batch jobs. Without this script the page shows them as they were when it was loaded.
"use strict";

// The admin's shell writes the name of a chosen file into a text field above it, and stumbles where there is none.
document.addEventListener("change", (event) => event.target.type === "file" && event.stopPropagation(), true);

document.addEventListener("DOMContentLoaded", () => {
  const EVERY_MS = 1500;

  async function look() {
    const shown = document.querySelector("#batch[data-follow]");
    if (!shown) {
      return;
    }
    try {
      const answer = await fetch(location.href, { redirect: "error" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("batch");
      if (answer.ok && fresh && !shown.contains(document.activeElement)) {
        shown.replaceWith(document.adoptNode(fresh));
        window.localiseTimes(document.getElementById("batch"));
      }
    } catch {
      // The server is not there at the moment; ask again.
    }
    setTimeout(look, EVERY_MS);
  }

  setTimeout(look, EVERY_MS);
});
