/* Two systems of a section under every metric, where they differ most, and all pairs under one metric. */
const source = document.getElementById("data");
const data = JSON.parse(source.textContent);
const form = document.querySelector("form.filters");
const by = document.getElementById("by");
const duel = document.getElementById("duel");
const matrix = document.querySelector("table.matrix");
const pick = form.elements;
const places = new Map(data.systems.map((system, place) => [system.run, place]));
const defaults = { a: pick.a.value, b: pick.b.value, metric: by.elements.metric.value };
const MINUS = "\u2212";

form.hidden = by.hidden = duel.hidden = false;
for (const one of [form, by]) one.addEventListener("submit", (event) => event.preventDefault());
pick.a.addEventListener("change", () => choose("a"));
pick.b.addEventListener("change", () => choose("b"));
by.addEventListener("change", refresh);
document.getElementById("swap").addEventListener("click", () => {
  [pick.a.value, pick.b.value] = [pick.b.value, pick.a.value];
  refresh();
});
/* For the mouse only: by keyboard the same pair is chosen above. */
matrix.addEventListener("click", (event) => {
  const cell = event.target.closest("td");
  const [row, column] = cell ? [cell.parentElement.sectionRowIndex, cell.cellIndex - 1] : [0, 0];
  if (row === column) return;
  [pick.a.value, pick.b.value] = [data.systems[column].run, data.systems[row].run];
  refresh();
  duel.scrollIntoView();
});
let before = { a: pick.a.value, b: pick.b.value };
restore();

/* What is asked for. */

/* The same system on both sides: the other side takes the one that was here. */
function choose(side) {
  const other = side === "a" ? "b" : "a";
  if (pick[side].value === pick[other].value) pick[other].value = before[side];
  refresh();
}

function refresh() {
  before = { a: pick.a.value, b: pick.b.value };
  drawDuel(places.get(before.a), places.get(before.b));
  drawMatrix(data.metrics.find((one) => one.name === by.elements.metric.value));
  save();
}

/* The place of a pair in lists of all pairs (0, 1), (0, 2), ... */
function pairOf(a, b) {
  const [low, high] = a < b ? [a, b] : [b, a];
  return low * data.systems.length - (low * (low + 1)) / 2 + high - low - 1;
}

/* The test of b against a; undefined where there is none. */
function testOf(metric, a, b) {
  const found = data.duels[metric][pairOf(a, b)];
  if (!found) return undefined;
  const [difference, low, high, resolvable, p, winner, ...counts] = found;
  if (a < b) return { difference, low, high, resolvable, p, winner, counts };
  return { difference: -difference, low: -high, high: -low, resolvable, p, winner: -winner, counts: counts.reverse() };
}

/* Drawing. */

function number(look, value) {
  return (value * look.factor).toFixed(look.decimals);
}

function signed(look, value) {
  const text = number(look, Math.abs(value));
  return Number(text) === 0 ? text : `${value < 0 ? MINUS : "+"}${text}`;
}

function drawDuel(a, b) {
  const names = { a: data.systems[a].name, b: data.systems[b].name };
  document.getElementById("duel-title").replaceChildren(element("bdi", {}, names.b), ` ${say("against")} `, element("bdi", {}, names.a));
  duel.querySelector("tbody").replaceChildren(...data.metrics.map((look) => duelRow(look, a, b, names)));
  drawExamples(a, b, names);
}

function duelRow(look, a, b, names) {
  const test = testOf(look.name, a, b);
  const cells = [a, b].map((s) => cell(data.systems[s].scores[look.name] === undefined ? "–" : number(look, data.systems[s].scores[look.name]), s === a ? "A" : "B"));
  const rest = test ? tested(look, test, names) : [element("td", { role: "cell", colspan: "6", class: "na" }, say("no paired test"))];
  return element("tr", { role: "row" }, element("th", { scope: "row", role: "rowheader" }, say(look.label)), ...cells, ...rest);
}

function cell(text, label, style = "number") {
  return element("td", { role: "cell", class: style, "data-label": label }, text);
}

function tested(look, test, names) {
  const range = say("{low} to {high}", { low: signed(look, test.low), high: signed(look, test.high) });
  const difference = cell(element("b", {}, signed(look, test.difference)), say("Difference"));
  difference.append(" ", element("span", { class: "ci" }, range));
  const verdict = test.winner ? element("b", {}, `${test.winner > 0 ? "B" : "A"}: `, element("bdi", {}, test.winner > 0 ? names.b : names.a)) : say("not settled");
  return [
    difference,
    cell(whisker(test), "", "metric"),
    cell(number(look, test.resolvable), say("could be missed")),
    cell(test.p < 0.0001 ? "< 0.0001" : test.p.toFixed(4), say("p after Holm")),
    cell(test.counts.length ? test.counts.join(" / ") : "–", say("wins / ties / losses of B")),
    cell(verdict, say("Better"), "verdict"),
  ];
}

/* The interval round zero, on a scale of its own, over the band of what could have been missed. */
function whisker({ difference, low, high, resolvable }) {
  const limit = 1.08 * Math.max(Math.abs(low), Math.abs(high), resolvable) || 1;
  const at = (value) => `${(50 + (50 * value) / limit).toFixed(2)}%`;
  const width = `${((100 * resolvable) / limit).toFixed(2)}%`;
  return drawing("svg", { class: "whisker", "aria-hidden": "true", width: "100%", height: "16" },
    drawing("rect", { class: "band", x: at(-resolvable), width, y: "1", height: "14" }),
    drawing("line", { class: "zero", x1: "50%", x2: "50%", y1: "0", y2: "16" }),
    drawing("line", { class: "range", x1: at(low), x2: at(high), y1: "8", y2: "8" }),
    drawing("circle", { cx: at(difference), cy: "8", r: "3.5" }));
}

function drawing(tag, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function drawExamples(a, b, names) {
  const title = document.getElementById("examples-title");
  const all = document.getElementById("all");
  const query = new URLSearchParams({ sort: "difference", a: data.systems[a].run, b: data.systems[b].run });
  if (data.by) query.set("by", data.by.name);
  all.search = query.toString();
  title.hidden = !data.by;
  if (!data.by) return;
  const found = data.examples[pairOf(a, b)];
  title.textContent = found.length ? say("Where {metric} differs most", { metric: say(data.by.label) }) : say("{metric} is the same for every utterance.", { metric: say(data.by.label) });
  const list = [];
  for (let k = 0; k < found.length; k += 5) list.push(example(found.slice(k, k + 5), a < b, names));
  document.getElementById("examples").replaceChildren(...list);
}

function example([k, ...values], straight, names) {
  const [a, b, scoreA, scoreB] = straight ? values : [values[1], values[0], values[3], values[2]];
  const references = data.references?.[k] ?? [];
  const grams = ngrams(references.map((one) => data.texts[one]));
  const link = element("a", { href: `../utterances/${location.pathname.split("/").pop()}?q=${encodeURIComponent(data.ids[k])}` }, element("code", {}, data.ids[k]));
  const side = (letter, name, text, score) => element("div", {},
    element("dt", {}, `${letter}: `, element("bdi", {}, name), ` · ${(score / 10 ** data.by.decimals).toFixed(data.by.decimals)}`),
    data.texts[text] ? marked("dd", text, grams) : element("dd", {}, say("(blank)")));
  return element("article", { class: "utterance" },
    element("h4", {}, link, " ", data.gold[k] ? element("span", {}, say(data.gold[k])) : undefined),
    data.transcripts?.[k] ? spoken("p", "said", data.transcripts[k]) : undefined,
    references.length ? element("ul", { class: "references-of" }, ...references.map((one) => marked("li", one))) : undefined,
    element("dl", { class: "answers" }, side("A", names.a, a, scoreA), side("B", names.b, b, scoreB)));
}

function drawMatrix(look) {
  matrix.caption.textContent = say("Differences in {metric}", { metric: say(look.label) });
  [...matrix.tBodies[0].rows].forEach((row, r) => {
    [...row.cells].slice(1).forEach((td, c) => {
      const test = r === c ? undefined : testOf(look.name, c, r);
      td.className = `number ${["down", "", "up"][(test?.winner ?? 0) + 1]}${pick.a.value === data.systems[c].run && pick.b.value === data.systems[r].run ? " chosen" : ""}`;
      td.textContent = r === c ? "" : test ? signed(look, test.difference) : "–";
    });
  });
}

/* State. */

function save() {
  const values = { a: pick.a.value, b: pick.b.value, metric: by.elements.metric.value };
  if (values.a === defaults.a && values.b === defaults.b) values.a = values.b = "";
  if (values.metric === defaults.metric) values.metric = "";
  state.write(values);
}

function restore() {
  const query = state.read();
  const unknown = ["a", "b"].map((name) => query.get(name)).filter((run) => run && !places.has(run));
  for (const name of ["a", "b"]) if (places.has(query.get(name))) pick[name].value = query.get(name);
  if (data.metrics.some((one) => one.name === query.get("metric"))) by.elements.metric.value = query.get("metric");
  if (pick.a.value === pick.b.value) {
    const other = query.has("b") && places.has(query.get("b")) ? "a" : "b";
    pick[other].value = data.systems.find((system) => system.run !== pick[other].value).run;
  }
  form.querySelector(".found").textContent = unknown.length ? say("No ranked run here is called {name}.", { name: unknown.join(", ") }) : "";
  refresh();
}
