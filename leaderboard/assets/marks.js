/* Captions with marks on what a reference has too, and on emotion words. `source` and `data` are the page's. */

/* Tokens as the metrics cut them, in the text as it was written: each Han character, kana and other caseless letter by
   itself; words and numbers whole, with the point inside a number. */
const SINGLE = String.raw`\p{Lo}\u3005\u3007\u3021-\u3029`;
const POINT = String.raw`(?<=[0-9０-９])[.．](?=[0-9０-９])`;
const TOKEN = new RegExp(`[${SINGLE}]|(?:(?![${SINGLE}])[\\p{L}\\p{N}]|${POINT})+`, "gu");

function tokens(text) {
  return [...text.matchAll(TOKEN)].map((match) => ({
    at: match.index,
    end: match.index + match[0].length,
    key: match[0].normalize("NFKC").toLowerCase(),
  }));
}

function ngrams(texts) {
  const seen = new Set();
  for (const text of texts) {
    const keys = tokens(text).map((token) => token.key);
    for (let n = 1; n <= 4; n += 1) for (let k = 0; k + n <= keys.length; k += 1) seen.add(keys.slice(k, k + n).join(" "));
  }
  return seen;
}

/* The length of the longest n-gram through each token that a reference has. */
function levels(found, grams) {
  const level = found.map(() => 0);
  for (let n = 1; n <= 4; n += 1) {
    for (let k = 0; k + n <= found.length; k += 1) {
      if (grams.has(found.slice(k, k + n).map((token) => token.key).join(" "))) level.fill(n, k, k + n);
    }
  }
  return level;
}

/* A text with its matches and its emotion words, of which `felt` has the ends. */
function marked(tag, place, grams) {
  const text = data.texts[place];
  const ends = data.felt?.[place] ?? [];
  const style = new Array(text.length).fill("");
  if (grams?.size) {
    const cut = tokens(text);
    levels(cut, grams).forEach((level, k) => style.fill(level ? `n${level}` : "", cut[k].at, cut[k].end));
  }
  const felt = new Array(text.length).fill(false);
  for (let k = 0; k < ends.length; k += 2) felt.fill(true, ends[k], ends[k + 1]);
  const parts = [];
  for (let from = 0; from < text.length; ) {
    let to = from + 1;
    while (to < text.length && style[to] === style[from] && felt[to] === felt[from]) to += 1;
    const words = felt[from] ? element("b", { class: "felt" }, text.slice(from, to)) : text.slice(from, to);
    parts.push(style[from] ? element("mark", { class: style[from] }, words) : words);
    from = to;
  }
  return element(tag, { lang: source.dataset.lang, dir: "auto", role: tag === "td" && "cell" }, ...parts);
}

function spoken(tag, style, text) {
  return element(tag, { class: style, lang: source.dataset.lang, dir: "auto" }, text);
}
