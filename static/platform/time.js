// Shows every <time datetime="…"> in the reader's own zone; the title keeps the exact moment.
"use strict";

window.localiseTimes = function localiseTimes(root) {
  const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  for (const element of root.querySelectorAll("time[datetime]:not([data-localised])")) {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.getTime())) {
      continue;
    }
    element.title = element.dateTime;
    element.textContent = format.format(moment);
    element.dataset.localised = "";
  }
};

document.addEventListener("DOMContentLoaded", () => window.localiseTimes(document));
