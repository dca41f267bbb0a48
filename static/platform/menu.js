// A <details class="p-menu"> closes when something else is pressed, and with Escape.
"use strict";

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.p-menu[open]")) {
    if (!menu.contains(event.target)) {
      menu.open = false;
    }
  }
});

document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && document.querySelector("details.p-menu[open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
