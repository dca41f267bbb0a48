// Keeps the dashboard fresh while it is looked at, and shows its times in the reader's own zone.
"use strict";

(() => {
  const STYLES = {
    hour: { hour: "2-digit", minute: "2-digit" },
    day: { hour: "2-digit", minute: "2-digit" },
    week: { day: "numeric", month: "short" },
  };
  const tooltip = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

  function localise(root) {
    for (const element of root.querySelectorAll("time[data-style]")) {
      const format = new Intl.DateTimeFormat(undefined, STYLES[element.dataset.style]);
      element.title = element.dateTime;
      element.textContent = format.format(new Date(element.dateTime));
      element.dataset.localised = "";
    }
    for (const title of root.querySelectorAll("title[data-at]")) {
      const rest = title.textContent.slice(title.textContent.indexOf("·"));
      title.textContent = `${tooltip.format(new Date(title.dataset.at))} ${rest}`;
    }
    window.localiseTimes?.(root);
  }

  // What the reader has opened, scrolled to or focused stays so when the numbers change.
  function remember(root) {
    return {
      open: [...root.querySelectorAll("details[open][id]")].map((element) => element.id),
      scrolled: [...root.querySelectorAll("[id]")].map((element) => [element.id, element.scrollLeft, element.scrollTop]),
      focused: document.activeElement && root.contains(document.activeElement) ? path(root, document.activeElement) : null,
    };
  }

  function restore(root, state) {
    for (const id of state.open) {
      document.getElementById(id)?.setAttribute("open", "");
    }
    for (const [id, left, top] of state.scrolled) {
      document.getElementById(id)?.scrollTo(left, top);
    }
    if (state.focused) {
      let element = root;
      for (const index of state.focused) {
        element = element?.children[index];
      }
      element?.focus({ preventScroll: true });
    }
  }

  function path(root, element) {
    const indexes = [];
    for (let at = element; at !== root; at = at.parentElement) {
      indexes.unshift([...at.parentElement.children].indexOf(at));
    }
    return indexes;
  }

  function isReading(root) {
    const selection = window.getSelection();
    return !selection.isCollapsed && root.contains(selection.anchorNode);
  }

  function keepFresh(root, status) {
    const every = Number(root.dataset.seconds) * 1000;
    let timer = 0;
    let request = null;

    async function refresh() {
      if (isReading(root)) {
        return true;
      }
      request = new AbortController();
      const response = await fetch(root.dataset.fragment, { cache: "no-store", redirect: "manual", signal: request.signal });
      if (response.type === "opaqueredirect" || [400, 403, 404].includes(response.status)) {
        status.textContent = "No longer refreshed: reload the page to sign in again.";
        return false;
      }
      if (!response.ok) {
        throw new Error(String(response.status));
      }
      const state = remember(root);
      root.innerHTML = await response.text();
      localise(root);
      restore(root, state);
      status.textContent = `Refreshed every ${every / 1000} seconds while this page is visible.`;
      return true;
    }

    async function turn() {
      let goesOn = true;
      try {
        goesOn = await refresh();
      } catch (error) {
        if (error.name === "AbortError") {
          return;
        }
        status.textContent = "The last refresh failed; the numbers are older than they could be. Trying again.";
      }
      if (goesOn && !document.hidden) {
        timer = window.setTimeout(turn, every);
      }
    }

    function stop() {
      window.clearTimeout(timer);
      request?.abort();
    }

    document.addEventListener("visibilitychange", () => {
      stop();
      if (!document.hidden) {
        turn();
      }
    });
    window.addEventListener("pagehide", stop);
    status.textContent = `Refreshed every ${every / 1000} seconds while this page is visible.`;
    if (!document.hidden) {
      timer = window.setTimeout(turn, every);
    }
  }

  // <form data-moments>: times are typed in the reader's own zone and sent as moments.
  function sendMoments(form) {
    const fields = [...form.querySelectorAll("[data-moment]")];
    for (const field of fields) {
      const moment = new Date(field.dataset.moment);
      if (field.dataset.moment && !Number.isNaN(moment.getTime())) {
        field.value = new Date(moment.getTime() - 60000 * moment.getTimezoneOffset()).toISOString().slice(0, 16);
      }
    }
    form.addEventListener("formdata", (event) => {
      for (const [name, value] of [...event.formData]) {
        if (value === "") {
          event.formData.delete(name);
        }
      }
      for (const field of fields) {
        const typed = new Date(field.value);
        if (field.value && !Number.isNaN(typed.getTime())) {
          event.formData.set(field.name, typed.toISOString());
        }
      }
    });
  }

  for (const form of document.querySelectorAll("form[data-moments]")) {
    sendMoments(form);
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      document.querySelector(".m-more[open]")?.removeAttribute("open");
    }
  });

  const root = document.querySelector("[data-fragment]");
  const status = document.querySelector("[data-refresh-status]");
  if (root && status) {
    localise(root);
    if (Number(root.dataset.seconds) > 0) {
      keepFresh(root, status);
    }
  }
})();
