// The try-it page: asks without leaving the page. Without this script the form is an ordinary one.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const said = document.getElementById("try-said");
  if (!said) {
    return;
  }

  function show(html) {
    const page = new DOMParser().parseFromString(html, "text/html");
    const fresh = page.getElementById("try");
    if (!fresh) {
      return false;
    }
    document.getElementById("try").replaceWith(document.adoptNode(fresh));
    const wrong = fresh.querySelector(".p-field .p-error:not([hidden])");
    const answer = fresh.querySelector("[data-answer]");
    if (wrong) {
      const field = wrong.closest(".p-field").querySelector("input, textarea, select");
      field.focus();
    } else {
      said.textContent = answer ? `The answer is ${answer.textContent}` : "There is no answer.";
      fresh.querySelector("#answer").focus({ preventScroll: true });
      fresh.querySelector("#answer").scrollIntoView({ block: "nearest" });
    }
    return true;
  }

  async function ask(form) {
    const button = form.querySelector("[type=submit]");
    button.disabled = true;
    said.textContent = "Asking the model";
    try {
      const answer = await fetch(form.action, { method: "POST", body: new FormData(form), redirect: "error" });
      if (!answer.ok || !show(await answer.text())) {
        throw new Error(`status ${answer.status}`);
      }
    } catch {
      // Signed out, or the server is not there: the ordinary way shows what is wrong.
      form.submit();
    }
  }

  document.addEventListener("submit", (event) => {
    if (event.target.id === "try-form") {
      event.preventDefault();
      ask(event.target);
    }
  });
});
