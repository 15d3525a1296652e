"use strict";

const messages = JSON.parse(document.getElementById("messages")?.textContent ?? "{}");

/* A message in the language of the page, with {name} replaced by values. */
function say(message, values = {}) {
  return (messages[message] ?? message).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/* An element with attributes and children; what comes from data is only ever set as text. */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== undefined && child !== null));
  return made;
}

/* Put a form back and act on it in one turn, so that nobody sees the one without the other. */
function whenReset(form, then) {
  form.querySelector("[type=reset]").addEventListener("click", (event) => {
    event.preventDefault();
    form.reset();
    then();
  });
}

/* The state of a page is its query, so that a link to what one sees can be sent. Defaults are left out. */
const state = {
  read: () => new URLSearchParams(location.search),
  write(values) {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(values)) if (value) query.set(name, value);
    const text = query.toString();
    history.replaceState(null, "", `${text ? `?${text}` : location.pathname}${location.hash}`);
    for (const link of document.querySelectorAll("a[hreflang]")) {
      link.search = text;
      link.hash = location.hash;
    }
  },
};
