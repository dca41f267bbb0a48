// Shows every <time datetime="…"> in the reader's own zone, to the minute or, with data-to="second", to the
// second; the title keeps the exact moment.
"use strict";

window.localiseTimes = function localiseTimes(root) {
  const toTheMinute = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const toTheSecond = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
  for (const element of root.querySelectorAll("time[datetime]:not([data-localised])")) {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.getTime())) {
      continue;
    }
    element.title = element.dateTime;
    element.textContent = (element.dataset.to === "second" ? toTheSecond : toTheMinute).format(moment);
    element.dataset.localised = "";
  }
};

// <form data-local-moment>: what is typed into `at` is meant in the reader's zone; `moment` carries it as an instant.
window.localiseMoments = function localiseMoments() {
  for (const form of document.querySelectorAll("form[data-local-moment]")) {
    const shown = new URLSearchParams(window.location.search).get("moment");
    const moment = shown && new Date(shown);
    if (moment && !Number.isNaN(moment.getTime())) {
      form.elements.at.value = new Date(moment.getTime() - 60000 * moment.getTimezoneOffset()).toISOString().slice(0, 19);
    }
    form.addEventListener("submit", () => {
      const typed = new Date(form.elements.at.value);
      form.elements.moment.value = Number.isNaN(typed.getTime()) ? "" : typed.toISOString();
    });
  }
};

document.addEventListener("DOMContentLoaded", () => {
  window.localiseTimes(document);
  window.localiseMoments();
});
