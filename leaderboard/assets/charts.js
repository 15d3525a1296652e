/* Charts to explore. Expressions are interpreted, for the policy of the page lets nothing be compiled. */
const ERRORS = 1;
const charts = JSON.parse(document.getElementById("charts-data").textContent);
const tip = document.createElement("div");
tip.className = "tip";
tip.hidden = true;
document.body.append(tip);

for (const [id, spec] of Object.entries(charts)) draw(document.getElementById(id), spec);

async function draw(place, spec) {
  try {
    await vegaEmbed(place, spec, {
      mode: "vega-lite",
      renderer: "svg",
      ast: true,
      actions: false,
      defaultStyle: false,
      logLevel: ERRORS,
      tooltip: showTip,
    });
    place.dataset.drawn = "";
  } catch (error) {
    place.textContent = say("This chart could not be drawn: {reason}", { reason: error.message });
  }
}

/* Names and captions come from outside: they are only ever set as text. */
function showTip(_handler, event, _item, value) {
  tip.hidden = value === null || value === undefined || value === "";
  if (tip.hidden) return;
  const rows = typeof value === "object" ? Object.entries(value) : [["", value]];
  tip.replaceChildren(...rows.map(([name, text]) => line(name, text)));
  const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
  const above = event.clientY - tip.offsetHeight - 14;
  tip.style.left = `${Math.max(8, Math.min(room, event.clientX + 14))}px`;
  tip.style.top = `${above < 8 ? event.clientY + 18 : above}px`;
}

function line(name, text) {
  const row = document.createElement("div");
  const label = document.createElement("span");
  label.textContent = name;
  const words = document.createElement("bdi");
  words.textContent = text;
  row.append(label, words);
  return row;
}
