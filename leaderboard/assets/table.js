"use strict";

/* Sortable tables. Without this script the page is the same, in its default order. */
for (const table of document.querySelectorAll("table.board")) {
  const headings = [...table.tHead.querySelectorAll("th[data-key]")];
  for (const heading of headings) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(heading.firstChild);
    heading.prepend(button);
    button.addEventListener("click", () => sort(table, headings, heading));
  }
}

function sort(table, headings, heading) {
  const key = heading.dataset.key;
  const first = heading.dataset.first ?? "ascending";
  const other = first === "ascending" ? "descending" : "ascending";
  const order = heading.getAttribute("aria-sort") === first ? other : first;
  for (const one of headings) one.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", order);

  const body = table.tBodies[0];
  const sign = order === "ascending" ? 1 : -1;
  const rows = [...body.rows].map((row) => ({ row, value: valueOf(row, key) }));
  rows.sort((a, b) => compare(a.value, b.value, sign));
  body.append(...rows.map(({ row }) => row));

  if ("ranks" in heading.dataset) showRanks(table, body, key, heading.dataset.label);
  const label = heading.dataset.label ?? heading.textContent.trim();
  table.closest("section").querySelector("[role=status]").textContent = `Sorted by ${label}, ${order}.`;
}

function valueOf(row, key) {
  return row.querySelector(`[data-key="${key}"]`).dataset.value;
}

/* What has no value stays at the end in both directions. */
function compare(a, b, sign) {
  if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
  const difference = Number(a) - Number(b);
  return sign * (Number.isNaN(difference) ? a.localeCompare(b) : difference);
}

function showRanks(table, body, key, label) {
  table.querySelector("[data-rank-label]").textContent = `by ${label}`;
  for (const row of body.rows) {
    row.querySelector(".rank").textContent = row.querySelector(`[data-key="${key}"]`).dataset.rank;
  }
}
