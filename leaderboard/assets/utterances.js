/* Every utterance of a section: searched, ordered, and drawn twenty at a time. */
const PAGE = 20;
const source = document.getElementById("data");
const data = JSON.parse(source.textContent);
const form = document.querySelector("form.filters");
const list = document.getElementById("list");
const pagers = [...document.querySelectorAll("nav.pager")];
const systems = [...form.querySelectorAll("[name=system]")];
const places = new Map(data.systems.map((system, place) => [system.run, place]));
const fields = ["q", "gold", "sort", "by", "a", "b"];
const defaults = Object.fromEntries(fields.map((name) => [name, form.elements[name].value]));
const all = data.ids.map((_, k) => k);
let found = all;
let page = 0;

form.hidden = false;
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("input", () => refresh(0));
whenReset(form, () => refresh(0));
for (const pager of pagers) {
  pager.addEventListener("click", (event) => {
    const step = Number(event.target.closest("button")?.dataset.step ?? 0);
    if (!step) return;
    page += step;
    draw();
    save();
    list.scrollIntoView();
  });
}
restore();

/* What is asked for. */

function shownSystems() {
  return systems.filter((box) => box.checked).map((box) => places.get(box.value));
}

function refresh(to) {
  const { q, gold, sort } = form.elements;
  for (const label of form.querySelectorAll(".pair")) label.hidden = sort.value !== "difference";
  const words = q.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const emotion = data.emotions.indexOf(gold.value);
  found = all.filter((k) => (emotion < 0 || data.gold[k] === emotion) && contains(k, words));
  if (sort.value) {
    const key = new Map(found.map((k) => [k, sortKey(k)]));
    found = [...found].sort((j, k) => key.get(k) - key.get(j) || j - k);
  }
  page = Math.max(0, Math.min(to, Math.ceil(found.length / PAGE) - 1));
  draw();
  save();
}

function contains(k, words) {
  if (!words.length) return true;
  const texts = [data.ids[k], data.transcripts?.[k] ?? "", ...(data.references?.[k] ?? []).map((one) => data.texts[one])];
  for (const s of shownSystems()) texts.push(data.texts[data.answers[s][k]] ?? "");
  const text = texts.join("\n").toLocaleLowerCase();
  return words.every((word) => text.includes(word));
}

/* Scores are in units of their last digit; of emotions, 1 is right and 0 is wrong. */
function score(s, k) {
  const metric = data.metrics.find((one) => one.name === form.elements.by.value);
  return metric ? metric.values[s][k] ?? 0 : Number(right(s, k));
}

function right(s, k) {
  return data.gold[k] >= 0 && data.read[s][k] === 1 << data.gold[k];
}

function sortKey(k) {
  const shown = shownSystems();
  const order = form.elements.sort.value;
  if (order === "difference") {
    return Math.abs(score(places.get(form.elements.b.value), k) - score(places.get(form.elements.a.value), k));
  }
  if (order === "disagreement") return disagreement(shown, k);
  const mean = shown.reduce((sum, s) => sum + score(s, k), 0) / Math.max(1, shown.length);
  return order === "worst" ? -mean : mean;
}

function disagreement(shown, k) {
  if (form.elements.by.value === "emotion") {
    const pairs = shown.flatMap((a, i) => shown.slice(i + 1).map((b) => data.read[a][k] !== data.read[b][k]));
    return pairs.filter(Boolean).length / Math.max(1, pairs.length);
  }
  const values = shown.map((s) => score(s, k));
  const mean = values.reduce((a, b) => a + b, 0) / Math.max(1, values.length);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length));
}

/* Drawing. */

function draw() {
  const some = found.slice(page * PAGE, (page + 1) * PAGE);
  list.replaceChildren(...some.map(utterance));
  const last = Math.ceil(found.length / PAGE) - 1;
  const text = found.length
    ? say("{first} to {last} of {n}", { first: page * PAGE + 1, last: page * PAGE + some.length, n: found.length })
    : say("Nothing fits the search.");
  form.querySelector(".found").textContent = text;
  for (const pager of pagers) {
    pager.hidden = found.length <= PAGE;
    pager.querySelector(".where").textContent = text;
    for (const button of pager.querySelectorAll("button")) {
      button.disabled = Number(button.dataset.step) < 0 ? page <= 0 : page >= last;
    }
  }
}

function utterance(k) {
  const references = data.references?.[k] ?? [];
  const grams = ngrams(references.map((one) => data.texts[one]));
  const gold = data.gold[k] < 0 ? undefined : element("span", {}, say(data.emotions[data.gold[k]]));
  const link = element("a", { href: `?q=${encodeURIComponent(data.ids[k])}` }, element("code", {}, data.ids[k]));
  return element(
    "article",
    { class: "utterance" },
    element("h2", {}, link, " ", gold),
    data.audio?.[k] ? element("audio", { controls: true, preload: "none", src: source.dataset.top + data.audio[k], "aria-label": data.ids[k] }) : undefined,
    data.transcripts?.[k] ? spoken("p", "said", data.transcripts[k]) : undefined,
    references.length ? element("ul", { class: "references-of" }, ...references.map((one) => marked("li", one))) : undefined,
    answers(k, grams),
  );
}

function answers(k, grams) {
  const heads = [say("System"), say("Answer"), say("Emotion"), ...data.metrics.map((metric) => say(metric.label))];
  const rows = shownSystems().map((s) => {
    const scores = data.metrics.map((metric) => element("td", { class: "number", role: "cell", "data-label": say(metric.label) }, number(metric.values[s][k], metric.decimals)));
    const name = element("a", { href: `../runs/${data.systems[s].run}.html` }, element("bdi", {}, data.systems[s].name));
    return element("tr", { role: "row" }, element("th", { scope: "row", role: "rowheader" }, name), answer(s, k, grams), emotions(s, k), ...scores);
  });
  const head = element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...heads.map((text, at) => element("th", { scope: "col", role: "columnheader", class: at > 2 && "number" }, text))));
  const caption = element("caption", { class: "hidden" }, say("Answers for {id}", { id: data.ids[k] }));
  const region = { class: "scroll", role: "region", tabindex: "0", "aria-label": say("Answers for {id}", { id: data.ids[k] }) };
  return element("div", region, element("table", { class: "small answers", role: "table" }, caption, head, element("tbody", { role: "rowgroup" }, ...rows)));
}

function number(value, decimals) {
  return value === null ? "–" : (value / 10 ** decimals).toFixed(decimals);
}

function answer(s, k, grams) {
  const place = data.answers[s][k];
  if (place < 0) return element("td", { role: "cell" }, element("span", { class: "na" }, say("failed")));
  return data.texts[place] ? marked("td", place, grams) : element("td", { role: "cell" }, say("(blank)"));
}

function emotions(s, k) {
  const named = data.emotions.filter((_, one) => (data.read[s][k] >> one) & 1).map((name) => say(name));
  const cell = element("td", { class: "read", role: "cell" }, named.join(", ") || "–");
  if (data.gold[k] >= 0) {
    const sign = element("span", { class: right(s, k) ? "right" : "wrong", role: "img", "aria-label": right(s, k) ? say("right") : say("wrong") }, right(s, k) ? "✓" : "✗");
    cell.prepend(sign, " ");
  }
  return cell;
}

/* State. */

function save() {
  const values = Object.fromEntries(fields.map((name) => [name, form.elements[name].value]));
  for (const name of fields) if (values[name] === defaults[name]) delete values[name];
  if (form.elements.sort.value !== "difference") for (const name of ["a", "b"]) delete values[name];
  const chosen = systems.filter((box) => box.checked).map((box) => box.value);
  const usual = systems.filter((box) => box.defaultChecked).map((box) => box.value);
  if (chosen.join() !== usual.join()) values.show = chosen.join(",") || "none";
  if (page) values.page = String(page + 1);
  state.write(values);
}

function restore() {
  const query = state.read();
  for (const name of fields) {
    const field = form.elements[name];
    if (query.has(name)) field.value = query.get(name);
    if (field instanceof HTMLSelectElement && field.selectedIndex < 0) field.value = defaults[name];
  }
  if (query.has("show")) {
    const wanted = query.get("show").split(",");
    for (const box of systems) box.checked = wanted.includes(box.value);
  }
  refresh(Number(query.get("page") ?? 1) - 1 || 0);
}
