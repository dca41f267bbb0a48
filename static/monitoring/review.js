// The keys on the buttons of the review queue. Without this script the buttons work as they are.
"use strict";

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) {
    return;
  }
  if (event.target.closest?.("input, textarea, select, [contenteditable]")) {
    return;
  }
  for (const button of document.querySelectorAll("form[data-keys] button[data-key]")) {
    if (button.dataset.key === event.key.toLowerCase()) {
      event.preventDefault();
      button.click();
      return;
    }
  }
});

// One judgement for one prediction: a second click while the first is on its way does nothing.
for (const form of document.querySelectorAll("form[data-keys]")) {
  form.addEventListener("submit", (event) => {
    if (document.body.dataset.sent) {
      event.preventDefault();
    }
    document.body.dataset.sent = "1";
  });
}
window.addEventListener("pageshow", () => delete document.body.dataset.sent);
