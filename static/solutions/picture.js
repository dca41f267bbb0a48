// Lets a picture be dropped on its field, and keeps it there when the answer has come. Without this script the field is
// an ordinary one.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  let kept = null;

  function field() {
    return document.querySelector("#try-form input[type=file]");
  }

  function keep(files) {
    const input = field();
    if (input && files && files.length) {
      input.files = files;
      kept = files;
    }
  }

  function place(target) {
    const input = field();
    return input && target instanceof Element ? target.closest(".p-field:has(input[type=file])") : null;
  }

  document.addEventListener("change", (event) => {
    if (event.target === field()) {
      kept = event.target.files.length ? event.target.files : null;
    }
  });
  for (const kind of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      const over = place(event.target);
      if (!over) {
        return;
      }
      event.preventDefault();
      over.classList.toggle("p-over", kind === "dragover");
      if (kind === "drop") {
        keep(event.dataTransfer.files);
      }
    });
  }
  // The answer comes with a fresh form, whose field is empty.
  new MutationObserver(() => {
    const input = field();
    if (kept && input && !input.files.length) {
      input.files = kept;
    }
  }).observe(document.querySelector(".p-page"), { childList: true, subtree: true });
});
