/* Tables that sort, filter and choose their columns. Without this script the page is the same, whole and in order. */
const form = document.querySelector("form.filters");
const sections = [...document.querySelectorAll("section.corpus")];
const boards = [...document.querySelectorAll("table.board")];
const further = [...document.querySelectorAll("input.more")];
const columns = [...form.querySelectorAll("[name=column]")];
const names = ["q", "corpus", "task", "kind"];

for (const table of boards) {
  for (const heading of headings(table)) {
    const button = element("button", { type: "button" }, heading.firstChild);
    heading.prepend(button);
    button.addEventListener("click", () => {
      sort(heading, nextOrder(heading));
      save();
    });
  }
}

form.hidden = false;
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("input", apply);
whenReset(form, reset);
for (const box of further) {
  box.addEventListener("change", () => {
    for (const other of further) other.checked = box.checked;
    save();
  });
}
restore();

/* Order. */

function headings(table) {
  return [...table.tHead.querySelectorAll("th[data-key]")];
}

function nextOrder(heading) {
  const first = heading.dataset.first ?? "ascending";
  const other = first === "ascending" ? "descending" : "ascending";
  return heading.getAttribute("aria-sort") === first ? other : first;
}

function sort(heading, order) {
  const table = heading.closest("table");
  const key = heading.dataset.key;
  for (const one of headings(table)) one.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", order);
  const body = table.tBodies[0];
  const sign = order === "ascending" ? 1 : -1;
  const rows = [...body.rows].map((row) => ({ row, value: valueOf(row, key) }));
  rows.sort((a, b) => compare(a.value, b.value, sign));
  body.append(...rows.map(({ row }) => row));
  if ("ranks" in heading.dataset) showRanks(table, key, heading.dataset.label);
  const column = heading.dataset.label ?? heading.textContent.trim();
  const said = order === "ascending" ? say("Sorted by {column}, ascending.", { column }) : say("Sorted by {column}, descending.", { column });
  table.closest("section").querySelector("[role=status]").textContent = said;
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

function showRanks(table, key, metric) {
  table.querySelector("[data-rank-label]").textContent = say("by {metric}", { metric });
  for (const row of table.tBodies[0].rows) {
    row.querySelector(".rank").textContent = row.querySelector(`[data-key="${key}"]`).dataset.rank;
  }
}

/* Filters. A section of another corpus or task goes as a whole; one without a fitting system says so. */

function apply() {
  let shown = 0;
  let all = 0;
  const words = form.elements.q.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  for (const section of sections) {
    const fits = ["corpus", "task"].every((name) => [undefined, "", section.dataset[name]].includes(chosen(name)));
    const rows = [...section.querySelectorAll("tr[data-kind]")];
    for (const row of rows) row.hidden = !(fits && fitsRow(row, words));
    const left = rows.filter((row) => !row.hidden);
    section.hidden = !fits;
    shown += left.length;
    all += rows.length;
    const nothing = section.querySelector(".nothing");
    if (nothing) nothing.hidden = !fits || section.querySelector(".board tr[data-kind]:not([hidden])") !== null;
  }
  form.querySelector(".found").textContent =
    shown === all ? say("{n} systems and runs", { n: all }) : say("{n} of {all} systems and runs", { n: shown, all });
  showColumns();
  save();
}

function chosen(name) {
  return form.elements.namedItem(name)?.value;
}

function fitsRow(row, words) {
  const kind = chosen("kind");
  if (kind && row.dataset.kind !== kind) return false;
  const text = [row.textContent, ...[...row.querySelectorAll("a")].map((link) => link.pathname)].join(" ").toLocaleLowerCase();
  return words.every((word) => text.includes(word));
}

/* Columns. */

function showColumns() {
  for (const { value, checked } of columns) {
    for (const cell of document.querySelectorAll(`.board [data-key="${value}"]`)) {
      cell.classList.toggle("off", !checked && !cell.classList.contains("extra"));
      cell.classList.toggle("on", checked && cell.classList.contains("extra"));
    }
  }
}

/* State. */

function save() {
  const values = Object.fromEntries(names.map((name) => [name, chosen(name)?.trim()]));
  const changed = columns.filter((box) => box.checked !== box.defaultChecked);
  values.columns = changed.map((box) => `${box.checked ? "" : "-"}${box.value}`).join(",");
  values.further = further.some((box) => box.checked) ? "1" : "";
  values.sort = boards.map(sorting).filter(Boolean).join(",");
  state.write(values);
}

function sorting(table) {
  const heading = table.tHead.querySelector("[aria-sort]");
  const order = heading?.getAttribute("aria-sort");
  if (!heading || (heading.dataset.key === table.dataset.rankedBy && order === "descending")) return "";
  return `${table.closest("section").getAttribute("aria-labelledby")}.${heading.dataset.key}.${order}`;
}

function restore() {
  const query = state.read();
  for (const name of names) {
    const field = form.elements.namedItem(name);
    if (field && query.has(name)) field.value = query.get(name);
    if (field instanceof HTMLSelectElement && field.selectedIndex < 0) field.value = "";
  }
  for (const change of (query.get("columns") ?? "").split(",").filter(Boolean)) {
    const box = columns.find((one) => one.value === change.replace(/^-/, ""));
    if (box) box.checked = !change.startsWith("-");
  }
  for (const box of further) box.checked = query.get("further") === "1";
  for (const one of (query.get("sort") ?? "").split(",").filter(Boolean)) restoreOrder(one);
  apply();
}

function restoreOrder(text) {
  const [id, key, order] = text.split(".");
  const table = boards.find((one) => one.closest("section").getAttribute("aria-labelledby") === id);
  const heading = table && headings(table).find((one) => one.dataset.key === key);
  if (heading && ["ascending", "descending"].includes(order)) sort(heading, order);
}

function reset() {
  for (const box of further) box.checked = false;
  for (const table of boards) {
    const heading = headings(table).find((one) => one.dataset.key === table.dataset.rankedBy);
    if (heading) sort(heading, "descending");
  }
  apply();
}
